/* SPDX-License-Identifier: MIT
 * Videos, cameras and pipes in, videos out, through the ffmpeg program: raw frames over pipes, no shell. A stop (SIGINT, SIGTERM) is a flag
 * that readers see as the end, so that whoever writes closes its file properly. */
#ifndef JR2_VIDEO_H
#define JR2_VIDEO_H

#include <stddef.h>
#include <stdint.h>

typedef struct video_in video_in;
typedef struct video_out video_out;

typedef struct video_info {
    int width, height;
    double rate; /* frames a second */
    int live;    /* a camera: frames come when they come */
} video_info;

/* path: a file, "-" for a video on the standard input, "camera" or "camera:N" for /dev/videoN. NULL with a message in error. */
video_in *video_open(const char *path, char *error, size_t error_size);
const video_info *video_about(const video_in *in);
/* The next frame as RGB rows, valid until the next call: 1; 0 at the end or after a stop; -1 where ffmpeg failed midway, with a
 * message. */
int video_read(video_in *in, const unsigned char **rgb, char *error, size_t error_size);
void video_close(video_in *in); /* NULL is fine */
double video_seconds(const char *path); /* about how long a video file is; 0: not known */

/* A video file of the ending's kind; the sound of audio (a file, or NULL) goes with it. */
video_out *video_create(const char *path, const video_info *info, const char *audio, char *error, size_t error_size);
int video_write(video_out *out, const unsigned char *rgb); /* 0, or -1: ffmpeg has gone; video_finish tells why */
/* Closes the file, which plays up to the last frame. 0, or -1 with a message. out is freed; NULL is fine. */
int video_finish(video_out *out, char *error, size_t error_size);

void video_catch_stop(void); /* from now on SIGINT and SIGTERM only set the flag; a second one ends the program */
int video_stopped(void);

#endif
