/* SPDX-License-Identifier: MIT
 * See paste.h. */
#include "image/paste.h"

#include <math.h>
#include <string.h>

#define BORDER 0.11f  /* sides of the crop in which the new picture fades in */
#define SAMPLES_MAX 8 /* a side: of crop pixels for one of the picture */
#define BAND 16       /* rows of one task */
#define CHUNK 64      /* columns whose looks are worked out together */
#define BLEND JR2I_PASTE_BLEND
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

/* A bilinear look along one axis: between which two of a row, in steps, and how far on. */
typedef struct between {
    size_t at, next; /* next: from there to the second; 0 at the border */
    float share;     /* of the second */
    float beyond;    /* how far outside of the outermost centres */
} between;

static inline between between_at(float x, int32_t size, size_t step)
{
    const float inside = clamped(x, (float)(size - 1));
    const int32_t i = (int32_t)inside;
    return (between){step * (size_t)i, i + 1 < size ? step : 0, inside - (float)i, x - inside};
}

/* Four floats at a time: one vector register everywhere. */
typedef float quad __attribute__((vector_size(16)));
typedef int32_t ints __attribute__((vector_size(16)));

static inline quad load(const float *p)
{
    quad q;
    memcpy(&q, p, sizeof q);
    return q;
}

static inline quad load_pixel(const uint8_t *p)
{
    const ints b = {p[0], p[1], p[2], 0};
    return __builtin_convertvector(b, quad);
}

/* The picture at picture pixels with centres at integers. */
static inline quad sample_picture(const jr2i_paste *q, float x, float y)
{
    const between h = between_at(x, q->width, 3), v = between_at(y, q->height, 3 * (size_t)q->width);
    const uint8_t *p = q->rgb + v.at + h.at, *low = p + v.next;
    return (1 - v.share) * ((1 - h.share) * load_pixel(p) + h.share * load_pixel(p + h.next)) +
           v.share * ((1 - h.share) * load_pixel(low) + h.share * load_pixel(low + h.next));
}

/* What is added to the picture's detail, its share, and where it comes from, for each crop pixel: so that a pixel of the picture takes one look at
 * the crop and one at the picture. */
static void prepare_band(void *arg, int32_t task, int32_t worker)
{
    const job *j = arg;
    const jr2i_paste *q = j->paste;
    const int32_t end = (task + 1) * BAND < q->side ? (task + 1) * BAND : q->side;
    (void)worker;
    for (size_t i = (size_t)task * BAND * (size_t)q->side; i < (size_t)end * (size_t)q->side; i++) {
        const float *made = q->made + 4 * i, *from = q->from + 2 * i;
        float *to = q->blend + BLEND * i, before[4];
        sample(q->before, q->side, 4, from[0], from[1], before);
        for (int k = 0; k < 3; k++)
            to[k] = made[k] - made[3] * before[k];
        to[3] = made[3];
        to[4] = from[0];
        to[5] = from[1];
        to[6] = to[7] = 0;
    }
}

/* Adds what the crop shows there, and where that comes from. */
static inline void look(const jr2i_paste *q, const between *h, const between *v, float weight, quad *colour, quad *place)
{
    const float *p = q->blend + v->at + h->at, *low = p + v->next;
    const float right = weight * h->share, left = weight - right, w[4] = {left * (1 - v->share), right * (1 - v->share), left * v->share, right * v->share};
    const quad beyond = {h->beyond, v->beyond}; /* goes on beyond the outermost centres */
    *colour += w[0] * load(p) + w[1] * load(p + h->next) + w[2] * load(low) + w[3] * load(low + h->next);
    p += 4;
    low += 4;
    *place += w[0] * load(p) + w[1] * load(p + h->next) + w[2] * load(low) + w[3] * load(low + h->next) + weight * beyond;
}

/* What the crop shows, spread over a pixel of the picture: the mean of samples x samples looks. */
static inline quad value_at(const job *j, const between *across, const between *down)
{
    const jr2i_paste *q = j->paste;
    const float weight = 1 / (float)(j->samples * j->samples);
    quad colour = {0}, place = {0};
    for (int32_t a = 0; a < j->samples; a++)
        for (int32_t b = 0; b < j->samples; b++)
            look(q, &across[b], &down[a], weight, &colour, &place);
    return colour + colour[3] * sample_picture(q, q->left + q->step * (place[0] + 0.5f) - 0.5f, q->top + q->step * (place[1] + 0.5f) - 0.5f);
}

/* The looks of a pixel of the picture along one axis; at: crop place of its middle. */
static inline void looks_of(const job *j, float at, size_t step, between *out)
{
    const int32_t n = j->samples;
    const float part = 1 / (j->paste->step * (float)n), middle = 0.5f * (float)(n - 1);
    for (int32_t i = 0; i < n; i++)
        out[i] = between_at(at - 0.5f + ((float)i - middle) * part, j->paste->side, step);
}

static inline float fade_in(float inside, float width)
{
    if (inside >= width)
        return 1;
    const float t = clamped(inside / width, 1);
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

/* Rows first..end of the columns x0..x1, CHUNK at most. */
static void paste_part(const job *j, int32_t x0, int32_t x1, int32_t first, int32_t end)
{
    const jr2i_paste *q = j->paste;
    const float last = (float)q->side;
    const int32_t at[3] = {j->out->red, j->out->green, j->out->blue};
    between across[CHUNK * SAMPLES_MAX], down[SAMPLES_MAX];
    float fade[CHUNK];
    for (int32_t x = x0; x < x1; x++) {
        const float u = ((float)x + 0.5f - q->left) / q->step;
        fade[x - x0] = fade_in(u, j->fade[0]) * fade_in(last - u, j->fade[2]);
        looks_of(j, u, BLEND, across + (x - x0) * j->samples);
    }
    for (int32_t y = first; y < end; y++) {
        const float v = ((float)y + 0.5f - q->top) / q->step, faded = fade_in(v, j->fade[1]) * fade_in(last - v, j->fade[3]);
        looks_of(j, v, BLEND * (size_t)q->side, down);
        for (int32_t x = x0; x < x1; x++) {
            float weight = faded * fade[x - x0];
            if (q->face_count > 1)
                weight *= own_share(q, (float)x + 0.5f, (float)y + 0.5f);
            if (!(weight > 0))
                continue;
            uint8_t *p = writable(j->out, x, y);
            const quad before = {p[at[0]], p[at[1]], p[at[2]]}, now = weight * value_at(j, across + (x - x0) * j->samples, down) + (1 - weight) * before;
            const ints whole = __builtin_convertvector(now + 0.5f, ints);
            for (int k = 0; k < 3; k++)
                p[at[k]] = (uint8_t)(whole[k] < 0 ? 0 : whole[k] > 255 ? 255 : whole[k]);
        }
    }
}

static void paste_band(void *arg, int32_t task, int32_t worker)
{
    const job *j = arg;
    const int32_t first = j->y0 + task * BAND, end = first + BAND < j->y1 ? first + BAND : j->y1;
    (void)worker;
    for (int32_t x = j->x0; x < j->x1; x += CHUNK)
        paste_part(j, x, x + CHUNK < j->x1 ? x + CHUNK : j->x1, first, end);
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
    if (j.y1 <= j.y0 || j.x1 <= j.x0)
        return;
    jr2i_pool_run(pool, prepare_band, &j, (paste->side + BAND - 1) / BAND);
    jr2i_pool_run(pool, paste_band, &j, (j.y1 - j.y0 + BAND - 1) / BAND);
}

void jr2i_paste_crop(const jr2i_paste *paste, const jr2i_view *out)
{
    for (int32_t y = 0; y < paste->side; y++)
        for (int32_t x = 0; x < paste->side; x++)
            put(out, writable(out, x, y), paste->made + 4 * ((size_t)y * (size_t)paste->side + (size_t)x));
}
