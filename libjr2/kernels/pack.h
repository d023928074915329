/* SPDX-License-Identifier: MIT
 * Weights from the order of PyTorch into the order that the kernels read. Each destination is filled completely, with
 * zeros where channels are added to a full block. */
#ifndef JR2I_KERNELS_PACK_H
#define JR2I_KERNELS_PACK_H

#include "kernels.h"

static inline int32_t jr2i_blocks(int32_t channels)
{
    return (channels + JR2I_LANES - 1) / JR2I_LANES;
}

/* The 36 or 16 points of the Winograd transform G g G' of a filter (3,3) into u (tile + 2, tile + 2). */
void jr2i_wino_filter(const float *g, int32_t tile, float *u);

/* Sizes in floats. */
size_t jr2i_pack_conv_size(int32_t out, int32_t in, int32_t k, int32_t planar);
size_t jr2i_pack_wino_size(int32_t out, int32_t in, int32_t tile);
size_t jr2i_pack_wino_taps_size(int32_t out, int32_t in);
size_t jr2i_pack_few_size(int32_t out, int32_t in, int32_t planes);
size_t jr2i_pack_depthwise_size(int32_t channels);
size_t jr2i_pack_linear_size(int32_t out, int32_t in);

/* w: (out, in, k, k). planar: for chunks of k columns of a plane, else for chunks of 16 channels. */
void jr2i_pack_conv(const float *w, int32_t out, int32_t in, int32_t k, int32_t planar, int32_t panel_blocks, float *packed);
void jr2i_pack_wino(const float *w, int32_t out, int32_t in, int32_t tile, int32_t panel_blocks, float *packed); /* w: (out, in, 3, 3) */
void jr2i_pack_wino_taps(const float *w, int32_t out, int32_t in, int32_t panel_blocks, float *packed); /* the same, not transformed: panels of (in, 3, 3, width) */
void jr2i_pack_few(const float *w, int32_t out, int32_t in, int32_t planes, float *packed); /* w: (out, in + planes, 3, 3), out <= 4 */
void jr2i_pack_depthwise(const float *w, int32_t channels, float *packed); /* w: (channels, 3, 3) */
void jr2i_pack_linear(const float *w, int32_t out, int32_t in, float *packed); /* w: (out, in) */

/* The chunk offsets of jr2i_conv for a map with these strides; returns their number. planar: in planes, else blocks. */
int32_t jr2i_conv_offsets(int32_t in, int32_t k, int32_t planar, ptrdiff_t row, ptrdiff_t block, ptrdiff_t *offset);

#endif
