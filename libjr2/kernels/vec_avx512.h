/* SPDX-License-Identifier: MIT
 * The vector words of the kernel bodies in AVX-512 (F, BW, DQ, VL). Sixteen lanes; 32 registers. */
#ifndef JR2I_KERNELS_VEC_H
#define JR2I_KERNELS_VEC_H

#include <immintrin.h>

#define JR2I_VEC_NAME avx512
#define JR2I_VEC_TEXT "avx512"
#define VL 16
typedef __m512 vf;
#define V_LOAD(p) _mm512_loadu_ps(p)
#define V_LOAD_HALF(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define V_STORE(p, a) _mm512_storeu_ps(p, a)
#define V_SET1(s) _mm512_set1_ps(s)
#define V_ZERO() _mm512_setzero_ps()
#define V_ADD(a, b) _mm512_add_ps(a, b)
#define V_SUB(a, b) _mm512_sub_ps(a, b)
#define V_MUL(a, b) _mm512_mul_ps(a, b)
#define V_DIV(a, b) _mm512_div_ps(a, b)
#define V_FMA(a, b, c) _mm512_fmadd_ps(a, b, c) /* a * b + c */
#define V_MAX(a, b) _mm512_max_ps(a, b) /* b when either is NaN */
#define V_MIN(a, b) _mm512_min_ps(a, b)
#define V_ROUND(a) _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define V_SCALE2(a, n) _mm512_scalef_ps(a, n) /* a * 2^n, n whole */
static inline __m256 v_halves_avx512(__m512 a)
{
    return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
}
static inline void v_sums_avx512(float *to, __m512 a, __m512 b, __m512 c, __m512 d)
{
    const __m256 ab = _mm256_hadd_ps(v_halves_avx512(a), v_halves_avx512(b)), cd = _mm256_hadd_ps(v_halves_avx512(c), v_halves_avx512(d));
    const __m256 s = _mm256_hadd_ps(ab, cd);
    _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}
#define V_SUMS(to, a, b, c, d) v_sums_avx512(to, a, b, c, d) /* the sums of the lanes of each into to[0..3] */

/* Panel blocks and, for each, the pixels of the largest register tile: pixels * blocks accumulators. */
#define PANEL_BLOCKS 4
#define PIXELS_1 14
#define PIXELS_2 12
#define PIXELS_3 8
#define PIXELS_4 6

#endif
