/* SPDX-License-Identifier: MIT
 * A picture as the library reads it: 8 bits a channel, any channel order, rows at any distance. Borrowed, never changed. */
#ifndef JR2I_VIEW_H
#define JR2I_VIEW_H

#include <stddef.h>

#include "base/env.h"
#include "jr2/jr2.h"

typedef struct jr2i_view {
    const uint8_t *pixels; /* first byte of the top row */
    ptrdiff_t stride;      /* bytes from a row to the one below it, negative for pictures stored bottom up */
    int32_t width, height;
    int32_t step;                /* bytes from a pixel to its right neighbour */
    int32_t red, green, blue;    /* byte of each channel in a pixel; all 0 for grey */
} jr2i_view;

/* Checks a caller's image. JR2_ERR_ARGUMENT (NULL), JR2_ERR_STRUCT_SIZE, JR2_ERR_IMAGE (no pixels, wrong stride),
 * JR2_ERR_IMAGE_SIZE (a side outside of 1..JR2_IMAGE_MAX), JR2_ERR_IMAGE_FORMAT. */
int32_t jr2i_view_check(jr2i_env *env, const jr2_image *image, jr2i_view *view);

/* A view of width x height RGB pixels without gaps between rows. */
jr2i_view jr2i_view_rgb(const uint8_t *pixels, int32_t width, int32_t height);

static inline const uint8_t *jr2i_view_pixel(const jr2i_view *view, int32_t x, int32_t y)
{
    return view->pixels + (ptrdiff_t)y * view->stride + (ptrdiff_t)x * view->step;
}

/* Copies into tight RGB rows (height, width, 3). */
void jr2i_view_to_rgb(const jr2i_view *view, uint8_t *rgb);

#endif
