/* SPDX-License-Identifier: MIT
 * Writing a picture as PNG through libpng. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "save_file.h"

int picture_encode_png(const picture *p, unsigned char **data, size_t *size, char *error, size_t error_size)
{
    png_image image;
    png_alloc_size_t bytes = 0;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)p->width;
    image.height = (png_uint_32)p->height;
    image.format = PNG_FORMAT_RGB;
    *data = NULL;
    bytes = PNG_IMAGE_PNG_SIZE_MAX(image); /* asking libpng for the size would compress twice */
    *data = malloc(bytes);
    if (!*data || !png_image_write_to_memory(&image, *data, &bytes, 0, p->pixels, 3 * p->width, NULL)) {
        snprintf(error, error_size, "%s", *data ? image.message : "out of memory");
        free(*data);
        *data = NULL;
        return -1;
    }
    *size = bytes;
    return 0;
}

int picture_write_png(const picture *p, const char *path, char *error, size_t error_size)
{
    unsigned char *data;
    size_t size;
    if (picture_encode_png(p, &data, &size, error, error_size) != 0)
        return -1;
    int failed = save_file(path, data, size, error, error_size);
    free(data);
    return failed;
}
