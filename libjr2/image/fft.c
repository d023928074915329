/* SPDX-License-Identifier: MIT
 * Radix-2 transforms: bit reversal, then butterflies. Columns go eight at a time, so that whole cache lines are used. */
#include "image/fft.h"

#include <math.h>
#include <string.h>

#define COLUMNS 8 /* a 64-byte line of complex numbers */

float *jr2i_fft_table(const jr2i_env *env, int32_t size)
{
    float *table = jr2i_alloc(env, (size_t)size, sizeof(float));
    for (int32_t k = 0; table && k < size / 2; k++) {
        double angle = 6.283185307179586 * k / size;
        table[2 * k] = (float)cos(angle);
        table[2 * k + 1] = (float)-sin(angle);
    }
    return table;
}

/* Transforms `lanes` interleaved sequences: element i of lane j is the complex number at i * lanes + j. */
static void transform(float *data, int32_t count, int32_t lanes, const float *table, int32_t table_size, float sign)
{
    for (int32_t i = 1, j = 0; i < count; i++) {
        int32_t bit = count >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j)
            for (int32_t k = 0; k < 2 * lanes; k++) {
                float t = data[(size_t)i * 2 * lanes + k];
                data[(size_t)i * 2 * lanes + k] = data[(size_t)j * 2 * lanes + k];
                data[(size_t)j * 2 * lanes + k] = t;
            }
    }
    for (int32_t half = 1; half < count; half *= 2) {
        int32_t step = table_size / (2 * half);
        for (int32_t start = 0; start < count; start += 2 * half)
            for (int32_t k = 0; k < half; k++) {
                float c = table[2 * (size_t)k * step], s = sign * table[2 * (size_t)k * step + 1];
                float *a = data + (size_t)(start + k) * 2 * lanes, *b = a + (size_t)half * 2 * lanes;
                for (int32_t j = 0; j < 2 * lanes; j += 2) {
                    float re = c * b[j] - s * b[j + 1], im = c * b[j + 1] + s * b[j];
                    b[j] = a[j] - re;
                    b[j + 1] = a[j + 1] - im;
                    a[j] += re;
                    a[j + 1] += im;
                }
            }
    }
}

void jr2i_fft(float *data, int32_t count, const float *table, int32_t table_size, int32_t inverse)
{
    transform(data, count, 1, table, table_size, inverse ? -1.f : 1.f);
}

void jr2i_fft_square(float *data, int32_t size, const float *table, int32_t table_size, int32_t inverse, int32_t rows0, int32_t rows1)
{
    float line[2 * COLUMNS * JR2I_FFT_MAX];
    float sign = inverse ? -1.f : 1.f;
    for (int32_t y = 0; y < size; y++)
        if (y < rows0 || y >= rows1)
            transform(data + (size_t)y * size * 2, size, 1, table, table_size, sign);
    int32_t lanes = size < COLUMNS ? size : COLUMNS;
    for (int32_t x = 0; x < size; x += lanes) {
        for (int32_t y = 0; y < size; y++)
            memcpy(line + (size_t)y * 2 * lanes, data + ((size_t)y * size + x) * 2, sizeof(float) * 2 * (size_t)lanes);
        transform(line, size, lanes, table, table_size, sign);
        for (int32_t y = 0; y < size; y++)
            memcpy(data + ((size_t)y * size + x) * 2, line + (size_t)y * 2 * lanes, sizeof(float) * 2 * (size_t)lanes);
    }
}
