/* SPDX-License-Identifier: MIT
 * Results: one block of memory for all faces and their arrays, and the accessors to it. */
#include <string.h>

#include "face/pose.h"
#include "handles.h"

/* Floats of an array, rounded up so that the next one starts on a cache line. */
static size_t padded(int32_t rows, int32_t columns)
{
    return ((size_t)rows * (size_t)columns + 15) / 16 * 16;
}

static float *take(float **at, int32_t rows, int32_t columns)
{
    float *array = *at;
    *at += padded(rows, columns);
    return rows > 0 ? array : NULL;
}

int32_t jr2i_result_create(jr2_ctx *ctx, int32_t width, int32_t height, int32_t count, int32_t mesh, jr2_result **out)
{
    *out = NULL;
    const jr2i_head *head = ctx->model->head;
    const int32_t errors = ctx->model->expression != NULL;
    size_t floats = padded(head->identity_count, 1) + padded(head->expression_count, 1) +
                    padded(errors ? head->expression_count : 0, 1) + padded(head->albedo_count, 1) +
                    padded(JR2_ARKIT_COUNT, 1) + padded(27, 1) + padded(head->landmark68.count, 2) + padded(head->landmark478.count, 2) +
                    2 * padded(mesh ? head->vertex_count : 0, 3);
    size_t start = (sizeof(jr2_result) + (size_t)count * sizeof(jr2_face) + 63) / 64 * 64;
    if (count > 0 && floats > (SIZE_MAX / 2 - start) / sizeof(float) / (size_t)count)
        return jr2i_no_memory(&ctx->env, SIZE_MAX);
    size_t size = start + (size_t)count * floats * sizeof(float);
    unsigned char *block = jr2i_calloc(&ctx->env, 1, size);
    if (!block)
        return jr2i_no_memory(&ctx->env, size);
    jr2_result *result = (jr2_result *)(void *)block;
    result->env = ctx->env;
    result->model = jr2_model_retain(ctx->model);
    result->width = width;
    result->height = height;
    result->count = count;
    result->faces = (jr2_face *)(void *)(result + 1);
    float *at = (float *)(void *)(block + start);
    for (int32_t i = 0; i < count; i++) {
        jr2i_face_view *v = &result->faces[i].view;
        v->head = head;
        v->identity = take(&at, head->identity_count, 1);
        v->expression = take(&at, head->expression_count, 1);
        v->expression_error = take(&at, errors ? head->expression_count : 0, 1);
        v->albedo = take(&at, head->albedo_count, 1);
        v->arkit = take(&at, JR2_ARKIT_COUNT, 1);
        v->light = take(&at, 27, 1);
        v->landmarks68 = take(&at, head->landmark68.count, 2);
        v->landmarks478 = take(&at, head->landmark478.count, 2);
        v->vertices = take(&at, mesh ? head->vertex_count : 0, 3);
        v->normals = take(&at, mesh ? head->vertex_count : 0, 3);
    }
    *out = result;
    return JR2_OK;
}

void jr2_result_free(jr2_result *result)
{
    if (!result)
        return;
    jr2i_env env = result->env;
    for (int32_t i = 0; i < result->count; i++)
        jr2i_free(&env, (void *)(size_t)result->faces[i].view.texture);
    jr2_model_release(result->model);
    jr2i_free(&env, result);
}

jr2i_scene_view jr2i_result_scene(const jr2_result *result)
{
    jr2i_scene_view scene = {result->width, result->height, result->count, &result->faces[0].view};
    return scene;
}

int32_t jr2_result_count(const jr2_result *result)
{
    return result ? result->count : 0;
}

const jr2_face *jr2_result_face(const jr2_result *result, int32_t index)
{
    return result && index >= 0 && index < result->count ? &result->faces[index] : NULL;
}

void jr2_result_image_size(const jr2_result *result, int32_t *width, int32_t *height)
{
    if (width)
        *width = result ? result->width : 0;
    if (height)
        *height = result ? result->height : 0;
}

jr2_model *jr2_result_model(const jr2_result *result)
{
    return result ? result->model : NULL;
}

static const float *rows(const float *array, int32_t number, int32_t *count)
{
    if (count)
        *count = array ? number : 0;
    return array;
}

/* All accessors take NULL and answer NULL, 0 and a count of 0. */
#define ROWS(name, array, number) \
    const float *jr2_face_##name(const jr2_face *face, int32_t *count) \
    { \
        return rows(face ? face->view.array : NULL, face ? (number) : 0, count); \
    }
ROWS(landmarks68, landmarks68, face->view.head->landmark68.count)
ROWS(landmarks478, landmarks478, face->view.head->landmark478.count)
ROWS(arkit, arkit, JR2_ARKIT_COUNT)
ROWS(expression, expression, face->view.head->expression_count)
ROWS(expression_error, expression_error, face->view.head->expression_count)
ROWS(identity, identity, face->view.head->identity_count)
ROWS(albedo, albedo, face->view.head->albedo_count)
ROWS(light, light, 27)
ROWS(vertices, vertices, face->view.head->vertex_count)
ROWS(normals, normals, face->view.head->vertex_count)
#undef ROWS

int32_t jr2_face_id(const jr2_face *face)
{
    return face ? face->view.id : 0;
}

int32_t jr2_face_state(const jr2_face *face)
{
    return face ? face->view.state : 0;
}

float jr2_face_confidence(const jr2_face *face)
{
    return face ? face->view.confidence : 0;
}

void jr2_face_region(const jr2_face *face, jr2_region *region)
{
    if (!region)
        return;
    memset(region, 0, sizeof *region);
    if (!face)
        return;
    region->x = face->view.region[0];
    region->y = face->view.region[1];
    region->size = face->view.region[2];
    region->roll = face->view.region[3] * JR2I_DEGREES;
}

const float *jr2_face_box(const jr2_face *face)
{
    return face ? face->view.box : NULL;
}

const float *jr2_face_angles(const jr2_face *face)
{
    return face ? face->view.angles : NULL;
}

const float *jr2_face_matrix(const jr2_face *face)
{
    return face ? face->view.matrix : NULL;
}

const float *jr2_face_translation(const jr2_face *face)
{
    return face ? face->view.matrix + 12 : NULL;
}

const float *jr2_face_camera(const jr2_face *face)
{
    return face ? &face->view.camera.focal : NULL; /* focal, cx, cy: three floats in a row */
}

const float *jr2_face_gaze(const jr2_face *face)
{
    return face ? face->view.gaze : NULL;
}

const uint8_t *jr2_face_texture(const jr2_face *face, int32_t *size)
{
    const uint8_t *texture = face ? face->view.texture : NULL;
    if (size)
        *size = texture ? face->view.texture_size : 0;
    return texture;
}
