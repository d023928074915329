/* SPDX-License-Identifier: MIT
 * Two passes a target row, for averaging and for bilinear alike: the source rows are added up with their shares, then the columns. */
#include "image/resize.h"

#include <string.h>

#define LANES 16 /* a fixed count, so that compilers turn the inner loop into vectors without being asked */

size_t jr2i_resize_scratch(const jr2i_view *view)
{
    return ((size_t)view->width * (size_t)view->step + LANES - 1) / LANES * LANES;
}

static void add_row(float *restrict sum, const uint8_t *restrict row, size_t count, float share)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[i + k] += share * (float)row[i + k];
    for (; i < count; i++)
        sum[i] += share * (float)row[i];
}

/* Target pixel i of a side covers source pixels [i * scale, (i + 1) * scale): the first and last of them and their shares. */
static void cover(int32_t i, double scale, int32_t size, int32_t *first, int32_t *last, float *head, float *tail)
{
    double low = i * scale, high = (i + 1) * scale;
    *first = (int32_t)low;
    *last = (int32_t)high;
    if (*last >= size)
        *last = size - 1;
    *head = (float)(1 - (low - *first));
    *tail = (float)(high - *last);
    *tail = *tail > 1 ? 1 : *tail;
    if (*last == *first) /* scale 1 or nearly */
        *head = (float)(high - low);
}

static void shrink(const jr2i_view *view, int32_t width, int32_t height, float *out, size_t row, size_t plane, float *scratch)
{
    double sx = (double)view->width / width, sy = (double)view->height / height;
    size_t count = (size_t)view->width * (size_t)view->step;
    float scale = (float)(1 / (sx * sy * 127.5));
    for (int32_t v = 0; v < height; v++, out += row) {
        int32_t y0, y1, x0, x1;
        float head, tail;
        cover(v, sy, view->height, &y0, &y1, &head, &tail);
        memset(scratch, 0, count * sizeof *scratch);
        for (int32_t y = y0; y <= y1; y++) {
            float share = y == y0 ? head : y == y1 ? tail : 1;
            if (share > 0)
                add_row(scratch, jr2i_view_pixel(view, 0, y), count, share);
        }
        for (int32_t u = 0; u < width; u++) {
            cover(u, sx, view->width, &x0, &x1, &head, &tail);
            const float *p = scratch + (size_t)x0 * (size_t)view->step;
            float r = head * p[view->red], g = head * p[view->green], b = head * p[view->blue];
            for (int32_t x = x0 + 1; x < x1; x++) {
                p += view->step;
                r += p[view->red];
                g += p[view->green];
                b += p[view->blue];
            }
            if (x1 > x0) {
                p += view->step;
                r += tail * p[view->red];
                g += tail * p[view->green];
                b += tail * p[view->blue];
            }
            out[u] = r * scale - 1;
            out[u + plane] = g * scale - 1;
            out[u + 2 * plane] = b * scale - 1;
        }
    }
}

/* Target pixel i of a side lies between source pixels first and second, `share` of the way (pixel centres at + 0.5). */
static void between(int32_t i, double scale, int32_t size, int32_t *first, int32_t *second, float *share)
{
    double x = (i + 0.5) * scale - 0.5;
    x = x < 0 ? 0 : x > size - 1 ? size - 1 : x;
    *first = (int32_t)x;
    *second = *first + 1 < size ? *first + 1 : *first;
    *share = (float)(x - *first);
}

static void enlarge(const jr2i_view *view, int32_t width, int32_t height, float *out, size_t row, size_t plane, float *scratch)
{
    double sx = (double)view->width / width, sy = (double)view->height / height;
    size_t count = (size_t)view->width * (size_t)view->step;
    float scale = 1 / 127.5f;
    for (int32_t v = 0; v < height; v++, out += row) {
        int32_t y0, y1, x0, x1;
        float share;
        between(v, sy, view->height, &y0, &y1, &share);
        memset(scratch, 0, count * sizeof *scratch);
        add_row(scratch, jr2i_view_pixel(view, 0, y0), count, 1 - share);
        if (share > 0)
            add_row(scratch, jr2i_view_pixel(view, 0, y1), count, share);
        for (int32_t u = 0; u < width; u++) {
            between(u, sx, view->width, &x0, &x1, &share);
            const float *p = scratch + (size_t)x0 * (size_t)view->step, *q = scratch + (size_t)x1 * (size_t)view->step;
            out[u] = (p[view->red] + share * (q[view->red] - p[view->red])) * scale - 1;
            out[u + plane] = (p[view->green] + share * (q[view->green] - p[view->green])) * scale - 1;
            out[u + 2 * plane] = (p[view->blue] + share * (q[view->blue] - p[view->blue])) * scale - 1;
        }
    }
}

void jr2i_resize_planar(const jr2i_view *view, int32_t width, int32_t height, float *out, size_t row, size_t plane, float *scratch)
{
    if (width > view->width || height > view->height)
        enlarge(view, width, height, out, row, plane, scratch);
    else
        shrink(view, width, height, out, row, plane, scratch);
}
