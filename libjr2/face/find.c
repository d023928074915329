/* SPDX-License-Identifier: MIT
 * Runs the finder: the picture reduced so that its longer side is `side`, padded with grey to multiples of 32, through the
 * network, cells decoded into face frames, and of frames that overlap the best kept.
 *
 * A cell (column i, row j) of a level with stride s holds: score logit; centre x = (i + 0.5 + dx) s, y alike; size =
 * 4 s exp(size); roll = atan2(sin, cos). */
#include "face/find.h"

#include <math.h>
#include <string.h>

#include "image/resize.h"

#define OVERLAP_MAX 0.35f /* two frames whose discs overlap more are one face */
#define NEAR 0.28f        /* as are two whose centres are nearer than this, in sizes of the larger */
#define LOG_SIZE_MAX 4.0f

struct jr2i_finder {
    const jr2i_net *net;
    jr2i_net_state *state;
    int32_t side, retry;
    int32_t reserved;       /* largest side that there is room for */
    float *input;           /* (3,H,W), padded */
    jr2i_found *candidates; /* a cell each */
    size_t input_room, candidate_room;
    float *rows; /* scratch of the resizing */
    size_t rows_room;
};

static int32_t round_up(int32_t n)
{
    return (n + JR2I_FIND_MULTIPLE - 1) / JR2I_FIND_MULTIPLE * JR2I_FIND_MULTIPLE;
}

void jr2i_find_size(const jr2i_view *view, int32_t side, int32_t *width, int32_t *height, int32_t *padded_width,
                    int32_t *padded_height)
{
    int32_t longer = view->width > view->height ? view->width : view->height;
    double scale = (double)side / longer;
    *width = (int32_t)(view->width * scale + 0.5);
    *height = (int32_t)(view->height * scale + 0.5);
    *width = *width < 1 ? 1 : *width;
    *height = *height < 1 ? 1 : *height;
    *padded_width = round_up(*width);
    *padded_height = round_up(*height);
}

/* Room for square pictures of the side: whatever the shape, no later run needs more of the network. */
static int32_t reserve(jr2i_env *env, jr2i_finder *f, int32_t side)
{
    size_t cells = 0, pixels = (size_t)side * (size_t)side;
    if (side <= f->reserved)
        return JR2_OK;
    for (int32_t i = 0, s = JR2I_FIND_STRIDE; i < JR2I_FIND_LEVELS; i++, s *= 2)
        cells += pixels / ((size_t)s * (size_t)s);
    if (f->input_room < 3 * pixels) {
        float *input = jr2i_alloc(env, 3 * pixels, sizeof *input);
        if (!input)
            return jr2i_no_memory(env, 3 * pixels * sizeof *input);
        jr2i_free(env, f->input);
        f->input = input;
        f->input_room = 3 * pixels;
    }
    if (f->candidate_room < cells) {
        jr2i_found *candidates = jr2i_alloc(env, cells, sizeof *candidates);
        if (!candidates)
            return jr2i_no_memory(env, cells * sizeof *candidates);
        jr2i_free(env, f->candidates);
        f->candidates = candidates;
        f->candidate_room = cells;
    }
    int32_t status = jr2i_net_state_resize(env, f->net, f->state, side, side);
    if (status == JR2_OK)
        f->reserved = side;
    return status;
}

int32_t jr2i_finder_create(jr2i_env *env, const jr2i_net *net, int32_t threads, jr2i_finder **out)
{
    *out = NULL;
    jr2i_finder *f = jr2i_calloc(env, 1, sizeof *f);
    if (!f)
        return jr2i_no_memory(env, sizeof *f);
    f->net = net;
    f->side = JR2I_FIND_SIDE;
    int32_t status = jr2i_net_state_create(env, net, JR2I_FIND_SIDE, JR2I_FIND_SIDE, threads, &f->state);
    if (status == JR2_OK)
        status = reserve(env, f, JR2I_FIND_SIDE);
    if (status != JR2_OK) {
        jr2i_finder_free(env, f);
        return status;
    }
    *out = f;
    return JR2_OK;
}

void jr2i_finder_free(const jr2i_env *env, jr2i_finder *finder)
{
    if (!finder)
        return;
    jr2i_net_state_free(env, finder->state);
    jr2i_free(env, finder->input);
    jr2i_free(env, finder->candidates);
    jr2i_free(env, finder->rows);
    jr2i_free(env, finder);
}

int32_t jr2i_finder_set_side(jr2i_env *env, jr2i_finder *finder, int32_t side)
{
    if (side < 3 * JR2I_FIND_MULTIPLE || side > JR2I_FIND_SIDE_MAX || side % JR2I_FIND_MULTIPLE)
        return jr2i_fail(env, JR2_ERR_RANGE, "the finder's side is %d, not a multiple of %d in %d..%d", (int)side,
                         JR2I_FIND_MULTIPLE, 3 * JR2I_FIND_MULTIPLE, JR2I_FIND_SIDE_MAX);
    int32_t status = reserve(env, finder, side);
    if (status == JR2_OK)
        finder->side = side;
    return status;
}

void jr2i_finder_set_retry(jr2i_finder *finder, int32_t retry)
{
    finder->retry = retry != 0;
}

float jr2i_find_overlap(const jr2i_frame *a, const jr2i_frame *b)
{
    float r = 0.5f * a->size, s = 0.5f * b->size, dx = a->x - b->x, dy = a->y - b->y;
    float d = sqrtf(dx * dx + dy * dy), small = r < s ? r : s, large = r < s ? s : r;
    if (!(d < r + s))
        return 0;
    if (d <= large - small)
        return (small / large) * (small / large);
    float u = (d * d + r * r - s * s) / (2 * d * r), v = (d * d + s * s - r * r) / (2 * d * s);
    float k = (r + s - d) * (d + r - s) * (d - r + s) * (d + r + s);
    u = u > 1 ? 1 : u < -1 ? -1 : u;
    v = v > 1 ? 1 : v < -1 ? -1 : v;
    float both = r * r * acosf(u) + s * s * acosf(v) - 0.5f * sqrtf(k > 0 ? k : 0);
    return both / (3.14159265f * (r * r + s * s) - both);
}

/* The picture as the network's input. */
static int32_t prepare(jr2i_env *env, jr2i_finder *f, const jr2i_view *view, int32_t w, int32_t h, int32_t pw, int32_t ph)
{
    size_t plane = (size_t)pw * (size_t)ph;
    size_t need = jr2i_resize_scratch(view);
    if (f->rows_room < need) {
        float *rows = jr2i_alloc(env, need, sizeof *rows);
        if (!rows)
            return jr2i_no_memory(env, need * sizeof *rows);
        jr2i_free(env, f->rows);
        f->rows = rows;
        f->rows_room = need;
    }
    jr2i_resize_planar(view, w, h, f->input, (size_t)pw, plane, f->rows);
    for (int k = 0; k < 3; k++) {
        float *p = f->input + (size_t)k * plane;
        if (pw > w)
            for (int32_t y = 0; y < h; y++)
                memset(p + (size_t)y * (size_t)pw + w, 0, (size_t)(pw - w) * sizeof *p);
        memset(p + (size_t)h * (size_t)pw, 0, (size_t)(ph - h) * (size_t)pw * sizeof *p);
    }
    return JR2_OK;
}

/* Cells whose score is at least min_score, in pixels of the network's input. */
static int32_t decode(jr2i_finder *f, float min_score)
{
    int32_t n = 0;
    for (int32_t level = 0, stride = JR2I_FIND_STRIDE; level < JR2I_FIND_LEVELS; level++, stride *= 2) {
        int32_t height, width;
        const float *m = jr2i_net_output(f->net, f->state, level, NULL, &height, &width);
        size_t plane = (size_t)height * (size_t)width;
        for (int32_t j = 0; j < height; j++)
            for (int32_t i = 0; i < width; i++, m++) {
                float score = 1 / (1 + expf(-m[0]));
                if (!(score >= min_score))
                    continue;
                float size = m[3 * plane];
                size = size < LOG_SIZE_MAX ? size : LOG_SIZE_MAX;
                size = size > -LOG_SIZE_MAX ? size : -LOG_SIZE_MAX;
                jr2i_found *c = &f->candidates[n];
                c->frame.x = ((float)i + 0.5f + m[plane]) * (float)stride;
                c->frame.y = ((float)j + 0.5f + m[2 * plane]) * (float)stride;
                c->frame.size = 4 * (float)stride * expf(size);
                c->frame.roll = atan2f(m[5 * plane], m[4 * plane]);
                c->score = score;
                n += isfinite(c->frame.x) && isfinite(c->frame.y) && isfinite(c->frame.roll);
            }
    }
    return n;
}

static int one_face(const jr2i_frame *a, const jr2i_frame *b)
{
    float dx = a->x - b->x, dy = a->y - b->y, near = NEAR * (a->size > b->size ? a->size : b->size);
    return dx * dx + dy * dy < near * near || jr2i_find_overlap(a, b) > OVERLAP_MAX;
}

/* Takes the best candidate, drops those that are the same face, and so on. n shrinks as candidates go. */
static int32_t select_best(jr2i_found *c, int32_t n, jr2i_found *found, int32_t max)
{
    int32_t count = 0;
    while (n > 0 && count < max) {
        int32_t best = 0, left = 0;
        for (int32_t i = 1; i < n; i++)
            if (c[i].score > c[best].score)
                best = i;
        jr2i_found one = c[best];
        for (int32_t i = 0; i < n; i++)
            if (i != best && !one_face(&one.frame, &c[i].frame))
                c[left++] = c[i];
        n = left;
        found[count++] = one;
    }
    return count;
}

static int32_t search(jr2i_env *env, jr2i_finder *f, jr2i_pool *pool, const jr2i_view *view, int32_t side, float min_score,
                      jr2i_found *found, int32_t max, int32_t *count)
{
    int32_t w, h, pw, ph, status;
    jr2i_find_size(view, side, &w, &h, &pw, &ph);
    if ((status = prepare(env, f, view, w, h, pw, ph)) != JR2_OK ||
        (status = jr2i_net_state_resize(env, f->net, f->state, ph, pw)) != JR2_OK ||
        (status = jr2i_net_run(env, f->net, f->state, pool, f->input)) != JR2_OK)
        return status;
    *count = select_best(f->candidates, decode(f, min_score), found, max);
    float sx = (float)view->width / (float)w, sy = (float)view->height / (float)h, s = view->width > view->height ? sx : sy;
    for (int32_t i = 0; i < *count; i++) {
        found[i].frame.x *= sx;
        found[i].frame.y *= sy;
        found[i].frame.size *= s;
    }
    return JR2_OK;
}

int32_t jr2i_finder_run(jr2i_env *env, jr2i_finder *finder, jr2i_pool *pool, const jr2i_view *view, float min_score,
                        jr2i_found *found, int32_t max, int32_t *count)
{
    *count = 0;
    int32_t status = search(env, finder, pool, view, finder->side, min_score, found, max, count);
    int32_t longer = view->width > view->height ? view->width : view->height, twice = 2 * finder->side;
    if (status != JR2_OK || *count > 0 || !finder->retry || longer < finder->side * 3 / 2 || twice > JR2I_FIND_SIDE_MAX)
        return status;
    if ((status = reserve(env, finder, twice)) != JR2_OK)
        return status;
    return search(env, finder, pool, view, twice, min_score, found, max, count);
}
