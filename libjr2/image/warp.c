/* SPDX-License-Identifier: MIT
 * Resampling under an affine map: bilinear, with a grid of samples where it shrinks. */
#include "image/warp.h"

#include <math.h>

#define SAMPLES_MAX 16

static float clamp(float x, float high)
{
    x = x > 0 ? x : 0; /* NaN becomes 0 */
    return x < high ? x : high;
}

/* Adds the bilinear sample at (x, y), picture coordinates less one half. */
static inline void add_sample(const jr2i_view *view, float x, float y, int32_t outside, float sum[3])
{
    if (outside == JR2I_OUTSIDE_GREY && !(x >= -0.5f && y >= -0.5f && x <= (float)view->width - 0.5f && y <= (float)view->height - 0.5f)) {
        sum[0] += 127.5f;
        sum[1] += 127.5f;
        sum[2] += 127.5f;
        return;
    }
    x = clamp(x, (float)(view->width - 1));
    y = clamp(y, (float)(view->height - 1));
    int32_t ix = (int32_t)x, iy = (int32_t)y;
    float fx = x - (float)ix, fy = y - (float)iy;
    const uint8_t *p = jr2i_view_pixel(view, ix, iy);
    const uint8_t *q = p + (iy + 1 < view->height ? view->stride : 0);
    ptrdiff_t right = ix + 1 < view->width ? view->step : 0;
    float w11 = fx * fy, w01 = fx - w11, w10 = fy - w11, w00 = 1 - fx - w10;
    const int32_t c[3] = {view->red, view->green, view->blue};
    for (int k = 0; k < 3; k++) {
        const uint8_t *a = p + c[k], *b = q + c[k];
        sum[k] += w00 * (float)a[0] + w01 * (float)a[right] + w10 * (float)b[0] + w11 * (float)b[right];
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

/* Mean of the n x n samples of target pixel (u, v), 0..255. */
static void sample_pixel(const jr2i_view *view, const float map[6], int32_t u, int32_t v, int32_t n, int32_t outside, float mean[3])
{
    float step = 1.0f / (float)n, scale = 1.0f / (float)(n * n), sum[3] = {0, 0, 0};
    for (int32_t j = 0; j < n; j++)
        for (int32_t i = 0; i < n; i++) {
            float tu = (float)u + ((float)i + 0.5f) * step, tv = (float)v + ((float)j + 0.5f) * step;
            add_sample(view, map[0] * tu + map[1] * tv + map[2] - 0.5f, map[3] * tu + map[4] * tv + map[5] - 0.5f, outside, sum);
        }
    for (int k = 0; k < 3; k++)
        mean[k] = sum[k] * scale;
}

void jr2i_warp_planar(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, float *out)
{
    int32_t n = samples_of(map);
    size_t plane = (size_t)width * (size_t)height;
    float mean[3];
    for (int32_t v = 0; v < height; v++)
        for (int32_t u = 0; u < width; u++, out++) {
            sample_pixel(view, map, u, v, n, outside, mean);
            for (int k = 0; k < 3; k++)
                out[(size_t)k * plane] = mean[k] / 127.5f - 1;
        }
}

void jr2i_warp_rgb8(const jr2i_view *view, const float map[6], int32_t width, int32_t height, int32_t outside, uint8_t *out)
{
    int32_t n = samples_of(map);
    float mean[3];
    for (int32_t v = 0; v < height; v++)
        for (int32_t u = 0; u < width; u++, out += 3) {
            sample_pixel(view, map, u, v, n, outside, mean);
            for (int k = 0; k < 3; k++)
                out[k] = (uint8_t)(mean[k] + 0.5f);
        }
}
