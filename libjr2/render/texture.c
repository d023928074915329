/* SPDX-License-Identifier: MIT
 * The texture atlas of a face. Three layers: what the photo shows; the model's albedo in the colours of the seen skin; the detail of the
 * other half of the face. The difference between the first two spreads smoothly into what is not seen (fill.h), so that no seam shows;
 * only skin takes part in that, teeth and eyes are blended directly. */
#include "render/texture.h"

#include <math.h>
#include <string.h>

#include "image/warp.h"
#include "render/depth.h"
#include "render/fill.h"
#include "render/mirror.h"
#include "render/raster.h"
#include "render/seam.h"
#include "render/shade.h"

#define BAND 64        /* rows of the atlas that are rasterised at once */
#define DEPTH_SIDE 512
#define DETAIL_LEVEL 4 /* what is finer than 16 texels counts as detail */
#define CHANNELS 9     /* of a vertex: x, y, distance, facing, fallback R G B 0..255, mirror u v */

enum { NOTHING = 0, SKIN = 1, OTHER = 2 };

typedef struct maker {
    jr2i_env *env;
    const jr2i_head *head;
    const jr2i_texture_input *in;
    uint8_t *rgb;       /* (size,size,3) the atlas */
    uint8_t *mask;      /* (size,size) NOTHING, SKIN, OTHER */
    float *vertex;      /* (V,CHANNELS) */
    float *place;       /* (U,3) atlas pixels */
    float *screen, *inv_w, *colour, *scratch, *moved;
    int32_t *corner;    /* (V) */
    jr2i_depth_map depth;
    jr2i_fill fill;
    uint8_t *crop;      /* RGB of the mesh's box in the photo, reduced to what the atlas can hold */
    jr2i_view crop_view;
    float crop_x, crop_y, crop_scale; /* picture to crop: (x - crop_x) * crop_scale */
    int32_t *id;        /* one band of the rasterised atlas */
    float *weight, *z;
} maker;

static float smooth(float x, float low, float high)
{
    float t = (x - low) / (high - low);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return t * t * (3 - 2 * t);
}

static void sample_photo(const maker *m, float x, float y, float rgb[3])
{
    const jr2i_view *v = &m->crop_view;
    float cx = (x - m->crop_x) * m->crop_scale - 0.5f, cy = (y - m->crop_y) * m->crop_scale - 0.5f;
    cx = cx > 0 ? cx < (float)(v->width - 1) ? cx : (float)(v->width - 1) : 0;
    cy = cy > 0 ? cy < (float)(v->height - 1) ? cy : (float)(v->height - 1) : 0;
    int32_t ix = (int32_t)cx, iy = (int32_t)cy;
    float fx = cx - (float)ix, fy = cy - (float)iy;
    const uint8_t *a = jr2i_view_pixel(v, ix, iy), *b = a + (ix + 1 < v->width ? 3 : 0);
    const uint8_t *c = a + (iy + 1 < v->height ? v->stride : 0), *d = c + (b - a);
    for (int k = 0; k < 3; k++)
        rgb[k] = (1 - fy) * ((1 - fx) * (float)a[k] + fx * (float)b[k]) + fy * ((1 - fx) * (float)c[k] + fx * (float)d[k]);
}

/* How far the photo is to be believed at a surface point: 0..1. */
static float trust(const maker *m, const float *at, uint8_t part)
{
    float limit = part == 1 ? 0.35f : 0.15f; /* hair stands off the head: only its front */
    float w = smooth(at[3], limit, limit + 0.25f);
    if (w <= 0)
        return 0;
    float edge = fminf(fminf(at[0], (float)m->in->image->width - at[0]), fminf(at[1], (float)m->in->image->height - at[1]));
    w *= smooth(edge, 0.5f, 0.5f + 0.01f * (float)m->in->image->width);
    /* the fit is not exact: within a few millimetres of the outline the photo may show what is behind */
    w *= smooth(jr2i_depth_inner(&m->depth, at[0], at[1]) * at[2] / m->in->camera->focal, 0.15f, 0.9f);
    return w > 0 ? w * (1 - smooth(jr2i_depth_behind(&m->depth, at[0], at[1], at[2], 1), 0.15f, 0.45f)) : 0;
}

/* Screen places and how much each vertex faces the camera. */
static int32_t place_vertices(maker *m)
{
    const jr2i_head *head = m->head;
    const float *mat = m->in->matrix;
    jr2i_camera_screen(m->in->camera, mat, m->in->vertices, head->vertex_count, m->screen, m->inv_w);
    for (int32_t i = 0; i < head->vertex_count; i++) {
        const float *x = m->in->vertices + 3 * (size_t)i, *n = m->in->normals + 3 * (size_t)i;
        float *to = m->vertex + CHANNELS * (size_t)i, along = 0, length = 0;
        for (int k = 0; k < 3; k++) {
            float p = mat[k] * x[0] + mat[4 + k] * x[1] + mat[8 + k] * x[2] + mat[12 + k];
            along -= p * (mat[k] * n[0] + mat[4 + k] * n[1] + mat[8 + k] * n[2]);
            length += p * p;
        }
        memcpy(to, m->screen + 3 * (size_t)i, 3 * sizeof *to);
        to[3] = m->inv_w[i] > 0 && length > 0 ? along / sqrtf(length) : -1;
        if (!(isfinite(to[0]) && isfinite(to[1]) && isfinite(to[2]) && isfinite(to[3]))) {
            to[0] = to[1] = to[2] = 0;
            to[3] = -1;
        }
    }
    int32_t status = jr2i_depth_make(m->env, m->screen, m->inv_w, head->vertex_count, head->triangles, head->triangle_count,
                                     m->in->image->width, m->in->image->height, DEPTH_SIDE, &m->depth);
    return status == JR2_OK ? jr2i_depth_make_inner(m->env, &m->depth) : status;
}

/* The part of the photo that the mesh covers, at no more resolution than the atlas has. */
static int32_t make_crop(maker *m)
{
    if (m->depth.width == 0) /* the face is not in the picture: one pixel, which nobody trusts */
        m->depth.scale = 1;
    m->crop_scale = 1;
    float w = fmaxf(1, (float)m->depth.width / m->depth.scale), h = fmaxf(1, (float)m->depth.height / m->depth.scale);
    float longer = fmaxf(w, h);
    if (longer > (float)m->in->size)
        m->crop_scale = (float)m->in->size / longer;
    m->crop_x = m->depth.x;
    m->crop_y = m->depth.y;
    int32_t cw = (int32_t)ceilf(w * m->crop_scale), ch = (int32_t)ceilf(h * m->crop_scale);
    float step = 1 / m->crop_scale, map[6] = {step, 0, m->crop_x, 0, step, m->crop_y};
    m->crop = jr2i_alloc(m->env, 3 * (size_t)cw * (size_t)ch, 1);
    if (!m->crop)
        return jr2i_no_memory(m->env, 3 * (size_t)cw * (size_t)ch);
    jr2i_warp_rgb8(m->in->image, map, cw, ch, JR2I_OUTSIDE_REPEAT, m->crop);
    m->crop_view = jr2i_view_rgb(m->crop, cw, ch);
    return JR2_OK;
}

/* Mean z of a part's vertices in the template; large where there is no such part. */
static float mean_depth(const maker *m, uint8_t part)
{
    double sum = 0;
    int32_t count = 0;
    for (int32_t t = 0; t < m->head->triangle_count; t++)
        if (m->head->part[t] == part) {
            sum += (double)m->head->surface.mean[3 * (size_t)m->head->triangles[3 * (size_t)t] + 2];
            count++;
        }
    return count > 0 ? (float)(sum / count) : -1e6f;
}

/* The model's colours under the photo's light, scaled to the skin that is seen. */
static void make_fallback(maker *m)
{
    const jr2i_head *head = m->head;
    const float *mat = m->in->matrix;
    float rotation[9], seen[3] = {0, 0, 0}, modelled[3] = {1e-6f, 1e-6f, 1e-6f}, mean[3], gain[3];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            rotation[3 * r + c] = mat[4 * c + r];
    static const float plain[27] = {2.8f, 2.8f, 2.8f, 0, 0, 0, 0.4f, 0.4f, 0.4f};
    jr2i_head_albedo(head, m->in->albedo, m->in->albedo ? m->in->albedo_count : 0, m->scratch, m->colour);
    jr2i_shade_vertices(m->in->normals, m->colour, head->vertex_count, rotation, m->in->light ? m->in->light : plain, m->moved);
    int32_t count = 0;
    for (int32_t t = 0; t < head->triangle_count; t++) {
        int32_t v = head->triangles[3 * (size_t)t];
        const float *at = m->vertex + CHANNELS * (size_t)v;
        float rgb[3];
        if (head->part[t] != 0 || trust(m, at, 0) < 0.5f)
            continue;
        sample_photo(m, at[0], at[1], rgb);
        count++;
        for (int k = 0; k < 3; k++) {
            seen[k] += jr2i_srgb_decode(rgb[k] / 255);
            modelled[k] += m->moved[3 * (size_t)v + (size_t)k];
        }
    }
    for (int k = 0; k < 3; k++) {
        gain[k] = count > 0 && modelled[k] > 1e-4f * (float)count ? fminf(fmaxf(seen[k] / modelled[k], 0.1f), 10) : 1;
        mean[k] = count > 0 ? modelled[k] / (float)count : 0.3f;
    }
    float lips = mean_depth(m, 8);
    /* Teeth and eyes take the brightness of the skin's gain, not its tint; the mouth darkens behind the lips. */
    float level = (gain[0] + gain[1] + gain[2]) / 3;
    for (int32_t t = 0; t < head->triangle_count; t++)
        for (int corner = 0; corner < 3; corner++) {
            size_t v = (size_t)head->triangles[3 * (size_t)t + (size_t)corner];
            uint8_t part = head->part[t];
            float inside = part == 2 || part == 4 || part == 5 ? lips - head->surface.mean[3 * v + 2] : 0; /* cm */
            float dark = fminf(fmaxf(1 - 0.16f * (inside - 0.8f), 0.25f), 1);
            for (int k = 0; k < 3; k++) {
                float g = dark * (jr2i_mirror_skin(part) ? gain[k] : level);
                /* the light of the seen side says little about the far side: never darker than a third of the mean */
                float shaded = fmaxf(m->moved[3 * v + (size_t)k], 0.35f * mean[k] * fminf(m->colour[3 * v + (size_t)k] / 0.3f, 1));
                m->vertex[CHANNELS * v + 4 + (size_t)k] = 255 * jr2i_srgb_encode(g * shaded);
            }
        }
}

static void rasterise_band(maker *m, int32_t top, int32_t rows)
{
    const jr2i_head *head = m->head;
    float size = (float)m->in->size;
    for (int32_t i = 0; i < head->uv_count; i++) {
        m->place[3 * (size_t)i] = head->uv[2 * (size_t)i] * size;
        m->place[3 * (size_t)i + 1] = (1 - head->uv[2 * (size_t)i + 1]) * size - (float)top;
        m->place[3 * (size_t)i + 2] = 0;
    }
    jr2i_raster(m->place, NULL, head->uv_count, head->triangles_uv, head->triangle_count, m->in->size, rows, JR2I_CULL_NONE, m->id,
                m->weight, m->z);
}

/* First pass: photo where it is seen, else the model; skin's difference between them goes to the fill. */
static void sample_band(maker *m, int32_t top, int32_t rows)
{
    size_t size = (size_t)m->in->size;
    for (size_t i = 0; i < (size_t)rows * size; i++) {
        if (m->id[i] < 0)
            continue;
        float at[CHANNELS], photo[3], w;
        size_t texel = (size_t)top * size + i;
        uint8_t part = m->head->part[m->id[i]], *to = m->rgb + 3 * texel;
        jr2i_raster_interpolate(m->id + i, m->weight + 3 * i, 1, m->head->triangles, m->vertex, CHANNELS, at);
        w = trust(m, at, part);
        if (w > 0)
            sample_photo(m, at[0], at[1], photo);
        m->mask[texel] = jr2i_mirror_skin(part) ? SKIN : OTHER;
        for (int k = 0; k < 3; k++) {
            float model = at[4 + k];
            if (m->mask[texel] == OTHER && w > 0)
                model += w * (photo[k] - model);
            to[k] = (uint8_t)(model + 0.5f);
        }
        if (m->mask[texel] == SKIN && w > 0) {
            float *cell = m->fill.cell[0] + 4 * texel;
            for (int k = 0; k < 3; k++)
                cell[k] = photo[k] - (float)to[k];
            cell[3] = w;
        }
    }
}

/* Whether the mirrored triangle lies in one chart: else its corners are torn apart. */
static int mirrored_whole(const maker *m, int32_t triangle)
{
    const jr2i_head *head = m->head;
    for (int k = 0; k < 3; k++) {
        size_t a = 3 * (size_t)triangle + (size_t)k, b = 3 * (size_t)triangle + (size_t)((k + 1) % 3);
        const float *p = m->vertex + CHANNELS * (size_t)head->triangles[a] + 7, *q = m->vertex + CHANNELS * (size_t)head->triangles[b] + 7;
        const float *s = head->uv + 2 * (size_t)head->triangles_uv[a], *t = head->uv + 2 * (size_t)head->triangles_uv[b];
        float mirrored = fabsf(p[0] - q[0]) + fabsf(p[1] - q[1]), own = fabsf(s[0] - t[0]) + fabsf(s[1] - t[1]);
        if (p[0] < 0 || mirrored > 3 * own + 0.01f)
            return 0;
    }
    return 1;
}

/* Second pass: skin = model + filled difference, + the other side's detail where only that is seen. */
static void finish_band(maker *m, int32_t top, int32_t rows)
{
    size_t size = (size_t)m->in->size;
    int32_t last = -1, whole = 0;
    for (size_t i = 0; i < (size_t)rows * size; i++) {
        size_t texel = (size_t)top * size + i;
        if (m->id[i] < 0 || m->mask[texel] != SKIN)
            continue;
        const float *cell = m->fill.cell[0] + 4 * texel;
        float detail[3] = {0, 0, 0};
        if (m->id[i] != last) {
            last = m->id[i];
            whole = mirrored_whole(m, last);
        }
        if (cell[3] < 1 && whole) {
            float at[CHANNELS], fine[4], coarse[4];
            jr2i_raster_interpolate(m->id + i, m->weight + 3 * i, 1, m->head->triangles, m->vertex, CHANNELS, at);
            float x = at[7] * (float)m->in->size, y = (1 - at[8]) * (float)m->in->size;
            jr2i_fill_sample(&m->fill, 0, x, y, fine);
            jr2i_fill_sample(&m->fill, DETAIL_LEVEL < m->fill.levels ? DETAIL_LEVEL : m->fill.levels - 1, x, y, coarse);
            for (int k = 0; k < 3; k++)
                detail[k] = (fine[k] - coarse[k]) * fine[3] * (1 - cell[3]);
        }
        for (int k = 0; k < 3; k++) {
            float value = (float)m->rgb[3 * texel + (size_t)k] + cell[k] + detail[k];
            m->rgb[3 * texel + (size_t)k] = (uint8_t)(value > 0 ? value < 255 ? value + 0.5f : 255 : 0);
        }
    }
}

/* Colours for the texels between the charts, so that filtering finds no border. */
static void fill_gutters(maker *m)
{
    size_t texels = (size_t)m->in->size * (size_t)m->in->size;
    for (size_t i = 0; i < texels; i++) {
        float *cell = m->fill.cell[0] + 4 * i;
        for (int k = 0; k < 3; k++)
            cell[k] = m->rgb[3 * i + (size_t)k];
        cell[3] = m->mask[i] != NOTHING;
    }
    jr2i_fill_run(&m->fill);
    for (size_t i = 0; i < texels; i++)
        for (int k = 0; k < 3 && m->mask[i] == NOTHING; k++)
            m->rgb[3 * i + (size_t)k] = (uint8_t)(m->fill.cell[0][4 * i + (size_t)k] + 0.5f);
}

static int32_t make(maker *m)
{
    int32_t size = m->in->size, status = place_vertices(m);
    if (status == JR2_OK)
        status = make_crop(m);
    if (status != JR2_OK)
        return status;
    make_fallback(m);
    float *mirror = m->moved; /* (V,2) of it */
    status = jr2i_mirror_make(m->env, m->head, mirror);
    if (status != JR2_OK)
        return status;
    for (int32_t i = 0; i < m->head->vertex_count; i++)
        memcpy(m->vertex + CHANNELS * (size_t)i + 7, mirror + 2 * (size_t)i, 2 * sizeof *mirror);
    memset(m->mask, NOTHING, (size_t)size * (size_t)size);
    memset(m->rgb, 0, 3 * (size_t)size * (size_t)size);
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t top = 0; top < size; top += BAND) {
            int32_t rows = size - top < BAND ? size - top : BAND;
            rasterise_band(m, top, rows);
            if (pass == 0)
                sample_band(m, top, rows);
            else
                finish_band(m, top, rows);
        }
        if (pass == 0) {
            jr2i_fill_run(&m->fill);
            jr2i_seam_join(m->head, &m->fill, m->corner);
            jr2i_fill_run(&m->fill);
        }
    }
    fill_gutters(m);
    return JR2_OK;
}

int32_t jr2i_texture_make(jr2i_env *env, const jr2i_head *head, const jr2i_texture_input *input, uint8_t *rgb)
{
    if (!head->uv)
        return jr2i_fail(env, JR2_ERR_MISSING, "the head model has no texture coordinates");
    if (input->size < 64 || input->size > 4096)
        return jr2i_fail(env, JR2_ERR_RANGE, "a texture of %d pixels a side: must be 64..4096", (int)input->size);
    maker m;
    memset(&m, 0, sizeof m);
    m.env = env;
    m.head = head;
    m.in = input;
    m.rgb = rgb;
    size_t vertices = (size_t)head->vertex_count, size = (size_t)input->size, texels = size * size;
    m.mask = jr2i_alloc(env, texels, 1);
    m.vertex = jr2i_calloc(env, CHANNELS * vertices, sizeof(float));
    m.place = jr2i_alloc(env, 3 * (size_t)head->uv_count, sizeof(float));
    m.screen = jr2i_alloc(env, 3 * vertices, sizeof(float));
    m.inv_w = jr2i_alloc(env, vertices, sizeof(float));
    m.colour = jr2i_alloc(env, 3 * vertices, sizeof(float));
    m.scratch = jr2i_alloc(env, jr2i_head_scratch(head), sizeof(float));
    m.moved = jr2i_alloc(env, 3 * vertices, sizeof(float));
    m.corner = jr2i_alloc(env, vertices, sizeof(int32_t));
    m.id = jr2i_alloc(env, BAND * size, sizeof(int32_t));
    m.weight = jr2i_alloc(env, 3 * BAND * size, sizeof(float));
    m.z = jr2i_alloc(env, BAND * size, sizeof(float));
    int32_t status = JR2_OK;
    if (!m.mask || !m.vertex || !m.place || !m.screen || !m.inv_w || !m.colour || !m.scratch || !m.moved || !m.corner || !m.id || !m.weight || !m.z)
        status = jr2i_no_memory(env, texels);
    if (status == JR2_OK)
        status = jr2i_fill_create(env, input->size, &m.fill);
    if (status == JR2_OK)
        status = make(&m);
    jr2i_depth_free(env, &m.depth);
    jr2i_fill_free(env, &m.fill);
    jr2i_free(env, m.crop);
    jr2i_free(env, m.mask);
    jr2i_free(env, m.vertex);
    jr2i_free(env, m.place);
    jr2i_free(env, m.screen);
    jr2i_free(env, m.inv_w);
    jr2i_free(env, m.colour);
    jr2i_free(env, m.scratch);
    jr2i_free(env, m.moved);
    jr2i_free(env, m.corner);
    jr2i_free(env, m.id);
    jr2i_free(env, m.weight);
    jr2i_free(env, m.z);
    return status;
}
