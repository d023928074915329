/* SPDX-License-Identifier: MIT
 * A plain planar evaluation of layers, and files of random ones: what networks are tested against. */
#ifndef JR2_TESTS_PLAIN_H
#define JR2_TESTS_PLAIN_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jr2w_writer.h"
#include "nn/graph.h"
#include "tensor/half.h"

static uint32_t seed = 7;

static inline float random_float(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static inline float *random_floats(size_t n, float scale)
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

static inline float plain_act(float x, int act)
{
    switch (act) {
    case JR2I_ACT_RELU: return x > 0 ? x : 0;
    case JR2I_ACT_LEAKY: return x > 0 ? x : 0.1f * x;
    case JR2I_ACT_SILU: return x / (1 + expf(-x));
    case JR2I_ACT_SIGMOID: return 1 / (1 + expf(-x));
    default: return x;
    }
}

static inline plain plain_new(int c, int h, int w)
{
    plain y = { c, h, w, malloc((size_t)(c * h * w) * sizeof(float)) };
    ck_assert_ptr_nonnull(y.p);
    return y;
}

static inline plain plain_conv(const plain *x, const float *w, const float *bias, int out, int k, int stride, int depthwise, int act, const plain *res)
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

static inline plain plain_up(const plain *x)
{
    plain y = plain_new(x->c, x->h * 2, x->w * 2);
    for (int c = 0; c < y.c; c++)
        for (int r = 0; r < y.h; r++)
            for (int i = 0; i < y.w; i++)
                y.p[(c * y.h + r) * y.w + i] = x->p[(c * x->h + r / 2) * x->w + i / 2];
    return y;
}

static inline plain plain_pool(const plain *x)
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

static inline plain plain_linear(const plain *x, const float *w, const float *bias, int out, int act)
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

static inline const layer *add_layer_of(layers *l, const char *name, int out, int in, int k, int halves) /* k 0: linear; halves: weights that these hold */
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

static inline const layer *add_layer(layers *l, const char *name, int out, int in, int k)
{
    return add_layer_of(l, name, out, in, k, 0);
}

static inline const layer *get_layer(const layers *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->layers[i].name, name) == 0)
            return &l->layers[i];
    ck_abort_msg("no layer %s", name);
    return NULL;
}

static inline void free_layers(layers *l)
{
    for (int i = 0; i < l->count; i++) {
        free(l->layers[i].w);
        free(l->layers[i].bias);
    }
}

static inline plain named_conv(const layers *l, const char *name, const plain *x, int stride, int act, const plain *res)
{
    const layer *n = get_layer(l, name);
    return plain_conv(x, n->w, n->bias, n->out, n->k, stride, n->in == 1 && x->c > 1, act, res);
}

static inline void compare(const char *what, const plain *want, const float *got, int c, int h, int w)
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

static const char *const cpus[] = { "c", "avx2", "avx512", "neon" };

static inline void ok(jr2i_env *env, int32_t status)
{
    ck_assert_msg(status == JR2_OK, "status %d: %s", (int)status, env->error);
}

/* What describe makes of a file of these layers, for a usual input of height x width, with the kernels of a cpu (NULL: as it is). The file is gone afterwards. */
static inline jr2i_net *make_net(jr2i_env *env, layers *l, const char *cpu, void (*describe)(jr2i_graph *g, int height, int width), int height, int width)
{
    size_t size;
    uint8_t *bytes = writer_finish(&l->file, "jr2.test.1", &size);
    jr2i_jr2w *file;
    jr2i_graph *g;
    jr2i_net *net;
    ok(env, jr2i_jr2w_open_memory(env, bytes, size, 0, &file));
    if (cpu)
        setenv("JR2_CPU", cpu, 1);
    ok(env, jr2i_graph_create(env, file, &g));
    describe(g, height, width);
    ok(env, jr2i_graph_finish(env, g, &net));
    jr2i_jr2w_close(env, file);
    free(bytes);
    return net;
}

/* Runs the network with one thread and with three, which must give the same bits, and compares its outputs with what is wanted. */
static inline void check_net(jr2i_env *env, const jr2i_net *net, const char *what, const float *const *inputs, int height, int width, const plain *want)
{
    jr2i_net_state *state, *threaded;
    jr2i_pool *pool;
    ok(env, jr2i_pool_create(env, 3, &pool));
    ok(env, jr2i_net_state_create(env, net, height, width, 1, &state));
    ok(env, jr2i_net_state_create(env, net, height, width, 3, &threaded));
    ok(env, jr2i_net_run_inputs(env, net, state, NULL, inputs));
    ok(env, jr2i_net_run_inputs(env, net, threaded, pool, inputs));
    for (int i = 0; i < jr2i_net_outputs(net); i++) {
        int32_t c, h, w;
        const float *y = jr2i_net_output(net, state, i, &c, &h, &w), *z = jr2i_net_output(net, threaded, i, NULL, NULL, NULL);
        compare(what, &want[i], y, c, h, w);
        ck_assert_msg(memcmp(y, z, sizeof(float) * (size_t)(c * h * w)) == 0, "%s: threads change the result", what);
    }
    jr2i_net_state_free(env, threaded);
    jr2i_net_state_free(env, state);
    jr2i_pool_free(env, pool);
}

#endif
