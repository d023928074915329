/* SPDX-License-Identifier: MIT
 * libFuzzer target: any description of an image, regions and options, with the tiny weights. Header of 32 bytes: format, flags, width, height
 * (16 bits each), stride (signed), then options; the rest are pixels, repeated. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jr2/jr2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static jr2_ctx *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    jr2_config config;
    (void)argc;
    (void)argv;
    JR2_INIT(config);
    if (jr2_model_open("tests/data/tiny", NULL, &config.model) != JR2_OK || jr2_ctx_create(&config, &ctx) != JR2_OK)
        abort(); /* to be run in the root of the tree */
    jr2_model_release(config.model);
    return 0;
}

static int32_t discard(void *user, const void *data, size_t size)
{
    size_t *sum = user;
    for (size_t i = 0; i < size; i++)
        *sum += ((const uint8_t *)data)[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEADER = 48, ROOM = 1 << 18 };
    if (size < HEADER)
        return 0;
    jr2_image image;
    jr2_reconstruct_options options;
    jr2_region regions[2];
    int16_t stride;
    uint16_t width, height;
    JR2_INIT(image);
    JR2_INIT(options);
    memcpy(&width, data + 2, 2);
    memcpy(&height, data + 4, 2);
    memcpy(&stride, data + 6, 2);
    memcpy(regions, data + 8, sizeof regions);
    image.format = data[0] % 7;
    image.width = data[1] & 1 ? width % 200 : (int16_t)width;
    image.height = data[1] & 2 ? height % 200 : (int16_t)height;
    image.stride = data[1] & 4 ? stride : 0;
    options.regions = regions;
    options.region_count = data[1] & 8 ? (data[1] >> 4) % 3 : 0;
    options.find_side = 96;
    options.texture_size = data[40] & 1 ? 64 : 0;
    options.passes = data[40] >> 1 & 3;
    memcpy(&options.focal_px, data + 44, 4);
    if (data[40] & 8)
        options.focal_px = 0;
    /* Memory that exactly fits what the description says, or none where it says nothing reasonable. */
    static const int steps[7] = {0, 3, 4, 3, 4, 1, 0};
    int64_t row = (int64_t)image.width * steps[image.format], step = image.stride ? image.stride : row;
    int64_t span = image.height > 0 ? (image.height - 1) * (step < 0 ? -step : step) + row : 0;
    uint8_t *pixels = malloc(span > 0 && span <= ROOM ? (size_t)span : 1);
    if (!pixels)
        return 0;
    if (span > ROOM || (span > 0 && row > 0 && (step < 0 ? -step : step) < row))
        image.format = 0; /* must be refused before any pixel is read */
    for (int64_t i = 0; i < span && span <= ROOM; i++)
        pixels[i] = size > HEADER ? data[HEADER + (size_t)i % (size - HEADER)] : 128;
    image.pixels = step < 0 && span > 0 && span <= ROOM ? pixels + (image.height - 1) * -step : pixels;
    jr2_result *result;
    if (jr2_reconstruct(ctx, &image, &options, &result) == JR2_OK) {
        size_t sum = 0;
        jr2_export_options export_options;
        JR2_INIT(export_options);
        export_options.image = &image;
        jr2_export(ctx, result, 0, JR2_EXPORT_JSON, NULL, discard, &sum);
        if (data[41] % 16 == 0)
            jr2_export(ctx, result, 0, 2 + data[42] % 5, &export_options, discard, &sum);
    }
    jr2_result_free(result);
    free(pixels);
    return 0;
}
