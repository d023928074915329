/* SPDX-License-Identifier: MIT
 * Draws with the few escape sequences that every terminal has: up, erase to the end of the line. */
#include "live_view.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { COLUMNS = 3, ROWS = (JR2_ARKIT_COUNT + COLUMNS - 1) / COLUMNS, BAR = 8 };

/* "eyeBlinkLeft        #####    0.62" */
static int cell(char *to, size_t size, const jr2_motion_face *face, int index)
{
    static const char *const eighths[9] = {" ", "\u258F", "\u258E", "\u258D", "\u258C", "\u258B", "\u258A", "\u2589", "\u2588"};
    float value = face ? face->arkit[index] : 0;
    int filled = (int)(value * BAR * 8 + 0.5f), n = snprintf(to, size, "%-19s", jr2_arkit_name(index));
    for (int i = 0; i < BAR; i++) {
        int part = filled - 8 * i;
        n += snprintf(to + n, size - (size_t)n, "%s", eighths[part < 0 ? 0 : part > 8 ? 8 : part]);
    }
    return n + snprintf(to + n, size - (size_t)n, "%5.2f  ", (double)value);
}

void live_view_show(live_view *view, const jr2_motion_face *face, long frame, double rate)
{
    static const char *const state[3] = {"", " (held)", " (fading)"};
    char text[16384];
    int n = 0;
    double now = cli_seconds();
    if (view->lines && now - view->last < 1 / 15.0)
        return;
    view->last = now;
    if (view->lines)
        n += snprintf(text, sizeof text, "\033[%dA", view->lines);
    n += snprintf(text + n, sizeof text - (size_t)n, "\rframe %ld, %.0f frames/s, ", frame, rate);
    if (face)
        n += snprintf(text + n, sizeof text - (size_t)n, "face %d%s  confidence %.2f  yaw %.1f  pitch %.1f  roll %.1f  %.0f cm\033[K\n", (int)face->id,
                      state[face->state], (double)face->confidence, (double)face->angles[0], (double)face->angles[1], (double)face->angles[2],
                      -(double)face->translation[2]);
    else
        n += snprintf(text + n, sizeof text - (size_t)n, "no face\033[K\n");
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++)
            if (row + ROWS * column < JR2_ARKIT_COUNT)
                n += cell(text + n, sizeof text - (size_t)n, face, row + ROWS * column);
        n += snprintf(text + n, sizeof text - (size_t)n, "\033[K\n");
    }
    view->lines = ROWS + 1;
    fwrite(text, 1, (size_t)n, stderr);
    fflush(stderr);
}

void live_view_end(live_view *view)
{
    view->lines = 0;
}
