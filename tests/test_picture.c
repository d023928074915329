/* SPDX-License-Identifier: MIT
 * The program's picture files: Exif orientations, also in damaged files, turning, and files that are no pictures. */
#include "../src/decode_jpeg.c"
#include "../src/decode_png.c"
#include "../src/exif.c"
#include "../src/picture.c"

#include <check.h>

#include "suite.h"
#include "tiny.h"

/* JPEG start, an unrelated segment, Exif with one entry. */
static size_t make_exif(unsigned char *out, int big, int orientation)
{
    static const unsigned char before[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 6, 'J', 'F', 'I', 'F', 0xFF, 0xE1, 0, 42, 'E', 'x', 'i', 'f', 0, 0};
    static const unsigned char little_tiff[] = {'I', 'I', '*', 0, 8, 0, 0, 0, 2, 0, 0x0F, 1, 2, 0, 1, 0, 0, 0, 'x', 0, 0, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0};
    static const unsigned char big_tiff[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 2, 1, 0x0F, 0, 2, 0, 0, 0, 1, 'x', 0, 0, 0, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0};
    memcpy(out, before, sizeof before);
    memcpy(out + sizeof before, big ? big_tiff : little_tiff, 32);
    out[sizeof before + (big ? 31 : 30)] = (unsigned char)orientation;
    memset(out + sizeof before + 32, 0, 2);
    size_t size = sizeof before + 34;
    out[size++] = 0xFF;
    out[size++] = 0xD9;
    return size;
}

START_TEST(reads_the_orientation)
{
    unsigned char data[80];
    for (int big = 0; big < 2; big++)
        for (int orientation = 0; orientation < 12; orientation++) {
            size_t size = make_exif(data, big, orientation);
            ck_assert_int_eq(exif_orientation(data, size), orientation >= 1 && orientation <= 8 ? orientation : 1);
        }
}
END_TEST

START_TEST(survives_damaged_exif)
{
    unsigned char data[80];
    size_t size = make_exif(data, 1, 6);
    for (size_t cut = 0; cut <= size; cut++) {
        unsigned char *copy = malloc(cut + 1);
        memcpy(copy, data, cut);
        int orientation = exif_orientation(copy, cut);
        ck_assert(orientation == 1 || orientation == 6);
        free(copy);
    }
    for (size_t i = 0; i < size; i++)
        for (int value = 0; value < 256; value += 5) {
            unsigned char kept = data[i];
            data[i] = (unsigned char)value;
            int orientation = exif_orientation(data, size);
            ck_assert(orientation >= 1 && orientation <= 8);
            data[i] = kept;
        }
    ck_assert_int_eq(exif_orientation((const unsigned char *)"\x89PNG....", 8), 1);
}
END_TEST

/* A 3 x 2 picture a b c / d e f as each orientation stores it, turned upright again. */
START_TEST(turns_pictures)
{
    static const struct {
        int width, height;
        const char *stored;
    } cases[] = {{3, 2, "abcdef"}, {3, 2, "cbafed"}, {3, 2, "fedcba"}, {3, 2, "defabc"}, {2, 3, "adbecf"}, {2, 3, "cfbead"}, {2, 3, "fcebda"}, {2, 3, "daebfc"}};
    picture p = {malloc(18), cases[_i].width, cases[_i].height};
    for (int i = 0; i < 18; i++)
        p.pixels[i] = (unsigned char)cases[_i].stored[i / 3];
    ck_assert_int_eq(picture_orient(&p, _i + 1), 0);
    ck_assert_int_eq(p.width, 3);
    ck_assert_int_eq(p.height, 2);
    for (int i = 0; i < 18; i++)
        ck_assert_msg(p.pixels[i] == "abcdef"[i / 3], "pixel %d is %c", i / 3, p.pixels[i]);
    picture_free(&p);
}
END_TEST

START_TEST(reads_the_sample)
{
    picture p;
    char text[200];
    ck_assert_msg(picture_read("examples/astronaut.jpg", &p, text, sizeof text) == 0, "%s", text);
    ck_assert_int_eq(p.width, 512);
    ck_assert_int_eq(p.height, 512);
    jr2_image image;
    picture_image(&p, &image);
    ck_assert_int_eq((int)image.stride, 1536);
    picture_free(&p);
    picture_free(&p); /* twice is fine */
}
END_TEST

START_TEST(refuses_what_is_no_picture)
{
    static const char *const paths[] = {"README.md", "tests", "no/such/file.jpg", "/dev/null", TINY_FOLDER "/head.jr2w"};
    picture p;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[200] = "";
        ck_assert_int_eq(picture_read(paths[i], &p, text, sizeof text), -1);
        ck_assert_str_ne(text, "");
        ck_assert_ptr_null(p.pixels);
    }
}
END_TEST

/* Cut and altered JPEG files: an error or some picture, never a crash. */
START_TEST(survives_damaged_files)
{
    size_t size;
    unsigned char *data = tiny_read("examples/astronaut.jpg", &size);
    char text[200];
    picture p;
    for (size_t cut = 0; cut < size; cut += tiny_small() ? size / 5 : size / 40) {
        memset(&p, 0, sizeof p);
        if (picture_decode(data, cut, &p, text, sizeof text) == 0)
            ck_assert_int_eq(p.width, 512);
        picture_free(&p);
    }
    for (size_t at = 2; at < size; at += tiny_small() ? size / 5 : size / 40) {
        data[at] ^= 0x55;
        memset(&p, 0, sizeof p);
        picture_decode(data, size, &p, text, sizeof text);
        picture_free(&p);
    }
    free(data);
}
END_TEST

START_TEST(refuses_hostile_sizes)
{
    static const unsigned sizes[][2] = {{50000, 50000}, {0, 100}, {100, 0}, {40000, 1}, {0x7fffffff, 0x7fffffff}, {0xffffffff, 2}, {32768, 32768}};
    unsigned char png[64] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    char text[200];
    picture p;
    memset(&p, 0, sizeof p);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int k = 0; k < 8; k++)
            png[16 + k] = (unsigned char)(sizes[i][k / 4] >> (24 - 8 * (k % 4)));
        png[24] = 8; /* bits */
        png[25] = 2; /* RGB */
        ck_assert_msg(picture_decode(png, sizeof png, &p, text, sizeof text) == -1, "%u x %u", sizes[i][0], sizes[i][1]);
        ck_assert_ptr_null(p.pixels);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("picture");
    TCase *tests = tcase_create("picture");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, reads_the_orientation);
    tcase_add_test(tests, survives_damaged_exif);
    tcase_add_loop_test(tests, turns_pictures, 0, 8);
    tcase_add_test(tests, reads_the_sample);
    tcase_add_test(tests, refuses_what_is_no_picture);
    tcase_add_test(tests, survives_damaged_files);
    tcase_add_test(tests, refuses_hostile_sizes);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
