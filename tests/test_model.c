/* SPDX-License-Identifier: MIT
 * Opening models from folders, files and memory, good and bad ones; owners; the fixed arrays; contexts. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tiny.h"

static char error[512];

static int32_t open_path(const char *path, jr2_model **model)
{
    jr2_model_options options;
    JR2_INIT(options);
    options.error = error;
    options.error_size = sizeof error;
    strcpy(error, "stale");
    *model = (jr2_model *)(void *)error; /* must be overwritten */
    return jr2_model_open(path, &options, model);
}

START_TEST(opens_a_folder)
{
    jr2_model *model;
    ck_assert_int_eq(open_path(TINY_FOLDER, &model), JR2_OK);
    ck_assert_str_eq(error, "");
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_HEAD), 1);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_FIND), 1);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_COARSE), 1);
    ck_assert_int_eq(jr2_model_has(model, 99), 0);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_VERTICES), 478);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_IDENTITY), 100);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_EXPRESSION), 53);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_ALBEDO), 40);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_JOINTS), 5);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_LANDMARKS68), 68);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_LANDMARKS478), 478);
    ck_assert_int_eq(jr2_model_count(model, 77), 0);
    int32_t count, triangles = jr2_model_count(model, JR2_COUNT_TRIANGLES);
    const int32_t *triangle = jr2_model_triangles(model, &count);
    ck_assert_int_eq(count, triangles);
    for (int32_t i = 0; i < 3 * count; i++)
        ck_assert(triangle[i] >= 0 && triangle[i] < 478);
    ck_assert_ptr_nonnull(jr2_model_triangles_uv(model, &count));
    ck_assert_int_eq(count, triangles);
    ck_assert_ptr_nonnull(jr2_model_uv(model, &count));
    ck_assert_int_eq(count, jr2_model_count(model, JR2_COUNT_UV));
    ck_assert_ptr_nonnull(jr2_model_parts(model, NULL));
    ck_assert_str_eq(jr2_model_expression_name(model, 0), "browDown_L");
    ck_assert_str_eq(jr2_model_expression_name(model, 52), "noseSneer_R");
    ck_assert_ptr_null(jr2_model_expression_name(model, 53));
    ck_assert_ptr_null(jr2_model_expression_name(model, -1));
    jr2_model_release(model);
}
END_TEST

START_TEST(opens_one_file)
{
    jr2_model *model;
    ck_assert_int_eq(open_path(TINY_FOLDER "/head.jr2w", &model), JR2_OK);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_HEAD), 1);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_FIND), 0);
    jr2_model_release(model);
    ck_assert_int_eq(open_path(TINY_FOLDER "/find.jr2w", &model), JR2_OK);
    ck_assert_int_eq(jr2_model_count(model, JR2_COUNT_VERTICES), 0);
    int32_t count = 7;
    ck_assert_ptr_null(jr2_model_triangles(model, &count));
    ck_assert_int_eq(count, 0);
    jr2_model_release(model);
}
END_TEST

START_TEST(reports_bad_paths)
{
    jr2_model *model;
    ck_assert_int_eq(open_path("tests/data/no-such-folder", &model), JR2_ERR_OPEN);
    ck_assert_ptr_null(model);
    ck_assert_ptr_nonnull(strstr(error, "no-such-folder"));
    ck_assert_int_eq(open_path("tests", &model), JR2_ERR_OPEN); /* a folder without weights */
    ck_assert_ptr_nonnull(strstr(error, "head.jr2w"));
    ck_assert_int_eq(open_path("README.md", &model), JR2_ERR_MAGIC);
    ck_assert_ptr_nonnull(strstr(error, "README.md"));
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER, NULL, NULL), JR2_ERR_ARGUMENT);
}
END_TEST

START_TEST(checks_its_options)
{
    jr2_model *model;
    jr2_model_options options;
    memset(&options, 0, sizeof options);
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER, &options, &model), JR2_ERR_STRUCT_SIZE);
    ck_assert_ptr_null(model);
    JR2_INIT(options);
    options.alloc = tiny_alloc; /* without release */
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER, &options, &model), JR2_ERR_ARGUMENT);
    JR2_INIT(options);
    char little[8];
    options.error = little;
    options.error_size = sizeof little;
    ck_assert_int_eq(jr2_model_open("nowhere", &options, &model), JR2_ERR_OPEN);
    ck_assert_uint_eq(strlen(little), 7); /* cut, with its zero */
    JR2_INIT(options);
    options.without = 1 << JR2_PART_FIND | 1 << JR2_PART_REENACT;
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER, &options, &model), JR2_OK);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_FIND), 0);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_COARSE), 1);
    jr2_model_release(model);
    static const int32_t wrong[] = {1, -2, 2 << JR2_PART_REENACT};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        options.without = wrong[i];
        ck_assert_int_eq(jr2_model_open(TINY_FOLDER, &options, &model), JR2_ERR_RANGE);
        ck_assert_ptr_null(model);
    }
}
END_TEST

START_TEST(opens_memory)
{
    jr2_blob blobs[4];
    const char *const names[] = {TINY_FOLDER "/head.jr2w", TINY_FOLDER "/find.jr2w", TINY_FOLDER "/coarse.jr2w"};
    jr2_model *model;
    for (int i = 0; i < 3; i++)
        blobs[i].data = tiny_read(names[i], &blobs[i].size);
    blobs[3] = blobs[1];
    ck_assert_int_eq(jr2_model_open_memory(blobs, 3, NULL, &model), JR2_OK);
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_COARSE), 1);
    jr2_model_release(model);
    ck_assert_int_eq(jr2_model_open_memory(blobs, 4, NULL, &model), JR2_ERR_ARGUMENT); /* twice */
    ck_assert_ptr_null(model);
    ck_assert_int_eq(jr2_model_open_memory(blobs, 0, NULL, &model), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_model_open_memory(blobs, -5, NULL, &model), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_model_open_memory(NULL, 2, NULL, &model), JR2_ERR_ARGUMENT);
    void *data = (void *)(size_t)blobs[0].data;
    blobs[0].data = NULL;
    ck_assert_int_eq(jr2_model_open_memory(blobs, 1, NULL, &model), JR2_ERR_ARGUMENT);
    blobs[0].data = data;
    for (int i = 0; i < 3; i++)
        free((void *)(size_t)blobs[i].data);
}
END_TEST

/* Every cut and many flipped bits of each part: an error, never a crash or a leak. Every bit lies under a checksum, or in padding. */
START_TEST(survives_damage)
{
    static const char *const names[] = {TINY_FOLDER "/head.jr2w", TINY_FOLDER "/find.jr2w", TINY_FOLDER "/coarse.jr2w"};
    tiny_heap heap = {0};
    jr2_model_options options;
    JR2_INIT(options);
    options.alloc = tiny_alloc;
    options.release = tiny_release;
    options.alloc_user = &heap;
    size_t size;
    unsigned char *data = tiny_read(names[_i], &size);
    jr2_model *model;
    jr2_blob blob = {data, size};
    size_t step = tiny_small() ? 4093 : 211;
    for (size_t cut = 0; cut < size; cut += cut < 300 ? 1 : step) {
        unsigned char *copy = malloc(cut + 1); /* so that a sanitizer sees a read beyond */
        memcpy(copy, data, cut);
        blob.data = copy;
        blob.size = cut;
        ck_assert_int_lt(jr2_model_open_memory(&blob, 1, &options, &model), 0);
        ck_assert_ptr_null(model);
        ck_assert_int_eq(heap.alive, 0);
        free(copy);
    }
    blob.data = data;
    blob.size = size;
    int refused = 0, tried = 0;
    for (size_t bit = 0; bit < 8 * size; bit += bit < 8 * 400 ? 3 : 8 * step + 1) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        int32_t status = jr2_model_open_memory(&blob, 1, &options, &model);
        tried++;
        refused += status != JR2_OK;
        jr2_model_release(model);
        ck_assert_int_eq(heap.alive, 0);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ck_assert_int_gt(refused, tried * 9 / 10);
    ck_assert_int_eq(jr2_model_open_memory(&blob, 1, &options, &model), JR2_OK);
    jr2_model_release(model);
    ck_assert_int_eq(heap.alive, 0);
    free(data);
}
END_TEST

START_TEST(names_the_damage)
{
    size_t size;
    unsigned char *data = tiny_read(TINY_FOLDER "/head.jr2w", &size);
    jr2_model *model;
    jr2_blob blob = {data, size};
    blob.size = 30;
    ck_assert_int_eq(jr2_model_open_memory(&blob, 1, NULL, &model), JR2_ERR_TRUNCATED);
    blob.size = size - 1;
    ck_assert_int_eq(jr2_model_open_memory(&blob, 1, NULL, &model), JR2_ERR_TRUNCATED);
    blob.size = size;
    data[0] = 'X';
    ck_assert_int_eq(jr2_model_open_memory(&blob, 1, NULL, &model), JR2_ERR_MAGIC);
    data[0] = 'J';
    data[size - 8] ^= 1;
    ck_assert_int_eq(jr2_model_open_memory(&blob, 1, NULL, &model), JR2_ERR_CHECKSUM);
    free(data);
}
END_TEST

/* The n-th allocation fails, for every n. */
START_TEST(survives_failing_allocations)
{
    for (long n = 1;; n += tiny_small() ? 5 : 1) {
        tiny_heap heap = {.fail_at = n};
        jr2_model_options options;
        JR2_INIT(options);
        options.alloc = tiny_alloc;
        options.release = tiny_release;
        options.alloc_user = &heap;
        options.error = error;
        options.error_size = sizeof error;
        jr2_model *model;
        int32_t status = jr2_model_open(TINY_FOLDER, &options, &model);
        if (status == JR2_OK) {
            ck_assert_int_lt(heap.made, n); /* it never came to the failing one */
            jr2_model_release(model);
            ck_assert_int_eq(heap.alive, 0);
            ck_assert_int_gt(n, 20);
            break;
        }
        ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
        ck_assert_ptr_null(model);
        ck_assert_str_ne(error, "");
        ck_assert_int_eq(heap.alive, 0);
    }
}
END_TEST

static void *use_model(void *user)
{
    jr2_model *model = user;
    for (int i = 0; i < 1000; i++)
        jr2_model_release(jr2_model_retain(model));
    jr2_ctx *ctx;
    jr2_config config;
    JR2_INIT(config);
    config.model = model;
    void *failed = NULL;
    if (jr2_ctx_create(&config, &ctx) != JR2_OK)
        failed = model;
    jr2_ctx_free(ctx);
    return failed;
}

START_TEST(is_shared_by_threads)
{
    jr2_model *model;
    pthread_t threads[4];
    ck_assert_int_eq(open_path(TINY_FOLDER, &model), JR2_OK);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_model, model), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    jr2_model_release(model);
    jr2_model_release(NULL);
    ck_assert_ptr_null(jr2_model_retain(NULL));
}
END_TEST

START_TEST(contexts_check_their_config)
{
    jr2_model *model;
    jr2_ctx *ctx;
    jr2_config config;
    ck_assert_int_eq(open_path(TINY_FOLDER, &model), JR2_OK);
    memset(&config, 0, sizeof config);
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_ERR_STRUCT_SIZE);
    ck_assert_ptr_null(ctx);
    JR2_INIT(config);
    config.model = model;
    config.error = error;
    config.error_size = sizeof error;
    config.threads = 65;
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error, "65"));
    config.threads = -1;
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_ERR_ARGUMENT);
    config.threads = 3;
    config.release = tiny_release;
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_ERR_ARGUMENT);
    config.release = NULL;
    ck_assert_int_eq(jr2_ctx_create(&config, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_OK);
    ck_assert_ptr_eq(jr2_ctx_model(ctx), model);
    ck_assert_str_eq(jr2_ctx_error(ctx), "");
    ck_assert_str_eq(jr2_ctx_error(NULL), "");
    jr2_model_release(model); /* the ctx owns it too */
    ck_assert_int_eq(jr2_model_has(jr2_ctx_model(ctx), JR2_PART_HEAD), 1);
    jr2_ctx_free(ctx);
    jr2_ctx_free(NULL);
}
END_TEST

static void keep_line(void *user, int32_t level, const char *text)
{
    if (level == JR2_LOG_INFO)
        snprintf(user, 200, "%s", text);
}

START_TEST(logs_what_it_runs_on)
{
    char line[200] = "";
    jr2_ctx *ctx;
    jr2_config config;
    JR2_INIT(config);
    ck_assert_int_eq(open_path(TINY_FOLDER, &config.model), JR2_OK);
    config.log = keep_line;
    config.log_user = line;
    config.threads = 2;
    ck_assert_int_eq(jr2_ctx_create(&config, &ctx), JR2_OK);
    ck_assert_ptr_nonnull(strstr(line, jr2_build_info()));
    ck_assert_ptr_nonnull(strstr(line, "2 threads, model: head find coarse"));
    jr2_ctx_free(ctx);
    jr2_model_release(config.model);
}
END_TEST

START_TEST(names_and_versions)
{
    ck_assert_int_eq(jr2_version(), JR2_VERSION);
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", JR2_VERSION_MAJOR, JR2_VERSION_MINOR, JR2_VERSION_PATCH);
    ck_assert_str_eq(jr2_version_string(), text);
    ck_assert_ptr_nonnull(strstr(jr2_build_info(), text));
    ck_assert_str_eq(jr2_status_name(JR2_OK), "JR2_OK");
    ck_assert_str_eq(jr2_status_name(JR2_ERR_CHECKSUM), "JR2_ERR_CHECKSUM");
    ck_assert_str_eq(jr2_status_name(-12345), "JR2_ERR_UNKNOWN");
    ck_assert_str_eq(jr2_status_text(JR2_ERR_NO_MEMORY), "out of memory");
    ck_assert_ptr_nonnull(jr2_status_text(12345));
    ck_assert_str_eq(jr2_arkit_name(0), "eyeBlinkLeft");
    ck_assert_str_eq(jr2_arkit_name(51), "tongueOut");
    ck_assert_ptr_null(jr2_arkit_name(52));
    ck_assert_ptr_null(jr2_arkit_name(-1));
    for (int i = 0; i < JR2_ARKIT_COUNT; i++)
        ck_assert_int_eq(jr2_arkit_index(jr2_arkit_name(i)), i);
    ck_assert_int_eq(jr2_arkit_index("jawopen"), JR2_ERR_NOT_FOUND);
    ck_assert_int_eq(jr2_arkit_index(NULL), JR2_ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("model");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, opens_a_folder);
    tcase_add_test(tests, opens_one_file);
    tcase_add_test(tests, reports_bad_paths);
    tcase_add_test(tests, checks_its_options);
    tcase_add_test(tests, opens_memory);
    tcase_add_loop_test(tests, survives_damage, 0, 3);
    tcase_add_test(tests, names_the_damage);
    tcase_add_test(tests, survives_failing_allocations);
    tcase_add_test(tests, is_shared_by_threads);
    tcase_add_test(tests, contexts_check_their_config);
    tcase_add_test(tests, logs_what_it_runs_on);
    tcase_add_test(tests, names_and_versions);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
