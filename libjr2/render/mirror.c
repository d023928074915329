/* SPDX-License-Identifier: MIT
 * Mirrored texture places: nearest vertex by a sweep over y, then the closest point on the triangles around it. */
#include "render/mirror.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAR 0.5f /* cm */

int32_t jr2i_mirror_skin(uint8_t part)
{
    return part == 0 || part == 1 || part == 3 || part == 8;
}

typedef struct place {
    float y;
    int32_t vertex;
} place;

static int by_height(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return p->vertex < q->vertex ? -1 : p->vertex > q->vertex;
}

static float squared(const float *a, const float *b)
{
    float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return x * x + y * y + z * z;
}

static int32_t nearest(const place *places, int32_t count, const float *vertices, const float *point)
{
    int32_t low = 0, high = count, best = -1;
    float least = FAR * FAR;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (places[middle].y < point[1])
            low = middle + 1;
        else
            high = middle;
    }
    for (int direction = -1; direction <= 1; direction += 2)
        for (int32_t i = direction < 0 ? low - 1 : low; i >= 0 && i < count; i += direction) {
            float dy = places[i].y - point[1];
            if (dy * dy > least)
                break;
            float d = squared(vertices + 3 * (size_t)places[i].vertex, point);
            if (d < least) {
                least = d;
                best = places[i].vertex;
            }
        }
    return best;
}

/* Closest point of a triangle to p as weights of its corners; returns the squared distance. */
static float closest(const float *a, const float *b, const float *c, const float *p, float weight[3])
{
    const float *corner[3] = {a, b, c};
    float e0[3], e1[3], d[3], g00 = 0, g01 = 0, g11 = 0, h0 = 0, h1 = 0;
    for (int k = 0; k < 3; k++) {
        e0[k] = b[k] - a[k];
        e1[k] = c[k] - a[k];
        d[k] = p[k] - a[k];
        g00 += e0[k] * e0[k];
        g01 += e0[k] * e1[k];
        g11 += e1[k] * e1[k];
        h0 += e0[k] * d[k];
        h1 += e1[k] * d[k];
    }
    float determinant = g00 * g11 - g01 * g01;
    if (determinant > 1e-12f) {
        float u = (g11 * h0 - g01 * h1) / determinant, v = (g00 * h1 - g01 * h0) / determinant;
        if (u >= 0 && v >= 0 && u + v <= 1) {
            float q[3];
            for (int k = 0; k < 3; k++)
                q[k] = a[k] + u * e0[k] + v * e1[k];
            weight[0] = 1 - u - v;
            weight[1] = u;
            weight[2] = v;
            return squared(q, p);
        }
    }
    float least = INFINITY;
    for (int i = 0; i < 3; i++) {
        const float *s = corner[i], *t = corner[(i + 1) % 3];
        float along = 0, length = 0, q[3];
        for (int k = 0; k < 3; k++) {
            along += (t[k] - s[k]) * (p[k] - s[k]);
            length += (t[k] - s[k]) * (t[k] - s[k]);
        }
        float f = length > 0 ? along / length : 0;
        f = f < 0 ? 0 : f > 1 ? 1 : f;
        for (int k = 0; k < 3; k++)
            q[k] = s[k] + f * (t[k] - s[k]);
        float distance = squared(q, p);
        if (distance < least) {
            least = distance;
            memset(weight, 0, 3 * sizeof *weight);
            weight[i] = 1 - f;
            weight[(i + 1) % 3] = f;
        }
    }
    return least;
}

int32_t jr2i_mirror_make(jr2i_env *env, const jr2i_head *head, float *uv)
{
    size_t vertices = (size_t)head->vertex_count, corners = 3 * (size_t)head->triangle_count;
    const float *at = head->surface.mean;
    int32_t *first = jr2i_calloc(env, vertices + 2, sizeof *first), *around = jr2i_alloc(env, corners, sizeof *around);
    place *places = jr2i_alloc(env, vertices, sizeof *places);
    int32_t status = JR2_OK, count = 0;
    if (!first || !around || !places) {
        status = jr2i_no_memory(env, corners * sizeof *around);
    } else {
        /* triangles around each vertex: first[v] .. first[v + 1] - 1 of around */
        for (size_t c = 0; c < corners; c++)
            if (jr2i_mirror_skin(head->part[c / 3]))
                first[head->triangles[c] + 2]++;
        for (size_t v = 0; v < vertices; v++) {
            if (first[v + 2] > 0) {
                places[count].y = at[3 * v + 1];
                places[count++].vertex = (int32_t)v;
            }
            first[v + 2] += first[v + 1];
        }
        for (size_t c = 0; c < corners; c++)
            if (jr2i_mirror_skin(head->part[c / 3]))
                around[first[head->triangles[c] + 1]++] = (int32_t)(c / 3);
        qsort(places, (size_t)count, sizeof *places, by_height);
        for (size_t v = 0; v < vertices; v++) {
            float point[3] = {-at[3 * v], at[3 * v + 1], at[3 * v + 2]}, least = FAR * FAR, weight[3];
            uv[2 * v] = uv[2 * v + 1] = -1;
            int32_t near = nearest(places, count, at, point);
            for (int32_t i = near >= 0 ? first[near] : 0; near >= 0 && i < first[near + 1]; i++) {
                const int32_t *t = head->triangles + 3 * (size_t)around[i], *q = head->triangles_uv + 3 * (size_t)around[i];
                float distance = closest(at + 3 * (size_t)t[0], at + 3 * (size_t)t[1], at + 3 * (size_t)t[2], point, weight);
                if (distance >= least)
                    continue;
                least = distance;
                for (int k = 0; k < 2; k++)
                    uv[2 * v + (size_t)k] = weight[0] * head->uv[2 * (size_t)q[0] + (size_t)k] +
                                            weight[1] * head->uv[2 * (size_t)q[1] + (size_t)k] +
                                            weight[2] * head->uv[2 * (size_t)q[2] + (size_t)k];
            }
        }
    }
    jr2i_free(env, first);
    jr2i_free(env, around);
    jr2i_free(env, places);
    return status;
}
