/* SPDX-License-Identifier: MIT
 * See extend.h. Like conditions.c it needs nothing but the C library, and no trigonometry, whose last bits differ between processors. */
#include "render/extend.h"

#include <math.h>
#include <stdbool.h>

enum { BINS = 128 }; /* of directions around the head's middle */

#define REACH 0.3f     /* of the outline's mean radius: how far beside the head half of its motion is gone */
#define RIM 0.15f      /* of the same radius: how far inside of the outline the surface has come to move as it does */
#define ZOOM 3.0f      /* how much farther a change of size reaches than a shift as long: hair and shoulders come nearer with the head */
#define ABOVE 3.0f     /* where the silhouette is known, what is moved is the person: hair above and beside a head goes farther with it, */
#define BESIDE 2.0f    /* by these factors, */
#define BELOW 1.0f     /* shoulders do not */
#define SOFT 0.08f     /* of the radius: what stays begins so far beside the outline, or the edge of a cheek would be ragged */
#define BACK 48.0f     /* px: how far inside skin is looked for where the source shows none */
#define SURE 0.9f      /* of the silhouette: the person; at its edge pixels are mixtures */
#define FARTHEST 16384.0f /* px: no sensible point is farther away */

static bool sensible(const jr2i_posed *posed, int32_t i)
{
    const float *p = posed->screen + 3 * (size_t)i;
    return posed->inv_w[i] > 0 && fabsf(p[0]) < FARTHEST && fabsf(p[1]) < FARTHEST; /* false for NaN */
}

jr2i_similarity jr2i_extend_volume(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source)
{
    jr2i_similarity s = {0, 0, {0, 0}, 0, 0};
    double sum = 0, at[2] = {0, 0}, by[2] = {0, 0}, square = 0, along = 0, across = 0;
    for (int32_t i = 0; i < mesh->vertex_count; i++) {
        const float *p = driven->screen + 3 * (size_t)i, *q = source->screen + 3 * (size_t)i;
        const double w = (double)mesh->share[i];
        if (!(w > 0) || !sensible(driven, i) || !sensible(source, i))
            continue;
        sum += w;
        for (int k = 0; k < 2; k++) {
            at[k] += w * (double)p[k];
            by[k] += w * (double)(q[k] - p[k]);
        }
    }
    if (!(sum > 0))
        return s;
    for (int k = 0; k < 2; k++) {
        at[k] /= sum;
        by[k] /= sum;
    }
    for (int32_t i = 0; i < mesh->vertex_count; i++) {
        const float *p = driven->screen + 3 * (size_t)i, *q = source->screen + 3 * (size_t)i;
        const double w = (double)mesh->share[i], x = (double)p[0] - at[0], y = (double)p[1] - at[1];
        if (!(w > 0) || !sensible(driven, i) || !sensible(source, i))
            continue;
        square += w * (x * x + y * y);
        along += w * (x * (double)(q[0] - p[0]) + y * (double)(q[1] - p[1]));
        across += w * (x * (double)(q[1] - p[1]) - y * (double)(q[0] - p[0]));
    }
    s = (jr2i_similarity){(float)at[0], (float)at[1], {(float)by[0], (float)by[1]}, 0, 0};
    if (square > 0) {
        s.a = (float)(along / square);
        s.b = (float)(across / square);
    }
    return s;
}

/* Directions are told apart by y / (|x| + |y|) and the quadrant, which grows like the angle. */
static void direction_of(int32_t bin, float d[2])
{
    const float t = ((float)bin + 0.5f) * 4 / BINS;
    const int32_t quadrant = (int32_t)t;
    const float f = t - (float)quadrant, length = sqrtf(f * f + (1 - f) * (1 - f));
    const float x = quadrant == 0 || quadrant == 2 ? 1 - f : f, y = quadrant == 0 || quadrant == 2 ? f : 1 - f;
    d[0] = (quadrant == 1 || quadrant == 2 ? -x : x) / length;
    d[1] = (quadrant >= 2 ? -y : y) / length;
}

static float bin_of(float x, float y)
{
    const float sum = fabsf(x) + fabsf(y);
    if (!(sum > 0))
        return 0;
    const float t = y >= 0 ? (x >= 0 ? y / sum : 1 - x / sum) : (x < 0 ? 2 - y / sum : 3 + x / sum);
    return t * (BINS / 4) - 0.5f;
}

/* How far the mesh reaches from (x, y) in a direction, px; the same less than 0 where the crop's border cuts it. */
static float radius(const jr2i_posed *posed, float x, float y, const float d[2])
{
    const float side = (float)posed->side;
    if (!(x > 0 && y > 0 && x < side && y < side))
        return 0;
    float end = 2 * side;
    for (int k = 0; k < 2; k++) {
        const float from = k ? y : x, room = d[k] > 0 ? side - from : from;
        if (fabsf(d[k]) * end > room)
            end = room / fabsf(d[k]);
    }
    for (float r = end - 0.25f; r > 0; r -= 0.5f) {
        int32_t i = (int32_t)(x + r * d[0]), j = (int32_t)(y + r * d[1]);
        i = i < 0 ? 0 : i >= posed->side ? posed->side - 1 : i;
        j = j < 0 ? 0 : j >= posed->side ? posed->side - 1 : j;
        if (posed->triangle_id[(size_t)j * (size_t)posed->side + (size_t)i] >= 0)
            return r > end - 1 ? -r : r;
    }
    return 0;
}

/* The outline of the driven mesh, and how much farther out the source's lies than the similarity puts it. */
typedef struct outline {
    float radius[BINS], more[BINS], mean;
} outline;

/* Means over 7 neighbours, three times. */
static void smooth(float values[BINS])
{
    for (int round = 0; round < 3; round++) {
        float before[BINS];
        for (int k = 0; k < BINS; k++)
            before[k] = values[k];
        for (int k = 0; k < BINS; k++) {
            values[k] = 0;
            for (int j = -3; j <= 3; j++)
                values[k] += before[(k + j + BINS) % BINS];
            values[k] /= 7;
        }
    }
}

/* A direction as the similarity turns it; scale: by how much it stretches. */
static void turned(const jr2i_similarity *s, float scale, const float d[2], float out[2])
{
    out[0] = ((1 + s->a) * d[0] - s->b * d[1]) / scale;
    out[1] = (s->b * d[0] + (1 + s->a) * d[1]) / scale;
}

static float stretch(const jr2i_similarity *s)
{
    return fmaxf(sqrtf((1 + s->a) * (1 + s->a) + s->b * s->b), 1e-3f);
}

static void outline_of(const jr2i_posed *driven, const jr2i_posed *source, const jr2i_similarity *s, outline *o)
{
    const float scale = stretch(s);
    o->mean = 0;
    for (int32_t k = 0; k < BINS; k++) {
        float d[2], to[2];
        direction_of(k, d);
        turned(s, scale, d, to);
        const float here = radius(driven, s->x, s->y, d), there = radius(source, s->x + s->t[0], s->y + s->t[1], to);
        o->more[k] = here > 0 && there > 0 ? there - scale * here : 0;
        o->radius[k] = fabsf(here);
        o->mean += fabsf(here) / BINS;
    }
    smooth(o->radius);
    smooth(o->more);
}

size_t jr2i_extend_scratch(int32_t side)
{
    /* displacement (2), how much the surface moves as it does, what is revealed, the source's middle */
    return 4 * (size_t)(side / 4) * (size_t)(side / 4) + 2;
}

float jr2i_extend_cell(const float *plane, int32_t n, float x, float y)
{
    const float high = (float)(n - 1);
    x = x > 0 ? x < high ? x : high : 0; /* NaN becomes 0 */
    y = y > 0 ? y < high ? y : high : 0;
    const int32_t i = (int32_t)x, j = (int32_t)y, i1 = i < n - 1 ? i + 1 : i, j1 = j < n - 1 ? j + 1 : j;
    const float ax = x - (float)i, ay = y - (float)j;
    const float *top = plane + (size_t)j * (size_t)n, *bottom = plane + (size_t)j1 * (size_t)n;
    return (top[i] * (1 - ax) + top[i1] * ax) * (1 - ay) + (bottom[i] * (1 - ax) + bottom[i1] * ax) * ay;
}

/* How much farther than REACH says a person's hair and shoulders go with the head, in a direction with this y. */
static float persons_reach(float y)
{
    return BESIDE + fabsf(y) * ((y < 0 ? ABOVE : BELOW) - BESIDE);
}

/* What the person hides at (x, y) goes on as what is seen as far outside of the silhouette, in direction d, as this is inside; but from no farther than by (2)
 * says, which becomes this displacement. As it is where the crop ends before the silhouette. */
static void mirror(const jr2i_posed *source, float x, float y, const float d[2], float by[2])
{
    const float side = (float)source->side, most = sqrtf(by[0] * by[0] + by[1] * by[1]);
    for (float r = 0; r < side && x + 2 * r * d[0] > 0 && y + 2 * r * d[1] > 0 && x + 2 * r * d[0] < side && y + 2 * r * d[1] < side; r += 1)
        if (jr2i_posed_silhouette(source, x + r * d[0], y + r * d[1]) < JR2I_SILHOUETTE_BEHIND) {
            by[0] = fminf(2 * r, most) * d[0];
            by[1] = fminf(2 * r, most) * d[1];
            return;
        }
}

/* by is how a cell at (x, y) beside the mesh moves with the person; the share of it that shows then what lies behind stays, or is mirrored where that was
 * hidden. d points away from the head. */
static float leave_behind(const jr2i_posed *source, float x, float y, const float d[2], float share, float by[2])
{
    const float hidden = jr2i_posed_silhouette(source, x, y);
    const float behind = share * (1 - fminf(jr2i_posed_silhouette(source, x + by[0], y + by[1]) / SURE, 1));
    float from[2] = {by[0], by[1]};
    if (!(behind > 0))
        return 0;
    mirror(source, x, y, d, from);
    for (int k = 0; k < 2; k++)
        by[k] += behind * (hidden * from[k] - by[k]);
    return behind * hidden;
}

void jr2i_extend_spread(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch)
{
    const int32_t n = driven->side / 4;
    const size_t cells = (size_t)n * (size_t)n;
    const jr2i_similarity s = jr2i_extend_volume(mesh, driven, source);
    const float scale = stretch(&s);
    outline o;
    outline_of(driven, source, &s, &o);
    /* Large motions fade over a longer way, or the picture would fold. */
    const float zoom = ZOOM * s.a * o.mean, roll = s.b * o.mean;
    const float moved = sqrtf(s.t[0] * s.t[0] + s.t[1] * s.t[1] + zoom * zoom + roll * roll);
    scratch[4 * cells] = s.x + s.t[0];
    scratch[4 * cells + 1] = s.y + s.t[1];
    const float near = fmaxf(REACH * o.mean, 1), far = fmaxf(near, moved), rim = fmaxf(RIM * o.mean, 1), soft = fmaxf(SOFT * o.mean, 1);
    for (int32_t j = 0; j < n; j++)
        for (int32_t i = 0; i < n; i++) {
            const float x = 4 * (float)i + 2 - s.x, y = 4 * (float)j + 2 - s.y, r = sqrtf(x * x + y * y);
            const float bin = bin_of(x, y), low = floorf(bin), share = bin - low;
            const int32_t k = ((int32_t)low + BINS) % BINS, next = (k + 1) % BINS;
            const float over = r - (o.radius[k] * (1 - share) + o.radius[next] * share), beside = fmaxf(over, 0);
            const float d[2] = {r > 0 ? x / r : 0, r > 0 ? y / r : 0}, reach = far * (source->silhouette ? persons_reach(d[1]) : 1);
            const float whole = 1 / (1 + beside * beside / (reach * reach)), edge = 1 / (1 + beside * beside / (near * near));
            const float more = (o.more[k] * (1 - share) + o.more[next] * share) * edge;
            float to[2], *out = scratch + (size_t)j * (size_t)n + (size_t)i;
            turned(&s, scale, d, to);
            float by[2] = {whole * (s.t[0] + (s.a * x - s.b * y)) + more * to[0], whole * (s.t[1] + (s.b * x + s.a * y)) + more * to[1]};
            out[3 * cells] = leave_behind(source, 4 * (float)i + 2, 4 * (float)j + 2, d, fminf(beside / soft, 1), by);
            out[0] = by[0];
            out[cells] = by[1];
            out[2 * cells] = fminf(beside - over, rim) / rim;
        }
}

/* A place of the source (2) that shows what lies behind the person, moved a share of the way towards the middle where it shows the person. */
static void take_back(const jr2i_posed *source, const float middle[2], float share, float place[2])
{
    const float x = middle[0] - place[0], y = middle[1] - place[1], length = sqrtf(x * x + y * y);
    for (float r = 0; r < fminf(length, BACK); r += 0.5f)
        if (jr2i_posed_silhouette(source, place[0] + r * x / length, place[1] + r * y / length) >= SURE) {
            place[0] += share * r * x / length;
            place[1] += share * r * y / length;
            return;
        }
}

const float *jr2i_extend_revealed(const float *scratch, int32_t side)
{
    return scratch + 3 * (size_t)(side / 4) * (size_t)(side / 4);
}

void jr2i_extend_rows(const float *kind, const jr2i_posed *source, const float *scratch, float *flow, int32_t first, int32_t end)
{
    const int32_t side = source->side, n = side / 4;
    const size_t pixels = (size_t)side * (size_t)side, cells = (size_t)n * (size_t)n;
    for (int32_t j = first; j < end; j++)
        for (int32_t i = 0; i < side; i++) {
            const size_t at = (size_t)j * (size_t)side + (size_t)i;
            if (kind[at] == JR2I_EXTEND_REST)
                continue;
            const float x = ((float)i + 0.5f) * 0.25f - 0.5f, y = ((float)j + 0.5f) * 0.25f - 0.5f;
            const float own = kind[at] > 0 ? jr2i_extend_cell(scratch + 2 * cells, n, x, y) : 0;
            flow[at] = own * flow[at] + (1 - own) * jr2i_extend_cell(scratch, n, x, y);
            flow[pixels + at] = own * flow[pixels + at] + (1 - own) * jr2i_extend_cell(scratch + cells, n, x, y);
            if (source->silhouette && kind[at] > JR2I_EXTEND_SKIN) {
                float place[2] = {(float)i + 0.5f + flow[at], (float)j + 0.5f + flow[pixels + at]};
                take_back(source, scratch + 4 * cells, own * (kind[at] - JR2I_EXTEND_SKIN), place);
                flow[at] = place[0] - (float)i - 0.5f;
                flow[pixels + at] = place[1] - (float)j - 0.5f;
            }
        }
}
