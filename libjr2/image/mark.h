/* SPDX-License-Identifier: MIT
 * The synthetic-media mark: a faint pattern of period 64 pixels that is added to a picture, and its detector. docs/mark.md tells
 * how it works and what it survives. It says that a picture was made here; it carries no other message. */
#ifndef JR2I_MARK_H
#define JR2I_MARK_H

#include "base/threads.h"
#include "image/view.h"

#define JR2I_MARK_TILE 64

extern const int8_t jr2i_mark_tile[JR2I_MARK_TILE * JR2I_MARK_TILE];

/* Adds the pattern to the pixels of the view, which must be writable; its origin is the view's top left corner. Alpha stays.
 * Allocates nothing, cannot fail; pool may be NULL. */
void jr2i_mark_embed(const jr2i_view *view, jr2i_pool *pool);

/* What the detector found. */
typedef struct jr2i_mark_found {
    double score;     /* in standard deviations of an unmarked picture's correlation */
    double threshold; /* for this picture: what is above it is marked */
    float scale_x, scale_y;           /* size of the picture relative to when it was marked */
    int32_t mirrored;                 /* left and right are exchanged */
    int32_t left, top, width, height; /* the window of the picture where it was found */
} jr2i_mark_found;

/* Looks for the pattern in count views of one size (frames of one video: what they share adds up). It stops at the first window above the
 * threshold, else reports the best one. JR2_ERR_NO_MEMORY, JR2_ERR_CANCELLED. */
int32_t jr2i_mark_check(jr2i_env *env, const jr2i_view *views, int32_t count, jr2i_mark_found *found);

#endif
