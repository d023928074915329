/* SPDX-License-Identifier: MIT
 * The orientation that a camera wrote into a JPEG file. */
#ifndef JR2_EXIF_H
#define JR2_EXIF_H

#include <stddef.h>

/* 1..8 as in the Exif standard (tag 0x0112); 1, upright, where the bytes are not a JPEG file, carry no orientation or are
 * damaged. Reads nothing outside of data. */
int exif_orientation(const unsigned char *data, size_t size);

#endif
