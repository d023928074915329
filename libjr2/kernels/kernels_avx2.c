/* SPDX-License-Identifier: MIT
 * The kernels compiled for AVX2. */
#include "kernels.h"
#include "vec_avx2.h"

#include "body_act.h"
#include "body_conv.h"
#include "body_winograd.h"
#include "body_planes.h"
