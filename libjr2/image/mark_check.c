/* SPDX-License-Identifier: MIT
 * Finding the mark. Pixels are freed of the picture as far as possible (high pass, divided by the local contrast), then one Fourier
 * transform of a window serves every size: a pattern of period 64 * scale has its energy at multiples of N / (64 * scale), and a
 * shift of it turns the phases linearly, so that a small inverse transform of the collected waves is the correlation at all shifts.
 *
 * The score is the correlation divided by its standard deviation given the magnitudes of the waves. If the phases of the pattern were
 * drawn anew for an unmarked picture, P(score > z) <= exp(-z^2 / 2) for each shift and size, whatever the picture: a sum of cosines of
 * uniform phases is sub-Gaussian. The threshold divides a ten-millionth among all that is tried. docs/mark.md has the measured tail. */
#include <math.h>
#include <string.h>

#include "image/fft.h"
#include "image/mark.h"

#define TILE JR2I_MARK_TILE
#define HALF (TILE / 2)
#define RADIUS 4      /* of the local mean and contrast, pixels */
#define FLOOR 0.8f    /* grey levels of contrast that are taken for noise */
#define PIXEL_CLIP 2.0f
#define WAVE_CLIP 3.0f /* of a wave's magnitude, in units of the noise beside it */
#define WHOLE 1152    /* longest side of a window that covers the picture */
#define PARTS 640     /* pictures with a longer side are searched in parts as well: only a part may be marked */
#define WINDOWS 40    /* parts at most: their size grows until they are no more */
#define CELL 16       /* side of the cells in which the noise is measured, bins */
#define WAVES 640     /* waves of the pattern that carry it */
#define WEAKEST 0.25f /* of the mean amplitude of the tile's waves: the weaker ones are left out */
#define SCALE_MIN 0.42
#define SCALE_MAX 2.4
#define STEP 1.5      /* pixels by which sizes differ, of the picture as it was marked */
#define BEST 3        /* sizes that are looked at more closely, */
#define NEAR 3        /* with so many steps to both sides, width and height apart, */
#define NEAR_STEP 0.4 /* of so many pixels */
#define MISS 1e-7     /* bound of the chance of a false alarm for a whole picture */

typedef struct wave {
    int32_t k, l;   /* periods a tile */
    int32_t mirror; /* index of (-k, l); itself for l = 0 */
    float re, im;   /* of the pattern, conjugated */
} wave;

typedef struct detector {
    jr2i_env *env;
    int32_t size;  /* side of the transform */
    int32_t side;  /* longer side of the window */
    int32_t waves;
    float *table;  /* (size) for the transforms */
    float *plane;  /* (size, size, 2) */
    float *noise;  /* (size / CELL, size / CELL) power */
    float *luma;   /* (window) */
    float *blur;   /* (window) */
    float *sum;    /* (window) of the frames */
    float *line;   /* (window side, 2) */
    wave wave[WAVES];
    float map[TILE * TILE * 2];
} detector;

typedef struct place {
    double score, x, y; /* scales */
    int32_t mirrored, at;
} place;

/* Box mean of radius RADIUS; at the borders the mean of what is there. */
static void box(const float *in, float *out, int32_t count)
{
    double sum = 0;
    int32_t low = 0, high = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t a = i - RADIUS < 0 ? 0 : i - RADIUS, b = i + RADIUS + 1 > count ? count : i + RADIUS + 1;
        while (high < b)
            sum += in[high++];
        while (low < a)
            sum -= in[low++];
        out[i] = (float)(sum / (b - a));
    }
}

static void blur(const float *in, float *out, float *line, int32_t width, int32_t height)
{
    for (int32_t y = 0; y < height; y++)
        box(in + (size_t)y * width, out + (size_t)y * width, width);
    for (int32_t x = 0; x < width; x++) {
        for (int32_t y = 0; y < height; y++)
            line[y] = out[(size_t)y * width + x];
        box(line, line + height, height);
        for (int32_t y = 0; y < height; y++)
            out[(size_t)y * width + x] = line[height + y];
    }
}

/* Adds what may hold the mark to d->sum. */
static void flatten(detector *d, const jr2i_view *v, const jr2i_mark_found *w)
{
    size_t count = (size_t)w->width * (size_t)w->height;
    for (int32_t y = 0; y < w->height; y++) {
        const uint8_t *p = jr2i_view_pixel(v, w->left, w->top + y);
        float *out = d->luma + (size_t)y * w->width;
        for (int32_t x = 0; x < w->width; x++, p += v->step)
            out[x] = 0.299f * p[v->red] + 0.587f * p[v->green] + 0.114f * p[v->blue];
    }
    blur(d->luma, d->blur, d->line, w->width, w->height);
    for (size_t i = 0; i < count; i++) {
        d->luma[i] -= d->blur[i];
        d->blur[i] = d->luma[i] * d->luma[i];
    }
    float *contrast = d->plane; /* free until the transform */
    blur(d->blur, contrast, d->line, w->width, w->height);
    for (size_t i = 0; i < count; i++) {
        float n = d->luma[i] / (sqrtf(contrast[i] > 0 ? contrast[i] : 0) + FLOOR);
        d->sum[i] += n > PIXEL_CLIP ? PIXEL_CLIP : n < -PIXEL_CLIP ? -PIXEL_CLIP : n;
    }
}

/* Spectrum of the window with its centre at the origin, so that phases change slowly from bin to bin. */
static void transform(detector *d, int32_t width, int32_t height)
{
    int32_t n = d->size, mask = n - 1, cells = n / CELL;
    memset(d->plane, 0, sizeof(float) * 2 * (size_t)n * (size_t)n);
    for (int32_t y = 0; y < height; y++) {
        float *row = d->plane + (size_t)((y - height / 2) & mask) * n * 2;
        for (int32_t x = 0; x < width; x++)
            row[2 * ((x - width / 2) & mask)] = d->sum[(size_t)y * width + x];
    }
    jr2i_fft_square(d->plane, n, d->table, n, 0, height - height / 2, n - height / 2);
    for (int32_t v = 0; v < cells; v++)
        for (int32_t u = 0; u < cells; u++) {
            double power = 0;
            for (int32_t y = v * CELL; y < (v + 1) * CELL; y++)
                for (int32_t x = u * CELL; x < (u + 1) * CELL; x++) {
                    const float *p = d->plane + ((size_t)y * n + x) * 2;
                    power += (double)p[0] * p[0] + (double)p[1] * p[1];
                }
            d->noise[(size_t)v * cells + u] = (float)(power / (CELL * CELL)) + 1e-9f;
        }
}

/* The spectrum at u, v in units of the noise around it. */
static void sample(const detector *d, double u, double v, float z[2])
{
    int32_t n = d->size, mask = n - 1, x = (int32_t)floor(u), y = (int32_t)floor(v);
    float a = (float)(u - x), b = (float)(v - y);
    const float *row0 = d->plane + (size_t)(y & mask) * n * 2, *row1 = d->plane + (size_t)((y + 1) & mask) * n * 2;
    int32_t x0 = 2 * (x & mask), x1 = 2 * ((x + 1) & mask);
    float power = d->noise[(size_t)((y & mask) / CELL) * (n / CELL) + (x & mask) / CELL], scale = 1 / sqrtf(power);
    for (int32_t i = 0; i < 2; i++)
        z[i] = scale * ((1 - b) * ((1 - a) * row0[x0 + i] + a * row0[x1 + i]) + b * ((1 - a) * row1[x0 + i] + a * row1[x1 + i]));
    float m = z[0] * z[0] + z[1] * z[1];
    if (m > WAVE_CLIP * WAVE_CLIP) {
        m = WAVE_CLIP / sqrtf(m);
        z[0] *= m;
        z[1] *= m;
    }
}

/* Best score over all shifts at one size, the pattern as it is and mirrored. */
static place correlate(detector *d, double scale_x, double scale_y)
{
    double fx = d->size / (TILE * scale_x), fy = d->size / (TILE * scale_y), limit = 0.47 * d->size;
    double variance[2] = {0, 0};
    memset(d->map, 0, sizeof d->map);
    for (int32_t i = 0; i < d->waves; i++) {
        const wave *w = &d->wave[i], *o = &d->wave[w->mirror];
        double u = w->k * fx, v = w->l * fy;
        float z[2];
        if (fabs(u) > limit || v > limit)
            continue;
        sample(d, u, v, z);
        float other = o == w ? -o->im : o->im, power = z[0] * z[0] + z[1] * z[1];
        variance[0] += 0.5 * power * (w->re * w->re + w->im * w->im);
        variance[1] += 0.5 * power * (o->re * o->re + o->im * o->im);
        /* Wave of the picture times the conjugate of the pattern's: its phase is that of the shift. a: as it is, b: mirrored. The
         * spectrum of a + i b is made such that the real part of the transform is a's correlation and the imaginary part b's. */
        float ar = z[0] * w->re - z[1] * w->im, ai = z[0] * w->im + z[1] * w->re;
        float br = z[0] * o->re - z[1] * other, bi = z[0] * other + z[1] * o->re;
        float *to = d->map + 2 * ((size_t)w->l * TILE + (size_t)(w->k & (TILE - 1)));
        to[0] = ar - bi;
        to[1] = ai + br;
        to = d->map + 2 * ((size_t)((TILE - w->l) & (TILE - 1)) * TILE + (size_t)(-w->k & (TILE - 1)));
        to[0] = ar + bi;
        to[1] = -ai + br;
    }
    jr2i_fft_square(d->map, TILE, d->table, d->size, 1, 0, 0);
    place best = {0, scale_x, scale_y, 0, 0};
    for (int32_t m = 0; m < 2; m++) {
        float peak = 0;
        int32_t at = 0;
        for (int32_t i = 0; i < TILE * TILE; i++)
            if (d->map[2 * i + m] > peak) {
                peak = d->map[2 * i + m];
                at = i;
            }
        double score = variance[m] > 0 ? 0.5 * peak / sqrt(variance[m]) : 0;
        if (score > best.score) {
            best.score = score;
            best.mirrored = m;
            best.at = at;
        }
    }
    return best;
}

static void prepare_waves(detector *d)
{
    float *p = d->map;
    double mean = 0;
    for (int32_t i = 0; i < TILE * TILE; i++) {
        p[2 * i] = jr2i_mark_tile[i];
        p[2 * i + 1] = 0;
    }
    jr2i_fft_square(p, TILE, d->table, d->size, 0, 0, 0);
    for (int32_t i = 0; i < TILE * TILE; i++)
        mean += sqrt((double)p[2 * i] * p[2 * i] + (double)p[2 * i + 1] * p[2 * i + 1]) / (TILE * TILE);
    int32_t index[HALF][TILE], room = WAVES - 1;
    d->waves = 0;
    for (int32_t l = 0; l < HALF; l++)
        for (int32_t k = 1 - HALF; k < HALF; k++) {
            const float *z = p + 2 * ((size_t)l * TILE + (size_t)(k & (TILE - 1))), *o = p + 2 * ((size_t)l * TILE + (size_t)(-k & (TILE - 1)));
            float m = sqrtf(z[0] * z[0] + z[1] * z[1]) + sqrtf(o[0] * o[0] + o[1] * o[1]);
            index[l][k + HALF] = -1;
            if ((l == 0 && k <= 0) || m < 2 * WEAKEST * (float)mean || d->waves >= room)
                continue;
            index[l][k + HALF] = d->waves;
            d->wave[d->waves++] = (wave){k, l, 0, z[0] * 1e-3f, -z[1] * 1e-3f};
        }
    for (int32_t i = 0; i < d->waves; i++) {
        wave *w = &d->wave[i];
        int32_t other = index[w->l][HALF - w->k];
        w->mirror = w->l == 0 || other < 0 ? i : other;
    }
}

static double next_scale(double scale, int32_t side)
{
    return scale * (1 + STEP * scale / side);
}

/* How many correlations a window of this size costs. */
static double trials(int32_t side)
{
    double count = 1 + BEST * (2 * NEAR + 1) * (2 * NEAR + 1);
    for (double s = SCALE_MIN; s < SCALE_MAX; s = next_scale(s, side))
        count++;
    return count * 2 * TILE * TILE;
}

static void search(detector *d, double threshold, place *best)
{
    place top[BEST];
    memset(top, 0, sizeof top);
    *best = correlate(d, 1, 1); /* most pictures were never resized */
    if (best->score >= threshold)
        return;
    for (double s = SCALE_MIN; s < SCALE_MAX; s = next_scale(s, d->side)) {
        place p = correlate(d, s, s);
        for (int32_t i = 0; i < BEST; i++)
            if (p.score > top[i].score) {
                memmove(top + i + 1, top + i, sizeof *top * (size_t)(BEST - 1 - i));
                top[i] = p;
                break;
            }
    }
    for (int32_t i = 0; i < BEST; i++)
        if (top[i].score > best->score)
            *best = top[i];
    for (int32_t i = 0; i < BEST && top[i].score > 0; i++)
        for (int32_t dy = -NEAR; dy <= NEAR; dy++)
            for (int32_t dx = -NEAR; dx <= NEAR; dx++) {
                double unit = NEAR_STEP * top[i].x / d->side;
                place p = correlate(d, top[i].x * (1 + dx * unit), top[i].y * (1 + dy * unit));
                if (p.score > best->score)
                    *best = p;
            }
}

static void release(detector *d)
{
    jr2i_env *env = d->env;
    jr2i_free(env, d->table);
    jr2i_free(env, d->plane);
    jr2i_free(env, d->noise);
    jr2i_free(env, d->luma);
    jr2i_free(env, d->blur);
    jr2i_free(env, d->sum);
    jr2i_free(env, d->line);
    jr2i_free(env, d);
}

static int32_t look(jr2i_env *env, const jr2i_view *views, int32_t count, double threshold, jr2i_mark_found *window)
{
    detector *d = jr2i_calloc(env, 1, sizeof *d);
    if (!d)
        return jr2i_no_memory(env, sizeof *d);
    size_t pixels = (size_t)window->width * (size_t)window->height;
    int32_t size = 128;
    d->env = env;
    d->side = window->width > window->height ? window->width : window->height;
    while (2 * size < 3 * d->side) /* some zeros around, for the bins' sake */
        size *= 2;
    d->size = size;
    d->table = jr2i_fft_table(env, size);
    d->plane = jr2i_alloc(env, (size_t)size * (size_t)size, 2 * sizeof(float));
    d->noise = jr2i_alloc(env, (size_t)(size / CELL) * (size_t)(size / CELL), sizeof(float));
    d->luma = jr2i_alloc(env, pixels, sizeof(float));
    d->blur = jr2i_alloc(env, pixels, sizeof(float));
    d->sum = jr2i_calloc(env, pixels, sizeof(float));
    d->line = jr2i_alloc(env, (size_t)d->side, 2 * sizeof(float));
    if (!d->table || !d->plane || !d->noise || !d->luma || !d->blur || !d->sum || !d->line) {
        release(d);
        return jr2i_no_memory(env, (size_t)size * (size_t)size * 8);
    }
    place best;
    prepare_waves(d);
    for (int32_t i = 0; i < count; i++)
        flatten(d, &views[i], window);
    transform(d, window->width, window->height);
    search(d, threshold, &best);
    window->score = best.score;
    window->scale_x = (float)best.x;
    window->scale_y = (float)best.y;
    window->mirrored = best.mirrored;
    release(d);
    return JR2_OK;
}

/* How many windows of side with half of it between neighbours cover length. */
static int32_t along(int32_t length, int32_t side)
{
    return length <= side ? 1 : (length - side + side / 2 - 1) / (side / 2) + 1;
}

int32_t jr2i_mark_check(jr2i_env *env, const jr2i_view *views, int32_t count, jr2i_mark_found *found)
{
    int32_t width = views[0].width, height = views[0].height, longer = width > height ? width : height, side = 512, nx = 0, ny = 0;
    int32_t whole = longer < WHOLE ? longer : WHOLE;
    double tried = trials(whole);
    memset(found, 0, sizeof *found);
    if (longer > PARTS) {
        while (side < WHOLE && along(width, side) * along(height, side) > WINDOWS)
            side += 128;
        nx = along(width, side);
        ny = along(height, side);
        if (nx * ny > WINDOWS) { /* a very large picture: the middle of it */
            while (nx * ny > WINDOWS)
                if (nx > ny)
                    nx--;
                else
                    ny--;
        }
        tried += trials(side) * nx * ny;
    }
    double threshold = sqrt(2 * log(tried / MISS));
    found->threshold = threshold;
    for (int32_t i = -1; i < nx * ny; i++) {
        jr2i_mark_found w;
        memset(&w, 0, sizeof w);
        w.threshold = threshold;
        int32_t cap = i < 0 ? whole : side;
        w.width = width < cap ? width : cap;
        w.height = height < cap ? height : cap;
        w.left = (width - w.width) / 2;
        w.top = (height - w.height) / 2;
        if (i >= 0) { /* the windows are spread evenly, or, where they do not reach, around the middle */
            int32_t ix = i % nx, iy = i / nx, reach_x = (nx - 1) * (side / 2), reach_y = (ny - 1) * (side / 2);
            int32_t free_x = width - w.width, free_y = height - w.height;
            int32_t span_x = free_x < reach_x ? free_x : reach_x, span_y = free_y < reach_y ? free_y : reach_y;
            w.left = (free_x - span_x) / 2 + (nx > 1 ? (int32_t)((int64_t)span_x * ix / (nx - 1)) : 0);
            w.top = (free_y - span_y) / 2 + (ny > 1 ? (int32_t)((int64_t)span_y * iy / (ny - 1)) : 0);
        }
        int32_t status = jr2i_cancelled(env);
        if (status == JR2_OK)
            status = look(env, views, count, threshold, &w);
        if (status != JR2_OK)
            return status;
        if (w.score > found->score)
            *found = w;
        if (found->score >= threshold)
            break;
    }
    return JR2_OK;
}
