/* SPDX-License-Identifier: MIT
 * Matrix product, the only door to BLAS: OpenBLAS when built with WITH_BLAS=openblas, else an own plain version. The
 * networks use it where there are no SIMD kernels of our own. It changes no setting of OpenBLAS, so the thread count that
 * the process gave OpenBLAS applies inside one call; the library never depends on it for its own thread count. */
#ifndef JR2I_TENSOR_GEMM_H
#define JR2I_TENSOR_GEMM_H

#include <stdint.h>

/* c (m, n) = a (m, k) b (k, n), or c + a b when add is not 0; row-major, strides in floats. */
void jr2i_gemm(int32_t m, int32_t n, int32_t k, const float *a, int32_t a_stride, const float *b, int32_t b_stride, int32_t add,
               float *c, int32_t c_stride);

const char *jr2i_gemm_name(void); /* "openblas" or "own" */

#endif
