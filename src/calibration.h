/* SPDX-License-Identifier: MIT
 * --calibrate and --calibrate-range of the commands that track: the first face's first second is its face at rest; what it does in the seconds
 * after is how far its coefficients go. */
#ifndef JR2_CALIBRATION_H
#define JR2_CALIBRATION_H

#include "cli.h"

typedef struct calibration {
    int rest;      /* asked for */
    double range;  /* seconds, or 0 */
    int32_t id;    /* of the face; 0: none came yet */
    double begin;  /* of the range */
    int state;     /* of the range: 0 waiting, 1 watching, 2 done */
} calibration;

int calibration_option(calibration *c, cli_args *args); /* 1: the present option was one of them */
/* After each update of the tracker, with its time. */
void calibration_step(calibration *c, jr2_tracker *tracker, double time);
void calibration_end(calibration *c, jr2_tracker *tracker); /* the video is over: what was watched counts */

#endif
