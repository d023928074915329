/* SPDX-License-Identifier: MIT
 * Processor detection. On x86 the registers count only when XGETBV says that the system saves them. */
#include "cpu.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

static uint32_t detect(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    const uint32_t need = 1u << 12 /* FMA */ | 1u << 27 /* OSXSAVE */ | 1u << 28 /* AVX */ | 1u << 29 /* F16C */;
    if ((c & need) != need)
        return 0;
    uint32_t saved, saved_high;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(saved_high) : "c"(0));
    if ((saved & 0x06) != 0x06) /* XMM, YMM */
        return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5))
        return 0;
    uint32_t flags = JR2I_CPU_AVX2;
    const uint32_t avx512 = 1u << 16 /* F */ | 1u << 17 /* DQ */ | 1u << 30 /* BW */ | 1u << 31 /* VL */;
    if ((b & avx512) == avx512 && (saved & 0xe0) == 0xe0) /* opmask, ZMM 0-15, ZMM 16-31 */
        flags |= JR2I_CPU_AVX512;
    return flags;
}
#elif defined(__aarch64__)
static uint32_t detect(void)
{
    return JR2I_CPU_NEON; /* part of the base architecture */
}
#else
static uint32_t detect(void)
{
    return 0;
}
#endif

uint32_t jr2i_cpu_flags(void)
{
    uint32_t flags = detect();
    const char *mask = getenv("JR2_CPU");
    if (!mask)
        return flags;
    if (strcmp(mask, "c") == 0)
        return 0;
    if (strcmp(mask, "avx2") == 0)
        return flags & JR2I_CPU_AVX2;
    if (strcmp(mask, "avx512") == 0)
        return flags & (JR2I_CPU_AVX2 | JR2I_CPU_AVX512);
    if (strcmp(mask, "neon") == 0)
        return flags & JR2I_CPU_NEON;
    return flags;
}

const char *jr2i_cpu_name(uint32_t flags)
{
    if (flags & JR2I_CPU_AVX512)
        return "avx512";
    if (flags & JR2I_CPU_AVX2)
        return "avx2";
    return flags & JR2I_CPU_NEON ? "neon" : "c";
}
