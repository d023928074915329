/* SPDX-License-Identifier: MIT
 * Motion files: both forms written and read back, hand-written lines, NaN, unknown names, numbers out of range, cut and damaged files,
 * readers that give a byte at a time or fail, failing memory. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tiny.h"

static jr2_model *model;
static jr2_ctx *ctx;
static tiny_heap heap;

typedef struct bytes {
    unsigned char *data;
    size_t size, at, step; /* step: bytes a read gives; 0: all */
    long fail_after;       /* bytes, -1: never */
} bytes;

static int32_t put(void *user, const void *data, size_t size)
{
    bytes *b = user;
    if (b->fail_after >= 0 && b->size + size > (size_t)b->fail_after)
        return 1;
    b->data = realloc(b->data, b->size + size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
    return 0;
}

static int64_t get(void *user, void *data, size_t size)
{
    bytes *b = user;
    size_t n = b->size - b->at;
    if (b->fail_after >= 0 && b->at >= (size_t)b->fail_after)
        return -1;
    n = n < size ? n : size;
    n = b->step && n > b->step ? b->step : n;
    memcpy(data, b->data + b->at, n);
    b->at += n;
    return (int64_t)n;
}

static void set_up(void)
{
    memset(&heap, 0, sizeof heap);
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER "/head.jr2w", NULL, &model), JR2_OK);
    ck_assert_int_eq(tiny_ctx(model, 1, &heap, &ctx), JR2_OK);
}

static void tear_down(void)
{
    jr2_ctx_free(ctx);
    jr2_model_release(model);
    ck_assert_int_eq(heap.alive, 0);
}

static float expression[2][53], identity[2][100];

static void make_faces(jr2_motion_face faces[2], int frame)
{
    for (int i = 0; i < 2; i++) {
        jr2_motion_face *f = &faces[i];
        JR2_INIT(*f);
        f->id = i + 1;
        f->state = (frame + i) % 3;
        f->confidence = 0.25f + 0.5f * (float)i;
        for (int k = 0; k < 4; k++)
            f->region[k] = 100.25f + (float)(k + frame);
        for (int k = 0; k < 3; k++) {
            f->angles[k] = 10.5f * (float)(k - 1) + (float)frame * 0.125f;
            f->translation[k] = (float)k * 3.25f - 60;
        }
        for (int k = 0; k < 4; k++)
            f->gaze[k] = (float)k - 1.5f;
        for (int k = 0; k < 52; k++)
            f->arkit[k] = (float)((k * 7 + frame * 3 + i) % 100) / 100;
        for (int k = 0; k < 53; k++)
            expression[i][k] = (float)((k * 5 + frame + i) % 100) / 100;
        for (int k = 0; k < 100; k++)
            identity[i][k] = (float)(k - 50) / 50 + (float)(frame / 3) * 0.01f;
        f->expression = expression[i];
        f->expression_count = 53;
        f->identity = identity[i];
        f->identity_count = 100;
    }
}

static bytes write_file(int form, int frames)
{
    bytes b = {NULL, 0, 0, 0, -1};
    jr2_motion_info info;
    jr2_motion_writer *w;
    jr2_motion_face faces[2];
    JR2_INIT(info);
    info.form = form;
    info.rate = 12.5;
    info.width = 640;
    info.height = 480;
    ck_assert_int_eq(jr2_motion_writer_create(ctx, &info, put, &b, &w), JR2_OK);
    for (int i = 0; i < frames; i++) {
        make_faces(faces, i);
        ck_assert_msg(jr2_motion_write(w, i, i / 12.5, faces, i % 3) == JR2_OK, "%s", jr2_ctx_error(ctx));
    }
    jr2_motion_writer_free(w);
    return b;
}

static void compare(const float *a, const float *b, int count, float tolerance)
{
    for (int i = 0; i < count; i++)
        ck_assert_msg(fabsf(a[i] - b[i]) <= tolerance, "%d: %g, not %g", i, (double)a[i], (double)b[i]);
}

START_TEST(reads_what_it_wrote)
{
    size_t sizes[3] = {0, 0, 0};
    for (int form = JR2_MOTION_JSON; form <= JR2_MOTION_BINARY; form++)
        for (size_t step = 0; step < 2; step++) {
            bytes b = write_file(form, 20);
            jr2_motion *m;
            jr2_motion_info info;
            jr2_motion_face faces[2];
            const jr2_motion_frame *frame;
            b.step = step;
            sizes[form] = b.size;
            ck_assert_msg(jr2_motion_open(ctx, get, &b, &m) == JR2_OK, "%s", jr2_ctx_error(ctx));
            JR2_INIT(info);
            ck_assert_int_eq(jr2_motion_get_info(m, &info), JR2_OK);
            ck_assert(info.form == form && info.rate == 12.5 && info.width == 640 && info.height == 480);
            ck_assert(info.expression_count == 53 && info.identity_count == 100);
            for (int i = 0; i < 20; i++) {
                ck_assert_msg(jr2_motion_next(m, &frame) == JR2_OK, "%s", jr2_ctx_error(ctx));
                ck_assert_ptr_nonnull(frame);
                ck_assert(frame->frame == i && fabs(frame->time - i / 12.5) < 1e-6);
                ck_assert_int_eq(frame->face_count, i % 3);
                make_faces(faces, i);
                for (int k = 0; k < i % 3; k++) {
                    const jr2_motion_face *f = &frame->faces[k], *g = &faces[k];
                    ck_assert(f->id == g->id && f->state == g->state);
                    compare(&f->confidence, &g->confidence, 1, 2e-4f);
                    compare(f->region, g->region, 4, 0.01f);
                    compare(f->angles, g->angles, 3, 1e-4f);
                    compare(f->translation, g->translation, 3, 1e-4f);
                    compare(f->gaze, g->gaze, 4, 1e-3f);
                    compare(f->arkit, g->arkit, 52, 2e-5f);
                    compare(f->expression, g->expression, 53, 2e-5f);
                    compare(f->identity, g->identity, 100, 2e-3f); /* smaller changes are not written */
                }
            }
            for (int i = 0; i < 2; i++) {
                ck_assert_int_eq(jr2_motion_next(m, &frame), JR2_OK);
                ck_assert_ptr_null(frame);
            }
            jr2_motion_get_info(m, &info);
            ck_assert(info.unknown_names == 0 && info.clamped_values == 0);
            jr2_motion_free(m);
            free(b.data);
        }
    ck_assert(sizes[JR2_MOTION_BINARY] * 3 < sizes[JR2_MOTION_JSON]);
}
END_TEST

/* Status of the first frame of a file made of a header and this line. */
static int32_t read_line(const char *line, jr2_motion_face *face, jr2_motion_info *info)
{
    char text[20000];
    snprintf(text, sizeof text, "{\"format\":\"jr2.motion\",\"version\":1}\n%s\n", line);
    bytes b = {(unsigned char *)text, strlen(text), 0, 0, -1};
    jr2_motion *m;
    const jr2_motion_frame *frame;
    ck_assert_msg(jr2_motion_open(ctx, get, &b, &m) == JR2_OK, "%s", jr2_ctx_error(ctx));
    int32_t status = jr2_motion_next(m, &frame);
    ck_assert(status == JR2_OK || !frame);
    if (status != JR2_OK) /* the text names the line */
        ck_assert_ptr_nonnull(strstr(jr2_ctx_error(ctx), "line 2"));
    if (face && frame && frame->face_count)
        *face = frame->faces[0];
    if (info) {
        JR2_INIT(*info);
        jr2_motion_get_info(m, info);
    }
    jr2_motion_free(m);
    return status;
}

#define FACE(inside) "{\"frame\":0,\"time\":0.5,\"faces\":[{\"id\":3," inside "}]}"

START_TEST(reads_hand_written_lines)
{
    jr2_motion_face f;
    jr2_motion_info info;
    ck_assert_int_eq(read_line(" { \"time\" : 1e-1 , \"faces\" : [ ] }", &f, &info), JR2_OK);
    ck_assert_int_eq(read_line(FACE("\"arkit\":{\"jawOpen\":0.5,\"mouthSmileLeft\":-0.25,\"cheekPuff\":17}"), &f, &info), JR2_OK);
    ck_assert(f.id == 3 && f.arkit[jr2_arkit_index("jawOpen")] == 0.5f && f.arkit[jr2_arkit_index("cheekPuff")] == 1);
    ck_assert(f.arkit[jr2_arkit_index("mouthSmileLeft")] == 0 && f.expression == NULL && f.identity == NULL && f.confidence == 1);
    ck_assert_int_eq((int)info.clamped_values, 2);
    ck_assert_int_eq(read_line(FACE("\"arkit\":{\"jawWide\":1,\"\\u00e9\":1},\"expression\":{\"jawOpen\":1e0,\"nothing\":3}"), &f, &info), JR2_OK);
    ck_assert_int_eq((int)info.unknown_names, 3);
    ck_assert(f.expression_count == 53);
    ck_assert_int_eq(read_line(FACE("\"new\":{\"a\":[1,{\"b\":null}],\"c\":\"\\\"\\n\"},\"pose\":{\"yaw\":-12.5,\"more\":[true,false],"
                                    "\"translation\":[1,2,3e0]}"), &f, &info), JR2_OK);
    ck_assert(f.angles[0] == -12.5f && f.translation[2] == 3);
    ck_assert_int_eq(read_line(FACE("\"identity\":[1,2,3]"), &f, &info), JR2_OK); /* another head model */
    ck_assert_ptr_null(f.identity);
}
END_TEST

START_TEST(refuses_bad_lines)
{
    static const char *const format[] = {
        "", /* replaced below */
        "{\"time\":NaN,\"faces\":[]}", "{\"time\":Infinity}", "{\"time\":-}", "{\"time\":01}", "{\"time\":1.}", "{\"time\":1e}", "{\"time\":.5}",
        "{\"time\":+1}", "{\"time\":0x10}", "{\"faces\":[]}", "{", "[]", "null", "\"a\"", "{\"time\":1}}", "{\"time\":1} x", "{\"time\":1,}",
        "{\"time\" 1}", "{time:1}", "{\"time\":1,\"faces\":[,]}", "{\"time\":1,\"faces\":{}}", "{\"time\":1,\"faces\":[1]}", "{\"time\":\"1\"}",
        "{\"time\":1,\"faces\":[{\"id\":-1}]}", "{\"time\":1,\"faces\":[{\"id\":1.5}]}", "{\"time\":1,\"faces\":[{\"id\":1e20}]}", "{\"time\":1,\"frame\":-3}",
        FACE("\"arkit\":{\"jawOpen\":NaN}"), FACE("\"arkit\":{\"jawOpen\":nan}"), FACE("\"arkit\":{\"jawOpen\":null}"), FACE("\"arkit\":[1,2]"),
        FACE("\"pose\":{\"yaw\":\"1\"}"), FACE("\"pose\":{\"translation\":[1,2]}"), FACE("\"pose\":{\"translation\":[1,2,3,4]}"),
        FACE("\"gaze\":{\"left\":[1]}"), FACE("\"state\":1"), FACE("\"a\":\"\\x\""), FACE("\"a\":\"\\u12g4\""), FACE("\"a\":tru"), FACE("\"a\":\"\t\"")};
    static const char *const range[] = {"{\"time\":1e999}", "{\"time\":1e10}", FACE("\"arkit\":{\"jawOpen\":1e400}"), FACE("\"arkit\":{\"jawOpen\":1e39}"),
        FACE("\"pose\":{\"yaw\":1e7}"), FACE("\"pose\":{\"translation\":[0,0,-1e30]}"), FACE("\"gaze\":{\"left\":[1e9,0]}"), FACE("\"confidence\":1e300")};
    char deep[10000], many[8000] = "{\"time\":1,\"faces\":[";
    for (size_t i = 1; i < sizeof format / sizeof *format; i++)
        ck_assert_msg(read_line(format[i], NULL, NULL) == JR2_ERR_FORMAT, "%s", format[i]);
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        ck_assert_msg(read_line(range[i], NULL, NULL) == JR2_ERR_RANGE, "%s", range[i]);
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"time\":1,\"x\":", 14);
    deep[sizeof deep - 1] = '\0';
    ck_assert_int_eq(read_line(deep, NULL, NULL), JR2_ERR_FORMAT);
    for (int i = 0; i < 65; i++)
        strcat(many, i ? ",{\"id\":1}" : "{\"id\":1}");
    strcat(many, "]}");
    ck_assert_int_eq(read_line(many, NULL, NULL), JR2_ERR_FORMAT);
}
END_TEST

static int32_t open_text(const void *text, size_t size)
{
    bytes b = {(unsigned char *)(size_t)text, size, 0, 0, -1};
    jr2_motion *m = (jr2_motion *)&b;
    int32_t status = jr2_motion_open(ctx, get, &b, &m);
    ck_assert((status == JR2_OK) == (m != NULL));
    jr2_motion_free(m);
    return status;
}

START_TEST(refuses_bad_headers)
{
#define TRY(text, status) ck_assert_int_eq(open_text(text, sizeof(text) - 1), status)
    TRY("", JR2_ERR_MAGIC);
    TRY("\n", JR2_ERR_MAGIC);
    TRY("hello\n", JR2_ERR_MAGIC);
    TRY("{\"format\":\"jr2.reconstruction\",\"version\":1}\n", JR2_ERR_MAGIC);
    TRY("{\"format\":\"jr2.motion\"}\n", JR2_ERR_VERSION);
    TRY("{\"format\":\"jr2.motion\",\"version\":2}\n", JR2_ERR_VERSION);
    TRY("{\"format\":\"jr2.motion\",\"version\":1,}\n", JR2_ERR_FORMAT);
    TRY("{\"format\":\"jr2.motion\",\"version\":1,\"identity_count\":513}\n", JR2_ERR_FORMAT);
    TRY("{\"format\":\"jr2.motion\",\"version\":1,\"width\":-1}\n", JR2_ERR_FORMAT);
    TRY("{\"format\":\"jr2.motion\",\"version\":1}", JR2_OK); /* no frame follows */
    TRY("JR2M", JR2_ERR_TRUNCATED);
    TRY("JR2M\2\0\0\0\2\0\0\0\0\0\0\0{}", JR2_ERR_VERSION);
    TRY("JR2M\1\0\0\0\377\377\377\377\0\0\0\0{}", JR2_ERR_FORMAT);
    TRY("JR2M\1\0\0\0\2\0\0\0\0\0\0\0{}", JR2_ERR_CHECKSUM);
    char *endless = malloc(3 << 20);
    memset(endless, '{', 3 << 20);
    ck_assert_int_eq(open_text(endless, 3 << 20), JR2_ERR_MAGIC);
    free(endless);
    jr2_motion *m;
    ck_assert_int_eq(jr2_motion_open(NULL, get, NULL, &m), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_motion_open(ctx, NULL, NULL, &m), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_motion_open(ctx, get, NULL, NULL), JR2_ERR_ARGUMENT);
    jr2_motion_free(NULL);
}
END_TEST

/* Frames before a cut are read, then JR2_ERR_TRUNCATED or, exactly between two frames, the end. */
START_TEST(reads_cut_files)
{
    for (int form = JR2_MOTION_JSON; form <= JR2_MOTION_BINARY; form++) {
        bytes whole = write_file(form, 6);
        int last = 0;
        for (size_t size = 1; size < whole.size; size += form == JR2_MOTION_JSON ? 17 : 3) {
            bytes b = {whole.data, size, 0, 0, -1};
            jr2_motion *m;
            const jr2_motion_frame *frame;
            int32_t status = jr2_motion_open(ctx, get, &b, &m);
            int frames = 0;
            if (status != JR2_OK)
                continue;
            while ((status = jr2_motion_next(m, &frame)) == JR2_OK && frame)
                ck_assert_int_eq((int)frame->frame, frames++);
            ck_assert(status == JR2_OK || status == JR2_ERR_TRUNCATED);
            ck_assert_int_ge(frames, last);
            last = frames;
            jr2_motion_free(m);
        }
        ck_assert_int_ge(last, 4);
        free(whole.data);
    }
}
END_TEST

START_TEST(survives_damage)
{
    unsigned seed = 7;
    for (int form = JR2_MOTION_JSON; form <= JR2_MOTION_BINARY; form++) {
        bytes whole = write_file(form, 4);
        for (int round = 0; round < (tiny_small() ? 100 : 1500); round++) {
            bytes b = {malloc(whole.size), whole.size, 0, 0, -1};
            jr2_motion *m;
            const jr2_motion_frame *frame;
            memcpy(b.data, whole.data, whole.size);
            for (int i = 0; i < 1 + round % 5; i++) {
                seed = seed * 1664525u + 1013904223u;
                b.data[(seed >> 8) % b.size] = (unsigned char)(seed >> 3);
            }
            if (jr2_motion_open(ctx, get, &b, &m) == JR2_OK) {
                for (int i = 0; i < 50; i++) {
                    if (jr2_motion_next(m, &frame) != JR2_OK)
                        continue;
                    if (!frame)
                        break;
                    for (int k = 0; k < frame->face_count; k++)
                        for (int c = 0; c < 52; c++)
                            ck_assert(frame->faces[k].arkit[c] >= 0 && frame->faces[k].arkit[c] <= 1);
                }
                jr2_motion_free(m);
            }
            free(b.data);
        }
        free(whole.data);
    }
}
END_TEST

START_TEST(goes_on_after_a_bad_line)
{
    const char *text = "{\"format\":\"jr2.motion\",\"version\":1}\n{\"time\":0}\n{\"time\":nonsense}\n\n{\"time\":2}\n{\"time\":1}\n{\"time\":3}\n";
    bytes b = {(unsigned char *)(size_t)text, strlen(text), 0, 0, -1};
    jr2_motion *m;
    const jr2_motion_frame *frame;
    ck_assert_int_eq(jr2_motion_open(ctx, get, &b, &m), JR2_OK);
    const int32_t expected[] = {JR2_OK, JR2_ERR_FORMAT, JR2_OK, JR2_ERR_RANGE, JR2_OK};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(jr2_motion_next(m, &frame), expected[i]);
    ck_assert(frame && frame->time == 3);
    jr2_motion_free(m);
    b.at = 0;
    b.fail_after = 40;
    b.step = 10;
    ck_assert_int_eq(jr2_motion_open(ctx, get, &b, &m), JR2_OK);
    ck_assert_int_eq(jr2_motion_next(m, &frame), JR2_ERR_READ);
    ck_assert_int_eq(jr2_motion_next(m, &frame), JR2_ERR_READ);
    jr2_motion_free(m);
}
END_TEST

START_TEST(writer_refuses_bad_input)
{
    bytes b = {NULL, 0, 0, 0, -1};
    jr2_motion_writer *w;
    jr2_motion_info info;
    jr2_motion_face f[2];
    JR2_INIT(info);
    info.form = 9;
    ck_assert_int_eq(jr2_motion_writer_create(ctx, &info, put, &b, &w), JR2_ERR_ARGUMENT);
    info.form = 0;
    info.rate = NAN;
    ck_assert_int_eq(jr2_motion_writer_create(ctx, &info, put, &b, &w), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2_motion_writer_create(ctx, NULL, NULL, &b, &w), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_motion_writer_create(NULL, NULL, put, &b, &w), JR2_ERR_ARGUMENT);
    info.struct_size = 1;
    ck_assert_int_eq(jr2_motion_writer_create(ctx, &info, put, &b, &w), JR2_ERR_STRUCT_SIZE);
    ck_assert_int_eq(jr2_motion_writer_create(ctx, NULL, put, &b, &w), JR2_OK);
    make_faces(f, 0);
    size_t before = b.size;
    ck_assert_int_eq(jr2_motion_write(w, 0, NAN, f, 1), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2_motion_write(w, -1, 0, f, 1), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2_motion_write(w, 0, 0, f, 65), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_motion_write(w, 0, 0, NULL, 1), JR2_ERR_ARGUMENT);
    f[1].arkit[3] = NAN;
    ck_assert_int_eq(jr2_motion_write(w, 0, 0, f, 2), JR2_ERR_RANGE);
    f[0].expression_count = 52;
    ck_assert_int_eq(jr2_motion_write(w, 0, 0, f, 1), JR2_ERR_ARGUMENT);
    f[0].expression_count = 53;
    f[0].struct_size = 0;
    ck_assert_int_eq(jr2_motion_write(w, 0, 0, f, 1), JR2_ERR_STRUCT_SIZE);
    ck_assert_uint_eq(b.size, before); /* nothing of them was written */
    make_faces(f, 0);
    ck_assert_int_eq(jr2_motion_write(w, 0, 5, f, 1), JR2_OK);
    ck_assert_int_eq(jr2_motion_write(w, 1, 4, f, 1), JR2_ERR_RANGE);
    b.fail_after = (long)b.size + 100;
    ck_assert_int_eq(jr2_motion_write(w, 2, 6, f, 1), JR2_ERR_WRITE);
    jr2_motion_writer_free(w);
    jr2_motion_writer_free(NULL);
    free(b.data);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    bytes whole = write_file(JR2_MOTION_JSON, 2);
    for (long fail = 1; fail < 10; fail++) {
        jr2_motion *m;
        whole.at = 0;
        heap.fail_at = heap.made + fail;
        int32_t status = jr2_motion_open(ctx, get, &whole, &m);
        heap.fail_at = 0;
        ck_assert(status == JR2_OK || (status == JR2_ERR_NO_MEMORY && !m));
        jr2_motion_free(m);
        if (status == JR2_OK)
            break;
    }
    free(whole.data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("motion");
    TCase *tests = tcase_create("motion");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, reads_what_it_wrote);
    tcase_add_test(tests, reads_hand_written_lines);
    tcase_add_test(tests, refuses_bad_lines);
    tcase_add_test(tests, refuses_bad_headers);
    tcase_add_test(tests, reads_cut_files);
    tcase_add_test(tests, survives_damage);
    tcase_add_test(tests, goes_on_after_a_bad_line);
    tcase_add_test(tests, writer_refuses_bad_input);
    tcase_add_test(tests, survives_failing_allocations);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
