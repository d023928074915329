/* SPDX-License-Identifier: MIT
 * The writers: numbers as text, the sink's failures, files that appear whole, and what JSON, PNG, GLB, OBJ and PLY contain.
 * test_formats --write FOLDER writes one file of each kind, for check_formats.py and check_glb.sh. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "out/bytes.h"
#include "out/png.h"
#include "suite.h"
#include "tiny_face.h"

#define TEXTURE 64

typedef int32_t (*write_fn)(jr2i_sink *sink, tiny_face *f);

static int32_t write_json(jr2i_sink *sink, tiny_face *f)
{
    jr2i_face_view two[2] = {f->view, f->view};
    jr2i_scene_view scene = {640, 480, 2, two};
    return jr2i_json_write(sink, &scene);
}

static int32_t write_empty(jr2i_sink *sink, tiny_face *f)
{
    jr2i_scene_view scene = {5, 7, 0, NULL};
    (void)f;
    return jr2i_json_write(sink, &scene);
}

static int32_t write_glb(jr2i_sink *sink, tiny_face *f)
{
    return jr2i_glb_write(sink, &f->view, "a \"head\"\xff\xc3\xa9");
}

static int32_t write_obj(jr2i_sink *sink, tiny_face *f)
{
    return jr2i_obj_write(sink, &f->view, "my head", "a b.mtl");
}

static int32_t write_mtl(jr2i_sink *sink, tiny_face *f)
{
    (void)f;
    return jr2i_mtl_write(sink, "a b.png");
}

static int32_t write_ply(jr2i_sink *sink, tiny_face *f)
{
    return jr2i_ply_write(sink, &f->view);
}

static int32_t write_png(jr2i_sink *sink, tiny_face *f)
{
    jr2i_png_put(sink, f->view.texture, TEXTURE, TEXTURE, 3);
    return jr2i_sink_end(sink);
}

static int32_t write_overlay(jr2i_sink *sink, tiny_face *f)
{
    uint8_t *rgb = calloc(640 * 480, 3);
    jr2i_canvas canvas = {rgb, 640, 480};
    jr2i_scene_view scene = {640, 480, 1, &f->view};
    jr2i_sink_fail(sink, jr2i_overlay_draw(sink->env, &scene, &canvas));
    if (sink->status == JR2_OK)
        jr2i_png_put(sink, rgb, 640, 480, 3);
    free(rgb);
    return jr2i_sink_end(sink);
}

static const struct {
    const char *name;
    write_fn write;
} kinds[] = {{"a.json", write_json},       {"empty.json", write_empty}, {"a b.glb", write_glb},   {"a.obj", write_obj},
             {"a b.mtl", write_mtl},       {"a.ply", write_ply},        {"a b.png", write_png},   {"overlay.png", write_overlay},
             {"plain.glb", write_glb},     {"plain.ply", write_ply},    {"bare.json", write_json}, {"bare.glb", write_glb},
             {"bare.obj", write_obj},      {"bare.ply", write_ply}};
#define KINDS (int)(sizeof kinds / sizeof kinds[0])
#define FULL 10 /* those that need no other head */

static uint8_t texture[TEXTURE * TEXTURE * 3];

static void make_face(tiny_face *f)
{
    uint32_t seed = 6;
    tiny_face_make(f, 640, 480, 0.3f);
    for (int i = 0; i < TEXTURE * TEXTURE * 3; i++)
        texture[i] = (uint8_t)(100 + i % 3 * 40 + i / 3 % TEXTURE + (int)(8 * tiny_random(&seed)));
    f->view.texture = texture;
    f->view.texture_size = TEXTURE;
}

/* The whole output of a writer; plain.* are without a texture, bare.* of a head model that has only what it must have. */
static uint8_t *output(tiny_face *f, int kind, size_t *size)
{
    jr2i_face_view view = f->view;
    jr2i_head bare = *f->head;
    if (strncmp(kinds[kind].name, "bare", 4) == 0) {
        static const char *names[64];
        for (int i = 0; i < 53; i++)
            names[i] = "shape";
        bare.uv = NULL;
        bare.triangles_uv = NULL;
        bare.uv_count = bare.landmark478.count = bare.landmark68.count = 0;
        bare.expression_name = names;
        jr2i_arkit_map_make(names, 53, &bare.arkit);
        f->view.head = &bare;
        f->view.landmarks68 = f->view.landmarks478 = f->view.albedo = NULL;
    }
    jr2i_bytes bytes = {&f->env, NULL, 0, 0};
    jr2i_sink sink;
    f->view.texture = strncmp(kinds[kind].name, "plain", 5) && f->view.head == f->head ? texture : NULL;
    jr2i_sink_begin(&sink, &f->env, jr2i_bytes_write, &bytes);
    int32_t status = kinds[kind].write(&sink, f);
    f->view = view;
    ck_assert_msg(status == JR2_OK, "%s: %s", kinds[kind].name, f->env.error);
    *size = bytes.size;
    return bytes.data;
}

static const char *number_text(double value, int32_t decimals, int exact)
{
    static char text[64];
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_bytes bytes = {&env, NULL, 0, 0};
    jr2i_sink sink;
    jr2i_sink_begin(&sink, &env, jr2i_bytes_write, &bytes);
    if (exact)
        jr2i_sink_float(&sink, (float)value);
    else
        jr2i_sink_number(&sink, value, decimals);
    ck_assert_int_eq(jr2i_sink_end(&sink), JR2_OK);
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = 0;
    free(bytes.data);
    return text;
}

START_TEST(test_numbers)
{
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it exists, the comma must not appear */
    ck_assert_str_eq(number_text(0, 4, 0), "0");
    ck_assert_str_eq(number_text(-0.00001, 4, 0), "0");
    ck_assert_str_eq(number_text(1.5, 4, 0), "1.5");
    ck_assert_str_eq(number_text(-1.23456, 4, 0), "-1.2346");
    ck_assert_str_eq(number_text(0.05, 2, 0), "0.05");
    ck_assert_str_eq(number_text(100, 3, 0), "100");
    ck_assert_str_eq(number_text(99.9999, 2, 0), "100");
    ck_assert_str_eq(number_text(NAN, 2, 0), "0");
    ck_assert_str_eq(number_text(-INFINITY, 2, 0), "0");
    ck_assert_str_eq(number_text(1e300, 0, 0), "900000000");
    ck_assert_str_eq(number_text(-3, 20, 0), "-3");
    setlocale(LC_ALL, "C");
    uint32_t seed = 11;
    for (int i = 0; i < 20000; i++) {
        union {
            uint32_t bits;
            float value;
        } x;
        x.bits = (uint32_t)(tiny_random(&seed) * 4294967040.0f) ^ (uint32_t)i;
        if (!isfinite(x.value) || (x.value != 0 && fabsf(x.value) < 1e-30f))
            continue;
        const char *text = number_text((double)x.value, 0, 1);
        ck_assert_msg(strtof(text, NULL) == x.value, "%s is not %.9g", text, (double)x.value);
    }
}
END_TEST

/* Takes so many bytes, then fails. */
static int32_t limited(void *user, const void *data, size_t size)
{
    size_t *left = user;
    (void)data;
    if (size > *left)
        return 1;
    *left -= size;
    return 0;
}

START_TEST(test_sink_fails)
{
    tiny_face f;
    make_face(&f);
    for (int k = 0; k < FULL; k++) {
        size_t size, left;
        free(output(&f, k, &size));
        for (size_t room = 0; room < size; room += size / 7 + 1) {
            jr2i_sink sink;
            left = room;
            f.env.error[0] = 0;
            jr2i_sink_begin(&sink, &f.env, limited, &left);
            ck_assert_int_eq(kinds[k].write(&sink, &f), JR2_ERR_WRITE);
            ck_assert_int_gt(strlen(f.env.error), 5);
        }
    }
    tiny_face_free(&f);
}
END_TEST

static long allocations, alive, fail_at;
static void *failing_alloc(void *user, size_t size, size_t alignment)
{
    (void)user;
    if (++allocations == fail_at)
        return NULL;
    alive++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void failing_release(void *user, void *pointer)
{
    (void)user;
    alive--;
    free(pointer);
}

START_TEST(test_memory)
{
    tiny_face f;
    make_face(&f);
    jr2i_env env;
    memset(&env, 0, sizeof env);
    env.alloc = failing_alloc;
    env.release = failing_release;
    for (int k = 0; k < FULL; k++)
        for (fail_at = 1;; fail_at++) {
            jr2i_sink sink;
            size_t left = SIZE_MAX;
            allocations = 0;
            jr2i_sink_begin(&sink, &env, limited, &left);
            int32_t status = kinds[k].write(&sink, &f);
            ck_assert_int_eq(alive, 0);
            if (status == JR2_OK)
                break;
            ck_assert_msg(status == JR2_ERR_NO_MEMORY, "%s, allocation %ld: %d", kinds[k].name, fail_at, (int)status);
        }
    tiny_face_free(&f);
}
END_TEST

START_TEST(test_file)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    char folder[] = "/tmp/jr2-formats-XXXXXX", path[128], text[16] = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.bin", folder);
    jr2i_file file;
    ck_assert_int_eq(jr2i_file_open(&env, path, &file), JR2_OK);
    ck_assert_int_eq(jr2i_file_write(&file, "first", 5), 0);
    ck_assert_int_ne(access(path, F_OK), 0); /* not before it is complete */
    ck_assert_int_eq(jr2i_file_close(&env, &file, JR2_OK), JR2_OK);
    ck_assert_int_eq(jr2i_file_open(&env, path, &file), JR2_OK);
    ck_assert_int_eq(jr2i_file_write(&file, "second", 6), 0);
    ck_assert_int_eq(jr2i_file_close(&env, &file, JR2_ERR_CANCELLED), JR2_ERR_CANCELLED);
    FILE *in = fopen(path, "rb"); /* the old one is still there */
    ck_assert_ptr_nonnull(in);
    ck_assert_int_eq(fread(text, 1, 15, in), 5);
    ck_assert_str_eq(text, "first");
    fclose(in);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0); /* and nothing else */
    ck_assert_int_eq(jr2i_file_open(&env, path, &file), JR2_ERR_OPEN);
    ck_assert_ptr_nonnull(strstr(env.error, "No such file"));
    ck_assert_int_eq(jr2i_file_open(&env, "/tmp", &file), JR2_ERR_OPEN);
    ck_assert_int_eq(jr2i_file_open(&env, "", &file), JR2_ERR_ARGUMENT);
    if (access("/dev/full", W_OK) == 0) {
        ck_assert_int_eq(jr2i_file_open(&env, "/dev/full", &file), JR2_OK);
        ck_assert_int_ne(jr2i_file_write(&file, "x", 1), 0);
        ck_assert_int_eq(jr2i_file_close(&env, &file, JR2_ERR_WRITE), JR2_ERR_WRITE);
        ck_assert_ptr_nonnull(strstr(env.error, "No space left"));
    }
}
END_TEST

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* A decoder for what the encoder writes: chunks, checksums, inflate, filters. */
static void check_png(const uint8_t *png, size_t size, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels)
{
    size_t at = 8, packed_size = 0, row = (size_t)width * (size_t)channels;
    uint8_t *packed = malloc(size), *raw = malloc((row + 1) * (size_t)height);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n", 8);
    for (int end = 0; !end;) {
        ck_assert_uint_le(at + 12, size);
        uint32_t length = big(png + at);
        ck_assert_uint_le(at + 12 + length, size);
        ck_assert_uint_eq(crc32(0, png + at + 4, length + 4), big(png + at + 8 + length));
        if (memcmp(png + at + 4, "IHDR", 4) == 0) {
            ck_assert_uint_eq(big(png + at + 8), (uint32_t)width);
            ck_assert_uint_eq(big(png + at + 12), (uint32_t)height);
            ck_assert_int_eq(png[at + 17], channels == 3 ? 2 : 0);
        }
        if (memcmp(png + at + 4, "IDAT", 4) == 0) {
            memcpy(packed + packed_size, png + at + 8, length);
            packed_size += length;
        }
        end = memcmp(png + at + 4, "IEND", 4) == 0;
        at += 12 + length;
    }
    ck_assert_uint_eq(at, size);
    uLongf raw_size = (uLongf)((row + 1) * (size_t)height);
    ck_assert_int_eq(uncompress(raw, &raw_size, packed, (uLong)packed_size), Z_OK);
    ck_assert_uint_eq(raw_size, (row + 1) * (size_t)height);
    for (int32_t y = 0; y < height; y++)
        for (size_t x = 0; x < row; x++) {
            uint8_t *p = raw + (row + 1) * (size_t)y + 1 + x;
            int a = x >= (size_t)channels ? p[-channels] : 0, b = y ? p[-(ptrdiff_t)row - 1] : 0;
            int c = x >= (size_t)channels && y ? p[-(ptrdiff_t)row - 1 - channels] : 0, q = a + b - c;
            int pa = abs(q - a), pb = abs(q - b), pc = abs(q - c);
            int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
            int type = raw[(row + 1) * (size_t)y];
            *p = (uint8_t)(*p + (type == 0 ? 0 : type == 1 ? a : type == 2 ? b : type == 3 ? (a + b) / 2 : paeth));
            ck_assert_int_eq(*p, pixels[row * (size_t)y + x]);
        }
    free(packed);
    free(raw);
}

START_TEST(test_png)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    uint32_t seed = 1;
    static const int32_t sides[][2] = {{1, 1}, {3, 2}, {1, 70}, {200, 5}, {101, 99}, {260, 300}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        for (int32_t channels = 1; channels <= 3; channels += 2) {
            int32_t w = sides[i][0], h = sides[i][1];
            uint8_t *pixels = malloc((size_t)(w * h * channels)), *png = NULL;
            size_t size = 0;
            for (int32_t k = 0; k < w * h * channels; k++) /* smooth, noisy */
                pixels[k] = (uint8_t)(i % 2 ? (int32_t)(255 * tiny_random(&seed)) : k / 3 + (tiny_random(&seed) < 0.1f));
            ck_assert_int_eq(jr2i_png_encode(&env, pixels, w, h, channels, &png, &size), JR2_OK);
            check_png(png, size, pixels, w, h, channels);
            free(pixels);
            jr2i_free(&env, png);
        }
}
END_TEST

/* Structure only; check_glb.sh asks the Khronos validator. */
START_TEST(test_glb)
{
    tiny_face f;
    make_face(&f);
    for (int kind = 2; kind <= 8; kind += 6) {
        size_t size;
        uint8_t *glb = output(&f, kind, &size);
        ck_assert_mem_eq(glb, "glTF", 4);
        ck_assert_uint_eq(little(glb + 4), 2);
        ck_assert_uint_eq(little(glb + 8), size);
        uint32_t json = little(glb + 12), bin = little(glb + 20 + json);
        ck_assert_mem_eq(glb + 16, "JSON", 4);
        ck_assert_mem_eq(glb + 24 + json, "BIN", 4);
        ck_assert_uint_eq(28 + json + bin, size);
        ck_assert_uint_eq(json % 4 + bin % 4, 0);
        char *text = calloc(json + 1, 1);
        memcpy(text, glb + 20, json);
        for (int i = 0; i < 52; i++)
            ck_assert_ptr_nonnull(strstr(text, jr2i_arkit_name(i)));
        ck_assert_ptr_nonnull(strstr(text, "\"a \\\"head\\\"?\xc3\xa9\""));
        ck_assert_int_eq(strstr(text, "image/png") != NULL, kind == 2);
        ck_assert_ptr_null(strstr(text, "nan"));
        ck_assert_ptr_null(strstr(text, "inf"));
        free(text);
        jr2i_free(&f.env, glb);
    }
    tiny_face_free(&f);
}
END_TEST

START_TEST(test_ply_and_obj)
{
    tiny_face f;
    make_face(&f);
    size_t size;
    uint8_t *ply = output(&f, 5, &size);
    uint8_t *data = (uint8_t *)strstr((char *)ply, "end_header\n") + 11;
    float x;
    memcpy(&x, data + 27 * 5, 4); /* 6 floats and 3 bytes a vertex */
    ck_assert_float_eq(x, f.vertices[15]);
    ck_assert_uint_eq(size - (size_t)(data - ply), 27u * (unsigned)f.head->vertex_count + 13u * (unsigned)f.head->triangle_count);
    ck_assert_uint_eq(little(data + 27 * f.head->vertex_count + 13 * 7 + 5), (uint32_t)f.head->triangles[22]);
    jr2i_free(&f.env, ply);
    uint8_t *obj = output(&f, 3, &size);
    char *text = calloc(size + 1, 1), line[64];
    memcpy(text, obj, size);
    snprintf(line, sizeof line, "\nf %d/%d/%d ", (int)f.head->triangles[0] + 1, (int)f.head->triangles_uv[0] + 1,
             (int)f.head->triangles[0] + 1);
    ck_assert_ptr_nonnull(strstr(text, line));
    ck_assert_ptr_nonnull(strstr(text, "mtllib a b.mtl\no my_head\n"));
    free(text);
    jr2i_free(&f.env, obj);
    tiny_face_free(&f);
}
END_TEST

/* Balanced, one face after the other, and NaN never written. */
START_TEST(test_json)
{
    tiny_face f;
    make_face(&f);
    f.view.light = f.light;
    f.light[3] = NAN;
    f.landmarks478[9] = INFINITY;
    size_t size;
    uint8_t *json = output(&f, 0, &size);
    char *text = calloc(size + 1, 1);
    memcpy(text, json, size);
    int depth = 0, quoted = 0;
    for (char *c = text; *c; c++) {
        quoted ^= *c == '"';
        depth += quoted ? 0 : (*c == '{' || *c == '[') - (*c == '}' || *c == ']');
        ck_assert_int_ge(depth, 0);
    }
    ck_assert_int_eq(depth + quoted, 0);
    ck_assert_ptr_null(strstr(text, "nan"));
    ck_assert_ptr_null(strstr(text, "inf"));
    ck_assert_ptr_nonnull(strstr(text, "\"format\":\"jr2.reconstruction\",\"version\":1,\"image\":{\"width\":640,\"height\":480}"));
    ck_assert_ptr_nonnull(strstr(text, "\"jawOpen\":0.5"));
    free(text);
    jr2i_free(&f.env, json);
    json = output(&f, 1, &size);
    ck_assert_uint_eq(size, strlen("{\"format\":\"jr2.reconstruction\",\"version\":1,\"image\":{\"width\":5,\"height\":7},\"faces\":[]}\n"));
    jr2i_free(&f.env, json);
    tiny_face_free(&f);
}
END_TEST

static const char *folder_to_fill;

START_TEST(write_all)
{
    tiny_face f;
    make_face(&f);
    for (int k = 0; k < KINDS; k++) {
        char path[512];
        size_t size;
        uint8_t *data = output(&f, k, &size);
        jr2i_file file;
        snprintf(path, sizeof path, "%s/%s", folder_to_fill, kinds[k].name);
        int32_t status = jr2i_file_open(&f.env, path, &file);
        if (status == JR2_OK)
            status = jr2i_file_close(&f.env, &file, jr2i_file_write(&file, data, size) ? JR2_ERR_WRITE : JR2_OK);
        jr2i_free(&f.env, data);
        ck_assert_msg(status == JR2_OK, "%s", f.env.error);
    }
    tiny_face_free(&f);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("formats");
    TCase *tests = tcase_create("formats");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        folder_to_fill = argv[2];
        tcase_add_test(tests, write_all);
        return run_suite(suite);
    }
    tcase_add_test(tests, test_numbers);
    tcase_add_test(tests, test_sink_fails);
    tcase_add_test(tests, test_memory);
    tcase_add_test(tests, test_file);
    tcase_add_test(tests, test_png);
    tcase_add_test(tests, test_glb);
    tcase_add_test(tests, test_ply_and_obj);
    tcase_add_test(tests, test_json);
    return run_suite(suite);
}
