/* SPDX-License-Identifier: MIT
 * A depth map of a mesh around where it is seen, at limited resolution: whether a point of the surface is hidden by another. */
#ifndef JR2I_DEPTH_H
#define JR2I_DEPTH_H

#include "base/env.h"

typedef struct jr2i_depth_map {
    float x, y;   /* picture coordinates of the map's corner */
    float scale;  /* map pixels a picture pixel */
    int32_t width, height;
    float *depth; /* (height,width) */
    float *inner; /* (height,width) map pixels to the nearest one that the mesh does not cover, about; NULL: not made */
} jr2i_depth_map;

/* screen (V,3), inv_w (V) as for the rasteriser. The map covers the part of the mesh in the picture of width x height and is
 * side pixels long; empty (0 x 0) where no part is. Free with jr2i_depth_free. */
int32_t jr2i_depth_make(jr2i_env *env, const float *screen, const float *inv_w, int32_t vertex_count, const int32_t *triangles,
                        int32_t triangle_count, int32_t width, int32_t height, int32_t side, jr2i_depth_map *map);
void jr2i_depth_free(const jr2i_env *env, jr2i_depth_map *map);
int32_t jr2i_depth_make_inner(jr2i_env *env, jr2i_depth_map *map); /* fills inner */
/* Picture pixels from (x, y) to the mesh's outline, about; 0 outside. Needs inner. */
float jr2i_depth_inner(const jr2i_depth_map *map, float x, float y);
/* How far (in the unit of depth) a point at picture place (x, y) lies behind the surface that is seen there; not above 0 where it is
 * the nearest. strict 1: the nearest surface of the 3 x 3 pixels around; 0: the farthest. Outside of the map: 1e9. */
float jr2i_depth_behind(const jr2i_depth_map *map, float x, float y, float depth, int32_t strict);

#endif
