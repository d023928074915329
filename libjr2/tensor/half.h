/* SPDX-License-Identifier: MIT
 * IEEE 754 binary16 to binary32, exact for every one of the 65536 values, and back where that loses nothing; portable, no intrinsics. */
#ifndef JR2I_TENSOR_HALF_H
#define JR2I_TENSOR_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float jr2i_half_to_float(uint16_t h)
{
    /* Exponent and mantissa move into place scaled by 2^-112; the multiplication renormalises subnormals too. */
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    const uint32_t scale_bits = 0x77800000; /* 2^112 */
    float value, scale;
    memcpy(&value, &magnitude, 4);
    memcpy(&scale, &scale_bits, 4);
    value *= scale;
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if ((h & 0x7c00) == 0x7c00) /* infinity and NaN keep their exponent */
        bits = 0x7f800000 | ((uint32_t)(h & 0x3ff) << 13);
    bits |= (uint32_t)(h & 0x8000) << 16;
    memcpy(&value, &bits, 4);
    return value;
}

/* values (count), finite, as halves. Returns 0 where one of them is no half; then `halves` means nothing. */
static inline int jr2i_as_halves(const float *values, size_t count, uint16_t *halves)
{
    uint32_t lost = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t down_bits = 0x07800000; /* 2^-112 */
        uint32_t bits, scaled_bits;
        float down, scaled;
        memcpy(&bits, &values[i], 4);
        memcpy(&down, &down_bits, 4);
        scaled = values[i] * down;
        memcpy(&scaled_bits, &scaled, 4);
        halves[i] = (uint16_t)((bits >> 16 & 0x8000) | (scaled_bits >> 13 & 0x7fff));
        scaled = jr2i_half_to_float(halves[i]);
        memcpy(&scaled_bits, &scaled, 4);
        lost |= scaled_bits ^ bits;
    }
    return lost == 0;
}

#endif
