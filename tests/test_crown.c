/* SPDX-License-Identifier: MIT
 * Heads that the upper border cuts: where hair is found, where it is not, and what is shown above it. */
#include <math.h>
#include <string.h>

#include "image/crown.h"
#include "suite.h"

enum { SIDE = 128, TOP = 6, LEFT = 2, RIGHT = 126, MIDDLE = 64, HEAD_TOP = 30, WIDTH = 60 };

static float crop[3 * SIDE * SIDE], hair[SIDE * SIDE];
static const float head[3] = {MIDDLE - WIDTH / 2, MIDDLE + WIDTH / 2, HEAD_TOP};

static void put(int x, int y, float r, float g, float b)
{
    const float rgb[3] = {r, g, b};
    for (int k = 0; k < 3; k++)
        crop[(k * SIDE + y) * SIDE + x] = rgb[k];
}

/* A wall that gets darker to the right, and before it dark hair: an ellipse around (MIDDLE, 50) with these radii. Above the picture the border row
 * repeats. */
static void draw(float across, float up)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const float row = (float)(y < TOP ? TOP : y), u = ((float)x - MIDDLE) / across, v = (row - 50) / up, wall = 0.9f - 0.1f * (float)x / SIDE;
            if (u * u + v * v < 1)
                put(x, y, 0.2f, 0.15f, 0.1f);
            else
                put(x, y, wall, wall, 0.7f);
        }
}

static int find(jr2i_crown *crown)
{
    jr2i_crown_find(crop, SIDE, LEFT, RIGHT, TOP, head, hair, crown);
    return crown->side == SIDE;
}

START_TEST(closes_cut_hair)
{
    jr2i_crown crown;
    const float from[2] = {MIDDLE, TOP}, wall[2] = {20, TOP};
    draw(40, 60);
    ck_assert(find(&crown));
    ck_assert_float_eq_tol(crown.centre, MIDDLE, 1);
    ck_assert_float_eq_tol(crown.half, 40 * sqrtf(1 - 44.0f * 44 / 3600), 5);
    ck_assert(crown.height > 3 && crown.height < crown.half);
    for (int x = 40; x < 90; x++)
        ck_assert_float_eq_tol(crown.behind[0][x], 0.9f - 0.1f * (float)x / SIDE, 0.02f);
    for (int x = 0; x < SIDE; x++)
        for (int y = TOP - 1; y < SIDE; y++)
            ck_assert_float_eq(jr2i_crown_open(&crown, (const float[2]){(float)x, (float)y}, (const float[2]){(float)x, (float)y}), 0);
    float before = 0;
    for (int y = TOP; y > -80; y--) { /* the further above, the less hair */
        const float share = jr2i_crown_open(&crown, (const float[2]){MIDDLE, (float)y}, from);
        ck_assert(share >= before && share <= 1);
        before = share;
        ck_assert_float_eq(jr2i_crown_open(&crown, (const float[2]){20, (float)y}, wall), 0); /* the wall stays the wall */
    }
    ck_assert_float_eq(before, 1);
    ck_assert_float_eq(jr2i_crown_open(&crown, (const float[2]){MIDDLE, TOP - 2}, from), 0); /* within the crown */
    ck_assert_float_gt(jr2i_crown_open(&crown, (const float[2]){MIDDLE + 1.3f * crown.half, TOP - 2}, from), 0.9f); /* beside it */
}
END_TEST

START_TEST(leaves_other_borders_alone)
{
    jr2i_crown crown;
    draw(40, 40); /* ends below the border */
    ck_assert(!find(&crown));
    ck_assert_float_eq(jr2i_crown_open(&crown, (const float[2]){MIDDLE, -50}, (const float[2]){MIDDLE, TOP}), 0);
    for (int y = 0; y < 9; y++) /* something at the border above it, wall between */
        for (int x = 50; x < 80; x++)
            put(x, y, 0.2f, 0.15f, 0.1f);
    ck_assert(!find(&crown));
    draw(40, 60);
    ck_assert(find(&crown));
    for (int y = 0; y < 15; y++) /* something before the hair that has another colour */
        for (int x = 30; x < 100; x++)
            put(x, y, 0.1f, 0.8f, 0.2f);
    ck_assert(!find(&crown));
    draw(300, 300); /* dark everywhere */
    ck_assert(!find(&crown));
    draw(0.1f, 0.1f); /* no hair */
    ck_assert(!find(&crown));
}
END_TEST

START_TEST(refuses_what_is_no_head)
{
    jr2i_crown crown;
    const float none[3] = {SIDE, 0, SIDE}, small[3] = {60, 64, 30}, huge[3] = {-1e6f, 1e6f, 30}, low[3] = {34, 94, 90}, nan[3] = {NAN, 94, 30};
    const float *const heads[] = {none, small, huge, low, nan};
    draw(40, 60);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        jr2i_crown_find(crop, SIDE, LEFT, RIGHT, TOP, heads[i], hair, &crown);
        ck_assert_int_eq(crown.side, 0);
    }
    const int32_t edges[][3] = {{LEFT, RIGHT, SIDE}, {LEFT, LEFT, TOP}, {60, 70, TOP}, {SIDE, SIDE, TOP}, {0, 0, 0}}; /* left, right, top */
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        jr2i_crown_find(crop, SIDE, edges[i][0], edges[i][1], edges[i][2], head, hair, &crown);
        ck_assert_int_eq(crown.side, 0);
    }
    jr2i_crown_find(crop, JR2I_CROWN_SIDE + 1, LEFT, RIGHT, TOP, head, hair, &crown);
    ck_assert_int_eq(crown.side, 0);
}
END_TEST

/* Whatever the numbers, only the maps are read. */
START_TEST(survives_any_place)
{
    jr2i_crown crown;
    const float places[] = {-INFINITY, -1e30f, -1, 0, 0.5f, SIDE, 1e30f, INFINITY, NAN};
    const size_t count = sizeof places / sizeof *places;
    draw(40, 60);
    ck_assert(find(&crown));
    for (size_t i = 0; i < count * count * count; i++) {
        const float on[2] = {places[i % count], -20}, from[2] = {places[i / count % count], places[i / count / count]};
        const float share = jr2i_crown_open(&crown, on, from);
        ck_assert(!(share < 0) && !(share > 1));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crown");
    TCase *tcase = tcase_create("crown");
    tcase_add_test(tcase, closes_cut_hair);
    tcase_add_test(tcase, leaves_other_borders_alone);
    tcase_add_test(tcase, refuses_what_is_no_head);
    tcase_add_test(tcase, survives_any_place);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
