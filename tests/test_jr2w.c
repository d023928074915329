/* SPDX-License-Identifier: MIT
 * The JR2W reader: what is right is read, and everything else is refused with its own status: truncated at every length,
 * every bit flipped, wrong magic, hostile sizes, overlaps, names, packed data that does not unpack. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jr2w_writer.h"
#include "tensor/half.h"
#include "tensor/jr2w.h"
#include "suite.h"

static jr2i_env env;

/* f32 "a" (2,3), f16 "b" (4), i32 "c" (2), u8 "text" (5) */
static uint8_t *sample(size_t *size)
{
    static const float a[6] = { 1, -2, 3.5f, 0, 1e-20f, 7 };
    static const uint16_t b[4] = { 0x3c00, 0xc000, 0x0001, 0x7bff };
    static const int32_t c[2] = { -5, 1 << 30 };
    writer w = { 0 };
    writer_add(&w, "a", JR2I_F32, 2, (const int32_t[]){ 2, 3 }, a);
    writer_add(&w, "b", JR2I_F16, 1, (const int32_t[]){ 4 }, b);
    writer_add(&w, "c", JR2I_I32, 1, (const int32_t[]){ 2 }, c);
    writer_add(&w, "text", JR2I_U8, 1, (const int32_t[]){ 5 }, "hello");
    return writer_finish(&w, "jr2.test.1", size);
}

static int32_t open_status(const uint8_t *bytes, size_t size)
{
    jr2i_jr2w *file;
    env.error[0] = 0;
    int32_t status = jr2i_jr2w_open_memory(&env, bytes, size, 0, &file);
    ck_assert((status == JR2_OK) == (file != NULL));
    ck_assert((status == JR2_OK) == (env.error[0] == 0));
    jr2i_jr2w_close(&env, file);
    return status;
}

/* Opens a copy that ends where a page that must not be read would begin: malloc of the exact size, for the sanitizers. */
static int32_t exact_status(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    int32_t status = open_status(copy, size);
    free(copy);
    return status;
}

START_TEST(test_reads)
{
    size_t size;
    uint8_t *bytes = sample(&size);
    for (int copy = 0; copy < 2; copy++) {
        jr2i_jr2w *file;
        ck_assert_int_eq(jr2i_jr2w_open_memory(&env, bytes, size, copy, &file), JR2_OK);
        ck_assert_str_eq(jr2i_jr2w_topology(file), "jr2.test.1");
        ck_assert_int_eq(jr2i_jr2w_expect(&env, file, "jr2.test.1"), JR2_OK);
        ck_assert_int_eq(jr2i_jr2w_expect(&env, file, "jr2.head.1"), JR2_ERR_TOPOLOGY);
        ck_assert_int_eq(jr2i_jr2w_count(file), 4);
        ck_assert_str_eq(jr2i_jr2w_at(file, 1)->name, "b");
        ck_assert_ptr_null(jr2i_jr2w_at(file, 4));
        ck_assert_ptr_null(jr2i_jr2w_at(file, -1));
        ck_assert_ptr_null(jr2i_jr2w_find(file, "nothing"));

        float *a, *b;
        int32_t *c;
        uint8_t *u;
        char *text;
        ck_assert_int_eq(jr2i_jr2w_load_f32(&env, file, "a", 2, (const int32_t[]){ 2, 0 }, &a), JR2_OK);
        ck_assert(a[1] == -2 && a[4] == 1e-20f && a[5] == 7);
        ck_assert_int_eq(jr2i_jr2w_load_f32(&env, file, "b", 1, (const int32_t[]){ 4 }, &b), JR2_OK);
        ck_assert(b[0] == 1 && b[1] == -2 && b[2] == 0x1p-24f && b[3] == 65504);
        ck_assert_int_eq(jr2i_jr2w_load_i32(&env, file, "c", 1, (const int32_t[]){ 0 }, &c), JR2_OK);
        ck_assert(c[0] == -5 && c[1] == 1 << 30);
        ck_assert_int_eq(jr2i_jr2w_load_text(&env, file, "text", &text), JR2_OK);
        ck_assert_str_eq(text, "hello");
        ck_assert_int_eq(jr2i_jr2w_load_u8(&env, file, "text", 1, (const int32_t[]){ 5 }, &u), JR2_OK);
        ck_assert(memcmp(u, "hello", 5) == 0);

        float *none;
        ck_assert_int_eq(jr2i_jr2w_load_f32(&env, file, "z", 1, (const int32_t[]){ 0 }, &none), JR2_ERR_MISSING);
        ck_assert_ptr_null(none);
        ck_assert_int_eq(jr2i_jr2w_load_f32(&env, file, "a", 2, (const int32_t[]){ 3, 2 }, &none), JR2_ERR_FORMAT);
        ck_assert_int_eq(jr2i_jr2w_load_f32(&env, file, "a", 1, (const int32_t[]){ 6 }, &none), JR2_ERR_FORMAT);
        ck_assert_int_eq(jr2i_jr2w_load_f32(&env, file, "c", 1, (const int32_t[]){ 2 }, &none), JR2_ERR_FORMAT);
        ck_assert_int_eq(jr2i_jr2w_read_f32(&env, file, jr2i_jr2w_find(file, "a"), a, 5), JR2_ERR_FORMAT);

        const void *view;
        ck_assert_int_eq(jr2i_jr2w_view(&env, file, jr2i_jr2w_find(file, "a"), &view), JR2_OK);
        ck_assert(view != NULL && ((const float *)view)[2] == 3.5f);
        ck_assert_int_eq(jr2i_jr2w_view(&env, file, jr2i_jr2w_find(file, "b"), &view), JR2_OK);
        ck_assert_ptr_null(view);
        jr2i_free(&env, a);
        jr2i_free(&env, b);
        jr2i_free(&env, c);
        jr2i_free(&env, u);
        jr2i_free(&env, text);
        jr2i_jr2w_close(&env, file);
    }
    free(bytes);
}
END_TEST

START_TEST(test_halves)
{
    /* Every half against its definition. */
    for (uint32_t h = 0; h < 65536; h++) {
        const int exponent = (int)(h >> 10 & 31);
        const double mantissa = (double)(h & 1023);
        double want = exponent == 0 ? ldexp(mantissa, -24) : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN) : ldexp(1024 + mantissa, exponent - 25);
        if (h & 0x8000)
            want = -want;
        const float got = jr2i_half_to_float((uint16_t)h);
        ck_assert(isnan(want) ? isnan(got) : (double)got == want && !signbit(got) == !signbit(want));
        uint16_t back = 1;
        if (exponent < 31)
            ck_assert(jr2i_as_halves(&got, 1, &back) && back == h);
    }
    /* What is no half is not taken for one, wherever it stands. */
    static const float between[] = {1.0f + 1.0f / 2048, 65520, -1e6f, 0x1p-25f, 0x1.8p-24f, 1e-30f, 0x1p-140f};
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        const float values[3] = {0.5f, between[i], 2};
        uint16_t halves[3];
        ck_assert_int_eq(jr2i_as_halves(values, 3, halves), 0);
    }
}
END_TEST

START_TEST(test_truncated)
{
    size_t size;
    uint8_t *bytes = sample(&size);
    for (size_t n = 0; n < size; n++)
        ck_assert_int_eq(exact_status(bytes, n), JR2_ERR_TRUNCATED);
    uint8_t *longer = calloc(1, size + 1);
    memcpy(longer, bytes, size);
    ck_assert_int_eq(open_status(longer, size + 1), JR2_ERR_FORMAT);
    free(longer);
    free(bytes);
}
END_TEST

/* Opens and reads all tensors: the first failure. */
static int32_t read_all(const uint8_t *bytes, size_t size)
{
    jr2i_jr2w *file;
    int32_t status = jr2i_jr2w_open_memory(&env, bytes, size, 0, &file);
    for (int32_t i = 0; status == JR2_OK && i < jr2i_jr2w_count(file); i++) {
        const jr2i_tensor_info *t = jr2i_jr2w_at(file, i);
        void *out = malloc(t->count * 4);
        ck_assert_ptr_nonnull(out);
        if (t->dtype <= JR2I_F16)
            status = jr2i_jr2w_read_f32(&env, file, t, out, t->count);
        else if (t->dtype == JR2I_I32)
            status = jr2i_jr2w_read_i32(&env, file, t, out, t->count);
        else
            status = jr2i_jr2w_read_u8(&env, file, t, out, t->count);
        free(out);
    }
    jr2i_jr2w_close(&env, file);
    return status;
}

START_TEST(test_every_bit)
{
    size_t size;
    uint8_t *bytes = sample(&size);
    ck_assert_int_eq(read_all(bytes, size), JR2_OK);
    for (size_t i = 0; i < size * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        const int32_t status = read_all(bytes, size);
        ck_assert_msg(status != JR2_OK, "bit %zu went unnoticed", i);
        if (i < 32)
            ck_assert_int_eq(status, JR2_ERR_MAGIC);
        else if (i < 64)
            ck_assert_int_eq(status, JR2_ERR_VERSION);
        else if (i < (64 + 4 * 128) * 8)
            ck_assert_int_eq(status, JR2_ERR_CHECKSUM);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    free(bytes);
}
END_TEST

/* Fields set to hostile values with the checksums made right again. */
START_TEST(test_hostile)
{
    static const struct {
        size_t at; /* in the header, or 64 + in the second entry when entry */
        int entry;
        int bytes;
        uint64_t value;
        int32_t status;
    } cases[] = {
        { 40, 0, 4, 0xffffffff, JR2_ERR_FORMAT },       { 40, 0, 4, 4096, JR2_ERR_TRUNCATED },
        { 40, 0, 4, 3, JR2_ERR_FORMAT },                { 40, 0, 4, 0, JR2_ERR_FORMAT },
        { 48, 0, 8, 0, JR2_ERR_FORMAT },                { 48, 0, 8, UINT64_MAX, JR2_ERR_TRUNCATED },
        { 56, 0, 4, 1, JR2_ERR_VERSION },               { 8, 0, 1, 0, JR2_ERR_FORMAT },
        { 39, 0, 1, 'x', JR2_ERR_FORMAT },              { 0, 1, 1, 0, JR2_ERR_FORMAT },
        { 0, 1, 1, ' ', JR2_ERR_FORMAT },               { 0, 1, 1, 0xff, JR2_ERR_FORMAT },
        { 0, 1, 1, 'a', JR2_ERR_FORMAT /* twice */ },   { 63, 1, 1, 'x', JR2_ERR_FORMAT },
        { 64, 1, 4, 4, JR2_ERR_FORMAT },                { 64, 1, 4, 0, JR2_ERR_FORMAT },
        { 68, 1, 4, 0, JR2_ERR_FORMAT },                { 68, 1, 4, 7, JR2_ERR_FORMAT },
        { 68, 1, 4, 0xffffffff, JR2_ERR_FORMAT },       { 72, 1, 4, 0, JR2_ERR_FORMAT },
        { 72, 1, 4, 0x7fffffff, JR2_ERR_FORMAT },       { 72, 1, 4, 0x80000000, JR2_ERR_FORMAT },
        { 72, 1, 4, 0xffffffff, JR2_ERR_FORMAT },       { 76, 1, 4, 2, JR2_ERR_FORMAT },
        { 96, 1, 4, 1, JR2_OK /* until it is read */ }, { 96, 1, 4, 2, JR2_ERR_FORMAT },
        { 104, 1, 8, 0, JR2_ERR_FORMAT },               { 104, 1, 8, 64, JR2_ERR_FORMAT },
        { 104, 1, 8, UINT64_MAX, JR2_ERR_FORMAT },      { 104, 1, 8, UINT64_MAX - 63, JR2_ERR_FORMAT },
        { 112, 1, 8, 0, JR2_ERR_FORMAT },               { 112, 1, 8, UINT64_MAX, JR2_ERR_FORMAT },
        { 120, 1, 8, UINT64_MAX, JR2_ERR_FORMAT },      { 120, 1, 8, 9, JR2_ERR_FORMAT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        uint8_t *bytes = sample(&size);
        uint8_t *p = bytes + cases[i].at + (cases[i].entry ? 64 + 128 : 0);
        for (int b = 0; b < cases[i].bytes; b++)
            p[b] = (uint8_t)(cases[i].value >> (8 * b));
        put32(bytes + 44, (uint32_t)crc32(0, bytes + 64, 128 * (cases[i].at == 40 && !cases[i].entry && cases[i].value < 4 ? (uInt)cases[i].value : 4)));
        put32(bytes + 60, (uint32_t)crc32(0, bytes, 60));
        const int32_t status = open_status(bytes, size);
        ck_assert_msg(status == cases[i].status, "case %zu: status %d (%s)", i, (int)status, env.error);
        free(bytes);
    }
}
END_TEST

/* Two tensors of 600 MiB each, packed into little: refused by the total before anything is allocated. */
START_TEST(test_large)
{
    size_t size;
    uint8_t *bytes = sample(&size);
    for (int i = 0; i < 4; i++) {
        uint8_t *e = bytes + 64 + 128 * i;
        put32(e + 64, JR2I_U8);
        put32(e + 68, 1);
        put32(e + 72, 600u << 20);
        put32(e + 76, 1);
        put32(e + 96, 1);
        put64(e + 120, 600u << 20);
    }
    writer_seal(bytes, 4);
    ck_assert_int_eq(open_status(bytes, size), JR2_ERR_FORMAT);
    free(bytes);
}
END_TEST

/* One u8 tensor of 1000 bytes with these packed bytes. */
static int32_t packed_status(const uint8_t *packed, size_t n)
{
    size_t size;
    writer w = { 0 };
    writer_add(&w, "p", JR2I_U8, 1, (const int32_t[]){ (int32_t)n }, packed);
    uint8_t *bytes = writer_finish(&w, "jr2.test.1", &size);
    put32(bytes + 64 + 72, 1000);
    put32(bytes + 64 + 96, 1);
    put64(bytes + 64 + 120, 1000);
    writer_seal(bytes, 1);
    const int32_t status = read_all(bytes, size);
    free(bytes);
    return status;
}

START_TEST(test_packed)
{
    uint8_t raw[1001], packed[2000];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(i * i >> 5);
    uLongf n = sizeof packed;
    ck_assert_int_eq(compress(packed, &n, raw, 1000), Z_OK);
    ck_assert_int_eq(packed_status(packed, n), JR2_OK);
    ck_assert_int_eq(packed_status(packed, n - 1), JR2_ERR_FORMAT);
    packed[n] = 0;
    ck_assert_int_eq(packed_status(packed, n + 1), JR2_ERR_FORMAT); /* something after the stream */
    size_t same = 0; /* a few bits of a deflate header mean nothing: the data come out as before */
    for (size_t i = 0; i < n * 8; i++) { /* zlib's own checksum finds the others */
        packed[i / 8] ^= (uint8_t)(1 << i % 8);
        const int32_t status = packed_status(packed, n);
        same += status == JR2_OK;
        ck_assert_msg(status == JR2_ERR_FORMAT || status == JR2_OK, "bit %zu of the packed data: %d", i, (int)status);
        packed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ck_assert_uint_lt(same, 16);
    n = sizeof packed;
    ck_assert_int_eq(compress(packed, &n, raw, 999), Z_OK);
    ck_assert_int_eq(packed_status(packed, n), JR2_ERR_FORMAT);
    n = sizeof packed;
    ck_assert_int_eq(compress(packed, &n, raw, 1001), Z_OK);
    ck_assert_int_eq(packed_status(packed, n), JR2_ERR_FORMAT);
}
END_TEST

START_TEST(test_not_finite)
{
    static const float bad[3] = { 1, NAN, 2 };
    static const uint16_t bad_half[3] = { 0, 0x7c00, 0 };
    for (int half = 0; half < 2; half++) {
        size_t size;
        writer w = { 0 };
        writer_add(&w, "x", half ? JR2I_F16 : JR2I_F32, 1, (const int32_t[]){ 3 }, half ? (const void *)bad_half : bad);
        uint8_t *bytes = writer_finish(&w, "jr2.test.1", &size);
        ck_assert_int_eq(read_all(bytes, size), JR2_ERR_FORMAT);
        free(bytes);
    }
    size_t size;
    writer w = { 0 };
    writer_add(&w, "t", JR2I_U8, 1, (const int32_t[]){ 3 }, "a\0b");
    uint8_t *bytes = writer_finish(&w, "jr2.test.1", &size);
    jr2i_jr2w *file;
    char *text;
    ck_assert_int_eq(jr2i_jr2w_open_memory(&env, bytes, size, 0, &file), JR2_OK);
    ck_assert_int_eq(jr2i_jr2w_load_text(&env, file, "t", &text), JR2_ERR_FORMAT);
    ck_assert_ptr_null(text);
    jr2i_jr2w_close(&env, file);
    free(bytes);
}
END_TEST

START_TEST(test_empty_and_bad_arguments)
{
    size_t size;
    writer w = { 0 };
    uint8_t *bytes = writer_finish(&w, "jr2.test.1", &size);
    ck_assert_int_eq(open_status(bytes, size), JR2_OK); /* no tensor at all is a file */
    free(bytes);
    ck_assert_int_eq(open_status(NULL, 10), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(open_status((const uint8_t *)"PK\3\4 and then some", 19), JR2_ERR_MAGIC);
    jr2i_jr2w_close(&env, NULL);
}
END_TEST

START_TEST(test_files)
{
    char path[] = "/tmp/jr2w_test_XXXXXX";
    size_t size;
    uint8_t *bytes = sample(&size);
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (int)size);
    jr2i_jr2w *file;
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, path, &file), JR2_OK);
    ck_assert_int_eq(jr2i_jr2w_count(file), 4);
    jr2i_jr2w_close(&env, file);
    ck_assert_int_eq(ftruncate(fd, (off_t)size - 1), 0);
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, path, &file), JR2_ERR_TRUNCATED);
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, path, &file), JR2_ERR_TRUNCATED);
    ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0); /* sparse: a terabyte of nothing */
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, path, &file), JR2_ERR_FORMAT);
    close(fd);
    unlink(path);
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, path, &file), JR2_ERR_OPEN);
    ck_assert_int_ne(jr2i_jr2w_open_file(&env, "/tmp", &file), JR2_OK);
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, NULL, &file), JR2_ERR_ARGUMENT);
    ck_assert_ptr_null(file);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jr2w");
    TCase *tcase = tcase_create("reader");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_reads);
    tcase_add_test(tcase, test_halves);
    tcase_add_test(tcase, test_truncated);
    tcase_add_test(tcase, test_every_bit);
    tcase_add_test(tcase, test_hostile);
    tcase_add_test(tcase, test_large);
    tcase_add_test(tcase, test_packed);
    tcase_add_test(tcase, test_not_finite);
    tcase_add_test(tcase, test_empty_and_bad_arguments);
    tcase_add_test(tcase, test_files);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
