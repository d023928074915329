/* SPDX-License-Identifier: MIT
 * Anti-aliased lines and dots: coverage is how far inside of the shape a pixel's centre lies. */
#include "image/draw.h"

#include <math.h>
#include <stddef.h>

static void blend(const jr2i_canvas *canvas, int32_t x, int32_t y, const uint8_t rgb[3], float alpha)
{
    uint8_t *p = canvas->pixels + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
    for (int k = 0; k < 3; k++)
        p[k] = (uint8_t)((float)p[k] + ((float)rgb[k] - (float)p[k]) * alpha + 0.5f);
}

/* First and last index whose pixel centre lies in low..high, inside of 0..size-1; 0 where there is none. */
static int range(float low, float high, int32_t size, int32_t *first, int32_t *last)
{
    float a = ceilf(low - 0.5f), b = floorf(high - 0.5f);
    a = a > 0 ? a : 0;
    b = b < (float)(size - 1) ? b : (float)(size - 1);
    if (!(a <= b))
        return 0;
    *first = (int32_t)a;
    *last = (int32_t)b;
    return 1;
}

static float coverage(float distance, float radius)
{
    float c = radius + 0.5f - distance;
    return c > 0 ? c < 1 ? c : 1 : 0; /* NaN covers nothing */
}

void jr2i_draw_dot(const jr2i_canvas *canvas, float x, float y, float radius, const uint8_t rgb[3], float opacity)
{
    int32_t x0, x1, y0, y1;
    float reach = radius + 0.5f;
    if (!isfinite(x) || !isfinite(y) || !range(x - reach, x + reach, canvas->width, &x0, &x1) ||
        !range(y - reach, y + reach, canvas->height, &y0, &y1))
        return;
    for (int32_t j = y0; j <= y1; j++)
        for (int32_t i = x0; i <= x1; i++) {
            float dx = (float)i + 0.5f - x, dy = (float)j + 0.5f - y;
            blend(canvas, i, j, rgb, opacity * coverage(sqrtf(dx * dx + dy * dy), radius));
        }
}

void jr2i_draw_line(const jr2i_canvas *canvas, float x0, float y0, float x1, float y1, float thickness, const uint8_t rgb[3],
                    float opacity)
{
    float dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy, radius = 0.5f * thickness, reach = radius + 0.5f;
    if (!isfinite(x0) || !isfinite(y0) || !isfinite(length2))
        return;
    int32_t first, last, low, high;
    /* Walk along the longer direction; across it only the pixels that the line can reach. */
    int flat = fabsf(dx) >= fabsf(dy);
    float a0 = flat ? x0 : y0, a1 = flat ? x1 : y1, b0 = flat ? y0 : x0, b1 = flat ? y1 : x1;
    float slope = a1 != a0 ? (b1 - b0) / (a1 - a0) : 0, across = reach * sqrtf(1 + slope * slope) + 0.01f;
    if (!range(fminf(a0, a1) - reach, fmaxf(a0, a1) + reach, flat ? canvas->width : canvas->height, &first, &last))
        return;
    for (int32_t i = first; i <= last; i++) {
        float middle = b0 + slope * ((float)i + 0.5f - a0);
        if (!range(middle - across, middle + across, flat ? canvas->height : canvas->width, &low, &high))
            continue;
        for (int32_t j = low; j <= high; j++) {
            float px = (float)(flat ? i : j) + 0.5f - x0, py = (float)(flat ? j : i) + 0.5f - y0;
            float t = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = px - t * dx, ey = py - t * dy;
            float c = coverage(sqrtf(ex * ex + ey * ey), radius);
            if (c > 0)
                blend(canvas, flat ? i : j, flat ? j : i, rgb, opacity * c);
        }
    }
}
