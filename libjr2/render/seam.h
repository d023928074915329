/* SPDX-License-Identifier: MIT
 * Seams of the texture atlas: where one vertex has several places in it, what is known at one of them is told to the others, so that
 * filling (fill.h) goes on from chart to chart. */
#ifndef JR2I_SEAM_H
#define JR2I_SEAM_H

#include "face/head.h"
#include "render/fill.h"

/* fill: after a first jr2i_fill_run over the atlas, holding values that belong to places of the surface. Sets cells of level 0 at seams of
 * skin triangles, and their weights to 1: run it again. best: scratch (V). */
void jr2i_seam_join(const jr2i_head *head, jr2i_fill *fill, int32_t *best);

#endif
