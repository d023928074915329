/* SPDX-License-Identifier: MIT
 * The activations of the C reference. */
#ifndef JR2I_KERNELS_ACT_C_H
#define JR2I_KERNELS_ACT_C_H

#include <math.h>

#include "kernels.h"

static inline float act_c(float x, int32_t act)
{
    switch (act) {
    case JR2I_ACT_RELU:
        return x > 0 ? x : 0;
    case JR2I_ACT_LEAKY:
        return x > 0 ? x : 0.1f * x;
    case JR2I_ACT_SILU:
        return x / (1 + expf(-x));
    case JR2I_ACT_SIGMOID:
        return 1 / (1 + expf(-x));
    default:
        return x;
    }
}

#endif
