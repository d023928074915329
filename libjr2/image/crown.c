/* SPDX-License-Identifier: MIT
 * See crown.h. */
#include "image/crown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In widths of the head: */
#define FAR 0.6f     /* of the head below the border: its hair does not reach it */
#define MIDDLE 0.35f /* of hair at the border from the middle of the head, at most */
#define REACH 0.9f   /* of the columns that are looked at, from the middle of the head */
#define BESIDE 0.15f /* of those at both ends that show what is behind */
#define BELOW 0.3f   /* of the rows with hair, below the head's uppermost */
#define SOFT 0.03f   /* of an edge of the hair */
#define ROUND 0.65f  /* radius of a head with its hair */
#define SECOND 0.08f /* of the row below the border that tells how hair gets narrower */
/* Differences in colour, 0..1: */
#define SAME 0.06f   /* up to here a pixel shows what is behind, */
#define OTHER 0.18f  /* and from here on hair */
#define CHANGE 0.2f  /* of hair from one row to those above it, on average */
#define STRETCH 2.5f /* of what hair is there over the crown, at most; beyond it goes back and forth */
#define HAIR 0.15f   /* of a pixel from the hair at the border above it: what is less like it is forehead */

static float smoothstep(float low, float high, float x)
{
    const float t = fminf(fmaxf((x - low) / (high - low), 0), 1);
    return t * t * (3 - 2 * t);
}

static float mean(const float *row, int32_t first, int32_t end)
{
    float sum = 0;
    for (int32_t x = first; x < end; x++)
        sum += row[x];
    return sum / (float)(end - first);
}

/* Columns low to high - 1. */
typedef struct span {
    int32_t low, high;
} span;

/* What is behind: from what the border shows left of the hair to what it shows right of it. */
static void look_behind(jr2i_crown *c, int32_t side, const float *border, size_t plane, span columns, span left, span right)
{
    for (int32_t k = 0; k < 3; k++, border += plane) {
        const float from = mean(border, left.low, left.high), to = mean(border, right.low, right.high);
        for (int32_t x = 0; x < side; x++) {
            const float t = ((float)(x - columns.low) + 0.5f) / (float)(columns.high - columns.low);
            c->behind[k][x] = from + (to - from) * fminf(fmaxf(t, 0), 1);
        }
    }
}

/* How much a row differs from what is behind, in these columns. */
static void compare(const jr2i_crown *c, const float *row, size_t plane, span columns, float *hair)
{
    for (int32_t x = columns.low; x < columns.high; x++) {
        float most = 0;
        for (int32_t k = 0; k < 3; k++)
            most = fmaxf(most, fabsf(row[(size_t)k * plane + (size_t)x] - c->behind[k][x]));
        hair[x] = smoothstep(SAME, OTHER, most);
    }
}

/* Gaps between hair of up to so many columns close. */
static void close_gaps(float *hair, span columns, int32_t most)
{
    int32_t last = -1;
    for (int32_t x = columns.low; x < columns.high; x++)
        if (hair[x] > 0.5f) {
            for (int32_t u = last + 1; last >= 0 && u < x && x - last <= most + 1; u++)
                hair[u] = 1;
            last = x;
        }
}

/* The run of hair that comes nearest to the middle of the present run, and into it; what is not of it is no hair. 0: none. */
static int keep_run(float *hair, span columns, int32_t soft, span *run)
{
    const int32_t middle = (run->low + run->high) / 2;
    int32_t at = -1;
    for (int32_t x = columns.low; x < columns.high; x++)
        if (hair[x] > 0.5f && x >= run->low && x < run->high && (at < 0 || abs(x - middle) < abs(at - middle)))
            at = x;
    if (at < 0)
        return 0;
    for (run->low = at; run->low > columns.low && hair[run->low - 1] > 0.5f; run->low--)
        ;
    for (run->high = at + 1; run->high < columns.high && hair[run->high] > 0.5f; run->high++)
        ;
    for (int32_t x = columns.low; x < columns.high; x++)
        hair[x] = x < run->low - soft || x >= run->high + soft ? 0 : hair[x];
    return 1;
}

/* count columns from low on, or the nearest to them. */
static span near_span(int32_t low, int32_t count, span columns)
{
    low = low > columns.low ? low : columns.low;
    low = low < columns.high - count ? low : columns.high - count;
    return (span){low, low + count};
}

/* Hair reaches by so many pixels further, which it takes to fade. */
static void spread(float *row, int32_t side, int32_t pixels)
{
    float wider[JR2I_CROWN_SIDE];
    for (int32_t x = 0; x < side; x++) {
        wider[x] = 0;
        for (int32_t u = x - 2 * pixels < 0 ? 0 : x - 2 * pixels; u < side && u <= x + 2 * pixels; u++)
            wider[x] = fmaxf(wider[x], row[u] * fminf(2 - (float)abs(u - x) / (float)pixels, 1));
    }
    memcpy(row, wider, (size_t)side * sizeof *row);
}

/* Whether a run looks like the rows above it; their mean becomes that of all. */
static int goes_on(const float *row, size_t plane, span run, int32_t rows, float colour[3])
{
    int good = 1;
    for (int32_t k = 0; k < 3; k++) {
        const float here = mean(row + (size_t)k * plane, run.low, run.high);
        good &= rows == 0 || fabsf(here - colour[k]) < CHANGE;
        colour[k] += (here - colour[k]) / (float)(rows + 1);
    }
    return good;
}

/* The mean of a row over radius columns to both sides, within a span. */
static float around(const float *row, int32_t x, int32_t radius, span within)
{
    const int32_t low = x - radius > within.low ? x - radius : within.low, high = x + radius + 1 < within.high ? x + radius + 1 : within.high;
    return mean(row, low, high);
}

/* For how many rows below the border the hair of each column goes on; smoothed over the columns, at least 1. */
static void measure_depth(const float *upper, int32_t side, size_t plane, span run, int32_t rows, int32_t soft, float *depth)
{
    float raw[JR2I_CROWN_SIDE] = {0};
    for (int32_t x = run.low; x < run.high; x++) {
        int32_t y = 1, like = 1;
        while (y < rows) {
            for (int32_t k = 0; k < 3; k++) {
                const float *row = upper + (size_t)k * plane;
                like &= fabsf(around(row + (size_t)y * (size_t)side, x, soft, run) - around(row, x, 2 * soft, run)) < HAIR;
            }
            if (!like)
                break;
            y++;
        }
        raw[x] = (float)y;
    }
    for (int32_t x = 0; x < side; x++)
        depth[x] = x >= run.low && x < run.high ? around(raw, x, 2 * soft, run) : 1;
}

/* The ellipse: as high as the circle through both ends of two runs of hair, at the border and rows below it, and no higher than over a head's
 * curvature. */
static void put_ellipse(jr2i_crown *c, span border, span below, int32_t rows, float width)
{
    const float radius = ROUND * width, half = 0.5f * (float)(border.high - border.low), chord = fminf(half, 0.95f * radius);
    const float wide = 0.5f * (float)(below.high - below.low), k = (float)rows, down = fmaxf((wide * wide - half * half + k * k) / (2 * k), 0);
    const float high = sqrtf(half * half + down * down) - down, most = radius - sqrtf(radius * radius - chord * chord);
    c->centre = 0.5f * (float)(border.low + border.high - 1);
    c->half = half;
    c->height = fminf(high, most) + 0.5f;
}

/* The share of what lies behind, at a place above the border. */
static float beyond(const jr2i_crown *c, float x, float up)
{
    const float u = (x - c->centre) / c->half, v = up / c->height;
    return smoothstep(0.85f, 1.15f, sqrtf(u * u + v * v));
}

/* The rows above the border, upper: within the ellipse the hair below the border, upside down; around it what is behind. */
static void close_rows(const jr2i_crown *c, float *crop, int32_t side, int32_t top, const float *hair, const float *depth)
{
    const size_t plane = (size_t)side * (size_t)side;
    const float *upper = crop + (size_t)top * (size_t)side;
    for (int32_t x = 0; x < side; x++) {
        if (!(hair[x] > 0))
            continue;
        const float u = ((float)x - c->centre) / c->half, high = c->height * sqrtf(fmaxf(1 - u * u, 0)) + 1;
        const float pace = fminf(fmaxf(depth[x] / high, 1 / STRETCH), 1), last = depth[x] - 0.5f;
        for (int32_t y = 0; y < top; y++) {
            const float up = (float)(top - y) - 0.5f, way = fmodf(up * pace, 2 * last), down = fminf(way, 2 * last - way);
            const float share = beyond(c, (float)x, up), part = down - floorf(down);
            const size_t at = (size_t)floorf(down) * (size_t)side + (size_t)x;
            for (int32_t k = 0; k < 3; k++) {
                const float *p = upper + (size_t)k * plane + at, looks = p[0] + part * (p[side] - p[0]);
                float *q = crop + (size_t)k * plane + (size_t)y * (size_t)side + (size_t)x;
                *q += hair[x] * (looks + share * (c->behind[k][x] - looks) - *q);
            }
        }
    }
}

void jr2i_crown_close(float *crop, int32_t side, int32_t left, int32_t right, int32_t top, const float head[3], float *hair, jr2i_crown *crown)
{
    const size_t plane = (size_t)side * (size_t)side;
    const float width = head[1] - head[0], middle = 0.5f * (head[0] + head[1]);
    memset(crown, 0, sizeof *crown);
    if (side > JR2I_CROWN_SIDE || top >= side || !(width >= 8 && width <= 4 * (float)side) || !(head[2] - (float)top < FAR * width))
        return;
    const int32_t beside = (int32_t)(BESIDE * width) + 1, soft = (int32_t)(SOFT * width) + 1;
    const int32_t bottom = (int32_t)fminf(fmaxf(head[2], (float)top) + BELOW * width, (float)side);
    const span columns = {(int32_t)fmaxf(middle - REACH * width, (float)left), (int32_t)fminf(middle + REACH * width, (float)right)};
    if (columns.high - columns.low < 4 * beside || bottom - top < 2)
        return;
    const float *upper = crop + (size_t)side * (size_t)top;
    float *edge = hair + (size_t)side * (size_t)top, depth[JR2I_CROWN_SIDE], colour[3] = {0};
    look_behind(crown, side, upper, plane, columns, (span){columns.low, columns.low + beside}, (span){columns.high - beside, columns.high});
    memset(hair, 0, plane * sizeof *hair);
    const int32_t second = (int32_t)fmaxf(fminf(SECOND * width, (float)(bottom - top - 1)), 1);
    span border = {0, 0}, below = {0, 0}, run = {(int32_t)(middle - MIDDLE * width), (int32_t)(middle + MIDDLE * width)};
    for (int32_t y = top; y < bottom; y++) {
        const float *at = crop + (size_t)side * (size_t)y;
        float *row = hair + (size_t)side * (size_t)y;
        compare(crown, at, plane, columns, row);
        close_gaps(row, columns, 4 * soft);
        if (!keep_run(row, columns, soft, &run) || (y < (int32_t)head[2] && !goes_on(at, plane, run, y - top, colour)))
            return;
        border = y == top ? run : border;
        below = y == top + second ? run : below;
    }
    const span before = near_span(border.low - 2 * soft - beside, beside, columns), after = near_span(border.high + 2 * soft, beside, columns);
    look_behind(crown, side, upper, plane, (span){before.high, after.low}, before, after);
    for (int32_t y = top; y < bottom; y++)
        spread(hair + (size_t)side * (size_t)y, side, soft);
    for (int32_t y = 0; y < top; y++)
        memcpy(hair + (size_t)side * (size_t)y, edge, (size_t)side * sizeof *hair);
    put_ellipse(crown, border, below, second, width);
    measure_depth(upper, side, plane, border, bottom - top - 1, soft, depth);
    close_rows(crown, crop, side, top, edge, depth);
    crown->side = side;
    crown->top = (float)top;
    crown->hair = hair;
}

float jr2i_crown_open(const jr2i_crown *crown, const float on[2], const float from[2])
{
    if (crown->side == 0 || !(on[1] < crown->top - 1))
        return 0;
    const float end = (float)(crown->side - 1);
    const size_t column = (size_t)(fminf(fmaxf(from[0], 0), end) + 0.5f), row = (size_t)(fminf(fmaxf(from[1], 0), end) + 0.5f);
    return crown->hair[row * (size_t)crown->side + column] * beyond(crown, on[0], crown->top - on[1] - 0.5f) * fminf(crown->top - 1 - on[1], 1);
}
