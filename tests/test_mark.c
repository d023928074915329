/* SPDX-License-Identifier: MIT
 * The mark in pixels: the transform, how little a picture changes, that it is found again after resizing, cropping, mirroring and
 * quantising, that unmarked pictures pass, bad arguments and missing memory. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/fft.h"
#include "image/mark.h"
#include "suite.h"

static uint32_t seed = 1;

static uint32_t number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static double uniform(void)
{
    return number() / 4294967296.0;
}

static uint8_t byte(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Something like a photo: soft discs with edges on a gradient, some texture and noise. (height,width,3), free. */
static uint8_t *scene(int32_t width, int32_t height, uint32_t start)
{
    seed = start;
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    float *v = malloc(sizeof *v * (size_t)width * (size_t)height);
    ck_assert(rgb && v);
    double gx = uniform() * 0.2, gy = uniform() * 0.2;
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++)
            v[y * width + x] = (float)(90 + gx * x + gy * y + 6 * uniform());
    for (int32_t n = 0; n < 25; n++) {
        double cx = uniform() * width, cy = uniform() * height, r = 5 + uniform() * width / 5, step = uniform() * 100 - 50,
               wave = 0.2 + uniform();
        for (int32_t y = 0; y < height; y++)
            for (int32_t x = 0; x < width; x++) {
                double d = hypot(x - cx, y - cy);
                if (d < r)
                    v[y * width + x] += (float)(step + 6 * sin(wave * (x + 0.7 * y)));
            }
    }
    for (int32_t i = 0; i < width * height; i++) {
        rgb[3 * i] = byte(v[i] * 1.1);
        rgb[3 * i + 1] = byte(v[i]);
        rgb[3 * i + 2] = byte(v[i] * 0.8 + 10);
    }
    free(v);
    return rgb;
}

static jr2_image image_of(const uint8_t *rgb, int32_t width, int32_t height)
{
    jr2_image image;
    JR2_INIT(image);
    image.pixels = rgb;
    image.width = width;
    image.height = height;
    image.format = JR2_PIXEL_RGB8;
    return image;
}

static uint8_t *marked_scene(int32_t width, int32_t height, uint32_t start)
{
    uint8_t *rgb = scene(width, height, start);
    jr2_image image = image_of(rgb, width, height);
    ck_assert_int_eq(jr2_mark_embed(&image, NULL), JR2_OK);
    return rgb;
}

static jr2_mark_report look(const uint8_t *rgb, int32_t width, int32_t height)
{
    jr2_image image = image_of(rgb, width, height);
    jr2_mark_report report;
    JR2_INIT(report);
    ck_assert_int_eq(jr2_mark_check(&image, 1, NULL, &report), JR2_OK);
    return report;
}

START_TEST(transforms_are_right)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    enum { N = 32 };
    float *table = jr2i_fft_table(&env, 128), *data = calloc(N * N, 2 * sizeof(float)), *back = malloc(N * N * 2 * sizeof(float));
    ck_assert(table && data && back);
    for (int32_t i = 5 * N; i < 9 * N; i++) {
        data[2 * i] = (float)uniform();
        data[2 * i + 1] = (float)uniform();
    }
    memcpy(back, data, N * N * 2 * sizeof(float));
    jr2i_fft_square(back, N, table, 128, 0, 0, 0);
    for (int32_t t = 0; t < 20; t++) {
        int32_t u = (int32_t)(number() % N), v = (int32_t)(number() % N);
        double re = 0, im = 0;
        for (int32_t y = 0; y < N; y++)
            for (int32_t x = 0; x < N; x++) {
                double a = -6.283185307179586 * (u * x + v * y) / N, c = cos(a), s = sin(a);
                re += c * data[2 * (y * N + x)] - s * data[2 * (y * N + x) + 1];
                im += s * data[2 * (y * N + x)] + c * data[2 * (y * N + x) + 1];
            }
        ck_assert_float_eq_tol(back[2 * (v * N + u)], (float)re, 1e-3f);
        ck_assert_float_eq_tol(back[2 * (v * N + u) + 1], (float)im, 1e-3f);
    }
    float *some = malloc(N * N * 2 * sizeof(float));
    memcpy(some, data, N * N * 2 * sizeof(float));
    jr2i_fft_square(some, N, table, 128, 0, 0, 5); /* rows 0..4 are empty */
    for (int32_t i = 0; i < 2 * N * N; i++)
        ck_assert_float_eq_tol(some[i], back[i], 1e-5f);
    jr2i_fft_square(back, N, table, 128, 1, 0, 0);
    for (int32_t i = 0; i < 2 * N * N; i++)
        ck_assert_float_eq_tol(back[i] / (N * N), data[i], 1e-5f);
    free(some);
    free(back);
    free(data);
    jr2i_free(&env, table);
}
END_TEST

/* Marks in the world depend on these bytes. */
START_TEST(the_pattern_stays)
{
    ck_assert_uint_eq(crc32(0, (const Bytef *)jr2i_mark_tile, sizeof jr2i_mark_tile), 0x8c2b5668u);
}
END_TEST

static void check_change(const uint8_t *before, const uint8_t *after, int32_t width, int32_t height)
{
    double sum = 0, square = 0, count = 3.0 * width * height;
    for (int32_t i = 0; i < 3 * width * height; i++) {
        double d = after[i] - before[i];
        sum += fabs(d);
        square += d * d;
    }
    ck_assert_msg(sum / count < 0.5, "mean change %g in %d x %d", sum / count, width, height);
    ck_assert_msg(square > 0 && 10 * log10(65025 * count / square) >= 45, "PSNR %g", 10 * log10(65025 * count / square));
}

START_TEST(changes_little)
{
    static const int32_t sizes[][2] = {{64, 64}, {65, 71}, {640, 480}, {100, 333}, {1000, 64}};
    for (int32_t kind = 0; kind < 6; kind++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            int32_t w = sizes[s][0], h = sizes[s][1], n = 3 * w * h;
            uint8_t *before = scene(w, h, 7 + (uint32_t)s), *after = malloc((size_t)n);
            for (int32_t i = 0; i < n; i++)
                before[i] = kind == 0   ? before[i]
                            : kind == 1 ? 128
                            : kind == 2 ? (uint8_t)(number() >> 24)
                            : kind == 3 ? (uint8_t)(i / 3 % w * 255 / w)
                            : kind == 4 ? (uint8_t)(i / 3 % w < w / 8 ? number() >> 24 : 100)
                                        : (uint8_t)(60 + 8 * (number() >> 28));
            memcpy(after, before, (size_t)n);
            jr2_image image = image_of(after, w, h);
            ck_assert_int_eq(jr2_mark_embed(&image, NULL), JR2_OK);
            check_change(before, after, w, h);
            free(before);
            free(after);
        }
}
END_TEST

START_TEST(every_format_and_stride)
{
    enum { W = 67, H = 90, STRIDE = W * 4 + 13 };
    static const int32_t steps[] = {0, 3, 4, 3, 4, 1}, order[][3] = {{0, 0, 0}, {0, 1, 2}, {0, 1, 2}, {2, 1, 0}, {2, 1, 0}, {0, 0, 0}};
    uint8_t *plain = scene(W, H, 3), *expected = malloc(W * H * 3), *buffer = malloc(STRIDE * H), *grey = malloc(W * H * 3);
    for (int32_t i = 0; i < W * H; i++)
        memset(grey + 3 * i, plain[3 * i + 1], 3);
    for (int32_t format = 1; format <= 5; format++)
        for (int32_t flip = 0; flip < 2; flip++) {
            const uint8_t *from = format == JR2_PIXEL_GRAY8 ? grey : plain;
            memcpy(expected, from, W * H * 3);
            jr2_image image = image_of(expected, W, H);
            ck_assert_int_eq(jr2_mark_embed(&image, NULL), JR2_OK);
            memset(buffer, 0xA5, STRIDE * H);
            for (int32_t y = 0; y < H; y++)
                for (int32_t x = 0; x < W; x++)
                    for (int32_t c = 0; c < (steps[format] == 1 ? 1 : 3); c++)
                        buffer[(flip ? H - 1 - y : y) * STRIDE + x * steps[format] + order[format][c]] = from[3 * (y * W + x) + c];
            image.format = format;
            image.stride = flip ? -STRIDE : STRIDE;
            image.pixels = buffer + (flip ? (H - 1) * STRIDE : 0);
            ck_assert_int_eq(jr2_mark_embed(&image, NULL), JR2_OK);
            for (int32_t y = 0; y < H; y++)
                for (int32_t i = 0; i < STRIDE; i++) {
                    uint8_t got = buffer[(flip ? H - 1 - y : y) * STRIDE + i];
                    int32_t x = i / steps[format], c = i % steps[format];
                    if (x >= W || c == 3) {
                        ck_assert_uint_eq(got, 0xA5); /* alpha and what lies between rows */
                    } else {
                        c = steps[format] == 1 ? 0 : order[format][c];
                        ck_assert_uint_eq(got, expected[3 * (y * W + x) + c]);
                    }
                }
        }
    free(plain);
    free(expected);
    free(buffer);
    free(grey);
}
END_TEST

START_TEST(found_as_it_is)
{
    static const int32_t sizes[][2] = {{160, 160}, {128, 200}, {256, 256}, {640, 480}, {1400, 900}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int32_t w = sizes[s][0], h = sizes[s][1];
        uint8_t *rgb = marked_scene(w, h, 100 + (uint32_t)s);
        jr2_mark_report r = look(rgb, w, h);
        ck_assert_msg(r.marked == 1 && r.score >= r.threshold, "%d x %d: %g of %g", w, h, (double)r.score, (double)r.threshold);
        ck_assert_float_eq_tol(r.scale_x, 1, 0.01f);
        ck_assert_int_eq(r.mirrored, 0);
        free(rgb);
    }
}
END_TEST

START_TEST(not_found_where_it_is_not)
{
    for (uint32_t s = 0; s < 12; s++) {
        int32_t w = 64 + (int32_t)s * 40, h = 400 - (int32_t)s * 20;
        uint8_t *rgb = scene(w, h, 500 + s);
        jr2_mark_report r = look(rgb, w, h);
        ck_assert_msg(r.marked == 0 && r.score < r.threshold - 1, "%g of %g", (double)r.score, (double)r.threshold);
        if (s == 0)
            memset(rgb, 77, (size_t)w * (size_t)h * 3);
        else
            for (int32_t i = 0; i < w * h * 3; i++) /* a strong pattern of the mark's own period is not the mark */
                rgb[i] = (uint8_t)(i / 3 % w % 64 < 32 ? 40 + s : 200 - (i / 3 / w % 64 < 20 ? 50 : 0));
        r = look(rgb, w, h);
        ck_assert_msg(r.marked == 0, "pattern: %g of %g", (double)r.score, (double)r.threshold);
        free(rgb);
    }
}
END_TEST

/* Bilinear between pixel centres, averaged over 4 points. */
static uint8_t *resized(const uint8_t *rgb, int32_t w, int32_t h, int32_t nw, int32_t nh)
{
    uint8_t *out = malloc((size_t)nw * (size_t)nh * 3);
    for (int32_t y = 0; y < nh; y++)
        for (int32_t x = 0; x < nw; x++)
            for (int32_t c = 0; c < 3; c++) {
                double sum = 0;
                for (int32_t k = 0; k < 4; k++) {
                    double u = (x + 0.25 + 0.5 * (k & 1)) * w / nw - 0.5, v = (y + 0.25 + 0.25 * (k & 2)) * h / nh - 0.5;
                    u = u < 0 ? 0 : u > w - 1.001 ? w - 1.001 : u;
                    v = v < 0 ? 0 : v > h - 1.001 ? h - 1.001 : v;
                    int32_t i = (int32_t)u, j = (int32_t)v;
                    const uint8_t *p = rgb + 3 * (j * w + i) + c, *q = p + 3 * w;
                    u -= i;
                    v -= j;
                    sum += (1 - v) * ((1 - u) * p[0] + u * p[3]) + v * ((1 - u) * q[0] + u * q[3]);
                }
                out[3 * (y * nw + x) + c] = byte(sum / 4);
            }
    return out;
}

START_TEST(found_after_resizing)
{
    static const int32_t sizes[][2] = {{256, 192}, {333, 250}, {411, 308}, {700, 525}, {1024, 768}};
    uint8_t *rgb = marked_scene(512, 384, 42);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int32_t w = sizes[s][0], h = sizes[s][1];
        uint8_t *other = resized(rgb, 512, 384, w, h);
        jr2_mark_report r = look(other, w, h);
        ck_assert_msg(r.marked == 1, "%d x %d: %g of %g", w, h, (double)r.score, (double)r.threshold);
        ck_assert_float_eq_tol(r.scale_x, (float)w / 512, 0.02f);
        free(other);
    }
    free(rgb);
}
END_TEST

START_TEST(found_after_cropping_and_mirroring)
{
    enum { W = 400, H = 320 };
    uint8_t *rgb = marked_scene(W, H, 77);
    jr2_image image = image_of(rgb + 3 * (31 * W + 53), 320, 256);
    image.stride = 3 * W;
    jr2_mark_report r;
    JR2_INIT(r);
    ck_assert_int_eq(jr2_mark_check(&image, 1, NULL, &r), JR2_OK);
    ck_assert_int_eq(r.marked, 1);
    for (int32_t y = 0; y < H; y++)
        for (int32_t x = 0; x < W / 2; x++)
            for (int32_t c = 0; c < 3; c++) {
                uint8_t *a = rgb + 3 * (y * W + x) + c, *b = rgb + 3 * (y * W + W - 1 - x) + c, t = *a;
                *a = *b;
                *b = t;
            }
    r = look(rgb, W, H);
    ck_assert_int_eq(r.marked, 1);
    ck_assert_int_eq(r.mirrored, 1);
    free(rgb);
}
END_TEST

/* What JPEG does to grey, at its quality 50: blocks of 8 x 8 cosines rounded to steps. */
static void quantise(uint8_t *rgb, int32_t w, int32_t h)
{
    static const uint8_t steps[64] = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,  14, 13, 16, 24, 40,  57,
                                      69, 56, 14, 17, 22,  29,  51,  87,  80, 62, 18, 22, 37,  56,  68,  109, 103, 77, 24, 35, 55,  64,
                                      81, 104, 113, 92, 49, 64, 78,  87,  103, 121, 120, 101, 72, 92, 95,  98,  112, 100, 103, 99};
    double c[8][8];
    for (int32_t k = 0; k < 8; k++)
        for (int32_t i = 0; i < 8; i++)
            c[k][i] = (k ? 0.5 : sqrt(0.125)) * cos((2 * i + 1) * k * 3.141592653589793 / 16);
    for (int32_t y = 0; y + 8 <= h; y += 8)
        for (int32_t x = 0; x + 8 <= w; x += 8) {
            double a[8][8], b[8][8];
            for (int32_t i = 0; i < 8; i++)
                for (int32_t k = 0; k < 8; k++) {
                    a[i][k] = 0;
                    for (int32_t j = 0; j < 8; j++)
                        a[i][k] += c[k][j] * (rgb[3 * ((y + i) * w + x + j) + 1] - 128.0);
                }
            for (int32_t l = 0; l < 8; l++)
                for (int32_t k = 0; k < 8; k++) {
                    double sum = 0;
                    for (int32_t i = 0; i < 8; i++)
                        sum += c[l][i] * a[i][k];
                    b[l][k] = steps[8 * l + k] * floor(sum / steps[8 * l + k] + 0.5);
                }
            for (int32_t i = 0; i < 8; i++)
                for (int32_t j = 0; j < 8; j++) {
                    double sum = 128;
                    for (int32_t l = 0; l < 8; l++)
                        for (int32_t k = 0; k < 8; k++)
                            sum += c[l][i] * c[k][j] * b[l][k];
                    memset(rgb + 3 * ((y + i) * w + x + j), byte(sum), 3);
                }
        }
}

START_TEST(found_after_quantising)
{
    uint8_t *rgb = marked_scene(320, 320, 5);
    quantise(rgb, 320, 320);
    jr2_mark_report r = look(rgb, 320, 320);
    ck_assert_msg(r.marked == 1, "%g of %g", (double)r.score, (double)r.threshold);
    free(rgb);
}
END_TEST

/* A marked part of a large picture, and frames that only together show the mark. */
START_TEST(found_in_parts_and_frames)
{
    enum { W = 1300, H = 800 };
    uint8_t *rgb = scene(W, H, 9);
    jr2_image image = image_of(rgb, W, H);
    jr2_mark_options options;
    JR2_INIT(options);
    options.left = 777;
    options.top = 301;
    options.width = 384;
    options.height = 384;
    uint8_t *before = malloc(W * H * 3);
    memcpy(before, rgb, W * H * 3);
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_OK);
    for (int32_t y = 0; y < H; y++)
        for (int32_t x = 0; x < W; x++)
            if (x < 777 || y < 301 || x >= 777 + 384 || y >= 301 + 384)
                ck_assert(memcmp(rgb + 3 * (y * W + x), before + 3 * (y * W + x), 3) == 0);
    jr2_mark_report r = look(rgb, W, H);
    ck_assert_int_eq(r.marked, 1);
    ck_assert(r.left >= 0 && r.top >= 0 && r.left + r.width <= W && r.top + r.height <= H);
    JR2_INIT(r);
    options.left -= 20;
    ck_assert_int_eq(jr2_mark_check(&image, 1, &options, &r), JR2_OK);
    ck_assert_int_eq(r.marked, 1);
    ck_assert_int_eq(r.left, 757);
    free(rgb);
    free(before);

    enum { FRAMES = 8, S = 128 };
    jr2_image images[FRAMES];
    double alone = 0;
    for (int32_t i = 0; i < FRAMES; i++) {
        uint8_t *frame = marked_scene(S, S, 900 + (uint32_t)i);
        for (int32_t k = 0; k < S * S * 3; k++)
            frame[k] = byte(frame[k] + 50 * (uniform() + uniform() - 1));
        images[i] = image_of(frame, S, S);
        alone += (double)look(frame, S, S).score / FRAMES;
    }
    JR2_INIT(r);
    ck_assert_int_eq(jr2_mark_check(images, FRAMES, NULL, &r), JR2_OK);
    ck_assert_msg((double)r.score > alone + 1, "%g, alone %g", (double)r.score, alone);
    for (int32_t i = 0; i < FRAMES; i++)
        free((void *)(uintptr_t)images[i].pixels);
}
END_TEST

START_TEST(bad_arguments)
{
    enum { W = 80, H = 70 };
    uint8_t *rgb = scene(W, H, 9);
    char error[64] = "x";
    jr2_image image = image_of(rgb, W, H), two[2] = {image, image};
    jr2_mark_options options;
    jr2_mark_report report;
    JR2_INIT(options);
    JR2_INIT(report);
    options.error = error;
    options.error_size = sizeof error;
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_OK);
    ck_assert_str_eq(error, "");
    ck_assert_int_eq(jr2_mark_embed(NULL, &options), JR2_ERR_ARGUMENT);
    ck_assert_str_ne(error, "");
    ck_assert_int_eq(jr2_mark_check(NULL, 1, NULL, &report), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_mark_check(&image, 1, NULL, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_mark_check(&image, 0, NULL, &report), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_mark_check(&image, 65, NULL, &report), JR2_ERR_ARGUMENT);
    two[1].width--;
    ck_assert_int_eq(jr2_mark_check(two, 2, NULL, &report), JR2_ERR_IMAGE_SIZE);
    report.struct_size = 4;
    ck_assert_int_eq(jr2_mark_check(&image, 1, NULL, &report), JR2_ERR_STRUCT_SIZE);
    image.width = 63;
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_ERR_IMAGE_SIZE);
    image.width = W;
    image.format = 17;
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_ERR_IMAGE_FORMAT);
    image.format = JR2_PIXEL_RGB8;
    static const int32_t rectangles[][4] = {{-1, 0, 64, 64}, {0, 0, 81, 64}, {17, 0, 64, 64}, {0, 7, 64, 64}, {1, 1, 0, 0},
                                            {0, 0, -64, 64}, {INT32_MAX, 0, 64, 64}, {0, INT32_MIN, 64, 64}, {0, 0, INT32_MIN, INT32_MIN}};
    for (size_t i = 0; i < sizeof rectangles / sizeof *rectangles; i++) {
        options.left = rectangles[i][0];
        options.top = rectangles[i][1];
        options.width = rectangles[i][2];
        options.height = rectangles[i][3];
        ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_ERR_RANGE);
    }
    options.left = options.top = 0;
    options.width = options.height = 63;
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_ERR_IMAGE_SIZE);
    options.struct_size = 1;
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_ERR_STRUCT_SIZE);
    JR2_INIT(options);
    options.alloc_user = rgb;
    options.release = (jr2_release_fn)(uintptr_t)1;
    ck_assert_int_eq(jr2_mark_embed(&image, &options), JR2_ERR_ARGUMENT);
    free(rgb);
}
END_TEST

typedef struct meter {
    int left, live;
} meter;

static void *take(void *user, size_t size, size_t alignment)
{
    meter *m = user;
    void *p = NULL;
    if (m->left-- <= 0 || posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    m->live++;
    return p;
}

static void give(void *user, void *pointer)
{
    ((meter *)user)->live--;
    free(pointer);
}

START_TEST(no_memory)
{
    uint8_t *rgb = marked_scene(100, 100, 9);
    jr2_image image = image_of(rgb, 100, 100);
    for (int n = 0;; n++) {
        ck_assert_int_lt(n, 50);
        meter m = {n, 0};
        jr2_mark_options options;
        jr2_mark_report report;
        JR2_INIT(options);
        JR2_INIT(report);
        options.alloc = take;
        options.release = give;
        options.alloc_user = &m;
        int32_t status = jr2_mark_check(&image, 1, &options, &report);
        ck_assert_int_eq(m.live, 0);
        if (status == JR2_OK)
            break;
        ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
    }
    free(rgb);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mark");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300);
    tcase_add_test(all, transforms_are_right);
    tcase_add_test(all, the_pattern_stays);
    tcase_add_test(all, changes_little);
    tcase_add_test(all, every_format_and_stride);
    tcase_add_test(all, found_as_it_is);
    tcase_add_test(all, not_found_where_it_is_not);
    tcase_add_test(all, found_after_resizing);
    tcase_add_test(all, found_after_cropping_and_mirroring);
    tcase_add_test(all, found_after_quantising);
    tcase_add_test(all, found_in_parts_and_frames);
    tcase_add_test(all, bad_arguments);
    tcase_add_test(all, no_memory);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
