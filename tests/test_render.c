/* SPDX-License-Identifier: MIT
 * Light, depth maps, hole filling, mirrored places, the texture atlas. */
#include <math.h>

#include "render/depth.h"
#include "render/fill.h"
#include "render/mirror.h"
#include "render/raster.h"
#include "render/shade.h"
#include "render/texture.h"
#include "suite.h"
#include "tiny_face.h"

START_TEST(test_light)
{
    /* orthonormal over the sphere */
    double gram[9][9] = {{0}};
    int n = 200;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < 2 * n; j++) {
            double t = JR2I_PI * (i + 0.5) / n, p = JR2I_PI * (j + 0.5) / n;
            float normal[3] = {(float)(sin(t) * cos(p)), (float)(sin(t) * sin(p)), (float)cos(t)}, basis[9];
            jr2i_light_basis(normal, basis);
            for (int a = 0; a < 9; a++)
                for (int b = 0; b < 9; b++)
                    gram[a][b] += (double)basis[a] * (double)basis[b] * sin(t) * JR2I_PI / n * JR2I_PI / n;
        }
    for (int a = 0; a < 9; a++)
        for (int b = 0; b < 9; b++)
            ck_assert(fabs(gram[a][b] - (a == b)) < 1e-3);
    float light[27] = {0}, up[3] = {0, 1, 0}, right[3] = {1, 0, 0}, down[3] = {0, -1, 0}, rgb[3], turned[3];
    light[3] = 1; /* red light from above */
    jr2i_light_at(light, up, rgb);
    ck_assert_float_eq_tol(rgb[0], 0.488603f, 1e-6f);
    ck_assert_float_eq(rgb[1], 0);
    jr2i_light_at(light, down, rgb);
    ck_assert_float_eq(rgb[0], 0); /* not negative */
    float r[9], albedo[3] = {0.5f, 1, 1};
    jr2i_pose_matrix(0, 0, -JR2I_PI / 2, r); /* x goes to y */
    jr2i_shade_vertices(right, albedo, 1, r, light, turned);
    ck_assert_float_eq_tol(turned[0], 0.5f * 0.488603f, 1e-5f);
    for (int i = 0; i < 256; i++)
        ck_assert_float_eq_tol(jr2i_srgb_encode(jr2i_srgb_decode((float)i / 255)) * 255, (float)i, 1e-2f);
    ck_assert_float_eq(jr2i_srgb_encode(NAN), 0);
    ck_assert_float_eq(jr2i_srgb_encode(5), 1);
}
END_TEST

START_TEST(test_fill)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    for (int32_t size = 1; size < 140; size = size * 2 + 7) {
        jr2i_fill fill;
        ck_assert_int_eq(jr2i_fill_create(&env, size, &fill), JR2_OK);
        float *cells = fill.cell[0];
        for (int32_t i = 0; i < size * size; i++)
            if (i % 7 == 0) { /* a ramp, known here and there */
                cells[4 * i] = 3;
                cells[4 * i + 1] = (float)(i % size);
                cells[4 * i + 3] = 1;
            }
        jr2i_fill_run(&fill);
        for (int32_t i = 0; i < size * size; i++) {
            ck_assert_float_eq_tol(cells[4 * i], 3, 1e-4f); /* a constant fills with itself */
            if (i % 7 == 0)
                ck_assert_float_eq(cells[4 * i + 1], (float)(i % size));
            ck_assert(cells[4 * i + 1] >= -1e-3f && cells[4 * i + 1] <= (float)size);
        }
        float value[4];
        jr2i_fill_sample(&fill, 0, 1e9f, -1e9f, value);
        ck_assert_float_eq_tol(value[0], 3, 1e-4f);
        jr2i_fill_free(&env, &fill);
    }
}
END_TEST

START_TEST(test_depth)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    const float screen[24] = {10, 10, 5, 10, 90, 5, 90, 10, 5, 90, 90, 5, 30, 30, 2, 30, 50, 2, 50, 30, 2, 50, 50, 2};
    const int32_t triangles[12] = {0, 1, 2, 2, 1, 3, 4, 5, 6, 6, 5, 7}; /* a small square before a large one */
    jr2i_depth_map map;
    ck_assert_int_eq(jr2i_depth_make(&env, screen, NULL, 8, triangles, 4, 200, 200, 80, &map), JR2_OK);
    ck_assert_int_eq(jr2i_depth_make_inner(&env, &map), JR2_OK);
    ck_assert_int_eq(map.width, 80);
    ck_assert_float_eq_tol(jr2i_depth_behind(&map, 40, 40, 5, 0), 3, 1e-4f);
    ck_assert_float_eq_tol(jr2i_depth_behind(&map, 80, 80, 5, 0), 0, 1e-4f);
    ck_assert_float_eq_tol(jr2i_depth_behind(&map, 50.5f, 40, 5, 1), 3, 1e-4f); /* next to it: strict says hidden */
    ck_assert_float_eq_tol(jr2i_depth_behind(&map, 50.5f, 40, 5, 0), 0, 1e-4f);
    ck_assert_float_ge(jr2i_depth_behind(&map, 5, 5, 0, 0), 1e8f);
    ck_assert_float_ge(jr2i_depth_behind(&map, NAN, 5, 0, 0), 1e8f);
    jr2i_depth_free(&env, &map);
    const float away[9] = {-50, -50, 1, -40, -50, 1, -50, -40, NAN};
    ck_assert_int_eq(jr2i_depth_make(&env, away, NULL, 3, triangles, 1, 200, 200, 80, &map), JR2_OK);
    ck_assert_int_eq(map.width, 0);
    ck_assert_int_eq(jr2i_depth_make_inner(&env, &map), JR2_OK);
    ck_assert_float_ge(jr2i_depth_behind(&map, 5, 5, 0, 0), 1e8f);
    jr2i_depth_free(&env, &map);
    /* distance to the outline */
    const float disc[9] = {0, 0, 1, 0, 100, 1, 100, 0, 1};
    ck_assert_int_eq(jr2i_depth_make(&env, disc, NULL, 3, triangles, 1, 200, 200, 100, &map), JR2_OK);
    ck_assert_int_eq(jr2i_depth_make_inner(&env, &map), JR2_OK);
    ck_assert_float_eq(jr2i_depth_inner(&map, 90, 90), 0);
    ck_assert_float_eq_tol(jr2i_depth_inner(&map, 30, 30), 40 / 1.41421f, 3);
    jr2i_depth_free(&env, &map);
}
END_TEST

START_TEST(test_mirror)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_head *h = tiny_head(&env);
    float *uv = tiny_floats(2 * (size_t)h->vertex_count);
    ck_assert_int_eq(jr2i_mirror_make(&env, h, uv), JR2_OK);
    /* the ball's u runs once around from the back: mirrored it is 1 - u of its tile (0.01, 0.98 wide) */
    int32_t seen = 0;
    for (int32_t t = 0; t < h->triangle_count; t++)
        for (int k = 0; k < 3; k++) {
            int32_t v = h->triangles[3 * t + k];
            const float *at = h->uv + 2 * h->triangles_uv[3 * t + k], *x = h->surface.mean + 3 * v;
            if (!jr2i_mirror_skin(h->part[t]) || x[2] < 1 || fabsf(x[1]) > 9)
                continue;
            ck_assert_float_eq_tol(uv[2 * v], 1 - at[0], 0.01f);
            ck_assert_float_eq_tol(uv[2 * v + 1], at[1], 0.01f);
            seen++;
        }
    ck_assert_int_gt(seen, 300);
    free(uv);
    jr2i_head_free(&env, h);
}
END_TEST

static uint8_t *photo_of(tiny_face *f, int32_t width, int32_t height)
{
    /* paint the head in one colour over blue, darker to its left side: what is seen must come back in the atlas */
    size_t vertices = (size_t)f->head->vertex_count;
    uint8_t *rgb = malloc(3 * (size_t)width * (size_t)height);
    float *screen = tiny_floats(3 * vertices), *inv_w = tiny_floats(vertices), *linear = tiny_floats(3 * vertices);
    for (int32_t i = 0; i < width * height; i++) {
        rgb[3 * i] = rgb[3 * i + 1] = 0;
        rgb[3 * i + 2] = 255;
    }
    jr2i_camera_screen(&f->view.camera, f->view.matrix, f->vertices, f->head->vertex_count, screen, inv_w);
    for (size_t i = 0; i < vertices; i++)
        for (int k = 0; k < 3; k++)
            linear[3 * i + (size_t)k] = jr2i_srgb_decode((float)(200 - 40 * k) / 255);
    jr2i_canvas canvas = {rgb, width, height};
    ck_assert_int_eq(jr2i_shade_draw(&f->env, &canvas, screen, inv_w, f->head->vertex_count, f->head->triangles,
                                     f->head->triangle_count, linear, 1), JR2_OK);
    free(screen);
    free(inv_w);
    free(linear);
    return rgb;
}

static jr2i_texture_input texture_input(tiny_face *f, const jr2i_view *view, int32_t size)
{
    jr2i_texture_input in = {view, &f->view.camera, f->view.matrix, f->vertices, f->normals, f->light, f->albedo, f->head->albedo_count,
                             size};
    return in;
}

START_TEST(test_texture)
{
    tiny_face f;
    tiny_face_make(&f, 640, 480, 0.5f);
    uint8_t *rgb = photo_of(&f, 640, 480), *atlas = malloc(256 * 256 * 3);
    jr2i_view view = jr2i_view_rgb(rgb, 640, 480);
    jr2i_texture_input in = texture_input(&f, &view, 256);
    ck_assert_int_eq(jr2i_texture_make(&f.env, f.head, &in, atlas), JR2_OK);
    /* the whole skin, seen or not, has the photo's colour: nothing of the blue came in */
    int32_t wrong = 0;
    for (int32_t y = 0; y < 150; y++)
        for (int32_t x = 10; x < 246; x++)
            for (int k = 0; k < 3; k++) {
                int d = atlas[3 * (256 * y + x) + k] - (200 - 40 * k);
                wrong += d < -50 || d > 30; /* the back is shaded a little darker */
            }
    ck_assert_int_lt(wrong, 300);
    /* sizes and a head out of the picture */
    in.size = 63;
    ck_assert_int_eq(jr2i_texture_make(&f.env, f.head, &in, atlas), JR2_ERR_RANGE);
    in.size = 4097;
    ck_assert_int_eq(jr2i_texture_make(&f.env, f.head, &in, atlas), JR2_ERR_RANGE);
    in.size = 64;
    f.view.matrix[12] = 1e6f;
    ck_assert_int_eq(jr2i_texture_make(&f.env, f.head, &in, atlas), JR2_OK);
    f.view.matrix[12] = 0;
    f.view.matrix[14] = 50; /* behind the camera */
    ck_assert_int_eq(jr2i_texture_make(&f.env, f.head, &in, atlas), JR2_OK);
    f.view.matrix[14] = -1;
    ck_assert_int_eq(jr2i_texture_make(&f.env, f.head, &in, atlas), JR2_OK);
    free(rgb);
    free(atlas);
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
    tiny_face_make(&f, 160, 120, 0.5f);
    uint8_t *rgb = photo_of(&f, 160, 120), *atlas = malloc(64 * 64 * 3);
    jr2i_view view = jr2i_view_rgb(rgb, 160, 120);
    jr2i_texture_input in = texture_input(&f, &view, 64);
    jr2i_env env;
    memset(&env, 0, sizeof env);
    env.alloc = failing_alloc;
    env.release = failing_release;
    for (fail_at = 1;; fail_at++) {
        allocations = 0;
        int32_t status = jr2i_texture_make(&env, f.head, &in, atlas);
        ck_assert_int_eq(alive, 0);
        if (status == JR2_OK)
            break;
        ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
    }
    ck_assert_int_gt(fail_at, 12);
    free(rgb);
    free(atlas);
    tiny_face_free(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("render");
    TCase *tests = tcase_create("render");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_light);
    tcase_add_test(tests, test_fill);
    tcase_add_test(tests, test_depth);
    tcase_add_test(tests, test_mirror);
    tcase_add_test(tests, test_texture);
    tcase_add_test(tests, test_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
