/* SPDX-License-Identifier: MIT
 * Picture files: JPEG and PNG. They live in the program, not in the library. */
#ifndef JR2_PICTURE_H
#define JR2_PICTURE_H

#include <stddef.h>

#include "jr2/jr2.h"

typedef struct picture {
    unsigned char *pixels; /* (height, width, 3) RGB */
    int width, height;
} picture;

/* Reads a file, or the standard input for "-", upright as its Exif orientation says. 0, or -1 with a message in error. */
int picture_read(const char *path, picture *out, char *error, size_t error_size);
int picture_decode(const unsigned char *data, size_t size, picture *out, char *error, size_t error_size);
void picture_free(picture *p);
void picture_image(const picture *p, jr2_image *image); /* a view */

/* Turns pixels as an Exif orientation (1..8) says; takes p->pixels over. 0, or -1 without memory (p unchanged). */
int picture_orient(picture *p, int orientation);

/* For the decoders: room for a picture, cleared; -1 where the size is not possible or there is no memory. */
int picture_allocate(picture *p, unsigned long width, unsigned long height, char *error, size_t error_size);
int picture_decode_jpeg(const unsigned char *data, size_t size, picture *out, char *error, size_t error_size);
int picture_decode_png(const unsigned char *data, size_t size, picture *out, char *error, size_t error_size);

/* A PNG in memory: *data is freed with free. */
int picture_encode_png(const picture *p, unsigned char **data, size_t *size, char *error, size_t error_size);
/* 0, or -1 with a message: then the file is as it was. */
int picture_write_png(const picture *p, const char *path, char *error, size_t error_size);
int picture_write_jpeg(const picture *p, const char *path, char *error, size_t error_size);

#endif
