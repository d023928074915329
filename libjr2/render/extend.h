/* SPDX-License-Identifier: MIT
 * What lies around a head moves with the head as a volume, not with the front of it that is seen: hair and background beside a cheek stay where they are
 * while the nose turns; and what is known to lie behind the person stays where it is. A part of conditions.c. */
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

/* The bilinear value of a plane of cells (n,n) at (x, y), whose centres are integers; borders are repeated. */
float jr2i_extend_cell(const float *plane, int32_t n, float x, float y);

size_t jr2i_extend_scratch(int32_t side); /* floats */
/* The displacement around the mesh, on cells of 4 x 4 pixels, into scratch. What lies behind the source's silhouette stays where it is; where that is not
 * known all moves with the head, the less the farther away. */
void jr2i_extend_spread(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch);
/* (side/4,side/4) in scratch, after jr2i_extend_spread: how much of a cell shows what lies behind the person and was hidden by it, 0..1. */
const float *jr2i_extend_revealed(const float *scratch, int32_t side);
/* Kinds of driven pixels: beside the mesh; skin, whose flow gives way to what lies around near the outline, or hair that goes on beyond would have a seam
 * there; the rest of the mesh. To skin is added, 0..1, how much it has turned towards the camera since the source: what was seen from aside or not at all,
 * and is wide now, must not be made of what lies behind the person. */
#define JR2I_EXTEND_BESIDE 0.0f
#define JR2I_EXTEND_SKIN 1.0f
#define JR2I_EXTEND_REST 3.0f
/* Into flow (2,side,side), rows first to end - 1. kind (side,side) of the driven pixels. */
void jr2i_extend_rows(const float *kind, const jr2i_posed *source, const float *scratch, float *flow, int32_t first, int32_t end);

#endif
