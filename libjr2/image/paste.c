/* SPDX-License-Identifier: MIT
 * See paste.h. */
#include "image/paste.h"

#include <math.h>
#include <string.h>

#define BORDER 0.11f  /* sides of the crop in which the new picture fades in */
#define SAMPLES_MAX 8 /* a side: of crop pixels for one of the picture */
#define BAND 16       /* rows of one task */

typedef struct job {
    const jr2i_paste *paste;
    const jr2i_view *out;
    int32_t x0, y0, x1, y1;    /* the pixels of the picture that the crop covers */
    int32_t samples;           /* a side, */
    float part, weight;        /* how far apart, and what each counts */
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

/* Where a place lies in a map: its pixel, how far its right and lower neighbours are (0 at the border), their weights. */
typedef struct spot {
    size_t at, right, below;
    float ax, ay;
} spot;

static inline spot find_spot(float x, float y, int32_t width, int32_t height)
{
    x = clamped(x, (float)(width - 1));
    y = clamped(y, (float)(height - 1));
    const int32_t i = (int32_t)x, j = (int32_t)y;
    return (spot){(size_t)j * (size_t)width + (size_t)i, i + 1 < width, j + 1 < height ? (size_t)width : 0, x - (float)i, y - (float)j};
}

typedef float four __attribute__((vector_size(16))); /* GCC and Clang, on any processor; lane by lane the same as floats */

static inline four load(const float *p)
{
    four v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Bilinear values of (side,side,4) and (side,side,2), borders repeated. */
static inline four sample(const float *map, const spot *s)
{
    const float *p = map + 4 * s->at, *q = p + 4 * s->right, *r = p + 4 * s->below, *t = q + 4 * s->below;
    return (1 - s->ax) * (1 - s->ay) * load(p) + s->ax * (1 - s->ay) * load(q) + (1 - s->ax) * s->ay * load(r) + s->ax * s->ay * load(t);
}

static inline void sample_place(const float *map, const spot *s, float place[2])
{
    const float *p = map + 2 * s->at, *q = p + 2 * s->right, *r = p + 2 * s->below, *t = q + 2 * s->below;
    const float w00 = (1 - s->ax) * (1 - s->ay), w10 = s->ax * (1 - s->ay), w01 = (1 - s->ax) * s->ay, w11 = s->ax * s->ay;
    for (int k = 0; k < 2; k++)
        place[k] = w00 * p[k] + w10 * q[k] + w01 * r[k] + w11 * t[k];
}

/* The same of the picture, at picture pixels with centres at integers. */
static inline void sample_picture(const jr2i_paste *g, float x, float y, float rgb[3])
{
    const spot s = find_spot(x, y, g->width, g->height);
    const uint8_t *p = g->rgb + 3 * s.at, *q = p + 3 * s.right, *r = p + 3 * s.below, *t = q + 3 * s.below;
    for (int k = 0; k < 3; k++)
        rgb[k] = (1 - s.ay) * ((1 - s.ax) * p[k] + s.ax * q[k]) + s.ay * ((1 - s.ax) * r[k] + s.ax * t[k]);
}

/* What the crop shows at crop place (u, v), spread over a pixel of the picture. */
static void value_at(const job *j, float u, float v, float rgb[3])
{
    const jr2i_paste *q = j->paste;
    const int32_t n = j->samples;
    const float part = j->part, weight = j->weight, side = (float)(q->side - 1);
    float share = 0, place[2] = {0, 0};
    four sum = {0, 0, 0, 0};
    for (int32_t b = 0; b < n; b++)
        for (int32_t a = 0; a < n; a++) {
            const float x = u + ((float)a - 0.5f * (float)(n - 1)) * part, y = v + ((float)b - 0.5f * (float)(n - 1)) * part;
            float from[2];
            const spot s = find_spot(x, y, q->side, q->side);
            const four made = sample(q->made, &s);
            sample_place(q->from, &s, from);
            const spot was = find_spot(from[0], from[1], q->side, q->side);
            sum += weight * (made - made[3] * sample(q->before, &was));
            share += weight * made[3];
            place[0] += weight * (from[0] + x - clamped(x, side)); /* goes on beyond the outermost centres */
            place[1] += weight * (from[1] + y - clamped(y, side));
        }
    float own[3];
    sample_picture(q, q->left + q->step * (place[0] + 0.5f) - 0.5f, q->top + q->step * (place[1] + 0.5f) - 0.5f, own);
    for (int k = 0; k < 3; k++)
        rgb[k] = sum[k] + share * own[k];
}

static inline float fade_in(float inside, float width)
{
    if (inside >= width) /* most pixels */
        return 1;
    float t = clamped(inside / width, 1);
    return t * t * (3 - 2 * t);
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
            const float weight = across * fade_in(u, j->fade[0]) * fade_in(last - u, j->fade[2]);
            uint8_t *p = writable(j->out, x, y);
            const int32_t at[3] = {j->out->red, j->out->green, j->out->blue};
            float rgb[3];
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
    j.part = 1 / (paste->step * (float)j.samples);
    j.weight = 1 / (float)(j.samples * j.samples);
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
