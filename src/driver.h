/* SPDX-License-Identifier: MIT
 * What drives a portrait, frame by frame: a video or a camera whose faces are tracked, a picture, a motion file, or nothing (one frame without
 * faces, for edits by hand). Told apart by content. */
#ifndef JR2_DRIVER_H
#define JR2_DRIVER_H

#include <stddef.h>

#include "jr2/jr2.h"

enum { DRIVER_NONE, DRIVER_PICTURE, DRIVER_MOTION, DRIVER_VIDEO };

typedef struct driver driver;

typedef struct driver_info {
    int kind;
    int live;       /* a camera */
    double rate;    /* frames a second; 0: unknown or not constant */
    double frames;  /* how many there will be, about; 0: unknown */
} driver_info;

typedef struct driver_frame {
    long number;  /* from 0; of a motion file its own */
    double time;  /* seconds */
    const jr2_motion_face *faces; /* (count) until the next frame */
    int count;
} driver_frame;

/* path NULL: nothing drives. options: of the tracker. NULL with a message in error. */
driver *driver_open(jr2_ctx *ctx, const char *path, const jr2_tracker_options *options, char *error, size_t error_size);
const driver_info *driver_about(const driver *d);
/* 1; 0 at the end or after a stop; -1 with a message: it ended too early. Wrong lines of a motion file are passed over, with a message on
 * stderr for the first few. */
int driver_next(driver *d, driver_frame *frame, char *error, size_t error_size);
long driver_wrong_lines(const driver *d);
/* One line on names and values of a motion file that were not taken as they are; "" where there is nothing to say. */
void driver_remarks(const driver *d, char *text, size_t size);
void driver_close(driver *d); /* NULL is fine */

#endif
