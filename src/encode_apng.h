/* SPDX-License-Identifier: MIT
 * Animated PNG: a PNG whose first picture every program shows, and that browsers and image viewers play. Not for long films: every frame is
 * packed without loss. */
#ifndef JR2_ENCODE_APNG_H
#define JR2_ENCODE_APNG_H

#include "picture.h"

typedef struct apng apng;

/* The file is made at once. NULL with a message in error. rate: frames a second, at most 600. */
apng *apng_create(const char *path, double rate, char *error, size_t error_size);
/* One more frame, of the size of the first. After each the file is whole and plays up to it. 0, or -1 with a message. */
int apng_add(apng *a, const picture *frame, char *error, size_t error_size);
int apng_finish(apng *a, char *error, size_t error_size); /* closes the file and frees a; NULL is fine */

#endif
