/* SPDX-License-Identifier: MIT
 * See extend.h. Like conditions.c it needs nothing but the C library. */
#include "render/extend.h"

#include <stddef.h>
#include <string.h>

#define NEAR_WEIGHT 8.0f /* of the three scales of the extension, */
#define MIDDLE_WEIGHT 2.0f
#define FAR_WEIGHT 0.5f
#define STILL_WEIGHT 0.04f /* and of no motion */

/* Rows first to end - 1 of the result. */
void jr2i_extend_halve(const float *planes, int32_t count, int32_t side, float *out, int32_t first, int32_t end)
{
    const size_t n = (size_t)side, half = n / 2;
    for (int32_t p = 0; p < count; p++)
        for (size_t j = (size_t)first; j < (size_t)end; j++) {
            const float *a = planes + ((size_t)p * n + 2 * j) * n, *b = a + n;
            float *y = out + ((size_t)p * half + j) * half;
            for (size_t i = 0; i < half; i++)
                y[i] = 0.25f * ((a[2 * i] + a[2 * i + 1]) + (b[2 * i] + b[2 * i + 1]));
        }
}

/* 3 x 3 binomial blur, borders repeated. */
static void blur(const float *x, int32_t n, float *y)
{
    for (int32_t j = 0; j < n; j++) {
        const float *r0 = x + (size_t)(j > 0 ? j - 1 : 0) * (size_t)n, *r1 = x + (size_t)j * (size_t)n;
        const float *r2 = x + (size_t)(j < n - 1 ? j + 1 : j) * (size_t)n;
        for (int32_t i = 0; i < n; i++) {
            const int32_t l = i > 0 ? i - 1 : 0, r = i < n - 1 ? i + 1 : i;
            y[(size_t)j * (size_t)n + (size_t)i] = ((r0[l] + r0[r] + r2[l] + r2[r]) + 2 * (r0[i] + r1[l] + r1[r] + r2[i]) + 4 * r1[i]) / 16;
        }
    }
}

/* Bilinear value of plane (n,n) at (x, y), pixel centres at integers, borders repeated. */
static float bilinear(const float *plane, int32_t n, float x, float y)
{
    const float high = (float)(n - 1);
    x = x < 0 ? 0 : x > high ? high : x;
    y = y < 0 ? 0 : y > high ? high : y;
    const int32_t i = (int32_t)x, j = (int32_t)y, i1 = i < n - 1 ? i + 1 : i, j1 = j < n - 1 ? j + 1 : j;
    const float ax = x - (float)i, ay = y - (float)j;
    const float *top = plane + (size_t)j * (size_t)n, *bottom = plane + (size_t)j1 * (size_t)n;
    return (top[i] * (1 - ax) + top[i1] * ax) * (1 - ay) + (bottom[i] * (1 - ax) + bottom[i1] * ax) * ay;
}

/* The similarity that comes nearest to the displacements on the mesh: at (x, y) it is (t[0] + a X - b Y, t[1] + b X + a Y) with X, Y from the
 * mesh's middle. What lies beside the mesh and belongs to the head, hair above all, grows, shrinks and turns with it. */
typedef struct similarity {
    float x, y, t[2], a, b;
} similarity;

/* From cells of 4 x 4 pixels (3,n,n): displacement times coverage, and coverage. x and y count pixels, the first one's centre is 0. */
static similarity nearest_similarity(const float *fine, int32_t n)
{
    const size_t cells = (size_t)n * (size_t)n;
    const float *u = fine, *v = fine + cells, *cover = fine + 2 * cells;
    similarity s = {0, 0, {0, 0}, 0, 0};
    double sum = 0, x = 0, y = 0, to_x = 0, to_y = 0, square = 0, along = 0, across = 0;
    for (size_t i = 0; i < cells; i++) {
        sum += (double)cover[i];
        x += (double)(cover[i] * (4 * (float)(i % (size_t)n) + 1.5f));
        y += (double)(cover[i] * (4 * (float)(i / (size_t)n) + 1.5f));
        to_x += (double)u[i];
        to_y += (double)v[i];
    }
    if (!(sum > 0))
        return s;
    s.x = (float)(x / sum);
    s.y = (float)(y / sum);
    s.t[0] = (float)(to_x / sum);
    s.t[1] = (float)(to_y / sum);
    for (size_t i = 0; i < cells; i++) {
        const float dx = 4 * (float)(i % (size_t)n) + 1.5f - s.x, dy = 4 * (float)(i / (size_t)n) + 1.5f - s.y;
        square += (double)(cover[i] * (dx * dx + dy * dy));
        along += (double)(dx * u[i] + dy * v[i]);
        across += (double)(dx * v[i] - dy * u[i]);
    }
    if (square > 0) {
        s.a = (float)(along / square);
        s.b = (float)(across / square);
    }
    return s;
}

static void similarity_at(const similarity *s, float x, float y, float *u, float *v)
{
    x -= s->x;
    y -= s->y;
    *u = s->t[0] + (s->a * x - s->b * y);
    *v = s->t[1] + (s->b * x + s->a * y);
}

/* Displacement times coverage, and coverage, in cells of 4 x 4 pixels: rows first to end - 1 of pixels, multiples of 4. */
void jr2i_extend_cover(const int32_t *triangle_id, int32_t side, const float *flow, float *fine, int32_t first, int32_t end)
{
    const size_t n = (size_t)side / 4, cells = n * n, pixels = (size_t)side * (size_t)side;
    for (size_t k = 0; k < 3; k++)
        memset(fine + k * cells + (size_t)first / 4 * n, 0, (size_t)(end - first) / 4 * n * sizeof(float));
    for (size_t i = (size_t)first * (size_t)side; i < (size_t)end * (size_t)side; i++)
        if (triangle_id[i] >= 0) {
            const size_t cell = i / (size_t)side / 4 * n + i % (size_t)side / 4;
            fine[cell] += flow[i] * 0.0625f;
            fine[cells + cell] += flow[pixels + i] * 0.0625f;
            fine[2 * cells + cell] += 0.0625f;
        }
}

size_t jr2i_extend_scratch(int32_t side)
{
    const size_t n = (size_t)side / 4;
    return 3 * n * n + 2 * n * n + 2 * 3 * (n / 2) * (n / 2) + sizeof(similarity) / sizeof(float);
}

/* The similarity stands at the end of the extension's scratch. */
static size_t place_of_similarity(int32_t side)
{
    const size_t n = (size_t)side / 4;
    return 5 * n * n + 6 * (n / 2) * (n / 2);
}

/* What lies around the mesh: the similarity, and sums of three scales of what is beyond it, on the cells, from the covered ones at the start
 * of scratch. The first n x n become the share of the similarity. */
void jr2i_extend_spread(int32_t side, float *scratch)
{
    const int32_t n = side / 4;
    const size_t cells = (size_t)n * (size_t)n;
    float *fine = scratch, *spread = fine + 3 * cells, *coarse = spread + 2 * cells, *smooth = coarse + 3 * cells / 4;
    const similarity whole = nearest_similarity(fine, n);
    memcpy(scratch + place_of_similarity(side), &whole, sizeof whole);
    for (size_t i = 0; i < cells; i++) {
        float u, v;
        similarity_at(&whole, 4 * (float)(i % (size_t)n) + 1.5f, 4 * (float)(i / (size_t)n) + 1.5f, &u, &v);
        fine[i] -= fine[2 * cells + i] * u;
        fine[cells + i] -= fine[2 * cells + i] * v;
    }
    const float weight[3] = {NEAR_WEIGHT, MIDDLE_WEIGHT, FAR_WEIGHT};
    float *sum_weight = fine; /* reused below, after the first halving */
    memset(spread, 0, 2 * cells * sizeof(float));
    int32_t m = n;
    const float *from = fine;
    for (int level = 0; level < 3; level++) { /* coarse becomes the next scale */
        m /= 2;
        const size_t count = (size_t)m * (size_t)m;
        jr2i_extend_halve(from, 3, 2 * m, smooth, 0, m);
        for (size_t k = 0; k < 3; k++)
            blur(smooth + k * count, m, coarse + k * count);
        from = coarse;
        if (level == 0)
            for (size_t i = 0; i < cells; i++)
                sum_weight[i] = STILL_WEIGHT;
        const float step = (float)m / (float)n;
        for (int32_t j = 0; j < n; j++)
            for (int32_t i = 0; i < n; i++) {
                const float x = ((float)i + 0.5f) * step - 0.5f, y = ((float)j + 0.5f) * step - 0.5f;
                const size_t cell = (size_t)j * (size_t)n + (size_t)i;
                spread[cell] += weight[level] * bilinear(coarse, m, x, y);
                spread[cells + cell] += weight[level] * bilinear(coarse + count, m, x, y);
                sum_weight[cell] += weight[level] * bilinear(coarse + 2 * count, m, x, y);
            }
    }
    for (size_t i = 0; i < cells; i++) {
        spread[i] /= sum_weight[i];
        spread[cells + i] /= sum_weight[i];
        sum_weight[i] = 1 - STILL_WEIGHT / sum_weight[i]; /* what moves at all: the similarity's share */
    }
}

void jr2i_extend_rows(const int32_t *triangle_id, int32_t side, const float *scratch, float *flow, int32_t first, int32_t end)
{
    const int32_t n = side / 4;
    const size_t pixels = (size_t)side * (size_t)side, cells = (size_t)n * (size_t)n;
    const float *share_of = scratch, *spread = scratch + 3 * cells;
    similarity whole;
    memcpy(&whole, scratch + place_of_similarity(side), sizeof whole);
    for (int32_t j = first; j < end; j++)
        for (int32_t i = 0; i < side; i++) {
            const size_t at = (size_t)j * (size_t)side + (size_t)i;
            if (triangle_id[at] >= 0)
                continue;
            const float x = ((float)i + 0.5f) * 0.25f - 0.5f, y = ((float)j + 0.5f) * 0.25f - 0.5f;
            const float share = bilinear(share_of, n, x, y);
            float u, v;
            similarity_at(&whole, (float)i, (float)j, &u, &v);
            flow[at] = bilinear(spread, n, x, y) + share * u;
            flow[pixels + at] = bilinear(spread + cells, n, x, y) + share * v;
        }
}
