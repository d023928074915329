/* SPDX-License-Identifier: MIT
 * jr2_reconstruct with the tiny weights: faces and their arrays, pixel formats, options, bad input. Trained quality is not judged here. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tiny_model.h"

static void check_finite(const float *values, int32_t count, float low, float high)
{
    ck_assert_ptr_nonnull(values);
    for (int32_t i = 0; i < count; i++)
        ck_assert_msg(values[i] >= low && values[i] <= high, "value %d is %g", (int)i, (double)values[i]);
}

START_TEST(finds_every_face)
{
    jr2_ctx *ctx = make_ctx(1);
    for (int discs = 0; discs <= 3; discs++) {
        unsigned char *rgb = tiny_picture(640, 320, discs);
        jr2_image image = tiny_image(rgb, 640, 320);
        jr2_result *result;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
        ck_assert_int_eq(jr2_result_count(result), discs);
        float last = INFINITY;
        for (int i = 0; i < discs; i++) {
            jr2_region region;
            jr2_face_region(jr2_result_face(result, i), &region);
            ck_assert(region.size <= last); /* the largest first */
            last = region.size;
            int near = 0;
            for (int k = 0; k < discs; k++)
                near += fabsf(region.x - 640 * ((float)k + 0.5f) / (float)discs) < 60 && fabsf(region.y - 160) < 60;
            ck_assert_int_eq(near, 1);
        }
        ck_assert_ptr_null(jr2_result_face(result, discs));
        ck_assert_ptr_null(jr2_result_face(result, -1));
        jr2_result_free(result);
        free(rgb);
    }
    jr2_ctx_free(ctx);
}
END_TEST

START_TEST(fills_every_array)
{
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(320, 240, 1);
    jr2_image image = tiny_image(rgb, 320, 240);
    jr2_result *result;
    jr2_reconstruct_options options;
    JR2_INIT(options);
    options.texture_size = 64;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    free(rgb);
    jr2_ctx_free(ctx); /* the result needs neither */
    ck_assert_int_eq(jr2_result_count(result), 1);
    int32_t width, height, count;
    jr2_result_image_size(result, &width, &height);
    ck_assert_int_eq(width, 320);
    ck_assert_int_eq(height, 240);
    ck_assert_ptr_eq(jr2_result_model(result), model);
    const jr2_face *face = jr2_result_face(result, 0);
    ck_assert(jr2_face_confidence(face) > 0.5f && jr2_face_confidence(face) <= 1);
    check_finite(jr2_face_landmarks68(face, &count), 2 * 68, 0, 320);
    ck_assert_int_eq(count, 68);
    check_finite(jr2_face_landmarks478(face, &count), 2 * 478, 0, 320);
    ck_assert_int_eq(count, 478);
    check_finite(jr2_face_arkit(face, &count), JR2_ARKIT_COUNT, 0, 1);
    ck_assert_int_eq(count, 52);
    check_finite(jr2_face_expression(face, &count), 53, 0, 1);
    ck_assert_int_eq(count, 53);
    check_finite(jr2_face_identity(face, &count), 100, -8, 8);
    ck_assert_int_eq(count, 100);
    check_finite(jr2_face_albedo(face, &count), 40, -8, 8);
    ck_assert_int_eq(count, 40);
    check_finite(jr2_face_light(face, &count), 27, -9, 9);
    ck_assert_int_eq(count, 27);
    check_finite(jr2_face_box(face), 4, 0, 320);
    check_finite(jr2_face_angles(face), 3, -180, 180);
    check_finite(jr2_face_gaze(face), 4, -90, 90);
    check_finite(jr2_face_vertices(face, &count), 3 * 478, -40, 40);
    ck_assert_int_eq(count, 478);
    const float *normal = jr2_face_normals(face, &count);
    for (int i = 0; i < count; i++) {
        float length = normal[3 * i] * normal[3 * i] + normal[3 * i + 1] * normal[3 * i + 1] + normal[3 * i + 2] * normal[3 * i + 2];
        ck_assert(fabsf(length - 1) < 1e-3f);
    }
    const float *camera = jr2_face_camera(face);
    ck_assert(fabsf(camera[0] - 1.1f * 320) < 0.1f && camera[1] == 160 && camera[2] == 120);
    ck_assert_ptr_nonnull(jr2_face_texture(face, &count));
    ck_assert_int_eq(count, 64);
    /* What the tiny network always says. */
    const float *arkit = jr2_face_arkit(face, NULL);
    ck_assert(fabsf(arkit[jr2_arkit_index("jawOpen")] - 0.3f) < 0.1f);
    ck_assert(fabsf(arkit[jr2_arkit_index("mouthSmileLeft")] - 0.6f) < 0.1f);
    ck_assert(arkit[jr2_arkit_index("tongueOut")] == 0);
    jr2_result_free(result);
    jr2_result_free(NULL);
}
END_TEST

/* The documented way from head space to pixels: matrix and camera put the mesh where the landmarks are. */
START_TEST(projects_as_documented)
{
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(400, 300, 1);
    jr2_image image = tiny_image(rgb, 400, 300);
    jr2_result *result;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
    const jr2_face *face = jr2_result_face(result, 0);
    ck_assert_ptr_nonnull(face);
    const float *m = jr2_face_matrix(face), *camera = jr2_face_camera(face), *vertex = jr2_face_vertices(face, NULL),
                *landmark = jr2_face_landmarks478(face, NULL);
    ck_assert_ptr_eq(jr2_face_translation(face), m + 12);
    ck_assert(m[3] == 0 && m[7] == 0 && m[11] == 0 && m[15] == 1);
    ck_assert(m[14] < 0); /* in front of the camera */
    for (int i = 0; i < 468; i++) { /* the tiny head's vertices are its landmarks */
        float p[3];
        for (int k = 0; k < 3; k++)
            p[k] = m[k] * vertex[3 * i] + m[4 + k] * vertex[3 * i + 1] + m[8 + k] * vertex[3 * i + 2] + m[12 + k];
        float x = camera[1] - camera[0] * p[0] / p[2], y = camera[2] + camera[0] * p[1] / p[2];
        /* The network sees every face from one metre, this camera from where it is: they agree to a few hundredths of its size. */
        ck_assert_msg(hypotf(x - landmark[2 * i], y - landmark[2 * i + 1]) < 0.05f * jr2_face_box(face)[2], "landmark %d: %g %g, mesh %g %g", i,
                      (double)landmark[2 * i], (double)landmark[2 * i + 1], (double)x, (double)y);
    }
    jr2_result_free(result);
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

/* The same picture in another format gives the same numbers. */
START_TEST(reads_every_format)
{
    static const struct {
        int32_t format, step, r, g, b;
    } formats[] = {{JR2_PIXEL_RGB8, 3, 0, 1, 2}, {JR2_PIXEL_RGBA8, 4, 0, 1, 2}, {JR2_PIXEL_BGR8, 3, 2, 1, 0}, {JR2_PIXEL_BGRA8, 4, 2, 1, 0}};
    enum { W = 330, H = 250 };
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(W, H, 1);
    jr2_image image = tiny_image(rgb, W, H);
    jr2_result *expected;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &expected), JR2_OK);
    ck_assert_int_eq(jr2_result_count(expected), 1);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (int flipped = 0; flipped < 2; flipped++) {
            size_t row = (size_t)W * (size_t)formats[f].step + 13;
            unsigned char *pixels = malloc(row * H);
            memset(pixels, 99, row * H);
            for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++) {
                    unsigned char *p = pixels + (size_t)(flipped ? H - 1 - y : y) * row + (size_t)(x * formats[f].step);
                    const unsigned char *q = rgb + 3 * ((size_t)y * W + (size_t)x);
                    p[formats[f].r] = q[0];
                    p[formats[f].g] = q[1];
                    p[formats[f].b] = q[2];
                }
            jr2_result *result;
            image.format = formats[f].format;
            image.pixels = flipped ? pixels + row * (H - 1) : pixels;
            image.stride = flipped ? -(int64_t)row : (int64_t)row;
            ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
            ck_assert_int_eq(jr2_result_count(result), 1);
            ck_assert_mem_eq(jr2_face_vertices(jr2_result_face(result, 0), NULL), jr2_face_vertices(jr2_result_face(expected, 0), NULL),
                             478 * 3 * sizeof(float));
            jr2_result_free(result);
            free(pixels);
        }
    unsigned char *grey = malloc(W * H);
    memset(grey, 77, W * H);
    jr2_result *result;
    image.format = JR2_PIXEL_GRAY8;
    image.pixels = grey;
    image.stride = 0;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
    ck_assert_int_eq(jr2_result_count(result), 0); /* grey is not red */
    jr2_result_free(result);
    free(grey);
    jr2_result_free(expected);
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

static int32_t try_image(jr2_ctx *ctx, int32_t format, int32_t width, int32_t height, const void *pixels, int64_t stride)
{
    jr2_image image;
    jr2_result *result = (jr2_result *)(void *)ctx;
    JR2_INIT(image);
    image.format = format;
    image.width = width;
    image.height = height;
    image.pixels = pixels;
    image.stride = stride;
    int32_t status = jr2_reconstruct(ctx, &image, NULL, &result);
    if (status != JR2_OK) {
        ck_assert_ptr_null(result);
        ck_assert_str_ne(jr2_ctx_error(ctx), "");
    }
    jr2_result_free(result);
    return status;
}

START_TEST(refuses_bad_images)
{
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(64, 64, 1);
    jr2_image image = tiny_image(rgb, 64, 64);
    jr2_result *result;
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 0, 64, rgb, 0), JR2_ERR_IMAGE_SIZE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 0, rgb, 0), JR2_ERR_IMAGE_SIZE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, -64, 64, rgb, 0), JR2_ERR_IMAGE_SIZE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 50000, 64, rgb, 0), JR2_ERR_IMAGE_SIZE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 50000, rgb, 0), JR2_ERR_IMAGE_SIZE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, INT32_MAX, INT32_MAX, rgb, 0), JR2_ERR_IMAGE_SIZE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 64, NULL, 0), JR2_ERR_IMAGE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 64, rgb, 191), JR2_ERR_IMAGE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 64, rgb, -191), JR2_ERR_IMAGE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 64, rgb, INT64_MIN), JR2_ERR_IMAGE);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 64, rgb, INT64_MAX), JR2_ERR_IMAGE);
    ck_assert_int_eq(try_image(ctx, 0, 64, 64, rgb, 0), JR2_ERR_IMAGE_FORMAT);
    ck_assert_int_eq(try_image(ctx, 6, 64, 64, rgb, 0), JR2_ERR_IMAGE_FORMAT);
    ck_assert_int_eq(try_image(ctx, JR2_PIXEL_RGB8, 64, 64, rgb, 192), JR2_OK);
    ck_assert_int_eq(jr2_reconstruct(ctx, NULL, NULL, &result), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_reconstruct(NULL, &image, NULL, &result), JR2_ERR_ARGUMENT);
    ck_assert_ptr_null(result);
    image.struct_size = 4;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_ERR_STRUCT_SIZE);
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

/* Pictures of odd sizes and shapes work, with the finder and with a region in them. */
START_TEST(takes_any_size)
{
    static const int32_t sizes[][2] = {{1, 1}, {2, 1}, {1, 7}, {3, 3}, {16, 16}, {31, 33}, {1, 3000}, {3000, 1}, {1001, 17}, {2500, 1700}};
    jr2_ctx *ctx = make_ctx(1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int32_t w = sizes[i][0], h = sizes[i][1];
        if (tiny_small() && w * h > 100000)
            continue;
        unsigned char *rgb = tiny_picture(w, h, 1);
        jr2_image image = tiny_image(rgb, w, h);
        jr2_result *result;
        jr2_reconstruct_options options;
        jr2_region region = {(float)w * 0.5f, (float)h * 0.5f, (float)h, 10};
        JR2_INIT(options);
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
        jr2_result_free(result);
        options.regions = &region;
        options.region_count = 1;
        options.texture_size = 64;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
        jr2_result_free(result);
        free(rgb);
    }
    jr2_ctx_free(ctx);
}
END_TEST

START_TEST(checks_its_options)
{
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(320, 240, 2);
    jr2_image image = tiny_image(rgb, 320, 240);
    jr2_result *result;
    jr2_reconstruct_options options;
    jr2_region region = {160, 120, 80, 0};
#define REFUSE(assignment, status) \
    do { \
        JR2_INIT(options); \
        assignment; \
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), status); \
        ck_assert_ptr_null(result); \
        ck_assert_str_ne(jr2_ctx_error(ctx), ""); \
    } while (0)
    REFUSE(options.struct_size = 8, JR2_ERR_STRUCT_SIZE);
    REFUSE(options.max_faces = -1, JR2_ERR_RANGE);
    REFUSE(options.max_faces = 257, JR2_ERR_RANGE);
    REFUSE(options.min_confidence = NAN, JR2_ERR_RANGE);
    REFUSE(options.min_confidence = 1.5f, JR2_ERR_RANGE);
    REFUSE(options.min_size = -3, JR2_ERR_RANGE);
    REFUSE(options.focal_px = INFINITY, JR2_ERR_RANGE);
    REFUSE(options.focal_px = -500, JR2_ERR_RANGE);
    REFUSE(options.focal_px = NAN, JR2_ERR_RANGE);
    REFUSE(options.passes = 9, JR2_ERR_RANGE);
    REFUSE(options.texture_size = 63, JR2_ERR_RANGE);
    REFUSE(options.texture_size = 8192, JR2_ERR_RANGE);
    REFUSE(options.find_side = 321, JR2_ERR_RANGE);
    REFUSE(options.thorough = 2, JR2_ERR_RANGE);
    REFUSE(options.region_count = 1, JR2_ERR_ARGUMENT);
    REFUSE((options.region_count = -1, options.regions = &region), JR2_ERR_ARGUMENT);
    REFUSE((options.region_count = 1000, options.regions = &region), JR2_ERR_ARGUMENT);
    float *const fields[] = {&region.x, &region.y, &region.size, &region.roll};
    for (int i = 0; i < 4; i++) {
        float kept = *fields[i];
        *fields[i] = NAN;
        REFUSE((options.region_count = 1, options.regions = &region), JR2_ERR_RANGE);
        *fields[i] = INFINITY;
        REFUSE((options.region_count = 1, options.regions = &region), JR2_ERR_RANGE);
        *fields[i] = kept;
    }
    region.size = 0;
    REFUSE((options.region_count = 1, options.regions = &region), JR2_ERR_RANGE);
#undef REFUSE
    JR2_INIT(options);
    options.max_faces = 1;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    ck_assert_int_eq(jr2_result_count(result), 1);
    jr2_result_free(result);
    options.min_size = 319;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    ck_assert_int_eq(jr2_result_count(result), 0);
    jr2_result_free(result);
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

START_TEST(takes_regions)
{
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(320, 240, 0);
    jr2_image image = tiny_image(rgb, 320, 240);
    jr2_result *result;
    jr2_reconstruct_options options;
    jr2_region regions[2] = {{100, 120, 60, 0}, {200, 110, 90, 400}}, region;
    JR2_INIT(options);
    options.regions = regions;
    options.region_count = 2;
    options.focal_px = 500;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    ck_assert_int_eq(jr2_result_count(result), 2);
    jr2_face_region(jr2_result_face(result, 0), &region);
    ck_assert(fabsf(region.x - 200) < 12 && fabsf(region.size - 90) < 12); /* the larger one */
    ck_assert(fabsf(region.roll - 40) < 5);                               /* 400 - 360 */
    ck_assert(fabsf(jr2_face_angles(jr2_result_face(result, 0))[2] - 40) < 8);
    ck_assert(jr2_face_confidence(jr2_result_face(result, 0)) == 1);
    ck_assert(jr2_face_camera(jr2_result_face(result, 0))[0] == 500);
    jr2_result_free(result);
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

START_TEST(says_what_is_missing)
{
    static const char *const files[] = {TINY_FOLDER "/head.jr2w", TINY_FOLDER "/find.jr2w", TINY_FOLDER "/coarse.jr2w"};
    unsigned char *rgb = tiny_picture(64, 64, 1);
    jr2_image image = tiny_image(rgb, 64, 64);
    jr2_blob blobs[3];
    for (int i = 0; i < 3; i++)
        blobs[i].data = tiny_read(files[i], &blobs[i].size);
    for (int left_out = 0; left_out < 3; left_out++) {
        jr2_blob two[2] = {blobs[(left_out + 1) % 3], blobs[(left_out + 2) % 3]};
        jr2_config config;
        jr2_ctx *ctx;
        jr2_result *result;
        jr2_reconstruct_options options;
        jr2_region region = {32, 32, 20, 0};
        JR2_INIT(config);
        JR2_INIT(options);
        ck_assert_int_eq(jr2_model_open_memory(two, 2, NULL, &config.model), JR2_OK);
        ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_OK);
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_ERR_MISSING);
        options.regions = &region;
        options.region_count = 1;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), left_out == 1 ? JR2_OK : JR2_ERR_MISSING);
        jr2_result_free(result);
        jr2_ctx_free(ctx);
        jr2_model_release(config.model);
    }
    for (int i = 0; i < 3; i++)
        free((void *)(size_t)blobs[i].data);
    free(rgb);
}
END_TEST

START_TEST(accessors_take_null)
{
    int32_t count = 5, width = 5, height = 5;
    jr2_region region;
    ck_assert_int_eq(jr2_result_count(NULL), 0);
    ck_assert_ptr_null(jr2_result_face(NULL, 0));
    ck_assert_ptr_null(jr2_result_model(NULL));
    jr2_result_image_size(NULL, &width, &height);
    ck_assert_int_eq(width + height, 0);
    ck_assert_ptr_null(jr2_face_vertices(NULL, &count));
    ck_assert_int_eq(count, 0);
    ck_assert_ptr_null(jr2_face_matrix(NULL));
    ck_assert_ptr_null(jr2_face_texture(NULL, &count));
    ck_assert(jr2_face_confidence(NULL) == 0);
    jr2_face_region(NULL, &region);
    ck_assert(region.size == 0);
    jr2_face_region(NULL, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reconstruct");
    TCase *tests = tcase_create("reconstruct");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, finds_every_face);
    tcase_add_test(tests, fills_every_array);
    tcase_add_test(tests, projects_as_documented);
    tcase_add_test(tests, reads_every_format);
    tcase_add_test(tests, refuses_bad_images);
    tcase_add_test(tests, takes_any_size);
    tcase_add_test(tests, checks_its_options);
    tcase_add_test(tests, takes_regions);
    tcase_add_test(tests, says_what_is_missing);
    tcase_add_test(tests, accessors_take_null);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
