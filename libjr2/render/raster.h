/* SPDX-License-Identifier: MIT
 * Z-buffer rasteriser: which triangle is seen in each pixel, where in it, and how far away. It allocates nothing,
 * depends on nothing but the C library and can be compiled alone. Colours, light and textures live elsewhere
 * (shade.h, texture.h): they read what this writes.
 *
 * Screen: x right, y down, pixels; the centre of the pixel in column i, row j is (i + 0.5, j + 0.5). Coordinates are
 * snapped to 1/256 px and the inside test is in integers with the top-left rule, so that triangles which share an edge
 * cover each pixel exactly once, without gap or overlap, and results do not depend on the compiler or machine
 * (compile with -ffp-contract=off to have the depths bit-equal too). */
#ifndef JR2I_RASTER_H
#define JR2I_RASTER_H

#include <stdint.h>

/* Which triangles are left out by their winding. Front faces are counter-clockwise as seen on the screen. */
#define JR2I_CULL_NONE 0
#define JR2I_CULL_BACK 1  /* draw front faces only */
#define JR2I_CULL_FRONT 2 /* draw back faces only */

/* Draws a mesh over a cleared buffer of width x height pixels (row by row, no padding).
 *  xyz            (vertex_count, 3): screen x, y in pixels; depth, smaller is nearer, any unit.
 *  inv_w          (vertex_count): 1 / distance along the optical axis (any common factor), for perspective-correct
 *                 results; NULL: parallel projection. A vertex with inv_w <= 0 is behind the camera.
 *  triangles      (triangle_count, 3).
 *  cull           JR2I_CULL_*.
 *  triangle_id    (height, width) out: index of the triangle, -1 where there is none.
 *  barycentric    (height, width, 3) out or NULL: weights of the corners, perspective-correct, sum 1; 0 outside.
 *  depth          (height, width) out: interpolated xyz[2], +infinity outside.
 * A triangle with an index out of range, a coordinate that is not finite or beyond +-2^20 px, or a corner behind the
 * camera is not drawn: there is no clipping. At equal depth the triangle that comes first stays. */
void jr2i_raster(const float *xyz, const float *inv_w, int32_t vertex_count, const int32_t *triangles,
                 int32_t triangle_count, int32_t width, int32_t height, int32_t cull, int32_t *triangle_id,
                 float *barycentric, float *depth);

/* Its rows first_row <= y < end_row alone, which become what jr2i_raster makes of them: threads can share a picture. */
void jr2i_raster_rows(const float *xyz, const float *inv_w, int32_t vertex_count, const int32_t *triangles,
                      int32_t triangle_count, int32_t width, int32_t height, int32_t cull, int32_t first_row, int32_t end_row,
                      int32_t *triangle_id, float *barycentric, float *depth);

/* Attributes of the pixels: out (pixels, channels) = sum of barycentric x attribute (vertices, channels) over the
 * corners of the pixel's triangle. Pixels without a triangle are left as they are. */
void jr2i_raster_interpolate(const int32_t *triangle_id, const float *barycentric, int64_t pixels,
                             const int32_t *triangles, const float *attribute, int32_t channels, float *out);

#endif
