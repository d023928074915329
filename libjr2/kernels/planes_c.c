/* SPDX-License-Identifier: MIT
 * C reference of the kernels that work pixel by pixel: add, upsample, pool, mean, sample. And the table. */
#include "act_c.h"
#include "reference_c.h"

void jr2i_add_c(const jr2i_plane *a, const float *b, ptrdiff_t b_row, float *y, ptrdiff_t y_row, int32_t act)
{
    for (int32_t r = 0; r < a->height; r++)
        for (int32_t i = 0; i < a->width * JR2I_LANES; i++)
            y[r * y_row + i] = act_c(a->p[r * a->row + i] + b[r * b_row + i], act);
}

void jr2i_upsample2_c(const jr2i_plane *x, float *y, ptrdiff_t y_row)
{
    for (int32_t r = 0; r < 2 * x->height; r++)
        for (int32_t i = 0; i < 2 * x->width; i++)
            for (int32_t l = 0; l < JR2I_LANES; l++)
                y[r * y_row + i * JR2I_LANES + l] = x->p[r / 2 * x->row + i / 2 * JR2I_LANES + l];
}

void jr2i_max_pool2_c(const jr2i_plane *x, float *y, ptrdiff_t y_row)
{
    for (int32_t r = 0; r < x->height; r += 2)
        for (int32_t i = 0; i < x->width; i += 2)
            for (int32_t l = 0; l < JR2I_LANES; l++) {
                int32_t below = r + 1 < x->height ? r + 1 : r, right = i + 1 < x->width ? i + 1 : i;
                const float *p = x->p + l;
                float top = fmaxf(p[r * x->row + i * JR2I_LANES], p[r * x->row + right * JR2I_LANES]);
                float bottom = fmaxf(p[below * x->row + i * JR2I_LANES], p[below * x->row + right * JR2I_LANES]);
                y[r / 2 * y_row + i / 2 * JR2I_LANES + l] = fmaxf(top, bottom);
            }
}

void jr2i_mean_c(const jr2i_plane *x, float *y)
{
    for (int32_t l = 0; l < JR2I_LANES; l++) {
        float sum = 0;
        for (int32_t r = 0; r < x->height; r++)
            for (int32_t i = 0; i < x->width; i++)
                sum += x->p[r * x->row + i * JR2I_LANES + l];
        y[l] = sum / ((float)x->height * (float)x->width);
    }
}

void jr2i_sample_c(const jr2i_plane *x, const float *coords, int32_t n, int32_t zeros, float *y)
{
    for (int32_t k = 0; k < n; k++) {
        /* The comparisons are written so that a NaN lands at the first bound. */
        float u = coords[2 * k], v = coords[2 * k + 1];
        float low = zeros ? -1.0f : 0.0f, add = zeros ? 0.0f : -1.0f;
        u = u > low ? u : low;
        v = v > low ? v : low;
        u = u < (float)x->width + add ? u : (float)x->width + add;
        v = v < (float)x->height + add ? v : (float)x->height + add;
        int32_t x0 = (int32_t)floorf(u), y0 = (int32_t)floorf(v);
        float fx = u - (float)x0, fy = v - (float)y0;
        for (int32_t l = 0; l < JR2I_LANES; l++) {
            float sum = 0;
            for (int32_t j = 0; j < 2; j++)
                for (int32_t i = 0; i < 2; i++) {
                    int32_t px = x0 + i, py = y0 + j;
                    float weight = (i ? fx : 1 - fx) * (j ? fy : 1 - fy);
                    if (px >= 0 && px < x->width && py >= 0 && py < x->height)
                        sum += weight * x->p[py * x->row + px * JR2I_LANES + l];
                }
            y[k * JR2I_LANES + l] = sum;
        }
    }
}

const jr2i_kernels jr2i_kernels_c = {
    .name = "c",
    .panel_blocks = 1,
    .conv = jr2i_conv_c,
    .wino_input = jr2i_wino_input_c,
    .wino_multiply = jr2i_wino_multiply_c,
    .wino_output = jr2i_wino_output_c,
    .widen = jr2i_widen_c,
    .wino_weights = jr2i_wino_weights_c,
    .conv_few = jr2i_conv_few_c,
    .depthwise = jr2i_depthwise_c,
    .linear = jr2i_linear_c,
    .linear_half = jr2i_linear_half_c,
    .add_blocks = jr2i_add_blocks_c,
    .add_blocks_half = jr2i_add_blocks_half_c,
    .add = jr2i_add_c,
    .upsample2 = jr2i_upsample2_c,
    .max_pool2 = jr2i_max_pool2_c,
    .mean = jr2i_mean_c,
    .sample = jr2i_sample_c,
};
