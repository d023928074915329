/* SPDX-License-Identifier: MIT
 * The tracker with the shipped weights, for long: nothing is reported for scenes without a face, memory does not grow, a face that comes back
 * within two seconds keeps its id and one that comes back later does not, a still face is reported as still.
 * JR2_TRACK_FRAMES sets the frames of the first two, at most 10,000 and 108,000 (an hour at 30 a second), which are the promise. */
#include <math.h>
#include <stdlib.h>

#include "shipped.h"
#include "suite.h"

#define RATE 30.0

static jr2_ctx *ctx;
static jr2_tracker *tracker;
static picture photo;
static tiny_heap heap;
static unsigned char *pixels; /* of the largest picture here */
static uint32_t dice = 1;

static void set_up(void)
{
    shipped_open(&heap, &ctx, &photo);
    ck_assert_int_eq(jr2_tracker_create(ctx, NULL, &tracker), JR2_OK);
    pixels = malloc(320 * 240 * 3);
}

static void tear_down(void)
{
    jr2_tracker_free(tracker);
    jr2_ctx_free(ctx);
    picture_free(&photo);
    free(pixels);
    ck_assert_int_eq(heap.alive, 0);
}

static int frames(int promised, int usual, int small)
{
    const char *wanted = getenv("JR2_TRACK_FRAMES");
    int count = wanted ? atoi(wanted) : tiny_small() ? small : usual;
    return count < promised ? count : promised;
}

static int noise(int range)
{
    dice = dice * 1664525u + 1013904223u;
    return (int)(dice >> 16) % (2 * range + 1) - range;
}

static unsigned char byte(int value)
{
    return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The astronaut's head: every shrink-th pixel of a part of the photo around it, with noise. */
static jr2_image head(int width, int height, int shrink, int range)
{
    const int left = 224 - width * shrink / 2, top = 120 - height * shrink / 2;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = 0; k < 3; k++) {
                int u = left + x * shrink, v = top + y * shrink, sum = 0;
                for (int i = 0; i < shrink * shrink; i++) {
                    int column = u + i % shrink, row = v + i / shrink;
                    row = row < 0 ? 0 : row >= photo.height ? photo.height - 1 : row;
                    column = column < 0 ? 0 : column >= photo.width ? photo.width - 1 : column;
                    sum += photo.pixels[3 * (row * photo.width + column) + k];
                }
                pixels[3 * (y * width + x) + k] = byte(sum / (shrink * shrink) + noise(range));
            }
    return tiny_image(pixels, width, height);
}

/* Six patterns that move, none a face. */
static jr2_image pattern(int kind, int frame, int width, int height)
{
    const double t = 0.11 * frame, bx = width * (0.5 + 0.3 * sin(t)), by = height * (0.5 + 0.3 * cos(0.7 * t)), size = height * (0.25 + 0.1 * sin(0.31 * t));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            unsigned char *p = pixels + 3 * (y * width + x);
            const double dx = (x - bx) / size, dy = (y - by) / (1.3 * size);
            const int inside = dx * dx + dy * dy < 1, tile = ((x + frame) / 8 + (y + frame / 2) / 8) & 1;
            switch (kind) {
            case 0: /* noise */
                for (int k = 0; k < 3; k++)
                    p[k] = byte(128 + noise(127));
                break;
            case 1: /* a board that moves */
                p[0] = p[1] = p[2] = tile ? 220 : 40;
                break;
            case 2: /* a blob of skin's colour */
                p[0] = byte((inside ? 220 : 60) + noise(4));
                p[1] = byte((inside ? 170 : 80) + noise(4));
                p[2] = byte((inside ? 140 : 120) + noise(4));
                break;
            case 3: /* waves of colour */
                for (int k = 0; k < 3; k++)
                    p[k] = byte((int)(128 + 60 * sin(0.09 * x + t + k) + 60 * sin(0.13 * y - 0.7 * t + 2 * k)));
                break;
            case 4: /* bars */
                p[0] = p[1] = p[2] = byte(128 + (int)(110 * sin(0.4 * (x + 0.5 * y) + t)));
                break;
            default: /* a lit room: slopes and a box */
                p[0] = byte(90 + x / 2 + noise(3));
                p[1] = byte(80 + y / 2 + (inside ? 0 : 40) + noise(3));
                p[2] = byte(100 + (x + y) / 4 + noise(3));
            }
        }
    return tiny_image(pixels, width, height);
}

static jr2_result *update(jr2_image image, double time)
{
    jr2_result *result;
    ck_assert_msg(jr2_tracker_update(tracker, &image, time, &result) == JR2_OK, "%s", jr2_ctx_error(ctx));
    return result;
}

static long resident(void) /* KiB */
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &pages), 2);
    fclose(file);
    return pages * 4;
}

START_TEST(reports_nothing_for_an_empty_scene)
{
    const int count = frames(10000, 2000, 60);
    for (int i = 0; i < count; i++) {
        const int kind = i * 6 / count;
        int32_t events;
        jr2_result *result = update(pattern(kind, i, 96, 72), i / RATE);
        ck_assert_msg(jr2_result_count(result) == 0, "a face in frame %d of pattern %d", i, kind);
        jr2_tracker_events(tracker, &events);
        ck_assert_int_eq(events, 0);
        jr2_result_free(result);
    }
}
END_TEST

/* A face comes for two seconds and goes for three, so that every time it is lost, forgotten and found anew. */
START_TEST(does_not_grow_in_an_hour)
{
    const int count = frames(108000, 900, 40), period = 150, present = 60;
    long first = 0, seen = 0;
    size_t bytes = 0;
    int32_t last = 0;
    for (int i = 0; i < count; i++) {
        jr2_result *result = update(i % period < present ? head(64, 64, 3, 3) : pattern(3, i, 64, 64), i / RATE);
        for (int k = 0; k < jr2_result_count(result); k++) {
            seen += jr2_face_state(jr2_result_face(result, k)) == JR2_FACE_SEEN;
            last = jr2_face_id(jr2_result_face(result, k));
        }
        jr2_result_free(result);
        if (i == (count < 1000 ? count / 2 : 500)) {
            first = resident();
            bytes = heap.bytes;
        }
    }
    ck_assert_uint_eq(heap.bytes, bytes);
    ck_assert_msg(seen > 0.7 * present / period * count, "%ld of %d frames with a face", seen, count);
    if (!tiny_small()) { /* valgrind has memory of its own */
        ck_assert_int_ge(last, count / period);
        ck_assert_int_le(resident(), first + 512);
    }
}
END_TEST

/* Seen for a second, away for some seconds, back for a second; the ids before and after. */
static void leave_and_return(double away, int32_t id[2])
{
    double time = 0;
    jr2_tracker_reset(tracker);
    for (int part = 0; part < 3; part++) {
        const int count = (int)((part == 1 ? away : 1) * RATE + 0.5);
        for (int i = 0; i < count; i++, time += 1 / RATE) {
            jr2_result *result = update(part == 1 ? pattern(3, i, 96, 96) : head(96, 96, 2, 3), time);
            if (part != 1 && i == count - 1) {
                ck_assert_int_eq(jr2_result_count(result), 1);
                ck_assert_int_eq(jr2_face_state(jr2_result_face(result, 0)), JR2_FACE_SEEN);
                id[part / 2] = jr2_face_id(jr2_result_face(result, 0));
            }
            jr2_result_free(result);
        }
    }
}

START_TEST(knows_who_comes_back_within_two_seconds)
{
    static const double away[] = {0.1, 0.5, 1, 1.5, 1.9};
    int32_t id[2];
    for (int i = tiny_small() ? 4 : 0; i < 5; i++) {
        leave_and_return(away[i], id);
        ck_assert_msg(id[0] == id[1], "away for %g s: id %d, then %d", away[i], (int)id[0], (int)id[1]);
    }
    leave_and_return(2.5, id);
    ck_assert_int_ne(id[0], id[1]);
}
END_TEST

/* The worst standard deviation over time of count series, each less its mean. */
static double worst(const double *sum, const double *square, int count, int n)
{
    double most = 0;
    for (int k = 0; k < count; k++)
        most = fmax(most, square[k] / n - sum[k] / n * (sum[k] / n));
    return sqrt(most);
}

/* 50 ms of lag, the default: coefficients within 0.01, angles within 0.15 degrees, over three seconds of noise (3.2 grey levels) on a face of
 * 110 pixels. A smaller or noisier one wavers more. */
START_TEST(is_still_where_a_face_is_still)
{
    const int settle = 30, count = tiny_small() ? 10 : 90;
    double sum[52] = {0}, square[52] = {0}, turn[3] = {0}, turn_square[3] = {0};
    for (int i = 0; i < settle + count; i++) {
        jr2_result *result = update(head(320, 240, 1, 5), i / RATE);
        ck_assert_int_eq(jr2_result_count(result), i < 2 ? jr2_result_count(result) : 1);
        if (i >= settle) {
            const jr2_face *face = jr2_result_face(result, 0);
            for (int k = 0; k < 52; k++) {
                const double x = (double)jr2_face_arkit(face, NULL)[k];
                sum[k] += x;
                square[k] += x * x;
            }
            for (int k = 0; k < 3; k++) {
                const double x = (double)jr2_face_angles(face)[k];
                turn[k] += x;
                turn_square[k] += x * x;
            }
        }
        jr2_result_free(result);
    }
    const double coefficients = worst(sum, square, 52, count), angles = worst(turn, turn_square, 3, count);
    printf("still face: coefficients %.4f, angles %.3f degrees\n", coefficients, angles);
    ck_assert_msg(coefficients <= 0.01 && angles <= 0.15, "coefficients %g, angles %g degrees", coefficients, angles);
    ck_assert_msg(coefficients > 0, "nothing changed at all");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("track_long");
    TCase *tests = tcase_create("track_long");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 3600);
    tcase_add_test(tests, reports_nothing_for_an_empty_scene);
    tcase_add_test(tests, does_not_grow_in_an_hour);
    tcase_add_test(tests, knows_who_comes_back_within_two_seconds);
    tcase_add_test(tests, is_still_where_a_face_is_still);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
