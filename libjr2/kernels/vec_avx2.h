/* SPDX-License-Identifier: MIT
 * The vector words of the kernel bodies in AVX2 with FMA. Eight lanes, so a channel block is two vectors; 16 registers. */
#ifndef JR2I_KERNELS_VEC_H
#define JR2I_KERNELS_VEC_H

#include <immintrin.h>

#define JR2I_VEC_NAME avx2
#define JR2I_VEC_TEXT "avx2"
#define VL 8
typedef __m256 vf;
#define V_LOAD(p) _mm256_loadu_ps(p)
#define V_LOAD_HALF(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define V_STORE(p, a) _mm256_storeu_ps(p, a)
#define V_SET1(s) _mm256_set1_ps(s)
#define V_ZERO() _mm256_setzero_ps()
#define V_ADD(a, b) _mm256_add_ps(a, b)
#define V_SUB(a, b) _mm256_sub_ps(a, b)
#define V_MUL(a, b) _mm256_mul_ps(a, b)
#define V_DIV(a, b) _mm256_div_ps(a, b)
#define V_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define V_MAX(a, b) _mm256_max_ps(a, b)
#define V_MIN(a, b) _mm256_min_ps(a, b)
#define V_ROUND(a) _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define V_SCALE2(a, n) \
    _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)))

static inline void v_sums_avx2(float *to, __m256 a, __m256 b, __m256 c, __m256 d)
{
    const __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}
#define V_SUMS(to, a, b, c, d) v_sums_avx2(to, a, b, c, d) /* the sums of the lanes of each into to[0..3] */

#define PANEL_BLOCKS 1
#define PIXELS_1 6

#endif
