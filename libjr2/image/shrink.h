/* SPDX-License-Identifier: MIT
 * Reducing a whole picture by exact area averaging: each target pixel is the mean of the source area it covers. For turned
 * or enlarged pieces see image/warp.h. */
#ifndef JR2I_SHRINK_H
#define JR2I_SHRINK_H

#include "image/view.h"

/* Elements of scratch for views up to this many pixels wide. */
size_t jr2i_shrink_scratch(const jr2i_view *view);
/* view reduced to width x height (each at most the view's), as planar R, G, B of v / 127.5 - 1: pixel (u,v) of channel k goes to
 * out[k * plane + v * row + u]. scratch: jr2i_shrink_scratch floats. */
void jr2i_shrink_planar(const jr2i_view *view, int32_t width, int32_t height, float *out, size_t row, size_t plane,
                        float *scratch);

#endif
