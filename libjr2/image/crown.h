/* SPDX-License-Identifier: MIT
 * Heads that the upper border of a picture cuts. When such a head sinks, what was above the border comes into sight; its hair, drawn on from the
 * border, would stand there as a column. Here the hair closes to a crown, and what was beside it at the border lies behind. */
#ifndef JR2I_CROWN_H
#define JR2I_CROWN_H

#include <stdint.h>

#define JR2I_CROWN_SIDE 256 /* the longest side of a crop */

typedef struct jr2i_crown {
    int32_t side;               /* 0: there is nothing to close */
    float top;                  /* the picture's first row */
    float centre, half, height; /* of the ellipse that closes the hair, above that row */
    float behind[3][JR2I_CROWN_SIDE]; /* R, G, B of each column */
    float *hair;                /* (side,side) 0..1, from the upper side of the crop down to the head: the caller's memory */
} jr2i_crown;

/* crop (3,side,side), side <= JR2I_CROWN_SIDE: R, G, B, 0..1, of which columns left to right - 1 and rows from top on are the picture's, and the rows
 * above repeat row top. head, in pixels, centres at integers: its leftmost and rightmost column and its uppermost row, without hair. Fills crown, with
 * hair (side,side) as its memory, and draws the rows above top anew. Where no hair reaches from the head to the border, or it looks like what is beside
 * it, there is nothing to close, and crop stays as it is. */
void jr2i_crown_close(float *crop, int32_t side, int32_t left, int32_t right, int32_t top, const float head[3], float *hair, jr2i_crown *crown);

/* The share, 0..1, of what lies behind, crown->behind, in a pixel of a moved head: on is where the pixel was before the head moved, if it moved with
 * it; from is where in the crop its content was taken from. Where the head did not move it is 0 for every pixel of the picture. */
float jr2i_crown_open(const jr2i_crown *crown, const float on[2], const float from[2]);

#endif
