/* SPDX-License-Identifier: MIT
 * Calibration of the first face of a video. */
#include "calibration.h"

#define REST_SECONDS 1.0 /* the library's */

int calibration_option(calibration *c, cli_args *args)
{
    if (cli_is(args, NULL, "--calibrate"))
        c->rest = 1;
    else if (cli_is(args, NULL, "--calibrate-range"))
        c->range = cli_number(args, 1, 600);
    else
        return 0;
    return 1;
}

void calibration_step(calibration *c, jr2_tracker *tracker, double time)
{
    int32_t count;
    const jr2_track_event *e = jr2_tracker_events(tracker, &count);
    for (int32_t i = 0; !c->id && i < count; i++)
        if (e[i].kind == JR2_EVENT_NEW) {
            c->id = e[i].id;
            c->begin = time + (c->rest ? REST_SECONDS : 0);
            if (c->rest)
                jr2_tracker_calibrate(tracker, c->id, JR2_CALIBRATE_REST);
        }
    if (!c->id || !(c->range > 0))
        return;
    if (c->state == 0 && time >= c->begin) {
        jr2_tracker_calibrate(tracker, c->id, JR2_CALIBRATE_RANGE);
        c->state = 1;
    } else if (c->state == 1 && time >= c->begin + c->range) {
        calibration_end(c, tracker);
    }
}

void calibration_end(calibration *c, jr2_tracker *tracker)
{
    if (c->state == 1)
        jr2_tracker_calibrate(tracker, c->id, JR2_CALIBRATE_END);
    c->state = 2;
}
