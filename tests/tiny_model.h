/* SPDX-License-Identifier: MIT
 * The tiny model and a counted heap as a checked fixture: nothing may be left of a ctx when a test ends. */
#ifndef JR2_TESTS_TINY_MODEL_H
#define JR2_TESTS_TINY_MODEL_H

#include <check.h>
#include <string.h>

#include "tiny.h"

static jr2_model *model;
static tiny_heap heap;

static void set_up(void)
{
    memset(&heap, 0, sizeof heap);
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER, NULL, &model), JR2_OK);
}

static void tear_down(void)
{
    jr2_model_release(model);
    ck_assert_int_eq(heap.alive, 0);
}

/* A ctx whose memory is counted. */
static jr2_ctx *make_ctx(int32_t threads)
{
    jr2_ctx *ctx;
    ck_assert_int_eq(tiny_ctx(model, threads, &heap, &ctx), JR2_OK);
    return ctx;
}

#endif
