/* SPDX-License-Identifier: MIT
 * Rotations, cameras, pose from points, face frame, crop, ARKit names and gaze, the network's numbers. */
#include "face/pose.h"

#include <math.h>

#include "face/params.h"
#include "face/pnp.h"
#include "suite.h"
#include "tiny_face.h"

static float degrees(float d)
{
    return d / JR2I_DEGREES;
}

START_TEST(test_signs)
{
    float r[9];
    jr2i_pose_matrix(degrees(30), 0, 0, r); /* the nose is (0,0,1): column 2 */
    ck_assert_float_gt(r[2], 0.4f);         /* to the image's right */
    jr2i_pose_matrix(0, degrees(30), 0, r);
    ck_assert_float_gt(r[5], 0.4f); /* up */
    jr2i_pose_matrix(0, 0, degrees(30), r); /* the top of the head is (0,1,0): column 1 */
    ck_assert_float_gt(r[1], 0.4f); /* to the right: clockwise */
    ck_assert_float_gt(r[4], 0.8f);
}
END_TEST

START_TEST(test_angles)
{
    for (int y = -170; y <= 170; y += 20)
        for (int p = -85; p <= 85; p += 17)
            for (int q = -170; q <= 170; q += 34) {
                float r[9], yaw, pitch, roll;
                jr2i_pose_matrix(degrees((float)y), degrees((float)p), degrees((float)q), r);
                jr2i_pose_angles(r, &yaw, &pitch, &roll);
                ck_assert_float_eq_tol(yaw * JR2I_DEGREES, (float)y, 0.02f);
                ck_assert_float_eq_tol(pitch * JR2I_DEGREES, (float)p, 0.02f);
                ck_assert_float_eq_tol(roll * JR2I_DEGREES, (float)q, 0.02f);
            }
    float r[9], again[9], yaw, pitch, roll;
    jr2i_pose_matrix(0.5f, JR2I_PI / 2, 0.2f, r); /* straight up: some angles that give the same matrix */
    jr2i_pose_angles(r, &yaw, &pitch, &roll);
    jr2i_pose_matrix(yaw, pitch, roll, again);
    for (int i = 0; i < 9; i++)
        ck_assert_float_eq_tol(again[i], r[i], 2e-3f);
}
END_TEST

START_TEST(test_rotations)
{
    uint32_t seed = 9;
    for (int round = 0; round < 200; round++) {
        float w[3], r[9], s[9], back[3], six[6], from_six[9], product[9];
        for (int k = 0; k < 3; k++) {
            w[k] = 2 * tiny_random(&seed) - 1;
            back[k] = -w[k];
        }
        if (round == 0)
            w[0] = w[1] = w[2] = back[0] = back[1] = back[2] = 1e-6f;
        jr2i_pose_exponential(w, r);
        jr2i_pose_exponential(back, s);
        jr2i_pose_multiply(r, s, product);
        for (int i = 0; i < 9; i++)
            ck_assert_float_eq_tol(product[i], i % 4 == 0, 1e-5f);
        for (int k = 0; k < 3; k++) { /* the axis stays where it is; columns, scaled and sheared, for the six numbers */
            ck_assert_float_eq_tol(r[3 * k] * w[0] + r[3 * k + 1] * w[1] + r[3 * k + 2] * w[2], w[k], 1e-5f);
            six[k] = 3 * r[3 * k];
            six[3 + k] = 0.5f * r[3 * k + 1] - 2 * r[3 * k];
        }
        ck_assert_int_eq(jr2i_pose_from_six(six, from_six), 1);
        for (int i = 0; i < 9; i++)
            ck_assert_float_eq_tol(from_six[i], r[i], 1e-5f);
    }
    const float bad[4][6] = {{0}, {1, 0, 0, 2, 0, 0}, {NAN, 0, 0, 0, 1, 0}, {1, 0, 0, 0, INFINITY, 0}};
    for (int i = 0; i < 4; i++) {
        float r[9];
        ck_assert_int_eq(jr2i_pose_from_six(bad[i], r), 0);
        ck_assert_float_eq(r[0] + r[4] + r[8], 3);
    }
}
END_TEST

START_TEST(test_pnp)
{
    tiny_face f;
    tiny_face_make(&f, 640, 480, 0);
    uint32_t seed = 77;
    for (int round = 0; round < 60; round++) {
        float r[9], t[3], m[16], pixels[478 * 2], guess[9], shift[3], turn[9], w[3];
        jr2i_pose_matrix(1.6f * tiny_random(&seed) - 0.8f, tiny_random(&seed) - 0.5f, tiny_random(&seed) - 0.5f, r);
        t[0] = 30 * tiny_random(&seed) - 15;
        t[1] = 20 * tiny_random(&seed) - 10;
        t[2] = -40 - 100 * tiny_random(&seed);
        jr2i_pose_matrix4(r, t, m);
        jr2i_camera_project(&f.view.camera, m, f.points478, 478, pixels);
        for (int k = 0; k < 3; k++) {
            w[k] = 0.6f * tiny_random(&seed) - 0.3f;
            shift[k] = t[k] * (0.8f + 0.4f * tiny_random(&seed));
        }
        jr2i_pose_exponential(w, turn);
        jr2i_pose_multiply(turn, r, guess);
        if (round % 3 == 0) { /* pairs that say nothing */
            pixels[2 * 17] = NAN;
            pixels[2 * 30 + 1] = INFINITY;
        }
        float rms = jr2i_pnp_refine(&f.view.camera, f.points478, pixels, NULL, 478, guess, shift);
        ck_assert_float_ge(rms, 0);
        ck_assert_float_lt(rms, 1e-2f);
        for (int i = 0; i < 9; i++)
            ck_assert_float_eq_tol(guess[i], r[i], 1e-3f);
        for (int k = 0; k < 3; k++)
            ck_assert_float_eq_tol(shift[k], t[k], 0.05f);
    }
    float r[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, t[3] = {0, 0, -60};
    ck_assert_float_eq(jr2i_pnp_refine(&f.view.camera, f.points478, f.landmarks478, NULL, 3, r, t), -1);
    t[2] = 5; /* behind the camera */
    ck_assert_float_eq(jr2i_pnp_refine(&f.view.camera, f.points478, f.landmarks478, NULL, 478, r, t), -1);
    tiny_face_free(&f);
}
END_TEST

/* From the face camera in a turned crop to the image camera: the guess is near, the refinement agrees with the pixels. */
START_TEST(test_two_cameras)
{
    tiny_face f;
    tiny_face_make(&f, 1280, 720, 0);
    jr2i_face_camera face;
    jr2i_frame frame = {900, 250, 220, 0.3f};
    float map[6], crop[478 * 2], r[9], t[3], yaw, pitch, roll;
    jr2i_pose_matrix(0.4f, -0.1f, 0, face.rotation);
    face.scale = 4.5f;
    face.cx = 63;
    face.cy = 70;
    jr2i_frame_crop_map(&frame, JR2I_CROP_FACTOR, 128, map);
    jr2i_face_camera_project(&face, f.points478, 478, crop);
    jr2i_map_points(map, crop, 478, crop);
    jr2i_camera_from_face(&f.view.camera, &face, map, r, t);
    float rms = jr2i_pnp_refine(&f.view.camera, f.points478, crop, NULL, 478, r, t);
    ck_assert_float_lt(rms, 2); /* the two perspectives differ a little: 100 cm here, the image's distance there */
    ck_assert_float_ge(rms, 0);
    jr2i_pose_angles(r, &yaw, &pitch, &roll);
    ck_assert_float_eq_tol(roll, 0.3f, 0.1f); /* the crop's turn came back in */
    ck_assert_float_gt(t[0], 3);
    ck_assert_float_gt(t[1], 3);
    ck_assert_float_lt(t[2], -60);
    tiny_face_free(&f);
}
END_TEST

START_TEST(test_frame)
{
    tiny_face f;
    tiny_face_make(&f, 640, 480, 0.2f);
    jr2i_frame a, b;
    ck_assert_int_eq(jr2i_frame_from_landmarks(f.landmarks478, &a), 1);
    for (float turn = -2; turn < 2; turn += 0.37f) { /* the frame moves with the picture */
        float c = 1.7f * cosf(turn), s = 1.7f * sinf(turn), map[6] = {c, -s, 40, s, c, -25}, moved[478 * 2], x, y;
        jr2i_map_points(map, f.landmarks478, 478, moved);
        ck_assert_int_eq(jr2i_frame_from_landmarks(moved, &b), 1);
        x = map[0] * a.x + map[1] * a.y + map[2];
        y = map[3] * a.x + map[4] * a.y + map[5];
        ck_assert_float_eq_tol(b.x, x, 0.05f);
        ck_assert_float_eq_tol(b.y, y, 0.05f);
        ck_assert_float_eq_tol(b.size, 1.7f * a.size, 0.05f);
        ck_assert_float_eq_tol(remainderf(b.roll - a.roll - turn, 2 * JR2I_PI), 0, 1e-3f);
    }
    float map[6], inverse[6], in[8] = {64, 64, 64, 0, 0, 64, 30, 99}, out[8];
    jr2i_frame up = {100, 50, 60, 0.25f};
    jr2i_frame_crop_map(&up, 1.5f, 128, map);
    jr2i_map_points(map, in, 4, out);
    ck_assert_float_eq_tol(out[0], 100, 1e-3f); /* centre to centre, */
    ck_assert_float_eq_tol(out[1], 50, 1e-3f);
    ck_assert_float_eq_tol(out[2], 100 + 45 * sinf(0.25f), 1e-3f); /* its top is half a side along the turned up direction */
    ck_assert_float_eq_tol(out[3], 50 - 45 * cosf(0.25f), 1e-3f);
    ck_assert_int_eq(jr2i_map_invert(map, inverse), 1);
    jr2i_map_points(inverse, out, 4, out);
    for (int i = 0; i < 8; i++)
        ck_assert_float_eq_tol(out[i], in[i], 1e-3f);
    const float flat[6] = {1, 2, 0, 2, 4, 0};
    ck_assert_int_eq(jr2i_map_invert(flat, inverse), 0);
    f.landmarks478[100] = NAN;
    ck_assert_int_eq(jr2i_frame_from_landmarks(f.landmarks478, &b), 0);
    memset(f.landmarks478, 0, sizeof f.landmarks478);
    ck_assert_int_eq(jr2i_frame_from_landmarks(f.landmarks478, &b), 0);
    tiny_face_free(&f);
}
END_TEST

START_TEST(test_arkit)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_head *head = tiny_head(&env);
    ck_assert_int_eq(head->arkit.known, 51);
    for (int32_t i = 0; i < 52; i++) {
        ck_assert_int_eq(jr2i_arkit_index(jr2i_arkit_name(i)), i);
        ck_assert_int_eq(head->arkit.source[i][0] < 0, i == JR2I_ARKIT_TONGUE_OUT);
    }
    ck_assert_ptr_null(jr2i_arkit_name(-1));
    ck_assert_ptr_null(jr2i_arkit_name(52));
    ck_assert_int_eq(jr2i_arkit_index("jawopen"), -1);
    ck_assert_int_eq(jr2i_arkit_index(NULL), -1);
    float arkit[52], again[52], e[53];
    uint32_t seed = 4;
    for (int i = 0; i < 52; i++)
        arkit[i] = tiny_random(&seed);
    arkit[JR2I_ARKIT_TONGUE_OUT] = 0;
    jr2i_arkit_to_expression(&head->arkit, arkit, 53, e);
    jr2i_arkit_from_expression(&head->arkit, e, again);
    for (int i = 0; i < 52; i++)
        ck_assert_float_eq_tol(again[i], arkit[i], 1e-6f);
    int32_t used = 0; /* each of the 53 has a coefficient */
    for (int i = 0; i < 53; i++)
        used += e[i] != 0;
    ck_assert_int_eq(used, 53);
    memset(e, 0, sizeof e);
    e[2] = 0.4f; /* browInnerUp_L */
    jr2i_arkit_from_expression(&head->arkit, e, again);
    ck_assert_float_eq_tol(again[jr2i_arkit_index("browInnerUp")], 0.2f, 1e-6f);
    /* both eyes to the person's left and up */
    memset(arkit, 0, sizeof arkit);
    arkit[jr2i_arkit_index("eyeLookOutLeft")] = 0.5f;
    arkit[jr2i_arkit_index("eyeLookInRight")] = 0.5f;
    arkit[jr2i_arkit_index("eyeLookUpLeft")] = arkit[jr2i_arkit_index("eyeLookUpRight")] = 1;
    const float range[4] = {40, 30, 20, 10};
    float gaze[4], r[9];
    jr2i_gaze_from_arkit(arkit, range, gaze);
    ck_assert_float_eq_tol(gaze[0] * JR2I_DEGREES, 15, 1e-3f);
    ck_assert_float_eq_tol(gaze[1] * JR2I_DEGREES, 20, 1e-3f);
    ck_assert_float_eq_tol(gaze[2] * JR2I_DEGREES, 20, 1e-3f);
    jr2i_gaze_rotation(gaze[0], gaze[1], r);
    ck_assert_float_gt(r[2], 0.1f);
    ck_assert_float_gt(r[5], 0.1f);
    static const char *const other[] = {"pca_0", "pca_1", "jawOpen_X", "_L"};
    jr2i_arkit_map none;
    jr2i_arkit_map_make(other, 4, &none);
    ck_assert_int_eq(none.known, 0);
    jr2i_head_free(&env, head);
}
END_TEST

START_TEST(test_params)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_head *head = tiny_head(&env);
    int32_t count = jr2i_params_count(head);
    ck_assert_int_eq(count, 6 + 53 + 6 + 1 + 2 + 27 + 4 + 1);
    float *numbers = tiny_floats((size_t)count);
    jr2i_params *p = calloc(1, sizeof *p);
    ck_assert_int_eq(jr2i_params_from_network(head, numbers, p), 1); /* all 0: straight ahead in the middle */
    ck_assert_float_eq(p->camera.scale, JR2I_PARAMS_SCALE);
    ck_assert_float_eq(p->camera.cx, 64);
    ck_assert_float_eq(p->camera.rotation[0] + p->camera.rotation[4] + p->camera.rotation[8], 3);
    numbers[0] = 2;
    numbers[6] = 0.5f;
    numbers[7] = -3;
    numbers[8] = 3;
    numbers[6 + 53 + 7] = 0.5f;         /* centre x */
    numbers[6 + 53 + 9 + 26] = 7;       /* last of the light */
    numbers[6 + 53 + 9 + 27 + 3] = -1;  /* last of the albedo */
    ck_assert_int_eq(jr2i_params_from_network(head, numbers, p), 1);
    ck_assert_float_eq(p->identity[0], 2);
    ck_assert_float_eq(p->expression[0], 0.5f);
    ck_assert_float_eq(p->expression[1], 0);
    ck_assert_float_eq(p->expression[2], 1);
    ck_assert_float_eq(p->camera.cx, 96);
    ck_assert_float_eq(p->light[26], 7);
    ck_assert_float_eq(p->albedo[3], -1);
    for (int32_t i = 0; i < count; i++) {
        float old = numbers[i];
        numbers[i] = i % 2 ? NAN : INFINITY;
        ck_assert_int_eq(jr2i_params_from_network(head, numbers, p), 0);
        numbers[i] = old;
    }
    numbers[6 + 53 + 6] = 80; /* e^80 */
    ck_assert_int_eq(jr2i_params_from_network(head, numbers, p), 0);
    free(numbers);
    free(p);
    jr2i_head_free(&env, head);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pose");
    TCase *tests = tcase_create("pose");
    tcase_add_test(tests, test_signs);
    tcase_add_test(tests, test_angles);
    tcase_add_test(tests, test_rotations);
    tcase_add_test(tests, test_pnp);
    tcase_add_test(tests, test_two_cameras);
    tcase_add_test(tests, test_frame);
    tcase_add_test(tests, test_arkit);
    tcase_add_test(tests, test_params);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
