/* SPDX-License-Identifier: MIT
 * What the tests of the kernels and their micro-benchmark share: random maps with guards around them, and the tables of this processor. */
#ifndef JR2_TESTS_KERNEL_MAPS_H
#define JR2_TESTS_KERNEL_MAPS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/pack.h"

#define GUARD 1234.5f

static uint32_t seed = 1;

static inline uint32_t random_bits(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static int32_t random_int(int32_t low, int32_t high) /* both included */
{
    return low + (int32_t)(random_bits() % (uint32_t)(high - low + 1));
}

static inline float random_float(void)
{
    return (float)random_bits() / 8388608.0f - 1.0f;
}

static inline float *new_floats(size_t n, int fill)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, (n + 16) * sizeof(float)) != 0)
        abort();
    float *f = p;
    for (size_t i = 0; i < n + 16; i++)
        f[i] = fill ? random_float() : GUARD;
    return f;
}

/* A map with a margin of guards all around, so that a write past any edge of rows, columns or blocks shows. */
typedef struct {
    float *memory, *p; /* p: pixel (0, 0) */
    size_t size;
    ptrdiff_t row, block;
    int32_t lanes;
} map;

static inline map new_map(int32_t blocks, int32_t height, int32_t width, int32_t lanes, int fill)
{
    map m;
    const int32_t margin = 6;
    m.lanes = lanes;
    m.row = (ptrdiff_t)(width + 2 * margin) * lanes;
    m.block = m.row * (height + 2 * margin);
    m.size = (size_t)(m.block * blocks);
    m.memory = new_floats(m.size, fill);
    m.p = m.memory + margin * m.row + margin * lanes;
    return m;
}

static inline map copy_map(const map *m)
{
    map c = *m;
    c.memory = new_floats(m->size, 0);
    memcpy(c.memory, m->memory, m->size * sizeof(float));
    c.p = c.memory + (m->p - m->memory);
    return c;
}

/* The largest difference of all floats, guards included, relative to the scale; the guards must be the same bits. */
static inline double difference(const char *what, const char *version, const float *a, const float *b, size_t n, double scale)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst))
            worst = d;
        if (isnan(b[i]) || ((a[i] == GUARD) != (b[i] == GUARD))) {
            printf("%s, %s: float %zu is %g, the reference has %g\n", what, version, i, (double)b[i], (double)a[i]);
            return INFINITY;
        }
    }
    if (worst > scale)
        printf("%s, %s: difference %g, allowed %g\n", what, version, worst, scale);
    return worst / scale;
}

static const jr2i_kernels *tables[4];
static int table_count;

static inline void find_tables(void)
{
    uint32_t flags = jr2i_cpu_flags();
    table_count = 0;
#if defined(__x86_64__) || defined(__i386__)
    if (flags & JR2I_CPU_AVX2)
        tables[table_count++] = &jr2i_kernels_avx2;
    if (flags & JR2I_CPU_AVX512)
        tables[table_count++] = &jr2i_kernels_avx512;
#elif defined(__aarch64__)
    if (flags & JR2I_CPU_NEON)
        tables[table_count++] = &jr2i_kernels_neon;
#endif
    (void)flags;
}

static inline int rounds(int n)
{
    return getenv("JR2_SMALL_TESTS") ? (n + 9) / 10 : n;
}


/* All panels of a point. */
static inline void multiply(const jr2i_kernels *table, const jr2i_wino *q, int32_t point, int32_t n, const float *packed, const float *v, float *m)
{
    const ptrdiff_t in = q->in_blocks * 16, all = in * q->out_blocks * 16;
    for (int32_t p = 0; p < q->panels; p++)
        table->wino_multiply(q, p, point, n, packed + point * all + jr2i_panel_start(q->out_blocks, q->panels, p) * 16 * in, v, m);
}

#endif
