/* SPDX-License-Identifier: MIT
 * C reference of the convolutions, of the linear layer and of sums of blocks: the definition, not the fast way. */
#include <string.h>

#include "act_c.h"
#include "reference_c.h"
#include "tensor/half.h"

void jr2i_conv_c(const jr2i_conv *q, int32_t panel, int32_t row0, int32_t row1)
{
    int32_t block0 = jr2i_panel_start(q->blocks, q->panels, panel);
    int32_t channels = (jr2i_panel_start(q->blocks, q->panels, panel + 1) - block0) * JR2I_LANES;
    for (int32_t r = row0; r < row1; r++)
        for (int32_t i = 0; i < q->width; i++)
            for (int32_t c0 = 0; c0 < channels; c0 += JR2I_LANES) {
                float sum[JR2I_LANES];
                for (int32_t l = 0; l < JR2I_LANES; l++)
                    sum[l] = q->bias[block0 * JR2I_LANES + c0 + l];
                const float *w = q->weights + c0;
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
                w = q->weights + (ptrdiff_t)q->out_channels * q->in_blocks * 9 * JR2I_LANES + o;
                for (int32_t p = 0; p < q->planes; p++)
                    for (int32_t ky = -1; ky <= 1; ky++)
                        for (int32_t kx = -1; kx <= 1; kx++, w += 4)
                            sum += q->p[p * q->p_plane + (r + ky) * q->p_row + i + kx] * *w;
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

/* sum[0..63] += a row of weights each. */
static void add_row(float x, const float *row, float *sum)
{
    for (int32_t l = 0; l < 64; l++)
        sum[l] += x * row[l];
}

static void finish(const float *sum, int32_t act, float *y)
{
    for (int32_t l = 0; l < 64; l++)
        y[l] = act_c(sum[l], act);
}

void jr2i_widen_c(const uint16_t *halves, size_t count, float *to)
{
    for (size_t l = 0; l < count; l++)
        to[l] = jr2i_half_to_float(halves[l]);
}

void jr2i_linear_c(const float *x, int32_t inputs, const float *weights, const float *bias, int32_t act, float *y)
{
    float sum[64];
    memcpy(sum, bias, sizeof sum);
    for (int32_t i = 0; i < inputs; i++)
        add_row(x[i], weights + (ptrdiff_t)i * 64, sum);
    finish(sum, act, y);
}

void jr2i_linear_half_c(const float *x, int32_t inputs, const uint16_t *weights, const float *bias, int32_t act, float *y)
{
    float sum[64], row[64];
    memcpy(sum, bias, sizeof sum);
    for (int32_t i = 0; i < inputs; i++) {
        jr2i_widen_c(weights + (ptrdiff_t)i * 64, 64, row);
        add_row(x[i], row, sum);
    }
    finish(sum, act, y);
}

/* restrict, so that the compiler vectorises it. */
static void add_block(float *restrict to, const float *restrict from, float weight)
{
    for (int32_t k = 0; k < JR2I_SPAN; k++)
        to[k] += weight * from[k];
}

void jr2i_add_blocks_c(float *to, const int32_t *block, int32_t blocks, const float *from, float weight)
{
    for (int32_t i = 0; i < blocks; i++)
        add_block(to + (ptrdiff_t)block[i] * JR2I_SPAN, from + (ptrdiff_t)i * JR2I_SPAN, weight);
}

void jr2i_add_blocks_half_c(float *to, const int32_t *block, int32_t blocks, const uint16_t *from, float weight)
{
    float values[JR2I_SPAN];
    for (int32_t i = 0; i < blocks; i++) {
        jr2i_widen_c(from + (ptrdiff_t)i * JR2I_SPAN, JR2I_SPAN, values);
        add_block(to + (ptrdiff_t)block[i] * JR2I_SPAN, values, weight);
    }
}
