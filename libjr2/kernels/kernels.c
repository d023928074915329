/* SPDX-License-Identifier: MIT
 * Picks the kernel table: falls through the cpu flags from the plainest to the best. */
#include "kernels.h"

#include "base/cpu.h"

const jr2i_kernels *jr2i_kernels_pick(uint32_t cpu_flags)
{
    const jr2i_kernels *table = &jr2i_kernels_c;
#if defined(__x86_64__) || defined(__i386__)
    if (cpu_flags & JR2I_CPU_AVX2)
        table = &jr2i_kernels_avx2;
    if (cpu_flags & JR2I_CPU_AVX512)
        table = &jr2i_kernels_avx512;
#elif defined(__aarch64__)
    if (cpu_flags & JR2I_CPU_NEON)
        table = &jr2i_kernels_neon;
#else
    (void)cpu_flags;
#endif
    return table;
}
