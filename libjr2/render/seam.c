/* SPDX-License-Identifier: MIT
 * Joining charts: of all places of a vertex the one nearest to what is seen gives its colour to the rest. */
#include "render/seam.h"

#include <math.h>
#include <stdlib.h>

#include "render/mirror.h"

#define KNOWN 0.3f /* weight above which a place needs no advice */

/* The texel of a triangle's corner, a little inside of the triangle. */
static int32_t texel_of(const jr2i_head *head, size_t corner, int32_t size)
{
    const int32_t *t = head->triangles_uv + corner / 3 * 3;
    const float *uv = head->uv + 2 * (size_t)head->triangles_uv[corner];
    float at[2], inward[2], length = 0;
    for (int k = 0; k < 2; k++) {
        at[k] = uv[k] * (float)size;
        inward[k] = (head->uv[2 * (size_t)t[0] + (size_t)k] + head->uv[2 * (size_t)t[1] + (size_t)k] +
                     head->uv[2 * (size_t)t[2] + (size_t)k]) / 3 * (float)size - at[k];
        length += inward[k] * inward[k];
    }
    length = sqrtf(length);
    float step = length > 1 ? 1 / length : 1;
    int32_t x = (int32_t)(at[0] + step * inward[0]), y = (int32_t)((float)size - (at[1] + step * inward[1]));
    x = x < size ? x : size - 1;
    y = y < size ? y : size - 1;
    return (y > 0 ? y : 0) * size + (x > 0 ? x : 0);
}

/* How much is seen there and, less and less counted, around it. */
static float nearness(const jr2i_fill *fill, int32_t texel)
{
    float sum = fill->cell[0][4 * (size_t)texel + 3], share = 0.1f, value[4];
    int32_t size = fill->size[0];
    for (int32_t level = 3; level < fill->levels; level += 2, share *= 0.1f) {
        jr2i_fill_sample(fill, level, (float)(texel % size) + 0.5f, (float)(texel / size) + 0.5f, value);
        sum += share * value[3];
    }
    return sum;
}

static int32_t apart(int32_t a, int32_t b, int32_t size)
{
    return abs(a % size - b % size) > 2 || abs(a / size - b / size) > 2;
}

void jr2i_seam_join(const jr2i_head *head, jr2i_fill *fill, int32_t *best)
{
    int32_t size = fill->size[0];
    size_t corners = 3 * (size_t)head->triangle_count;
    for (int32_t v = 0; v < head->vertex_count; v++)
        best[v] = -1;
    for (size_t c = 0; c < corners; c++) {
        if (!jr2i_mirror_skin(head->part[c / 3]))
            continue;
        int32_t v = head->triangles[c], texel = texel_of(head, c, size);
        if (best[v] < 0 || (apart(best[v], texel, size) && nearness(fill, texel) > nearness(fill, best[v])))
            best[v] = texel;
    }
    for (size_t c = 0; c < corners; c++) {
        int32_t v = head->triangles[c], texel = texel_of(head, c, size);
        float *cell = fill->cell[0] + 4 * (size_t)texel;
        if (!jr2i_mirror_skin(head->part[c / 3]) || !apart(best[v], texel, size) || cell[3] > KNOWN)
            continue;
        const float *from = fill->cell[0] + 4 * (size_t)best[v];
        for (int k = 0; k < 3; k++)
            cell[k] = from[k];
        cell[3] = 1;
    }
}
