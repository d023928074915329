/* SPDX-License-Identifier: MIT
 * The shipped weights on the sample photograph, cut ever closer around the head: the camera that a portrait's mesh is seen by shows its
 * landmarks where they are in the picture, however near the picture's own camera is taken to be. */
#include <math.h>

#include "core/portrait.h"
#include "shipped.h"

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

/* Mean distance of the landmarks, in pixels of the crop, for a square of this side around the head; *centimetres: the camera's distance. */
static double misses_by(int side, float focal, double *centimetres)
{
    jr2_image image;
    jr2_portrait *p;
    jr2_portrait_options options;
    jr2i_face_camera camera;
    JR2_INIT(options);
    options.focal_px = focal;
    picture_image(&photo, &image);
    image.pixels = photo.pixels + 3 * ((size_t)(120 - side / 2) * (size_t)photo.width + (size_t)(224 - side / 2));
    image.stride = 3 * (int64_t)photo.width;
    image.width = image.height = side;
    ck_assert_msg(jr2_portrait_create(ctx, &image, &options, &p) == JR2_OK, "%s", jr2_ctx_error(ctx));
    const jr2i_landmark_set *set = &p->view->head->landmark478;
    float *points = malloc((size_t)set->count * 3 * sizeof(float)), *pixels = malloc((size_t)set->count * 2 * sizeof(float));
    double sum = 0;
    jr2i_portrait_camera(p, &p->own, &camera);
    jr2i_head_landmarks_of(set, p->view->vertices, NULL, points);
    jr2i_face_camera_project(&camera, points, set->count, pixels);
    for (int32_t i = 0; i < set->count; i++)
        sum += hypot((double)(pixels[2 * i] - (p->view->landmarks478[2 * i] - p->left) / p->step),
                     (double)(pixels[2 * i + 1] - (p->view->landmarks478[2 * i + 1] - p->top) / p->step));
    *centimetres = -(double)p->own.translation[2];
    const double mean = sum / set->count;
    free(points);
    free(pixels);
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

int main(void)
{
    Suite *suite = suite_create("portrait_camera");
    TCase *tests = tcase_create("portrait_camera");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, shows_the_portrait_where_it_is);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
