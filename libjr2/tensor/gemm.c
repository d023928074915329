/* SPDX-License-Identifier: MIT
 * Matrix product through OpenBLAS, or by small tiles that the compiler vectorises. */
#include "gemm.h"

#ifdef JR2_WITH_OPENBLAS
#include <cblas.h>

void jr2i_gemm(int32_t m, int32_t n, int32_t k, const float *a, int32_t a_stride, const float *b, int32_t b_stride, int32_t add,
               float *c, int32_t c_stride)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0f, a, a_stride, b, b_stride, add ? 1.0f : 0.0f, c, c_stride);
}

const char *jr2i_gemm_name(void)
{
    return "openblas";
}
#else
#include <stddef.h>
#include <string.h>

enum { ROWS = 4, COLUMNS = 8 }; /* a tile of c that fits the registers of any processor with vectors of four */

typedef float vector4 __attribute__((vector_size(16))); /* of GCC and clang; plain code where a processor has none */

static inline vector4 load4(const float *p)
{
    vector4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void tile(int32_t k, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, int32_t add, float *c, ptrdiff_t c_stride)
{
    const float *a0 = a, *a1 = a + a_stride, *a2 = a1 + a_stride, *a3 = a2 + a_stride;
    vector4 s00 = { 0 }, s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
    for (int32_t l = 0; l < k; l++, b += b_stride) {
        const vector4 b0 = load4(b), b1 = load4(b + 4);
        s00 += b0 * a0[l];
        s01 += b1 * a0[l];
        s10 += b0 * a1[l];
        s11 += b1 * a1[l];
        s20 += b0 * a2[l];
        s21 += b1 * a2[l];
        s30 += b0 * a3[l];
        s31 += b1 * a3[l];
    }
    const vector4 sums[ROWS][2] = { { s00, s01 }, { s10, s11 }, { s20, s21 }, { s30, s31 } };
    for (int32_t i = 0; i < ROWS; i++)
        for (int32_t j = 0; j < COLUMNS; j++)
            c[i * c_stride + j] = sums[i][j / 4][j % 4] + (add ? c[i * c_stride + j] : 0);
}

/* What does not fill a tile. */
static void edge(int32_t m, int32_t n, int32_t k, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, int32_t add,
                 float *c, ptrdiff_t c_stride)
{
    for (int32_t i = 0; i < m; i++)
        for (int32_t j = 0; j < n; j++) {
            float sum = 0;
            for (int32_t l = 0; l < k; l++)
                sum += a[i * a_stride + l] * b[l * b_stride + j];
            c[i * c_stride + j] = sum + (add ? c[i * c_stride + j] : 0);
        }
}

void jr2i_gemm(int32_t m, int32_t n, int32_t k, const float *a, int32_t a_stride, const float *b, int32_t b_stride, int32_t add,
               float *c, int32_t c_stride)
{
    const int32_t rows = m / ROWS * ROWS, columns = n / COLUMNS * COLUMNS;
    for (int32_t j = 0; j < columns; j += COLUMNS)
        for (int32_t i = 0; i < rows; i += ROWS)
            tile(k, a + (ptrdiff_t)i * a_stride, a_stride, b + j, b_stride, add, c + (ptrdiff_t)i * c_stride + j, c_stride);
    edge(rows, n - columns, k, a, a_stride, b + columns, b_stride, add, c + columns, c_stride);
    edge(m - rows, n, k, a + (ptrdiff_t)rows * a_stride, a_stride, b, b_stride, add, c + (ptrdiff_t)rows * c_stride, c_stride);
}

const char *jr2i_gemm_name(void)
{
    return "own";
}
#endif
