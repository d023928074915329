/* SPDX-License-Identifier: MIT
 * See tiny.h. */
#include "tiny.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 64 };

void *tiny_alloc(void *user, size_t size, size_t alignment)
{
    tiny_heap *heap = user;
    void *block = NULL;
    heap->made++;
    if (heap->fail_at > 0 && (heap->made == heap->fail_at || (heap->keep_failing && heap->made > heap->fail_at)))
        return NULL;
    if (alignment > HEADER || posix_memalign(&block, HEADER, size + HEADER) != 0)
        return NULL;
    memcpy(block, &size, sizeof size);
    memset((char *)block + HEADER, 0xA5, size); /* nobody may count on zeros */
    heap->alive++;
    heap->bytes += size;
    if (heap->bytes > heap->peak)
        heap->peak = heap->bytes;
    return (char *)block + HEADER;
}

void tiny_release(void *user, void *pointer)
{
    tiny_heap *heap = user;
    size_t size;
    if (!pointer)
        abort(); /* promised by the header */
    void *block = (char *)pointer - HEADER;
    memcpy(&size, block, sizeof size);
    heap->alive--;
    heap->bytes -= size;
    free(block);
}

int32_t tiny_ctx(jr2_model *model, int32_t threads, tiny_heap *heap, jr2_ctx **ctx)
{
    jr2_config config;
    JR2_INIT(config);
    config.model = model;
    config.threads = threads;
    config.alloc = tiny_alloc;
    config.release = tiny_release;
    config.alloc_user = heap;
    return jr2_ctx_create(&config, ctx);
}

unsigned char *tiny_picture(int width, int height, int discs)
{
    unsigned char *rgb = malloc((size_t)width * (size_t)height * 3);
    if (!rgb)
        abort();
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            unsigned char *p = rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            int red = 0;
            for (int i = 0; i < discs; i++) {
                double dx = x + 0.5 - width * (i + 0.5) / discs, dy = y + 0.5 - height * 0.5, r = 0.15 * (width > height ? width : height);
                red |= dx * dx + dy * dy < r * r;
            }
            p[0] = red ? 250 : 20;
            p[1] = (unsigned char)(60 + 40 * ((x / 8 + y / 8) & 1));
            p[2] = red ? 10 : 220;
        }
    return rgb;
}

jr2_image tiny_image(const unsigned char *rgb, int width, int height)
{
    jr2_image image;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    image.width = width;
    image.height = height;
    image.pixels = rgb;
    return image;
}

unsigned char *tiny_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "%s is missing\n", path);
        abort();
    }
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*size + 1);
    if (!data || fread(data, 1, *size, file) != *size)
        abort();
    fclose(file);
    return data;
}

int tiny_small(void)
{
    const char *value = getenv("JR2_SMALL_TESTS");
    return value && *value && strcmp(value, "0") != 0;
}
