/* SPDX-License-Identifier: MIT
 * Networks against a plain planar evaluation: every operation, odd sizes, every instruction set, any number of threads
 * (same bits), a replanned state, the coarse network, and descriptions that must be refused. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jr2w_writer.h"
#include "nn/graph.h"
#include "nn/net_coarse.h"
#include "nn/net_expression.h"
#include "nn/net_find.h"
#include "suite.h"
#include "tensor/half.h"

static uint32_t seed = 7;

static float random_float(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static float *random_floats(size_t n, float scale)
{
    float *p = malloc(n * sizeof *p);
    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < n; i++)
        p[i] = random_float() * scale;
    return p;
}

/* ---- the plain evaluation: planar maps ---- */

typedef struct {
    int c, h, w;
    float *p;
} plain;

static float plain_act(float x, int act)
{
    switch (act) {
    case JR2I_ACT_RELU: return x > 0 ? x : 0;
    case JR2I_ACT_LEAKY: return x > 0 ? x : 0.1f * x;
    case JR2I_ACT_SILU: return x / (1 + expf(-x));
    case JR2I_ACT_SIGMOID: return 1 / (1 + expf(-x));
    default: return x;
    }
}

static plain plain_new(int c, int h, int w)
{
    plain y = { c, h, w, malloc((size_t)(c * h * w) * sizeof(float)) };
    ck_assert_ptr_nonnull(y.p);
    return y;
}

static plain plain_conv(const plain *x, const float *w, const float *bias, int out, int k, int stride, int depthwise, int act, const plain *res)
{
    plain y = plain_new(out, (x->h + stride - 1) / stride, (x->w + stride - 1) / stride);
    for (int o = 0; o < out; o++)
        for (int r = 0; r < y.h; r++)
            for (int i = 0; i < y.w; i++) {
                double sum = bias[o];
                for (int c = depthwise ? o : 0; c < (depthwise ? o + 1 : x->c); c++)
                    for (int ky = 0; ky < k; ky++)
                        for (int kx = 0; kx < k; kx++) {
                            int yy = r * stride + ky - k / 2, xx = i * stride + kx - k / 2;
                            if (yy >= 0 && yy < x->h && xx >= 0 && xx < x->w)
                                sum += (double)x->p[(c * x->h + yy) * x->w + xx] *
                                       (double)w[(depthwise ? o : o * x->c + c) * k * k + ky * k + kx];
                        }
                int at = (o * y.h + r) * y.w + i;
                y.p[at] = plain_act((float)sum + (res ? res->p[at] : 0), act);
            }
    return y;
}

static plain plain_up(const plain *x)
{
    plain y = plain_new(x->c, x->h * 2, x->w * 2);
    for (int c = 0; c < y.c; c++)
        for (int r = 0; r < y.h; r++)
            for (int i = 0; i < y.w; i++)
                y.p[(c * y.h + r) * y.w + i] = x->p[(c * x->h + r / 2) * x->w + i / 2];
    return y;
}

static plain plain_pool(const plain *x)
{
    plain y = plain_new(x->c, (x->h + 1) / 2, (x->w + 1) / 2);
    for (int c = 0; c < y.c; c++)
        for (int r = 0; r < y.h; r++)
            for (int i = 0; i < y.w; i++) {
                float m = -INFINITY;
                for (int a = 2 * r; a < 2 * r + 2 && a < x->h; a++)
                    for (int b = 2 * i; b < 2 * i + 2 && b < x->w; b++)
                        m = fmaxf(m, x->p[(c * x->h + a) * x->w + b]);
                y.p[(c * y.h + r) * y.w + i] = m;
            }
    return y;
}

static plain plain_linear(const plain *x, const float *w, const float *bias, int out, int act)
{
    plain y = plain_new(out, 1, 1);
    int n = x->c * x->h * x->w;
    for (int o = 0; o < out; o++) {
        double sum = bias[o];
        for (int i = 0; i < n; i++)
            sum += (double)w[o * n + i] * (double)x->p[i];
        y.p[o] = plain_act((float)sum, act);
    }
    return y;
}

/* ---- a file of random layers, and the same weights for the plain evaluation ---- */

typedef struct {
    char name[32];
    int out, in, k;
    float *w, *bias;
} layer;

typedef struct {
    layer layers[40];
    int count;
    writer file;
} layers;

static const layer *add_layer_of(layers *l, const char *name, int out, int in, int k, int halves) /* k 0: linear; halves: weights that these hold */
{
    layer *n = &l->layers[l->count++];
    const int taps = k ? k * k : 1;
    char full[48];
    snprintf(n->name, sizeof n->name, "%s", name);
    n->out = out;
    n->in = in;
    n->k = k;
    n->w = random_floats((size_t)(out * in * taps), 1.7f / sqrtf((float)(in * taps)));
    n->bias = random_floats((size_t)out, 0.5f);
    for (int i = 0; i < out * in * taps && halves; i++) {
        uint16_t half;
        jr2i_as_halves(&n->w[i], 1, &half); /* cut off */
        n->w[i] = jr2i_half_to_float(half);
    }
    snprintf(full, sizeof full, "%s.weight", name);
    writer_add(&l->file, full, 0, k ? 4 : 2, (const int32_t[]){ out, in, k, k }, n->w);
    snprintf(full, sizeof full, "%s.bias", name);
    writer_add(&l->file, full, 0, 1, (const int32_t[]){ out }, n->bias);
    return n;
}

static const layer *add_layer(layers *l, const char *name, int out, int in, int k)
{
    return add_layer_of(l, name, out, in, k, 0);
}

static const layer *get_layer(const layers *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->layers[i].name, name) == 0)
            return &l->layers[i];
    ck_abort_msg("no layer %s", name);
    return NULL;
}

static void free_layers(layers *l)
{
    for (int i = 0; i < l->count; i++) {
        free(l->layers[i].w);
        free(l->layers[i].bias);
    }
}

static plain named_conv(const layers *l, const char *name, const plain *x, int stride, int act, const plain *res)
{
    const layer *n = get_layer(l, name);
    return plain_conv(x, n->w, n->bias, n->out, n->k, stride, n->in == 1 && x->c > 1, act, res);
}

static void compare(const char *what, const plain *want, const float *got, int c, int h, int w)
{
    ck_assert_int_eq(c, want->c);
    ck_assert_int_eq(h, want->h);
    ck_assert_int_eq(w, want->w);
    float worst = 0, largest = 0;
    for (int i = 0; i < c * h * w; i++) {
        float d = fabsf(want->p[i] - got[i]);
        ck_assert_msg(!isnan(got[i]), "%s: NaN at %d", what, i);
        worst = d > worst ? d : worst;
        largest = fabsf(want->p[i]) > largest ? fabsf(want->p[i]) : largest;
    }
    ck_assert_msg(worst <= 2e-4f * (largest + 1), "%s: difference %g of %g", what, (double)worst, (double)largest);
}

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

static const char *const cpus[] = { "c", "avx2", "avx512", "neon" };

static void ok(jr2i_env *env, int32_t status)
{
    ck_assert_msg(status == JR2_OK, "status %d: %s", (int)status, env->error);
}

START_TEST(test_all_operations)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    make_all(&l);
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.test.1", &size);
    jr2i_jr2w *file;
    ok(&env, jr2i_jr2w_open_memory(&env, bytes, size, 0, &file));
    setenv("JR2_CPU", cpus[_i], 1);
    jr2i_graph *g;
    ok(&env, jr2i_graph_create(&env, file, &g));
    describe_all(g, 64, 64);
    jr2i_net *net;
    ok(&env, jr2i_graph_finish(&env, g, &net));
    ck_assert_int_eq(jr2i_net_outputs(net), 3);
    jr2i_jr2w_close(&env, file);
    free(bytes);

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

/* A picture warped by a grid, another plane beside it, and a convolution over what was found of the picture and these. */
static void describe_planes(jr2i_graph *g, int height, int width)
{
    const int32_t picture = jr2i_graph_input(g, 3, height, width), grid = jr2i_graph_input(g, 2, height, width);
    const int32_t beside = jr2i_graph_input(g, 1, height, width);
    const int32_t x = jr2i_graph_conv(g, picture, "front", 1, JR2I_ACT_RELU, -1);
    const int32_t planes = jr2i_graph_concat(g, jr2i_graph_warp(g, picture, grid), beside);
    jr2i_graph_output(g, planes);
    jr2i_graph_output(g, jr2i_graph_conv_planes(g, x, planes, "paint", JR2I_ACT_SIGMOID));
}

/* x at the grid's places, the border repeated, then `beside`. */
static plain plain_planes(const plain *x, const plain *grid, const plain *beside)
{
    plain y = plain_new(x->c + beside->c, x->h, x->w);
    const int n = x->h * x->w;
    for (int k = 0; k < n; k++) {
        const float u = fminf(fmaxf(grid->p[k], 0), (float)(x->w - 1)), v = fminf(fmaxf(grid->p[n + k], 0), (float)(x->h - 1));
        const int x0 = (int)u, y0 = (int)v, x1 = x0 + 1 < x->w ? x0 + 1 : x0, y1 = y0 + 1 < x->h ? y0 + 1 : y0;
        const float fu = u - (float)x0, fv = v - (float)y0;
        for (int c = 0; c < x->c; c++) {
            const float *p = x->p + c * n;
            y.p[c * n + k] = (1 - fv) * ((1 - fu) * p[y0 * x->w + x0] + fu * p[y0 * x->w + x1]) + fv * ((1 - fu) * p[y1 * x->w + x0] + fu * p[y1 * x->w + x1]);
        }
    }
    memcpy(y.p + x->c * n, beside->p, (size_t)(beside->c * n) * sizeof(float));
    return y;
}

START_TEST(test_planes)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    add_layer(&l, "front", 20, 3, 3);
    add_layer(&l, "paint", 4, 24, 3);
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.test.1", &size);
    jr2i_jr2w *file;
    ok(&env, jr2i_jr2w_open_memory(&env, bytes, size, 0, &file));
    setenv("JR2_CPU", cpus[_i], 1);
    jr2i_graph *g;
    jr2i_net *net;
    jr2i_pool *pool;
    ok(&env, jr2i_graph_create(&env, file, &g));
    describe_planes(g, 24, 40);
    ok(&env, jr2i_graph_finish(&env, g, &net));
    ok(&env, jr2i_pool_create(&env, 3, &pool));
    static const int sizes[][2] = { { 24, 40 }, { 1, 1 }, { 9, 77 }, { 13, 1 } };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int h = sizes[s][0], w = sizes[s][1], n = h * w;
        plain x = { 3, h, w, random_floats((size_t)(3 * n), 1) }, grid = { 2, h, w, random_floats((size_t)(2 * n), 1) };
        plain beside = { 1, h, w, random_floats((size_t)n, 1) };
        for (int k = 0; k < n; k++) { /* also beyond the border */
            grid.p[k] = (grid.p[k] * 1.2f + 1) * 0.5f * (float)w;
            grid.p[n + k] = (grid.p[n + k] * 1.2f + 1) * 0.5f * (float)h;
        }
        plain front = named_conv(&l, "front", &x, 1, JR2I_ACT_RELU, NULL), planes = plain_planes(&x, &grid, &beside);
        plain joined = plain_new(24, h, w);
        memcpy(joined.p, front.p, (size_t)(20 * n) * sizeof(float));
        memcpy(joined.p + 20 * n, planes.p, (size_t)(4 * n) * sizeof(float));
        plain paint = named_conv(&l, "paint", &joined, 1, JR2I_ACT_SIGMOID, NULL);
        const float *inputs[3] = { x.p, grid.p, beside.p };
        for (int threads = 1; threads <= 3; threads += 2) {
            jr2i_net_state *state;
            int32_t c, oh, ow;
            ok(&env, jr2i_net_state_create(&env, net, h, w, threads, &state));
            ok(&env, jr2i_net_run_inputs(&env, net, state, threads > 1 ? pool : NULL, inputs));
            const float *y = jr2i_net_output(net, state, 0, &c, &oh, &ow);
            compare("planes", &planes, y, c, oh, ow);
            y = jr2i_net_output(net, state, 1, &c, &oh, &ow);
            compare("paint", &paint, y, c, oh, ow);
            jr2i_net_state_free(&env, state);
        }
        plain gone[] = { x, grid, beside, front, planes, joined, paint };
        for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
            free(gone[i].p);
    }
    jr2i_pool_free(&env, pool);
    jr2i_net_free(&env, net);
    jr2i_jr2w_close(&env, file);
    free(bytes);
    free_layers(&l);
}
END_TEST

/* Layers whose weights are many for few pixels: Winograd of both sizes, doubled, and direct. All are halves but those of one. */
static void make_streams(layers *l, int which)
{
    add_layer_of(l, "in", 96, 3, 3, 1);
    add_layer_of(l, "large", 112, 96, 3, which != 0);
    add_layer_of(l, "small", 100, 112, 3, which != 1);
    add_layer_of(l, "up", 100, 100, 3, which != 2);
    add_layer_of(l, "down", 180, 100, 3, which != 3);
}

START_TEST(test_streams)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    make_streams(&l, _i % 5); /* 4: all */
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.test.1", &size);
    jr2i_jr2w *file;
    jr2i_graph *g;
    jr2i_net *net;
    jr2i_pool *pool;
    ok(&env, jr2i_jr2w_open_memory(&env, bytes, size, 0, &file));
    setenv("JR2_CPU", cpus[_i / 5], 1);
    ok(&env, jr2i_graph_create(&env, file, &g));
    int32_t x = jr2i_graph_conv(g, jr2i_graph_input(g, 3, 26, 24), "in", 2, JR2I_ACT_RELU, -1);
    x = jr2i_graph_conv(g, x, "large", 1, JR2I_ACT_RELU, -1);
    x = jr2i_graph_conv(g, jr2i_graph_max_pool2(g, x), "small", 1, JR2I_ACT_RELU, -1);
    jr2i_graph_output(g, x);
    x = jr2i_graph_conv(g, jr2i_graph_upsample2(g, x), "up", 1, JR2I_ACT_RELU, -1);
    jr2i_graph_output(g, jr2i_graph_conv(g, x, "down", 2, JR2I_ACT_NONE, -1));
    ok(&env, jr2i_graph_finish(&env, g, &net));
    ok(&env, jr2i_pool_create(&env, 3, &pool));
    plain in = { 3, 26, 24, random_floats(3 * 26 * 24, 1) }, first = named_conv(&l, "in", &in, 2, JR2I_ACT_RELU, NULL);
    plain large = named_conv(&l, "large", &first, 1, JR2I_ACT_RELU, NULL), pooled = plain_pool(&large);
    plain want[2], doubled, up;
    want[0] = named_conv(&l, "small", &pooled, 1, JR2I_ACT_RELU, NULL);
    doubled = plain_up(&want[0]);
    up = named_conv(&l, "up", &doubled, 1, JR2I_ACT_RELU, NULL);
    want[1] = named_conv(&l, "down", &up, 2, JR2I_ACT_NONE, NULL);
    for (int threads = 1; threads <= 3; threads += 2) {
        jr2i_net_state *state;
        ok(&env, jr2i_net_state_create(&env, net, 26, 24, threads, &state));
        ok(&env, jr2i_net_run(&env, net, state, threads > 1 ? pool : NULL, in.p));
        for (int i = 0; i < 2; i++) {
            int32_t c, h, w;
            const float *y = jr2i_net_output(net, state, i, &c, &h, &w);
            compare(cpus[_i / 5], &want[i], y, c, h, w);
        }
        jr2i_net_state_free(&env, state);
    }
    plain gone[] = { in, first, large, pooled, want[0], doubled, up, want[1] };
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        free(gone[i].p);
    jr2i_pool_free(&env, pool);
    jr2i_net_free(&env, net);
    jr2i_jr2w_close(&env, file);
    free(bytes);
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
    size_t size;
    uint8_t *bytes = writer_finish(&l.file, "jr2.test.1", &size);
    jr2i_jr2w *file;
    jr2i_graph *g;
    jr2i_net *net;
    jr2i_net_state *state;
    ok(&env, jr2i_jr2w_open_memory(&env, bytes, size, 0, &file));
    ok(&env, jr2i_graph_create(&env, file, &g));
    describe_all(g, 32, 32);
    ok(&env, jr2i_graph_finish(&env, g, &net));
    ok(&env, jr2i_net_state_create(&env, net, 32, 32, 1, &state));
    float *x = random_floats(3 * 32 * 32, 1);
    env.cancel = cancel_at_once;
    ck_assert_int_eq(jr2i_net_run(&env, net, state, NULL, x), JR2_ERR_CANCELLED);
    free(x);
    jr2i_net_state_free(&env, state);
    jr2i_net_free(&env, net);
    jr2i_jr2w_close(&env, file);
    free(bytes);
    free_layers(&l);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_all_operations, 0, (int)(sizeof cpus / sizeof *cpus));
    tcase_add_loop_test(tcase, test_streams, 0, 5 * (int)(sizeof cpus / sizeof *cpus));
    tcase_add_loop_test(tcase, test_planes, 0, (int)(sizeof cpus / sizeof *cpus));
    tcase_add_test(tcase, test_coarse);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_no_memory);
    tcase_add_test(tcase, test_cancel);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
