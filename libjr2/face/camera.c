/* SPDX-License-Identifier: MIT
 * Projection with the image camera and the face camera, and the way from one to the other. */
#include "face/camera.h"

#include <math.h>
#include <stddef.h>

#include "face/pose.h"

#define NEAREST 0.1f /* cm: nearer points are behind the camera */

jr2i_camera jr2i_camera_default(int32_t width, int32_t height, float focal)
{
    jr2i_camera c;
    c.focal = focal > 0 ? focal : JR2I_FOCAL_FACTOR * (float)(width > height ? width : height);
    c.cx = 0.5f * (float)width;
    c.cy = 0.5f * (float)height;
    return c;
}

static void transform(const float m[16], const float *x, float p[3])
{
    for (int k = 0; k < 3; k++)
        p[k] = m[k] * x[0] + m[4 + k] * x[1] + m[8 + k] * x[2] + m[12 + k];
}

void jr2i_camera_project(const jr2i_camera *camera, const float matrix[16], const float *points, int32_t count, float *pixels)
{
    for (int32_t i = 0; i < count; i++) {
        float p[3];
        transform(matrix, points + 3 * (size_t)i, p);
        float *to = pixels + 2 * (size_t)i;
        if (p[2] < -NEAREST) {
            to[0] = camera->cx - camera->focal * p[0] / p[2];
            to[1] = camera->cy + camera->focal * p[1] / p[2];
        } else {
            to[0] = to[1] = NAN;
        }
    }
}

void jr2i_camera_screen(const jr2i_camera *camera, const float matrix[16], const float *points, int32_t count, float *screen,
                        float *inv_w)
{
    for (int32_t i = 0; i < count; i++) {
        float p[3];
        transform(matrix, points + 3 * (size_t)i, p);
        float *to = screen + 3 * (size_t)i, inverse = p[2] < -NEAREST ? -1 / p[2] : 0;
        inv_w[i] = inverse; /* 0: not drawn */
        to[0] = camera->cx + camera->focal * p[0] * inverse;
        to[1] = camera->cy - camera->focal * p[1] * inverse;
        to[2] = -p[2];
    }
}

void jr2i_face_camera_project(const jr2i_face_camera *camera, const float *points, int32_t count, float *pixels)
{
    const float *r = camera->rotation;
    for (int32_t i = 0; i < count; i++) {
        const float *x = points + 3 * (size_t)i;
        float px = r[0] * x[0] + r[1] * x[1] + r[2] * x[2];
        float py = r[3] * x[0] + r[4] * x[1] + r[5] * x[2];
        float pz = r[6] * x[0] + r[7] * x[1] + r[8] * x[2];
        float scale = camera->scale / (1 - pz / JR2I_FACE_CAMERA_DISTANCE);
        pixels[2 * (size_t)i] = camera->cx + scale * px;
        pixels[2 * (size_t)i + 1] = camera->cy - scale * py;
    }
}

/* Turns (0, 0, -1) to the ray of a place about their common normal (y, -x, 0). */
static void along_ray(const float place[3], float turn[9])
{
    float x = place[0] / -place[2], y = place[1] / -place[2], side = sqrtf(x * x + y * y), angle = atanf(side), axis[3] = {0, 0, 0};
    if (side > 1e-6f) {
        axis[0] = y / side * angle;
        axis[1] = -x / side * angle;
    }
    jr2i_pose_exponential(axis, turn);
}

void jr2i_rotation_from_face(const float face[9], const float translation[3], float rotation[9])
{
    float turn[9];
    along_ray(translation, turn);
    jr2i_pose_multiply(turn, face, rotation);
}

void jr2i_rotation_to_face(const float rotation[9], const float translation[3], float face[9])
{
    float turn[9], back[9];
    along_ray(translation, turn);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            back[3 * i + k] = turn[3 * k + i];
    jr2i_pose_multiply(back, rotation, face);
}

void jr2i_camera_to_face(const jr2i_camera *camera, const float rotation[9], const float translation[3], jr2i_face_camera *face)
{
    float scale = camera->focal / -translation[2];
    for (int k = 0; k < 9; k++)
        face->rotation[k] = rotation[k];
    face->scale = scale;
    face->cx = camera->cx + scale * translation[0];
    face->cy = camera->cy - scale * translation[1];
}

void jr2i_camera_from_face(const jr2i_camera *camera, const jr2i_face_camera *face, const float crop_map[6], float rotation[9],
                           float translation[3])
{
    float x = crop_map[0] * face->cx + crop_map[1] * face->cy + crop_map[2];
    float y = crop_map[3] * face->cx + crop_map[4] * face->cy + crop_map[5];
    float larger = sqrtf(crop_map[0] * crop_map[0] + crop_map[3] * crop_map[3]); /* image px a crop px */
    float roll = atan2f(crop_map[3], crop_map[0]);
    float depth = camera->focal / (face->scale * larger);
    float ray[3] = {(x - camera->cx) / camera->focal, -(y - camera->cy) / camera->focal, -1};
    for (int k = 0; k < 3; k++)
        translation[k] = ray[k] * depth;
    float turn[9];
    jr2i_pose_matrix(0, 0, roll, turn); /* the crop's own turn */
    jr2i_pose_multiply(turn, face->rotation, turn);
    jr2i_rotation_from_face(turn, translation, rotation);
}
