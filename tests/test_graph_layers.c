/* SPDX-License-Identifier: MIT
 * Networks against a plain planar evaluation: layers that read planes, and layers whose weights stay halves. */
#include "plain.h"
#include "suite.h"

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

int main(void)
{
    Suite *suite = suite_create("graph_layers");
    TCase *tcase = tcase_create("layers");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_planes, 0, (int)(sizeof cpus / sizeof *cpus));
    tcase_add_loop_test(tcase, test_streams, 0, 5 * (int)(sizeof cpus / sizeof *cpus));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
