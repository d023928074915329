/* SPDX-License-Identifier: MIT
 * Checking a caller's picture, and reading it as RGB. */
#include "image/view.h"

#include <string.h>

static const struct {
    int32_t step, red, green, blue;
} layouts[] = {
    [JR2_PIXEL_RGB8] = {3, 0, 1, 2},  [JR2_PIXEL_RGBA8] = {4, 0, 1, 2}, [JR2_PIXEL_BGR8] = {3, 2, 1, 0},
    [JR2_PIXEL_BGRA8] = {4, 2, 1, 0}, [JR2_PIXEL_GRAY8] = {1, 0, 0, 0},
};

int32_t jr2i_view_check(jr2i_env *env, const jr2_image *image, jr2i_view *view)
{
    memset(view, 0, sizeof *view);
    if (!image)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "image is NULL");
    if (image->struct_size != sizeof *image)
        return jr2i_fail(env, JR2_ERR_STRUCT_SIZE, "jr2_image: struct_size is %u, expected %u", (unsigned)image->struct_size,
                         (unsigned)sizeof *image);
    if (image->format < 1 || image->format >= (int32_t)(sizeof layouts / sizeof layouts[0]))
        return jr2i_fail(env, JR2_ERR_IMAGE_FORMAT, "pixel format %d is unknown", (int)image->format);
    if (image->width < 1 || image->height < 1 || image->width > JR2_IMAGE_MAX || image->height > JR2_IMAGE_MAX)
        return jr2i_fail(env, JR2_ERR_IMAGE_SIZE, "an image of %d x %d pixels: each side must be 1..%d", (int)image->width,
                         (int)image->height, JR2_IMAGE_MAX);
    if (!image->pixels)
        return jr2i_fail(env, JR2_ERR_IMAGE, "the image has no pixels (NULL)");
    int32_t step = layouts[image->format].step;
    int64_t row = (int64_t)step * image->width, stride = image->stride ? image->stride : row;
    int64_t magnitude = stride == INT64_MIN ? 0 : stride < 0 ? -stride : stride;
    if (magnitude < row)
        return jr2i_fail(env, JR2_ERR_IMAGE, "stride %lld is shorter than a row of %lld bytes", (long long)stride, (long long)row);
    if (magnitude > PTRDIFF_MAX / image->height)
        return jr2i_fail(env, JR2_ERR_IMAGE, "stride %lld is too large", (long long)stride);
    view->pixels = image->pixels;
    view->stride = (ptrdiff_t)stride;
    view->width = image->width;
    view->height = image->height;
    view->step = step;
    view->red = layouts[image->format].red;
    view->green = layouts[image->format].green;
    view->blue = layouts[image->format].blue;
    return JR2_OK;
}

jr2i_view jr2i_view_rgb(const uint8_t *pixels, int32_t width, int32_t height)
{
    jr2i_view view = {pixels, (ptrdiff_t)3 * width, width, height, 3, 0, 1, 2};
    return view;
}

void jr2i_view_to_rgb(const jr2i_view *view, uint8_t *rgb)
{
    for (int32_t y = 0; y < view->height; y++) {
        const uint8_t *from = jr2i_view_pixel(view, 0, y);
        for (int32_t x = 0; x < view->width; x++, from += view->step, rgb += 3) {
            rgb[0] = from[view->red];
            rgb[1] = from[view->green];
            rgb[2] = from[view->blue];
        }
    }
}
