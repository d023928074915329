/* SPDX-License-Identifier: MIT
 * C reference of the convolutions and of the linear layer: the definition, not the fast way. */
#include "act_c.h"
#include "reference_c.h"

void jr2i_conv_c(const jr2i_conv *q, int32_t panel, int32_t row0, int32_t row1)
{
    int32_t block0 = jr2i_panel_start(q->blocks, q->panels, panel);
    int32_t channels = (jr2i_panel_start(q->blocks, q->panels, panel + 1) - block0) * JR2I_LANES;
    ptrdiff_t steps = (ptrdiff_t)q->chunks * q->chunk;
    const float *weights = q->weights + block0 * JR2I_LANES * steps; /* (chunks, chunk, channels) */
    for (int32_t r = row0; r < row1; r++)
        for (int32_t i = 0; i < q->width; i++)
            for (int32_t c0 = 0; c0 < channels; c0 += JR2I_LANES) {
                float sum[JR2I_LANES];
                for (int32_t l = 0; l < JR2I_LANES; l++)
                    sum[l] = q->bias[block0 * JR2I_LANES + c0 + l];
                const float *w = weights + c0;
                for (int32_t j = 0; j < q->chunks; j++) {
                    const float *x = q->x + q->offset[j] + r * q->x_row + i * q->x_step;
                    for (int32_t k = 0; k < q->chunk; k++, w += channels)
                        for (int32_t l = 0; l < JR2I_LANES; l++)
                            sum[l] += x[k] * w[l];
                }
                ptrdiff_t at = (block0 + c0 / JR2I_LANES) * q->y_block + r * q->y_row + i * JR2I_LANES;
                for (int32_t l = 0; l < JR2I_LANES; l++)
                    q->y[at + l] = act_c(sum[l] + (q->residual ? q->residual[at + l] : 0), q->act);
            }
}

void jr2i_conv_few_c(const jr2i_conv_few *q, int32_t row0, int32_t row1)
{
    for (int32_t r = row0; r < row1; r++)
        for (int32_t i = 0; i < q->width; i++)
            for (int32_t o = 0; o < q->out_channels; o++) {
                const float *w = q->weights + (ptrdiff_t)o * q->in_blocks * 9 * JR2I_LANES;
                float sum = q->bias[o];
                for (int32_t b = 0; b < q->in_blocks; b++)
                    for (int32_t ky = -1; ky <= 1; ky++)
                        for (int32_t kx = -1; kx <= 1; kx++, w += JR2I_LANES) {
                            const float *x = q->x + b * q->x_block + (r + ky) * q->x_row + (i + kx) * JR2I_LANES;
                            for (int32_t l = 0; l < JR2I_LANES; l++)
                                sum += x[l] * w[l];
                        }
                q->y[o * q->y_plane + r * q->y_row + i] = act_c(sum, q->act);
            }
}

void jr2i_depthwise_c(const jr2i_depthwise *q, int32_t block, int32_t row0, int32_t row1)
{
    for (int32_t r = row0; r < row1; r++)
        for (int32_t i = 0; i < q->width; i++)
            for (int32_t l = 0; l < JR2I_LANES; l++) {
                const float *w = q->weights + block * 9 * JR2I_LANES + l;
                float sum = q->bias[block * JR2I_LANES + l];
                for (int32_t ky = -1; ky <= 1; ky++)
                    for (int32_t kx = -1; kx <= 1; kx++, w += JR2I_LANES)
                        sum += *w * q->x[block * q->x_block + (r * q->stride + ky) * q->x_row + (i * q->stride + kx) * JR2I_LANES + l];
                q->y[block * q->y_block + r * q->y_row + i * JR2I_LANES + l] = act_c(sum, q->act);
            }
}

void jr2i_linear_c(const float *x, int32_t inputs, const float *weights, const float *bias, int32_t act, float *y)
{
    float sum[64];
    for (int32_t l = 0; l < 64; l++)
        sum[l] = bias[l];
    for (int32_t i = 0; i < inputs; i++)
        for (int32_t l = 0; l < 64; l++)
            sum[l] += x[i] * weights[(ptrdiff_t)i * 64 + l];
    for (int32_t l = 0; l < 64; l++)
        y[l] = act_c(sum[l], act);
}
