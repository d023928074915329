/* SPDX-License-Identifier: MIT
 * Writing a picture as PNG through libpng, under a temporary name until it is complete. */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"

int picture_write_png(const picture *p, const char *path, char *error, size_t error_size)
{
    png_image image;
    png_alloc_size_t size = 0;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)p->width;
    image.height = (png_uint_32)p->height;
    image.format = PNG_FORMAT_RGB;
    void *data = NULL;
    if (png_image_write_get_memory_size(image, size, 0, p->pixels, 3 * p->width, NULL))
        data = malloc(size);
    if (!data || !png_image_write_to_memory(&image, data, &size, 0, p->pixels, 3 * p->width, NULL)) {
        snprintf(error, error_size, "%s", data ? image.message : "out of memory");
        free(data);
        return -1;
    }
    size_t length = strlen(path) + 32;
    char *temporary = malloc(length);
    FILE *file = NULL;
    if (temporary) {
        snprintf(temporary, length, "%s.%ld.tmp", path, (long)getpid());
        file = fopen(temporary, "wbx");
    }
    int ok = file != NULL;
    if (ok) {
        ok = fwrite(data, 1, size, file) == size;
        ok = fflush(file) == 0 && ok;
        ok = fclose(file) == 0 && ok;
        ok = ok && rename(temporary, path) == 0;
    }
    if (!ok) {
        snprintf(error, error_size, "%s", temporary ? strerror(errno) : "out of memory");
        if (file)
            unlink(temporary);
    }
    free(temporary);
    free(data);
    return ok ? 0 : -1;
}
