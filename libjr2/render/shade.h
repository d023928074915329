/* SPDX-License-Identifier: MIT
 * Light and colour of surfaces: spherical harmonics of order 2, and small pictures of a mesh with colours at its vertices.
 *
 * light is (9,3), 27 numbers: for each basis function its linear R, G, B. The functions of a normal n = (x, y, z) in camera
 * axes (x right, y up, z towards the viewer) are the real spherical harmonics of order 0 to 2, in this order:
 *     0.282095, 0.488603 y, 0.488603 z, 0.488603 x, 1.092548 x y, 1.092548 y z, 0.315392 (3 z^2 - 1), 1.092548 x z,
 *     0.546274 (x^2 - y^2)
 * A surface of linear albedo a is seen in the linear colour a * max(0, sum of light x function); pixels are sRGB of that. */
#ifndef JR2I_SHADE_H
#define JR2I_SHADE_H

#include "base/env.h"
#include "image/draw.h"

#define JR2I_LIGHT_COUNT 27

void jr2i_light_basis(const float normal[3], float basis[9]);
/* Linear irradiance factor per channel, not below 0. */
void jr2i_light_at(const float light[27], const float normal[3], float rgb[3]);

float jr2i_srgb_encode(float linear);           /* 0..1 to 0..1, clamps */
float jr2i_srgb_decode(float encoded);          /* 0..1 to 0..1 */

/* Linear colours of vertices: rotation (9, row-major) turns normals (count,3) into camera axes; NULL: they are. albedo
 * (count,3) linear; NULL: 0.6 grey. */
void jr2i_shade_vertices(const float *normals, const float *albedo, int32_t count, const float *rotation, const float light[27],
                         float *linear_rgb);

/* Draws a mesh over a picture: screen (V,3) and inv_w (V) as for the rasteriser, linear_rgb (V,3); front faces only.
 * opacity 0..1. Works in rows of tiles, so that memory stays small at any picture size. */
int32_t jr2i_shade_draw(jr2i_env *env, const jr2i_canvas *canvas, const float *screen, const float *inv_w, int32_t vertex_count,
                        const int32_t *triangles, int32_t triangle_count, const float *linear_rgb, float opacity);

#endif
