/* SPDX-License-Identifier: MIT
 * Pull-push: weighted means of 2 x 2 cells upwards, then what a cell lacks in weight comes from the level above. */
#include "render/fill.h"

#include <string.h>

int32_t jr2i_fill_create(jr2i_env *env, int32_t size, jr2i_fill *fill)
{
    size_t total = 0;
    memset(fill, 0, sizeof *fill);
    for (int32_t side = size; fill->levels < JR2I_FILL_LEVELS; side = (side + 1) / 2) {
        fill->size[fill->levels++] = side;
        total += 4 * (size_t)side * (size_t)side;
        if (side == 1)
            break;
    }
    fill->memory = jr2i_calloc(env, total, sizeof *fill->memory);
    if (!fill->memory)
        return jr2i_no_memory(env, total * sizeof *fill->memory);
    float *at = fill->memory;
    for (int32_t l = 0; l < fill->levels; l++) {
        fill->cell[l] = at;
        at += 4 * (size_t)fill->size[l] * (size_t)fill->size[l];
    }
    return JR2_OK;
}

void jr2i_fill_free(const jr2i_env *env, jr2i_fill *fill)
{
    jr2i_free(env, fill->memory);
    memset(fill, 0, sizeof *fill);
}

static void pull(const float *fine, int32_t n, float *coarse, int32_t m)
{
    for (int32_t y = 0; y < m; y++)
        for (int32_t x = 0; x < m; x++) {
            float sum[4] = {0, 0, 0, 0};
            for (int32_t j = 2 * y; j < 2 * y + 2 && j < n; j++)
                for (int32_t i = 2 * x; i < 2 * x + 2 && i < n; i++) {
                    const float *c = fine + 4 * ((size_t)j * (size_t)n + (size_t)i);
                    for (int k = 0; k < 3; k++)
                        sum[k] += c[3] * c[k];
                    sum[3] += c[3];
                }
            float *to = coarse + 4 * ((size_t)y * (size_t)m + (size_t)x);
            for (int k = 0; k < 3; k++)
                to[k] = sum[3] > 0 ? sum[k] / sum[3] : 0;
            to[3] = sum[3] < 1 ? sum[3] : 1;
        }
}

static void sample(const float *cells, int32_t n, float x, float y, float value[4])
{
    float high = (float)(n - 1);
    x = x > 0 ? x < high ? x : high : 0;
    y = y > 0 ? y < high ? y : high : 0;
    int32_t ix = (int32_t)x, iy = (int32_t)y;
    float fx = x - (float)ix, fy = y - (float)iy;
    const float *a = cells + 4 * ((size_t)iy * (size_t)n + (size_t)ix);
    const float *b = a + (ix + 1 < n ? 4 : 0), *c = a + (iy + 1 < n ? 4 * (size_t)n : 0), *d = c + (b - a);
    for (int k = 0; k < 4; k++)
        value[k] = (1 - fy) * ((1 - fx) * a[k] + fx * b[k]) + fy * ((1 - fx) * c[k] + fx * d[k]);
}

/* A fine cell lies a quarter of a coarse one beside the centre of its parent: the mean of four with weights 9, 3, 3, 1 of 16. */
static void push(const float *coarse, int32_t m, float *fine, int32_t n)
{
    for (int32_t y = 0; y < n; y++) {
        int32_t near_y = y / 2, far_y = y % 2 ? near_y + 1 : near_y - 1;
        far_y = far_y < 0 ? 0 : far_y < m ? far_y : m - 1;
        const float *near_row = coarse + 4 * (size_t)near_y * (size_t)m, *far_row = coarse + 4 * (size_t)far_y * (size_t)m;
        float *c = fine + 4 * (size_t)y * (size_t)n;
        for (int32_t x = 0; x < n; x++, c += 4) {
            if (c[3] >= 1)
                continue;
            int32_t near_x = x / 2, far_x = x % 2 ? near_x + 1 : near_x - 1;
            far_x = far_x < 0 ? 0 : far_x < m ? far_x : m - 1;
            const float *p = near_row + 4 * near_x, *q = near_row + 4 * far_x, *r = far_row + 4 * near_x, *s = far_row + 4 * far_x;
            float own = c[3], rest = 1 - own;
            for (int k = 0; k < 3; k++)
                c[k] = own * c[k] + rest * (0.5625f * p[k] + 0.1875f * (q[k] + r[k]) + 0.0625f * s[k]);
        }
    }
}

void jr2i_fill_run(jr2i_fill *fill)
{
    for (int32_t l = 1; l < fill->levels; l++)
        pull(fill->cell[l - 1], fill->size[l - 1], fill->cell[l], fill->size[l]);
    for (int32_t l = fill->levels - 1; l > 0; l--)
        push(fill->cell[l], fill->size[l], fill->cell[l - 1], fill->size[l - 1]);
}

void jr2i_fill_sample(const jr2i_fill *fill, int32_t level, float x, float y, float value[4])
{
    float scale = 1 / (float)(1 << level);
    sample(fill->cell[level], fill->size[level], x * scale - 0.5f, y * scale - 0.5f, value);
}
