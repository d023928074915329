/* SPDX-License-Identifier: MIT
 * The expression network alone: its numbers against PyTorch's, its crops against NumPy's, bad weights. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression_fixture.h"
#include "face/closeup.h"
#include "nn/net.h"
#include "suite.h"
#include "tiny_face.h"

START_TEST(gives_what_pytorch_gives)
{
    static const char *const cpus[] = {"c", "avx2", "avx512", "neon"}, *const names[] = {"input.right", "input.left", "input.mouth"};
    jr2i_env env = {0};
    jr2i_net *net;
    jr2i_net_state *state;
    float *crops = malloc(3 * CROP * sizeof *crops), worst = 0;
    setenv("JR2_CPU", cpus[_i], 1);
    jr2i_jr2w *file = open_fixture(&env);
    ok(&env, jr2i_net_expression_create(&env, file, &net));
    ok(&env, jr2i_net_state_create(&env, net, SIDE, SIDE, 1, &state));
    for (int k = 0; k < 3; k++) {
        uint8_t *bytes = load_bytes(&env, file, names[k]);
        for (int i = 0; i < CROP; i++)
            crops[k * CROP + i] = (float)bytes[i] / 127.5f - 1;
        jr2i_free(&env, bytes);
    }
    float *trunk = load(&env, file, "input.trunk"), *coarse = load(&env, file, "input.coarse"), *expected = load(&env, file, "expected.output");
    const float *const inputs[] = {crops, crops + CROP, crops + 2 * CROP, trunk, coarse};
    ok(&env, jr2i_net_run_inputs(&env, net, state, NULL, inputs));
    int32_t count, height, width;
    const float *got = jr2i_net_output(net, state, 0, &count, &height, &width);
    ck_assert_int_eq(count * height * width, 53 + 53 + 3 * 478 + 100);
    ck_assert_int_eq(jr2i_net_input_channels(net, JR2I_EXPRESSION_TRUNK), 256);
    ck_assert_int_eq(jr2i_net_input_channels(net, JR2I_EXPRESSION_COARSE), 230);
    ck_assert_int_eq(jr2i_net_input_channels(net, JR2I_EXPRESSION_INPUTS), 0);
    for (int i = 0; i < count; i++) {
        float d = fabsf(got[i] - expected[i]);
        worst = d <= worst ? worst : d;
    }
    printf("%-6s largest difference %.1e\n", cpus[_i], (double)worst);
    ck_assert_msg(worst < 2e-5f, "%s: %g", cpus[_i], (double)worst);
    jr2i_free(&env, trunk);
    jr2i_free(&env, coarse);
    jr2i_free(&env, expected);
    jr2i_net_state_free(&env, state);
    jr2i_net_free(&env, net);
    jr2i_jr2w_close(&env, file);
    free(crops);
}
END_TEST

START_TEST(packs_the_eyes_once)
{
    jr2i_env env = {0};
    jr2i_net *net;
    jr2i_jr2w *file = open_fixture(&env);
    ok(&env, jr2i_net_expression_create(&env, file, &net));
    int shared = 0, layers = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        layers += strncmp(node->name, "eye.", 4) == 0;
        shared += node->borrowed;
        ck_assert(!node->borrowed || strncmp(node->name, "eye.", 4) == 0);
        ck_assert(node->name[0] == 0 || node->weights || node->halves);
    }
    ck_assert_int_gt(shared, 5);
    ck_assert_int_eq(layers, 2 * shared);
    jr2i_net_free(&env, net);
    jr2i_jr2w_close(&env, file);
}
END_TEST

START_TEST(refuses_bad_weights)
{
    static const struct {
        const char *name;
        int left_out;
        int32_t rows, columns;
        int poison;
        int32_t status;
    } bad[] = {
        {"eye.stem.weight", 1, 0, 0, 0, JR2_ERR_MISSING},   {"mouth.stem.weight", 1, 0, 0, 0, JR2_ERR_MISSING},
        {"eye.s0.b0.conv2.bias", 1, 0, 0, 0, JR2_ERR_MISSING}, {"eye.s1.down.weight", 1, 0, 0, 0, JR2_ERR_FORMAT},
        {"mouth.neck.bias", 1, 0, 0, 0, JR2_ERR_MISSING},   {"eye.fc.weight", 1, 0, 0, 0, JR2_ERR_MISSING},
        {"fc1.weight", 1, 0, 0, 0, JR2_ERR_MISSING},        {"fc1.bias", 1, 0, 0, 0, JR2_ERR_MISSING},
        {"fc2.weight", 1, 0, 0, 0, JR2_ERR_MISSING},        {"fc1.weight", 0, 0, 32, 0, JR2_ERR_FORMAT},
        {"fc1.weight", 0, 19, 0, 0, JR2_ERR_FORMAT},        {"eye.fc.weight", 0, 0, 100, 0, JR2_ERR_FORMAT},
        {"fc2.weight", 0, 0, 19, 0, JR2_ERR_FORMAT},        {"eye.s0.down.weight", 0, 0, 3, 0, JR2_ERR_FORMAT},
        {"trunk.fc.weight", 1, 0, 0, 0, JR2_ERR_MISSING},   {"trunk.fc.weight", 0, 15, 0, 0, JR2_ERR_FORMAT},
        {"anchor", 1, 0, 0, 0, JR2_ERR_MISSING},            {"anchor", 0, 0, 0, 1, JR2_ERR_FORMAT},
        {"fc2.weight", 0, 0, 0, 1, JR2_ERR_FORMAT},         {"eye.stem.weight", 0, 0, 0, 1, JR2_ERR_FORMAT},
        {"none", 0, 0, 0, 0, JR2_OK},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        jr2_blob blob;
        jr2_model *model;
        uint8_t *bytes = altered(bad[i].name, bad[i].left_out, bad[i].rows, bad[i].columns, bad[i].poison, &blob.size);
        blob.data = bytes;
        int32_t status = jr2_model_open_memory(&blob, 1, NULL, &model);
        ck_assert_msg(status == bad[i].status, "%s (%d): %s", bad[i].name, (int)i, jr2_status_name(status));
        ck_assert_int_eq(jr2_model_has(model, JR2_PART_EXPRESSION), status == JR2_OK);
        jr2_model_release(model);
        for (size_t cut = 0; i == 0 && cut < blob.size; cut += 997) { /* a file that ends too early */
            jr2_blob shorter = {bytes, cut};
            ck_assert_int_lt(jr2_model_open_memory(&shorter, 1, NULL, &model), 0);
        }
        free(bytes);
    }
}
END_TEST

START_TEST(crops_where_numpy_does)
{
    static const char *const names[] = {"right", "left", "mouth"};
    jr2i_env env = {0};
    jr2i_jr2w *file = open_fixture(&env);
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, "picture");
    float *points = load(&env, file, "landmarks"), *crop = malloc(CROP * sizeof *crop);
    uint8_t *rgb = load_bytes(&env, file, "picture");
    jr2i_view view = jr2i_view_rgb(rgb, t->dims[1], t->dims[0]);
    jr2i_frame frame;
    ck_assert_int_eq(jr2i_frame_from_landmarks(points, &frame), 1);
    ck_assert(fabsf(frame.roll) > 0.3f); /* the test would hardly notice a wrong turn of an upright face */
    for (int k = 0; k < JR2I_CLOSEUPS; k++) {
        char name[32];
        float map[6], worst = 0;
        snprintf(name, sizeof name, "map.%s", names[k]);
        float *expected = load(&env, file, name);
        jr2i_closeup_map(points, &frame, k, SIDE, map);
        for (int i = 0; i < 6; i++)
            ck_assert_msg(fabsf(map[i] - expected[i]) < (i % 3 == 2 ? 2e-3f : 2e-5f), "%s[%d]: %g, not %g", name, i, (double)map[i], (double)expected[i]);
        jr2i_free(&env, expected);
        snprintf(name, sizeof name, "crop.%s", names[k]);
        expected = load(&env, file, name);
        jr2i_closeup_take(&view, points, &frame, k, SIDE, NULL, crop);
        for (int i = 0; i < CROP; i++)
            worst = fmaxf(worst, fabsf(crop[i] - expected[i]));
        printf("%-10s largest difference %.4f of -1..1\n", name, (double)worst);
        ck_assert(worst < 0.001f); /* one grey level is 0.0078 */
        jr2i_free(&env, expected);
    }
    jr2i_free(&env, points);
    jr2i_free(&env, rgb);
    jr2i_jr2w_close(&env, file);
    free(crop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expression_net");
    TCase *tcase = tcase_create("expression_net");
    tcase_add_loop_test(tcase, gives_what_pytorch_gives, 0, 4);
    tcase_add_test(tcase, packs_the_eyes_once);
    tcase_add_test(tcase, refuses_bad_weights);
    tcase_add_test(tcase, crops_where_numpy_does);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
