/* SPDX-License-Identifier: MIT
 * The face frame: where a face is, how large and how it is turned, and the crop that the networks see (docs/crop.md). */
#ifndef JR2I_FRAME_H
#define JR2I_FRAME_H

#include <stdint.h>

typedef struct jr2i_frame {
    float x, y; /* centre, image px */
    float size; /* px: longer side of the box around the surface landmarks, turned upright */
    float roll; /* radians, clockwise positive */
} jr2i_frame;

#define JR2I_CROP_FACTOR 1.5f /* side of the coarse network's square / size */

/* Frame of the 468 surface landmarks (the first 468 of 478): landmarks (468+,2) px. Returns 0 where they are not finite or have
 * no extent, else 1. */
int32_t jr2i_frame_from_landmarks(const float *landmarks, jr2i_frame *frame);
/* Affine map (6) from pixels of the crop of side pixels to image pixels, as jr2i_warp_planar takes it. factor: JR2I_CROP_FACTOR. */
void jr2i_frame_crop_map(const jr2i_frame *frame, float factor, int32_t side, float map[6]);
void jr2i_map_points(const float map[6], const float *points, int32_t count, float *out); /* (count,2); out may be points */
int32_t jr2i_map_invert(const float map[6], float inverse[6]); /* 0 where it has no inverse */

#endif
