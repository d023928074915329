/* SPDX-License-Identifier: MIT
 * Depth map of a mesh: the rasteriser's z-buffer over the mesh's box. */
#include "render/depth.h"

#include <math.h>
#include <string.h>

#include "render/raster.h"

int32_t jr2i_depth_make(jr2i_env *env, const float *screen, const float *inv_w, int32_t vertex_count, const int32_t *triangles,
                        int32_t triangle_count, int32_t width, int32_t height, int32_t side, jr2i_depth_map *map)
{
    float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    memset(map, 0, sizeof *map);
    for (int32_t i = 0; i < vertex_count; i++) {
        if (inv_w && !(inv_w[i] > 0))
            continue;
        for (int k = 0; k < 2; k++) {
            float x = screen[3 * (size_t)i + (size_t)k];
            low[k] = x < low[k] ? x : low[k];
            high[k] = x > high[k] ? x : high[k];
        }
    }
    float x0 = fmaxf(low[0], 0), y0 = fmaxf(low[1], 0), x1 = fminf(high[0], (float)width), y1 = fminf(high[1], (float)height);
    float longer = fmaxf(x1 - x0, y1 - y0);
    if (!(x1 > x0 && y1 > y0 && longer > 1e-3f && isfinite(longer)))
        return JR2_OK;
    map->x = x0;
    map->y = y0;
    map->scale = (float)side / longer;
    map->width = (int32_t)ceilf((x1 - x0) * map->scale);
    map->height = (int32_t)ceilf((y1 - y0) * map->scale);
    map->width = map->width < side ? map->width : side;
    map->height = map->height < side ? map->height : side;
    size_t pixels = (size_t)map->width * (size_t)map->height;
    int32_t *id = jr2i_alloc(env, pixels, sizeof *id);
    float *moved = jr2i_alloc(env, 3 * (size_t)vertex_count, sizeof *moved);
    map->depth = jr2i_alloc(env, pixels, sizeof *map->depth);
    int32_t status = JR2_OK;
    if (!id || !moved || !map->depth) {
        status = jr2i_no_memory(env, pixels * sizeof *map->depth);
        jr2i_depth_free(env, map);
    } else {
        for (int32_t i = 0; i < vertex_count; i++) {
            const float *from = screen + 3 * (size_t)i;
            float *to = moved + 3 * (size_t)i;
            to[0] = (from[0] - x0) * map->scale;
            to[1] = (from[1] - y0) * map->scale;
            to[2] = from[2];
        }
        jr2i_raster(moved, inv_w, vertex_count, triangles, triangle_count, map->width, map->height, JR2I_CULL_NONE, id, NULL,
                    map->depth);
    }
    jr2i_free(env, id);
    jr2i_free(env, moved);
    return status;
}

void jr2i_depth_free(const jr2i_env *env, jr2i_depth_map *map)
{
    jr2i_free(env, map->depth);
    jr2i_free(env, map->inner);
    memset(map, 0, sizeof *map);
}

/* Distance by two sweeps with steps of 1 and sqrt 2. The border of the map is an outline only where it is no border of the picture:
 * the map's box is the mesh's, so its border is not counted. */
int32_t jr2i_depth_make_inner(jr2i_env *env, jr2i_depth_map *map)
{
    int32_t w = map->width, h = map->height;
    size_t pixels = (size_t)w * (size_t)h;
    if (pixels == 0)
        return JR2_OK;
    map->inner = jr2i_alloc(env, pixels, sizeof *map->inner);
    if (!map->inner)
        return jr2i_no_memory(env, pixels * sizeof *map->inner);
    for (size_t i = 0; i < pixels; i++)
        map->inner[i] = isfinite(map->depth[i]) ? 1e6f : 0;
    for (int sweep = 0; sweep < 2; sweep++) {
        static const int8_t step[4][2] = {{-1, 0}, {-1, -1}, {0, -1}, {1, -1}};
        int32_t sign = sweep ? -1 : 1;
        for (int32_t j = sweep ? h - 1 : 0; j >= 0 && j < h; j += sign)
            for (int32_t i = sweep ? w - 1 : 0; i >= 0 && i < w; i += sign) {
                float *at = map->inner + (size_t)j * (size_t)w + (size_t)i;
                for (int k = 0; k < 4; k++) {
                    int32_t x = i + sign * step[k][0], y = j + sign * step[k][1];
                    if (x < 0 || y < 0 || x >= w || y >= h)
                        continue;
                    float d = map->inner[(size_t)y * (size_t)w + (size_t)x] + (k % 2 ? 1.41421356f : 1);
                    *at = d < *at ? d : *at;
                }
            }
    }
    return JR2_OK;
}

static int32_t find_pixel(const jr2i_depth_map *map, float x, float y, int32_t *column, int32_t *row)
{
    float mx = (x - map->x) * map->scale, my = (y - map->y) * map->scale;
    if (!(mx >= 0 && my >= 0 && mx < (float)map->width && my < (float)map->height))
        return 0;
    *column = (int32_t)mx;
    *row = (int32_t)my;
    return 1;
}

float jr2i_depth_inner(const jr2i_depth_map *map, float x, float y)
{
    int32_t column, row;
    if (!find_pixel(map, x, y, &column, &row))
        return 0;
    return map->inner[(size_t)row * (size_t)map->width + (size_t)column] / map->scale;
}

float jr2i_depth_behind(const jr2i_depth_map *map, float x, float y, float depth, int32_t strict)
{
    int32_t cx, cy;
    if (!find_pixel(map, x, y, &cx, &cy))
        return 1e9f;
    float seen = strict ? INFINITY : -INFINITY;
    for (int32_t j = cy > 0 ? cy - 1 : 0; j <= cy + 1 && j < map->height; j++)
        for (int32_t i = cx > 0 ? cx - 1 : 0; i <= cx + 1 && i < map->width; i++) {
            float d = map->depth[(size_t)j * (size_t)map->width + (size_t)i];
            seen = (strict ? d < seen : d > seen) ? d : seen;
        }
    return depth - seen;
}
