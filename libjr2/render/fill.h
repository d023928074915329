/* SPDX-License-Identifier: MIT
 * Smooth filling of holes in a picture of floats (pull-push over a pyramid): known values stay, unknown ones follow from what is known
 * around them, the farther away the smoother. */
#ifndef JR2I_FILL_H
#define JR2I_FILL_H

#include "base/env.h"

#define JR2I_FILL_LEVELS 16

typedef struct jr2i_fill {
    int32_t levels;
    int32_t size[JR2I_FILL_LEVELS]; /* sides: level 0 the picture's own, then halves rounded up */
    float *cell[JR2I_FILL_LEVELS];  /* (size,size,4): three values and a weight 0..1 */
    float *memory;
} jr2i_fill;

int32_t jr2i_fill_create(jr2i_env *env, int32_t size, jr2i_fill *fill); /* cells are 0 */
void jr2i_fill_free(const jr2i_env *env, jr2i_fill *fill);
/* Cells of level 0 hold values and weights; afterwards all levels hold filled values, and level 0 its old weights. */
void jr2i_fill_run(jr2i_fill *fill);
/* Value at (x, y) of level 0 (pixel centres at + 0.5), bilinear from the cells of a level. */
void jr2i_fill_sample(const jr2i_fill *fill, int32_t level, float x, float y, float value[4]);

#endif
