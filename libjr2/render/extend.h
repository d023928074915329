/* SPDX-License-Identifier: MIT
 * Carrying the flow of a mesh on outside of it, smoothly, in three steps; a part of conditions.c. The first and the last step work on rows
 * first to end - 1, multiples of 4, so that several threads can share them. */
#ifndef JR2I_EXTEND_H
#define JR2I_EXTEND_H

#include <stddef.h>
#include <stdint.h>

/* planes (count,side,side) -> rows first to end - 1 of (count,side/2,side/2), means of 2 x 2. */
void jr2i_extend_halve(const float *planes, int32_t count, int32_t side, float *out, int32_t first, int32_t end);

size_t jr2i_extend_scratch(int32_t side); /* floats */
/* scratch: as many; flow (2,side,side); where triangle_id (side,side) is below 0 there is no mesh. */
void jr2i_extend_cover(const int32_t *triangle_id, int32_t side, const float *flow, float *scratch, int32_t first, int32_t end);
void jr2i_extend_spread(int32_t side, float *scratch); /* once all rows are covered */
void jr2i_extend_rows(const int32_t *triangle_id, int32_t side, const float *scratch, float *flow, int32_t first, int32_t end);

#endif
