/* SPDX-License-Identifier: MIT
 * Spherical-harmonics light, sRGB, and drawing a mesh with colours at its vertices. */
#include "render/shade.h"

#include <math.h>
#include <string.h>

#include "render/raster.h"

#define BAND_PIXELS 262144 /* pixels that are rasterised at once */

void jr2i_light_basis(const float n[3], float basis[9])
{
    float x = n[0], y = n[1], z = n[2];
    basis[0] = 0.282095f;
    basis[1] = 0.488603f * y;
    basis[2] = 0.488603f * z;
    basis[3] = 0.488603f * x;
    basis[4] = 1.092548f * x * y;
    basis[5] = 1.092548f * y * z;
    basis[6] = 0.315392f * (3 * z * z - 1);
    basis[7] = 1.092548f * x * z;
    basis[8] = 0.546274f * (x * x - y * y);
}

void jr2i_light_at(const float light[27], const float normal[3], float rgb[3])
{
    float basis[9];
    jr2i_light_basis(normal, basis);
    for (int c = 0; c < 3; c++) {
        float sum = 0;
        for (int k = 0; k < 9; k++)
            sum += light[3 * k + c] * basis[k];
        rgb[c] = sum > 0 ? sum : 0;
    }
}

float jr2i_srgb_encode(float linear)
{
    if (!(linear > 0))
        return 0;
    if (linear >= 1)
        return 1;
    return linear <= 0.0031308f ? 12.92f * linear : 1.055f * powf(linear, 1 / 2.4f) - 0.055f;
}

float jr2i_srgb_decode(float encoded)
{
    if (!(encoded > 0))
        return 0;
    if (encoded >= 1)
        return 1;
    return encoded <= 0.04045f ? encoded / 12.92f : powf((encoded + 0.055f) / 1.055f, 2.4f);
}

void jr2i_shade_vertices(const float *normals, const float *albedo, int32_t count, const float *r, const float light[27],
                         float *linear_rgb)
{
    for (int32_t i = 0; i < count; i++) {
        const float *n = normals + 3 * (size_t)i;
        float turned[3] = {n[0], n[1], n[2]}, rgb[3];
        for (int k = 0; k < 3 && r; k++)
            turned[k] = r[3 * k] * n[0] + r[3 * k + 1] * n[1] + r[3 * k + 2] * n[2];
        jr2i_light_at(light, turned, rgb);
        for (int k = 0; k < 3; k++)
            linear_rgb[3 * (size_t)i + (size_t)k] = rgb[k] * (albedo ? albedo[3 * (size_t)i + (size_t)k] : 0.6f);
    }
}

/* Rows first .. last that the mesh can touch; 0 where there are none. */
static int rows_of(const float *screen, int32_t count, int32_t height, int32_t *first, int32_t *last)
{
    float low = INFINITY, high = -INFINITY;
    for (int32_t i = 0; i < count; i++) {
        float y = screen[3 * (size_t)i + 1];
        if (isfinite(y)) {
            low = y < low ? y : low;
            high = y > high ? y : high;
        }
    }
    if (!(low < (float)height && high > 0))
        return 0;
    *first = low > 0 ? (int32_t)low : 0;
    *last = high < (float)(height - 1) ? (int32_t)high : height - 1;
    return 1;
}

int32_t jr2i_shade_draw(jr2i_env *env, const jr2i_canvas *canvas, const float *screen, const float *inv_w, int32_t vertex_count,
                        const int32_t *triangles, int32_t triangle_count, const float *linear_rgb, float opacity)
{
    int32_t first, last, rows = BAND_PIXELS / canvas->width > 0 ? BAND_PIXELS / canvas->width : 1;
    if (!rows_of(screen, vertex_count, canvas->height, &first, &last))
        return JR2_OK;
    size_t pixels = (size_t)rows * (size_t)canvas->width, values = 3 * (size_t)vertex_count;
    int32_t *id = jr2i_alloc(env, pixels, sizeof *id);
    float *weight = jr2i_alloc(env, 3 * pixels, sizeof *weight), *depth = jr2i_alloc(env, pixels, sizeof *depth);
    float *moved = jr2i_alloc(env, values, sizeof *moved), *encoded = jr2i_alloc(env, values, sizeof *encoded);
    int32_t status = JR2_OK;
    if (!id || !weight || !depth || !moved || !encoded) {
        status = jr2i_no_memory(env, 3 * pixels * sizeof *weight);
    } else {
        for (size_t i = 0; i < values; i++)
            encoded[i] = 255 * jr2i_srgb_encode(linear_rgb[i]);
        for (int32_t top = first; top <= last; top += rows) {
            int32_t band = last - top + 1 < rows ? last - top + 1 : rows;
            memcpy(moved, screen, values * sizeof *moved);
            for (int32_t i = 0; i < vertex_count; i++)
                moved[3 * (size_t)i + 1] -= (float)top;
            jr2i_raster(moved, inv_w, vertex_count, triangles, triangle_count, canvas->width, band, JR2I_CULL_BACK, id, weight,
                        depth);
            uint8_t *to = canvas->pixels + 3 * (size_t)top * (size_t)canvas->width;
            for (size_t i = 0; i < (size_t)band * (size_t)canvas->width; i++) {
                if (id[i] < 0)
                    continue;
                float rgb[3];
                jr2i_raster_interpolate(id + i, weight + 3 * i, 1, triangles, encoded, 3, rgb);
                for (int k = 0; k < 3; k++)
                    to[3 * i + (size_t)k] = (uint8_t)((float)to[3 * i + (size_t)k] * (1 - opacity) + rgb[k] * opacity + 0.5f);
            }
        }
    }
    jr2i_free(env, id);
    jr2i_free(env, weight);
    jr2i_free(env, depth);
    jr2i_free(env, moved);
    jr2i_free(env, encoded);
    return status;
}
