/* SPDX-License-Identifier: MIT
 * The reenactment network against PyTorch (training/reenact/parity.py wrote tests/data/reenact.jr2w): its smallest form with random
 * weights, with every instruction set and any number of threads; and files that must be refused. Prints the largest differences. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jr2w_writer.h"
#include "nn/net_reenact.h"
#include "suite.h"
#include "tiny_face.h"

#define FILE_NAME "tests/data/reenact.jr2w"
enum { SIDE = JR2I_REENACT_SIDE, HALF = SIDE / 2, STEP = 16 };

static const char *const cpus[] = {"c", "avx2", "avx512", "neon"};

static void ok(const jr2i_env *env, int32_t status)
{
    ck_assert_msg(status == JR2_OK, "status %d: %s", (int)status, env->error);
}

/* The rule of training/reenact/parity.py. */
static void pattern(int32_t planes, int32_t side, float scale, float offset, float *out)
{
    for (int32_t c = 0; c < planes; c++)
        for (int32_t y = 0; y < side; y++)
            for (int32_t x = 0; x < side; x++) {
                int32_t t = (x * (c % 5 + 1) + y * (c % 7 + 1) + 37 * c) % 128;
                *out++ = (float)(t < 128 - t ? t : 128 - t) / 64 * scale + offset;
            }
}

typedef struct inputs {
    float *source, *planes, *flow;
} inputs;

static inputs make_inputs(void)
{
    const size_t pixels = (size_t)SIDE * SIDE;
    inputs in = {tiny_floats(16 * pixels), tiny_floats(16 * pixels / 4), tiny_floats(2 * pixels)};
    pattern(3, SIDE, 1, 0, in.source);
    for (size_t i = 0; i < 3 * pixels; i++)
        in.source[i] = 2 * in.source[i] - 1;
    pattern(12, SIDE, 1, -0.5f, in.source + 3 * pixels);
    pattern(1, SIDE, 1, 0, in.source + 15 * pixels);
    pattern(16, HALF, 1, -0.25f, in.planes);
    pattern(2, SIDE, 40, -20, in.flow);
    return in;
}

static void free_inputs(inputs *in)
{
    free(in->source);
    free(in->planes);
    free(in->flow);
}

static jr2i_net_reenact *open_net(jr2i_env *env, const char *name, jr2i_jr2w **file)
{
    jr2i_net_reenact *net;
    ok(env, jr2i_jr2w_open_file(env, name, file));
    ok(env, jr2i_net_reenact_create(env, *file, &net));
    return net;
}

/* y (channels of planes,n,n) on a grid of every so manieth pixel. */
static void compare(jr2i_env *env, const jr2i_jr2w *file, const char *cpu, const char *name, const float *y, int32_t n)
{
    char full[40];
    float *want, worst = 0;
    snprintf(full, sizeof full, "expected.%s", name);
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, full);
    ck_assert_ptr_nonnull(t);
    ok(env, jr2i_jr2w_load_f32(env, file, full, 3, t->dims, &want));
    const int32_t step = STEP * n / SIDE;
    ck_assert_int_eq(t->dims[1] * step, n);
    for (int32_t c = 0, i = 0; c < t->dims[0]; c++)
        for (int32_t row = 0; row < n; row += step)
            for (int32_t x = 0; x < n; x += step, i++) {
                float d = fabsf(want[i] - y[((size_t)c * (size_t)n + (size_t)row) * (size_t)n + (size_t)x]);
                worst = d <= worst ? worst : d; /* a NaN becomes the worst */
            }
    printf("%-6s %-12s largest difference %.1e\n", cpu, name, (double)worst);
    ck_assert_msg(worst <= 1e-4f, "%s with %s: %g", name, cpu, (double)worst);
    jr2i_free(env, want);
}

START_TEST(agrees_with_pytorch)
{
    const size_t pixels = (size_t)SIDE * SIDE;
    jr2i_env env = {0};
    jr2i_jr2w *file;
    setenv("JR2_CPU", cpus[_i], 1);
    jr2i_net_reenact *net = open_net(&env, FILE_NAME, &file);
    inputs in = make_inputs();
    jr2i_net_state *encoder;
    ok(&env, jr2i_net_state_create(&env, net->encoder, HALF, HALF, 1, &encoder));
    float *halved = tiny_floats(16 * pixels / 4);
    for (size_t i = 0; i < 16 * pixels / 4; i++) {
        const float *a = in.source + 4 * (i / HALF) * HALF + 2 * (i % HALF), *b = a + SIDE;
        halved[i] = 0.25f * (a[0] + a[1] + b[0] + b[1]);
    }
    ok(&env, jr2i_net_run(&env, net->encoder, encoder, NULL, halved));
    free(halved);
    for (int k = 0; k < 3; k++) {
        static const char *const names[] = {"features64", "features32", "features16"};
        int32_t n;
        const float *y = jr2i_net_output(net->encoder, encoder, k, NULL, NULL, &n);
        compare(&env, file, cpus[_i], names[k], y, n);
    }
    jr2i_net_state_free(&env, encoder);

    jr2i_reenact_state *state, *other;
    jr2i_reenact_picture p, q;
    jr2i_pool *pool;
    float *output = tiny_floats(3 * pixels);
    ok(&env, jr2i_pool_create(&env, 3, &pool));
    ok(&env, jr2i_reenact_state_create(&env, net, 1, NULL, in.source, &state));
    ok(&env, jr2i_reenact_state_create(&env, net, 3, pool, in.source, &other));
    compare(&env, file, cpus[_i], "silhouette", jr2i_reenact_silhouette(state), SIDE / 4);
    ck_assert(memcmp(jr2i_reenact_silhouette(state), jr2i_reenact_silhouette(other), SIDE * SIDE / 16 * sizeof(float)) == 0);
    for (int again = 0; again < 2; again++) { /* the source stays */
        ok(&env, jr2i_reenact_run(&env, net, state, NULL, in.flow, in.planes, &p));
        ok(&env, jr2i_reenact_run(&env, net, other, pool, in.flow, in.planes, &q));
        for (size_t i = 0; i < 3 * pixels; i++) {
            float share = p.painted[3 * pixels + i % pixels];
            output[i] = share * p.warped[i] + (1 - share) * p.painted[i];
        }
        compare(&env, file, cpus[_i], "warped", p.warped, SIDE);
        compare(&env, file, cpus[_i], "painted", p.painted, SIDE);
        compare(&env, file, cpus[_i], "output", output, SIDE);
        ck_assert_msg(memcmp(p.painted, q.painted, 4 * pixels * sizeof(float)) == 0, "threads change the result");
        for (size_t i = 0; i < pixels; i++) /* the grid is where warped comes from */
            ck_assert(isfinite(p.grid[i]) && isfinite(p.grid[pixels + i]));
    }
    free(output);
    free_inputs(&in);
    jr2i_pool_free(&env, pool);
    jr2i_reenact_state_free(&env, state);
    jr2i_reenact_state_free(&env, other);
    jr2i_net_reenact_free(&env, net);
    jr2i_jr2w_close(&env, file);
}
END_TEST

/* Tensors of the fixture, one of them left out or in another shape. */
static int32_t open_changed(jr2i_env *env, const jr2i_jr2w *file, const char *change, int32_t dim, const char *topology)
{
    jr2i_jr2w *other;
    jr2i_net_reenact *net = NULL;
    writer w = {0};
    size_t size;
    for (int32_t i = 0; i < jr2i_jr2w_count(file); i++) {
        const jr2i_tensor_info *t = jr2i_jr2w_at(file, i);
        if (t->dtype > JR2I_F16 || strncmp(t->name, "expected", 8) == 0 || (strcmp(t->name, change) == 0 && dim < 0))
            continue;
        int32_t dims[6];
        float *values;
        memcpy(dims, t->dims, sizeof dims);
        ok(env, jr2i_jr2w_load_f32(env, file, t->name, t->ndim, t->dims, &values));
        if (strcmp(t->name, change) == 0)
            dims[dim]--;
        writer_add(&w, t->name, 0, (uint32_t)t->ndim, dims, values);
        jr2i_free(env, values);
    }
    uint8_t *bytes = writer_finish(&w, topology, &size);
    ok(env, jr2i_jr2w_open_memory(env, bytes, size, 0, &other));
    int32_t status = jr2i_net_reenact_create(env, other, &net);
    ck_assert((status == JR2_OK) == (net != NULL));
    jr2i_net_reenact_free(env, net);
    jr2i_jr2w_close(env, other);
    free(bytes);
    return status;
}

START_TEST(refuses_other_files)
{
    static const struct {
        const char *name;
        int32_t dim, status;
    } cases[] = {{"none", 0, JR2_OK}, {"encoder.stem.weight", -1, JR2_ERR_MISSING}, {"frame.last.bias", -1, JR2_ERR_MISSING},
                 {"encoder.stem.weight", 0, JR2_ERR_FORMAT}, {"encoder.stem.weight", 2, JR2_ERR_FORMAT},
                 {"encoder.out1.weight", 0, JR2_ERR_FORMAT}, {"silhouette.last.weight", -1, JR2_ERR_MISSING}, {"silhouette.stem.weight", 1, JR2_ERR_FORMAT}, {"frame.flow.weight", 0, JR2_ERR_FORMAT}, {"frame.flow.weight", -1, JR2_ERR_MISSING},
                 {"frame.last.weight", 0, JR2_ERR_FORMAT}, {"frame.last.weight", 1, JR2_ERR_FORMAT}, {"frame.mix2.weight", 1, JR2_ERR_FORMAT},
                 {"frame.up2.weight", 0, JR2_ERR_FORMAT}, {"frame.motion.0.conv2.weight", -1, JR2_ERR_MISSING}, {"frame.cond1.weight", 1, JR2_ERR_FORMAT}};
    jr2i_env env = {0};
    jr2i_jr2w *file;
    ok(&env, jr2i_jr2w_open_file(&env, FILE_NAME, &file));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t status = open_changed(&env, file, cases[i].name, cases[i].dim, JR2I_REENACT_TOPOLOGY);
        ck_assert_msg(status == cases[i].status, "%s, %d: %d (%s)", cases[i].name, (int)cases[i].dim, (int)status, env.error);
    }
    ck_assert_int_eq(open_changed(&env, file, "none", 0, "jr2.reenact.1"), JR2_ERR_TOPOLOGY);
    jr2i_jr2w_close(&env, file);
}
END_TEST

static int allocations, to_fail, live;

static void *failing_alloc(void *user, size_t bytes, size_t alignment)
{
    void *p = NULL;
    (void)user;
    if (++allocations == to_fail || posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    live++;
    return p;
}

static void counting_free(void *user, void *pointer)
{
    (void)user;
    live--;
    free(pointer);
}

/* Every fifth allocation of the network, and every one of the state, fails once; a run makes none. */
START_TEST(survives_failing_allocations)
{
    jr2i_env env = {.alloc = failing_alloc, .release = counting_free};
    jr2i_jr2w *file;
    jr2i_net_reenact *net;
    inputs in = make_inputs();
    to_fail = 0;
    ok(&env, jr2i_jr2w_open_file(&env, FILE_NAME, &file));
    const int before = live;
    int done = 0;
    for (to_fail = 1; !done; to_fail += to_fail < 8 ? 1 : 5) {
        allocations = 0;
        int32_t status = jr2i_net_reenact_create(&env, file, &net);
        ck_assert_int_eq(status, allocations < to_fail ? JR2_OK : JR2_ERR_NO_MEMORY);
        done = status == JR2_OK;
        if (!done)
            ck_assert_int_eq(live, before);
    }
    const int with_net = live;
    for (to_fail = 1, done = 0; !done; to_fail++) {
        jr2i_reenact_state *state;
        jr2i_reenact_picture p;
        allocations = 0;
        int32_t status = jr2i_reenact_state_create(&env, net, 1, NULL, in.source, &state);
        ck_assert_int_eq(status, allocations < to_fail ? JR2_OK : JR2_ERR_NO_MEMORY);
        done = status == JR2_OK;
        allocations = 0;
        if (done)
            ok(&env, jr2i_reenact_run(&env, net, state, NULL, in.flow, in.planes, &p));
        ck_assert_int_eq(allocations, 0);
        jr2i_reenact_state_free(&env, state);
        ck_assert_int_eq(live, with_net);
    }
    jr2i_net_reenact_free(&env, net);
    jr2i_jr2w_close(&env, file);
    ck_assert_int_eq(live, 0);
    free_inputs(&in);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reenact_net");
    TCase *tcase = tcase_create("network");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, agrees_with_pytorch, 0, (int)(sizeof cpus / sizeof *cpus));
    tcase_add_test(tcase, refuses_other_files);
    tcase_add_test(tcase, survives_failing_allocations);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
