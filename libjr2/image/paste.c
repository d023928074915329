/* SPDX-License-Identifier: MIT
 * See paste.h. */
#include "image/paste.h"

#include <math.h>

#define BORDER 0.11f  /* sides of the crop in which the new picture fades in */
#define SAMPLES_MAX 8 /* a side: of crop pixels for one of the picture */
#define BAND 16       /* rows of one task */
#define OTHERS 0.46f  /* share of the way from another face, each way in sizes of its face: up to here a pixel is the other's, */
#define OWN 0.54f     /* and from here on it belongs to the face that moves */

typedef struct job {
    const jr2i_paste *paste;
    const jr2i_view *out;
    int32_t x0, y0, x1, y1;    /* the pixels of the picture that the crop covers */
    int32_t samples;           /* a side */
    float fade[4];             /* left, top, right, bottom: crop pixels in which it fades, 0: not at all */
} job;

static inline uint8_t *writable(const jr2i_view *view, int32_t x, int32_t y)
{
    return (uint8_t *)(uintptr_t)jr2i_view_pixel(view, x, y);
}

static inline float clamped(float x, float high)
{
    x = x > 0 ? x : 0; /* NaN becomes 0 */
    return x < high ? x : high;
}

static inline void put(const jr2i_view *view, uint8_t *p, const float rgb[3])
{
    const int32_t at[3] = {view->red, view->green, view->blue};
    for (int k = 0; k < 3; k++)
        p[at[k]] = (uint8_t)(clamped(rgb[k], 255) + 0.5f);
}

/* Bilinear values of (side,side,count) at (x, y), borders repeated. */
static inline void sample(const float *map, int32_t side, int32_t count, float x, float y, float *value)
{
    x = clamped(x, (float)(side - 1));
    y = clamped(y, (float)(side - 1));
    const int32_t i = (int32_t)x, j = (int32_t)y, right = i + 1 < side ? count : 0, below = j + 1 < side ? count * side : 0;
    const float ax = x - (float)i, ay = y - (float)j;
    const float w00 = (1 - ax) * (1 - ay), w10 = ax * (1 - ay), w01 = (1 - ax) * ay, w11 = ax * ay;
    const float *p = map + (size_t)count * ((size_t)j * (size_t)side + (size_t)i);
    for (int32_t k = 0; k < count; k++)
        value[k] = w00 * p[k] + w10 * p[right + k] + w01 * p[below + k] + w11 * p[below + right + k];
}

/* The same of the picture, at picture pixels with centres at integers. */
static inline void sample_picture(const jr2i_paste *q, float x, float y, float rgb[3])
{
    x = clamped(x, (float)(q->width - 1));
    y = clamped(y, (float)(q->height - 1));
    const int32_t i = (int32_t)x, j = (int32_t)y;
    const size_t right = i + 1 < q->width ? 3 : 0, below = j + 1 < q->height ? 3 * (size_t)q->width : 0;
    const float ax = x - (float)i, ay = y - (float)j;
    const uint8_t *p = q->rgb + 3 * ((size_t)j * (size_t)q->width + (size_t)i);
    for (int k = 0; k < 3; k++)
        rgb[k] = (1 - ay) * ((1 - ax) * p[k] + ax * p[right + (size_t)k]) + ay * ((1 - ax) * p[below + (size_t)k] + ax * p[below + right + (size_t)k]);
}

/* What the crop shows at crop place (u, v), spread over a pixel of the picture. */
static void value_at(const job *j, float u, float v, float rgb[3])
{
    const jr2i_paste *q = j->paste;
    const int32_t n = j->samples;
    const float part = 1 / (q->step * (float)n), weight = 1 / (float)(n * n);
    float share = 0, place[2] = {0, 0}, sum[3] = {0, 0, 0};
    for (int32_t b = 0; b < n; b++)
        for (int32_t a = 0; a < n; a++) {
            const float x = u + ((float)a - 0.5f * (float)(n - 1)) * part, y = v + ((float)b - 0.5f * (float)(n - 1)) * part;
            float made[4], from[2], before[3];
            sample(q->made, q->side, 4, x, y, made);
            sample(q->from, q->side, 2, x, y, from);
            sample(q->before, q->side, 3, from[0], from[1], before);
            for (int k = 0; k < 3; k++)
                sum[k] += weight * (made[k] - made[3] * before[k]);
            share += weight * made[3];
            place[0] += weight * (from[0] + x - clamped(x, (float)(q->side - 1))); /* goes on beyond the outermost centres */
            place[1] += weight * (from[1] + y - clamped(y, (float)(q->side - 1)));
        }
    float own[3];
    sample_picture(q, q->left + q->step * (place[0] + 0.5f) - 0.5f, q->top + q->step * (place[1] + 0.5f) - 0.5f, own);
    for (int k = 0; k < 3; k++)
        rgb[k] = sum[k] + share * own[k];
}

static inline float fade_in(float inside, float width)
{
    float t = width > 0 ? clamped(inside / width, 1) : 1;
    return t * t * (3 - 2 * t);
}

/* How much a pixel belongs to the face that moves and not to another. */
static float own_share(const jr2i_paste *q, float x, float y)
{
    float share = 1;
    const float own = hypotf(x - q->faces[0][0], y - q->faces[0][1]) / q->faces[0][2];
    for (int32_t i = 1; i < q->face_count; i++) {
        const float other = hypotf(x - q->faces[i][0], y - q->faces[i][1]) / q->faces[i][2], way = other / (own + other + 1e-6f);
        share *= fade_in(fmaxf(way - OTHERS, 0), OWN - OTHERS);
    }
    return share;
}

static void paste_band(void *arg, int32_t task, int32_t worker)
{
    const job *j = arg;
    const jr2i_paste *q = j->paste;
    const int32_t first = j->y0 + task * BAND, end = first + BAND < j->y1 ? first + BAND : j->y1;
    const float last = (float)q->side;
    (void)worker;
    for (int32_t y = first; y < end; y++) {
        const float v = ((float)y + 0.5f - q->top) / q->step, across = fade_in(v, j->fade[1]) * fade_in(last - v, j->fade[3]);
        for (int32_t x = j->x0; x < j->x1; x++) {
            const float u = ((float)x + 0.5f - q->left) / q->step;
            float weight = across * fade_in(u, j->fade[0]) * fade_in(last - u, j->fade[2]);
            uint8_t *p = writable(j->out, x, y);
            const int32_t at[3] = {j->out->red, j->out->green, j->out->blue};
            float rgb[3];
            if (q->face_count > 1)
                weight *= own_share(q, (float)x + 0.5f, (float)y + 0.5f);
            if (!(weight > 0))
                continue;
            value_at(j, u - 0.5f, v - 0.5f, rgb);
            for (int k = 0; k < 3; k++)
                rgb[k] = weight * rgb[k] + (1 - weight) * p[at[k]];
            put(j->out, p, rgb);
        }
    }
}

/* The first pixel whose centre is right of the edge, within the picture. */
static int32_t pixel_after(float edge, int32_t size)
{
    return (int32_t)clamped(ceilf(edge - 0.5f), (float)size);
}

void jr2i_paste_into(const jr2i_paste *paste, jr2i_pool *pool, const jr2i_view *out)
{
    const float side = (float)paste->side, extent = side * paste->step, border = BORDER * side;
    job j = {.paste = paste, .out = out, .samples = (int32_t)clamped(ceilf(1 / paste->step - 0.01f), SAMPLES_MAX)};
    j.samples = j.samples < 1 ? 1 : j.samples;
    j.x0 = pixel_after(paste->left, paste->width);
    j.y0 = pixel_after(paste->top, paste->height);
    j.x1 = pixel_after(paste->left + extent, paste->width);
    j.y1 = pixel_after(paste->top + extent, paste->height);
    j.fade[0] = paste->left > 0 ? border : 0;
    j.fade[1] = paste->top > 0 ? border : 0;
    j.fade[2] = paste->left + extent < (float)paste->width ? border : 0;
    j.fade[3] = paste->top + extent < (float)paste->height ? border : 0;
    if (j.y1 > j.y0 && j.x1 > j.x0)
        jr2i_pool_run(pool, paste_band, &j, (j.y1 - j.y0 + BAND - 1) / BAND);
}

void jr2i_paste_crop(const jr2i_paste *paste, const jr2i_view *out)
{
    for (int32_t y = 0; y < paste->side; y++)
        for (int32_t x = 0; x < paste->side; x++)
            put(out, writable(out, x, y), paste->made + 4 * ((size_t)y * (size_t)paste->side + (size_t)x));
}
