/* SPDX-License-Identifier: MIT
 * The coefficients of a face as bars in the terminal, drawn in place. */
#ifndef JR2_LIVE_VIEW_H
#define JR2_LIVE_VIEW_H

#include "jr2/jr2.h"

typedef struct live_view {
    int lines;   /* on the screen */
    double last; /* when it was drawn */
} live_view;

/* On the standard error, at most 15 times a second. face may be NULL: nobody is seen. */
void live_view_show(live_view *view, const jr2_motion_face *face, long frame, double rate);
void live_view_end(live_view *view); /* leaves the last picture standing */

#endif
