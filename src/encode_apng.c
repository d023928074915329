/* SPDX-License-Identifier: MIT
 * Animated PNG (PNG specification, third edition: acTL, fcTL, fdAT) out of single PNGs. A frame holds the rectangle that changed since the
 * one before it; behind each frame the file is ended, and the count of frames at its beginning is set anew. */
#include "encode_apng.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct apng {
    FILE *file;
    double rate;
    uint32_t frames, sequence; /* so far; numbers of fcTL and fdAT chunks */
    long count_at, end;        /* where acTL and IEND stand */
    unsigned char *last;       /* (height, width, 3) the last frame */
};

static void put_u32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* A chunk; its contents are prefix and data, one behind the other. Whether it was written. */
static int put_chunk(FILE *file, const char *type, const unsigned char *prefix, size_t prefix_size, const unsigned char *data, size_t size)
{
    unsigned char head[8], tail[4];
    put_u32(head, (uint32_t)(prefix_size + size));
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (prefix_size > 0)
        crc = crc32(crc, prefix, (uInt)prefix_size);
    if (size > 0)
        crc = crc32(crc, data, (uInt)size);
    put_u32(tail, (uint32_t)crc);
    return fwrite(head, 1, 8, file) == 8 && (prefix_size == 0 || fwrite(prefix, 1, prefix_size, file) == prefix_size) &&
           (size == 0 || fwrite(data, 1, size, file) == size) && fwrite(tail, 1, 4, file) == 4;
}

static int put_count(const apng *a)
{
    unsigned char actl[8] = {0}; /* plays: 0, without end */
    put_u32(actl, a->frames);
    return put_chunk(a->file, "acTL", actl, sizeof actl, NULL, 0);
}

static int put_control(apng *a, const int rectangle[4])
{
    unsigned char fctl[26] = {0};
    put_u32(fctl, a->sequence++);
    put_u32(fctl + 4, (uint32_t)rectangle[2]);
    put_u32(fctl + 8, (uint32_t)rectangle[3]);
    put_u32(fctl + 12, (uint32_t)rectangle[0]);
    put_u32(fctl + 16, (uint32_t)rectangle[1]);
    const uint32_t hundredths = (uint32_t)(100 * a->rate + 0.5); /* the delay is 100 / hundredths seconds */
    fctl[20] = 0;
    fctl[21] = 100;
    fctl[22] = (unsigned char)(hundredths >> 8);
    fctl[23] = (unsigned char)hundredths;
    return put_chunk(a->file, "fcTL", fctl, sizeof fctl, NULL, 0); /* dispose none, blend source: 0 */
}

/* Writes the chunks of a whole PNG as the next frame. */
static int put_frame(apng *a, const unsigned char *png, size_t size, const int rectangle[4])
{
    int first = a->frames == 0, started = 0, ok = !first || fwrite(png, 1, 8, a->file) == 8;
    for (size_t at = 8; ok && at + 12 <= size;) {
        const unsigned char *chunk = png + at;
        const uint32_t length = get_u32(chunk);
        const int data = memcmp(chunk + 4, "IDAT", 4) == 0;
        if (data && !started) {
            ok = put_control(a, rectangle);
            started = 1;
        }
        if (ok && data && !first) {
            unsigned char number[4];
            put_u32(number, a->sequence++);
            ok = put_chunk(a->file, "fdAT", number, 4, chunk + 8, length);
        } else if (ok && first && memcmp(chunk + 4, "IEND", 4) != 0) {
            ok = fwrite(chunk, 1, length + 12, a->file) == length + 12;
        }
        if (ok && first && memcmp(chunk + 4, "IHDR", 4) == 0) {
            a->count_at = ftell(a->file);
            ok = put_count(a);
        }
        at += length + 12;
    }
    return ok;
}

/* x, y, width, height of what differs from the last frame; a pixel where nothing does. */
static void find_changes(const apng *a, const picture *p, int rectangle[4])
{
    const size_t row = 3 * (size_t)p->width;
    int top = 0, bottom = p->height - 1, left = p->width, right = 0;
    while (top < bottom && memcmp(a->last + (size_t)top * row, p->pixels + (size_t)top * row, row) == 0)
        top++;
    while (bottom > top && memcmp(a->last + (size_t)bottom * row, p->pixels + (size_t)bottom * row, row) == 0)
        bottom--;
    for (int y = top; y <= bottom; y++) {
        const unsigned char *was = a->last + (size_t)y * row, *is = p->pixels + (size_t)y * row;
        for (int x = 0; x < left; x++)
            if (memcmp(was + 3 * x, is + 3 * x, 3) != 0)
                left = x;
        for (int x = p->width - 1; x > right; x--)
            if (memcmp(was + 3 * x, is + 3 * x, 3) != 0)
                right = x;
    }
    left = left > right ? right : left;
    const int found[4] = {left, top, right - left + 1, bottom - top + 1};
    memcpy(rectangle, found, sizeof found);
}

apng *apng_create(const char *path, double rate, char *error, size_t error_size)
{
    apng *a = calloc(1, sizeof *a);
    if (a)
        a->file = fopen(path, "wb");
    if (!a || !a->file) {
        snprintf(error, error_size, "%s", a ? strerror(errno) : "out of memory");
        free(a);
        return NULL;
    }
    setvbuf(a->file, NULL, _IONBF, 0); /* nothing is left in a buffer when the disk is full */
    a->rate = rate < 0.01 ? 0.01 : rate > 600 ? 600 : rate;
    return a;
}

int apng_add(apng *a, const picture *frame, char *error, size_t error_size)
{
    int rectangle[4] = {0, 0, frame->width, frame->height}, ok = 1;
    unsigned char *png;
    size_t size, bytes = 3 * (size_t)frame->width * (size_t)frame->height;
    picture part = *frame;
    if (a->frames == 0) {
        if (!(a->last = malloc(bytes))) {
            snprintf(error, error_size, "out of memory");
            return -1;
        }
    } else {
        find_changes(a, frame, rectangle);
        part.width = rectangle[2];
        part.height = rectangle[3];
        if (!(part.pixels = malloc(3 * (size_t)part.width * (size_t)part.height))) {
            snprintf(error, error_size, "out of memory");
            return -1;
        }
        for (int y = 0; y < part.height; y++)
            memcpy(part.pixels + 3 * (size_t)y * (size_t)part.width,
                   frame->pixels + 3 * ((size_t)(rectangle[1] + y) * (size_t)frame->width + (size_t)rectangle[0]), 3 * (size_t)part.width);
    }
    int failed = picture_encode_png(&part, &png, &size, error, error_size);
    if (part.pixels != frame->pixels)
        picture_free(&part);
    if (failed)
        return -1;
    errno = 0;
    ok = fseek(a->file, a->end, SEEK_SET) == 0 && put_frame(a, png, size, rectangle);
    free(png);
    if (ok) {
        const long end = ftell(a->file);
        if ((ok = put_chunk(a->file, "IEND", NULL, 0, NULL, 0))) {
            a->frames++;
            a->end = end;
        }
        ok = ok && fseek(a->file, a->count_at, SEEK_SET) == 0 && put_count(a);
    }
    if (!ok) {
        snprintf(error, error_size, "%s", strerror(errno));
        if (a->frames > 0 && fseek(a->file, a->end, SEEK_SET) == 0) /* the frames before still play */
            put_chunk(a->file, "IEND", NULL, 0, NULL, 0);
        return -1;
    }
    memcpy(a->last, frame->pixels, bytes);
    return 0;
}

int apng_finish(apng *a, char *error, size_t error_size)
{
    if (!a)
        return 0;
    int failed = fclose(a->file) != 0;
    if (failed)
        snprintf(error, error_size, "%s", strerror(errno));
    free(a->last);
    free(a);
    return failed ? -1 : 0;
}
