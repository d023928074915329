/* SPDX-License-Identifier: MIT
 * Heads that the upper border cuts: where hair is found, where it is not, what is drawn above it, what gives way, and a portrait whose hair is cut. */
#include <math.h>
#include <string.h>

#include "image/crown.h"
#include "shipped.h"
#include "suite.h"

enum { SIDE = 128, TOP = 20, LEFT = 2, RIGHT = 126, MIDDLE = 64, HEAD_TOP = 44, WIDTH = 60, PLANE = SIDE * SIDE };

static float crop[3 * PLANE], before[3 * PLANE], hair[PLANE];
static jr2i_crown crown;
static const float head[3] = {MIDDLE - WIDTH / 2, MIDDLE + WIDTH / 2, HEAD_TOP};

static void put(int x, int y, float r, float g, float b)
{
    const float rgb[3] = {r, g, b};
    for (int k = 0; k < 3; k++)
        crop[k * PLANE + y * SIDE + x] = rgb[k];
}

static float wall(int x)
{
    return 0.9f - 0.1f * (float)x / SIDE;
}

/* A wall that gets darker to the right, and before it dark hair: an ellipse around (MIDDLE, 64) with these radii. Above the picture the border row
 * repeats. */
static void draw(float across, float up)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const float row = (float)(y < TOP ? TOP : y), u = ((float)x - MIDDLE) / across, v = (row - 64) / up;
            if (u * u + v * v < 1)
                put(x, y, 0.2f, 0.15f, 0.1f);
            else
                put(x, y, wall(x), wall(x), 0.7f);
        }
}

/* 1 where the hair was closed; then only rows above the border have changed, else nothing has. */
static int closed(int32_t side, int32_t left, int32_t right, int32_t top, const float *skull)
{
    memcpy(before, crop, sizeof crop);
    jr2i_crown_close(crop, side, left, right, top, skull, hair, &crown);
    const int done = crown.side > 0;
    for (int k = 0; k < 3; k++)
        ck_assert_mem_eq(crop + k * PLANE + (done ? TOP * SIDE : 0), before + k * PLANE + (done ? TOP * SIDE : 0), sizeof *crop * (size_t)(PLANE - (done ? TOP * SIDE : 0)));
    return done;
}

static int is_hair(int x, int y)
{
    return crop[y * SIDE + x] < 0.3f;
}

static int is_wall(int x, int y)
{
    return fabsf(crop[y * SIDE + x] - wall(x)) < 0.02f;
}

START_TEST(closes_cut_hair)
{
    draw(40, 50);
    ck_assert(closed(SIDE, LEFT, RIGHT, TOP, head));
    int widest = SIDE;
    for (int y = TOP - 1; y >= 0; y--) {
        int count = 0;
        for (int x = 0; x < SIDE; x++)
            count += is_hair(x, y);
        ck_assert_int_le(count, widest); /* narrower and narrower */
        widest = count;
    }
    ck_assert(is_hair(MIDDLE, TOP - 4));
    for (int x = 0; x < SIDE; x++)
        ck_assert(is_wall(x, 0)); /* the drawn ellipse ends at row 14, the one that closes it a little above */
    ck_assert(is_wall(MIDDLE + 30, TOP - 6) && is_wall(MIDDLE - 30, TOP - 6));
}
END_TEST

/* Hair that has nearly ended at the border gets no hat. */
START_TEST(closes_a_low_arch_low)
{
    draw(40, 46);
    ck_assert(closed(SIDE, LEFT, RIGHT, TOP, head));
    for (int x = 0; x < SIDE; x++)
        ck_assert(!is_hair(x, TOP - 6));
}
END_TEST

/* Above the border the hair's own rows, upside down. */
START_TEST(draws_hair_like_the_hair_below)
{
    draw(40, 60);
    for (int y = TOP; y < TOP + 20; y++)
        for (int x = MIDDLE - 20; x < MIDDLE + 20; x++)
            put(x, y, (y - TOP) % 4 < 2 ? 0.2f : 0.25f, 0.15f, 0.1f);
    ck_assert(closed(SIDE, LEFT, RIGHT, TOP, head));
    int changes = 0;
    for (int y = TOP - 1; y > TOP - 9; y--)
        changes += fabsf(crop[y * SIDE + MIDDLE] - crop[(y - 1) * SIDE + MIDDLE]) > 0.01f;
    ck_assert_int_ge(changes, 3);
}
END_TEST

/* Of a moved head: hair that comes to lie above where the head's ellipse is gives way, what was in it or no hair does not. */
START_TEST(opens_beside_the_crown)
{
    const float hair_at[2] = {MIDDLE, TOP}, wall_at[2] = {20, TOP};
    draw(40, 50);
    ck_assert(closed(SIDE, LEFT, RIGHT, TOP, head));
    float last = 0;
    for (int y = TOP; y > -80; y--) { /* the further above, the less hair */
        const float on[2] = {MIDDLE, (float)y}, share = jr2i_crown_open(&crown, on, hair_at);
        ck_assert(share >= last && share <= 1);
        last = share;
        ck_assert_float_eq(jr2i_crown_open(&crown, on, wall_at), 0);
    }
    ck_assert_float_eq(last, 1);
    ck_assert_float_eq(jr2i_crown_open(&crown, (const float[2]){MIDDLE, TOP - 2}, hair_at), 0);
    ck_assert_float_gt(jr2i_crown_open(&crown, (const float[2]){MIDDLE + 1.3f * crown.half, TOP - 3}, hair_at), 0.9f);
}
END_TEST

/* Whatever the numbers, only the maps are read. */
START_TEST(survives_any_place)
{
    const float places[] = {-INFINITY, -1e30f, -1, 0, 0.5f, SIDE, 1e30f, INFINITY, NAN};
    const size_t count = sizeof places / sizeof *places;
    draw(40, 50);
    ck_assert(closed(SIDE, LEFT, RIGHT, TOP, head));
    for (size_t i = 0; i < count * count * count; i++) {
        const float on[2] = {places[i % count], -20}, from[2] = {places[i / count % count], places[i / count / count]};
        const float share = jr2i_crown_open(&crown, on, from);
        ck_assert(!(share < 0) && !(share > 1));
    }
}
END_TEST

START_TEST(leaves_other_borders_alone)
{
    draw(40, 40); /* ends below the border */
    ck_assert(!closed(SIDE, LEFT, RIGHT, TOP, head));
    for (int y = 0; y < TOP + 3; y++) /* something at the border above it, wall between */
        for (int x = 50; x < 80; x++)
            put(x, y, 0.2f, 0.15f, 0.1f);
    ck_assert(!closed(SIDE, LEFT, RIGHT, TOP, head));
    draw(40, 60);
    for (int y = 0; y < TOP + 9; y++) /* something before the hair that has another colour */
        for (int x = 30; x < 100; x++)
            put(x, y, 0.1f, 0.8f, 0.2f);
    ck_assert(!closed(SIDE, LEFT, RIGHT, TOP, head));
    draw(300, 300); /* dark everywhere */
    ck_assert(!closed(SIDE, LEFT, RIGHT, TOP, head));
    draw(0.1f, 0.1f); /* no hair */
    ck_assert(!closed(SIDE, LEFT, RIGHT, TOP, head));
}
END_TEST

START_TEST(refuses_what_is_no_head)
{
    const float none[3] = {SIDE, 0, SIDE}, small[3] = {60, 64, 30}, huge[3] = {-1e6f, 1e6f, 30}, low[3] = {34, 94, 104}, nan[3] = {NAN, 94, 30};
    const float *const heads[] = {none, small, huge, low, nan};
    draw(40, 60);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        ck_assert(!closed(SIDE, LEFT, RIGHT, TOP, heads[i]));
    const int32_t edges[][3] = {{LEFT, RIGHT, SIDE}, {LEFT, RIGHT, SIDE - 1}, {LEFT, LEFT, TOP}, {60, 70, TOP}, {SIDE, SIDE, TOP}, {0, 0, 0}};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        ck_assert(!closed(SIDE, edges[i][0], edges[i][1], edges[i][2], head));
    ck_assert(!closed(JR2I_CROWN_SIDE + 1, LEFT, RIGHT, TOP, head));
}
END_TEST

/* The sample photograph from this row on; its hair begins at row 18. The head sinks by 4 cm, and the picture's own pixels are moved: the mean difference
 * to the wall, 0..255, of what then stands above the head, in its middle. */
static double above_a_sunk_head(int first)
{
    enum { ACROSS = 20, DOWN = 4 };
    jr2_ctx *ctx;
    picture photo;
    jr2_image image, out;
    jr2_portrait *portrait;
    jr2_motion_face state;
    jr2_reenact_options options;
    JR2_INIT(state);
    JR2_INIT(options);
    shipped_open(NULL, &ctx, &photo);
    picture_image(&photo, &image);
    image.pixels = photo.pixels + (size_t)first * (size_t)image.stride;
    image.height -= first;
    ck_assert_msg(jr2_portrait_create(ctx, &image, NULL, &portrait) == JR2_OK, "%s", jr2_ctx_error(ctx));
    ck_assert_int_eq(jr2_portrait_state(portrait, &state), JR2_OK);
    state.translation[1] -= 4;
    options.motion = JR2_REENACT_ABSOLUTE;
    options.method = JR2_REENACT_WARP;
    options.unmarked = 1;
    uint8_t *pixels = malloc((size_t)image.height * (size_t)image.stride);
    out = image;
    out.pixels = pixels;
    ck_assert_msg(jr2_reenact(ctx, portrait, &state, &options, &out) == JR2_OK, "%s", jr2_ctx_error(ctx));
    double sum = 0;
    for (int y = 0; y < DOWN; y++)
        for (int x = -ACROSS; x < ACROSS; x++)
            for (int k = 0; k < 3; k++) {
                const uint8_t *row = pixels + (size_t)y * (size_t)image.stride, *edge = image.pixels;
                sum += fabs((double)row[3 * (224 + x) + k] - 0.5 * (edge[3 * 120 + k] + edge[3 * 330 + k]));
            }
    free(pixels);
    jr2_portrait_free(portrait);
    jr2_ctx_free(ctx);
    picture_free(&photo);
    return sum / (2 * ACROSS * DOWN * 3);
}

START_TEST(no_hair_stands_above_a_sunk_head)
{
    const double whole = above_a_sunk_head(0), cut = above_a_sunk_head(32);
    ck_assert_msg(whole < 25 && cut < 25, "%.1f whole, %.1f cut", whole, cut); /* drawn on from the border: 46 */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crown");
    TCase *tcase = tcase_create("crown");
    tcase_add_test(tcase, closes_cut_hair);
    tcase_add_test(tcase, closes_a_low_arch_low);
    tcase_add_test(tcase, draws_hair_like_the_hair_below);
    tcase_add_test(tcase, opens_beside_the_crown);
    tcase_add_test(tcase, survives_any_place);
    tcase_add_test(tcase, leaves_other_borders_alone);
    tcase_add_test(tcase, refuses_what_is_no_head);
    tcase_add_test(tcase, no_hair_stands_above_a_sunk_head);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
