/* SPDX-License-Identifier: MIT
 * The shipped weights on the sample photograph, cut ever closer around the head: the camera that a portrait's mesh is seen by shows its
 * landmarks where they are in the picture, however near the picture's own camera is taken to be, also when another picture of that head drives it. */
#include <math.h>

#include "core/portrait.h"
#include "face/pose.h"
#include "shipped.h"
#include "suite.h"

static jr2_ctx *ctx;
static picture photo;

static void set_up(void)
{
    shipped_open(NULL, &ctx, &photo);
}

static void tear_down(void)
{
    jr2_ctx_free(ctx);
    picture_free(&photo);
}

/* A square of this side of the photo, its middle this far from the head's. */
static jr2_image cut(int side, int right, int down)
{
    jr2_image image;
    picture_image(&photo, &image);
    image.pixels = photo.pixels + 3 * ((size_t)(120 + down - side / 2) * (size_t)photo.width + (size_t)(224 + right - side / 2));
    image.stride = 3 * (int64_t)photo.width;
    image.width = image.height = side;
    return image;
}

static jr2_portrait *portrait_of(int side, float focal)
{
    jr2_image image = cut(side, 0, 0);
    jr2_portrait *p;
    jr2_portrait_options options;
    JR2_INIT(options);
    options.focal_px = focal;
    ck_assert_msg(jr2_portrait_create(ctx, &image, &options, &p) == JR2_OK, "%s", jr2_ctx_error(ctx));
    return p;
}

/* Mean distance, in pixels of the crop, between landmarks in the picture and where the portrait's camera shows these vertices' ones. */
static double away(const jr2_portrait *p, const jr2i_act *act, const float *vertices, const float *landmarks)
{
    jr2i_face_camera camera;
    const jr2i_landmark_set *set = &p->view->head->landmark478;
    float *points = malloc((size_t)set->count * 3 * sizeof(float)), *pixels = malloc((size_t)set->count * 2 * sizeof(float));
    double sum = 0;
    jr2i_portrait_camera(p, act, vertices, &camera);
    jr2i_head_landmarks_of(set, vertices, NULL, points);
    jr2i_face_camera_project(&camera, points, set->count, pixels);
    for (int32_t i = 0; i < set->count; i++)
        sum += hypot((double)(pixels[2 * i] - (landmarks[2 * i] - p->left) / p->step), (double)(pixels[2 * i + 1] - (landmarks[2 * i + 1] - p->top) / p->step));
    free(points);
    free(pixels);
    return sum / set->count;
}

/* The portrait as it is, for a square of this side around the head; *centimetres: the camera's distance. */
static double misses_by(int side, float focal, double *centimetres)
{
    jr2_portrait *p = portrait_of(side, focal);
    const double mean = away(p, &p->own, p->view->vertices, p->view->landmarks478);
    *centimetres = -(double)p->own.translation[2];
    jr2_portrait_free(p);
    return mean;
}

START_TEST(shows_the_portrait_where_it_is)
{
    static const int sides[] = {160, 200, 240};
    double near = 1e9;
    for (int i = 0; i < 3; i++) {
        double distance;
        const double miss = misses_by(sides[i], 0, &distance);
        near = fmin(near, distance);
        ck_assert_msg(miss < 0.5, "%d pixels: seen from %g cm the landmarks are %g pixels away", sides[i], distance, miss);
    }
    ck_assert_msg(near < 60, "%g cm is not near", near);
    double distance;
    ck_assert_double_lt(misses_by(160, 2000, &distance), 0.5); /* from afar */
    ck_assert_double_gt(distance, 200);
}
END_TEST

START_TEST(follows_its_head_across_the_picture)
{
    static const int moved[][2] = {{24, 0}, {-24, 10}, {10, 16}};
    jr2_portrait *p = portrait_of(200, 0);
    for (int i = 0; i < 3; i++) {
        jr2_image image = cut(200, moved[i][0], moved[i][1]);
        jr2_result *result;
        jr2_motion_face motion;
        jr2_reenact_options options;
        uint8_t *pixels = malloc((size_t)200 * 200 * 3);
        const jr2_image out = {.struct_size = sizeof out, .format = JR2_PIXEL_RGB8, .width = 200, .height = 200, .stride = 600, .pixels = pixels};
        JR2_INIT(motion);
        JR2_INIT(options);
        options.motion = JR2_REENACT_ABSOLUTE;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
        const jr2_face *face = jr2_result_face(result, 0);
        ck_assert_int_eq(jr2_motion_from_face(face, &motion), JR2_OK);
        ck_assert_int_eq(jr2_reenact(ctx, p, &motion, &options, &out), JR2_OK);
        const double miss = away(p, &p->shown, p->vertices, ((const jr2i_face_view *)face)->landmarks478);
        ck_assert_msg(miss < 1, "a head %d right and %d down: the landmarks are %g pixels away", -moved[i][0], -moved[i][1], miss);
        jr2_result_free(result);
        free(pixels);
    }
    jr2_portrait_free(p);
}
END_TEST

/* Any pose that a portrait may be asked for: its landmarks are where the picture's own camera shows them, but for what distance makes different. */
START_TEST(sees_every_pose_where_the_picture_does)
{
    jr2_portrait *p = portrait_of(160, 0);
    const jr2i_landmark_set *set = &p->view->head->landmark478;
    float *points = malloc((size_t)set->count * 3 * sizeof(float)), *pixels = malloc((size_t)set->count * 2 * sizeof(float));
    jr2i_head_landmarks_of(set, p->view->vertices, NULL, points);
    for (int yaw = -60; yaw <= 60; yaw += 15)
        for (int pitch = -40; pitch <= 40; pitch += 20) {
            jr2i_act act = p->own;
            float rotation[9], matrix[16];
            jr2i_pose_matrix((float)yaw / JR2I_DEGREES, (float)pitch / JR2I_DEGREES, 0.2f, act.rotation);
            act.translation[0] += 3;
            jr2i_rotation_from_face(act.rotation, act.translation, rotation);
            jr2i_pose_matrix4(rotation, act.translation, matrix);
            jr2i_camera_project(&p->view->camera, matrix, points, set->count, pixels);
            const double miss = away(p, &act, p->view->vertices, pixels);
            ck_assert_msg(miss < 3, "yaw %d, pitch %d: the landmarks are %g pixels away", yaw, pitch, miss);
        }
    free(points);
    free(pixels);
    jr2_portrait_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("portrait_camera");
    TCase *tests = tcase_create("portrait_camera");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, shows_the_portrait_where_it_is);
    tcase_add_test(tests, follows_its_head_across_the_picture);
    tcase_add_test(tests, sees_every_pose_where_the_picture_does);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
