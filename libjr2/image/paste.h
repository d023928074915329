/* SPDX-License-Identifier: MIT
 * Pasting a crop that was made anew back into the picture that it came from: at the picture's own resolution, with the fine detail of the picture
 * where it is still to be seen, and without a seam. */
#ifndef JR2I_PASTE_H
#define JR2I_PASTE_H

#include "base/threads.h"
#include "image/view.h"

#define JR2I_PASTE_BLEND 8 /* floats a pixel of the crop */

/* Pixels of the crop have their centres at integers here. */
typedef struct jr2i_paste {
    int32_t side;        /* of the crop, px */
    float left, top;     /* of the crop in the picture, px, */
    float step;          /* and picture pixels a crop pixel */
    const float *made;   /* (side,side,4) 0..255: R, G, B, and 0..1: the share of the picture's own detail */
    const float *from;   /* (side,side,2) where in the crop the picture's content comes from */
    const float *before; /* (side,side,4) 0..255: the crop of the picture as it was; the fourth is not used */
    float *blend;        /* (side,side,JR2I_PASTE_BLEND) scratch */
    const uint8_t *rgb;  /* (height,width,3) the picture */
    int32_t width, height;
    const float (*faces)[3]; /* (face_count) x, y, size, px: the face that moves, then the other ones of the picture; NULL with 0 */
    int32_t face_count;
} jr2i_paste;

/* Writes into out, of the picture's size, which holds it already. The result is made + share x (picture - before), both where from says and between the pixels of the crop bilinearly, so that an
 * unchanged crop gives back the picture to the pixel; it fades out towards the sides of the crop that lie inside of the picture, and half-way to
 * another face, which stays as it is in out. */
void jr2i_paste_into(const jr2i_paste *paste, jr2i_pool *pool, const jr2i_view *out);

/* The crop alone: (side,side) pixels, rounded. */
void jr2i_paste_crop(const jr2i_paste *paste, const jr2i_view *out);

#endif
