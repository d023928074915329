/* SPDX-License-Identifier: MIT
 * Every SIMD version of every kernel against the C reference: random shapes, strides, tails, activations, with guards
 * around each output. `--bench` prints a micro-benchmark instead. Built with JR2_NO_CHECK it needs no Check library, for
 * cross-compiled runs. */
#include "kernel_bench.h"
#include "suite.h"
#include "tensor/half.h"

#ifndef JR2_NO_CHECK
#include <check.h>
#endif

static int check_conv(void)
{
    for (int round = 0; round < rounds(60); round++) {
        const int32_t planar = random_int(0, 3) == 0, k = random_int(0, 1) ? 3 : 1, stride = random_int(1, 2);
        const int32_t in = planar ? random_int(1, 4) : random_int(1, 50), out = random_int(1, 130);
        const int32_t oh = random_int(1, 5), ow = random_int(1, 40), blocks = jr2i_blocks(out);
        const int32_t in_groups = planar ? in : jr2i_blocks(in), act = random_int(0, 4);
        map x = new_map(in_groups, oh * stride, ow * stride, planar ? 1 : 16, 1);
        map y0 = new_map(blocks, oh, ow, 16, 0), res = new_map(blocks, oh, ow, 16, 1);
        const int use_residual = random_int(0, 1);
        float *w = new_floats((size_t)(out * in * k * k), 1), *bias = new_floats((size_t)blocks * 16, 1);
        ptrdiff_t *offset = malloc(sizeof *offset * (size_t)(in_groups * 9));
        jr2i_conv q = { .x = x.p, .x_row = x.row * stride, .x_step = x.lanes * stride, .offset = offset,
                        .chunk = planar ? k : 16, .bias = bias, .blocks = blocks, .y_row = y0.row, .y_block = y0.block,
                        .residual = use_residual ? res.p : NULL, .width = ow, .act = act };
        q.chunks = jr2i_conv_offsets(in, k, planar, x.row, x.block, offset);
        float *packed = new_floats(jr2i_pack_conv_size(out, in, k, planar), 0);
        for (int t = -1; t < table_count; t++) {
            const jr2i_kernels *table = t < 0 ? &jr2i_kernels_c : tables[t];
            map y = t < 0 ? y0 : new_map(blocks, oh, ow, 16, 0);
            jr2i_pack_conv(w, out, in, k, planar, table->panel_blocks, packed);
            q.panels = jr2i_panel_count(blocks, table->panel_blocks);
            q.y = y.p;
            for (int32_t p = 0; p < q.panels; p++) {
                q.weights = packed + (ptrdiff_t)jr2i_panel_start(blocks, q.panels, p) * 16 * q.chunks * q.chunk;
                table->conv(&q, p, 0, oh / 2);
                table->conv(&q, p, oh / 2, oh);
            }
            if (t >= 0) {
                if (difference("conv", table->name, y0.memory, y.memory, y0.size, 1e-6 * (in * k * k + 20)) > 1)
                    return 1;
                free(y.memory);
            }
        }
        free(x.memory); free(y0.memory); free(res.memory); free(w); free(bias); free(offset); free(packed);
    }
    return 0;
}

/* The C Winograd against the C direct convolution first: the transforms are right; then each version against it. */
static int check_winograd(void)
{
    for (int round = 0; round < rounds(40); round++) {
        const int32_t up = random_int(0, 2) == 0, tile = up || random_int(0, 1) ? 4 : 2;
        const int32_t in = random_int(1, 60), out = random_int(1, 120), act = random_int(0, 4);
        const int32_t ty = random_int(1, 3), tx = random_int(1, 4), h = ty * tile, w = tx * tile, tiles = ty * tx;
        const int32_t ib = jr2i_blocks(in), ob = jr2i_blocks(out), points = (tile + 2) * (tile + 2);
        map x = new_map(ib, up ? h / 2 : h, up ? w / 2 : w, 16, 1), y0 = new_map(ob, h, w, 16, 0), res = new_map(ob, h, w, 16, 1);
        float *weights = new_floats((size_t)(out * in * 9), 1), *bias = new_floats((size_t)ob * 16, 1);
        float *packed = new_floats(jr2i_pack_wino_size(out, in, tile), 0);
        float *v = new_floats((size_t)(points * jr2i_wino_stride(ib, tiles)), 0), *m = new_floats((size_t)(points * jr2i_wino_stride(ob, tiles)), 0);
        jr2i_wino q = { .tile = tile, .upsample = up, .in_blocks = ib, .out_blocks = ob, .tiles_x = tx, .x = x.p, .x_row = x.row,
                        .x_block = x.block, .bias = bias, .residual = random_int(0, 1) ? res.p : NULL,
                        .y_row = y0.row, .y_block = y0.block, .act = act };
        for (int t = -1; t < table_count; t++) {
            const jr2i_kernels *table = t < 0 ? &jr2i_kernels_c : tables[t];
            map y = t < 0 ? y0 : new_map(ob, h, w, 16, 0);
            jr2i_pack_wino(weights, out, in, tile, table->panel_blocks, packed);
            q.panels = jr2i_panel_count(ob, table->panel_blocks);
            q.y = y.p;
            const int32_t cut = random_int(0, tiles); /* two ranges of tiles */
            for (int part = 0; part < 2; part++) {
                const int32_t first = part ? cut : 0, n = part ? tiles - cut : cut;
                for (int32_t b = 0; b < ib && n > 0; b++)
                    table->wino_input(&q, b, first, n, v);
                for (int32_t p = 0; p < points && n > 0; p++)
                    multiply(table, &q, p, n, packed, v, m);
                for (int32_t b = 0; b < ob && n > 0; b++)
                    table->wino_output(&q, b, first, n, m);
            }
            if (t >= 0) {
                if (difference("winograd", table->name, y0.memory, y.memory, y0.size, 2e-5 * (in + 10)) > 1)
                    return 1;
                free(y.memory);
                continue;
            }
            /* The direct convolution over a map that is explicitly doubled when it has to be. */
            map d = up ? new_map(ib, h, w, 16, 1) : copy_map(&x), y1 = new_map(ob, h, w, 16, 0);
            for (int32_t b = 0; b < ib && up; b++)
                for (int32_t r = -1; r <= h; r++)
                    for (int32_t c = -1; c <= w; c++)
                        memcpy(d.p + b * d.block + r * d.row + c * 16,
                               x.p + b * x.block + ((r + 2) / 2 - 1) * x.row + ((c + 2) / 2 - 1) * 16, 64);
            ptrdiff_t offset[9 * 4];
            float *direct = new_floats(jr2i_pack_conv_size(out, in, 3, 0), 0);
            jr2i_pack_conv(weights, out, in, 3, 0, 1, direct);
            jr2i_conv c = { .x = d.p, .x_row = d.row, .x_step = 16, .offset = offset, .chunk = 16, .bias = bias,
                            .blocks = ob, .panels = ob, .y = y1.p, .residual = q.residual, .y_row = y1.row, .y_block = y1.block,
                            .width = w, .act = act };
            c.chunks = jr2i_conv_offsets(in, 3, 0, d.row, d.block, offset);
            for (int32_t p = 0; p < ob; p++) {
                c.weights = direct + (ptrdiff_t)p * 16 * c.chunks * 16;
                jr2i_kernels_c.conv(&c, p, 0, h);
            }
            if (difference("winograd", "C against direct", y1.memory, y0.memory, y0.size, 2e-5 * (in + 10)) > 1)
                return 1;
            free(d.memory); free(y1.memory); free(direct);
        }
        free(x.memory); free(y0.memory); free(res.memory); free(weights); free(bias); free(packed); free(v); free(m);
    }
    return 0;
}

/* Weights that are halves: made wider, and transformed as jr2i_pack_wino does it beforehand. */
static int check_halves(void)
{
    for (int round = 0; round < rounds(20); round++) {
        const int32_t in = random_int(1, 40), out = random_int(1, 120), tile = random_int(0, 1) ? 4 : 2, size = tile + 2, rows = jr2i_blocks(in) * 16;
        const size_t count = jr2i_pack_wino_taps_size(out, in), all = jr2i_pack_wino_size(out, in, tile);
        float *w = new_floats((size_t)(out * in * 9), 1), *taps = new_floats(count, 0), *packed = new_floats(all, 0);
        uint16_t *halves = malloc(count * sizeof *halves), half;
        for (int32_t i = 0; i < out * in * 9; i++) {
            jr2i_as_halves(&w[i], 1, &half);
            w[i] = jr2i_half_to_float(half);
        }
        for (int t = -1; t < table_count; t++) {
            const jr2i_kernels *table = t < 0 ? &jr2i_kernels_c : tables[t];
            const int32_t panels = jr2i_panel_count(jr2i_blocks(out), table->panel_blocks);
            jr2i_pack_wino_taps(w, out, in, table->panel_blocks, taps);
            if (!jr2i_as_halves(taps, count, halves)) {
                printf("halves are none\n");
                return 1;
            }
            jr2i_pack_wino(w, out, in, tile, table->panel_blocks, packed);
            float *wide = new_floats(count, 0);
            table->widen(halves, count, wide);
            if (memcmp(wide, taps, count * sizeof *wide) != 0) {
                printf("widen, %s: not the same\n", table->name);
                return 1;
            }
            for (int32_t p = 0; p < panels; p++) {
                const int32_t first = jr2i_panel_start(jr2i_blocks(out), panels, p) * 16;
                const int32_t width = jr2i_panel_start(jr2i_blocks(out), panels, p + 1) * 16 - first, row0 = random_int(0, size - 1), row1 = random_int(row0 + 1, size);
                const size_t point = (size_t)(rows * width), apart = (size_t)jr2i_wino_stride(rows / 16, width);
                float *got = new_floats((size_t)((row1 - row0) * size) * apart, 0);
                table->wino_weights(halves + (size_t)first * (size_t)rows * 9, tile, rows, width, row0, row1, got);
                for (int32_t k = row0 * size; k < row1 * size; k++)
                    if (difference("wino_weights", table->name, packed + (size_t)k * (size_t)(jr2i_blocks(out) * 16 * rows) + (size_t)(first * rows),
                                   got + (size_t)(k - row0 * size) * apart, point, 1e-6) > 1)
                        return 1;
                free(got);
            }
            free(wide);
        }
        free(w); free(taps); free(packed); free(halves);
    }
    return 0;
}

static int check_few(void)
{
    for (int round = 0; round < rounds(40); round++) {
        const int32_t in = random_int(1, 70), out = random_int(1, 4), h = random_int(1, 4), w = random_int(1, 70), planes = random_int(0, 5);
        map x = new_map(jr2i_blocks(in), h, w, 16, 1), p = new_map(planes + 1, h + 40, w, 1, 1), y0 = new_map(out, h, w, 1, 0); /* p: and what may be read behind it */
        float *weights = new_floats((size_t)(out * (in + planes) * 9), 1), bias[4] = { 0.1f, 0.2f, -0.3f, 0.4f };
        float *packed = new_floats(jr2i_pack_few_size(out, in, planes), 0);
        jr2i_pack_few(weights, out, in, planes, packed);
        jr2i_conv_few q = { .x = x.p, .x_row = x.row, .x_block = x.block, .in_blocks = jr2i_blocks(in), .out_channels = out,
                            .weights = packed, .bias = bias, .y = y0.p, .y_row = y0.row, .y_plane = y0.block, .width = w,
                            .p = p.p, .p_row = p.row, .p_plane = p.block, .planes = planes, .act = random_int(0, 4) };
        jr2i_kernels_c.conv_few(&q, 0, h);
        for (int t = 0; t < table_count; t++) {
            map y = new_map(out, h, w, 1, 0);
            q.y = y.p;
            tables[t]->conv_few(&q, 0, h);
            if (difference("conv_few", tables[t]->name, y0.memory, y.memory, y0.size, 1e-6 * ((in + planes) * 9 + 20)) > 1)
                return 1;
            free(y.memory);
        }
        free(x.memory); free(p.memory); free(y0.memory); free(weights); free(packed);
    }
    return 0;
}

static int check_depthwise(void)
{
    for (int round = 0; round < rounds(40); round++) {
        const int32_t c = random_int(1, 40), stride = random_int(1, 2), h = random_int(1, 5), w = random_int(1, 21), blocks = jr2i_blocks(c);
        map x = new_map(blocks, h * stride, w * stride, 16, 1), y0 = new_map(blocks, h, w, 16, 0);
        float *weights = new_floats((size_t)c * 9, 1), *bias = new_floats((size_t)blocks * 16, 1);
        float *packed = new_floats(jr2i_pack_depthwise_size(c), 0);
        jr2i_pack_depthwise(weights, c, packed);
        jr2i_depthwise q = { .x = x.p, .x_row = x.row, .x_block = x.block, .stride = stride, .weights = packed, .bias = bias,
                             .y = y0.p, .y_row = y0.row, .y_block = y0.block, .width = w, .act = random_int(0, 4) };
        for (int32_t b = 0; b < blocks; b++)
            jr2i_kernels_c.depthwise(&q, b, 0, h);
        for (int t = 0; t < table_count; t++) {
            map y = new_map(blocks, h, w, 16, 0);
            q.y = y.p;
            for (int32_t b = 0; b < blocks; b++)
                tables[t]->depthwise(&q, b, 0, h);
            if (difference("depthwise", tables[t]->name, y0.memory, y.memory, y0.size, 1e-5) > 1)
                return 1;
            free(y.memory);
        }
        free(x.memory); free(y0.memory); free(weights); free(bias); free(packed);
    }
    return 0;
}

static int check_linear(void)
{
    for (int round = 0; round < rounds(30); round++) {
        const int32_t in = random_int(1, 300), out = random_int(1, 64), act = random_int(0, 4);
        float *x = new_floats((size_t)in, 1), *w = new_floats((size_t)(in * out), 1), *bias = new_floats(64, 1);
        for (int32_t i = 0; i < in * out; i++)
            w[i] = roundf(w[i] * 2048) / 2048; /* a half */
        const size_t size = jr2i_pack_linear_size(out, in);
        float *packed = new_floats(size, 0);
        static uint16_t half[300 * 64];
        jr2i_pack_linear(w, out, in, packed);
        if (!jr2i_as_halves(packed, size, half))
            return 1;
        float *y0 = new_floats(64, 0), *y = new_floats(64, 0);
        jr2i_kernels_c.linear(x, in, packed, bias, act, y0);
        for (int t = -1; t < table_count; t++) {
            const jr2i_kernels *table = t < 0 ? &jr2i_kernels_c : tables[t];
            table->linear(x, in, packed, bias, act, y);
            if (difference("linear", table->name, y0, y, 64 + 16, 1e-6 * (in + 20)) > 1)
                return 1;
            table->linear_half(x, in, half, bias, act, y);
            if (difference("linear_half", table->name, y0, y, 64 + 16, 1e-6 * (in + 20)) > 1)
                return 1;
        }
        free(x); free(w); free(bias); free(packed); free(y0); free(y);
    }
    return 0;
}

/* count halves, all of them finite. */
static uint16_t *new_halves(size_t count)
{
    uint16_t *h = malloc(count * sizeof *h);
    for (size_t i = 0; i < count; i++)
        h[i] = (uint16_t)((random_bits() & 0x83ff) | (uint32_t)random_int(0, 16) << 10); /* subnormal ones too; at most 4 */
    return h;
}

static int check_add_blocks(void)
{
    for (int round = 0; round < rounds(30); round++) {
        enum { LENGTH = 9 };
        int32_t block[LENGTH], blocks = 0;
        for (int32_t b = 0; b < LENGTH; b++)
            if (random_int(0, 1))
                block[blocks++] = b;
        const size_t size = LENGTH * JR2I_SPAN, count = (size_t)blocks * JR2I_SPAN;
        const float weight = random_float();
        uint16_t *half = new_halves(count + 1);
        float *wide = new_floats(count, 0), *start = new_floats(size, 1), *want = new_floats(size, 0), *y = new_floats(size, 0);
        for (size_t i = 0; i < count; i++)
            wide[i] = jr2i_half_to_float(half[i]);
        memcpy(want, start, size * sizeof *want);
        for (int32_t i = 0; i < blocks; i++)
            for (int32_t k = 0; k < JR2I_SPAN; k++)
                want[block[i] * JR2I_SPAN + k] += weight * wide[i * JR2I_SPAN + k];
        for (int t = -1; t < table_count; t++) {
            const jr2i_kernels *table = t < 0 ? &jr2i_kernels_c : tables[t];
            memcpy(y, start, size * sizeof *y);
            table->add_blocks(y, block, blocks, wide, weight);
            if (difference("add_blocks", table->name, want, y, size + 16, 2e-6) > 1)
                return 1;
            memcpy(y, start, size * sizeof *y);
            table->add_blocks_half(y, block, blocks, half, weight);
            if (difference("add_blocks_half", table->name, want, y, size + 16, 2e-6) > 1)
                return 1;
        }
        free(half); free(wide); free(start); free(want); free(y);
    }
    return 0;
}

static int check_planes(void)
{
    for (int round = 0; round < rounds(60); round++) {
        const int32_t h = random_int(1, 6), w = random_int(1, 19), act = random_int(0, 4), n = 40;
        map a = new_map(1, h, w, 16, 1), b = new_map(1, h, w, 16, 1);
        const jr2i_plane plane = { a.p, a.row, h, w };
        float *coords = new_floats(2 * (size_t)n, 1);
        for (int32_t i = 0; i < n; i++) {
            coords[2 * i] = coords[2 * i] * (float)(w + 1) + (float)w * 0.5f;
            coords[2 * i + 1] = coords[2 * i + 1] * (float)(h + 1) + (float)h * 0.5f;
        }
        coords[0] = NAN; coords[1] = INFINITY; coords[2] = -1e30f; coords[3] = 1e30f; coords[4] = (float)(w - 1); coords[5] = -1;
        map want[4]; /* add, upsample, pool, and a row for mean and samples */
        for (int t = -1; t < table_count; t++) {
            const jr2i_kernels *table = t < 0 ? &jr2i_kernels_c : tables[t];
            map got[4] = { new_map(1, h, w, 16, 0), new_map(1, 2 * h, 2 * w, 16, 0), new_map(1, (h + 1) / 2, (w + 1) / 2, 16, 0),
                           new_map(1, 1, 1 + 2 * n, 16, 0) };
            table->add(&plane, b.p, b.row, got[0].p, got[0].row, act);
            table->upsample2(&plane, got[1].p, got[1].row);
            table->max_pool2(&plane, got[2].p, got[2].row);
            table->mean(&plane, got[3].p);
            table->sample(&plane, coords, n, 0, got[3].p + 16);
            table->sample(&plane, coords, n, 1, got[3].p + 16 + n * 16);
            for (int i = 0; i < 4; i++) {
                if (t < 0) {
                    want[i] = got[i];
                    continue;
                }
                if (difference("planes", table->name, want[i].memory, got[i].memory, got[i].size, 2e-5) > 1)
                    return 1;
                free(got[i].memory);
            }
        }
        for (int i = 0; i < 4; i++)
            free(want[i].memory);
        free(a.memory); free(b.memory); free(coords);
    }
    return 0;
}

/* Panels cover all blocks in order, whatever the numbers. */
static int check_panels(void)
{
    for (int32_t blocks = 1; blocks < 40; blocks++)
        for (int32_t most = 1; most <= 4; most++) {
            const int32_t panels = jr2i_panel_count(blocks, most);
            for (int32_t p = 0; p < panels; p++) {
                const int32_t size = jr2i_panel_start(blocks, panels, p + 1) - jr2i_panel_start(blocks, panels, p);
                if (size < 1 || size > most)
                    return 1;
            }
            if (jr2i_panel_start(blocks, panels, 0) != 0 || jr2i_panel_start(blocks, panels, panels) != blocks)
                return 1;
        }
    return 0;
}

/* ---- benchmark ---- */

static const struct {
    const char *name;
    int (*run)(void);
} checks[] = { { "panels", check_panels }, { "conv", check_conv }, { "winograd", check_winograd }, { "halves", check_halves }, { "few", check_few },
               { "depthwise", check_depthwise }, { "linear", check_linear }, { "add_blocks", check_add_blocks },
               { "planes", check_planes } };
#define CHECKS (sizeof checks / sizeof *checks)

#ifndef JR2_NO_CHECK
START_TEST(test_one)
{
    find_tables();
    ck_assert_msg(checks[_i].run() == 0, "%s differs", checks[_i].name);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    find_tables();
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return run_bench();
#ifdef JR2_NO_CHECK
    int failed = 0;
    for (size_t i = 0; i < CHECKS; i++) {
        int bad = checks[i].run();
        printf("%s: %s\n", checks[i].name, bad ? "DIFFERS" : "ok");
        failed |= bad;
    }
    printf("%d table(s) besides the reference\n", table_count);
    return failed || table_count == 0;
#else
    Suite *suite = suite_create("kernels");
    TCase *tcase = tcase_create("against the reference");
    tcase_add_loop_test(tcase, test_one, 0, (int)CHECKS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
#endif
}
