/* SPDX-License-Identifier: MIT
 * What lies around a head moves with the head as a volume, not with the front of it that is seen: hair and background beside a cheek stay where they are
 * while the nose turns. A part of conditions.c. */
#ifndef JR2I_EXTEND_H
#define JR2I_EXTEND_H

#include <stddef.h>
#include <stdint.h>

#include "render/conditions.h"

/* A similarity from driven to source pixels: (x, y) moves by (t[0] + a X - b Y, t[1] + b X + a Y) with X, Y from the middle. */
typedef struct jr2i_similarity {
    float x, y, t[2], a, b;
} jr2i_similarity;

/* The one that comes nearest to the displacements of the whole surface, front and back. Turning a head hardly changes it. */
jr2i_similarity jr2i_extend_volume(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source);

size_t jr2i_extend_scratch(int32_t side); /* floats */
/* The displacement around the mesh, on cells of 4 x 4 pixels, into scratch. */
void jr2i_extend_spread(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch);
/* Into flow (2,side,side), rows first to end - 1. kind (side,side): 0 beside the mesh, 1 skin, whose flow gives way to it near the outline, or hair that
 * goes on beyond would have a seam there, 2 the rest of the mesh. */
void jr2i_extend_rows(const float *kind, int32_t side, const float *scratch, float *flow, int32_t first, int32_t end);

#endif
