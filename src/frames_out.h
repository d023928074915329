/* SPDX-License-Identifier: MIT
 * Where made frames go: a video (by ffmpeg), numbered PNGs, an animated PNG, or one PNG or JPEG; with the metadata of synthetic media. */
#ifndef JR2_FRAMES_OUT_H
#define JR2_FRAMES_OUT_H

#include <stddef.h>

#include "picture.h"

enum { FRAMES_UNKNOWN, FRAMES_VIDEO, FRAMES_SEQUENCE, FRAMES_PNG, FRAMES_JPEG };

/* By the name: .mp4 .mov .mkv .webm; a folder or a pattern such as frames/%05d.png; .png; .jpg. */
int frames_kind(const char *path);

typedef struct frames_out frames_out;

typedef struct frames_out_options {
    int width, height;
    double rate;
    int many;          /* more than one frame may come: a .png becomes an animation */
    const char *sound; /* of a video: a file or NULL */
    int said;          /* 1: writes the metadata (not to .mkv and .webm, which have no place for it that programs read) */
} frames_out_options;

/* NULL with a message in error. */
frames_out *frames_open(const char *path, const frames_out_options *options, char *error, size_t error_size);
/* 0, or -1: it cannot go on, and frames_close tells why. */
int frames_write(frames_out *f, const picture *frame);
/* Ends the file, which holds every frame that was written. 0, or -1 with a message. f is freed; NULL is fine. */
int frames_close(frames_out *f, char *error, size_t error_size);

#endif
