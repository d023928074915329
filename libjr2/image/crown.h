/* SPDX-License-Identifier: MIT
 * Heads that the upper border of a picture cuts. When such a head sinks, what was above the border comes into sight; its hair, drawn on from the
 * border, would stand there as a column. Here the hair closes to a crown, and what was beside it at the border lies behind. */
#ifndef JR2I_CROWN_H
#define JR2I_CROWN_H

#include <stdint.h>

#define JR2I_CROWN_SIDE 256 /* the longest side of a crop */

/* crop (3,side,side), side <= JR2I_CROWN_SIDE: R, G, B, 0..1, of which columns left to right - 1 and rows from top on are the picture's, and the rows
 * above repeat row top. head, in pixels, centres at integers: its leftmost and rightmost column and its uppermost row, without hair. Draws the rows
 * above top anew and returns 1; where no hair reaches from the head to the border, or it looks like what is beside it, returns 0 and changes nothing. */
int32_t jr2i_crown_close(float *crop, int32_t side, int32_t left, int32_t right, int32_t top, const float head[3]);

#endif
