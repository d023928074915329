/* SPDX-License-Identifier: MIT
 * Resampling: crops and reductions of a picture as network input. The arithmetic is part of the file formats' promise: the
 * training code resamples the same way (docs/crop.md). */
#ifndef JR2I_WARP_H
#define JR2I_WARP_H

#include "base/threads.h"
#include "image/view.h"

#define JR2I_OUTSIDE_REPEAT 0 /* outside of the picture its edge pixels go on */
#define JR2I_OUTSIDE_GREY 1   /* 127.5, that is 0 in the output */

/* map (6): source x = map[0] u + map[1] v + map[2], source y = map[3] u + map[4] v + map[5], for a target point (u, v) in
 * pixels; pixel centres are at + 0.5 on both sides. out (3,height,width) planar R, G, B: value / 127.5 - 1.
 * Sampling is bilinear; where the map shrinks (a target pixel is s > 2 source pixels long) each target pixel is the mean of
 * n x n bilinear samples on a regular grid in it, n = ceil(s / 2), at most 16. */
void jr2i_warp_planar(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, jr2i_pool *pool, float *out);

/* The same to 8-bit RGB rows (height,width,3), rounded to nearest. */
void jr2i_warp_rgb8(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, uint8_t *out);

#endif
