/* SPDX-License-Identifier: MIT
 * Adding the mark. The pattern is stronger where the picture is busy, and its strength is set for each picture such that the mean
 * absolute change stays below half a grey level and the squared one below that of 45 dB. Whole numbers only: the same bytes on every
 * machine. */
#include "image/mark.h"

#include <stdatomic.h>

#define BLOCK 8 /* pixels a side that share one strength */
#define LEVELS 64 /* of busyness */
#define KEPT 16384 /* blocks whose busyness is looked up instead of measured again */
#define GAINS 257 /* strengths: 1024 adds the tile as it is */
#define MEAN_LIMIT 465 /* expected mean absolute change, thousandths of a grey level */
#define SQUARE_LIMIT 1850 /* expected mean squared change, thousandths */
#define MEAN_MOST 490 /* what the true ones may be; 45 dB are 2056 */
#define SQUARE_MOST 2000
#define STRONGEST 960 /* multiplier: keeps the pattern faint in pictures that are smooth everywhere */

/* Busyness of a block: mean absolute difference to the right and the lower neighbour in the green channel, in quarter levels. */
static int32_t busyness(const jr2i_view *v, int32_t x, int32_t y)
{
    int32_t width = v->width - 1 - x < BLOCK ? v->width - 1 - x : BLOCK, height = v->height - 1 - y < BLOCK ? v->height - 1 - y : BLOCK;
    int32_t sum = 0, count = 0;
    if (width <= 0 || height <= 0)
        return 0;
    for (int32_t i = 0; i < height; i += 2) {
        const uint8_t *row = jr2i_view_pixel(v, x, y + i) + v->green, *below = row + v->stride;
        for (int32_t j = 0; j < width; j++) {
            int32_t a = row[j * v->step], dx = row[(j + 1) * v->step] - a, dy = below[j * v->step] - a;
            sum += (dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy);
        }
        count += width;
    }
    sum = 2 * sum / count;
    return sum < LEVELS ? sum : LEVELS - 1;
}

/* Relative strength, 64 in smooth blocks. */
static int32_t weight(int32_t level)
{
    return 64 + 9 * (level < 20 ? level : 20);
}

static int32_t gain_of(int32_t level, int32_t multiplier)
{
    int32_t gain = weight(level) * multiplier / 1024;
    return gain < GAINS ? gain : GAINS - 1;
}

/* The largest multiplier that keeps both limits, from how often each level occurs. */
static int32_t choose(const uint64_t counts[LEVELS], uint64_t total)
{
    uint32_t tile[128] = {0}; /* how often a magnitude occurs in the tile */
    uint32_t mean[GAINS], square[GAINS]; /* sums over the tile */
    for (int32_t i = 0; i < JR2I_MARK_TILE * JR2I_MARK_TILE; i++)
        tile[jr2i_mark_tile[i] < 0 ? -jr2i_mark_tile[i] : jr2i_mark_tile[i]]++;
    for (int32_t g = 0; g < GAINS; g++) {
        mean[g] = square[g] = 0;
        for (int32_t m = 0; m < 128; m++) {
            uint32_t d = (uint32_t)(m * g + 512) >> 10;
            mean[g] += tile[m] * d;
            square[g] += tile[m] * d * d;
        }
    }
    int32_t low = 0, high = STRONGEST;
    while (low < high) {
        int32_t middle = (low + high + 1) / 2;
        uint64_t a = 0, b = 0;
        for (int32_t i = 0; i < LEVELS; i++) {
            a += counts[i] * mean[gain_of(i, middle)];
            b += counts[i] * square[gain_of(i, middle)];
        }
        uint64_t tiles = total * (JR2I_MARK_TILE * JR2I_MARK_TILE);
        if (a * 1000 <= tiles * MEAN_LIMIT && b * 1000 <= tiles * SQUARE_LIMIT)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static inline uint8_t clamped(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Adds delta (width) to every colour of a row. */
static void add_row(uint8_t *row, const jr2i_view *v, const int8_t *delta)
{
    if (v->step == 1) {
        for (int32_t x = 0; x < v->width; x++)
            row[x] = clamped(row[x] + delta[x]);
    } else if (v->step == 3) {
        for (int32_t x = 0; x < v->width; x++, row += 3) {
            row[0] = clamped(row[0] + delta[x]);
            row[1] = clamped(row[1] + delta[x]);
            row[2] = clamped(row[2] + delta[x]);
        }
    } else {
        for (int32_t x = 0; x < v->width; x++, row += v->step) {
            row[v->red] = clamped(row[v->red] + delta[x]);
            row[v->green] = clamped(row[v->green] + delta[x]);
            row[v->blue] = clamped(row[v->blue] + delta[x]);
        }
    }
}

/* The change of eight pixels: rounds half away from zero on both sides. */
static inline void change(const int8_t *tile, int32_t gain, int8_t *delta)
{
    for (int32_t j = 0; j < BLOCK; j++) {
        int32_t v = tile[j] * gain; /* at most 127 * 256: fits 16 bits with the half added */
        int16_t sign = (int16_t)(v >> 15), size = (int16_t)(((v ^ sign) - sign + 512) >> 10);
        delta[j] = (int8_t)((size ^ sign) - sign);
    }
}

typedef struct embedder {
    const jr2i_view *view;
    int32_t across;              /* blocks in a row of them */
    uint8_t level[KEPT];         /* of the first blocks, row by row */
    _Atomic uint64_t counts[LEVELS];
    int32_t gain[LEVELS], apply; /* of a walk */
    _Atomic uint64_t mean, square;
} embedder;

static int32_t level_of(const embedder *e, int32_t x, int32_t y)
{
    size_t block = (size_t)(y / BLOCK) * (size_t)e->across + (size_t)(x / BLOCK);
    return block < KEPT ? e->level[block] : busyness(e->view, x, y);
}

/* One row of blocks. */
static void level_task(void *arg, int32_t task, int32_t worker)
{
    embedder *e = arg;
    uint64_t counts[LEVELS] = {0};
    const size_t first = (size_t)task * (size_t)e->across;
    (void)worker;
    for (int32_t k = 0; k < e->across; k++) {
        const int32_t level = busyness(e->view, k * BLOCK, task * BLOCK);
        counts[level]++;
        if (first + (size_t)k < KEPT)
            e->level[first + (size_t)k] = (uint8_t)level;
    }
    for (int32_t i = 0; i < LEVELS; i++)
        if (counts[i])
            atomic_fetch_add_explicit(&e->counts[i], counts[i], memory_order_relaxed);
}

/* One row of blocks: makes the changes or adds up what they would be. It reads and writes the pixels of this row alone. */
static void walk_task(void *arg, int32_t task, int32_t worker)
{
    embedder *e = arg;
    const jr2i_view *view = e->view;
    const int32_t y = task * BLOCK, rows = view->height - y < BLOCK ? view->height - y : BLOCK;
    int16_t gains[JR2_IMAGE_MAX / BLOCK];
    int8_t delta[JR2_IMAGE_MAX];
    uint64_t mean = 0, square = 0;
    (void)worker;
    for (int32_t x = 0; x < view->width; x += BLOCK)
        gains[x / BLOCK] = (int16_t)e->gain[level_of(e, x, y)];
    for (int32_t i = 0; i < rows; i++) {
        const int8_t *tile = jr2i_mark_tile + (size_t)((y + i) % JR2I_MARK_TILE) * JR2I_MARK_TILE;
        for (int32_t x = 0; x < view->width; x += BLOCK)
            change(tile + x % JR2I_MARK_TILE, gains[x / BLOCK], delta + x);
        if (e->apply) {
            add_row((uint8_t *)(uintptr_t)jr2i_view_pixel(view, 0, y + i), view, delta);
            continue;
        }
        uint32_t a = 0, b = 0;
        for (int32_t x = 0; x < view->width; x++) {
            a += (uint32_t)(delta[x] < 0 ? -delta[x] : delta[x]);
            b += (uint32_t)(delta[x] * delta[x]);
        }
        mean += a;
        square += b;
    }
    atomic_fetch_add_explicit(&e->mean, mean, memory_order_relaxed);
    atomic_fetch_add_explicit(&e->square, square, memory_order_relaxed);
}

/* Goes over the picture. apply 0: returns whether the changes keep the limits; 1: makes them. */
static int32_t walk(embedder *e, jr2i_pool *pool, int32_t multiplier, int32_t apply)
{
    const uint64_t count = (uint64_t)e->view->width * (uint64_t)e->view->height;
    for (int32_t i = 0; i < LEVELS; i++)
        e->gain[i] = gain_of(i, multiplier);
    e->apply = apply;
    atomic_store(&e->mean, 0);
    atomic_store(&e->square, 0);
    jr2i_pool_run(pool, walk_task, e, (e->view->height + BLOCK - 1) / BLOCK);
    return atomic_load(&e->mean) * 1000 <= count * MEAN_MOST && atomic_load(&e->square) * 1000 <= count * SQUARE_MOST;
}

void jr2i_mark_embed(const jr2i_view *view, jr2i_pool *pool)
{
    embedder e;
    uint64_t counts[LEVELS], total = 0;
    const int32_t rows = (view->height + BLOCK - 1) / BLOCK;
    e.view = view;
    e.across = (view->width + BLOCK - 1) / BLOCK;
    for (int32_t i = 0; i < LEVELS; i++)
        atomic_init(&e.counts[i], 0);
    jr2i_pool_run(pool, level_task, &e, rows);
    for (int32_t i = 0; i < LEVELS; i++)
        total += counts[i] = atomic_load(&e.counts[i]);
    int32_t multiplier = choose(counts, total);
    while (multiplier > 0 && !walk(&e, pool, multiplier, 0)) /* busy blocks may lie where the pattern is strong */
        multiplier -= 1 + multiplier / 32;
    walk(&e, pool, multiplier, 1);
}
