/* SPDX-License-Identifier: MIT
 * The shipped weights on the sample photograph: one face, where it is, smiling, looking at the camera; mirrored; nobody; memory.
 * Wide bounds: this is a smoke test, the measurements are in docs/results.md. */
#include <math.h>

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

static jr2_result *reconstruct(const picture *p, int32_t texture)
{
    jr2_image image;
    jr2_result *result;
    jr2_reconstruct_options options;
    JR2_INIT(options);
    options.texture_size = texture;
    picture_image(p, &image);
    ck_assert_msg(jr2_reconstruct(ctx, &image, &options, &result) == JR2_OK, "%s", jr2_ctx_error(ctx));
    return result;
}

START_TEST(finds_the_astronaut)
{
    jr2_result *result = reconstruct(&photo, 256);
    ck_assert_int_eq(jr2_result_count(result), 1);
    const jr2_face *face = jr2_result_face(result, 0);
    const float *point = jr2_face_landmarks478(face, NULL), *angle = jr2_face_angles(face), *arkit = jr2_face_arkit(face, NULL);
    /* By eye: her right eye, her left eye, the mouth's middle. */
    const float seen[3][3] = {{33, 199, 103}, {263, 252, 103}, {13, 224, 142}};
    for (int i = 0; i < 3; i++) {
        const float *p = point + 2 * (int)seen[i][0];
        ck_assert_msg(hypotf(p[0] - seen[i][1], p[1] - seen[i][2]) < 12, "point %g at %g %g", (double)seen[i][0], (double)p[0], (double)p[1]);
    }
    /* The head is above the picture's centre: seen from there it is turned down. */
    ck_assert_msg(fabsf(angle[0]) < 20 && angle[1] > -40 && angle[1] < 10 && fabsf(angle[2]) < 20, "%g %g %g", (double)angle[0],
                  (double)angle[1], (double)angle[2]);
    ck_assert(jr2_face_confidence(face) > 0.7f);
    ck_assert(arkit[jr2_arkit_index("mouthSmileLeft")] + arkit[jr2_arkit_index("mouthSmileRight")] > 0.3f);
    ck_assert(arkit[jr2_arkit_index("eyeBlinkLeft")] < 0.6f);
    const float *place = jr2_face_translation(face);
    ck_assert(place[2] < -40 && place[2] > -400);
    int32_t side;
    ck_assert_ptr_nonnull(jr2_face_texture(face, &side));
    ck_assert_int_eq(side, 256);
    jr2_result_free(result);
}
END_TEST

/* Landmarks (478,2) seen from this region in so many passes at most. */
static void look(const jr2_region *region, int32_t passes, float *landmarks)
{
    jr2_image image;
    jr2_result *result;
    jr2_reconstruct_options options;
    JR2_INIT(options);
    options.passes = passes;
    options.regions = region;
    options.region_count = 1;
    picture_image(&photo, &image);
    ck_assert_msg(jr2_reconstruct(ctx, &image, &options, &result) == JR2_OK, "%s", jr2_ctx_error(ctx));
    ck_assert_int_eq(jr2_result_count(result), 1);
    memcpy(landmarks, jr2_face_landmarks478(jr2_result_face(result, 0), NULL), sizeof(float) * 478 * 2);
    jr2_result_free(result);
}

static float apart(const float *a, const float *b)
{
    float sum = 0;
    for (int i = 0; i < 478; i++)
        sum += hypotf(a[2 * i] - b[2 * i], a[2 * i + 1] - b[2 * i + 1]) / 478;
    return sum;
}

/* A good crop is looked at once, whatever is allowed; a loose one again, which brings the landmarks nearer. */
START_TEST(looks_again_where_it_helps)
{
    static float good[478 * 2], again[478 * 2], loose[478 * 2], mended[478 * 2];
    jr2_region region;
    jr2_result *result = reconstruct(&photo, 0);
    jr2_face_region(jr2_result_face(result, 0), &region);
    jr2_result_free(result);
    look(&region, 1, good);
    look(&region, 4, again);
    ck_assert_mem_eq(good, again, sizeof good);
    region.size *= 1.5f;
    region.x += 8;
    look(&region, 1, loose);
    look(&region, 2, mended);
    ck_assert_msg(apart(mended, good) < 0.7f * apart(loose, good), "%g, then %g px", (double)apart(loose, good), (double)apart(mended, good));
}
END_TEST

/* Mirrored, yaw and roll change their signs. */
START_TEST(sees_the_same_when_mirrored)
{
    jr2_result *plain = reconstruct(&photo, 0);
    ck_assert_int_eq(picture_orient(&photo, 2), 0);
    jr2_result *mirrored = reconstruct(&photo, 0);
    ck_assert_int_eq(jr2_result_count(plain), 1);
    ck_assert_int_eq(jr2_result_count(mirrored), 1);
    const float *a = jr2_face_angles(jr2_result_face(plain, 0)), *b = jr2_face_angles(jr2_result_face(mirrored, 0));
    ck_assert_msg(fabsf(a[0] + b[0]) < 8 && fabsf(a[1] - b[1]) < 8 && fabsf(a[2] + b[2]) < 8, "%g %g %g, %g %g %g", (double)a[0],
                  (double)a[1], (double)a[2], (double)b[0], (double)b[1], (double)b[2]);
    jr2_result_free(plain);
    jr2_result_free(mirrored);
}
END_TEST

START_TEST(says_when_there_is_nobody)
{
    for (int i = 0; i < photo.width * photo.height; i++) { /* a coloured slope */
        photo.pixels[3 * i] = (unsigned char)(i % photo.width / 2);
        photo.pixels[3 * i + 1] = (unsigned char)(i / photo.width / 2);
        photo.pixels[3 * i + 2] = 120;
    }
    jr2_result *result = reconstruct(&photo, 0);
    ck_assert_int_eq(jr2_result_count(result), 0);
    jr2_result_free(result);
}
END_TEST

START_TEST(fits_its_memory)
{
    jr2_result_free(reconstruct(&photo, 0));
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &pages), 2);
    fclose(file);
#ifndef __SANITIZE_ADDRESS__ /* sanitizers and valgrind have memory of their own */
    if (!tiny_small())
        ck_assert_int_lt(pages * 4 / 1024, 150);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sample");
    TCase *tests = tcase_create("sample");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, finds_the_astronaut);
    tcase_add_test(tests, looks_again_where_it_helps);
    tcase_add_test(tests, sees_the_same_when_mirrored);
    tcase_add_test(tests, says_when_there_is_nobody);
    tcase_add_test(tests, fits_its_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
