/* SPDX-License-Identifier: MIT
 * A ctx with the shipped weights, and the sample photograph, for the tests that look at real results. Brings the program's picture reader
 * along. */
#ifndef JR2_TESTS_SHIPPED_H
#define JR2_TESTS_SHIPPED_H

#include "../src/decode_jpeg.c"
#include "../src/decode_png.c"
#include "../src/exif.c"
#include "../src/picture.c"

#include <check.h>

#include "tiny.h"

/* heap: counts the ctx's memory, or NULL. */
static void shipped_open(tiny_heap *heap, jr2_ctx **ctx, picture *photo)
{
    jr2_config config;
    char text[256] = "";
    jr2_model_options options;
    JR2_INIT(config);
    JR2_INIT(options);
    options.error = text;
    options.error_size = sizeof text;
    ck_assert_msg(jr2_model_open("weights", &options, &config.model) == JR2_OK, "%s", text);
    if (heap) {
        config.alloc = tiny_alloc;
        config.release = tiny_release;
        config.alloc_user = heap;
    }
    ck_assert_int_eq(jr2_ctx_create(&config, ctx), JR2_OK);
    jr2_model_release(config.model);
    ck_assert_msg(picture_read("examples/astronaut.jpg", photo, text, sizeof text) == 0, "%s", text);
}

#endif
