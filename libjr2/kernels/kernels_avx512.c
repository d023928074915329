/* SPDX-License-Identifier: MIT
 * The kernels compiled for AVX-512. */
#include "kernels.h"
#include "vec_avx512.h"

#include "body_act.h"
#include "body_conv.h"
#include "body_winograd.h"
#include "body_planes.h"
