/* SPDX-License-Identifier: MIT
 * Opening motion files by their content. */
#ifndef JR2_MOTION_FILE_H
#define JR2_MOTION_FILE_H

#include <stddef.h>
#include <stdint.h>

typedef struct motion_file {
    int file; /* -1: none */
    unsigned char head[64]; /* the first bytes, read to tell what it is: a pipe cannot go back */
    size_t held, given;     /* of them */
    int64_t size;           /* bytes; 0: unknown */
} motion_file;

/* 1: a motion file, opened; 0: something else, or a name that is no file ("-", "camera"); -1: other JSON, with a message in error. */
int motion_file_open(motion_file *m, const char *path, char *error, size_t error_size);
int64_t motion_file_read(void *m, void *data, size_t size); /* a jr2_read_fn */
void motion_file_close(motion_file *m);

#endif
