/* SPDX-License-Identifier: MIT
 * The kernels compiled for NEON. */
#include "kernels.h"
#include "vec_neon.h"

#include "body_act.h"
#include "body_conv.h"
#include "body_winograd.h"
#include "body_planes.h"
