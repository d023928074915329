/* SPDX-License-Identifier: MIT
 * jr2_export and jr2_export_file: every format, requests that cannot be met, writers that fail, full disks, failing allocations. What the
 * files contain is judged by the tests of out/. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "tiny.h"

static tiny_heap heap;
static jr2_ctx *ctx;
static unsigned char *rgb;
static jr2_image image;
static jr2_result *result, *empty;
static char folder[64];

static long alive; /* before a test */

/* Once: it takes longest. */
static void set_up_all(void)
{
    jr2_model *model;
    jr2_reconstruct_options options;
    memset(&heap, 0, sizeof heap);
    JR2_INIT(options);
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER, NULL, &model), JR2_OK);
    ck_assert_int_eq(tiny_ctx(model, 1, &heap, &ctx), JR2_OK);
    jr2_model_release(model);
    options.texture_size = 64;
    rgb = tiny_picture(320, 240, 0);
    image = tiny_image(rgb, 320, 240);
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &empty), JR2_OK);
    ck_assert_int_eq(jr2_result_count(empty), 0);
    free(rgb);
    rgb = tiny_picture(320, 240, 2);
    image.pixels = rgb;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, &options, &result), JR2_OK);
    ck_assert_int_eq(jr2_result_count(result), 2);
}

static void set_up(void)
{
    strcpy(folder, "/tmp/jr2-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    heap.fail_at = 0;
    alive = heap.alive;
}

/* How many files are in the folder; with clean they are removed. */
static int files(int clean)
{
    int count = 0;
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        char path[400];
        if (entry->d_name[0] == '.' && (entry->d_name[1] == '\0' || entry->d_name[1] == '.'))
            continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (clean)
            unlink(path);
    }
    closedir(dir);
    return count;
}

static void tear_down(void)
{
    files(1);
    rmdir(folder);
    ck_assert_int_eq(heap.alive, alive);
}

static void tear_down_all(void)
{
    jr2_result_free(result);
    jr2_result_free(empty);
    jr2_ctx_free(ctx);
    free(rgb);
}

typedef struct collector {
    unsigned char *data;
    size_t size, limit; /* refuses what goes beyond limit */
} collector;

static int32_t collect(void *user, const void *data, size_t size)
{
    collector *c = user;
    if (size > c->limit - c->size)
        return 1;
    c->data = realloc(c->data, c->size + size + 1);
    memcpy(c->data + c->size, data, size);
    c->size += size;
    return 0;
}

static const int32_t formats[] = {JR2_EXPORT_JSON, JR2_EXPORT_GLB, JR2_EXPORT_OBJ, JR2_EXPORT_PLY, JR2_EXPORT_OVERLAY, JR2_EXPORT_TEXTURE};
static const char *const magic[] = {"{", "glTF", "#", "ply\n", "\x89PNG", "\x89PNG"};
#define FORMATS ((int)(sizeof formats / sizeof *formats))

static jr2_export_options all_options(void)
{
    jr2_export_options options;
    JR2_INIT(options);
    options.image = &image;
    options.name = "somebody";
    return options;
}

START_TEST(writes_every_format)
{
    jr2_export_options options = all_options();
    collector first = {NULL, 0, SIZE_MAX}, second = first;
    ck_assert_int_eq(jr2_export(ctx, result, 1, formats[_i], &options, collect, &first), JR2_OK);
    ck_assert_int_eq(jr2_export(ctx, result, 1, formats[_i], &options, collect, &second), JR2_OK);
    ck_assert_uint_gt(first.size, 40);
    ck_assert_mem_eq(first.data, magic[_i], strlen(magic[_i]));
    ck_assert_uint_eq(first.size, second.size);
    ck_assert_mem_eq(first.data, second.data, first.size); /* nothing of the time or of stale memory is in it */
    free(second.data);

    char path[100];
    snprintf(path, sizeof path, "%s/file", folder);
    ck_assert_int_eq(jr2_export_file(ctx, result, 1, formats[_i], &options, path), JR2_OK);
    size_t size;
    unsigned char *data = tiny_read(path, &size);
    if (formats[_i] != JR2_EXPORT_OBJ) { /* the file names its material */
        ck_assert_uint_eq(size, first.size);
        ck_assert_mem_eq(data, first.data, size);
    }
    ck_assert_int_eq(files(0), formats[_i] == JR2_EXPORT_OBJ ? 3 : 1);
    free(data);
    free(first.data);
}
END_TEST

START_TEST(obj_brings_its_files)
{
    char path[100];
    size_t size;
    snprintf(path, sizeof path, "%s/some.body.obj", folder);
    ck_assert_int_eq(jr2_export_file(ctx, result, 0, JR2_EXPORT_OBJ, NULL, path), JR2_OK);
    unsigned char *obj = tiny_read(path, &size);
    obj[size] = '\0';
    ck_assert_ptr_nonnull(strstr((char *)obj, "mtllib some.body.mtl"));
    free(obj);
    snprintf(path, sizeof path, "%s/some.body.mtl", folder);
    unsigned char *material = tiny_read(path, &size);
    material[size] = '\0';
    ck_assert_ptr_nonnull(strstr((char *)material, "some.body_texture.png"));
    free(material);
    snprintf(path, sizeof path, "%s/some.body_texture.png", folder);
    free(tiny_read(path, &size));
    ck_assert_int_eq(files(0), 3);
}
END_TEST

START_TEST(refuses_wrong_requests)
{
    jr2_export_options options = all_options();
    collector c = {NULL, 0, SIZE_MAX};
    ck_assert_int_eq(jr2_export(NULL, result, 0, JR2_EXPORT_PLY, NULL, collect, &c), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_export(ctx, NULL, 0, JR2_EXPORT_PLY, NULL, collect, &c), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_export(ctx, result, 0, 0, NULL, collect, &c), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_export(ctx, result, 0, 7, NULL, collect, &c), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_export(ctx, result, 0, JR2_EXPORT_PLY, NULL, NULL, &c), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_export(ctx, result, 2, JR2_EXPORT_PLY, NULL, collect, &c), JR2_ERR_NOT_FOUND);
    ck_assert_int_eq(jr2_export(ctx, result, -1, JR2_EXPORT_GLB, NULL, collect, &c), JR2_ERR_NOT_FOUND);
    ck_assert_int_eq(jr2_export(ctx, empty, 0, JR2_EXPORT_GLB, NULL, collect, &c), JR2_ERR_NO_FACE);
    ck_assert_int_eq(jr2_export(ctx, result, 0, JR2_EXPORT_OVERLAY, NULL, collect, &c), JR2_ERR_ARGUMENT);
    ck_assert_str_ne(jr2_ctx_error(ctx), "");
    image.height = 239;
    ck_assert_int_eq(jr2_export(ctx, result, 0, JR2_EXPORT_OVERLAY, &options, collect, &c), JR2_ERR_IMAGE_SIZE);
    image.height = 240;
    image.format = 99;
    ck_assert_int_eq(jr2_export(ctx, result, 0, JR2_EXPORT_OVERLAY, &options, collect, &c), JR2_ERR_IMAGE_FORMAT);
    image.format = JR2_PIXEL_RGB8;
    options.struct_size--;
    ck_assert_int_eq(jr2_export(ctx, result, 0, JR2_EXPORT_PLY, &options, collect, &c), JR2_ERR_STRUCT_SIZE);
    ck_assert_int_eq(jr2_export_file(ctx, result, 0, JR2_EXPORT_PLY, NULL, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_export_file(ctx, result, 0, JR2_EXPORT_PLY, NULL, ""), JR2_ERR_ARGUMENT);
    ck_assert_uint_eq(c.size, 0);
    jr2_result *plain;
    ck_assert_int_eq(jr2_reconstruct(ctx, &image, NULL, &plain), JR2_OK);
    ck_assert_int_eq(jr2_export(ctx, plain, 0, JR2_EXPORT_TEXTURE, NULL, collect, &c), JR2_ERR_MISSING);
    ck_assert_int_eq(jr2_export(ctx, plain, 0, JR2_EXPORT_GLB, NULL, collect, &c), JR2_OK); /* untextured */
    jr2_result_free(plain);
    free(c.data);
}
END_TEST

START_TEST(exports_an_empty_result)
{
    jr2_export_options options = all_options();
    collector json = {NULL, 0, SIZE_MAX}, overlay = json;
    ck_assert_int_eq(jr2_export(ctx, empty, 0, JR2_EXPORT_JSON, NULL, collect, &json), JR2_OK);
    json.data[json.size] = '\0';
    ck_assert_ptr_nonnull(strstr((char *)json.data, "\"faces\":[]"));
    ck_assert_int_eq(jr2_export(ctx, empty, 0, JR2_EXPORT_OVERLAY, &options, collect, &overlay), JR2_OK);
    free(json.data);
    free(overlay.data);
}
END_TEST

/* The callback refuses after so many bytes: the call reports it, whatever the format. */
START_TEST(reports_failing_writers)
{
    jr2_export_options options = all_options();
    collector whole = {NULL, 0, SIZE_MAX};
    ck_assert_int_eq(jr2_export(ctx, result, 0, formats[_i], &options, collect, &whole), JR2_OK);
    size_t step = whole.size / (tiny_small() ? 3 : 13) + 1;
    for (size_t limit = 0; limit < whole.size; limit += step) {
        collector c = {NULL, 0, limit};
        ck_assert_int_eq(jr2_export(ctx, result, 0, formats[_i], &options, collect, &c), JR2_ERR_WRITE);
        ck_assert_uint_le(c.size, limit);
        free(c.data);
    }
    free(whole.data);
}
END_TEST

START_TEST(reports_full_disks)
{
    jr2_export_options options = all_options();
    ck_assert_int_eq(jr2_export_file(ctx, result, 0, formats[_i], &options, "/dev/full"), JR2_ERR_WRITE);
    ck_assert_str_ne(jr2_ctx_error(ctx), "");
    ck_assert_int_eq(jr2_export_file(ctx, result, 0, formats[_i], &options, "/no/such/folder/file"), JR2_ERR_OPEN);
    ck_assert_ptr_nonnull(strstr(jr2_ctx_error(ctx), "/no/such/folder"));
    ck_assert_int_eq(jr2_export_file(ctx, result, 0, formats[_i], &options, folder), JR2_ERR_OPEN); /* is a folder */
    ck_assert_int_eq(files(0), 0);
}
END_TEST

/* A failure leaves the old file as it was and nothing beside it. Allocations fail in turn. */
START_TEST(leaves_no_half_file)
{
    jr2_export_options options = all_options();
    char path[100];
    snprintf(path, sizeof path, "%s/old", folder);
    FILE *file = fopen(path, "w");
    fputs("old", file);
    fclose(file);
    for (long n = 1;; n += tiny_small() ? 11 : 1) {
        heap.made = 0;
        heap.fail_at = n;
        int32_t status = jr2_export_file(ctx, result, 0, formats[_i], &options, path);
        ck_assert_int_eq(heap.alive, alive);
        if (status == JR2_OK)
            break;
        ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
        size_t size;
        unsigned char *data = tiny_read(path, &size);
        ck_assert_uint_eq(size, 3);
        ck_assert_mem_eq(data, "old", 3);
        free(data);
        if (formats[_i] != JR2_EXPORT_OBJ) /* its texture may be there before the .obj failed */
            ck_assert_int_eq(files(0), 1);
    }
    heap.fail_at = 0;
    ck_assert_int_eq(files(0), formats[_i] == JR2_EXPORT_OBJ ? 3 : 1);
    size_t size;
    unsigned char *data = tiny_read(path, &size);
    ck_assert_uint_gt(size, 3);
    free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export");
    TCase *tests = tcase_create("export");
    tcase_add_unchecked_fixture(tests, set_up_all, tear_down_all);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, writes_every_format, 0, FORMATS);
    tcase_add_test(tests, obj_brings_its_files);
    tcase_add_test(tests, refuses_wrong_requests);
    tcase_add_test(tests, exports_an_empty_result);
    tcase_add_loop_test(tests, reports_failing_writers, 0, FORMATS);
    tcase_add_loop_test(tests, reports_full_disks, 0, FORMATS);
    tcase_add_loop_test(tests, leaves_no_half_file, 0, FORMATS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
