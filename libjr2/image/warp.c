/* SPDX-License-Identifier: MIT
 * Resampling under an affine map: bilinear, with a grid of samples where it shrinks. */
#include "image/warp.h"

#include <math.h>

#define SAMPLES_MAX 16
#define BAND 16 /* rows of one task */

#define FRACTION 2048 /* steps between two pixels: weights fit 22 bits, weighted pixels 30 */
#define SHIFT 14      /* what is left of them: pixels x 256 */

static inline float clamp(float x, float high)
{
    x = x > 0 ? x : 0; /* NaN becomes 0 */
    return x < high ? x : high;
}

/* Adds 256 x the bilinear sample at (x, y), picture coordinates less one half. inside: x and y need no clamping and have neighbours. */
static inline void add_sample(const jr2i_view *view, float x, float y, int inside, int32_t sum[3])
{
    ptrdiff_t right = view->step, below = view->stride;
    if (!inside) {
        x = clamp(x, (float)(view->width - 1));
        y = clamp(y, (float)(view->height - 1));
    }
    int32_t ix = (int32_t)x, iy = (int32_t)y;
    if (!inside) {
        right = ix + 1 < view->width ? right : 0;
        below = iy + 1 < view->height ? below : 0;
    }
    int32_t fx = (int32_t)((x - (float)ix) * FRACTION), fy = (int32_t)((y - (float)iy) * FRACTION);
    int32_t w11 = fx * fy, w01 = fx * FRACTION - w11, w10 = fy * FRACTION - w11, w00 = FRACTION * FRACTION - w01 - w10 - w11;
    const uint8_t *p = jr2i_view_pixel(view, ix, iy), *q = p + below;
    const int32_t c[3] = {view->red, view->green, view->blue};
    for (int k = 0; k < 3; k++) {
        int32_t v = w00 * p[c[k]] + w01 * p[c[k] + right] + w10 * q[c[k]] + w11 * q[c[k] + right];
        sum[k] += (v + (1 << (SHIFT - 1))) >> SHIFT;
    }
}

static int32_t samples_of(const float map[6])
{
    float u = sqrtf(map[0] * map[0] + map[3] * map[3]), v = sqrtf(map[1] * map[1] + map[4] * map[4]);
    float s = u > v ? u : v;
    if (!(s > 2))
        return 1;
    return s < 2 * SAMPLES_MAX ? (int32_t)ceilf(0.5f * s) : SAMPLES_MAX;
}

/* Whether every sample of a width x height target falls between pixel centres of the picture. */
static int all_inside(const jr2i_view *view, const float map[6], int32_t width, int32_t height)
{
    for (int corner = 0; corner < 4; corner++) {
        float u = corner & 1 ? (float)width : 0, v = corner & 2 ? (float)height : 0;
        float x = map[0] * u + map[1] * v + map[2], y = map[3] * u + map[4] * v + map[5];
        if (!(x >= 1 && y >= 1 && x <= (float)view->width - 2 && y <= (float)view->height - 2))
            return 0;
    }
    return 1;
}

/* Mean of the n x n samples of target pixel (u, v), 0..255. */
static inline void sample_pixel(const jr2i_view *view, const float map[6], int32_t u, int32_t v, int32_t n, int32_t outside,
                                int inside, float mean[3])
{
    float step = 1.0f / (float)n;
    int32_t sum[3] = {0, 0, 0};
    for (int32_t j = 0; j < n; j++) {
        float tv = (float)v + ((float)j + 0.5f) * step;
        float x0 = map[1] * tv + map[2] - 0.5f, y0 = map[4] * tv + map[5] - 0.5f;
        for (int32_t i = 0; i < n; i++) {
            float tu = (float)u + ((float)i + 0.5f) * step, x = map[0] * tu + x0, y = map[3] * tu + y0;
            if (!inside && outside == JR2I_OUTSIDE_GREY &&
                !(x >= -0.5f && y >= -0.5f && x <= (float)view->width - 0.5f && y <= (float)view->height - 0.5f)) {
                for (int k = 0; k < 3; k++)
                    sum[k] += 32640; /* 127.5 */
                continue;
            }
            add_sample(view, x, y, inside, sum);
        }
    }
    float scale = 1.0f / (float)(256 * n * n);
    for (int k = 0; k < 3; k++)
        mean[k] = (float)sum[k] * scale;
}

static inline void warp_row(const jr2i_view *view, const float map[6], int32_t v, int32_t width, int32_t n, int32_t outside,
                            int inside, size_t plane, float *planar, uint8_t *rgb)
{
    float mean[3];
    for (int32_t u = 0; u < width; u++) {
        sample_pixel(view, map, u, v, n, outside, inside, mean);
        for (int k = 0; k < 3; k++) {
            if (planar)
                planar[(size_t)k * plane + (size_t)u] = mean[k] / 127.5f - 1;
            else
                rgb[3 * (size_t)u + (size_t)k] = (uint8_t)(mean[k] + 0.5f);
        }
    }
}

typedef struct job {
    const jr2i_view *view;
    const float *map;
    int32_t width, height, samples, outside, inside;
    float *planar; /* or */
    uint8_t *rgb;
} job;

/* BAND rows. */
static void warp_band(void *arg, int32_t task, int32_t worker)
{
    const job *j = arg;
    const size_t width = (size_t)j->width, plane = width * (size_t)j->height;
    const int32_t end = (task + 1) * BAND < j->height ? (task + 1) * BAND : j->height;
    (void)worker;
    for (int32_t v = task * BAND; v < end; v++) {
        float *to = j->planar ? j->planar + (size_t)v * width : NULL;
        uint8_t *to_rgb = j->rgb ? j->rgb + 3 * (size_t)v * width : NULL;
        if (j->inside) /* two copies of the loop: the common one has no tests */
            warp_row(j->view, j->map, v, j->width, j->samples, j->outside, 1, plane, to, to_rgb);
        else
            warp_row(j->view, j->map, v, j->width, j->samples, j->outside, 0, plane, to, to_rgb);
    }
}

static void warp(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, jr2i_pool *pool, float *planar,
                 uint8_t *rgb)
{
    job j = {view, map, width, height, samples_of(map), outside, all_inside(view, map, width, height), planar, rgb};
    jr2i_pool_run(pool, warp_band, &j, (height + BAND - 1) / BAND);
}

void jr2i_warp_planar(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, jr2i_pool *pool, float *out)
{
    warp(view, map, width, height, outside, pool, out, NULL);
}

void jr2i_warp_rgb8(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, uint8_t *out)
{
    warp(view, map, width, height, outside, NULL, NULL, out);
}
