/* SPDX-License-Identifier: MIT
 * A made face for tests: the tiny head model with some coefficients, seen by a camera. */
#ifndef JR2_TESTS_TINY_FACE_H
#define JR2_TESTS_TINY_FACE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "face/frame.h"
#include "face/pose.h"
#include "out/face_view.h"

typedef struct tiny_face {
    jr2i_env env;
    jr2i_head *head;
    float *identity, *expression, *albedo, *scratch, *vertices, *normals;
    float arkit[52], light[27], points478[478 * 3], points68[68 * 3], landmarks478[478 * 2], landmarks68[68 * 2];
    jr2i_face_view view;
} tiny_face;

static inline jr2i_head *tiny_head(jr2i_env *env)
{
    jr2i_jr2w *file = NULL;
    jr2i_head *head = NULL;
    ck_assert_msg(jr2i_jr2w_open_file(env, "tests/data/tiny_head.jr2w", &file) == JR2_OK, "%s", env->error);
    ck_assert_msg(jr2i_head_create(env, file, &head) == JR2_OK, "%s", env->error);
    jr2i_jr2w_close(env, file);
    return head;
}

static inline float *tiny_floats(size_t count)
{
    float *p = calloc(count + 16, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* An upright face in the middle of a width x height picture. */
static inline void tiny_face_make(tiny_face *f, int32_t width, int32_t height, float yaw)
{
    memset(f, 0, sizeof *f);
    f->head = tiny_head(&f->env);
    const jr2i_head *h = f->head;
    f->identity = tiny_floats((size_t)h->identity_count);
    f->expression = tiny_floats((size_t)h->expression_count);
    f->albedo = tiny_floats((size_t)h->albedo_count);
    f->scratch = tiny_floats(jr2i_head_scratch(h));
    f->vertices = tiny_floats(3 * (size_t)h->vertex_count);
    f->normals = tiny_floats(3 * (size_t)h->vertex_count);
    f->identity[1] = 0.7f;
    f->expression[26] = 0.5f; /* jawOpen */
    f->expression[16] = 0.4f; /* eyeLookOut_L */
    jr2i_head_input input = {f->identity, f->expression, NULL, h->identity_count, h->expression_count};
    jr2i_head_vertices(h, &input, f->scratch, f->vertices);
    jr2i_head_normals(h, f->vertices, f->normals);
    jr2i_head_landmarks(h, &input, f->scratch, f->points478, f->points68);
    jr2i_arkit_from_expression(&h->arkit, f->expression, f->arkit);
    f->light[0] = f->light[1] = f->light[2] = 3;
    f->light[6] = f->light[7] = f->light[8] = 0.5f;
    jr2i_face_view *v = &f->view;
    float r[9], t[3] = {1, -2, -70};
    jr2i_pose_matrix(yaw, 0.1f, -0.05f, r);
    jr2i_pose_matrix4(r, t, v->matrix);
    v->head = h;
    v->camera = jr2i_camera_default(width, height, 0);
    jr2i_camera_project(&v->camera, v->matrix, f->points478, 478, f->landmarks478);
    jr2i_camera_project(&v->camera, v->matrix, f->points68, 68, f->landmarks68);
    v->confidence = 0.9f;
    v->landmarks478 = f->landmarks478;
    v->landmarks68 = f->landmarks68;
    v->vertices = f->vertices;
    v->normals = f->normals;
    v->identity = f->identity;
    v->expression = f->expression;
    v->albedo = f->albedo;
    v->arkit = f->arkit;
    v->light = f->light;
    v->angles[0] = yaw * JR2I_DEGREES;
    jr2i_frame frame;
    ck_assert_int_eq(jr2i_frame_from_landmarks(f->landmarks478, &frame), 1);
    v->region[0] = frame.x;
    v->region[1] = frame.y;
    v->region[2] = frame.size;
    v->region[3] = frame.roll;
}

static inline void tiny_face_free(tiny_face *f)
{
    jr2i_head_free(&f->env, f->head);
    free(f->identity);
    free(f->expression);
    free(f->albedo);
    free(f->scratch);
    free(f->vertices);
    free(f->normals);
}

/* xorshift: the same numbers everywhere. 0..1 */
static inline float tiny_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (float)(*state >> 8) / 16777216.0f;
}

#endif
