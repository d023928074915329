/* SPDX-License-Identifier: MIT
 * Packing of weights. It runs once when a network is loaded. */
#include "pack.h"

#include <string.h>

size_t jr2i_pack_conv_size(int32_t out, int32_t in, int32_t k, int32_t planar)
{
    size_t channels = (size_t)(planar ? in : jr2i_blocks(in) * JR2I_LANES);
    return (size_t)jr2i_blocks(out) * JR2I_LANES * channels * (size_t)(k * k);
}

size_t jr2i_pack_wino_size(int32_t out, int32_t in, int32_t tile)
{
    return (size_t)jr2i_blocks(out) * (size_t)jr2i_blocks(in) * JR2I_LANES * JR2I_LANES * (size_t)((tile + 2) * (tile + 2));
}

size_t jr2i_pack_wino_taps_size(int32_t out, int32_t in)
{
    return (size_t)jr2i_blocks(out) * (size_t)jr2i_blocks(in) * JR2I_LANES * JR2I_LANES * 9;
}

size_t jr2i_pack_few_size(int32_t out, int32_t in, int32_t planes)
{
    return (size_t)out * (size_t)jr2i_blocks(in) * 9 * JR2I_LANES + (size_t)planes * 9 * 4;
}

size_t jr2i_pack_depthwise_size(int32_t channels)
{
    return (size_t)jr2i_blocks(channels) * 9 * JR2I_LANES;
}

size_t jr2i_pack_linear_size(int32_t out, int32_t in)
{
    return (size_t)((out + 63) / 64) * 64 * (size_t)in;
}

void jr2i_pack_conv(const float *w, int32_t out, int32_t in, int32_t k, int32_t planar, int32_t panel_blocks, float *packed)
{
    const int32_t blocks = jr2i_blocks(out), panels = jr2i_panel_count(blocks, panel_blocks);
    const int32_t chunk_channels = planar ? 1 : JR2I_LANES, groups = planar ? in : jr2i_blocks(in);
    float *to = packed;
    for (int32_t panel = 0; panel < panels; panel++) {
        const int32_t first = jr2i_panel_start(blocks, panels, panel) * JR2I_LANES;
        const int32_t last = jr2i_panel_start(blocks, panels, panel + 1) * JR2I_LANES;
        for (int32_t g = 0; g < groups; g++)
            for (int32_t tap = 0; tap < k * k; tap++)
                for (int32_t c = 0; c < chunk_channels; c++)
                    for (int32_t o = first; o < last; o++) {
                        const int32_t i = g * chunk_channels + c;
                        *to++ = o < out && i < in ? w[((ptrdiff_t)o * in + i) * k * k + tap] : 0.0f;
                    }
    }
}

int32_t jr2i_conv_offsets(int32_t in, int32_t k, int32_t planar, ptrdiff_t row, ptrdiff_t block, ptrdiff_t *offset)
{
    const int32_t groups = planar ? in : jr2i_blocks(in), pad = k / 2;
    int32_t n = 0;
    for (int32_t g = 0; g < groups; g++)
        for (int32_t ky = 0; ky < k; ky++) {
            if (planar)
                offset[n++] = g * block + (ky - pad) * row - pad;
            else
                for (int32_t kx = 0; kx < k; kx++)
                    offset[n++] = g * block + (ky - pad) * row + (kx - pad) * JR2I_LANES;
        }
    return n;
}

/* G g G' for one 3x3 filter; (size, size) out. */
static void transform_filter(const float *matrix, int32_t size, const float *g, float *out)
{
    float half[6][3];
    for (int32_t i = 0; i < size; i++)
        for (int32_t j = 0; j < 3; j++)
            half[i][j] = matrix[i * 3] * g[j] + matrix[i * 3 + 1] * g[3 + j] + matrix[i * 3 + 2] * g[6 + j];
    for (int32_t i = 0; i < size; i++)
        for (int32_t j = 0; j < size; j++)
            out[i * size + j] = half[i][0] * matrix[j * 3] + half[i][1] * matrix[j * 3 + 1] + half[i][2] * matrix[j * 3 + 2];
}

void jr2i_wino_filter(const float *g, int32_t tile, float *u)
{
    static const float matrix4[6][3] = {
        { 1 / 4.0f, 0, 0 }, { -1 / 6.0f, -1 / 6.0f, -1 / 6.0f }, { -1 / 6.0f, 1 / 6.0f, -1 / 6.0f },
        { 1 / 24.0f, 1 / 12.0f, 1 / 6.0f }, { 1 / 24.0f, -1 / 12.0f, 1 / 6.0f }, { 0, 0, 1 },
    };
    static const float matrix2[4][3] = { { 1, 0, 0 }, { 0.5f, 0.5f, 0.5f }, { 0.5f, -0.5f, 0.5f }, { 0, 0, 1 } };
    transform_filter(tile == 4 ? matrix4[0] : matrix2[0], tile + 2, g, u);
}

/* The output channels of a panel. */
typedef struct panel_span {
    int32_t first, width;
} panel_span;

static panel_span span_of(int32_t out, int32_t panel_blocks, int32_t panel)
{
    const int32_t blocks = jr2i_blocks(out), panels = jr2i_panel_count(blocks, panel_blocks);
    const int32_t first = jr2i_panel_start(blocks, panels, panel) * JR2I_LANES;
    return (panel_span){ first, jr2i_panel_start(blocks, panels, panel + 1) * JR2I_LANES - first };
}

void jr2i_pack_wino(const float *w, int32_t out, int32_t in, int32_t tile, int32_t panel_blocks, float *packed)
{
    const int32_t points = (tile + 2) * (tile + 2), blocks = jr2i_blocks(out), rows = jr2i_blocks(in) * JR2I_LANES;
    const size_t point = (size_t)blocks * JR2I_LANES * (size_t)rows;
    memset(packed, 0, jr2i_pack_wino_size(out, in, tile) * sizeof *packed);
    for (int32_t panel = 0; panel < jr2i_panel_count(blocks, panel_blocks); panel++) {
        const panel_span s = span_of(out, panel_blocks, panel);
        for (int32_t o = s.first; o < s.first + s.width && o < out; o++)
            for (int32_t i = 0; i < in; i++) {
                float u[36];
                jr2i_wino_filter(w + ((ptrdiff_t)o * in + i) * 9, tile, u);
                float *to = packed + (size_t)s.first * (size_t)rows + (size_t)i * (size_t)s.width + (size_t)(o - s.first);
                for (int32_t p = 0; p < points; p++)
                    to[(size_t)p * point] = u[p];
            }
    }
}

void jr2i_pack_wino_taps(const float *w, int32_t out, int32_t in, int32_t panel_blocks, float *packed)
{
    const int32_t rows = jr2i_blocks(in) * JR2I_LANES;
    for (int32_t panel = 0; panel < jr2i_panel_count(jr2i_blocks(out), panel_blocks); panel++) {
        const panel_span s = span_of(out, panel_blocks, panel);
        for (int32_t i = 0; i < rows; i++)
            for (int32_t tap = 0; tap < 9; tap++)
                for (int32_t o = s.first; o < s.first + s.width; o++)
                    *packed++ = o < out && i < in ? w[((ptrdiff_t)o * in + i) * 9 + tap] : 0.0f;
    }
}

void jr2i_pack_few(const float *w, int32_t out, int32_t in, int32_t planes, float *packed)
{
    const int32_t blocks = jr2i_blocks(in), all = in + planes;
    for (int32_t o = 0; o < out; o++)
        for (int32_t b = 0; b < blocks; b++)
            for (int32_t tap = 0; tap < 9; tap++)
                for (int32_t l = 0; l < JR2I_LANES; l++) {
                    const int32_t i = b * JR2I_LANES + l;
                    *packed++ = i < in ? w[((ptrdiff_t)o * all + i) * 9 + tap] : 0.0f;
                }
    for (int32_t p = in; p < all; p++)
        for (int32_t tap = 0; tap < 9; tap++)
            for (int32_t o = 0; o < 4; o++)
                *packed++ = o < out ? w[((ptrdiff_t)o * all + p) * 9 + tap] : 0.0f;
}

void jr2i_pack_depthwise(const float *w, int32_t channels, float *packed)
{
    for (int32_t b = 0; b < jr2i_blocks(channels); b++)
        for (int32_t tap = 0; tap < 9; tap++)
            for (int32_t l = 0; l < JR2I_LANES; l++) {
                const int32_t c = b * JR2I_LANES + l;
                *packed++ = c < channels ? w[c * 9 + tap] : 0.0f;
            }
}

void jr2i_pack_linear(const float *w, int32_t out, int32_t in, float *packed)
{
    for (int32_t o0 = 0; o0 < out; o0 += 64)
        for (int32_t i = 0; i < in; i++)
            for (int32_t o = o0; o < o0 + 64; o++)
                *packed++ = o < out ? w[(ptrdiff_t)o * in + i] : 0.0f;
}
