/* SPDX-License-Identifier: MIT
 * The compute kernels: one table of functions per instruction set, all with the same meaning as the C reference and, up
 * to rounding, the same results. A kernel does one piece of work on plain memory; it allocates nothing, starts no
 * thread and checks nothing: nn/ does that.
 *
 * Feature maps are blocked: [C/16][rows][pitch][16] fp32, sixteen channels side by side, the last block filled up with
 * channels that nobody reads (their weights are zero). A map that a 3x3 kernel reads carries a halo of at least one
 * zero pixel on each side; rows, columns and blocks are addressed by strides in floats. */
#ifndef JR2I_KERNELS_KERNELS_H
#define JR2I_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { JR2I_LANES = 16, JR2I_SPAN = 48 };

/* Activations. The first three are max(x, slope * x), which a kernel applies before it stores. */
enum { JR2I_ACT_NONE = 0, JR2I_ACT_RELU = 1, JR2I_ACT_LEAKY = 2 /* slope 0.1 */, JR2I_ACT_SILU = 3, JR2I_ACT_SIGMOID = 4 };

/* Direct convolution of any shape as sums over chunks: chunk j of output pixel (r, i) is the `chunk` consecutive floats
 * at x + offset[j] + r * x_row + i * x_step. Blocked input: one chunk of 16 channels per (block, ky, kx). Planar input
 * (the first layer): one chunk of K columns per (plane, ky). */
typedef struct jr2i_conv {
    const float *x;
    ptrdiff_t x_row, x_step; /* floats between the inputs of output rows and of output pixels: times the stride */
    const ptrdiff_t *offset; /* (chunks) */
    int32_t chunks, chunk;
    const float *weights; /* of the panel: (chunks, chunk, panel blocks * 16) */
    const float *bias; /* (blocks * 16) */
    int32_t blocks, panels; /* 16-channel output blocks, and how they are grouped: jr2i_panel_start */
    float *y;
    const float *residual; /* strides of y; NULL: none */
    ptrdiff_t y_row, y_block;
    int32_t width; /* output pixels of a row */
    int32_t act;
} jr2i_conv;

/* Winograd convolution F(tile x tile, 3x3), stride 1, tile 4 or 2. Tiles are counted row by row. The maps reach past
 * their size up to a whole tile (and the halo): what is written there must be cleared afterwards. */
typedef struct jr2i_wino {
    int32_t tile; /* 4 or 2 */
    int32_t upsample; /* x has half the size and is doubled (nearest) on the fly; tile 4 only */
    int32_t in_blocks, out_blocks, panels;
    int32_t tiles_x; /* tiles of a row */
    const float *x; /* pixel (0, 0) */
    ptrdiff_t x_row, x_block;
    const float *bias;
    float *y;
    const float *residual; /* strides of y; NULL: none */
    ptrdiff_t y_row, y_block;
    int32_t act;
} jr2i_wino;

/* 3x3 convolution, stride 1, to at most 4 channels, written planar: the lanes are input channels. After these come planes of an input
 * that is planar; up to 32 floats behind a row of theirs are read. */
typedef struct jr2i_conv_few {
    const float *x;
    ptrdiff_t x_row, x_block;
    int32_t in_blocks, out_channels; /* 1..4 */
    const float *p; /* pixel (0, 0) of the first plane */
    ptrdiff_t p_row, p_plane;
    int32_t planes; /* 0: none */
    const float *weights; /* (out_channels, in_blocks, 3, 3, 16), (planes, 3, 3, 4) */
    const float *bias; /* (4) */
    float *y;
    ptrdiff_t y_row, y_plane;
    int32_t width;
    int32_t act;
} jr2i_conv_few;

typedef struct jr2i_depthwise {
    const float *x; /* pixel (0, 0) */
    ptrdiff_t x_row, x_block;
    int32_t stride; /* 1 or 2; padding 1 */
    const float *weights; /* (blocks, 3, 3, 16) */
    const float *bias; /* (blocks * 16) */
    float *y;
    ptrdiff_t y_row, y_block;
    int32_t width;
    int32_t act;
} jr2i_depthwise;

/* A rectangle of one block of maps, for the element-wise kernels. */
typedef struct jr2i_plane {
    float *p;
    ptrdiff_t row;
    int32_t height, width;
} jr2i_plane;

typedef struct jr2i_kernels {
    const char *name; /* "c", "avx2", "avx512", "neon" */
    int32_t panel_blocks; /* most output blocks in a weight panel */

    /* Output rows row0 <= r < row1 of the blocks of one panel. */
    void (*conv)(const jr2i_conv *q, int32_t panel, int32_t row0, int32_t row1);

    /* Tiles tile0 <= t < tile0 + n. v: (points, in_blocks, n, 16), m: (points, out_blocks, n, 16), but points lie
     * jr2i_wino_stride floats apart. With upsample, the points of row 2 or column 2 are identically zero and neither
     * written nor read. wino_multiply: the blocks of one panel, weights (in_blocks * 16, panel blocks * 16) of the point. */
    void (*wino_input)(const jr2i_wino *q, int32_t in_block, int32_t tile0, int32_t n, float *v);
    void (*wino_multiply)(const jr2i_wino *q, int32_t panel, int32_t point, int32_t n, const float *weights, const float *v, float *m);
    void (*wino_output)(const jr2i_wino *q, int32_t out_block, int32_t tile0, int32_t n, const float *m);

    /* Weights from halves, which take less time to arrive: as they are, a multiple of 16 of them; and of a panel (in, 3, 3, width), the
     * points of rows row0 <= i < row1 of their Winograd transforms, (rows, tile + 2) times (in, width), jr2i_wino_stride(in / 16, width) floats apart. */
    void (*widen)(const uint16_t *halves, size_t count, float *to);
    void (*wino_weights)(const uint16_t *halves, int32_t tile, int32_t in, int32_t width, int32_t row0, int32_t row1, float *to);

    void (*conv_few)(const jr2i_conv_few *q, int32_t row0, int32_t row1);
    void (*depthwise)(const jr2i_depthwise *q, int32_t block, int32_t row0, int32_t row1);

    /* y[0..63] = act(bias + x W), weights one panel (inputs, 64): floats or, what large layers are stored as, halves. */
    void (*linear)(const float *x, int32_t inputs, const float *weights, const float *bias, int32_t act, float *y);
    void (*linear_half)(const float *x, int32_t inputs, const uint16_t *weights, const float *bias, int32_t act, float *y);

    /* Of each of these blocks of a vector, JR2I_SPAN floats: to += weight x the same of `from`, whose blocks follow each other. */
    void (*add_blocks)(float *to, const int32_t *block, int32_t blocks, const float *from, float weight);
    void (*add_blocks_half)(float *to, const int32_t *block, int32_t blocks, const uint16_t *from, float weight);

    void (*add)(const jr2i_plane *a, const float *b, ptrdiff_t b_row, float *y, ptrdiff_t y_row, int32_t act);
    void (*upsample2)(const jr2i_plane *x, float *y, ptrdiff_t y_row); /* y: 2 height x 2 width */
    void (*max_pool2)(const jr2i_plane *x, float *y, ptrdiff_t y_row); /* y: (height + 1) / 2 x (width + 1) / 2 */
    void (*mean)(const jr2i_plane *x, float *y); /* y: (16) */

    /* Blocked maps sampled at (x, y) in pixels of the source, pixel centres at integers, bilinear. zeros: outside is 0;
     * otherwise the border repeats. coords: n pairs; source strides as in the plane; y: (n, 16). */
    void (*sample)(const jr2i_plane *x, const float *coords, int32_t n, int32_t zeros, float *y);
} jr2i_kernels;

extern const jr2i_kernels jr2i_kernels_c;
#if defined(__x86_64__) || defined(__i386__)
extern const jr2i_kernels jr2i_kernels_avx2;
extern const jr2i_kernels jr2i_kernels_avx512;
#elif defined(__aarch64__)
extern const jr2i_kernels jr2i_kernels_neon;
#endif

/* The best table that these cpu flags (base/cpu.h) allow. */
const jr2i_kernels *jr2i_kernels_pick(uint32_t cpu_flags);

/* Blocks are grouped into as few panels of at most panel_blocks as possible, of nearly equal size, the larger first. */
static inline int32_t jr2i_panel_count(int32_t blocks, int32_t panel_blocks)
{
    return (blocks + panel_blocks - 1) / panel_blocks;
}

/* First block of a panel; panel = panels gives `blocks`. */
static inline int32_t jr2i_panel_start(int32_t blocks, int32_t panels, int32_t panel)
{
    int32_t rest = blocks % panels;
    return blocks / panels * panel + (panel < rest ? panel : rest);
}

/* An odd number of cache lines: the points of a tile, written one after the other, then fall into different cache sets. */
static inline ptrdiff_t jr2i_wino_stride(int32_t blocks, int32_t n)
{
    return (((ptrdiff_t)blocks * n) | 1) * JR2I_LANES;
}

static inline float jr2i_act_slope(int32_t act)
{
    return act == JR2I_ACT_RELU ? 0.0f : act == JR2I_ACT_LEAKY ? 0.1f : 1.0f;
}

#endif
