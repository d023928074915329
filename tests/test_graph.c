/* SPDX-License-Identifier: MIT
 * Networks against a plain planar evaluation: every operation, odd sizes, every instruction set, any number of threads
 * (same bits), a replanned state, the coarse network, and descriptions that must be refused. */
#include "nn/net_coarse.h"
#include "nn/net_expression.h"
#include "nn/net_find.h"
#include "plain.h"
#include "suite.h"

/* A network with every operation, three outputs. */
static void describe_all(jr2i_graph *g, int height, int width)
{
    int32_t x = jr2i_graph_input(g, 3, height, width);
    int32_t stem = jr2i_graph_conv(g, x, "stem", 2, JR2I_ACT_LEAKY, -1);
    int32_t a = jr2i_graph_conv(g, stem, "a1", 1, JR2I_ACT_RELU, -1);
    a = jr2i_graph_conv(g, a, "a2", 1, JR2I_ACT_RELU, stem);
    int32_t d = jr2i_graph_conv(g, a, "dw1", 1, JR2I_ACT_RELU, -1);
    d = jr2i_graph_conv(g, d, "pw1", 1, JR2I_ACT_SILU, -1);
    int32_t half = jr2i_graph_conv(g, d, "dw2", 2, JR2I_ACT_NONE, -1);
    half = jr2i_graph_conv(g, half, "down", 2, JR2I_ACT_SILU, -1);
    int32_t pooled = jr2i_graph_max_pool2(g, half);
    int32_t mixed = jr2i_graph_conv(g, pooled, "mix", 1, JR2I_ACT_SIGMOID, -1);
    int32_t up = jr2i_graph_upsample2(g, mixed);
    up = jr2i_graph_conv(g, up, "up1", 1, JR2I_ACT_RELU, -1);
    int32_t up2 = jr2i_graph_upsample2(g, up); /* read twice: not folded */
    int32_t side = jr2i_graph_conv(g, up2, "side", 1, JR2I_ACT_NONE, -1);
    int32_t joined = jr2i_graph_concat(g, up2, side);
    joined = jr2i_graph_conv(g, joined, "join", 1, JR2I_ACT_RELU, -1);
    int32_t sum = jr2i_graph_add(g, joined, side, JR2I_ACT_LEAKY);
    jr2i_graph_output(g, jr2i_graph_conv(g, sum, "rgb", 1, JR2I_ACT_SIGMOID, -1));
    jr2i_graph_output(g, sum);
    int32_t v = jr2i_graph_global_pool(g, sum);
    v = jr2i_graph_linear(g, v, "fc", JR2I_ACT_SILU);
    jr2i_graph_output(g, v);
}

static void make_all(layers *l)
{
    add_layer(l, "stem", 32, 3, 3);
    add_layer(l, "a1", 20, 32, 3);
    add_layer(l, "a2", 32, 20, 3);
    add_layer(l, "dw1", 32, 1, 3);
    add_layer(l, "pw1", 48, 32, 1);
    add_layer(l, "dw2", 48, 1, 3);
    add_layer(l, "down", 70, 48, 3);
    add_layer(l, "mix", 33, 70, 3);
    add_layer(l, "up1", 16, 33, 3);
    add_layer(l, "side", 10, 16, 3);
    add_layer(l, "join", 10, 26, 1);
    add_layer(l, "rgb", 3, 10, 3);
    add_layer(l, "fc", 70, 10, 0);
}

static void plain_all(const layers *l, const plain *x, plain out[3])
{
    plain stem = named_conv(l, "stem", x, 2, JR2I_ACT_LEAKY, NULL), a1 = named_conv(l, "a1", &stem, 1, JR2I_ACT_RELU, NULL);
    plain a2 = named_conv(l, "a2", &a1, 1, JR2I_ACT_RELU, &stem), d1 = named_conv(l, "dw1", &a2, 1, JR2I_ACT_RELU, NULL);
    plain p1 = named_conv(l, "pw1", &d1, 1, JR2I_ACT_SILU, NULL), d2 = named_conv(l, "dw2", &p1, 2, JR2I_ACT_NONE, NULL);
    plain half = named_conv(l, "down", &d2, 2, JR2I_ACT_SILU, NULL), pooled = plain_pool(&half);
    plain mix = named_conv(l, "mix", &pooled, 1, JR2I_ACT_SIGMOID, NULL), u = plain_up(&mix);
    plain up1 = named_conv(l, "up1", &u, 1, JR2I_ACT_RELU, NULL), up2 = plain_up(&up1);
    plain side = named_conv(l, "side", &up2, 1, JR2I_ACT_NONE, NULL), joined = plain_new(up2.c + side.c, up2.h, up2.w);
    const size_t front = (size_t)(up2.c * up2.h * up2.w);
    memcpy(joined.p, up2.p, front * sizeof(float));
    memcpy(joined.p + front, side.p, (size_t)(side.c * side.h * side.w) * sizeof(float));
    plain join = named_conv(l, "join", &joined, 1, JR2I_ACT_RELU, NULL), sum = plain_new(join.c, join.h, join.w);
    for (int i = 0; i < sum.c * sum.h * sum.w; i++)
        sum.p[i] = plain_act(join.p[i] + side.p[i], JR2I_ACT_LEAKY);
    plain mean = plain_new(sum.c, 1, 1);
    for (int c = 0; c < sum.c; c++) {
        double s = 0;
        for (int i = 0; i < sum.h * sum.w; i++)
            s += (double)sum.p[c * sum.h * sum.w + i];
        mean.p[c] = (float)(s / (sum.h * sum.w));
    }
    out[0] = named_conv(l, "rgb", &sum, 1, JR2I_ACT_SIGMOID, NULL);
    out[1] = sum;
    out[2] = plain_linear(&mean, get_layer(l, "fc")->w, get_layer(l, "fc")->bias, 70, JR2I_ACT_SILU);
    plain gone[] = { stem, a1, a2, d1, p1, d2, half, pooled, mix, u, up1, up2, side, joined, join, mean };
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        free(gone[i].p);
}

START_TEST(test_all_operations)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    make_all(&l);
    jr2i_net *net = make_net(&env, &l, cpus[_i], describe_all, 64, 64);
    ck_assert_int_eq(jr2i_net_outputs(net), 3);
    static const int sizes[][2] = { { 64, 64 }, { 50, 33 }, { 1, 1 }, { 17, 90 }, { 64, 64 } };
    jr2i_net_state *state, *threaded;
    ok(&env, jr2i_net_state_create(&env, net, 64, 64, 1, &state));
    jr2i_pool *pool;
    ok(&env, jr2i_pool_create(&env, 3, &pool));
    const size_t first = getenv("JR2_SMALL_TESTS") ? 2 : 0; /* under valgrind the plain evaluation takes long */
    for (size_t s = first; s < sizeof sizes / sizeof *sizes - first / 2; s++) {
        const int h = sizes[s][0], w = sizes[s][1];
        plain x = { 3, h, w, random_floats((size_t)(3 * h * w), 1) }, want[3];
        plain_all(&l, &x, want);
        ok(&env, jr2i_net_state_resize(&env, net, state, h, w));
        ok(&env, jr2i_net_state_create(&env, net, h, w, 3, &threaded));
        for (int again = 0; again < 2; again++) {
            ok(&env, jr2i_net_run(&env, net, state, NULL, x.p));
            ok(&env, jr2i_net_run(&env, net, threaded, pool, x.p));
            for (int i = 0; i < 3; i++) {
                int32_t c, oh, ow;
                const float *y = jr2i_net_output(net, state, i, &c, &oh, &ow);
                compare(cpus[_i], &want[i], y, c, oh, ow);
                const float *z = jr2i_net_output(net, threaded, i, NULL, NULL, NULL);
                ck_assert_msg(memcmp(y, z, sizeof(float) * (size_t)(c * oh * ow)) == 0, "threads change the result");
            }
        }
        for (int i = 0; i < 3; i++)
            free(want[i].p);
        free(x.p);
        jr2i_net_state_free(&env, threaded);
    }
    ck_assert_ptr_null(jr2i_net_output(net, state, 3, NULL, NULL, NULL));
    ck_assert_int_eq(jr2i_net_state_resize(&env, net, state, 0, 5), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2i_net_run(&env, net, state, NULL, NULL), JR2_ERR_INTERNAL); /* no plan after that */
    jr2i_pool_free(&env, pool);
    jr2i_net_state_free(&env, state);
    jr2i_net_free(&env, net);
    free_layers(&l);
}
END_TEST

/* Layers: c channels; the plain evaluation takes a while, so the channels are few. */
static void make_coarse(layers *l, const int *c, int stages, int blocks, int neck, int hidden, int out)
{
    char name[32];
    add_layer(l, "stem", c[0], 3, 3);
    int side = 64;
    for (int s = 0; s < stages; s++) {
        snprintf(name, sizeof name, "s%d.down", s);
        add_layer(l, name, c[s + 1], c[s], 3);
        side /= 2;
        for (int b = 0; b < blocks; b++) {
            snprintf(name, sizeof name, "s%d.b%d.conv1", s, b);
            add_layer(l, name, c[s + 1], c[s + 1], 3);
            snprintf(name, sizeof name, "s%d.b%d.conv2", s, b);
            add_layer(l, name, c[s + 1], c[s + 1], 3);
        }
    }
    add_layer(l, "neck", neck, c[stages], 1);
    add_layer(l, "fc1", hidden, neck * side * side, 0);
    add_layer(l, "fc2", out, hidden, 0);
}

START_TEST(test_coarse)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    static const int channels[] = { 16, 32, 48, 32, 64 };
    make_coarse(&l, channels, 4, 1, 16, 40, 30);
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.coarse.1", &size);
    jr2i_jr2w *file;
    ok(&env, jr2i_jr2w_open_memory(&env, bytes, size, 0, &file));
    plain x = { 3, 128, 128, random_floats(3 * 128 * 128, 1) }, y = named_conv(&l, "stem", &x, 2, JR2I_ACT_RELU, NULL);
    for (int s = 0; s < 4; s++) {
        char name[32];
        snprintf(name, sizeof name, "s%d.down", s);
        plain down = named_conv(&l, name, &y, 2, JR2I_ACT_RELU, NULL);
        snprintf(name, sizeof name, "s%d.b0.conv1", s);
        plain one = named_conv(&l, name, &down, 1, JR2I_ACT_RELU, NULL);
        free(y.p);
        snprintf(name, sizeof name, "s%d.b0.conv2", s);
        y = named_conv(&l, name, &one, 1, JR2I_ACT_RELU, &down);
        free(one.p);
        free(down.p);
    }
    plain neck = named_conv(&l, "neck", &y, 1, JR2I_ACT_RELU, NULL);
    plain hidden = plain_linear(&neck, get_layer(&l, "fc1")->w, get_layer(&l, "fc1")->bias, 40, JR2I_ACT_RELU);
    plain want = plain_linear(&hidden, get_layer(&l, "fc2")->w, get_layer(&l, "fc2")->bias, 30, JR2I_ACT_NONE);
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        setenv("JR2_CPU", cpus[i], 1);
        jr2i_net *net;
        jr2i_net_state *state;
        ok(&env, jr2i_net_coarse_create(&env, file, &net));
        ok(&env, jr2i_net_state_create(&env, net, 128, 128, 1, &state));
        ok(&env, jr2i_net_run(&env, net, state, NULL, x.p));
        int32_t c, h, w;
        const float *got = jr2i_net_output(net, state, 0, &c, &h, &w);
        compare(cpus[i], &want, got, c, h, w);
        /* The flattened vector only fits the size that the file was made for. */
        ck_assert_int_eq(jr2i_net_state_resize(&env, net, state, 64, 64), JR2_ERR_FORMAT);
        jr2i_net_state_free(&env, state);
        jr2i_net_free(&env, net);
    }
    free(x.p); free(y.p); free(neck.p); free(hidden.p); free(want.p);
    jr2i_jr2w_close(&env, file);
    free(bytes);
    free_layers(&l);
}
END_TEST

static int32_t try_description(jr2i_env *env, const jr2i_jr2w *file, int variant)
{
    jr2i_graph *g;
    ok(env, jr2i_graph_create(env, file, &g));
    int32_t x = jr2i_graph_input(g, 3, 32, 32), y = -1;
    switch (variant) {
    case 0: y = jr2i_graph_conv(g, x, "nothing", 1, 0, -1); break;
    case 1: y = jr2i_graph_conv(g, x, "a1", 1, 0, -1); break; /* wants 32 channels */
    case 2: y = jr2i_graph_conv(g, x, "fc", 1, 0, -1); break; /* no convolution */
    case 3: y = jr2i_graph_linear(g, x, "fc", 0); break; /* no vector */
    case 4: y = jr2i_graph_linear(g, jr2i_graph_flatten(g, x), "fc", 0); break; /* wrong length */
    case 5: y = jr2i_graph_conv(g, x, "stem", 3, 0, -1); break;
    case 6: break; /* no output */
    case 7: y = jr2i_graph_add(g, jr2i_graph_conv(g, x, "stem", 2, 0, -1), x, 0); break; /* channels */
    case 8: y = jr2i_graph_conv(g, jr2i_graph_conv(g, x, "stem", 2, 0, -1), "a2", 1, 0, -1); break; /* 20 wanted, 32 there */
    case 9: /* sizes */
        y = jr2i_graph_conv(g, x, "stem", 2, 0, -1);
        y = jr2i_graph_add(g, y, jr2i_graph_conv(g, x, "stem", 1, 0, -1), 0);
        break;
    case 10: y = jr2i_graph_max_pool2(g, 77); break;
    case 11: y = jr2i_graph_gate(g, x, jr2i_graph_conv(g, x, "stem", 1, 0, -1), 32); break; /* no such channel */
    case 12: y = jr2i_graph_gate(g, x, jr2i_graph_conv(g, x, "stem", 2, 0, -1), 0); break; /* sizes */
    case 13: y = jr2i_graph_bend(g, x, jr2i_graph_global_pool(g, x), 1); break;
    case 14: y = jr2i_graph_conv(g, x, "stem", 2, 0, -1); jr2i_graph_keep(g, y); break; /* no input */
    case 15: y = jr2i_graph_warp(g, jr2i_graph_conv(g, x, "stem", 1, 0, -1), x); break; /* no planes */
    case 16: y = jr2i_graph_conv_planes(g, x, x, "rgb", 0); break; /* 10 wanted, 6 there */
    case 17: /* the input is read as planes and as a map */
        y = jr2i_graph_warp(g, x, x);
        jr2i_graph_output(g, jr2i_graph_max_pool2(g, x));
        break;
    default: break;
    }
    if (y >= 0)
        jr2i_graph_output(g, y);
    jr2i_net *net = NULL;
    int32_t status = jr2i_graph_finish(env, g, &net);
    ck_assert_ptr_null(net);
    return status;
}

START_TEST(test_refused)
{
    static const int32_t expected[] = { JR2_ERR_MISSING, JR2_ERR_FORMAT, JR2_ERR_FORMAT, JR2_ERR_INTERNAL, JR2_ERR_FORMAT, JR2_ERR_INTERNAL,
                                        JR2_ERR_INTERNAL, JR2_ERR_FORMAT, JR2_ERR_FORMAT, JR2_ERR_FORMAT, JR2_ERR_INTERNAL,
                                        JR2_ERR_FORMAT, JR2_ERR_FORMAT, JR2_ERR_INTERNAL, JR2_ERR_INTERNAL, JR2_ERR_FORMAT, JR2_ERR_FORMAT,
                                        JR2_ERR_INTERNAL };
    jr2i_env env = { 0 };
    layers l = { 0 };
    make_all(&l);
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.test.1", &size);
    jr2i_jr2w *file;
    ok(&env, jr2i_jr2w_open_memory(&env, bytes, size, 0, &file));
    for (int i = 0; i < (int)(sizeof expected / sizeof *expected); i++) {
        int32_t status = try_description(&env, file, i);
        ck_assert_msg(status == expected[i], "description %d: %d (%s)", i, (int)status, env.error);
        ck_assert_msg(env.error[0] != 0, "description %d: no text", i);
    }
    jr2i_net *net;
    ck_assert_int_eq(jr2i_net_coarse_create(&env, file, &net), JR2_ERR_TOPOLOGY);
    jr2i_jr2w_close(&env, file);
    free(bytes);
    free_layers(&l);
}
END_TEST

/* Every allocation fails once; nothing leaks and nothing crashes. */
static int allocations, allocation_to_fail, live;

static void *failing_alloc(void *user, size_t bytes, size_t alignment)
{
    void *p = NULL;
    (void)user;
    if (++allocations == allocation_to_fail || posix_memalign(&p, alignment, bytes) != 0)
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

START_TEST(test_no_memory)
{
    jr2i_env env = { .alloc = failing_alloc, .release = counting_free };
    layers l = { 0 };
    make_all(&l);
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.test.1", &size);
    int done = 0;
    for (allocation_to_fail = 1; !done; allocation_to_fail++) {
        jr2i_jr2w *file = NULL;
        jr2i_graph *g = NULL;
        jr2i_net *net = NULL;
        jr2i_net_state *state = NULL;
        jr2i_pool *pool = NULL;
        allocations = 0;
        int32_t status = jr2i_jr2w_open_memory(&env, bytes, size, 1, &file);
        if (status == JR2_OK)
            status = jr2i_graph_create(&env, file, &g);
        if (status == JR2_OK) {
            describe_all(g, 32, 32);
            status = jr2i_graph_finish(&env, g, &net);
        }
        if (status == JR2_OK)
            status = jr2i_net_state_create(&env, net, 32, 32, 2, &state);
        if (status == JR2_OK)
            status = jr2i_pool_create(&env, 2, &pool);
        ck_assert_int_eq(status, allocations < allocation_to_fail ? JR2_OK : JR2_ERR_NO_MEMORY);
        done = status == JR2_OK;
        jr2i_pool_free(&env, pool);
        jr2i_net_state_free(&env, state);
        jr2i_net_free(&env, net);
        jr2i_jr2w_close(&env, file);
        ck_assert_int_eq(live, 0);
    }
    free(bytes);
    free_layers(&l);
}
END_TEST

static int32_t cancel_at_once(void *user)
{
    (void)user;
    return 1;
}

START_TEST(test_cancel)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    make_all(&l);
    jr2i_net *net = make_net(&env, &l, NULL, describe_all, 32, 32);
    jr2i_net_state *state;
    ok(&env, jr2i_net_state_create(&env, net, 32, 32, 1, &state));
    float *x = random_floats(3 * 32 * 32, 1);
    env.cancel = cancel_at_once;
    ck_assert_int_eq(jr2i_net_run(&env, net, state, NULL, x), JR2_ERR_CANCELLED);
    free(x);
    jr2i_net_state_free(&env, state);
    jr2i_net_free(&env, net);
    free_layers(&l);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_all_operations, 0, (int)(sizeof cpus / sizeof *cpus));
    tcase_add_test(tcase, test_coarse);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_no_memory);
    tcase_add_test(tcase, test_cancel);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
