/* SPDX-License-Identifier: MIT
 * Which instruction sets may be used: what the processor has, the operating system saves, and JR2_CPU permits. */
#ifndef JR2I_BASE_CPU_H
#define JR2I_BASE_CPU_H

#include <stdint.h>

enum {
    JR2I_CPU_AVX2 = 1, /* with FMA and F16C */
    JR2I_CPU_AVX512 = 2, /* F, BW, DQ and VL */
    JR2I_CPU_NEON = 4 /* AArch64 */
};

/* Flags of this processor, masked by the environment variable JR2_CPU when it is set: "c" none, "avx2" and "neon" that
 * one, "avx512" it and avx2; any other text masks nothing. Asks anew at each call: callers keep the answer. */
uint32_t jr2i_cpu_flags(void);
const char *jr2i_cpu_name(uint32_t flags); /* the best of them: "avx512", "avx2", "neon" or "c" */

#endif
