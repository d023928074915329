/* SPDX-License-Identifier: MIT
 * The micro-benchmark of the kernels, of test_kernels.c --bench. */
#ifndef JR2_TESTS_KERNEL_BENCH_H
#define JR2_TESTS_KERNEL_BENCH_H

#include <time.h>

#include "kernel_maps.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef void bench_fn(const jr2i_kernels *table, void *q);

static void report(const char *text, const jr2i_kernels *table, bench_fn *fn, void *q, double operations)
{
    double best = 1e9, start = now();
    for (int n = 0; n < 5 || (now() - start < 0.2 && n < 2000); n++) {
        double t = now();
        fn(table, q);
        t = now() - t;
        if (t < best)
            best = t;
    }
    printf("%-44s %-7s %9.4f ms %8.1f GFLOP/s\n", text, table->name, best * 1e3, operations / best * 1e-9);
}

typedef struct {
    jr2i_conv conv;
    jr2i_wino wino;
    jr2i_depthwise depthwise;
    jr2i_conv_few few;
    float *v, *m, *x, *w, *b, *y;
    int32_t height, tiles, tile_block, inputs;
} bench;

static void bench_conv(const jr2i_kernels *t, void *p)
{
    const bench *q = p;
    jr2i_conv conv = q->conv;
    for (int32_t i = 0; i < conv.panels; i++) {
        conv.weights = q->w + (ptrdiff_t)jr2i_panel_start(conv.blocks, conv.panels, i) * 16 * conv.chunks * conv.chunk;
        t->conv(&conv, i, 0, q->height);
    }
}

static void bench_wino(const jr2i_kernels *t, void *p)
{
    const bench *q = p;
    const int32_t points = (q->wino.tile + 2) * (q->wino.tile + 2);
    for (int32_t first = 0; first < q->tiles; first += q->tile_block) {
        const int32_t n = q->tiles - first < q->tile_block ? q->tiles - first : q->tile_block;
        for (int32_t b = 0; b < q->wino.in_blocks; b++)
            t->wino_input(&q->wino, b, first, n, q->v);
        for (int32_t i = 0; i < points; i++)
            multiply(t, &q->wino, i, n, q->w, q->v, q->m);
        for (int32_t b = 0; b < q->wino.out_blocks; b++)
            t->wino_output(&q->wino, b, first, n, q->m);
    }
}

static void bench_depthwise(const jr2i_kernels *t, void *p)
{
    const bench *q = p;
    for (int32_t b = 0; b < q->inputs / 16; b++)
        t->depthwise(&q->depthwise, b, 0, q->height);
}

static void bench_few(const jr2i_kernels *t, void *p)
{
    const bench *q = p;
    t->conv_few(&q->few, 0, q->height);
}

static void bench_linear(const jr2i_kernels *t, void *p)
{
    const bench *q = p;
    for (int32_t i = 0; i < 4; i++)
        t->linear(q->x, q->inputs, q->w + (ptrdiff_t)i * 64 * q->inputs, q->b, 1, q->y + i * 64);
}

static void bench_shape(const jr2i_kernels *t, int32_t in, int32_t out, int32_t size, int32_t stride)
{
    char text[80];
    const int32_t planar = in < 16, os = size / stride;
    map x = new_map(planar ? in : jr2i_blocks(in), size, size, planar ? 1 : 16, 1), y = new_map(jr2i_blocks(out), os, os, 16, 1);
    float *w = new_floats((size_t)(in * out * 9), 1), *bias = new_floats((size_t)out + 16, 1);
    float *packed = new_floats(jr2i_pack_wino_size(out, in, 4), 0);
    ptrdiff_t *offset = malloc(sizeof *offset * (size_t)(in + 16) * 9);
    bench q = { .height = os, .w = packed };
    q.conv = (jr2i_conv){ .x = x.p, .x_row = x.row * stride, .x_step = x.lanes * stride, .offset = offset, .chunk = planar ? 3 : 16,
                          .bias = bias, .blocks = jr2i_blocks(out), .y = y.p, .y_row = y.row, .y_block = y.block,
                          .width = os, .act = 1 };
    q.conv.panels = jr2i_panel_count(q.conv.blocks, t->panel_blocks);
    q.conv.chunks = jr2i_conv_offsets(in, 3, planar, x.row, x.block, offset);
    jr2i_pack_conv(w, out, in, 3, planar, t->panel_blocks, packed);
    const double operations = 2.0 * in * out * 9 * os * os;
    snprintf(text, sizeof text, "direct 3x3 s%d %d->%d to %dx%d", (int)stride, (int)in, (int)out, (int)os, (int)os);
    report(text, t, bench_conv, &q, operations);
    for (int32_t tile = 4; tile >= 2 && stride == 1 && !planar; tile -= 2) {
        const int32_t points = (tile + 2) * (tile + 2);
        q.tiles = (size / tile) * (size / tile);
        jr2i_pack_wino(w, out, in, tile, t->panel_blocks, packed);
        q.wino = (jr2i_wino){ .tile = tile, .in_blocks = jr2i_blocks(in), .out_blocks = jr2i_blocks(out), .panels = q.conv.panels,
                              .tiles_x = size / tile, .x = x.p, .x_row = x.row, .x_block = x.block, .bias = bias,
                              .y = y.p, .y_row = y.row, .y_block = y.block, .act = 1 };
        q.v = new_floats((size_t)points * (size_t)jr2i_wino_stride(jr2i_blocks(in), q.tiles), 0);
        q.m = new_floats((size_t)points * (size_t)jr2i_wino_stride(jr2i_blocks(out), q.tiles), 0);
        for (int32_t block = 16; block <= 128; block *= 2) {
            q.tile_block = block < q.tiles ? block : q.tiles;
            snprintf(text, sizeof text, "winograd F%d %d->%d at %dx%d, %d tiles", (int)tile, (int)in, (int)out, (int)size, (int)size, (int)q.tile_block);
            report(text, t, bench_wino, &q, operations);
            if (block >= q.tiles)
                break;
        }
        if (tile == 4 && size >= 32) {
            q.wino.upsample = 1;
            snprintf(text, sizeof text, "doubled + F4 %d->%d at %dx%d", (int)in, (int)out, (int)size, (int)size);
            report(text, t, bench_wino, &q, operations);
        }
        free(q.v); free(q.m);
    }
    free(x.memory); free(y.memory); free(w); free(bias); free(packed); free(offset);
}

static int run_bench(void)
{
    static const int32_t shapes[][4] = { { 3, 32, 128, 2 }, { 32, 48, 64, 2 }, { 48, 96, 32, 2 }, { 96, 192, 16, 2 }, { 32, 32, 64, 1 },
                                         { 48, 48, 32, 1 }, { 96, 96, 16, 1 }, { 192, 192, 8, 1 }, { 64, 64, 10, 1 }, { 256, 256, 32, 1 },
                                         { 128, 64, 128, 1 } };
    for (int t = 0; t < table_count; t++) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            bench_shape(tables[t], shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3]);
        bench q = { .inputs = 4096 };
        q.x = new_floats(4096, 1); q.w = new_floats(4096 * 256, 1); q.b = new_floats(256, 1); q.y = new_floats(256, 0);
        report("linear 4096->256", tables[t], bench_linear, &q, 2.0 * 4096 * 256);
        free(q.x); free(q.w); free(q.b); free(q.y);
        map x = new_map(8, 128, 128, 16, 1), y = new_map(8, 128, 128, 16, 1);
        float *w = new_floats(128 * 9 * 4, 1), *b = new_floats(128, 1);
        q = (bench){ .inputs = 128, .height = 128 };
        q.depthwise = (jr2i_depthwise){ .x = x.p, .x_row = x.row, .x_block = x.block, .stride = 1, .weights = w, .bias = b, .y = y.p,
                                        .y_row = y.row, .y_block = y.block, .width = 128, .act = 1 };
        report("depthwise 3x3 128 at 128x128", tables[t], bench_depthwise, &q, 2.0 * 128 * 9 * 128 * 128);
        q.few = (jr2i_conv_few){ .x = x.p, .x_row = x.row, .x_block = x.block, .in_blocks = 4, .out_channels = 3, .weights = w, .bias = b,
                                 .y = y.p, .y_row = 128, .y_plane = 128 * 128, .width = 128, .act = 0 };
        report("conv 3x3 64->3 at 128x128", tables[t], bench_few, &q, 2.0 * 64 * 3 * 9 * 128 * 128);
        free(x.memory); free(y.memory); free(w); free(b);
    }
    return 0;
}

#endif
