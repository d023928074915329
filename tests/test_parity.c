/* SPDX-License-Identifier: MIT
 * Parity with PyTorch: training/parity.py wrote a network, an input and what each layer gives there; the same network
 * here must give the same, with every instruction set. Prints the largest difference of each layer. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn/graph.h"
#include "suite.h"

static const char *const names[] = { "stem", "a1", "a2", "dw1", "pw1", "dw2", "down", "pool", "mix", "up1", "side", "join", "sum",
                                     "rgb", "fc1", "fc2" };
enum { NAMES = sizeof names / sizeof *names };

static void describe(jr2i_graph *g, int32_t height, int32_t width)
{
    int32_t id[NAMES];
    const int32_t x = jr2i_graph_input(g, 3, height, width);
    id[0] = jr2i_graph_conv(g, x, "stem", 2, JR2I_ACT_LEAKY, -1);
    id[1] = jr2i_graph_conv(g, id[0], "a1", 1, JR2I_ACT_RELU, -1);
    id[2] = jr2i_graph_conv(g, id[1], "a2", 1, JR2I_ACT_RELU, id[0]);
    id[3] = jr2i_graph_conv(g, id[2], "dw1", 1, JR2I_ACT_RELU, -1);
    id[4] = jr2i_graph_conv(g, id[3], "pw1", 1, JR2I_ACT_SILU, -1);
    id[5] = jr2i_graph_conv(g, id[4], "dw2", 2, JR2I_ACT_NONE, -1);
    id[6] = jr2i_graph_conv(g, id[5], "down", 2, JR2I_ACT_SILU, -1);
    id[7] = jr2i_graph_max_pool2(g, id[6]);
    id[8] = jr2i_graph_conv(g, id[7], "mix", 1, JR2I_ACT_SIGMOID, -1);
    id[9] = jr2i_graph_conv(g, jr2i_graph_upsample2(g, id[8]), "up1", 1, JR2I_ACT_RELU, -1);
    const int32_t up = jr2i_graph_upsample2(g, id[9]);
    id[10] = jr2i_graph_conv(g, up, "side", 1, JR2I_ACT_NONE, -1);
    id[11] = jr2i_graph_conv(g, jr2i_graph_concat(g, up, id[10]), "join", 1, JR2I_ACT_RELU, -1);
    id[12] = jr2i_graph_add(g, id[11], id[10], JR2I_ACT_LEAKY);
    id[13] = jr2i_graph_conv(g, id[12], "rgb", 1, JR2I_ACT_SIGMOID, -1);
    id[14] = jr2i_graph_linear(g, jr2i_graph_flatten(g, id[12]), "fc1", JR2I_ACT_RELU);
    id[15] = jr2i_graph_linear(g, jr2i_graph_global_pool(g, id[12]), "fc2", JR2I_ACT_NONE);
    for (int i = 0; i < NAMES; i++)
        jr2i_graph_output(g, id[i]);
}

static const char *const sampled[] = { "border", "zeros", "resize" };

static void describe_sampling(jr2i_graph *g, int32_t height, int32_t width)
{
    const int32_t x = jr2i_graph_input(g, 3, height, width), grid = jr2i_graph_input(g, 2, (height + 1) / 2, (width + 1) / 2);
    const int32_t stem = jr2i_graph_conv(g, x, "stem", 2, JR2I_ACT_LEAKY, -1);
    int32_t y = jr2i_graph_conv(g, stem, "a1", 1, JR2I_ACT_RELU, -1);
    y = jr2i_graph_conv(g, jr2i_graph_conv(g, y, "a2", 1, JR2I_ACT_RELU, stem), "dw1", 1, JR2I_ACT_RELU, -1);
    y = jr2i_graph_conv(g, jr2i_graph_conv(g, y, "pw1", 1, JR2I_ACT_SILU, -1), "dw2", 2, JR2I_ACT_NONE, -1);
    y = jr2i_graph_max_pool2(g, jr2i_graph_conv(g, y, "down", 2, JR2I_ACT_SILU, -1));
    jr2i_graph_output(g, jr2i_graph_sample(g, stem, grid, 0));
    jr2i_graph_output(g, jr2i_graph_sample(g, stem, grid, 1));
    jr2i_graph_output(g, jr2i_graph_resize2(g, jr2i_graph_conv(g, y, "mix", 1, JR2I_ACT_SIGMOID, -1)));
}

static void ok(const jr2i_env *env, int32_t status)
{
    ck_assert_msg(status == JR2_OK, "status %d: %s", (int)status, env->error);
}

static void compare(jr2i_env *env, const jr2i_jr2w *file, const char *cpu, const char *name, const float *got, int32_t count)
{
    char full[40];
    snprintf(full, sizeof full, "expected.%s", name);
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, full);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq((int64_t)t->count, count);
    float *want;
    ok(env, jr2i_jr2w_load_f32(env, file, full, t->ndim, t->dims, &want));
    float worst = 0, largest = 0;
    for (int32_t i = 0; i < count; i++) {
        const float d = fabsf(got[i] - want[i]);
        worst = d <= worst ? worst : d; /* a NaN becomes the worst */
        largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
    }
    printf("%-6s %-5s %6d values up to %7.3f, largest difference %.1e\n", cpu, name, (int)count, (double)largest, (double)worst);
    ck_assert_msg(worst <= 5e-5f * (1 + largest), "%s with %s: difference %g", name, cpu, (double)worst);
    jr2i_free(env, want);
}

START_TEST(test_layers)
{
    static const char *const cpus[] = { "c", "avx2", "avx512", "neon" };
    const char *cpu = cpus[_i];
    jr2i_env env = { 0 };
    jr2i_jr2w *file;
    jr2i_graph *g;
    jr2i_net *net;
    jr2i_net_state *state;
    float *input;
    setenv("JR2_CPU", cpu, 1);
    ok(&env, jr2i_jr2w_open_file(&env, "tests/data/parity.jr2w", &file));
    const jr2i_tensor_info *in = jr2i_jr2w_find(file, "input");
    ck_assert_ptr_nonnull(in);
    ok(&env, jr2i_jr2w_load_f32(&env, file, "input", 3, in->dims, &input));
    ok(&env, jr2i_graph_create(&env, file, &g));
    describe(g, in->dims[1], in->dims[2]);
    ok(&env, jr2i_graph_finish(&env, g, &net));
    ok(&env, jr2i_net_state_create(&env, net, in->dims[1], in->dims[2], 1, &state));
    ok(&env, jr2i_net_run(&env, net, state, NULL, input));
    for (int i = 0; i < NAMES; i++) {
        int32_t c, h, w;
        const float *y = jr2i_net_output(net, state, i, &c, &h, &w);
        compare(&env, file, cpu, names[i], y, c * h * w);
    }
    jr2i_net_state_free(&env, state);
    jr2i_net_free(&env, net);

    float *grid;
    const jr2i_tensor_info *grid_info = jr2i_jr2w_find(file, "grid");
    ck_assert_ptr_nonnull(grid_info);
    ok(&env, jr2i_jr2w_load_f32(&env, file, "grid", 3, grid_info->dims, &grid));
    ok(&env, jr2i_graph_create(&env, file, &g));
    describe_sampling(g, in->dims[1], in->dims[2]);
    ok(&env, jr2i_graph_finish(&env, g, &net));
    ok(&env, jr2i_net_state_create(&env, net, in->dims[1], in->dims[2], 1, &state));
    ck_assert_int_eq(jr2i_net_run(&env, net, state, NULL, input), JR2_ERR_INTERNAL); /* it wants two */
    const float *const inputs[] = { input, grid };
    ok(&env, jr2i_net_run_inputs(&env, net, state, NULL, inputs));
    for (int i = 0; i < 3; i++) {
        int32_t c, h, w;
        const float *y = jr2i_net_output(net, state, i, &c, &h, &w);
        compare(&env, file, cpu, sampled[i], y, c * h * w);
    }
    ck_assert_int_eq(jr2i_net_state_resize(&env, net, state, in->dims[1] + 1, in->dims[2]), JR2_ERR_RANGE); /* no whole grid */
    jr2i_free(&env, input);
    jr2i_free(&env, grid);
    jr2i_net_state_free(&env, state);
    jr2i_net_free(&env, net);
    jr2i_jr2w_close(&env, file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parity");
    TCase *tcase = tcase_create("PyTorch");
    tcase_add_loop_test(tcase, test_layers, 0, 4);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
