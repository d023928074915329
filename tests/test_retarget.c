/* SPDX-License-Identifier: MIT
 * What a reenacted frame is made of, without portraits: retargeting with its limits, the two cameras, pasting back. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/camera.h"
#include "face/euro.h"
#include "face/pose.h"
#include "face/retarget.h"
#include "image/paste.h"
#include "suite.h"
#include "tiny.h"
#include "tiny_face.h"

/* ---- retargeting ---- */

static void act_at(jr2i_act *a, float yaw, float pitch, float x, float z)
{
    memset(a, 0, sizeof *a);
    jr2i_pose_matrix(yaw, pitch, 0, a->rotation);
    a->translation[0] = x;
    a->translation[2] = z;
}

START_TEST(retargets)
{
    jr2i_env env = {0};
    jr2i_head *head = tiny_head(&env);
    jr2i_act own, from, to, out;
    float edit[JR2I_PARAMS_EXPRESSION_MAX] = {0}, yaw, pitch, roll;
    jr2i_retarget how = {.expression_gain = 1, .pose_gain = 1};
    act_at(&own, 0.2f, 0.1f, 3, -60);
    act_at(&from, -0.3f, 0, -1, -90);
    const int jaw = head->arkit.source[17][0], blink = head->arkit.source[0][0], look = head->arkit.source[2][0];
    ck_assert(jaw >= 0 && blink >= 0 && look >= 0);
    own.expression[jaw] = 0.2f;
    from.expression[jaw] = 0.6f; /* a reference with an open mouth */
    own.expression[blink] = 0.1f;

    jr2i_retarget_apply(head, &how, &own, &from, &from, &out); /* the reference shows the portrait as it is */
    for (int i = 0; i < 9; i++)
        ck_assert_float_eq_tol(out.rotation[i], own.rotation[i], 1e-5f);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq_tol(out.translation[i], own.translation[i], 1e-4f);
    ck_assert_mem_eq(out.expression, own.expression, sizeof(float) * (size_t)head->expression_count);

    act_at(&to, -0.1f, 0, 0, -90); /* 0.2 to the right, a centimetre sideways */
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    jr2i_pose_angles(out.rotation, &yaw, &pitch, &roll);
    ck_assert_float_eq_tol(yaw, 0.4f, 1e-4f);
    ck_assert_float_eq_tol(out.translation[0], 4, 1e-4f);
    ck_assert_float_eq_tol(out.translation[2], -60, 1e-4f);
    ck_assert_float_eq_tol(out.expression[jaw], 0, 1e-6f); /* the driver's mouth closed: so does the portrait's */
    to.expression[jaw] = 1;
    to.expression[blink] = 0.9f;
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.expression[jaw], 1, 1e-6f);
    ck_assert(out.expression[blink] >= 0.9f);
    how.expression_gain = 0.5f; /* half the way, but blinks whole */
    how.pose_gain = 2;
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.expression[jaw], 0.6f, 1e-6f);
    ck_assert(out.expression[blink] >= 0.9f);
    jr2i_pose_angles(out.rotation, &yaw, &pitch, &roll);
    ck_assert_float_eq_tol(yaw, 0.6f, 1e-4f);
    ck_assert_float_eq_tol(out.translation[0], 5, 1e-4f);

    /* Half as far away: twice as large, within the limit of the size. */
    how.pose_gain = 1;
    act_at(&to, -0.3f, 0, -1 * 0.8f, -72);
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.translation[2], -48, 1e-3f);
    ck_assert_float_eq_tol(out.translation[0], 3 * 0.8f, 1e-3f); /* at the same place of the picture */
    act_at(&to, -0.3f, 0, -0.01f, -0.9f);
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert(out.translation[2] < -60 * expf(-0.41f) && out.translation[2] > -60);

    /* locks, edits, limits */
    act_at(&to, 2.5f, 0, 0, -90);
    to.expression[jaw] = 1;
    to.expression[blink] = 1;
    how.expression_gain = 1;
    how.lip_lock = 1;
    how.limit[0] = 0.5f;
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.expression[jaw], 0.2f, 1e-6f);
    ck_assert_float_eq_tol(out.expression[blink], 1, 1e-6f);
    jr2i_pose_angles(out.rotation, &yaw, &pitch, &roll);
    ck_assert(yaw > 0.2f + 0.45f && yaw <= 0.2f + 0.5f);
    how.eye_lock = 0.5f;
    edit[jaw] = 0.3f;
    edit[blink] = -1;
    how.edit = edit;
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.expression[jaw], 0.5f, 1e-6f);
    ck_assert_float_eq_tol(out.expression[blink], 0, 1e-6f);
    float set[JR2I_PARAMS_EXPRESSION_MAX];
    for (int i = 0; i < JR2I_PARAMS_EXPRESSION_MAX; i++)
        set[i] = -1;
    how.set = set; /* nothing yet */
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.expression[jaw], 0.5f, 1e-6f);
    set[jaw] = 0; /* whatever the driver does; the edit comes on top */
    set[blink] = 0.9f;
    edit[blink] = 0;
    jr2i_retarget_apply(head, &how, &own, &to, &from, &out);
    ck_assert_float_eq_tol(out.expression[jaw], 0.3f, 1e-6f);
    ck_assert_float_eq_tol(out.expression[blink], 0.9f, 1e-6f);

    /* absolute: as the driver is */
    memset(&how, 0, sizeof how);
    how.absolute = 1;
    how.expression_gain = how.pose_gain = 1;
    act_at(&to, -0.4f, 0.3f, 7, -50);
    to.expression[jaw] = 0.7f;
    jr2i_retarget_apply(head, &how, &own, &to, NULL, &out);
    for (int i = 0; i < 9; i++)
        ck_assert_float_eq_tol(out.rotation[i], to.rotation[i], 1e-5f);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq_tol(out.translation[i], to.translation[i], 1e-4f);
    ck_assert_float_eq_tol(out.expression[jaw], 0.7f, 1e-6f);
    to.translation[2] = 0; /* unknown: the head stays where it is */
    to.translation[0] = 0;
    jr2i_retarget_apply(head, &how, &own, &to, NULL, &out);
    ck_assert_mem_eq(out.translation, own.translation, sizeof out.translation);

    for (float x = -3; x < 3; x += 0.01f) { /* the limit: nothing up to two thirds, never beyond, never backwards */
        float y = jr2i_soft_limit(x, 1.5f);
        ck_assert(fabsf(x) > 1 || y == x);
        ck_assert(fabsf(y) <= 1.5f && y * x >= 0 && jr2i_soft_limit(x + 0.01f, 1.5f) >= y);
        ck_assert(jr2i_soft_limit(x, 0) == x);
    }
    const float gaze[4] = {10, -5, 10, -5};
    float e[JR2I_PARAMS_EXPRESSION_MAX] = {0}, arkit[52], back[4];
    jr2i_gaze_to_expression(head, gaze, e);
    jr2i_arkit_from_expression(&head->arkit, e, arkit);
    jr2i_gaze_from_arkit(arkit, head->eye_range, back);
    for (int k = 0; k < 4; k++)
        ck_assert_float_eq_tol(back[k] * JR2I_DEGREES, gaze[k], 1e-3f);
    memset(e, 0, sizeof e);
    e[look] = 0.5f; /* is known already: gaze is not asked */
    jr2i_gaze_to_expression(head, gaze, e);
    for (int i = 0; i < head->expression_count; i++)
        ck_assert(e[i] == (i == look ? 0.5f : 0));
    jr2i_head_free(&env, head);
}
END_TEST

START_TEST(cameras_agree)
{
    jr2i_camera camera = jr2i_camera_default(640, 480, 0);
    const float translation[3] = {12, -7, -55}, map[6] = {1, 0, 0, 0, 1, 0};
    float rotation[9], face[9], back[9], again[3];
    jr2i_face_camera seen;
    jr2i_pose_matrix(0.4f, -0.2f, 0.3f, rotation);
    jr2i_rotation_to_face(rotation, translation, face);
    jr2i_rotation_from_face(face, translation, back);
    jr2i_camera_to_face(&camera, face, translation, &seen);
    for (int i = 0; i < 9; i++)
        ck_assert_float_eq_tol(back[i], rotation[i], 1e-6f);
    jr2i_camera_from_face(&camera, &seen, map, back, again);
    for (int i = 0; i < 9; i++)
        ck_assert_float_eq_tol(back[i], rotation[i], 1e-5f);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq_tol(again[i], translation[i], 1e-3f);
}
END_TEST

/* ---- pasting ---- */

/* A crop that was not changed gives back the picture to the pixel, at any size and place; a brighter one only changes its inside. */
START_TEST(pastes_without_loss)
{
    enum { SIDE = 32, PW = 90, PH = 70 };
    static const float places[][3] = {{10, 5, 1}, {10.3f, 5.7f, 0.37f}, {-7.5f, -9, 2.1f}, {40, 30, 3.3f}, {20, 20, 0.05f}, {-500, 3, 1}, {-9, -9, 4}};
    static unsigned char picture[PW * PH * 3], out[PW * PH * 3];
    static float before[SIDE * SIDE * 4], now[SIDE * SIDE * 4], from[SIDE * SIDE * 2], blend[SIDE * SIDE * JR2I_PASTE_BLEND];
    uint32_t seed = 5;
    for (size_t i = 0; i < sizeof out; i++)
        picture[i] = (unsigned char)(255 * tiny_random(&seed));
    for (size_t n = 0; n < sizeof places / sizeof *places; n++) {
        for (int i = 0; i < SIDE * SIDE; i++) {
            from[2 * i] = (float)(i % SIDE);
            from[2 * i + 1] = (float)(i / SIDE);
            for (int k = 0; k < 3; k++)
                now[4 * i + k] = before[4 * i + k] = 255 * tiny_random(&seed);
            now[4 * i + 3] = 1;
        }
        jr2i_paste paste = {SIDE, places[n][0], places[n][1], places[n][2], now, from, before, blend, picture, PW, PH, NULL, 0};
        jr2i_view view = jr2i_view_rgb(out, PW, PH);
        memcpy(out, picture, sizeof out);
        jr2i_paste_into(&paste, NULL, &view);
        for (size_t i = 0; i < sizeof out; i++)
            ck_assert_msg(abs(out[i] - picture[i]) <= 1, "place %d: %d, was %d", (int)n, out[i], picture[i]); /* places are rounded floats */
        for (int i = 0; i < SIDE * SIDE; i++)
            for (int k = 0; k < 3; k++)
                now[4 * i + k] += 40;
        jr2i_paste_into(&paste, NULL, &view);
        const float right = places[n][0] + SIDE * places[n][2], low = places[n][1] + SIDE * places[n][2];
        for (int y = 0; y < PH; y++)
            for (int x = 0; x < PW; x++) {
                const int inside = (float)x + 0.5f > places[n][0] && (float)x + 0.5f < right && (float)y + 0.5f > places[n][1] && (float)y + 0.5f < low;
                const int change = out[3 * (y * PW + x)] - picture[3 * (y * PW + x)];
                ck_assert(change >= -1 && change <= 41 && (inside || change == 0));
            }
        const int cx = (int)(places[n][0] + 0.5f * SIDE * places[n][2]), cy = (int)(places[n][1] + 0.5f * SIDE * places[n][2]);
        if (cx >= 0 && cx < PW && cy >= 0 && cy < PH && picture[3 * (cy * PW + cx)] < 210 && places[n][2] > 0.1f)
            ck_assert_int_ge(out[3 * (cy * PW + cx)] - picture[3 * (cy * PW + cx)], 39);
    }
}
END_TEST

/* Another face in the crop stays as it is, and what lies between the two changes the less the nearer to it. */
START_TEST(pastes_beside_other_faces)
{
    enum { SIDE = 64 };
    static unsigned char picture[SIDE * SIDE * 3], out[SIDE * SIDE * 3];
    static float before[SIDE * SIDE * 4], now[SIDE * SIDE * 4], from[SIDE * SIDE * 2], blend[SIDE * SIDE * JR2I_PASTE_BLEND];
    const float faces[2][3] = {{24, 32, 24}, {52, 32, 20}};
    memset(picture, 100, sizeof picture);
    memcpy(out, picture, sizeof out);
    for (int i = 0; i < SIDE * SIDE; i++) {
        from[2 * i] = (float)(i % SIDE);
        from[2 * i + 1] = (float)(i / SIDE);
        for (int k = 0; k < 3; k++)
            now[4 * i + k] = (before[4 * i + k] = 100) + 40;
        now[4 * i + 3] = 1;
    }
    jr2i_paste paste = {SIDE, 0, 0, 1, now, from, before, blend, picture, SIDE, SIDE, faces, 2};
    jr2i_view view = jr2i_view_rgb(out, SIDE, SIDE);
    jr2i_paste_into(&paste, NULL, &view);
    for (int x = 12; x < 62; x++) {
        const int value = out[3 * (32 * SIDE + x)], after = out[3 * (32 * SIDE + x + 1)];
        ck_assert_msg(x < 36 ? value == 140 : x < 43 ? value >= after : value == 100, "column %d: %d", x, value);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retarget");
    TCase *tcase = tcase_create("retarget");
    tcase_add_test(tcase, retargets);
    tcase_add_test(tcase, cameras_agree);
    tcase_add_test(tcase, pastes_without_loss);
    tcase_add_test(tcase, pastes_beside_other_faces);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
