/* SPDX-License-Identifier: MIT
 * Flow and condition maps over two rasterised poses of one mesh. It needs raster.c, extend.c and the C library only, so that the training
 * can build it alone. */
#include "render/conditions.h"

#include <math.h>
#include <string.h>

#include "render/extend.h"
#include "render/raster.h"

enum { PART_SKIN, PART_BACK, PART_SOCKET, PART_EYE_SOCKET, PART_GUMS, PART_TEETH, PART_EYE_WHITE, PART_IRIS, PART_LIPS };

/* Depth a point may lie behind the source's surface and still be that surface: within one layer the slope over a pixel counts;
 * between layers (teeth behind lips, eyeballs behind lids) millimetres tell them apart. */
#define SAME_LAYER 0.5f /* cm */
#define OTHER_LAYER 0.05f

#define PERSON 0.5f /* of the silhouette: from here on it shows the person */

#define TURNED 0.3f /* cosine by which skin faces the camera more than it did in the source that counts as turned towards it */

#define FLOW_LIMIT 16384.0f /* px: no sensible source pixel is farther away */

void jr2i_condition_code(const float *vertices, int32_t count, float *code)
{
    for (int32_t i = 0; i < count; i++) {
        code[3 * i] = vertices[3 * i] / 12;
        code[3 * i + 1] = (vertices[3 * i + 1] + 2) / 16;
        code[3 * i + 2] = (vertices[3 * i + 2] - 3) / 10;
    }
}

int32_t jr2i_condition_triangles(const float *vertices, const int32_t *triangles, const uint8_t *part, int32_t count,
                                 int32_t *out_triangles, uint8_t *out_part)
{
    int32_t n = 0;
    for (int32_t t = 0; t < count; t++) {
        const int32_t corner[3] = {triangles[3 * (size_t)t], triangles[3 * (size_t)t + 1], triangles[3 * (size_t)t + 2]};
        int32_t low = 0;
        for (int k = 0; k < 3; k++)
            low |= vertices[3 * (size_t)corner[k] + 1] < JR2I_CONDITION_LOWEST;
        if (low)
            continue;
        memcpy(out_triangles + 3 * (size_t)n, corner, sizeof corner);
        out_part[n++] = part[t];
    }
    return n;
}

/* The normal of a triangle of points (V,3), twice as long as the triangle is large. */
static void area_normal(const float *x, const int32_t *corner, float n[3])
{
    const float *a = x + 3 * (size_t)corner[0], *b = x + 3 * (size_t)corner[1], *c = x + 3 * (size_t)corner[2];
    const float u[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]}, v[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
    n[0] = u[1] * v[2] - u[2] * v[1];
    n[1] = u[2] * v[0] - u[0] * v[2];
    n[2] = u[0] * v[1] - u[1] * v[0];
}

void jr2i_condition_share(const float *vertices, const int32_t *triangles, const uint8_t *part, int32_t count, int32_t vertex_count, float *share)
{
    memset(share, 0, (size_t)vertex_count * sizeof(float));
    for (int32_t t = 0; t < count; t++) {
        const int32_t *corner = triangles + 3 * (size_t)t;
        float n[3];
        area_normal(vertices, corner, n);
        if (part[t] == PART_SKIN)
            for (int k = 0; k < 3; k++)
                share[corner[k]] += sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) / 6;
    }
}

/* Area-weighted normals of turned points (V,3). */
static void normals(const jr2i_condition_mesh *mesh, const float *x, float *normal)
{
    memset(normal, 0, 3 * (size_t)mesh->vertex_count * sizeof(float));
    for (int32_t t = 0; t < mesh->triangle_count; t++) {
        const int32_t *corner = mesh->triangles + 3 * (size_t)t;
        float n[3];
        area_normal(x, corner, n);
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < 3; i++)
                normal[3 * (size_t)corner[k] + (size_t)i] += n[i];
    }
    for (int32_t i = 0; i < mesh->vertex_count; i++) {
        float *n = normal + 3 * (size_t)i, length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
        float scale = length > 1e-12f ? 1 / length : 0;
        for (int k = 0; k < 3; k++)
            n[k] *= scale;
    }
}

typedef struct raster_job {
    const jr2i_condition_mesh *mesh;
    jr2i_posed *posed;
    int32_t bands; /* of rows: as many as threads, since each looks at all triangles */
} raster_job;

static void raster_task(void *arg, int32_t task, int32_t worker)
{
    const raster_job *j = arg;
    const jr2i_posed *posed = j->posed;
    (void)worker;
    jr2i_raster_rows(posed->screen, posed->inv_w, j->mesh->vertex_count, j->mesh->triangles, j->mesh->triangle_count, posed->side, posed->side,
                     JR2I_CULL_BACK, posed->side * task / j->bands, posed->side * (task + 1) / j->bands, posed->triangle_id,
                     posed->barycentric, posed->depth);
}

void jr2i_posed_make(const jr2i_condition_mesh *mesh, const float *vertices, const jr2i_face_camera *camera, jr2i_pool *pool, jr2i_posed *posed)
{
    const float *r = camera->rotation;
    float *x = posed->screen; /* turned points first, then their pixels */
    for (int32_t i = 0; i < mesh->vertex_count; i++) {
        const float *p = vertices + 3 * (size_t)i;
        for (int k = 0; k < 3; k++)
            x[3 * (size_t)i + (size_t)k] = r[3 * k] * p[0] + r[3 * k + 1] * p[1] + r[3 * k + 2] * p[2];
    }
    normals(mesh, x, posed->normal);
    for (int32_t i = 0; i < mesh->vertex_count; i++) {
        float *p = x + 3 * (size_t)i, w = 1 / (1 - p[2] / JR2I_FACE_CAMERA_DISTANCE);
        posed->inv_w[i] = w;
        p[0] = camera->cx + camera->scale * p[0] * w;
        p[1] = camera->cy - camera->scale * p[1] * w;
        p[2] = -p[2];
    }
    raster_job job = {mesh, posed, jr2i_pool_threads(pool)};
    jr2i_pool_run(pool, raster_task, &job, job.bands);
}

/* The map that a part is marked in, or -1. */
static int32_t part_map(uint8_t part)
{
    switch (part) {
    case PART_LIPS:
        return JR2I_MAP_LIPS;
    case PART_TEETH:
        return JR2I_MAP_TEETH;
    case PART_SOCKET:
    case PART_GUMS:
        return JR2I_MAP_MOUTH;
    case PART_EYE_WHITE:
        return JR2I_MAP_EYE_WHITE;
    case PART_IRIS:
        return JR2I_MAP_IRIS;
    default:
        return -1;
    }
}

static int32_t layer(uint8_t part) /* what lies behind openings */
{
    if (part == PART_TEETH || part == PART_SOCKET || part == PART_GUMS)
        return 1;
    return part == PART_EYE_WHITE || part == PART_IRIS ? 2 : 0;
}

static void mix(const float *b, const int32_t *corner, const float *attribute, float out[3])
{
    const float *p = attribute + 3 * (size_t)corner[0], *q = attribute + 3 * (size_t)corner[1], *r = attribute + 3 * (size_t)corner[2];
    for (int k = 0; k < 3; k++)
        out[k] = b[0] * p[k] + b[1] * q[k] + b[2] * r[k];
}

static float unit(float n[3])
{
    float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]), scale = length > 1e-6f ? 1 / length : 0;
    for (int k = 0; k < 3; k++)
        n[k] *= scale;
    return n[2];
}

/* The maps of pixel i, each weight times its value, added to `to` with planes of `plane` floats. */
static void add_maps(const jr2i_condition_mesh *mesh, const jr2i_posed *posed, size_t i, float weight, float *to, size_t plane)
{
    const int32_t t = posed->triangle_id[i], *corner = mesh->triangles + 3 * (size_t)t;
    const float *b = posed->barycentric + 3 * i;
    float code[3], n[3];
    mix(b, corner, mesh->code, code);
    mix(b, corner, posed->normal, n);
    unit(n);
    for (size_t k = 0; k < 3; k++) {
        to[(JR2I_MAP_CODE + k) * plane] += weight * code[k];
        to[(JR2I_MAP_NORMAL + k) * plane] += weight * n[k];
    }
    to[JR2I_MAP_INSIDE * plane] += weight;
    const int32_t map = part_map(mesh->part[t]);
    if (map >= 0)
        to[(size_t)map * plane] += weight;
}

void jr2i_condition_maps(const jr2i_condition_mesh *mesh, const jr2i_posed *posed, float *planes)
{
    const size_t pixels = (size_t)posed->side * (size_t)posed->side;
    memset(planes, 0, JR2I_MAPS * pixels * sizeof(float));
    for (size_t i = 0; i < pixels; i++)
        if (posed->triangle_id[i] >= 0)
            add_maps(mesh, posed, i, 1, planes + i, pixels);
}

float jr2i_posed_silhouette(const jr2i_posed *posed, float x, float y)
{
    return posed->silhouette ? jr2i_extend_cell(posed->silhouette, posed->side / 4, 0.25f * x - 0.5f, 0.25f * y - 0.5f) : 1;
}

/* How much of the source's four pixels around (x, y) shows the surface at this depth and layer, 0..1. */
static float shown(const jr2i_condition_mesh *mesh, const jr2i_posed *source, float x, float y, float depth, int32_t of_layer)
{
    const int32_t side = source->side;
    if (!(x >= 0 && y >= 0 && x < (float)side && y < (float)side)) /* false for NaN */
        return 0;
    const float fx = floorf(x - 0.5f), fy = floorf(y - 0.5f), ax = x - 0.5f - fx, ay = y - 0.5f - fy;
    const float weight[4] = {(1 - ax) * (1 - ay), ax * (1 - ay), (1 - ax) * ay, ax * ay};
    float sum = 0;
    for (int k = 0; k < 4; k++) {
        int32_t column = (int32_t)fx + (k & 1), row = (int32_t)fy + (k >> 1);
        column = column < 0 ? 0 : column >= side ? side - 1 : column;
        row = row < 0 ? 0 : row >= side ? side - 1 : row;
        const size_t i = (size_t)row * (size_t)side + (size_t)column;
        const int32_t t = source->triangle_id[i];
        const float slack = t >= 0 && layer(mesh->part[t]) != of_layer ? OTHER_LAYER : SAME_LAYER;
        if (t < 0 || depth <= source->depth[i] + slack)
            sum += weight[k];
    }
    return sum;
}

/* 0 where the source shows what lies behind the person, 1 where it surely shows the person. */
static float persons(const jr2i_posed *source, float x, float y)
{
    const float t = fminf(fmaxf((jr2i_posed_silhouette(source, x, y) - JR2I_SILHOUETTE_BEHIND) / (PERSON - JR2I_SILHOUETTE_BEHIND), 0), 1);
    return t * t * (3 - 2 * t);
}

/* Flow and visibility of one driven pixel that shows the mesh. */
static float flow_at(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, size_t i, float x, float y,
                     float *dx, float *dy)
{
    const int32_t t = driven->triangle_id[i], *corner = mesh->triangles + 3 * (size_t)t;
    const float *b = driven->barycentric + 3 * i;
    float sum = 0, px = 0, py = 0, depth = 0, n[3];
    for (int k = 0; k < 3; k++) { /* weights are of the surface: on the source's screen they are divided by its 1/w */
        const float *p = source->screen + 3 * (size_t)corner[k], w = b[k] / source->inv_w[corner[k]];
        sum += w;
        px += w * p[0];
        py += w * p[1];
        depth += b[k] * p[2];
    }
    px /= sum;
    py /= sum;
    if (!(fabsf(px) < FLOW_LIMIT && fabsf(py) < FLOW_LIMIT)) { /* a corner at or behind the source's camera */
        *dx = *dy = 0;
        return 0;
    }
    *dx = px - x;
    *dy = py - y;
    mix(b, corner, source->normal, n);
    const float facing = unit(n);
    return facing > 0 ? facing * shown(mesh, source, px, py, depth, layer(mesh->part[t])) * persons(source, px, py) : 0;
}

/* Rows first to end - 1. */
static void flow_rows(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *flow, float *visible,
                      int32_t first, int32_t end)
{
    const size_t side = (size_t)driven->side, pixels = side * side, from = (size_t)first * side, to = (size_t)end * side;
    memset(flow + from, 0, (to - from) * sizeof(float));
    memset(flow + pixels + from, 0, (to - from) * sizeof(float));
    memset(visible + from, 0, (to - from) * sizeof(float));
    for (size_t i = from; i < to; i++)
        if (driven->triangle_id[i] >= 0)
            visible[i] = flow_at(mesh, driven, source, i, (float)(i % side) + 0.5f, (float)(i / side) + 0.5f, flow + i, flow + pixels + i);
}

void jr2i_condition_flow(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *flow,
                         float *visible)
{
    flow_rows(mesh, driven, source, flow, visible, 0, driven->side);
}

/* Rows first to end - 1 of the result. */
static void halve_rows(const float *planes, int32_t count, int32_t side, float *out, int32_t first, int32_t end)
{
    const size_t n = (size_t)side, half = n / 2;
    for (int32_t p = 0; p < count; p++)
        for (size_t j = (size_t)first; j < (size_t)end; j++) {
            const float *a = planes + ((size_t)p * n + 2 * j) * n, *b = a + n;
            float *y = out + ((size_t)p * half + j) * half;
            for (size_t i = 0; i < half; i++)
                y[i] = 0.25f * ((a[2 * i] + a[2 * i + 1]) + (b[2 * i] + b[2 * i + 1]));
        }
}

void jr2i_condition_halve(const float *planes, int32_t count, int32_t side, float *out)
{
    halve_rows(planes, count, side, out, 0, side / 2);
}

size_t jr2i_condition_frame_scratch(int32_t side)
{
    return (size_t)side * (size_t)side + jr2i_extend_scratch(side); /* what is visible, then the kind of surface; the extension's */
}

/* Of driven pixel i, for extend.h. */
static float kind_of(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, size_t i)
{
    const int32_t t = driven->triangle_id[i];
    float now[3], then[3];
    if (t < 0)
        return JR2I_EXTEND_BESIDE;
    if (mesh->part[t] > PART_BACK)
        return JR2I_EXTEND_REST;
    if (!source->silhouette)
        return JR2I_EXTEND_SKIN;
    mix(driven->barycentric + 3 * i, mesh->triangles + 3 * (size_t)t, driven->normal, now);
    mix(driven->barycentric + 3 * i, mesh->triangles + 3 * (size_t)t, source->normal, then);
    return JR2I_EXTEND_SKIN + fminf(fmaxf((unit(now) - unit(then)) / TURNED, 0), 1);
}

void jr2i_condition_begin(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch, float *flow,
                          float *planes, int32_t first, int32_t end)
{
    const size_t side = (size_t)driven->side, half = side / 2, plane = half * half;
    for (size_t k = 0; k < JR2I_FRAME_MAPS; k++)
        memset(planes + k * plane + (size_t)first / 2 * half, 0, (size_t)(end - first) / 2 * half * sizeof(float));
    flow_rows(mesh, driven, source, flow, scratch, first, end);
    halve_rows(scratch, 1, driven->side, planes + JR2I_MAP_VISIBLE * plane, first / 2, end / 2);
    for (size_t i = (size_t)first * side; i < (size_t)end * side; i++) {
        float *to = planes + i / side / 2 * half + i % side / 2;
        if (driven->triangle_id[i] >= 0)
            add_maps(mesh, driven, i, 0.25f, to, plane);
        if (source->triangle_id[i] >= 0)
            to[JR2I_MAP_SOURCE_INSIDE * plane] += 0.25f;
        scratch[i] = kind_of(mesh, driven, source, i); /* in place of what is visible */
    }
}

void jr2i_condition_spread(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch)
{
    jr2i_extend_spread(mesh, driven, source, scratch + (size_t)driven->side * (size_t)driven->side);
}

const float *jr2i_condition_revealed(const float *scratch, int32_t side)
{
    return jr2i_extend_revealed(scratch + (size_t)side * (size_t)side, side);
}

void jr2i_condition_end(const jr2i_posed *source, const float *scratch, float *flow, float *planes, int32_t first, int32_t end)
{
    const size_t side = (size_t)source->side, half = side / 2, plane = half * half;
    jr2i_extend_rows(scratch, source, scratch + side * side, flow, first, end);
    float *displacement = planes + JR2I_MAP_FLOW * plane;
    halve_rows(flow, 2, source->side, displacement, first / 2, end / 2);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = (size_t)first / 2 * half; i < (size_t)end / 2 * half; i++)
            displacement[k * plane + i] *= 8 / (float)side;
}

void jr2i_condition_frame(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch,
                          float *flow, float *planes)
{
    jr2i_condition_begin(mesh, driven, source, scratch, flow, planes, 0, driven->side);
    jr2i_condition_spread(mesh, driven, source, scratch);
    jr2i_condition_end(source, scratch, flow, planes, 0, driven->side);
}
