/* SPDX-License-Identifier: MIT
 * Kernel body: direct convolution, and the register tile that the Winograd products share. A tile holds P pixels x B
 * channel blocks of sums in registers and walks all chunks once; rows are cut into tiles of nearly equal size. */

#include <string.h>

typedef struct {
    const ptrdiff_t *offset;
    ptrdiff_t x_step, y_block;
    int32_t chunks, chunk;
    float slope;
} tile_shape;

typedef void tile_fn(const tile_shape *q, const float *x, const float *w, const float *bias, float *y, const float *residual);

/* step: the compile-time x_step, or 0 to read it from the shape. */
INLINE void tile_body(const int P, const int B, const ptrdiff_t step, const tile_shape *q, const float *x, const float *w,
                      const float *bias, float *y, const float *residual)
{
    vf sum[PIXELS_1][PANEL_BLOCKS * NV]; /* only P x B * NV of them: a constant size lets them become registers */
    UNROLL for (int i = 0; i < P; i++)
        UNROLL for (int j = 0; j < B * NV; j++)
            sum[i][j] = V_LOAD(bias + j * VL);
    const ptrdiff_t x_step = step ? step : q->x_step;
    const int32_t chunks = q->chunks, chunk = q->chunk;
    for (int32_t k = 0; k < chunks; k++) {
        const float *a = x + q->offset[k];
        for (int32_t c = 0; c < chunk; c++) {
            vf b[PANEL_BLOCKS * NV];
            UNROLL for (int j = 0; j < B * NV; j++)
                b[j] = V_LOAD(w + j * VL);
            w += B * JR2I_LANES;
            UNROLL for (int i = 0; i < P; i++) {
                vf v = V_SET1(a[i * x_step + c]);
                UNROLL for (int j = 0; j < B * NV; j++)
                    sum[i][j] = V_FMA(v, b[j], sum[i][j]);
            }
        }
    }
    const ptrdiff_t y_block = q->y_block;
    if (residual)
        UNROLL for (int i = 0; i < P; i++)
            UNROLL for (int j = 0; j < B * NV; j++)
                sum[i][j] = V_ADD(sum[i][j], V_LOAD(residual + j / NV * y_block + i * JR2I_LANES + j % NV * VL));
    if (q->slope != 1.0f) {
        vf slope = V_SET1(q->slope);
        UNROLL for (int i = 0; i < P; i++)
            UNROLL for (int j = 0; j < B * NV; j++)
                sum[i][j] = V_MAX(V_MUL(sum[i][j], slope), sum[i][j]);
    }
    UNROLL for (int i = 0; i < P; i++)
        UNROLL for (int j = 0; j < B * NV; j++)
            V_STORE(y + j / NV * y_block + i * JR2I_LANES + j % NV * VL, sum[i][j]);
}

#define TILE(P, B, S)                                                                                             \
    static void tile_##P##_##B##_##S(const tile_shape *q, const float *x, const float *w, const float *bias, float *y, \
                                     const float *residual)                                                       \
    {                                                                                                             \
        tile_body(P, B, S, q, x, w, bias, y, residual);                                                           \
    }
#define TILES_6(B, S) TILE(1, B, S) TILE(2, B, S) TILE(3, B, S) TILE(4, B, S) TILE(5, B, S) TILE(6, B, S)
#define NAMES_6(B, S) tile_1_##B##_##S, tile_2_##B##_##S, tile_3_##B##_##S, tile_4_##B##_##S, tile_5_##B##_##S, tile_6_##B##_##S
#define NAMES_8(B, S) NAMES_6(B, S), tile_7_##B##_##S, tile_8_##B##_##S
#define NAMES_12(B, S) NAMES_8(B, S), tile_9_##B##_##S, tile_10_##B##_##S, tile_11_##B##_##S, tile_12_##B##_##S
#define NAMES_14(B, S) NAMES_12(B, S), tile_13_##B##_##S, tile_14_##B##_##S

/* Steps of 16 (stride 1) and 32 (stride 2) are compiled in: one base register then addresses all pixels. */
#if PANEL_BLOCKS == 4
#define TILES(S) \
    TILES_6(1, S) TILE(7, 1, S) TILE(8, 1, S) TILE(9, 1, S) TILE(10, 1, S) TILE(11, 1, S) TILE(12, 1, S) TILE(13, 1, S) TILE(14, 1, S) \
    TILES_6(2, S) TILE(7, 2, S) TILE(8, 2, S) TILE(9, 2, S) TILE(10, 2, S) TILE(11, 2, S) TILE(12, 2, S) \
    TILES_6(3, S) TILE(7, 3, S) TILE(8, 3, S) TILES_6(4, S)
#define TILE_TABLE(S) { { NAMES_14(1, S) }, { NAMES_12(2, S) }, { NAMES_8(3, S) }, { NAMES_6(4, S) } }
static const int32_t tile_pixels[PANEL_BLOCKS] = { PIXELS_1, PIXELS_2, PIXELS_3, PIXELS_4 };
#else
#define TILES(S) TILES_6(1, S)
#define TILE_TABLE(S) { { NAMES_6(1, S) } }
static const int32_t tile_pixels[PANEL_BLOCKS] = { PIXELS_1 };
#endif

TILES(0)
TILES(16)
TILES(32)
static tile_fn *const tile_table[3][PANEL_BLOCKS][PIXELS_1] = { TILE_TABLE(0), TILE_TABLE(16), TILE_TABLE(32) };

/* n pixels of one panel of `blocks` blocks. */
INLINE void tile_row(const tile_shape *q, int32_t blocks, int32_t n, const float *x, const float *w, const float *bias, float *y,
                     const float *residual)
{
    tile_fn *const *table = tile_table[q->x_step == 16 ? 1 : q->x_step == 32 ? 2 : 0][blocks - 1];
    const int32_t most = tile_pixels[blocks - 1], tiles = (n + most - 1) / most;
    for (int32_t t = 0; t < tiles; t++) {
        int32_t pixels = n / tiles + (t < n % tiles);
        table[pixels - 1](q, x, w, bias, y, residual);
        x += pixels * q->x_step;
        y += pixels * JR2I_LANES;
        if (residual)
            residual += pixels * JR2I_LANES;
    }
}

static void KERNEL(conv)(const jr2i_conv *q, int32_t panel, int32_t row0, int32_t row1)
{
    const int32_t block0 = jr2i_panel_start(q->blocks, q->panels, panel);
    const int32_t blocks = jr2i_panel_start(q->blocks, q->panels, panel + 1) - block0;
    const float *w = q->weights, *bias = q->bias + block0 * JR2I_LANES;
    const tile_shape shape = { q->offset, q->x_step, q->y_block, q->chunks, q->chunk, jr2i_act_slope(q->act) };
    for (int32_t r = row0; r < row1; r++) {
        const ptrdiff_t at = block0 * q->y_block + r * q->y_row;
        tile_row(&shape, blocks, q->width, q->x + r * q->x_row, w, bias, q->y + at, q->residual ? q->residual + at : NULL);
        if (!act_is_slope(q->act))
            for (int32_t b = 0; b < blocks; b++)
                act_row(q->y + at + b * q->y_block, (ptrdiff_t)q->width * JR2I_LANES, q->act);
    }
}

/* P pixels (4 or 1) of F channels, from pixel i of row r on: their lanes are summed at the end. */
INLINE void few_pixels(const int F, const int P, const jr2i_conv_few *q, int32_t r, int32_t i)
{
    vf sum[4][4];
    UNROLL for (int p = 0; p < 4; p++)
        UNROLL for (int o = 0; o < F; o++)
            sum[p][o] = V_ZERO();
    const float *w = q->weights;
    const ptrdiff_t channel = (ptrdiff_t)q->in_blocks * 9 * JR2I_LANES;
    for (int32_t b = 0; b < q->in_blocks; b++)
        for (int32_t ky = -1; ky <= 1; ky++) {
            const float *x = q->x + b * q->x_block + (r + ky) * q->x_row + (i - 1) * JR2I_LANES;
            UNROLL for (int kx = 0; kx < 3; kx++, w += JR2I_LANES)
                for (int v = 0; v < JR2I_LANES; v += VL) {
                    vf a[4];
                    UNROLL for (int p = 0; p < P; p++)
                        a[p] = V_LOAD(x + (kx + p) * JR2I_LANES + v);
                    UNROLL for (int o = 0; o < F; o++) {
                        const vf by = V_LOAD(w + o * channel + v);
                        UNROLL for (int p = 0; p < P; p++)
                            sum[p][o] = V_FMA(a[p], by, sum[p][o]);
                    }
                }
        }
    UNROLL for (int o = 0; o < F; o++) {
        float all[4];
        V_SUMS(all, sum[0][o], sum[1][o], sum[2][o], sum[3][o]);
        memcpy(q->y + o * q->y_plane + r * q->y_row + i, all, P * sizeof *all);
    }
}

/* Adds to n pixels (at most two vectors) of F channels, from pixel i of row r on, the bias and what the planes give, and finishes them. */
INLINE void few_finish(const int F, const jr2i_conv_few *q, int32_t r, int32_t i, int32_t n)
{
    const float *w = q->weights + (ptrdiff_t)F * q->in_blocks * 9 * JR2I_LANES;
    vf sum[2][4];
    UNROLL for (int o = 0; o < F; o++)
        sum[0][o] = sum[1][o] = V_SET1(q->bias[o]);
    for (int32_t p = 0; p < q->planes; p++)
        for (int32_t ky = -1; ky <= 1; ky++) {
            const float *x = q->p + p * q->p_plane + (r + ky) * q->p_row + i - 1;
            UNROLL for (int kx = 0; kx < 3; kx++, w += 4) {
                const vf a = V_LOAD(x + kx), b = V_LOAD(x + kx + VL);
                UNROLL for (int o = 0; o < F; o++) {
                    const vf by = V_SET1(w[o]);
                    sum[0][o] = V_FMA(a, by, sum[0][o]);
                    sum[1][o] = V_FMA(b, by, sum[1][o]);
                }
            }
        }
    UNROLL for (int o = 0; o < F; o++) {
        float part[2 * VL] = { 0 }, *y = q->y + o * q->y_plane + r * q->y_row + i;
        memcpy(part, y, (size_t)n * sizeof *y);
        UNROLL for (int k = 0; k < 2; k++)
            V_STORE(part + k * VL, v_act(V_ADD(V_LOAD(part + k * VL), sum[k][o]), q->act));
        memcpy(y, part, (size_t)n * sizeof *y);
    }
}

INLINE void few_row(const int F, const jr2i_conv_few *q, int32_t r)
{
    int32_t i = 0;
    for (; i + 4 <= q->width; i += 4)
        few_pixels(F, 4, q, r, i);
    for (; i < q->width; i++)
        few_pixels(F, 1, q, r, i);
    for (i = 0; i < q->width; i += 2 * VL)
        few_finish(F, q, r, i, q->width - i < 2 * VL ? q->width - i : 2 * VL);
}

static void KERNEL(conv_few)(const jr2i_conv_few *q, int32_t row0, int32_t row1)
{
    for (int32_t r = row0; r < row1; r++) {
        switch (q->out_channels) {
        case 1: few_row(1, q, r); break;
        case 2: few_row(2, q, r); break;
        case 3: few_row(3, q, r); break;
        default: few_row(4, q, r); break;
        }
    }
}

/* Asks for what lies 4 KiB beyond p, a page's length: processors do not look past pages by themselves. Where nothing lies it does nothing. */
INLINE void fetch_ahead(const void *p, size_t bytes)
{
    for (size_t k = 0; k < bytes; k += 64)
        __builtin_prefetch((const void *)((uintptr_t)p + 4096 + k));
}

/* Of weights that are floats or halves; `half` is known where this is inlined. */
#define LOAD_WEIGHTS(weights, at, half) ((half) ? V_LOAD_HALF((const uint16_t *)(weights) + (at)) : V_LOAD((const float *)(weights) + (at)))

/* Two independent chains for each of the 64 / VL sums hide the latency of the multiply-add. */
static inline void KERNEL(linear_of)(const float *x, int32_t inputs, const void *weights, int half, const float *bias, int32_t act, float *y)
{
    enum { PART = NV > 1 ? 32 : 64, N = PART / VL };
    for (int part = 0; part < 64; part += PART) {
        vf even[N], odd[N];
        UNROLL for (int j = 0; j < N; j++) {
            even[j] = V_LOAD(bias + part + j * VL);
            odd[j] = V_ZERO();
        }
        ptrdiff_t w = part;
        int32_t i = 0;
        for (; i + 2 <= inputs; i += 2, w += 128) {
            vf a = V_SET1(x[i]), b = V_SET1(x[i + 1]);
            if (part == 0)
                fetch_ahead((const char *)weights + w * (half ? 2 : 4), half ? 256 : 512);
            UNROLL for (int j = 0; j < N; j++) {
                even[j] = V_FMA(a, LOAD_WEIGHTS(weights, w + j * VL, half), even[j]);
                odd[j] = V_FMA(b, LOAD_WEIGHTS(weights, w + 64 + j * VL, half), odd[j]);
            }
        }
        if (i < inputs) {
            vf a = V_SET1(x[i]);
            UNROLL for (int j = 0; j < N; j++)
                even[j] = V_FMA(a, LOAD_WEIGHTS(weights, w + j * VL, half), even[j]);
        }
        UNROLL for (int j = 0; j < N; j++)
            V_STORE(y + part + j * VL, v_act(V_ADD(even[j], odd[j]), act));
    }
}

static void KERNEL(widen)(const uint16_t *halves, size_t count, float *to)
{
    for (size_t i = 0; i < count; i += JR2I_LANES)
        UNROLL for (int l = 0; l < JR2I_LANES; l += VL)
            V_STORE(to + i + l, V_LOAD_HALF(halves + i + l));
}

static void KERNEL(linear)(const float *x, int32_t inputs, const float *weights, const float *bias, int32_t act, float *y)
{
    KERNEL(linear_of)(x, inputs, weights, 0, bias, act, y);
}

static void KERNEL(linear_half)(const float *x, int32_t inputs, const uint16_t *weights, const float *bias, int32_t act, float *y)
{
    KERNEL(linear_of)(x, inputs, weights, 1, bias, act, y);
}

static inline void KERNEL(add_blocks_of)(float *to, const int32_t *block, int32_t blocks, const void *from, int half, float weight)
{
    const vf w = V_SET1(weight);
    for (int32_t i = 0; i < blocks; i++) {
        float *y = to + (ptrdiff_t)block[i] * JR2I_SPAN;
        UNROLL for (int j = 0; j < JR2I_SPAN; j += VL)
            V_STORE(y + j, V_FMA(w, LOAD_WEIGHTS(from, (ptrdiff_t)i * JR2I_SPAN + j, half), V_LOAD(y + j)));
    }
}

static void KERNEL(add_blocks)(float *to, const int32_t *block, int32_t blocks, const float *from, float weight)
{
    KERNEL(add_blocks_of)(to, block, blocks, from, 0, weight);
}

static void KERNEL(add_blocks_half)(float *to, const int32_t *block, int32_t blocks, const uint16_t *from, float weight)
{
    KERNEL(add_blocks_of)(to, block, blocks, from, 1, weight);
}
