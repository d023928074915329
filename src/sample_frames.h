/* SPDX-License-Identifier: MIT
 * Some frames of a video, through the ffmpeg program. */
#ifndef JR2_SAMPLE_FRAMES_H
#define JR2_SAMPLE_FRAMES_H

#include "picture.h"

/* Whether the file is no picture that picture_read knows by its first bytes. A file that cannot be opened counts as a picture. */
int sample_frames_needed(const char *path);
/* Up to max frames of one size, two a second from the beginning. Their number, at least 1, or -1 with a message in error. */
int sample_frames(const char *path, int max, picture *frames, char *error, size_t error_size);

#endif
