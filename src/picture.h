/* SPDX-License-Identifier: MIT
 * Picture files: JPEG, PNG, BMP through stb_image. They live in the program, not in the library. */
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
void picture_free(picture *p);
void picture_image(const picture *p, jr2_image *image); /* a view */

/* Turns pixels as an Exif orientation (1..8) says; takes p->pixels over. 0, or -1 without memory (p unchanged). */
int picture_orient(picture *p, int orientation);

#endif
