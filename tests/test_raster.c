/* SPDX-License-Identifier: MIT
 * The rasteriser: shared edges, perspective, winding, order, hostile input. */
#include "render/raster.h"

#include <math.h>

#include "suite.h"
#include "tiny_face.h"

#define SIDE 61
#define CELLS 9

static int32_t id[SIDE * SIDE];
static float weight[3 * SIDE * SIDE], depth[SIDE * SIDE];

/* A jittered grid over more than the picture; many corners on pixel centres and edges through them. */
static int32_t make_grid(uint32_t seed, float *xyz, int32_t *triangles)
{
    int32_t count = 0;
    for (int j = 0; j <= CELLS; j++)
        for (int i = 0; i <= CELLS; i++) {
            float *p = xyz + 3 * (j * (CELLS + 1) + i);
            p[0] = roundf(2 * ((float)i * 8 - 5 + 5 * tiny_random(&seed))) / 2;
            p[1] = roundf(2 * ((float)j * 8 - 5 + 5 * tiny_random(&seed))) / 2;
            p[2] = 5;
        }
    for (int j = 0; j < CELLS; j++)
        for (int i = 0; i < CELLS; i++) {
            int32_t a = j * (CELLS + 1) + i, b = a + 1, c = a + CELLS + 1, d = c + 1;
            const int32_t both[6] = {a, b, c, b, d, c}; /* clockwise or not: edges are shared either way */
            for (int k = 0; k < 6; k++)
                triangles[3 * count + k] = both[k];
            count += 2;
        }
    return count;
}

START_TEST(test_edges)
{
    float xyz[3 * (CELLS + 1) * (CELLS + 1)];
    int32_t triangles[6 * CELLS * CELLS], covered[SIDE * SIDE];
    for (uint32_t seed = 1; seed < 20; seed++) {
        int32_t count = make_grid(seed, xyz, triangles);
        memset(covered, 0, sizeof covered);
        for (int32_t t = 0; t < count; t++) {
            jr2i_raster(xyz, NULL, (CELLS + 1) * (CELLS + 1), triangles + 3 * t, 1, SIDE, SIDE, JR2I_CULL_NONE, id, NULL, depth);
            for (int i = 0; i < SIDE * SIDE; i++)
                covered[i] += id[i] >= 0;
        }
        for (int i = 0; i < SIDE * SIDE; i++)
            ck_assert_msg(covered[i] == 1, "seed %u: pixel %d, %d is covered %d times", (unsigned)seed, i % SIDE, i / SIDE,
                          (int)covered[i]);
    }
}
END_TEST

/* A plane in space through a pinhole: the weights must give back the point that the pixel's ray meets. */
START_TEST(test_perspective)
{
    const float corner[9] = {-30, -28, -40, 45, -20, -95, -10, 40, -60}; /* camera space */
    const int32_t triangle[3] = {0, 1, 2};
    float xyz[9], inv_w[3], focal = 50;
    for (int k = 0; k < 3; k++) {
        const float *p = corner + 3 * k;
        inv_w[k] = -1 / p[2];
        xyz[3 * k] = 30 + focal * p[0] * inv_w[k];
        xyz[3 * k + 1] = 30 - focal * p[1] * inv_w[k];
        xyz[3 * k + 2] = -p[2];
        /* what lies on the grid of 1/256 px is not moved by snapping */
        xyz[3 * k] = roundf(xyz[3 * k] * 256) / 256;
        xyz[3 * k + 1] = roundf(xyz[3 * k + 1] * 256) / 256;
    }
    jr2i_raster(xyz, inv_w, 3, triangle, 1, SIDE, SIDE, JR2I_CULL_NONE, id, weight, depth);
    int32_t seen = 0;
    float attribute[3] = {7, -3, 11};
    for (int i = 0; i < SIDE * SIDE; i++) {
        if (id[i] < 0) {
            ck_assert(isinf(depth[i]));
            continue;
        }
        seen++;
        double sx = i % SIDE + 0.5, sy = i / SIDE + 0.5, l[3], sum = 0, z = 0;
        for (int k = 0; k < 3; k++) { /* areas in double, then divided by the distance */
            const float *a = xyz + 3 * ((k + 1) % 3), *b = xyz + 3 * ((k + 2) % 3);
            l[k] = (((double)b[0] - (double)a[0]) * (sy - (double)a[1]) - ((double)b[1] - (double)a[1]) * (sx - (double)a[0])) *
                   (double)inv_w[k];
            sum += l[k];
        }
        float value;
        double wanted = 0;
        jr2i_raster_interpolate(id + i, weight + 3 * i, 1, triangle, attribute, 1, &value);
        for (int k = 0; k < 3; k++) {
            ck_assert(fabs(l[k] / sum - (double)weight[3 * i + k]) < 1e-4);
            z += l[k] / sum * (double)xyz[3 * k + 2];
            wanted += l[k] / sum * (double)attribute[k];
        }
        ck_assert(fabs(z - (double)depth[i]) < 1e-2);
        ck_assert(fabs(wanted - (double)value) < 1e-3);
    }
    ck_assert_int_gt(seen, 300);
}
END_TEST

START_TEST(test_order)
{
    /* the second square is nearer; the third hides at the same depth; the fourth faces away */
    float xyz[4 * 9];
    int32_t triangles[12];
    for (int t = 0; t < 4; t++) {
        const float corner[9] = {5, 5, 0, 5, 50, 0, 50, 5, 0}; /* counter-clockwise as seen on the screen */
        for (int k = 0; k < 9; k++)
            xyz[9 * t + k] = corner[k];
        for (int k = 0; k < 3; k++) {
            xyz[9 * t + 3 * k + 2] = t == 0 ? 3 : t == 3 ? 1 : 2;
            triangles[3 * t + k] = 3 * t + (t == 3 ? 2 - k : k);
        }
    }
    jr2i_raster(xyz, NULL, 12, triangles, 4, SIDE, SIDE, JR2I_CULL_BACK, id, weight, depth);
    ck_assert_int_eq(id[10 * SIDE + 10], 1);
    ck_assert_float_eq(depth[10 * SIDE + 10], 2);
    jr2i_raster(xyz, NULL, 12, triangles, 4, SIDE, SIDE, JR2I_CULL_NONE, id, weight, depth);
    ck_assert_int_eq(id[10 * SIDE + 10], 3);
    jr2i_raster(xyz, NULL, 12, triangles, 4, SIDE, SIDE, JR2I_CULL_FRONT, id, weight, depth);
    ck_assert_int_eq(id[10 * SIDE + 10], 3);
    ck_assert_float_eq_tol(weight[3 * (10 * SIDE + 10)] + weight[3 * (10 * SIDE + 10) + 1] + weight[3 * (10 * SIDE + 10) + 2], 1,
                           1e-5f);
}
END_TEST

/* Bands of rows, also of none and beyond the picture, make the same picture. */
START_TEST(test_rows)
{
    enum { COUNT = 60 };
    static int32_t triangles[3 * COUNT], other_id[SIDE * SIDE];
    static float xyz[9 * COUNT], other_weight[3 * SIDE * SIDE], other_depth[SIDE * SIDE];
    const int32_t cuts[] = {-3, 0, 1, 1, 17, SIDE - 1, SIDE + 5};
    uint32_t seed = 11;
    for (int k = 0; k < 9 * COUNT; k++)
        xyz[k] = 90 * tiny_random(&seed) - 10;
    for (int k = 0; k < 3 * COUNT; k++)
        triangles[k] = k;
    jr2i_raster(xyz, NULL, 3 * COUNT, triangles, COUNT, SIDE, SIDE, JR2I_CULL_NONE, id, weight, depth);
    memset(other_id, 77, sizeof other_id);
    for (size_t k = 0; k + 1 < sizeof cuts / sizeof *cuts; k++)
        jr2i_raster_rows(xyz, NULL, 3 * COUNT, triangles, COUNT, SIDE, SIDE, JR2I_CULL_NONE, cuts[k], cuts[k + 1], other_id, other_weight, other_depth);
    ck_assert_int_eq(memcmp(id, other_id, sizeof other_id), 0);
    ck_assert_int_eq(memcmp(weight, other_weight, sizeof other_weight), 0);
    ck_assert_int_eq(memcmp(depth, other_depth, sizeof other_depth), 0);
}
END_TEST

START_TEST(test_hostile)
{
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 2e6f, 1048576, -1048576, 0, 1e-40f, 30};
    const int n = sizeof bad / sizeof bad[0];
    uint32_t seed = 5;
    const int32_t wrong[12] = {0, 1, 2, 0, 1, 3, -1, 0, 1, INT32_MAX, 1, INT32_MIN};
    for (int round = 0; round < 400; round++) {
        float xyz[9], inv_w[3];
        for (int k = 0; k < 9; k++)
            xyz[k] = tiny_random(&seed) < 0.4f ? bad[(int)(tiny_random(&seed) * (float)n)] : 80 * tiny_random(&seed) - 10;
        for (int k = 0; k < 3; k++)
            inv_w[k] = tiny_random(&seed) < 0.3f ? bad[(int)(tiny_random(&seed) * (float)n)] : 0.01f + tiny_random(&seed);
        jr2i_raster(xyz, round % 2 ? inv_w : NULL, 3, wrong, 4, SIDE, SIDE, round % 3, id, weight, depth);
        int wrong_pixels = 0; /* the other triangles have corners that are not there */
        for (int i = 0; i < SIDE * SIDE; i++)
            wrong_pixels += (id[i] != -1 && id[i] != 0) || (id[i] == 0 && !isfinite(weight[3 * i]));
        ck_assert_int_eq(wrong_pixels, 0);
    }
    jr2i_raster(NULL, NULL, 0, NULL, 0, 0, 0, JR2I_CULL_NONE, NULL, NULL, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("raster");
    TCase *tests = tcase_create("raster");
    tcase_add_test(tests, test_edges);
    tcase_add_test(tests, test_perspective);
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_rows);
    tcase_add_test(tests, test_hostile);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
