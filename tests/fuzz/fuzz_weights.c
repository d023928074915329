/* SPDX-License-Identifier: MIT
 * libFuzzer target: any bytes as weights. The first byte says whether the checksums are made right before (else little gets past them). A
 * model that opens is used: nothing it says may do harm. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "jr2/jr2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static jr2_blob tiny[3]; /* head, find, coarse */
static uint8_t picture[96 * 64 * 3];

static void store32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t load(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

/* Magic, version, size and every checksum as they must be. */
static void seal(uint8_t *file, size_t size)
{
    if (size < 64)
        return;
    memcpy(file, "JR2W\1\0\0\0", 8);
    store32(file + 48, (uint32_t)size);
    store32(file + 52, 0);
    uint64_t count = load(file + 40, 4);
    if (count > (size - 64) / 128)
        return;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *e = file + 64 + 128 * i;
        uint64_t at = load(e + 104, 8), stored = load(e + 112, 8);
        if (at <= size && stored <= size - at)
            store32(e + 100, (uint32_t)crc32(0, file + at, (uInt)stored));
    }
    store32(file + 44, (uint32_t)crc32(0, file + 64, (uInt)(128 * count)));
    store32(file + 60, (uint32_t)crc32(0, file, 60));
}

static void use(jr2_model *model)
{
    jr2_config config;
    jr2_ctx *ctx;
    JR2_INIT(config);
    config.model = model;
    if (jr2_ctx_create(&config, &ctx) == JR2_OK) {
        jr2_image image;
        jr2_reconstruct_options options;
        jr2_region region = {40, 30, 30, 5};
        jr2_result *result;
        JR2_INIT(image);
        JR2_INIT(options);
        image.format = JR2_PIXEL_RGB8;
        image.width = 96;
        image.height = 64;
        image.pixels = picture;
        options.find_side = 96;
        jr2_reconstruct(ctx, &image, &options, &result);
        jr2_result_free(result);
        options.regions = &region;
        options.region_count = 1;
        options.texture_size = 64;
        jr2_reconstruct(ctx, &image, &options, &result);
        jr2_result_free(result);
    }
    jr2_ctx_free(ctx);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const names[] = {"tests/data/tiny/head.jr2w", "tests/data/tiny/find.jr2w", "tests/data/tiny/coarse.jr2w"};
    (void)argc;
    (void)argv;
    for (int i = 0; i < 3; i++) {
        FILE *file = fopen(names[i], "rb");
        static uint8_t buffers[3][1 << 18];
        if (!file)
            abort(); /* to be run in the root of the tree */
        tiny[i].size = fread(buffers[i], 1, sizeof buffers[i], file);
        tiny[i].data = buffers[i];
        fclose(file);
    }
    for (size_t i = 0; i < sizeof picture; i++)
        picture[i] = (uint8_t)(i * 37 >> 3);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t *file = malloc(size); /* exact, so that a read beyond is seen */
    if (!file)
        return 0;
    memcpy(file, data + 1, size - 1);
    if (data[0] & 1)
        seal(file, size - 1);
    /* The bytes take the place of the part that they name; the other two are the tiny ones. */
    jr2_blob blobs[3] = {tiny[0], tiny[1], tiny[2]};
    for (int i = 0; i < 3; i++)
        if (size > 40 && memcmp(file + 8, (const char *)tiny[i].data + 8, 32) == 0) {
            blobs[i].data = file;
            blobs[i].size = size - 1;
            break;
        } else if (i == 2) {
            blobs[0].data = file;
            blobs[0].size = size - 1;
        }
    jr2_model *model;
    if (jr2_model_open_memory(blobs, 3, NULL, &model) == JR2_OK)
        use(model);
    jr2_model_release(model);
    free(file);
    return 0;
}
