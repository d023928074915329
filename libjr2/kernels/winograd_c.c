/* SPDX-License-Identifier: MIT
 * C reference of the Winograd convolution: y = A' [ (G g G') * (B' d B) ] A for tiles d of (tile + 2) x (tile + 2)
 * pixels, with the matrices of Lavin and Gray (interpolation points 0, +-1, +-2 and infinity; 0, +-1 and infinity). */
#include "act_c.h"
#include "pack.h"
#include "reference_c.h"
#include "tensor/half.h"

static const float input4[6][6] = { /* B' of F(4x4, 3x3) */
    { 4, 0, -5, 0, 1, 0 }, { 0, -4, -4, 1, 1, 0 }, { 0, 4, -4, -1, 1, 0 },
    { 0, -2, -1, 2, 1, 0 }, { 0, 2, -1, -2, 1, 0 }, { 0, 4, 0, -5, 0, 1 },
};
static const float output4[4][6] = { /* A' */
    { 1, 1, 1, 1, 1, 0 }, { 0, 1, -1, 2, -2, 0 }, { 0, 1, 1, 4, 4, 0 }, { 0, 1, -1, 8, -8, 1 },
};
static const float input2[4][4] = { { 1, 0, -1, 0 }, { 0, 1, 1, 0 }, { 0, -1, 1, 0 }, { 0, 1, 0, -1 } };
static const float output2[2][4] = { { 1, 1, 1, 0 }, { 0, 1, -1, -1 } };

/* out (n, n) = matrix (n, m) * in (m, m) * matrix' */
static void transform(const float *matrix, int32_t n, int32_t m, const float *in, float *out)
{
    float half[6][6];
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < m; j++) {
            half[i][j] = 0;
            for (int32_t k = 0; k < m; k++)
                half[i][j] += matrix[i * m + k] * in[k * m + j];
        }
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) {
            out[i * n + j] = 0;
            for (int32_t k = 0; k < m; k++)
                out[i * n + j] += half[i][k] * matrix[j * m + k];
        }
}

static int skipped(const jr2i_wino *q, int32_t point)
{
    return q->upsample && (point / 6 == 2 || point % 6 == 2);
}

void jr2i_wino_input_c(const jr2i_wino *q, int32_t in_block, int32_t tile0, int32_t n, float *v)
{
    const int32_t size = q->tile + 2, up = q->upsample ? 1 : 0;
    const ptrdiff_t point_stride = jr2i_wino_stride(q->in_blocks, n);
    for (int32_t t = 0; t < n; t++)
        for (int32_t l = 0; l < JR2I_LANES; l++) {
            int32_t top = (tile0 + t) / q->tiles_x * q->tile - 1, left = (tile0 + t) % q->tiles_x * q->tile - 1;
            float d[36], out[36];
            for (int32_t i = 0; i < size; i++)
                for (int32_t j = 0; j < size; j++) {
                    /* The halo pixel at -1 stays -1 when halved: an even offset keeps the division from rounding up. */
                    int32_t y = up ? (top + i + 2) / 2 - 1 : top + i, x = up ? (left + j + 2) / 2 - 1 : left + j;
                    d[i * size + j] = q->x[in_block * q->x_block + y * q->x_row + x * JR2I_LANES + l];
                }
            transform(q->tile == 4 ? input4[0] : input2[0], size, size, d, out);
            for (int32_t p = 0; p < size * size; p++)
                if (!skipped(q, p))
                    v[p * point_stride + ((ptrdiff_t)in_block * n + t) * JR2I_LANES + l] = out[p];
        }
}

void jr2i_wino_multiply_c(const jr2i_wino *q, int32_t panel, int32_t point, int32_t n, const float *weights, const float *v, float *m)
{
    if (skipped(q, point))
        return;
    const float *vp = v + point * jr2i_wino_stride(q->in_blocks, n);
    float *mp = m + point * jr2i_wino_stride(q->out_blocks, n);
    int32_t block0 = jr2i_panel_start(q->out_blocks, q->panels, panel);
    int32_t channels = (jr2i_panel_start(q->out_blocks, q->panels, panel + 1) - block0) * JR2I_LANES;
    for (int32_t t = 0; t < n; t++)
        for (int32_t o = 0; o < channels; o++) {
            float sum = 0;
            for (int32_t i = 0; i < q->in_blocks * JR2I_LANES; i++)
                sum += vp[((ptrdiff_t)(i / JR2I_LANES) * n + t) * JR2I_LANES + i % JR2I_LANES] * weights[(ptrdiff_t)i * channels + o];
            mp[((ptrdiff_t)(block0 + o / JR2I_LANES) * n + t) * JR2I_LANES + o % JR2I_LANES] = sum;
        }
}

void jr2i_wino_weights_c(const uint16_t *halves, int32_t tile, int32_t in, int32_t width, int32_t row0, int32_t row1, float *to)
{
    const int32_t size = tile + 2;
    const ptrdiff_t point = jr2i_wino_stride(in / JR2I_LANES, width);
    for (int32_t i = 0; i < in; i++)
        for (int32_t o = 0; o < width; o++) {
            float g[9], u[36];
            for (int32_t tap = 0; tap < 9; tap++)
                g[tap] = jr2i_half_to_float(halves[((ptrdiff_t)i * 9 + tap) * width + o]);
            jr2i_wino_filter(g, tile, u);
            for (int32_t p = row0 * size; p < row1 * size; p++)
                to[(p - row0 * size) * point + (ptrdiff_t)i * width + o] = u[p];
        }
}

void jr2i_wino_output_c(const jr2i_wino *q, int32_t out_block, int32_t tile0, int32_t n, const float *m)
{
    const int32_t size = q->tile + 2;
    const ptrdiff_t point_stride = jr2i_wino_stride(q->out_blocks, n);
    for (int32_t t = 0; t < n; t++)
        for (int32_t l = 0; l < JR2I_LANES; l++) {
            int32_t top = (tile0 + t) / q->tiles_x * q->tile, left = (tile0 + t) % q->tiles_x * q->tile;
            float in[36], out[16];
            for (int32_t p = 0; p < size * size; p++)
                in[p] = skipped(q, p) ? 0 : m[p * point_stride + ((ptrdiff_t)out_block * n + t) * JR2I_LANES + l];
            transform(q->tile == 4 ? output4[0] : output2[0], q->tile, size, in, out);
            for (int32_t i = 0; i < q->tile; i++)
                for (int32_t j = 0; j < q->tile; j++) {
                    ptrdiff_t at = out_block * q->y_block + (top + i) * q->y_row + (left + j) * JR2I_LANES + l;
                    float sum = out[i * q->tile + j] + q->bias[out_block * JR2I_LANES + l] + (q->residual ? q->residual[at] : 0);
                    q->y[at] = act_c(sum, q->act);
                }
        }
}
