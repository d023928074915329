/* SPDX-License-Identifier: MIT
 * Pictures: checks, formats and strides, resampling, drawing. */
#include <math.h>

#include "image/draw.h"
#include "image/warp.h"
#include "suite.h"
#include "tiny_face.h"

static jr2_image good(const uint8_t *pixels)
{
    jr2_image image;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    image.width = 4;
    image.height = 3;
    image.pixels = pixels;
    return image;
}

#define REFUSED(change, wanted) \
    do { \
        jr2_image image = good(pixels); \
        change; \
        env.error[0] = 0; \
        ck_assert_int_eq(jr2i_view_check(&env, &image, &view), wanted); \
        ck_assert_int_gt(strlen(env.error), 5); \
    } while (0)

START_TEST(test_checks)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_view view;
    uint8_t pixels[64] = {0};
    jr2_image fine = good(pixels);
    ck_assert_int_eq(jr2i_view_check(&env, &fine, &view), JR2_OK);
    ck_assert_int_eq(view.stride, 12);
    fine.stride = -13;
    ck_assert_int_eq(jr2i_view_check(&env, &fine, &view), JR2_OK);
    ck_assert_int_eq(jr2i_view_check(&env, NULL, &view), JR2_ERR_ARGUMENT);
    REFUSED(image.struct_size = 3, JR2_ERR_STRUCT_SIZE);
    REFUSED(image.format = 0, JR2_ERR_IMAGE_FORMAT);
    REFUSED(image.format = 6, JR2_ERR_IMAGE_FORMAT);
    REFUSED(image.format = INT32_MIN, JR2_ERR_IMAGE_FORMAT);
    REFUSED(image.width = 0, JR2_ERR_IMAGE_SIZE);
    REFUSED(image.height = -1, JR2_ERR_IMAGE_SIZE);
    REFUSED(image.width = 50000, JR2_ERR_IMAGE_SIZE);
    REFUSED(image.height = 50000, JR2_ERR_IMAGE_SIZE);
    REFUSED(image.pixels = NULL, JR2_ERR_IMAGE);
    REFUSED(image.stride = 11, JR2_ERR_IMAGE);
    REFUSED(image.stride = -11, JR2_ERR_IMAGE);
    REFUSED(image.stride = INT64_MIN, JR2_ERR_IMAGE);
    REFUSED(image.stride = INT64_MAX, JR2_ERR_IMAGE);
}
END_TEST

/* The same picture in each format, upright and upside down in memory, reads the same. */
START_TEST(test_formats)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    enum { W = 7, H = 5 };
    uint8_t rgb[W * H * 3], memory[H * 40], back[W * H * 3];
    uint32_t seed = 2;
    for (int i = 0; i < W * H * 3; i++)
        rgb[i] = (uint8_t)(255 * tiny_random(&seed));
    static const int32_t step[6] = {0, 3, 4, 3, 4, 1};
    for (int32_t format = JR2_PIXEL_RGB8; format <= JR2_PIXEL_GRAY8; format++)
        for (int flip = 0; flip < 2; flip++) {
            memset(memory, 0xee, sizeof memory);
            jr2_image image;
            JR2_INIT(image);
            image.format = format;
            image.width = W;
            image.height = H;
            image.stride = flip ? -40 : 40;
            uint8_t *top = flip ? memory + 40 * (H - 1) : memory;
            image.pixels = top;
            for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++) {
                    uint8_t *p = top + y * image.stride + x * step[format];
                    const uint8_t *q = rgb + 3 * (y * W + x);
                    int swap = format == JR2_PIXEL_BGR8 || format == JR2_PIXEL_BGRA8;
                    for (int k = 0; k < (step[format] == 1 ? 1 : 3); k++)
                        p[k] = q[swap ? 2 - k : k];
                }
            jr2i_view view;
            ck_assert_int_eq(jr2i_view_check(&env, &image, &view), JR2_OK);
            jr2i_view_to_rgb(&view, back);
            for (int i = 0; i < W * H * 3; i++)
                ck_assert_int_eq(back[i], format == JR2_PIXEL_GRAY8 ? rgb[i / 3 * 3] : rgb[i]);
        }
}
END_TEST

START_TEST(test_warp)
{
    enum { W = 24, H = 18 };
    uint8_t rgb[W * H * 3];
    float out[3 * W * H];
    for (int i = 0; i < W * H; i++) {
        rgb[3 * i] = (uint8_t)(10 * (i % W));
        rgb[3 * i + 1] = (uint8_t)(12 * (i / W));
        rgb[3 * i + 2] = 255;
    }
    jr2i_view view = jr2i_view_rgb(rgb, W, H);
    const float same[6] = {1, 0, 0, 0, 1, 0};
    jr2i_warp_planar(&view, same, W, H, JR2I_OUTSIDE_REPEAT, NULL, out);
    for (int i = 0; i < W * H; i++) { /* exactly v / 127.5 - 1 */
        ck_assert_float_eq(out[i], (float)rgb[3 * i] / 127.5f - 1);
        ck_assert_float_eq(out[2 * W * H + i], 1);
    }
    /* a turned, shifted linear ramp stays one: R = 10 (x - 0.5), G = 12 (y - 0.5) inside */
    const float turned[6] = {0.6f, -0.3f, 8, 0.3f, 0.6f, 3};
    jr2i_warp_planar(&view, turned, 9, 7, JR2I_OUTSIDE_REPEAT, NULL, out);
    for (int v = 0; v < 7; v++)
        for (int u = 0; u < 9; u++) {
            float x = turned[0] * ((float)u + 0.5f) + turned[1] * ((float)v + 0.5f) + turned[2];
            float y = turned[3] * ((float)u + 0.5f) + turned[4] * ((float)v + 0.5f) + turned[5];
            ck_assert_float_eq_tol((out[v * 9 + u] + 1) * 127.5f, 10 * (x - 0.5f), 1e-2f);
            ck_assert_float_eq_tol((out[63 + v * 9 + u] + 1) * 127.5f, 12 * (y - 0.5f), 1e-2f);
        }
    /* shrinking by 6 takes the mean of what lies under a pixel */
    const float shrink[6] = {6, 0, 0, 0, 6, 0};
    for (int i = 0; i < W * H; i++)
        rgb[3 * i + 2] = (i % W + i / W) % 2 ? 255 : 0;
    jr2i_warp_planar(&view, shrink, 4, 3, JR2I_OUTSIDE_REPEAT, NULL, out);
    for (int i = 0; i < 12; i++) {
        ck_assert_float_eq_tol((out[i] + 1) * 127.5f, 10 * (6 * (float)(i % 4) + 2.5f), 0.1f);
        ck_assert_float_eq_tol(out[24 + i], 0, 0.02f); /* the chequerboard is grey */
    }
    /* outside */
    const float far[6] = {1, 0, -100, 0, 1, 4};
    jr2i_warp_planar(&view, far, 2, 2, JR2I_OUTSIDE_GREY, NULL, out);
    ck_assert_float_eq(out[0], 0);
    jr2i_warp_planar(&view, far, 2, 2, JR2I_OUTSIDE_REPEAT, NULL, out);
    ck_assert_float_eq(out[0], -1);
    ck_assert_float_eq_tol(out[4], 48 / 127.5f - 1, 1e-5f);
    uint8_t small[12];
    jr2i_warp_rgb8(&view, same, 2, 2, JR2I_OUTSIDE_REPEAT, small);
    ck_assert_int_eq(small[3], 10);
    const float wild[6] = {NAN, 0, 0, 1e30f, -1e30f, INFINITY};
    jr2i_warp_planar(&view, wild, 3, 3, JR2I_OUTSIDE_REPEAT, NULL, out); /* nothing to read wrongly */
    for (int i = 0; i < 27; i++)
        ck_assert(out[i] >= -1 && out[i] <= 1);
    uint8_t one[3] = {10, 20, 30};
    view = jr2i_view_rgb(one, 1, 1);
    jr2i_warp_rgb8(&view, turned, 2, 2, JR2I_OUTSIDE_REPEAT, small);
    ck_assert_int_eq(small[11], 30);
}
END_TEST

START_TEST(test_draw)
{
    enum { W = 40, H = 30 };
    uint8_t guarded[(W * H + 20) * 3], *pixels = guarded + 30;
    jr2i_canvas canvas = {pixels, W, H};
    const uint8_t white[3] = {255, 255, 255};
    memset(guarded, 0, sizeof guarded);
    jr2i_draw_dot(&canvas, 20.5f, 15.5f, 3, white, 1);
    ck_assert_int_eq(pixels[3 * (15 * W + 20)], 255);
    ck_assert_int_eq(pixels[3 * (15 * W + 25)], 0);
    double sum = 0;
    for (int i = 0; i < W * H; i++)
        sum += pixels[3 * i] / 255.0;
    ck_assert(fabs(sum - 3.14159 * 9) < 1.5); /* its area */
    memset(guarded, 0, sizeof guarded);
    jr2i_draw_line(&canvas, 5, 5, 35, 20, 2, white, 1);
    sum = 0;
    for (int i = 0; i < W * H; i++)
        sum += pixels[3 * i] / 255.0;
    ck_assert(fabs(sum - 2 * hypot(30, 15)) < 6);
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e9f, -3, 15, 60, 3.4e38f};
    uint32_t seed = 8;
    for (int i = 0; i < 2000; i++) {
        float v[5];
        for (int k = 0; k < 5; k++)
            v[k] = bad[(int)(9 * tiny_random(&seed))];
        jr2i_draw_dot(&canvas, v[0], v[1], fabsf(v[2]), white, 0.5f);
        jr2i_draw_line(&canvas, v[0], v[1], v[2], v[3], fabsf(v[4]), white, 0.5f);
    }
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(guarded[i] | guarded[30 + W * H * 3 + i % 30], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image");
    TCase *tests = tcase_create("image");
    tcase_add_test(tests, test_checks);
    tcase_add_test(tests, test_formats);
    tcase_add_test(tests, test_warp);
    tcase_add_test(tests, test_draw);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
