/* SPDX-License-Identifier: MIT
 * Z-buffer rasteriser: integer edge functions over each triangle's bounding box. Head meshes have thousands of
 * triangles of a few pixels each, so the per-triangle setup counts as much as the inner loop: no tiles, no sorting. */
#include "raster.h"

#include <math.h>
#include <stddef.h>

#define SUBPIXEL 256             /* steps a pixel; */
#define COORDINATE_LIMIT 1048576 /* with |x| <= 2^20 px edge functions stay below 2^59: no overflow */

typedef struct edge {
    int64_t value; /* at the first pixel of the row, biased by the top-left rule */
    int64_t step_x, step_y;
    int64_t bias;
} edge;

static int32_t snap(float x)
{
    return (int32_t)(x * SUBPIXEL + (x < 0 ? -0.5f : 0.5f));
}

static int drawable(const float *p, const float *inv_w, int32_t i)
{
    int ok = fabsf(p[0]) <= (float)COORDINATE_LIMIT && fabsf(p[1]) <= (float)COORDINATE_LIMIT && isfinite(p[2]);
    return ok && (!inv_w || (inv_w[i] > 0 && isfinite(inv_w[i]))); /* comparisons are false for NaN */
}

/* Edge from (ax, ay) to (bx, by), positive inside for triangles that turn clockwise on the screen, at point (px, py). */
static edge make_edge(int32_t ax, int32_t ay, int32_t bx, int32_t by, int64_t px, int64_t py)
{
    int64_t dx = (int64_t)bx - ax, dy = (int64_t)by - ay;
    edge e;
    e.bias = dy < 0 || (dy == 0 && dx > 0) ? 0 : -1; /* left and top edges own the pixels that lie exactly on them */
    e.value = dx * (py - ay) - dy * (px - ax) + e.bias;
    e.step_x = -dy * SUBPIXEL;
    e.step_y = dx * SUBPIXEL;
    return e;
}

static int64_t floor_div(int64_t a, int64_t b) /* b > 0 */
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static int32_t minimum3(int32_t a, int32_t b, int32_t c)
{
    int32_t m = a < b ? a : b;
    return m < c ? m : c;
}

static int32_t maximum3(int32_t a, int32_t b, int32_t c)
{
    int32_t m = a > b ? a : b;
    return m > c ? m : c;
}

typedef struct target {
    int32_t width, first_row, end_row;
    int32_t *triangle_id;
    float *barycentric;
    float *depth;
} target;

/* corner: indices of the three vertices, in the order of the output weights. */
static void draw(const target *t, const float *xyz, const float *inv_w, const int32_t *corner, int32_t cull, int32_t id)
{
    int32_t x[3], y[3];
    for (int k = 0; k < 3; k++) {
        const float *p = xyz + 3 * (size_t)corner[k];
        if (!drawable(p, inv_w, corner[k]))
            return;
        x[k] = snap(p[0]);
        y[k] = snap(p[1]);
    }
    int64_t area = (int64_t)(x[1] - x[0]) * (y[2] - y[0]) - (int64_t)(x[2] - x[0]) * (y[1] - y[0]);
    if (area == 0 || (cull == JR2I_CULL_BACK && area > 0) || (cull == JR2I_CULL_FRONT && area < 0))
        return;
    int second = 1, third = 2; /* walk the corners clockwise */
    if (area < 0) {
        area = -area;
        second = 2;
        third = 1;
    }

    /* Pixels whose centres can be inside. */
    int64_t x_first = floor_div((int64_t)minimum3(x[0], x[1], x[2]) + SUBPIXEL / 2 - 1, SUBPIXEL);
    int64_t x_last = floor_div((int64_t)maximum3(x[0], x[1], x[2]) - SUBPIXEL / 2, SUBPIXEL);
    int64_t y_first = floor_div((int64_t)minimum3(y[0], y[1], y[2]) + SUBPIXEL / 2 - 1, SUBPIXEL);
    int64_t y_last = floor_div((int64_t)maximum3(y[0], y[1], y[2]) - SUBPIXEL / 2, SUBPIXEL);
    x_first = x_first < 0 ? 0 : x_first;
    y_first = y_first < t->first_row ? t->first_row : y_first;
    x_last = x_last >= t->width ? t->width - 1 : x_last;
    y_last = y_last >= t->end_row ? t->end_row - 1 : y_last;
    if (x_first > x_last || y_first > y_last)
        return;

    int64_t px = x_first * SUBPIXEL + SUBPIXEL / 2, py = y_first * SUBPIXEL + SUBPIXEL / 2;
    /* edge k is opposite corner k of the clockwise walk, so its value / area is that corner's weight */
    edge e0 = make_edge(x[second], y[second], x[third], y[third], px, py);
    edge e1 = make_edge(x[third], y[third], x[0], y[0], px, py);
    edge e2 = make_edge(x[0], y[0], x[second], y[second], px, py);

    float inv_area = 1.0f / (float)area;
    float w0 = 1, w1 = 1, w2 = 1;
    if (inv_w) {
        w0 = inv_w[corner[0]];
        w1 = inv_w[corner[second]];
        w2 = inv_w[corner[third]];
    }
    float z0 = xyz[3 * (size_t)corner[0] + 2];
    float z1 = xyz[3 * (size_t)corner[second] + 2];
    float z2 = xyz[3 * (size_t)corner[third] + 2];

    for (int64_t row = y_first; row <= y_last; row++) {
        int64_t v0 = e0.value, v1 = e1.value, v2 = e2.value;
        size_t base = (size_t)row * (size_t)t->width;
        int inside = 0;
        for (int64_t column = x_first; column <= x_last; column++) {
            if ((v0 | v1 | v2) >= 0) {
                inside = 1;
                float b0 = (float)(v0 - e0.bias) * inv_area * w0;
                float b1 = (float)(v1 - e1.bias) * inv_area * w1;
                float b2 = (float)(v2 - e2.bias) * inv_area * w2;
                float scale = 1.0f / (b0 + b1 + b2);
                float z = (b0 * z0 + b1 * z1 + b2 * z2) * scale;
                size_t i = base + (size_t)column;
                if (z < t->depth[i]) {
                    t->depth[i] = z;
                    t->triangle_id[i] = id;
                    if (t->barycentric) {
                        float *b = t->barycentric + 3 * i;
                        b[0] = b0 * scale;
                        b[second] = b1 * scale;
                        b[third] = b2 * scale;
                    }
                }
            } else if (inside) {
                break; /* convex: once left, a row is not entered again */
            }
            v0 += e0.step_x;
            v1 += e1.step_x;
            v2 += e2.step_x;
        }
        e0.value += e0.step_y;
        e1.value += e1.step_y;
        e2.value += e2.step_y;
    }
}

void jr2i_raster_rows(const float *xyz, const float *inv_w, int32_t vertex_count, const int32_t *triangles,
                      int32_t triangle_count, int32_t width, int32_t height, int32_t cull, int32_t first_row, int32_t end_row,
                      int32_t *triangle_id, float *barycentric, float *depth)
{
    first_row = first_row < 0 ? 0 : first_row;
    end_row = end_row > height ? height : end_row;
    if (width <= 0 || first_row >= end_row)
        return;
    const target t = {width, first_row, end_row, triangle_id, barycentric, depth};
    const size_t end = (size_t)width * (size_t)end_row;
    for (size_t i = (size_t)width * (size_t)first_row; i < end; i++) {
        triangle_id[i] = -1;
        depth[i] = INFINITY;
        for (int k = 0; k < 3 && barycentric; k++)
            barycentric[3 * i + (size_t)k] = 0;
    }
    for (int32_t i = 0; i < triangle_count; i++) {
        const int32_t *corner = triangles + 3 * (size_t)i;
        uint32_t count = (uint32_t)vertex_count;
        if ((uint32_t)corner[0] < count && (uint32_t)corner[1] < count && (uint32_t)corner[2] < count)
            draw(&t, xyz, inv_w, corner, cull, i);
    }
}

void jr2i_raster(const float *xyz, const float *inv_w, int32_t vertex_count, const int32_t *triangles,
                 int32_t triangle_count, int32_t width, int32_t height, int32_t cull, int32_t *triangle_id,
                 float *barycentric, float *depth)
{
    jr2i_raster_rows(xyz, inv_w, vertex_count, triangles, triangle_count, width, height, cull, 0, height, triangle_id, barycentric, depth);
}

void jr2i_raster_interpolate(const int32_t *triangle_id, const float *barycentric, int64_t pixels,
                             const int32_t *triangles, const float *attribute, int32_t channels, float *out)
{
    for (int64_t i = 0; i < pixels; i++) {
        if (triangle_id[i] < 0)
            continue;
        const int32_t *corner = triangles + 3 * (size_t)triangle_id[i];
        const float *b = barycentric + 3 * i;
        const float *a0 = attribute + (size_t)corner[0] * (size_t)channels;
        const float *a1 = attribute + (size_t)corner[1] * (size_t)channels;
        const float *a2 = attribute + (size_t)corner[2] * (size_t)channels;
        float *o = out + i * channels;
        for (int32_t c = 0; c < channels; c++)
            o[c] = b[0] * a0[c] + b[1] * a1[c] + b[2] * a2[c];
    }
}
