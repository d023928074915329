/* SPDX-License-Identifier: MIT
 * Flow, visibility and condition maps: known geometry, the same pose twice, hidden layers, the extension, determinism. */
#include "render/conditions.h"

#include <math.h>
#include <stdio.h>

#include "suite.h"
#include "tiny_face.h"

#define SIDE 128

typedef struct scene {
    jr2i_condition_mesh mesh;
    jr2i_posed source, driven;
    float *flow, *visible, *maps, *planes, *scratch;
} scene;

static void *bytes(size_t count)
{
    void *p = calloc(count + 64, 1);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void posed_alloc(jr2i_posed *p, int32_t vertex_count)
{
    const size_t v = (size_t)vertex_count;
    *p = (jr2i_posed){SIDE, bytes(12 * v), bytes(4 * v), bytes(12 * v), bytes(4 * SIDE * SIDE), bytes(12 * SIDE * SIDE), bytes(4 * SIDE * SIDE), NULL};
}

static void posed_free(jr2i_posed *p)
{
    free(p->screen);
    free(p->inv_w);
    free(p->normal);
    free(p->triangle_id);
    free(p->barycentric);
    free(p->depth);
}

static void scene_make(scene *s, int32_t vertex_count, const float *vertices, int32_t triangle_count, const int32_t *triangles,
                       const uint8_t *part)
{
    float *code = bytes(12 * (size_t)vertex_count), *share = bytes(4 * (size_t)vertex_count);
    jr2i_condition_code(vertices, vertex_count, code);
    jr2i_condition_share(vertices, triangles, part, triangle_count, vertex_count, share);
    s->mesh = (jr2i_condition_mesh){vertex_count, triangle_count, triangles, part, code, share};
    posed_alloc(&s->source, vertex_count);
    posed_alloc(&s->driven, vertex_count);
    s->flow = bytes(8 * SIDE * SIDE);
    s->visible = bytes(4 * SIDE * SIDE);
    s->maps = bytes(4 * JR2I_MAPS * SIDE * SIDE);
    s->planes = bytes(JR2I_FRAME_MAPS * SIDE * SIDE);
    s->scratch = bytes(4 * jr2i_condition_frame_scratch(SIDE));
}

static void scene_free(scene *s)
{
    posed_free(&s->source);
    posed_free(&s->driven);
    free((void *)(uintptr_t)s->mesh.code);
    free((void *)(uintptr_t)s->mesh.share);
    free(s->flow);
    free(s->visible);
    free(s->maps);
    free(s->planes);
    free(s->scratch);
}

/* The tiny head, as a portrait has it. */
static void head_scene_make(scene *s, tiny_face *f)
{
    tiny_face_make(f, 64, 64, 0);
    const jr2i_head *h = f->head;
    int32_t *triangles = bytes(12 * (size_t)h->triangle_count);
    uint8_t *part = bytes((size_t)h->triangle_count);
    const int32_t count = jr2i_condition_triangles(f->vertices, h->triangles, h->part, h->triangle_count, triangles, part);
    scene_make(s, h->vertex_count, f->vertices, count, triangles, part);
}

static void head_scene_free(scene *s, tiny_face *f)
{
    free((void *)(uintptr_t)s->mesh.triangles);
    free((void *)(uintptr_t)s->mesh.part);
    scene_free(s);
    tiny_face_free(f);
}

static jr2i_face_camera camera(float yaw, float scale, float cx, float cy)
{
    return (jr2i_face_camera){{cosf(yaw), 0, sinf(yaw), 0, 1, 0, -sinf(yaw), 0, cosf(yaw)}, scale, cx, cy};
}

/* Two squares facing the viewer: skin 4 x 4 cm at z = 1, teeth 8 x 8 cm at z = 0 behind it. */
static const float squares[24] = {-2, -2, 1, 2, -2, 1, 2, 2, 1, -2, 2, 1, -4, -4, 0, 4, -4, 0, 4, 4, 0, -4, 4, 0};
static const int32_t square_triangles[12] = {0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7};
static const uint8_t square_parts[4] = {0, 0, 5, 5};

/* The pixel of a head point, as the camera's definition says. */
static void pixel(const jr2i_face_camera *c, const float *p, float out[2])
{
    const float *r = c->rotation;
    float x = r[0] * p[0] + r[1] * p[1] + r[2] * p[2], y = r[3] * p[0] + r[4] * p[1] + r[5] * p[2];
    float z = r[6] * p[0] + r[7] * p[1] + r[8] * p[2];
    out[0] = c->cx + c->scale * x / (1 - z / JR2I_FACE_CAMERA_DISTANCE);
    out[1] = c->cy - c->scale * y / (1 - z / JR2I_FACE_CAMERA_DISTANCE);
}

START_TEST(test_known_flow)
{
    scene s;
    scene_make(&s, 8, squares, 4, square_triangles, square_parts);
    const jr2i_face_camera from = camera(0.6f, 6, 30, 34), to = camera(0, 5, 32, 32);
    jr2i_posed_make(&s.mesh, squares, &from, NULL, &s.source);
    jr2i_posed_make(&s.mesh, squares, &to, NULL, &s.driven);
    jr2i_condition_flow(&s.mesh, &s.driven, &s.source, s.flow, s.visible);
    int32_t seen = 0;
    for (int32_t i = 0; i < SIDE * SIDE; i++) {
        const int32_t t = s.driven.triangle_id[i];
        if (t < 0) {
            ck_assert(s.flow[i] == 0 && s.flow[SIDE * SIDE + i] == 0 && s.visible[i] == 0);
            continue;
        }
        /* frontal view of a plane at a known depth: undo the camera */
        const float z = t < 2 ? 1 : 0, x = (float)(i % SIDE) + 0.5f, y = (float)(i / SIDE) + 0.5f;
        const float w = 5 / (1 - z / JR2I_FACE_CAMERA_DISTANCE), p[3] = {(x - 32) / w, (32 - y) / w, z};
        float expected[2];
        pixel(&from, p, expected);
        ck_assert_float_eq_tol(x + s.flow[i], expected[0], 0.02f); /* corners are snapped to 1/256 px */
        ck_assert_float_eq_tol(y + s.flow[SIDE * SIDE + i], expected[1], 0.02f);
        if (t < 2)
            ck_assert_float_eq_tol(s.visible[i], cosf(0.6f), 1e-4f);
        seen++;
    }
    ck_assert_int_gt(seen, 1400);

    /* seen from 0.6 rad to the side, the front square hides a strip of the back one that the driven view shows */
    const float strip[3] = {-2.5f, 0, 0}, bare[3] = {3.2f, 0, 0};
    float at[2];
    pixel(&to, strip, at);
    int32_t hidden = (int32_t)at[1] * SIDE + (int32_t)at[0];
    pixel(&to, bare, at);
    int32_t open = (int32_t)at[1] * SIDE + (int32_t)at[0];
    if (s.visible[hidden] > s.visible[open]) { /* which side it is depends on the sign of the yaw: exactly one */
        int32_t swap = hidden;
        hidden = open;
        open = swap;
    }
    ck_assert_float_eq_tol(s.visible[open], cosf(0.6f), 1e-4f);
    scene_free(&s);
}
END_TEST

START_TEST(test_hidden)
{
    scene s;
    scene_make(&s, 8, squares, 4, square_triangles, square_parts);
    const jr2i_face_camera to = camera(0, 5, 32, 32);
    float moved[24];
    memcpy(moved, squares, sizeof moved);
    for (int k = 0; k < 4; k++)
        moved[3 * k] += 20; /* the skin is away in the driven pose: all teeth are seen there */
    jr2i_posed_make(&s.mesh, squares, &to, NULL, &s.source);
    jr2i_posed_make(&s.mesh, moved, &to, NULL, &s.driven);
    jr2i_condition_flow(&s.mesh, &s.driven, &s.source, s.flow, s.visible);
    ck_assert(s.visible[32 * SIDE + 32] == 0);
    ck_assert_float_eq_tol(s.visible[32 * SIDE + 32 - 17], 1, 1e-5f);
    ck_assert_float_eq_tol(s.flow[32 * SIDE + 32], 0, 0.01f);

    /* turned away: nothing faces the source */
    const jr2i_face_camera away = camera(3.0f, 5, 32, 32);
    jr2i_posed_make(&s.mesh, squares, &away, NULL, &s.source);
    jr2i_condition_flow(&s.mesh, &s.driven, &s.source, s.flow, s.visible);
    for (int32_t i = 0; i < SIDE * SIDE; i++)
        ck_assert(s.visible[i] == 0);

    /* outside of the source's crop */
    const jr2i_face_camera aside = camera(0, 5, 32 + SIDE, 32);
    jr2i_posed_make(&s.mesh, squares, &aside, NULL, &s.source);
    jr2i_condition_flow(&s.mesh, &s.driven, &s.source, s.flow, s.visible);
    ck_assert(s.visible[32 * SIDE + 32 - 17] == 0);
    ck_assert_float_eq_tol(s.flow[32 * SIDE + 32 - 17], SIDE, 0.01f);
    scene_free(&s);
}
END_TEST

START_TEST(test_maps)
{
    scene s;
    scene_make(&s, 8, squares, 4, square_triangles, square_parts);
    const jr2i_face_camera to = camera(0.3f, 5, 32, 32);
    jr2i_posed_make(&s.mesh, squares, &to, NULL, &s.source);
    jr2i_posed_make(&s.mesh, squares, &to, NULL, &s.driven);
    jr2i_condition_maps(&s.mesh, &s.driven, s.maps);
    const size_t plane = SIDE * SIDE;
    for (size_t i = 0; i < plane; i++) {
        const int32_t t = s.driven.triangle_id[i];
        ck_assert(s.maps[JR2I_MAP_INSIDE * plane + i] == (t >= 0 ? 1.0f : 0.0f));
        ck_assert(s.maps[JR2I_MAP_TEETH * plane + i] == (t >= 2 ? 1.0f : 0.0f));
        ck_assert(s.maps[JR2I_MAP_LIPS * plane + i] == 0 && s.maps[JR2I_MAP_MOUTH * plane + i] == 0);
        if (t < 0)
            continue;
        ck_assert_float_eq_tol(s.maps[JR2I_MAP_NORMAL * plane + i], sinf(0.3f), 1e-5f);
        ck_assert_float_eq_tol(s.maps[(JR2I_MAP_NORMAL + 2) * plane + i], cosf(0.3f), 1e-5f);
        ck_assert_float_eq_tol(s.maps[(JR2I_MAP_CODE + 2) * plane + i], t < 2 ? -0.2f : -0.3f, 1e-5f);
    }

    /* a frame: means of 2 x 2 of the same maps; no motion where both poses are one */
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes);
    float *half = bytes(4 * JR2I_MAPS * plane / 4);
    jr2i_condition_halve(s.maps, JR2I_MAPS, SIDE, half);
    for (size_t i = 0; i < JR2I_MAPS * plane / 4; i++)
        ck_assert_float_eq_tol(s.planes[i], half[i], 1e-6f);
    for (size_t i = 0; i < plane / 4; i++) {
        const float *p = s.planes + i;
        ck_assert_float_eq_tol(p[JR2I_MAP_FLOW * plane / 4], 0, 0.01f);
        ck_assert_float_eq_tol(p[(JR2I_MAP_FLOW + 1) * plane / 4], 0, 0.01f);
        ck_assert(p[JR2I_MAP_SOURCE_INSIDE * plane / 4] == p[JR2I_MAP_INSIDE * plane / 4]);
    }
    free(half);
    scene_free(&s);
}
END_TEST

START_TEST(test_extension)
{
    scene s;
    scene_make(&s, 8, squares, 4, square_triangles, square_parts);
    const jr2i_face_camera from = camera(0, 2, 38, 29), to = camera(0, 2, 32, 32);
    jr2i_posed_make(&s.mesh, squares, &from, NULL, &s.source);
    jr2i_posed_make(&s.mesh, squares, &to, NULL, &s.driven);
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes);
    const float *x = s.flow, *y = s.flow + SIDE * SIDE;
    ck_assert_float_eq_tol(x[32 * SIDE + 32], 6, 0.01f);
    ck_assert_float_eq_tol(y[32 * SIDE + 32], -3, 0.01f);
    ck_assert_float_eq_tol(x[32 * SIDE + 41], 6, 0.6f); /* just outside: the motion goes on, */
    for (int32_t i = 42; i < SIDE; i++)
        ck_assert(x[32 * SIDE + i] <= x[32 * SIDE + i - 1] + 1e-3f && x[32 * SIDE + i] >= 0); /* fades, */
    ck_assert_float_lt(fabsf(x[SIDE * SIDE - 1]), 0.05f); /* and is gone far away */
    ck_assert_float_eq_tol(s.planes[JR2I_MAP_FLOW * SIDE * SIDE / 4 + 16 * SIDE / 2 + 16], 6 * 8.0f / SIDE, 0.01f);
    scene_free(&s);
}
END_TEST

/* A head that turns about its middle takes what is beside it hardly along, and nothing of the face is drawn twice there: what a pixel beside the
 * driven outline shows was beside the source's. */
START_TEST(test_turning_head)
{
    scene s;
    tiny_face f;
    head_scene_make(&s, &f);
    const jr2i_face_camera from = camera(-0.2f, 3, 64, 60), to = camera(0.2f, 3, 64, 60);
    jr2i_posed_make(&s.mesh, f.vertices, &from, NULL, &s.source);
    jr2i_posed_make(&s.mesh, f.vertices, &to, NULL, &s.driven);
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes);
    float most = 0, beside = 0, seam = 0;
    int32_t pixels = 0, inside = 0;
    for (int32_t j = 1; j < SIDE - 1; j++)
        for (int32_t i = 1; i < SIDE - 1; i++) {
            const int32_t at = j * SIDE + i, *id = s.driven.triangle_id;
            const float x = s.flow[at], y = s.flow[SIDE * SIDE + at];
            if (id[at] >= 0) {
                most = fmaxf(most, fabsf(x));
                continue;
            }
            if (id[at - 1] < 0 && id[at + 1] < 0 && id[at - SIDE] < 0 && id[at + SIDE] < 0)
                continue;
            beside += hypotf(x, y);
            pixels++;
            const int32_t in = id[at - 1] >= 0 ? at - 1 : id[at + 1] >= 0 ? at + 1 : id[at - SIDE] >= 0 ? at - SIDE : at + SIDE;
            seam += hypotf(x - s.flow[in], y - s.flow[SIDE * SIDE + in]);
            /* 3 px farther out, the outline's corners being smoothed */
            float u = (float)i + 0.5f - 64, v = (float)j + 0.5f - 60;
            const float r = hypotf(u, v);
            const int32_t column = (int32_t)((float)i + 0.5f + x + 3 * u / r), row = (int32_t)((float)j + 0.5f + y + 3 * v / r);
            ck_assert(column >= 0 && column < SIDE && row >= 0 && row < SIDE);
            inside += s.source.triangle_id[row * SIDE + column] >= 0;
        }
    ck_assert_int_gt(pixels, 100);
    ck_assert_float_gt(most, 8);
    ck_assert_float_lt(beside / (float)pixels, 0.33f * most);
    ck_assert_int_lt(inside, pixels / 20);
    ck_assert_float_lt(seam / (float)pixels, 1); /* hair goes on across the outline */
    head_scene_free(&s, &f);
}
END_TEST

/* A head moves by 8 px before a wall that begins right of the middle: the wall stays exactly, hair beside the head goes along farther than where nothing
 * is known of what lies there, skin of which the photo shows wall was not seen, and the wall that the person leaves is revealed. */
START_TEST(test_silhouette)
{
    enum { CELLS = SIDE / 4 };
    scene s;
    tiny_face f;
    head_scene_make(&s, &f);
    const jr2i_face_camera from = camera(0, 3, 56, 64), to = camera(0, 3, 48, 64);
    float *silhouette = bytes(4 * CELLS * CELLS), *without = bytes(8 * SIDE * SIDE), *seen = bytes(4 * SIDE * SIDE);
    jr2i_posed_make(&s.mesh, f.vertices, &from, NULL, &s.source);
    jr2i_posed_make(&s.mesh, f.vertices, &to, NULL, &s.driven);
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, without, s.planes);
    jr2i_condition_flow(&s.mesh, &s.driven, &s.source, s.flow, seen);
    for (int32_t i = 0; i < CELLS * CELLS; i++)
        silhouette[i] = i % CELLS < CELLS / 2;
    s.source.silhouette = silhouette;
    ck_assert(jr2i_posed_silhouette(&s.source, -9, 1e9f) == 1 && jr2i_posed_silhouette(&s.source, SIDE, 5) == 0);
    ck_assert_float_eq_tol(jr2i_posed_silhouette(&s.source, SIDE / 2, 5), 0.5f, 1e-6f);
    jr2i_condition_flow(&s.mesh, &s.driven, &s.source, s.flow, s.visible);
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes);
    int32_t behind = 0, hair = 0, hidden = 0, revealed = 0;
    for (int32_t j = 0; j < SIDE; j++)
        for (int32_t i = 0; i < SIDE; i++) {
            const int32_t at = j * SIDE + i;
            if (s.driven.triangle_id[at] >= 0) {
                ck_assert_float_eq_tol(s.flow[at], 8, 4); /* the rim gives way to what is beside it */
                ck_assert(i + 8 > SIDE / 2 - 2 || s.visible[at] == seen[at]);
                ck_assert(i + 8 < SIDE / 2 + 2 || s.visible[at] == 0);
                hidden += seen[at] > 0.1f && s.visible[at] == 0;
            } else if (i > 84) {
                ck_assert(s.flow[at] == 0 && s.flow[SIDE * SIDE + at] == 0);
                behind += fabsf(without[at]) > 1;
            } else if (i < SIDE / 2 - 12 && j < 64) {
                ck_assert_float_ge(s.flow[at], without[at] - 1e-3f);
                hair += s.flow[at] > without[at] + 0.5f;
            }
            const float shows = jr2i_condition_revealed(s.scratch, SIDE)[j / 4 * CELLS + i / 4];
            ck_assert(shows == 0 || (i > SIDE / 2 - 14 && i < SIDE / 2 + 4)); /* between where the wall begins now and where it began */
            revealed += shows > 0.8f;
        }
    ck_assert_int_gt(revealed, 50);
    jr2i_condition_frame(&s.mesh, &s.source, &s.source, s.scratch, s.flow, s.planes);
    for (int32_t i = 0; i < CELLS * CELLS; i++)
        ck_assert_float_le(jr2i_condition_revealed(s.scratch, SIDE)[i], 0.25f); /* who does not move reveals nothing */
    ck_assert_int_gt(behind, 200);
    ck_assert_int_gt(hair, 200);
    ck_assert_int_gt(hidden, 100);
    free(silhouette);
    free(without);
    free(seen);
    head_scene_free(&s, &f);
}
END_TEST

/* A cheek that turns towards the camera, of a person who is narrower than the mesh: it is not made of the wall beside it. */
START_TEST(test_turned_cheek)
{
    enum { CELLS = SIDE / 4, RIM = 14, NARROWER = 8 };
    scene s;
    tiny_face f;
    head_scene_make(&s, &f);
    const jr2i_face_camera from = camera(-0.4f, 4, 64, 60), to = camera(0.4f, 4, 64, 60);
    float *silhouette = bytes(4 * CELLS * CELLS), *without = bytes(8 * SIDE * SIDE);
    jr2i_posed_make(&s.mesh, f.vertices, &from, NULL, &s.source);
    jr2i_posed_make(&s.mesh, f.vertices, &to, NULL, &s.driven);
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, without, s.planes);
    for (int32_t j = 0; j < CELLS; j++)
        for (int32_t i = NARROWER / 4; i < CELLS - NARROWER / 4; i++) {
            const int32_t *id = s.source.triangle_id + (4 * j + 2) * SIDE + 4 * i + 2;
            silhouette[j * CELLS + i] = id[-NARROWER] >= 0 && id[NARROWER] >= 0;
        }
    s.source.silhouette = silhouette;
    jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes);
    int32_t before = 0, after = 0;
    for (int32_t j = RIM; j < SIDE - RIM; j++)
        for (int32_t i = RIM; i < SIDE - RIM; i++) {
            const int32_t at = j * SIDE + i, *id = s.driven.triangle_id + at;
            const float x = (float)i + 0.5f, y = (float)j + 0.5f;
            if (id[0] < 0 || id[-RIM] < 0 || id[RIM] < 0 || id[-RIM * SIDE] < 0 || id[RIM * SIDE] < 0 || f.head->part[id[0]] > 0)
                continue;
            before += jr2i_posed_silhouette(&s.source, x + without[at], y + without[SIDE * SIDE + at]) < 0.5f;
            after += jr2i_posed_silhouette(&s.source, x + s.flow[at], y + s.flow[SIDE * SIDE + at]) < 0.5f;
        }
    printf("wall on the cheek: %d pixels, %d\n", (int)before, (int)after);
    ck_assert_int_gt(before, 100);
    ck_assert_int_lt(after, before / 10);
    free(silhouette);
    free(without);
    head_scene_free(&s, &f);
}
END_TEST

START_TEST(test_triangles)
{
    const float low[9] = {0, 0, 0, 1, 0, 0, 0, -11, 0};
    const int32_t triangles[6] = {0, 1, 2, 0, 1, 1};
    const uint8_t part[2] = {1, 7};
    int32_t kept[6];
    uint8_t kept_part[2];
    ck_assert_int_eq(jr2i_condition_triangles(low, triangles, part, 2, kept, kept_part), 1);
    ck_assert(kept[2] == 1 && kept_part[0] == 7);
}
END_TEST

/* The head model before a patchy wall: the same bits twice, the second time in bands, finite in every pose, also where the pose is nonsense. */
START_TEST(test_head)
{
    scene s;
    tiny_face f;
    head_scene_make(&s, &f);
    float *silhouette = bytes(SIDE * SIDE / 4), *first_flow = bytes(8 * SIDE * SIDE), *first_planes = bytes(JR2I_FRAME_MAPS * SIDE * SIDE);
    const jr2i_face_camera from = camera(-0.4f, 1.7f, 30, 33);
    const jr2i_face_camera to[4] = {camera(0.5f, 1.8f, 34, 31), camera(2.5f, 1e4f, 0, 0), camera(0, 0, 1e30f, 0), camera(NAN, 1, 1, NAN)};
    for (int32_t i = 0; i < SIDE * SIDE / 16; i++)
        silhouette[i] = (float)(i / 3 % 7) / 6;
    s.source.silhouette = silhouette;
    for (int k = 0; k < 4; k++) {
        for (int twice = 0; twice < 2; twice++) {
            memset(s.scratch, twice ? 0x55 : 0, 4 * jr2i_condition_frame_scratch(SIDE));
            jr2i_posed_make(&s.mesh, f.vertices, k == 3 ? &to[3] : &from, NULL, &s.source);
            jr2i_posed_make(&s.mesh, f.vertices, &to[k == 3 ? 0 : k], NULL, &s.driven);
            if (!twice) {
                jr2i_condition_frame(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes);
                memcpy(first_flow, s.flow, 8 * SIDE * SIDE);
                memcpy(first_planes, s.planes, JR2I_FRAME_MAPS * SIDE * SIDE);
                continue;
            }
            for (int32_t row = SIDE - 8; row >= 0; row -= 8) /* in bands, from below */
                jr2i_condition_begin(&s.mesh, &s.driven, &s.source, s.scratch, s.flow, s.planes, row, row + 8);
            jr2i_condition_spread(&s.mesh, &s.driven, &s.source, s.scratch);
            for (int32_t row = SIDE - 8; row >= 0; row -= 8)
                jr2i_condition_end(&s.source, s.scratch, s.flow, s.planes, row, row + 8);
        }
        ck_assert(memcmp(first_flow, s.flow, 8 * SIDE * SIDE) == 0);
        ck_assert(memcmp(first_planes, s.planes, JR2I_FRAME_MAPS * SIDE * SIDE) == 0);
        for (int32_t i = 0; i < 2 * SIDE * SIDE; i++)
            ck_assert(isfinite(s.flow[i]));
        for (int32_t i = 0; i < JR2I_FRAME_MAPS * SIDE * SIDE / 4; i++)
            ck_assert(isfinite(s.planes[i]));
    }
    free(first_flow);
    free(first_planes);
    free(silhouette);
    head_scene_free(&s, &f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conditions");
    TCase *c = tcase_create("conditions");
    tcase_add_test(c, test_known_flow);
    tcase_add_test(c, test_hidden);
    tcase_add_test(c, test_maps);
    tcase_add_test(c, test_extension);
    tcase_add_test(c, test_turning_head);
    tcase_add_test(c, test_silhouette);
    tcase_add_test(c, test_turned_cheek);
    tcase_add_test(c, test_triangles);
    tcase_add_test(c, test_head);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
