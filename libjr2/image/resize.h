/* SPDX-License-Identifier: MIT
 * A whole picture at another size. Where it gets smaller, each target pixel is the mean of the source area it covers; where
 * it gets larger, bilinear. For turned or cut pieces see image/warp.h. */
#ifndef JR2I_RESIZE_H
#define JR2I_RESIZE_H

#include "image/view.h"

/* Floats of scratch for a view. */
size_t jr2i_resize_scratch(const jr2i_view *view);
/* view at width x height, as planar R, G, B of v / 127.5 - 1: pixel (u,v) of channel k goes to out[k * plane + v * row + u].
 * Averages if both sides are at most the view's, else bilinear with edge pixels repeated. scratch: jr2i_resize_scratch. */
void jr2i_resize_planar(const jr2i_view *view, int32_t width, int32_t height, float *out, size_t row, size_t plane,
                        float *scratch);

#endif
