/* SPDX-License-Identifier: MIT
 * Matrix product through OpenBLAS, or by rows that the compiler vectorises. */
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

/* Four rows of a by one panel of b, so that each row of b read serves four rows of c. */
static void rows4(int32_t n, int32_t k, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, float *restrict c,
                  ptrdiff_t c_stride)
{
    float *restrict c0 = c, *restrict c1 = c + c_stride, *restrict c2 = c + 2 * c_stride, *restrict c3 = c + 3 * c_stride;
    for (int32_t l = 0; l < k; l++) {
        const float *row = b + l * b_stride;
        const float a0 = a[l], a1 = a[a_stride + l], a2 = a[2 * a_stride + l], a3 = a[3 * a_stride + l];
        for (int32_t j = 0; j < n; j++) {
            c0[j] += a0 * row[j];
            c1[j] += a1 * row[j];
            c2[j] += a2 * row[j];
            c3[j] += a3 * row[j];
        }
    }
}

static void rows1(int32_t n, int32_t k, const float *a, const float *b, ptrdiff_t b_stride, float *restrict c)
{
    for (int32_t l = 0; l < k; l++) {
        const float *row = b + l * b_stride;
        for (int32_t j = 0; j < n; j++)
            c[j] += a[l] * row[j];
    }
}

void jr2i_gemm(int32_t m, int32_t n, int32_t k, const float *a, int32_t a_stride, const float *b, int32_t b_stride, int32_t add,
               float *c, int32_t c_stride)
{
    enum { PANEL = 128 }; /* columns at a time: four rows of c stay in the first cache */
    for (int32_t i = 0; i < m && !add; i++)
        memset(c + (ptrdiff_t)i * c_stride, 0, (size_t)n * sizeof *c);
    for (int32_t j = 0; j < n; j += PANEL) {
        const int32_t columns = n - j < PANEL ? n - j : PANEL;
        int32_t i = 0;
        for (; i + 4 <= m; i += 4)
            rows4(columns, k, a + (ptrdiff_t)i * a_stride, a_stride, b + j, b_stride, c + (ptrdiff_t)i * c_stride + j, c_stride);
        for (; i < m; i++)
            rows1(columns, k, a + (ptrdiff_t)i * a_stride, b + j, b_stride, c + (ptrdiff_t)i * c_stride + j);
    }
}

const char *jr2i_gemm_name(void)
{
    return "own";
}
#endif
