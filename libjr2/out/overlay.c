/* SPDX-License-Identifier: MIT
 * The overlay: every face's visible mesh as a fine net, its 68 landmarks, where the eyes look and the head's axes, drawn over the
 * picture. */
#include <math.h>
#include <string.h>

#include "face/pose.h"
#include "out/face_view.h"
#include "render/depth.h"

#define DEPTH_SIDE 512
#define HIDDEN 0.4f /* cm behind the nearest surface */

static const uint8_t net_colour[3] = {90, 220, 255}, dot_colour[3] = {255, 230, 60}, gaze_colour[3] = {255, 90, 220};
static const uint8_t axis_colour[3][3] = {{255, 60, 60}, {70, 230, 70}, {70, 120, 255}};

static void draw_net(const jr2i_canvas *canvas, const jr2i_face_view *face, const float *screen, const float *inv_w,
                     const jr2i_depth_map *depth, float unit)
{
    const jr2i_head *head = face->head;
    double total = 0;
    int32_t count = 0;
    for (int pass = 0; pass < 2; pass++) { /* mean length of what is drawn sets how faint it is */
        float mean = count ? (float)(total / count) : 1;
        float opacity = fminf(fmaxf(mean / 20, 0.10f), 0.45f);
        for (int32_t i = 0; i < head->triangle_count; i++) {
            const int32_t *t = head->triangles + 3 * (size_t)i;
            const float *p[3] = {screen + 3 * (size_t)t[0], screen + 3 * (size_t)t[1], screen + 3 * (size_t)t[2]};
            float area = (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[2][0] - p[0][0]) * (p[1][1] - p[0][1]);
            if (!(area < 0) || !(inv_w[t[0]] > 0 && inv_w[t[1]] > 0 && inv_w[t[2]] > 0))
                continue;
            float x = (p[0][0] + p[1][0] + p[2][0]) / 3, y = (p[0][1] + p[1][1] + p[2][1]) / 3;
            if (jr2i_depth_behind(depth, x, y, (p[0][2] + p[1][2] + p[2][2]) / 3, 0) > HIDDEN)
                continue;
            for (int k = 0; k < 3; k++) {
                const float *a = p[k], *b = p[(k + 1) % 3];
                if (t[k] > t[(k + 1) % 3]) /* its neighbour draws it */
                    continue;
                if (pass == 0) {
                    total += (double)hypotf(a[0] - b[0], a[1] - b[1]);
                    count++;
                } else {
                    jr2i_draw_line(canvas, a[0], a[1], b[0], b[1], 0.6f * unit, net_colour, opacity);
                }
            }
        }
    }
}

static void draw_ray(const jr2i_canvas *canvas, const jr2i_face_view *face, const float from[3], const float direction[3],
                     float length, float thickness, const uint8_t rgb[3])
{
    float points[6], pixels[4];
    for (int k = 0; k < 3; k++) {
        points[k] = from[k];
        points[3 + k] = from[k] + length * direction[k];
    }
    jr2i_camera_project(&face->camera, face->matrix, points, 2, pixels);
    jr2i_draw_line(canvas, pixels[0], pixels[1], pixels[2], pixels[3], thickness, rgb, 0.95f);
}

static void draw_gaze(const jr2i_canvas *canvas, const jr2i_face_view *face, float unit)
{
    const jr2i_head *head = face->head;
    int32_t eye[2] = {head->left_eye, head->right_eye};
    float joints[3 * JR2I_HEAD_JOINTS_MAX], r[9];
    jr2i_head_input input = {face->identity, face->expression, NULL, head->identity_count, head->expression_count};
    jr2i_head_joints(head, &input, joints);
    for (int i = 0; i < 2; i++) {
        if (eye[i] < 0)
            continue;
        jr2i_gaze_rotation(face->gaze[2 * i] / JR2I_DEGREES, face->gaze[2 * i + 1] / JR2I_DEGREES, r);
        float direction[3] = {r[2], r[5], r[8]}, from[3];
        for (int k = 0; k < 3; k++)
            from[k] = joints[3 * eye[i] + k] + 1.3f * direction[k];
        draw_ray(canvas, face, from, direction, 4, 1.2f * unit, gaze_colour);
    }
}

static int32_t draw_face(jr2i_env *env, const jr2i_scene_view *scene, const jr2i_face_view *face, const jr2i_canvas *canvas)
{
    const jr2i_head *head = face->head;
    float unit = fminf(fmaxf(face->region[2] / 300, 0.7f), 8); /* px: thickness of a line */
    float *screen = jr2i_alloc(env, 3 * (size_t)head->vertex_count, sizeof *screen);
    float *inv_w = jr2i_alloc(env, (size_t)head->vertex_count, sizeof *inv_w);
    jr2i_depth_map depth;
    memset(&depth, 0, sizeof depth);
    int32_t status = screen && inv_w ? JR2_OK : jr2i_no_memory(env, 3 * (size_t)head->vertex_count * sizeof *screen);
    if (status == JR2_OK) {
        jr2i_camera_screen(&face->camera, face->matrix, face->vertices, head->vertex_count, screen, inv_w);
        status = jr2i_depth_make(env, screen, inv_w, head->vertex_count, head->triangles, head->triangle_count, scene->width,
                                 scene->height, DEPTH_SIDE, &depth);
    }
    if (status == JR2_OK) {
        draw_net(canvas, face, screen, inv_w, &depth, unit);
        const float *points = face->landmarks68 ? face->landmarks68 : face->landmarks478;
        int32_t count = face->landmarks68 ? head->landmark68.count : face->landmarks478 ? head->landmark478.count : 0;
        for (int32_t i = 0; i < count; i++)
            jr2i_draw_dot(canvas, points[2 * (size_t)i], points[2 * (size_t)i + 1], 1.3f * unit, dot_colour, 0.95f);
        draw_gaze(canvas, face, unit);
        int32_t nose = 0; /* the axes start at the foremost point */
        for (int32_t i = 1; i < head->vertex_count; i++)
            if (face->vertices[3 * (size_t)i + 2] > face->vertices[3 * (size_t)nose + 2])
                nose = i;
        for (int k = 0; k < 3; k++) {
            float direction[3] = {(float)(k == 0), (float)(k == 1), (float)(k == 2)};
            draw_ray(canvas, face, face->vertices + 3 * (size_t)nose, direction, 5, 1.8f * unit, axis_colour[k]);
        }
    }
    jr2i_depth_free(env, &depth);
    jr2i_free(env, screen);
    jr2i_free(env, inv_w);
    return status;
}

int32_t jr2i_overlay_draw(jr2i_env *env, const jr2i_scene_view *scene, const jr2i_canvas *canvas)
{
    for (int32_t i = scene->face_count - 1; i >= 0; i--) { /* the first one on top */
        int32_t status = draw_face(env, scene, scene->faces + i, canvas);
        if (status != JR2_OK)
            return status;
    }
    return JR2_OK;
}
