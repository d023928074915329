/* SPDX-License-Identifier: MIT
 * The finder: the reduction of pictures, the network against PyTorch's numbers, and what is found on a portrait that is turned,
 * enlarged, made grey, stored otherwise or not there. Reads weights/find.jr2w and tests/data/find.jr2w (training/find/export.py). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/find.h"
#include "image/resize.h"
#include "image/warp.h"
#include "suite.h"

#define MAX 64

typedef struct rig {
    jr2i_env env;
    jr2i_net *net;
    jr2i_finder *finder;
    uint8_t *photo; /* (256,256,3) */
    jr2i_found found[MAX];
    int32_t count;
} rig;

#define SIDE 256

static jr2i_jr2w *open_file(jr2i_env *env, const char *path)
{
    jr2i_jr2w *file;
    ck_assert_msg(jr2i_jr2w_open_file(env, path, &file) == JR2_OK, "%s", env->error);
    return file;
}

static void start(rig *r, int32_t threads)
{
    memset(r, 0, sizeof *r);
    jr2i_jr2w *file = open_file(&r->env, "weights/find.jr2w");
    ck_assert_msg(jr2i_net_find_create(&r->env, file, &r->net) == JR2_OK, "%s", r->env.error);
    jr2i_jr2w_close(&r->env, file);
    ck_assert_int_eq(jr2i_finder_create(&r->env, r->net, threads, &r->finder), JR2_OK);
    file = open_file(&r->env, "tests/data/find.jr2w");
    const int32_t dims[3] = {SIDE, SIDE, 3};
    ck_assert_int_eq(jr2i_jr2w_load_u8(&r->env, file, "photo", 3, dims, &r->photo), JR2_OK);
    jr2i_jr2w_close(&r->env, file);
}

static void stop(rig *r)
{
    jr2i_finder_free(&r->env, r->finder);
    jr2i_net_free(&r->env, r->net);
    jr2i_free(&r->env, r->photo);
}

static void run(rig *r, const jr2i_view *view)
{
    ck_assert_msg(jr2i_finder_run(&r->env, r->finder, NULL, view, 0.5f, r->found, MAX, &r->count) == JR2_OK, "%s", r->env.error);
}

static float degrees_apart(float a, float b)
{
    return fabsf(remainderf(a - b, 6.2831853f)) * 57.29578f;
}

/* Where the face is in the photo. */
static const jr2i_frame truth = {112.4f, 62.6f, 52.8f, 0.04f};

static void expect(const rig *r, int32_t i, const jr2i_frame *want)
{
    const jr2i_frame *f = &r->found[i].frame;
    ck_assert_msg(jr2i_find_overlap(f, want) > 0.5f && degrees_apart(f->roll, want->roll) < 20, "found %g %g size %g roll %g, wanted %g %g size %g roll %g",
                  (double)f->x, (double)f->y, (double)f->size, (double)f->roll, (double)want->x, (double)want->y, (double)want->size, (double)want->roll);
}

/* --- the reduction --- */

START_TEST(shrink_is_the_mean_of_the_area)
{
    enum { W = 7, H = 5, OW = 3, OH = 2 };
    uint8_t rgb[W * H * 3];
    float out[3 * OW * OH], scratch[64];
    for (int i = 0; i < W * H * 3; i++)
        rgb[i] = (uint8_t)(i * 37 % 251);
    jr2i_view view = jr2i_view_rgb(rgb, W, H);
    ck_assert_uint_le(jr2i_resize_scratch(&view), 64);
    jr2i_resize_planar(&view, OW, OH, out, OW, OW * OH, scratch);
    for (int k = 0; k < 3; k++)
        for (int v = 0; v < OH; v++)
            for (int u = 0; u < OW; u++) {
                double sum = 0, area = 0;
                for (int y = 0; y < H; y++)
                    for (int x = 0; x < W; x++) { /* the part of the source pixel inside */
                        double a = fmin(x + 1, (u + 1) * (double)W / OW) - fmax(x, u * (double)W / OW);
                        double b = fmin(y + 1, (v + 1) * (double)H / OH) - fmax(y, v * (double)H / OH);
                        if (a > 0 && b > 0) {
                            sum += a * b * rgb[(y * W + x) * 3 + k];
                            area += a * b;
                        }
                    }
                ck_assert_double_eq_tol((double)out[k * OW * OH + v * OW + u], sum / area / 127.5 - 1, 1e-5);
            }
}
END_TEST

START_TEST(shrink_of_every_ratio_keeps_a_flat_picture)
{
    enum { S = 40 };
    uint8_t grey[S * S];
    float *out = malloc(3 * S * S * sizeof *out), scratch[64];
    memset(grey, 200, sizeof grey);
    for (int32_t w = 1; w <= S; w++) {
        jr2i_view view = {grey, S, S, S - w / 3, 1, 0, 0, 0};
        int32_t h = 1 + w * (view.height - 1) / S;
        jr2i_resize_planar(&view, w, h, out, (size_t)w, (size_t)w * (size_t)h, scratch);
        for (int32_t i = 0; i < 3 * w * h; i++)
            ck_assert_float_eq_tol(out[i], 200 / 127.5f - 1, 1e-5f);
    }
    free(out);
}
END_TEST

START_TEST(enlarging_is_that_of_the_warp)
{
    enum { W = 5, H = 4, OW = 13, OH = 9 };
    uint8_t rgb[W * H * 3];
    float out[3 * OW * OH], want[3 * OW * OH], scratch[64];
    for (int i = 0; i < W * H * 3; i++)
        rgb[i] = (uint8_t)(i * 37 % 251);
    jr2i_view view = jr2i_view_rgb(rgb, W, H);
    const float map[6] = {(float)W / OW, 0, 0, 0, (float)H / OH, 0};
    jr2i_warp_planar(&view, map, OW, OH, JR2I_OUTSIDE_REPEAT, NULL, want);
    jr2i_resize_planar(&view, OW, OH, out, OW, OW * OH, scratch);
    for (int i = 0; i < 3 * OW * OH; i++) /* the warp rounds its weights */
        ck_assert_float_eq_tol(out[i], want[i], 1e-3f);
}
END_TEST

START_TEST(sizes_of_the_input)
{
    static const int32_t cases[][6] = {/* width, height -> reduced, padded */
                                       {640, 480, 320, 240, 320, 256}, {480, 640, 240, 320, 256, 320}, {320, 320, 320, 320, 320, 320},
                                       {1, 1, 320, 320, 320, 320},     {50000, 1, 320, 1, 320, 32},    {1, 50000, 1, 320, 32, 320},
                                       {1920, 1080, 320, 180, 320, 192}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jr2i_view view = {NULL, 0, cases[i][0], cases[i][1], 3, 0, 1, 2};
        int32_t w, h, pw, ph;
        jr2i_find_size(&view, 320, &w, &h, &pw, &ph);
        ck_assert_int_eq(w, cases[i][2]);
        ck_assert_int_eq(h, cases[i][3]);
        ck_assert_int_eq(pw, cases[i][4]);
        ck_assert_int_eq(ph, cases[i][5]);
    }
}
END_TEST

START_TEST(overlap_of_discs)
{
    const jr2i_frame a = {10, 10, 8, 0}, half = {10, 10, 4, 1}, far_away = {30, 10, 8, 0}, beside = {14, 10, 8, 0};
    ck_assert_float_eq_tol(jr2i_find_overlap(&a, &a), 1, 1e-6f);
    ck_assert_float_eq_tol(jr2i_find_overlap(&a, &half), 0.25f, 1e-6f);
    ck_assert_float_eq(jr2i_find_overlap(&a, &far_away), 0);
    /* two discs of radius r at distance r: the lens is (2 pi / 3 - sqrt(3) / 2) r^2 */
    ck_assert_float_eq_tol(jr2i_find_overlap(&a, &beside), 1.228370f / (6.283185f - 1.228370f), 1e-5f);
    ck_assert_float_eq(jr2i_find_overlap(&a, &beside), jr2i_find_overlap(&beside, &a));
}
END_TEST

/* --- the network --- */

START_TEST(network_matches_pytorch)
{
    rig r;
    float *input, *map;
    start(&r, 1);
    jr2i_jr2w *file = open_file(&r.env, "tests/data/find.jr2w");
    const int32_t dims[3] = {3, 96, 128};
    ck_assert_int_eq(jr2i_jr2w_load_f32(&r.env, file, "input", 3, dims, &input), JR2_OK);
    jr2i_net_state *state;
    ck_assert_int_eq(jr2i_net_state_create(&r.env, r.net, 96, 128, 1, &state), JR2_OK);
    ck_assert_int_eq(jr2i_net_run(&r.env, r.net, state, NULL, input), JR2_OK);
    ck_assert_int_eq(jr2i_net_outputs(r.net), JR2I_FIND_LEVELS);
    for (int32_t level = 0; level < JR2I_FIND_LEVELS; level++) {
        char name[16];
        int32_t c, h, w;
        snprintf(name, sizeof name, "map%d", (int)level);
        const float *got = jr2i_net_output(r.net, state, level, &c, &h, &w);
        ck_assert_int_eq(c, JR2I_FIND_VALUES);
        ck_assert_int_eq(h, 96 / (JR2I_FIND_STRIDE << level));
        ck_assert_int_eq(w, 128 / (JR2I_FIND_STRIDE << level));
        const int32_t shape[3] = {c, h, w};
        ck_assert_int_eq(jr2i_jr2w_load_f32(&r.env, file, name, 3, shape, &map), JR2_OK);
        float worst = 0, largest = 0;
        for (int32_t i = 0; i < c * h * w; i++) {
            worst = fmaxf(worst, fabsf(got[i] - map[i]));
            largest = fmaxf(largest, fabsf(map[i]));
        }
        ck_assert_msg(worst < 2e-3f * fmaxf(1, largest), "level %d: difference %g, largest %g", (int)level, (double)worst, (double)largest);
        jr2i_free(&r.env, map);
    }
    jr2i_free(&r.env, input);
    jr2i_net_state_free(&r.env, state);
    jr2i_jr2w_close(&r.env, file);
    stop(&r);
}
END_TEST

START_TEST(weights_of_another_kind_are_refused)
{
    jr2i_env env = {0};
    jr2i_net *net;
    jr2i_jr2w *file = open_file(&env, "tests/data/find.jr2w"); /* a file of numbers, not a finder */
    ck_assert_int_eq(jr2i_net_find_create(&env, file, &net), JR2_ERR_TOPOLOGY);
    ck_assert_ptr_null(net);
    ck_assert_str_ne(env.error, "");
    jr2i_jr2w_close(&env, file);
}
END_TEST

/* --- finding --- */

START_TEST(portrait)
{
    rig r;
    start(&r, 1);
    jr2i_view view = jr2i_view_rgb(r.photo, SIDE, SIDE);
    run(&r, &view);
    ck_assert_int_eq(r.count, 1);
    ck_assert(r.found[0].score > 0.7f && r.found[0].score <= 1);
    expect(&r, 0, &truth);
    stop(&r);
}
END_TEST

START_TEST(portrait_turned_and_scaled)
{
    enum { W = 480, H = 360 };
    rig r;
    start(&r, 1);
    uint8_t *canvas = malloc(W * H * 3);
    jr2i_view photo = jr2i_view_rgb(r.photo, SIDE, SIDE), view = jr2i_view_rgb(canvas, W, H);
    int tried = 0, more = 0;
    for (int angle = -40; angle <= 40; angle += 20)
        for (float size = 48; size < 350; size *= 1.6f) {
            /* the map from the canvas to the photo: the face lands in the middle of the canvas */
            jr2i_frame want = {W / 2, H / 2, size, truth.roll + (float)angle / 57.29578f};
            float k = truth.size / size, a = (float)angle / 57.29578f, co = k * cosf(a), si = k * sinf(a);
            const float map[6] = {co, si, truth.x - co * want.x - si * want.y, -si, co, truth.y + si * want.x - co * want.y};
            jr2i_warp_rgb8(&photo, map, W, H, JR2I_OUTSIDE_GREY, canvas);
            run(&r, &view);
            ck_assert_msg(r.count >= 1, "no face at %d degrees, size %g", angle, (double)size);
            expect(&r, 0, &want);
            tried++;
            more += r.count - 1;
        }
    ck_assert_msg(more <= tried / 20, "%d finds too many in %d pictures", more, tried);
    free(canvas);
    stop(&r);
}
END_TEST

START_TEST(four_faces_best_first)
{
    enum { W = 2 * SIDE };
    rig r;
    start(&r, 1);
    uint8_t *canvas = malloc(W * W * 3);
    for (int y = 0; y < W; y++)
        for (int x = 0; x < W; x++)
            memcpy(canvas + (y * W + x) * 3, r.photo + (y % SIDE * SIDE + x % SIDE) * 3, 3);
    jr2i_view view = jr2i_view_rgb(canvas, W, W);
    run(&r, &view);
    ck_assert_int_eq(r.count, 4);
    for (int i = 0; i < 4; i++) {
        jr2i_frame want = truth;
        want.x += r.found[i].frame.x > SIDE ? SIDE : 0;
        want.y += r.found[i].frame.y > SIDE ? SIDE : 0;
        expect(&r, i, &want);
        ck_assert(i == 0 || r.found[i].score <= r.found[i - 1].score);
    }
    int32_t count;
    ck_assert_int_eq(jr2i_finder_run(&r.env, r.finder, NULL, &view, 0.5f, r.found, 2, &count), JR2_OK);
    ck_assert_int_eq(count, 2);
    free(canvas);
    stop(&r);
}
END_TEST

START_TEST(pixel_layouts_agree)
{
    rig r;
    start(&r, 1);
    jr2i_view view = jr2i_view_rgb(r.photo, SIDE, SIDE);
    run(&r, &view);
    jr2i_found rgb = r.found[0];
    uint8_t *bgra = malloc(SIDE * SIDE * 4), *grey = malloc(SIDE * SIDE);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *p = r.photo + (y * SIDE + x) * 3;
            uint8_t *q = bgra + ((SIDE - 1 - y) * SIDE + x) * 4; /* bottom up */
            q[0] = p[2];
            q[1] = p[1];
            q[2] = p[0];
            q[3] = 7;
            grey[y * SIDE + x] = (uint8_t)((p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8);
        }
    jr2i_view flipped = {bgra + (SIDE - 1) * SIDE * 4, -SIDE * 4, SIDE, SIDE, 4, 2, 1, 0};
    run(&r, &flipped);
    ck_assert_int_eq(r.count, 1);
    ck_assert_mem_eq(&r.found[0], &rgb, sizeof rgb);
    jr2i_view one = {grey, SIDE, SIDE, SIDE, 1, 0, 0, 0};
    run(&r, &one);
    ck_assert_int_eq(r.count, 1);
    expect(&r, 0, &truth);
    free(bgra);
    free(grey);
    stop(&r);
}
END_TEST

START_TEST(nothing_there)
{
    enum { W = 400, H = 300 };
    rig r;
    start(&r, 1);
    uint8_t *canvas = calloc(W * H, 3);
    static const int32_t sizes[][2] = {{1, 1}, {W, H}, {W * H, 1}, {1, W * H}, {3, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int fill = 0; fill < 256; fill += 51) {
            memset(canvas, fill, W * H * 3);
            jr2i_view view = jr2i_view_rgb(canvas, sizes[i][0], sizes[i][1]);
            run(&r, &view);
            ck_assert_int_eq(r.count, 0);
        }
    uint32_t state = 1;
    for (int i = 0; i < W * H * 3; i++)
        canvas[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    jr2i_view view = jr2i_view_rgb(canvas, W, H);
    run(&r, &view);
    ck_assert_int_eq(r.count, 0);
    free(canvas);
    stop(&r);
}
END_TEST

START_TEST(any_thread_count_gives_the_same_bits)
{
    rig r;
    jr2i_pool *pool;
    jr2i_found other[MAX];
    int32_t count;
    start(&r, 3);
    jr2i_view view = jr2i_view_rgb(r.photo, SIDE, SIDE);
    ck_assert_int_eq(jr2i_pool_create(&r.env, 3, &pool), JR2_OK);
    ck_assert_int_eq(jr2i_finder_run(&r.env, r.finder, NULL, &view, 0.05f, r.found, MAX, &r.count), JR2_OK);
    ck_assert_int_eq(jr2i_finder_run(&r.env, r.finder, pool, &view, 0.05f, other, MAX, &count), JR2_OK);
    ck_assert_int_eq(count, r.count);
    ck_assert_mem_eq(other, r.found, (size_t)count * sizeof *other);
    jr2i_pool_free(&r.env, pool);
    stop(&r);
}
END_TEST

START_TEST(a_finer_look_finds_smaller_faces)
{
    enum { W = 1280, H = 960 };
    rig r;
    start(&r, 1);
    uint8_t *canvas = malloc((size_t)W * H * 3);
    jr2i_frame want = {300, 400, 40, truth.roll}; /* 10 px at a side of 320, 20 px at 640 */
    float k = truth.size / want.size;
    const float map[6] = {k, 0, truth.x - k * want.x, 0, k, truth.y - k * want.y};
    jr2i_view photo = jr2i_view_rgb(r.photo, SIDE, SIDE), view = jr2i_view_rgb(canvas, W, H);
    jr2i_warp_rgb8(&photo, map, W, H, JR2I_OUTSIDE_GREY, canvas);
    ck_assert_int_eq(jr2i_finder_set_side(&r.env, r.finder, 640), JR2_OK);
    run(&r, &view);
    ck_assert_int_eq(r.count, 1);
    expect(&r, 0, &want);
    static const int32_t wrong[] = {-32, 0, 64, 321, 1312};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(jr2i_finder_set_side(&r.env, r.finder, wrong[i]), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2i_finder_set_side(&r.env, r.finder, 320), JR2_OK);
    jr2i_finder_set_retry(r.finder, 1);
    run(&r, &view);
    ck_assert_int_eq(r.count, 1);
    expect(&r, 0, &want);
    free(canvas);
    stop(&r);
}
END_TEST

/* --- memory --- */

static void *counted(void *user, size_t size, size_t alignment)
{
    int *left = user;
    return (*left)-- > 0 ? aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment) : NULL;
}

static void released(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

START_TEST(survives_every_failing_allocation)
{
    rig r;
    start(&r, 1);
    uint8_t wide[2000 * 3] = {0};
    jr2i_view view = jr2i_view_rgb(r.photo, SIDE, SIDE), other = jr2i_view_rgb(wide, 2000, 1);
    int left, n = 0;
    jr2i_env env = {.alloc = counted, .release = released, .alloc_user = &left};
    for (int32_t status = JR2_ERR_NO_MEMORY; status != JR2_OK; n++) {
        jr2i_finder *finder = NULL;
        left = n;
        status = jr2i_finder_create(&env, r.net, 1, &finder);
        if (status == JR2_OK)
            status = jr2i_finder_run(&env, finder, NULL, &view, 0.5f, r.found, MAX, &r.count);
        if (status == JR2_OK)
            status = jr2i_finder_run(&env, finder, NULL, &other, 0.5f, r.found, MAX, &r.count);
        if (status == JR2_OK)
            status = jr2i_finder_set_side(&env, finder, 640);
        if (status == JR2_OK) { /* from here on a run needs nothing more */
            left = 0;
            status = jr2i_finder_run(&env, finder, NULL, &view, 0.5f, r.found, MAX, &r.count);
            ck_assert_int_eq(status, JR2_OK);
        }
        ck_assert(status == JR2_OK || status == JR2_ERR_NO_MEMORY);
        jr2i_finder_free(&env, finder);
        ck_assert_int_lt(n, 200);
    }
    ck_assert_int_gt(n, 4);
    stop(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("find");
    TCase *reduce = tcase_create("reduce"), *net = tcase_create("network"), *find = tcase_create("find");
    tcase_add_test(reduce, shrink_is_the_mean_of_the_area);
    tcase_add_test(reduce, shrink_of_every_ratio_keeps_a_flat_picture);
    tcase_add_test(reduce, enlarging_is_that_of_the_warp);
    tcase_add_test(reduce, sizes_of_the_input);
    tcase_add_test(reduce, overlap_of_discs);
    tcase_add_test(net, network_matches_pytorch);
    tcase_add_test(net, weights_of_another_kind_are_refused);
    tcase_add_test(find, portrait);
    tcase_add_test(find, portrait_turned_and_scaled);
    tcase_add_test(find, four_faces_best_first);
    tcase_add_test(find, pixel_layouts_agree);
    tcase_add_test(find, nothing_there);
    tcase_add_test(find, any_thread_count_gives_the_same_bits);
    tcase_add_test(find, a_finer_look_finds_smaller_faces);
    tcase_add_test(find, survives_every_failing_allocation);
    suite_add_tcase(suite, reduce);
    suite_add_tcase(suite, net);
    suite_add_tcase(suite, find);
    return run_suite(suite);
}
