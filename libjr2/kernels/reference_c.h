/* SPDX-License-Identifier: MIT
 * The C reference, declared for the table. */
#ifndef JR2I_KERNELS_REFERENCE_C_H
#define JR2I_KERNELS_REFERENCE_C_H

#include "kernels.h"

void jr2i_conv_c(const jr2i_conv *q, int32_t panel, int32_t row0, int32_t row1);
void jr2i_conv_few_c(const jr2i_conv_few *q, int32_t row0, int32_t row1);
void jr2i_depthwise_c(const jr2i_depthwise *q, int32_t block, int32_t row0, int32_t row1);
void jr2i_linear_c(const float *x, int32_t inputs, const float *weights, const float *bias, int32_t act, float *y);
void jr2i_linear_half_c(const float *x, int32_t inputs, const uint16_t *weights, const float *bias, int32_t act, float *y);
void jr2i_add_blocks_c(float *to, const int32_t *block, int32_t blocks, const float *from, float weight);
void jr2i_add_blocks_half_c(float *to, const int32_t *block, int32_t blocks, const uint16_t *from, float weight);
void jr2i_wino_input_c(const jr2i_wino *q, int32_t in_block, int32_t tile0, int32_t n, float *v);
void jr2i_wino_multiply_c(const jr2i_wino *q, int32_t panel, int32_t point, int32_t n, const float *weights, const float *v, float *m);
void jr2i_wino_weights_c(const uint16_t *halves, int32_t tile, int32_t in, int32_t width, int32_t row0, int32_t row1, float *to);
void jr2i_widen_c(const uint16_t *halves, size_t count, float *to);
void jr2i_wino_output_c(const jr2i_wino *q, int32_t out_block, int32_t tile0, int32_t n, const float *m);
void jr2i_add_c(const jr2i_plane *a, const float *b, ptrdiff_t b_row, float *y, ptrdiff_t y_row, int32_t act);
void jr2i_upsample2_c(const jr2i_plane *x, float *y, ptrdiff_t y_row);
void jr2i_max_pool2_c(const jr2i_plane *x, float *y, ptrdiff_t y_row);
void jr2i_mean_c(const jr2i_plane *x, float *y);
void jr2i_sample_c(const jr2i_plane *x, const float *coords, int32_t n, int32_t zeros, float *y);

#endif
