/* SPDX-License-Identifier: MIT
 * The fit of the head model to landmarks: faces that are known exactly come back, bounds hold, doubtful points count less, nonsense is
 * refused. Runs on the real head model. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/fit.h"
#include "face/pose.h"
#include "suite.h"

#define N JR2I_FIT_POINTS

static jr2i_env env;
static jr2i_head *head;
static jr2i_fit *fit;
static float *scratch;
static void *room;

static void set_up(void)
{
    jr2i_jr2w *file;
    ck_assert_int_eq(jr2i_jr2w_open_file(&env, "weights/head.jr2w", &file), JR2_OK);
    ck_assert_int_eq(jr2i_head_create(&env, file, &head), JR2_OK);
    jr2i_jr2w_close(&env, file);
    ck_assert_msg(jr2i_fit_create(&env, head, &fit) == JR2_OK, "%s", env.error);
    scratch = jr2i_alloc(&env, jr2i_head_scratch(head), sizeof(float));
    room = jr2i_alloc(&env, jr2i_fit_scratch(fit), 1);
    ck_assert(scratch && room);
}

static void tear_down(void)
{
    jr2i_free(&env, room);
    jr2i_free(&env, scratch);
    jr2i_fit_free(&env, fit);
    jr2i_head_free(&env, head);
}

static void landmarks(const jr2i_params *p, float *points)
{
    float space[478 * 3];
    jr2i_head_input input = {p->identity, p->expression, NULL, head->identity_count, head->expression_count};
    jr2i_head_landmarks(head, &input, scratch, space, NULL);
    jr2i_face_camera_project(&p->camera, space, 478, points);
}

static int32_t named(const char *name)
{
    for (int32_t i = 0; i < head->expression_count; i++)
        if (strcmp(head->expression_name[i], name) == 0)
            return i;
    ck_abort_msg("no coefficient %s", name);
    return -1;
}

static void turn(jr2i_params *p, float x, float y, float z)
{
    float v[3] = {x, y, z};
    jr2i_pose_exponential(v, p->camera.rotation);
}

/* A smiling, speaking face turned aside. */
static void make_truth(jr2i_params *p)
{
    memset(p, 0, sizeof *p);
    for (int i = 1; i < 30; i++) /* 0 is the size, which no picture shows */
        p->identity[i] = sinf(1.7f * (float)i);
    p->expression[named("jawOpen")] = 0.6f;
    p->expression[named("mouthSmile_L")] = 0.8f;
    p->expression[named("mouthSmile_R")] = 0.3f;
    p->expression[named("eyeBlink_R")] = 0.9f;
    p->expression[named("eyeLookUp_L")] = 0.5f;
    p->expression[named("browInnerUp_L")] = 0.7f;
    turn(p, 0.15f, 0.4f, -0.1f);
    p->camera.scale = 4.6f;
    p->camera.cx = 66;
    p->camera.cy = 60;
}

/* What the networks might have said of it: the identity, no expression but gaze, another pose. */
static void make_guess(const jr2i_params *truth, jr2i_params *p)
{
    memset(p, 0, sizeof *p);
    memcpy(p->identity, truth->identity, sizeof p->identity);
    p->expression[named("eyeLookUp_L")] = truth->expression[named("eyeLookUp_L")];
    for (int i = 0; i < head->expression_count; i++)
        p->expression_error[i] = 0.5f;
    turn(p, 0.1f, 0.33f, -0.05f);
    p->camera.scale = 4.4f;
    p->camera.cx = 65;
    p->camera.cy = 62;
}

static float distance(const float *a, const float *b)
{
    float sum = 0;
    for (int i = 0; i < N; i++)
        sum += hypotf(a[2 * i] - b[2 * i], a[2 * i + 1] - b[2 * i + 1]) / N;
    return sum;
}

START_TEST(finds_a_known_face)
{
    static jr2i_params truth, got;
    float points[478 * 2], again[478 * 2], sigma[N], worst = 0;
    make_truth(&truth);
    make_guess(&truth, &got);
    landmarks(&truth, points);
    landmarks(&got, again);
    float before = distance(points, again);
    for (int i = 0; i < N; i++)
        sigma[i] = 0.02f;
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &got), 1);
    landmarks(&got, again);
    for (int i = 0; i < head->expression_count; i++) {
        ck_assert(got.expression[i] >= 0 && got.expression[i] <= 1);
        worst = fmaxf(worst, fabsf(got.expression[i] - truth.expression[i]));
    }
    printf("distance %.2f px, then %.3f; largest error of a coefficient %.2f\n", (double)before, (double)distance(points, again), (double)worst);
    ck_assert(distance(points, again) < 0.05f);
    ck_assert(worst < 0.25f);
    ck_assert_mem_eq(got.identity, truth.identity, sizeof got.identity);
    for (int i = 0; i < 9; i++)
        ck_assert(fabsf(got.camera.rotation[i] - truth.camera.rotation[i]) < 0.03f);
}
END_TEST

START_TEST(keeps_to_the_network_where_points_say_little)
{
    static jr2i_params truth, got;
    float points[478 * 2], sigma[N];
    make_truth(&truth);
    make_guess(&truth, &got);
    landmarks(&truth, points);
    for (int i = 0; i < N; i++)
        sigma[i] = 100;
    for (int i = 0; i < head->expression_count; i++)
        got.expression_error[i] = 0.02f;
    got.expression[named("cheekPuff_L")] = 0.5f;
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &got), 1);
    ck_assert(fabsf(got.expression[named("cheekPuff_L")] - 0.5f) < 0.02f);
    ck_assert(got.expression[named("jawOpen")] < 0.05f);
    ck_assert_mem_eq(got.identity, truth.identity, sizeof got.identity);
}
END_TEST

START_TEST(a_doubtful_point_moves_nothing)
{
    static jr2i_params truth, a, b;
    float points[478 * 2], sigma[N], first[478 * 2], second[478 * 2];
    make_truth(&truth);
    landmarks(&truth, points);
    for (int i = 0; i < N; i++)
        sigma[i] = 0.1f;
    make_guess(&truth, &a);
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &a), 1);
    landmarks(&a, first);
    points[2 * 61] += 30; /* a corner of the mouth */
    sigma[61] = 1000;
    make_guess(&truth, &b);
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &b), 1);
    landmarks(&b, second);
    ck_assert(distance(first, second) < 0.02f);
}
END_TEST

START_TEST(refuses_nonsense)
{
    static jr2i_params truth, got, before;
    float points[478 * 2], sigma[N];
    make_truth(&truth);
    make_guess(&truth, &got);
    landmarks(&truth, points);
    for (int i = 0; i < N; i++)
        sigma[i] = 0.1f;
    before = got;
    points[7] = NAN;
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &got), 0);
    points[7] = 50;
    sigma[3] = -1;
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &got), 0);
    ck_assert_mem_eq(&before, &got, sizeof got);
    sigma[3] = 0; /* as sure as can be is fine */
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &got), 1);
}
END_TEST

START_TEST(gives_the_same_bits_again)
{
    static jr2i_params truth, a, b;
    float points[478 * 2], sigma[N];
    make_truth(&truth);
    landmarks(&truth, points);
    for (int i = 0; i < N; i++)
        sigma[i] = 0.3f;
    make_guess(&truth, &a);
    b = a;
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &a), 1);
    memset(room, 0x55, jr2i_fit_scratch(fit));
    ck_assert_int_eq(jr2i_fit_run(fit, points, sigma, room, &b), 1);
    ck_assert_mem_eq(&a, &b, sizeof a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fit");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, finds_a_known_face);
    tcase_add_test(all, keeps_to_the_network_where_points_say_little);
    tcase_add_test(all, a_doubtful_point_moves_nothing);
    tcase_add_test(all, refuses_nonsense);
    tcase_add_test(all, gives_the_same_bits_again);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
