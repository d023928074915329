/* SPDX-License-Identifier: MIT
 * What jr2_reconstruct takes from the program it is embedded in, with the tiny weights: failing allocations, memory over many calls, threads,
 * cancellation. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tiny_model.h"

/* Every allocation of a ctx and of a whole call fails in turn; afterwards the same ctx works. */
START_TEST(survives_failing_allocations)
{
    unsigned char *rgb = tiny_picture(320, 240, 2);
    jr2_image image = tiny_image(rgb, 320, 240);
    jr2_reconstruct_options options;
    jr2_result *result;
    JR2_INIT(options);
    options.texture_size = 64;
    for (int keep = 0; keep < (tiny_small() ? 1 : 2); keep++)
        for (long n = 1;; n += tiny_small() ? 11 : 1) {
            memset(&heap, 0, sizeof heap);
            jr2_ctx *ctx = make_ctx(1);
            heap.made = 0;
            heap.fail_at = n;
            heap.keep_failing = keep;
            int32_t status = jr2_reconstruct(ctx, &image, &options, &result);
            if (status != JR2_OK) {
                ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
                ck_assert_ptr_null(result);
                ck_assert_str_ne(jr2_ctx_error(ctx), "");
                heap.fail_at = 0;
                ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
            } else {
                ck_assert_int_lt(heap.made, n);
            }
            ck_assert_int_eq(jr2_result_count(result), 2);
            jr2_result_free(result);
            jr2_ctx_free(ctx);
            ck_assert_int_eq(heap.alive, 0);
            if (status == JR2_OK) {
                ck_assert_int_gt(n, 5);
                break;
            }
        }
    free(rgb);
}
END_TEST

START_TEST(makes_a_ctx_or_fails_cleanly)
{
    for (long n = 1;; n++) {
        tiny_heap own = {.fail_at = n};
        jr2_ctx *ctx;
        int32_t status = tiny_ctx(model, 2, &own, &ctx);
        jr2_ctx_free(ctx);
        ck_assert_int_eq(own.alive, 0);
        if (status == JR2_OK)
            break;
        ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
        ck_assert_ptr_null(ctx);
    }
}
END_TEST

/* After the first call only the result is allocated, one block. */
START_TEST(allocates_only_the_result)
{
    jr2_ctx *ctx = make_ctx(1);
    unsigned char *rgb = tiny_picture(640, 480, 2);
    jr2_image image = tiny_image(rgb, 640, 480);
    jr2_result *result;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
    ck_assert_int_eq(jr2_result_count(result), 2);
    jr2_result_free(result);
    for (int i = 0; i < 5; i++) {
        long before = heap.made;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
        ck_assert_int_eq(heap.made, before + 1);
        jr2_result_free(result);
    }
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

static long resident(void)
{
    long pages = 0, size = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%ld %ld", &size, &pages) != 2)
            pages = 0;
        fclose(file);
    }
    return pages * 4; /* KiB */
}

/* JR2_CALLS sets the number of calls; 10,000 are the promise. */
START_TEST(does_not_grow)
{
    const char *wanted = getenv("JR2_CALLS");
    int calls = wanted ? atoi(wanted) : tiny_small() ? 20 : 1000;
    jr2_ctx *ctx = make_ctx(1);
    long first = 0;
    size_t bytes = 0;
    for (int i = 0; i < calls; i++) {
        static const int sizes[][2] = {{320, 240}, {64, 64}, {240, 320}, {100, 30}};
        int w = sizes[i % 4][0], h = sizes[i % 4][1];
        unsigned char *rgb = tiny_picture(w, h, i % 3);
        jr2_image image = tiny_image(rgb, w, h);
        jr2_result *result;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
        jr2_result_free(result);
        free(rgb);
        if (i == calls / 4) {
            first = resident();
            bytes = heap.bytes;
        }
    }
    ck_assert_uint_eq(heap.bytes, bytes);
    if (!tiny_small())
        ck_assert_int_le(resident(), first + 1024);
    jr2_ctx_free(ctx);
}
END_TEST

/* Bit for bit the same with one and with several threads, on the same ctx and on a fresh one. */
START_TEST(is_deterministic)
{
    unsigned char *rgb = tiny_picture(500, 400, 2);
    jr2_image image = tiny_image(rgb, 500, 400);
    jr2_result *expected = NULL;
    for (int32_t threads = 1; threads <= (tiny_small() ? 2 : 4); threads++) {
        jr2_ctx *ctx = make_ctx(threads);
        for (int again = 0; again < 2; again++) {
            jr2_result *result;
            ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &result), JR2_OK);
            ck_assert_int_eq(jr2_result_count(result), 2);
            if (!expected) {
                expected = result;
                continue;
            }
            for (int i = 0; i < 2; i++) {
                const jr2_face *a = jr2_result_face(expected, i), *b = jr2_result_face(result, i);
                ck_assert_mem_eq(jr2_face_vertices(a, NULL), jr2_face_vertices(b, NULL), 478 * 3 * sizeof(float));
                ck_assert_mem_eq(jr2_face_landmarks478(a, NULL), jr2_face_landmarks478(b, NULL), 478 * 2 * sizeof(float));
                ck_assert_mem_eq(jr2_face_identity(a, NULL), jr2_face_identity(b, NULL), 100 * sizeof(float));
                ck_assert_mem_eq(jr2_face_matrix(a), jr2_face_matrix(b), 16 * sizeof(float));
            }
            jr2_result_free(result);
        }
        jr2_ctx_free(ctx);
    }
    jr2_result_free(expected);
    free(rgb);
}
END_TEST

typedef struct countdown {
    int left, asked;
} countdown;

static int32_t count_down(void *user)
{
    countdown *c = user;
    c->asked++;
    return c->left-- <= 0;
}

START_TEST(can_be_cancelled)
{
    unsigned char *rgb = tiny_picture(320, 240, 2);
    jr2_image image = tiny_image(rgb, 320, 240);
    jr2_reconstruct_options options;
    JR2_INIT(options);
    options.texture_size = 64;
    countdown c = {INT32_MAX, 0};
    jr2_config config;
    jr2_ctx *ctx;
    jr2_result *result;
    JR2_INIT(config);
    config.model = model;
    config.cancel = count_down;
    config.cancel_user = &c;
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_OK);
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    jr2_result_free(result);
    int all = c.asked;
    ck_assert_int_ge(all, 6); /* start, four passes, two textures */
    for (int i = 0; i < all; i += tiny_small() ? 9 : 1) {
        c.left = i;
        ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_ERR_CANCELLED);
        ck_assert_ptr_null(result);
    }
    c.left = INT32_MAX;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    jr2_result_free(result);
    jr2_ctx_free(ctx);
    free(rgb);
}
END_TEST

static void *reconstruct_often(void *user)
{
    const jr2_image *image = user;
    jr2_config config;
    jr2_ctx *ctx;
    void *failed = NULL;
    JR2_INIT(config);
    config.model = model;
    if (jr2_ctx_create(&config, &ctx) != JR2_OK)
        return user;
    for (int i = 0; i < (tiny_small() ? 2 : 10); i++) {
        jr2_result *result;
        if (jr2_reconstruct(ctx, image, NULL, &result) != JR2_OK || jr2_result_count(result) != 2)
            failed = user;
        jr2_result_free(result);
    }
    jr2_ctx_free(ctx);
    return failed;
}

START_TEST(runs_in_many_threads)
{
    unsigned char *rgb = tiny_picture(320, 240, 2);
    jr2_image image = tiny_image(rgb, 320, 240);
    pthread_t threads[4];
    const int count = tiny_small() ? 2 : 4;
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reconstruct_often, &image), 0);
    for (int i = 0; i < count; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    free(rgb);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("embedding");
    TCase *tests = tcase_create("embedding");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, survives_failing_allocations);
    tcase_add_test(tests, makes_a_ctx_or_fails_cleanly);
    tcase_add_test(tests, allocates_only_the_result);
    tcase_add_test(tests, does_not_grow);
    tcase_add_test(tests, is_deterministic);
    tcase_add_test(tests, can_be_cancelled);
    tcase_add_test(tests, runs_in_many_threads);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
