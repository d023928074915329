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
/* Differences in colour, 0..1: */
#define SAME 0.06f   /* up to here a pixel shows what is behind, */
#define OTHER 0.18f  /* and from here on hair */
#define CHANGE 0.2f  /* of hair from one row to those above it, on average */

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

void jr2i_crown_find(const float *crop, int32_t side, int32_t left, int32_t right, int32_t top, const float head[3], float *hair, jr2i_crown *crown)
{
    const size_t plane = (size_t)side * (size_t)side;
    const float width = head[1] - head[0], middle = 0.5f * (head[0] + head[1]);
    memset(crown, 0, sizeof *crown);
    if (side > JR2I_CROWN_SIDE || top >= side || !(width >= 8 && width <= 4 * (float)side) || !(head[2] - (float)top < FAR * width))
        return;
    const int32_t beside = (int32_t)(BESIDE * width) + 1, soft = (int32_t)(SOFT * width) + 1;
    const int32_t bottom = (int32_t)fminf(fmaxf(head[2], (float)top) + BELOW * width, (float)side);
    const span columns = {(int32_t)fmaxf(middle - REACH * width, (float)left), (int32_t)fminf(middle + REACH * width, (float)right)};
    if (columns.high - columns.low < 4 * beside)
        return;
    const float *upper = crop + (size_t)side * (size_t)top;
    look_behind(crown, side, upper, plane, columns, (span){columns.low, columns.low + beside}, (span){columns.high - beside, columns.high});
    memset(hair, 0, plane * sizeof *hair);
    span border = {0, 0}, run = {(int32_t)(middle - MIDDLE * width), (int32_t)(middle + MIDDLE * width)};
    float colour[3] = {0};
    for (int32_t y = top; y < bottom; y++) {
        const float *at = crop + (size_t)side * (size_t)y;
        float *row = hair + (size_t)side * (size_t)y;
        compare(crown, at, plane, columns, row);
        if (!keep_run(row, columns, soft, &run) || (y < (int32_t)head[2] && !goes_on(at, plane, run, y - top, colour)))
            return;
        border = y == top ? run : border;
    }
    const span before = near_span(border.low - 2 * soft - beside, beside, columns), after = near_span(border.high + 2 * soft, beside, columns);
    look_behind(crown, side, upper, plane, (span){before.high, after.low}, before, after);
    for (int32_t y = top; y < bottom; y++)
        spread(hair + (size_t)side * (size_t)y, side, soft);
    for (int32_t y = 0; y < top; y++)
        memcpy(hair + (size_t)side * (size_t)y, hair + (size_t)side * (size_t)top, (size_t)side * sizeof *hair);
    const float radius = ROUND * width;
    crown->side = side;
    crown->top = (float)top;
    crown->hair = hair;
    crown->centre = 0.5f * (float)(border.low + border.high - 1);
    crown->half = 0.5f * (float)(border.high - border.low + soft);
    const float chord = fminf(crown->half, 0.95f * radius);
    crown->height = radius - sqrtf(radius * radius - chord * chord) + (float)soft;
}

float jr2i_crown_open(const jr2i_crown *crown, const float on[2], const float from[2])
{
    if (crown->side == 0 || !(on[1] < crown->top - 1))
        return 0;
    const float end = (float)(crown->side - 1), u = (on[0] - crown->centre) / crown->half, v = (crown->top - on[1]) / crown->height;
    const size_t column = (size_t)(fminf(fmaxf(from[0], 0), end) + 0.5f), row = (size_t)(fminf(fmaxf(from[1], 0), end) + 0.5f);
    return crown->hair[row * (size_t)crown->side + column] * smoothstep(0.75f, 1.25f, sqrtf(u * u + v * v)) * fminf(crown->top - 1 - on[1], 1);
}
