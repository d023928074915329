/* SPDX-License-Identifier: MIT
 * PNG through libpng's simplified interface: any kind becomes RGB; what is transparent lies on grey. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

int picture_decode_png(const unsigned char *data, size_t size, picture *out, char *error, size_t error_size)
{
    png_image image;
    png_color grey = {128, 128, 128};
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&image, data, size)) {
        snprintf(error, error_size, "damaged PNG: %s", image.message);
        return -1;
    }
    image.format = PNG_FORMAT_RGB;
    if (picture_allocate(out, image.width, image.height, error, error_size) != 0) {
        png_image_free(&image);
        return -1;
    }
    if (!png_image_finish_read(&image, &grey, out->pixels, 3 * (png_int_32)out->width, NULL)) {
        snprintf(error, error_size, "damaged PNG: %s", image.message);
        picture_free(out);
        return -1;
    }
    return 0;
}
