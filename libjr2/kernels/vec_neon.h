/* SPDX-License-Identifier: MIT
 * The vector words of the kernel bodies in AArch64 NEON. Four lanes, so a channel block is four vectors; 32 registers. */
#ifndef JR2I_KERNELS_VEC_H
#define JR2I_KERNELS_VEC_H

#include <arm_neon.h>

#define JR2I_VEC_NAME neon
#define JR2I_VEC_TEXT "neon"
#define VL 4
typedef float32x4_t vf;
#define V_LOAD(p) vld1q_f32(p)
#define V_LOAD_HALF(p) vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))
#define V_STORE(p, a) vst1q_f32(p, a)
#define V_SET1(s) vdupq_n_f32(s)
#define V_ZERO() vdupq_n_f32(0.0f)
#define V_ADD(a, b) vaddq_f32(a, b)
#define V_SUB(a, b) vsubq_f32(a, b)
#define V_MUL(a, b) vmulq_f32(a, b)
#define V_DIV(a, b) vdivq_f32(a, b)
#define V_FMA(a, b, c) vfmaq_f32(c, a, b)
#define V_MAX(a, b) vmaxq_f32(a, b)
#define V_MIN(a, b) vminq_f32(a, b)
#define V_ROUND(a) vrndnq_f32(a)
#define V_SCALE2(a, n) vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23)))
#define V_SUMS(to, a, b, c, d) vst1q_f32(to, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d))) /* the sums of the lanes of each into to[0..3] */

#define PANEL_BLOCKS 1
#define PIXELS_1 6

#endif
