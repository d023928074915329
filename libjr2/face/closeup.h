/* SPDX-License-Identifier: MIT
 * Close looks at the parts of a face that say most of its expression: squares around both eyes, with their brows, and the mouth
 * (docs/crop.md). */
#ifndef JR2I_CLOSEUP_H
#define JR2I_CLOSEUP_H

#include "base/threads.h"
#include "face/frame.h"
#include "image/view.h"

#define JR2I_CLOSEUP_RIGHT_EYE 0
#define JR2I_CLOSEUP_LEFT_EYE 1 /* its crop is mirrored: it looks like a right one */
#define JR2I_CLOSEUP_MOUTH 2
#define JR2I_CLOSEUPS 3

/* Affine map (6) from pixels of the crop of side pixels, before the left eye's is mirrored, to image pixels. landmarks (478,2) px; frame:
 * that of the landmarks. */
void jr2i_closeup_map(const float *landmarks, const jr2i_frame *frame, int32_t which, int32_t side, float map[6]);
/* Landmarks measured from the middles of their closeups, in sizes of the frame and in its axes, to image pixels: at, out (count,2);
 * anchor (count) JR2I_CLOSEUP_*; out may be at. landmarks, frame: those that placed the closeups. */
void jr2i_closeup_points(const float *landmarks, const jr2i_frame *frame, const uint8_t *anchor, const float *at, int32_t count, float *out);
/* The crop itself as network input: out (3,side,side), value / 127.5 - 1. */
void jr2i_closeup_take(const jr2i_view *view, const float *landmarks, const jr2i_frame *frame, int32_t which, int32_t side, jr2i_pool *pool, float *out);

#endif
