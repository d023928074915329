/* SPDX-License-Identifier: MIT
 * Reading of picture files and turning them upright. The decoders are in decode_*.c. */
#include "picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exif.h"

#define MAX_FILE ((size_t)1 << 29) /* bytes */
#ifndef MAX_PIXELS
#define MAX_PIXELS ((size_t)1 << 28) /* 16384 x 16384, 768 MiB of RGB */
#endif

static unsigned char *read_all(FILE *file, size_t *size, char *error, size_t error_size)
{
    size_t used = 0, capacity = (size_t)1 << 18;
    unsigned char *data = malloc(capacity);
    while (data) {
        used += fread(data + used, 1, capacity - used, file);
        if (used < capacity)
            break;
        if (capacity >= MAX_FILE) {
            snprintf(error, error_size, "the file is larger than %zu MiB", MAX_FILE >> 20);
            free(data);
            return NULL;
        }
        unsigned char *larger = realloc(data, capacity *= 2);
        if (!larger)
            free(data);
        data = larger;
    }
    if (!data) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    if (ferror(file)) {
        snprintf(error, error_size, "read failed: %s", strerror(errno));
        free(data);
        return NULL;
    }
    *size = used;
    return data;
}

int picture_orient(picture *p, int orientation)
{
    if (orientation <= 1 || orientation > 8)
        return 0;
    int swap = orientation >= 5, width = swap ? p->height : p->width, height = swap ? p->width : p->height;
    unsigned char *out = malloc((size_t)width * (size_t)height * 3);
    if (!out)
        return -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int u = swap ? y : x, v = swap ? x : y; /* of the stored picture, before mirroring */
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
                u = p->width - 1 - u;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
                v = p->height - 1 - v;
            memcpy(out + 3 * ((size_t)y * (size_t)width + (size_t)x), p->pixels + 3 * ((size_t)v * (size_t)p->width + (size_t)u), 3);
        }
    free(p->pixels);
    p->pixels = out;
    p->width = width;
    p->height = height;
    return 0;
}

int picture_allocate(picture *p, unsigned long width, unsigned long height, char *error, size_t error_size)
{
    if (width < 1 || height < 1 || width > JR2_IMAGE_MAX || height > JR2_IMAGE_MAX || (size_t)width * (size_t)height > MAX_PIXELS) {
        snprintf(error, error_size, "%lu x %lu pixels: at least 1 and at most %d a side, and %zu million in all, are possible", width,
                 height, JR2_IMAGE_MAX, MAX_PIXELS / 1000000);
        return -1;
    }
    p->pixels = calloc((size_t)width * (size_t)height, 3);
    if (!p->pixels) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    p->width = (int)width;
    p->height = (int)height;
    return 0;
}

int picture_decode(const unsigned char *data, size_t size, picture *out, char *error, size_t error_size)
{
    int failed;
    memset(out, 0, sizeof *out);
    if (size >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0)
        failed = picture_decode_jpeg(data, size, out, error, error_size);
    else if (size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
        failed = picture_decode_png(data, size, out, error, error_size);
    else {
        snprintf(error, error_size, size == 0 ? "the file is empty" : "not a picture that can be read (JPEG or PNG)");
        return -1;
    }
    if (!failed && picture_orient(out, exif_orientation(data, size)) != 0) {
        snprintf(error, error_size, "out of memory");
        picture_free(out);
        return -1;
    }
    return failed;
}

int picture_read(const char *path, picture *out, char *error, size_t error_size)
{
    memset(out, 0, sizeof *out);
    int standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    struct stat about;
    if (!file) {
        snprintf(error, error_size, "%s", strerror(errno));
        return -1;
    }
    size_t size = 0;
    unsigned char *data = NULL;
    if (fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode))
        snprintf(error, error_size, "is a folder");
    else
        data = read_all(file, &size, error, error_size);
    if (!standard)
        fclose(file);
    if (!data)
        return -1;
    int failed = picture_decode(data, size, out, error, error_size);
    free(data);
    return failed;
}

void picture_free(picture *p)
{
    free(p->pixels);
    memset(p, 0, sizeof *p);
}

void picture_image(const picture *p, jr2_image *image)
{
    JR2_INIT(*image);
    image->format = JR2_PIXEL_RGB8;
    image->width = p->width;
    image->height = p->height;
    image->pixels = p->pixels;
    image->stride = 3 * (int64_t)p->width;
}
