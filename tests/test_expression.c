/* SPDX-License-Identifier: MIT
 * What jr2_reconstruct and the tracker make of the expression network and the fit behind it, a model without it, parts that do not fit, failing
 * allocations, threads. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/look.h"
#include "expression_fixture.h"
#include "face/closeup.h"
#include "suite.h"
#include "tiny.h"

static tiny_heap heap;

static jr2_model *open_parts(const char *expression, const tiny_heap *counted)
{
    const char *const files[] = {TINY_FOLDER "/head.jr2w", TINY_FOLDER "/coarse.jr2w", "tests/data/near_find.jr2w", expression};
    jr2_blob blobs[4];
    jr2_model *model;
    jr2_model_options options;
    const int count = expression ? 4 : 3;
    JR2_INIT(options);
    if (counted) {
        options.alloc = tiny_alloc;
        options.release = tiny_release;
        options.alloc_user = (void *)(size_t)counted;
    }
    for (int i = 0; i < count; i++)
        blobs[i].data = tiny_read(files[i], &blobs[i].size);
    int32_t status = jr2_model_open_memory(blobs, count, &options, &model);
    for (int i = 0; i < count; i++)
        free((void *)(size_t)blobs[i].data);
    if (!counted)
        ck_assert_int_eq(status, JR2_OK);
    else
        ck_assert(status == JR2_OK || status == JR2_ERR_NO_MEMORY);
    return model;
}

/* A ctx whose memory is counted; it keeps the model. */
static jr2_ctx *make_ctx(jr2_model *model, int32_t threads)
{
    jr2_ctx *ctx;
    ck_assert_int_eq(tiny_ctx(model, threads, &heap, &ctx), JR2_OK);
    jr2_model_release(model);
    return ctx;
}

enum { W = 320, H = 240 };

/* One face at a given place. */
static jr2_result *look(jr2_ctx *ctx, const unsigned char *rgb, int32_t source)
{
    jr2_image image = tiny_image(rgb, W, H);
    jr2_region region = {150, 120, 110, 12};
    jr2_reconstruct_options options;
    jr2_result *result;
    JR2_INIT(options);
    options.regions = &region;
    options.region_count = 1;
    options.expression_source = source;
    ck_assert_msg(jr2_reconstruct(ctx, &image, &options, &result) == JR2_OK, "%s", jr2_ctx_error(ctx));
    ck_assert_int_eq(jr2_result_count(result), 1);
    return result;
}

static float between(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

START_TEST(corrects_expression_and_landmarks)
{
    jr2_model *model = open_parts(FIXTURE, NULL);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_EXPRESSION), 1);
    jr2_ctx *ctx = make_ctx(model, 1);
    unsigned char *rgb = tiny_picture(W, H, 1);
    jr2_result *before = look(ctx, rgb, JR2_EXPRESSION_COARSE);
    const jr2_face *coarse = jr2_result_face(before, 0);
    int32_t count;
    ck_assert_ptr_null(jr2_face_expression_error(coarse, &count));
    ck_assert_int_eq(count, 0);

    /* The network once more, over what the ctx saw last. */
    const jr2i_workspace *ws = ctx->workspace;
    jr2i_env env = {0};
    jr2i_net_state *state;
    float *crops = malloc(3 * CROP * sizeof *crops);
    jr2i_view view = jr2i_view_rgb(rgb, W, H);
    for (int i = 0; i < 3; i++)
        jr2i_closeup_take(&view, ws->sight.landmarks478, &ws->sight.frame, i, SIDE, NULL, crops + (size_t)i * CROP);
    const float *inputs[] = {crops, crops + CROP, crops + 2 * CROP, jr2i_net_output(model->coarse, ws->coarse, 1, NULL, NULL, NULL),
                             jr2i_net_output(model->coarse, ws->coarse, 0, NULL, NULL, NULL)};
    ok(&env, jr2i_net_state_create(&env, model->expression, SIDE, SIDE, 1, &state));
    ok(&env, jr2i_net_run_inputs(&env, model->expression, state, NULL, inputs));
    const float *numbers = jr2i_net_output(model->expression, state, 0, NULL, NULL, NULL);

    jr2_result *after = look(ctx, rgb, JR2_EXPRESSION_AUTO);
    const jr2_face *face = jr2_result_face(after, 0);
    const float *expression = jr2_face_expression(face, NULL), *error = jr2_face_expression_error(face, &count);
    ck_assert_int_eq(count, 53);
    float moved = 0;
    int cut = 0;
    for (int i = 0; i < 53; i++) {
        int look = strncmp(jr2_model_expression_name(model, i), "eyeLook", 7) == 0;
        ck_assert(expression[i] >= 0 && expression[i] <= 1);
        ck_assert(!look || expression[i] == between(numbers[i])); /* the fit leaves them alone */
        ck_assert(fabsf(error[i] - between(expf(numbers[53 + i] - 3))) < 1e-6f);
        cut |= numbers[i] < 0 ? 1 : numbers[i] > 1 ? 2 : 0;
        moved = fmaxf(moved, fabsf(expression[i] - jr2_face_expression(coarse, NULL)[i]));
    }
    ck_assert(moved > 0.1f);
    ck_assert_int_eq(cut, 3); /* below and above */

    /* The fit has brought the landmarks near to those that the network measured, from a place where they were not. */
    float params_points[478 * 2], errors[478], before_fit = 0, after_fit = 0;
    jr2i_params unused;
    jr2i_frame old_frame;
    const float *first = jr2_face_landmarks478(coarse, NULL), *fitted = jr2_face_landmarks478(face, NULL);
    ck_assert_int_eq(jr2i_params_closer(model->head, numbers, &unused, params_points, errors), 1);
    ck_assert_int_eq(jr2i_frame_from_landmarks(first, &old_frame), 1);
    jr2i_closeup_points(first, &old_frame, model->anchor, params_points, 478, params_points);
    for (int i = 0; i < 468; i++) {
        before_fit += hypotf(first[2 * i] - params_points[2 * i], first[2 * i + 1] - params_points[2 * i + 1]) / 468;
        after_fit += hypotf(fitted[2 * i] - params_points[2 * i], fitted[2 * i + 1] - params_points[2 * i + 1]) / 468;
    }
    printf("mean distance to the measured landmarks %.2f px, fitted %.2f px\n", (double)before_fit, (double)after_fit);
    ck_assert(after_fit < 0.8f * before_fit);

    /* Landmarks are those of the new face, through the fitted camera. The tiny head's vertices are its landmarks. */
    const jr2i_sight *sight = &ws->sight;
    const float *points = jr2_face_landmarks478(face, NULL), *old = jr2_face_landmarks478(coarse, NULL), *vertices = jr2_face_vertices(face, NULL);
    moved = 0;
    for (int i = 0; i < 468; i++) {
        float p[2];
        jr2i_face_camera_project(&sight->params.camera, vertices + 3 * i, 1, p);
        jr2i_map_points(sight->map, p, 1, p);
        ck_assert_msg(hypotf(p[0] - points[2 * i], p[1] - points[2 * i + 1]) < 0.01f, "landmark %d", i);
        moved = fmaxf(moved, hypotf(old[2 * i] - points[2 * i], old[2 * i + 1] - points[2 * i + 1]));
    }
    ck_assert(moved > 1);
    ck_assert_mem_eq(jr2_face_light(face, NULL), jr2_face_light(coarse, NULL), 27 * sizeof(float));
    jr2i_frame frame;
    jr2_region region;
    jr2_face_region(face, &region);
    ck_assert_int_eq(jr2i_frame_from_landmarks(points, &frame), 1);
    ck_assert(frame.x == region.x && frame.size == region.size);

    /* A sight without the correction in between changes nothing. */
    jr2_result *again = look(ctx, rgb, JR2_EXPRESSION_COARSE);
    ck_assert_mem_eq(jr2_face_vertices(jr2_result_face(again, 0), NULL), jr2_face_vertices(coarse, NULL), 478 * 3 * sizeof(float));
    jr2_result_free(again);
    jr2i_net_state_free(&env, state);
    jr2_result_free(before);
    jr2_result_free(after);
    jr2_ctx_free(ctx);
    free(crops);
    free(rgb);
    ck_assert_int_eq(heap.alive, 0);
}
END_TEST

/* Without the part everything is as with the option. */
START_TEST(does_without)
{
    jr2_ctx *with = make_ctx(open_parts(FIXTURE, NULL), 1), *without = make_ctx(open_parts(NULL, NULL), 1);
    ck_assert_int_eq(jr2_model_has(jr2_ctx_model(without), JR2_PART_EXPRESSION), 0);
    unsigned char *rgb = tiny_picture(W, H, 1);
    jr2_result *a = look(with, rgb, JR2_EXPRESSION_COARSE), *b = look(without, rgb, JR2_EXPRESSION_AUTO);
    const jr2_face *f = jr2_result_face(a, 0), *g = jr2_result_face(b, 0);
    ck_assert_mem_eq(jr2_face_vertices(f, NULL), jr2_face_vertices(g, NULL), 478 * 3 * sizeof(float));
    ck_assert_mem_eq(jr2_face_expression(f, NULL), jr2_face_expression(g, NULL), 53 * sizeof(float));
    ck_assert_mem_eq(jr2_face_matrix(f), jr2_face_matrix(g), 16 * sizeof(float));
    ck_assert_ptr_null(jr2_face_expression_error(g, NULL));
    ck_assert_ptr_null(jr2_face_expression_error(NULL, NULL));
    jr2_result_free(a);
    jr2_result_free(b);
    jr2_image image = tiny_image(rgb, W, H);
    jr2_reconstruct_options options;
    jr2_tracker_options tracking;
    jr2_tracker *tracker;
    JR2_INIT(options);
    JR2_INIT(tracking);
    for (int32_t source = -1; source <= 2; source += 3) {
        options.expression_source = tracking.expression_source = source;
        ck_assert_int_eq(jr2_reconstruct(with, &image, &options, &a), JR2_ERR_RANGE);
        ck_assert_int_eq(jr2_tracker_create(with, &tracking, &tracker), JR2_ERR_RANGE);
    }
    jr2_ctx_free(with);
    jr2_ctx_free(without);
    free(rgb);
}
END_TEST

static int32_t append(void *user, const void *data, size_t size)
{
    char *text = user;
    size_t length = strlen(text);
    if (length + size >= 200000)
        return 1;
    memcpy(text + length, data, size);
    text[length + size] = 0;
    return 0;
}

START_TEST(writes_errors_as_json)
{
    jr2_ctx *ctx = make_ctx(open_parts(FIXTURE, NULL), 1);
    unsigned char *rgb = tiny_picture(W, H, 1);
    char *text = malloc(200000), expected[64];
    for (int32_t source = 0; source < 2; source++) {
        jr2_result *result = look(ctx, rgb, source);
        text[0] = 0;
        ck_assert_int_eq(jr2_export(ctx, result, 0, JR2_EXPORT_JSON, NULL, append, text), JR2_OK);
        const char *at = strstr(text, "\"expressionError\":{\"browDown_L\":");
        ck_assert_int_eq(at != NULL, source == JR2_EXPRESSION_AUTO);
        if (at) {
            snprintf(expected, sizeof expected, "%.3f", (double)jr2_face_expression_error(jr2_result_face(result, 0), NULL)[0] - 0.0005);
            ck_assert(fabs(strtod(at + 32, NULL) - strtod(expected, NULL)) < 2e-3);
        }
        jr2_result_free(result);
    }
    jr2_ctx_free(ctx);
    free(text);
    free(rgb);
}
END_TEST

START_TEST(is_found_in_a_folder)
{
    char folder[] = "/tmp/jr2_expression_XXXXXX", path[128];
    static const char *const parts[] = {"head", "find", "coarse", "expression"};
    jr2_model *model;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 4; i++) {
        size_t size;
        snprintf(path, sizeof path, i < 3 ? TINY_FOLDER "/%s.jr2w" : FIXTURE, parts[i]);
        unsigned char *data = tiny_read(path, &size);
        snprintf(path, sizeof path, "%s/%s.jr2w", folder, parts[i]);
        FILE *file = fopen(path, "wb");
        ck_assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
        free(data);
    }
    ck_assert_int_eq(jr2_model_open(folder, NULL, &model), JR2_OK);
    for (int part = JR2_PART_HEAD; part <= JR2_PART_EXPRESSION; part++)
        ck_assert_int_eq(jr2_model_has(model, part), 1);
    jr2_model_release(model);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s.jr2w", folder, parts[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(folder), 0);
    jr2_blob twice[2];
    twice[0].data = tiny_read(FIXTURE, &twice[0].size);
    twice[1] = twice[0];
    ck_assert_int_eq(jr2_model_open_memory(twice, 2, NULL, &model), JR2_ERR_ARGUMENT);
    free((void *)(size_t)twice[0].data);
}
END_TEST

/* Numbers for another head or from another coarse network. */
START_TEST(must_fit_the_other_parts)
{
    static const struct {
        const char *name, *bias;
        int32_t rows, columns;
    } other[] = {{"fc2.weight", "fc2.bias", 1639, 0}, {"fc1.weight", NULL, 0, 48 + 229}, {"trunk.fc.weight", NULL, 0, 255}};
    unsigned char *rgb = tiny_picture(W, H, 1);
    jr2_image image = tiny_image(rgb, W, H);
    for (int i = 0; i < 3; i++) {
        jr2_blob blobs[4];
        jr2_config config;
        jr2_ctx *ctx;
        jr2_result *result;
        uint8_t *bytes = altered(other[i].name, 0, other[i].rows, other[i].columns, 0, &blobs[3].size);
        if (other[i].bias) { /* a weight and its bias have as many rows */
            writer w = {0};
            jr2i_env env = {0};
            jr2i_jr2w *file;
            ok(&env, jr2i_jr2w_open_memory(&env, bytes, blobs[3].size, 0, &file));
            for (int32_t k = 0; k < jr2i_jr2w_count(file); k++) {
                const jr2i_tensor_info *t = jr2i_jr2w_at(file, k);
                int32_t dims[6];
                if (t->dtype == JR2I_U8)
                    continue;
                float *values = load(&env, file, t->name);
                memcpy(dims, t->dims, sizeof dims);
                if (strcmp(t->name, other[i].bias) == 0)
                    dims[0] = other[i].rows;
                writer_add(&w, t->name, JR2I_F32, (uint32_t)t->ndim, dims, values);
                jr2i_free(&env, values);
            }
            add_anchors(&env, file, &w, 0);
            jr2i_jr2w_close(&env, file);
            free(bytes);
            bytes = writer_finish(&w, "jr2.expression.1", &blobs[3].size);
        }
        blobs[0].data = tiny_read(TINY_FOLDER "/head.jr2w", &blobs[0].size);
        blobs[1].data = tiny_read(TINY_FOLDER "/find.jr2w", &blobs[1].size);
        blobs[2].data = tiny_read(TINY_FOLDER "/coarse.jr2w", &blobs[2].size);
        blobs[3].data = bytes;
        JR2_INIT(config);
        ck_assert_int_eq(jr2_model_open_memory(blobs, 4, NULL, &config.model), JR2_OK);
        ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_OK);
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(jr2_ctx_error(ctx), "expression network"));
        jr2_ctx_free(ctx);
        jr2_model_release(config.model);
        for (int k = 0; k < 4; k++)
            free((void *)(size_t)blobs[k].data);
    }
    free(rgb);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    const long step = tiny_small() ? 11 : 1;
    tiny_heap own;
    for (long n = 1;; n += step) {
        memset(&own, 0, sizeof own);
        own.fail_at = n;
        jr2_model *model = open_parts(FIXTURE, &own);
        int done = model != NULL;
        jr2_model_release(model);
        ck_assert_int_eq(own.alive, 0);
        if (done)
            break;
    }
    jr2_model *model = open_parts(FIXTURE, NULL);
    unsigned char *rgb = tiny_picture(W, H, 1);
    jr2_image image = tiny_image(rgb, W, H);
    for (long n = 1;; n += step) {
        memset(&heap, 0, sizeof heap);
        jr2_ctx *ctx = make_ctx(jr2_model_retain(model), 1);
        jr2_result *result;
        jr2_reconstruct_options options;
        jr2_region region = {150, 120, 110, 0};
        JR2_INIT(options);
        options.regions = &region;
        options.region_count = 1;
        heap.made = 0;
        heap.fail_at = n;
        int32_t status = jr2_reconstruct(ctx, &image, &options, &result);
        if (status != JR2_OK) {
            ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
            ck_assert_ptr_null(result);
            heap.fail_at = 0;
            ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
        }
        ck_assert_ptr_nonnull(jr2_face_expression_error(jr2_result_face(result, 0), NULL));
        jr2_result_free(result);
        for (int i = 0; status == JR2_OK && i < 3; i++) { /* later calls take memory for the result alone */
            long before = heap.made;
            heap.fail_at = 0;
            result = look(ctx, rgb, i & 1);
            ck_assert_int_eq(heap.made, before + 1);
            jr2_result_free(result);
        }
        jr2_ctx_free(ctx);
        ck_assert_int_eq(heap.alive, 0);
        if (status == JR2_OK)
            break;
    }
    jr2_model_release(model);
    free(rgb);
}
END_TEST

START_TEST(gives_the_same_bits)
{
    jr2_model *model = open_parts(FIXTURE, NULL);
    unsigned char *rgb = tiny_picture(W, H, 1);
    jr2_result *expected = NULL;
    for (int32_t threads = 1; threads <= (tiny_small() ? 2 : 5); threads++) {
        jr2_ctx *ctx = make_ctx(jr2_model_retain(model), threads);
        jr2_result *result = look(ctx, rgb, JR2_EXPRESSION_AUTO);
        if (!expected)
            expected = jr2_result_count(result) ? result : NULL;
        else {
            const jr2_face *a = jr2_result_face(expected, 0), *b = jr2_result_face(result, 0);
            ck_assert_mem_eq(jr2_face_expression(a, NULL), jr2_face_expression(b, NULL), 53 * sizeof(float));
            ck_assert_mem_eq(jr2_face_expression_error(a, NULL), jr2_face_expression_error(b, NULL), 53 * sizeof(float));
            ck_assert_mem_eq(jr2_face_identity(a, NULL), jr2_face_identity(b, NULL), 100 * sizeof(float));
            ck_assert_mem_eq(jr2_face_matrix(a), jr2_face_matrix(b), 16 * sizeof(float));
            jr2_result_free(result);
        }
        jr2_ctx_free(ctx);
    }
    jr2_result_free(expected);
    jr2_model_release(model);
    free(rgb);
}
END_TEST

/* A red disc that the near finder takes for a face. */
static unsigned char *disc(void)
{
    unsigned char *rgb = tiny_picture(W, H, 0);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            if ((x - 160) * (x - 160) + (y - 120) * (y - 120) < 14 * 14) {
                rgb[3 * (y * W + x)] = 250;
                rgb[3 * (y * W + x) + 2] = 10;
            }
    return rgb;
}

START_TEST(is_tracked)
{
    jr2_ctx *ctx = make_ctx(open_parts(FIXTURE, NULL), 1);
    unsigned char *rgb = disc();
    jr2_image image = tiny_image(rgb, W, H);
    float expression[2][53];
    for (int32_t source = 0; source < 2; source++) {
        jr2_tracker *tracker;
        jr2_tracker_options options;
        JR2_INIT(options);
        options.expression_source = source;
        ck_assert_int_eq(jr2_tracker_create(ctx, &options, &tracker), JR2_OK);
        for (int i = 0; i < 20; i++) {
            jr2_result *result;
            long before = heap.made;
            ck_assert_int_eq(jr2_tracker_update(tracker, &image, 0.04 * i, &result), JR2_OK);
            if (i > 8) {
                ck_assert_int_eq(heap.made, before + 1);
                ck_assert_int_eq(jr2_result_count(result), 1);
                ck_assert((jr2_face_expression_error(jr2_result_face(result, 0), NULL) != NULL) == (source == 0)); /* 0: the expression network */
                memcpy(expression[source], jr2_face_expression(jr2_result_face(result, 0), NULL), sizeof expression[0]);
            }
            jr2_result_free(result);
        }
        jr2_tracker_free(tracker);
    }
    float apart = 0;
    for (int i = 0; i < 53; i++)
        apart = fmaxf(apart, fabsf(expression[0][i] - expression[1][i]));
    ck_assert(apart > 0.1f);
    jr2_ctx_free(ctx);
    free(rgb);
    ck_assert_int_eq(heap.alive, 0);
}
END_TEST

static void set_up(void)
{
    memset(&heap, 0, sizeof heap);
}

int main(void)
{
    Suite *suite = suite_create("expression");
    TCase *library = tcase_create("library");
    tcase_add_checked_fixture(library, set_up, NULL);
    tcase_set_timeout(library, 600);
    tcase_add_test(library, corrects_expression_and_landmarks);
    tcase_add_test(library, does_without);
    tcase_add_test(library, writes_errors_as_json);
    tcase_add_test(library, is_found_in_a_folder);
    tcase_add_test(library, must_fit_the_other_parts);
    tcase_add_test(library, survives_failing_allocations);
    tcase_add_test(library, gives_the_same_bits);
    tcase_add_test(library, is_tracked);
    suite_add_tcase(suite, library);
    return run_suite(suite);
}
