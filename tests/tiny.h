/* SPDX-License-Identifier: MIT
 * Tests of the whole library: the tiny weights of tests/data/tiny, a picture with red discs that the tiny finder takes for faces, and an
 * allocator that counts and fails on demand. */
#ifndef JR2_TESTS_TINY_H
#define JR2_TESTS_TINY_H

#include <stddef.h>

#include "jr2/jr2.h"

#define TINY_FOLDER "tests/data/tiny"

/* Counts allocations that are alive; the one numbered fail_at (from 1) and, with keep_failing, all after it return NULL. */
typedef struct tiny_heap {
    long made, alive, fail_at;
    int keep_failing;
    size_t bytes, peak;
} tiny_heap;

void *tiny_alloc(void *heap, size_t size, size_t alignment);
void tiny_release(void *heap, void *pointer);

/* A ctx whose memory is counted in heap: the status of jr2_ctx_create. The caller keeps its reference to the model. */
int32_t tiny_ctx(jr2_model *model, int32_t threads, tiny_heap *heap, jr2_ctx **ctx);

/* RGB picture to be freed: blue, with red discs side by side, as large as there is room. */
unsigned char *tiny_picture(int width, int height, int discs);
jr2_image tiny_image(const unsigned char *rgb, int width, int height);

/* A whole file, to be freed; aborts when it cannot be read: a missing test file is a failure. */
unsigned char *tiny_read(const char *path, size_t *size);

/* 1 where JR2_SMALL_TESTS asks for short loops (valgrind). */
int tiny_small(void);

#endif
