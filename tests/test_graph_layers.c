/* SPDX-License-Identifier: MIT
 * Networks against a plain planar evaluation: layers that read planes, and layers whose weights stay halves. */
#include "nn/net.h"
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
    jr2i_net *net = make_net(&env, &l, cpus[_i], describe_planes, 24, 40);
    static const int sizes[][2] = { { 24, 40 }, { 1, 1 }, { 9, 77 }, { 13, 1 } };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int h = sizes[s][0], w = sizes[s][1], n = h * w;
        plain x = { 3, h, w, random_floats((size_t)(3 * n), 1) }, grid = { 2, h, w, random_floats((size_t)(2 * n), 1) };
        plain beside = { 1, h, w, random_floats((size_t)n, 1) };
        for (int k = 0; k < n; k++) { /* also beyond the border */
            grid.p[k] = (grid.p[k] * 1.2f + 1) * 0.5f * (float)w;
            grid.p[n + k] = (grid.p[n + k] * 1.2f + 1) * 0.5f * (float)h;
        }
        plain front = named_conv(&l, "front", &x, 1, JR2I_ACT_RELU, NULL), joined = plain_new(24, h, w), want[2];
        want[0] = plain_planes(&x, &grid, &beside);
        memcpy(joined.p, front.p, (size_t)(20 * n) * sizeof(float));
        memcpy(joined.p + 20 * n, want[0].p, (size_t)(4 * n) * sizeof(float));
        want[1] = named_conv(&l, "paint", &joined, 1, JR2I_ACT_SIGMOID, NULL);
        check_net(&env, net, cpus[_i], (const float *[]){ x.p, grid.p, beside.p }, h, w, want);
        plain gone[] = { x, grid, beside, front, joined, want[0], want[1] };
        for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
            free(gone[i].p);
    }
    jr2i_net_free(&env, net);
    free_layers(&l);
}
END_TEST

/* Layers whose weights are many for few pixels: Winograd of both sizes, doubled, and direct. All are halves but those of one; 4: all. */
static const char *const streams[] = { "large", "small", "up", "down" };

static void make_streams(layers *l, int floats)
{
    add_layer_of(l, "in", 96, 3, 3, 1);
    add_layer_of(l, "large", 112, 96, 3, floats != 0);
    add_layer_of(l, "small", 100, 112, 3, floats != 1);
    add_layer_of(l, "up", 100, 100, 3, floats != 2);
    add_layer_of(l, "down", 180, 100, 3, floats != 3);
}

static void describe_streams(jr2i_graph *g, int height, int width)
{
    int32_t x = jr2i_graph_conv(g, jr2i_graph_input(g, 3, height, width), "in", 2, JR2I_ACT_RELU, -1);
    x = jr2i_graph_conv(g, x, "large", 1, JR2I_ACT_RELU, -1);
    x = jr2i_graph_conv(g, jr2i_graph_max_pool2(g, x), "small", 1, JR2I_ACT_RELU, -1);
    jr2i_graph_output(g, x);
    x = jr2i_graph_conv(g, jr2i_graph_upsample2(g, x), "up", 1, JR2I_ACT_RELU, -1);
    jr2i_graph_output(g, jr2i_graph_conv(g, x, "down", 2, JR2I_ACT_NONE, -1));
}

/* With kernels of our own, each of the layers stays halves where it can. */
static void check_halves(const jr2i_net *net, int floats)
{
    int seen = 0;
    for (int32_t i = 0; i < net->node_count; i++)
        for (int k = 0; k < 4; k++)
            if (strcmp(net->nodes[i].name, streams[k]) == 0) {
                seen++;
                ck_assert_msg((net->nodes[i].halves != NULL) == (k != floats && !net->use_gemm), "weights of %s", streams[k]);
            }
    ck_assert_int_eq(seen, 4);
}

START_TEST(test_streams)
{
    jr2i_env env = { 0 };
    layers l = { 0 };
    const int floats = _i % 5;
    make_streams(&l, floats);
    jr2i_net *net = make_net(&env, &l, cpus[_i / 5], describe_streams, 26, 24);
    check_halves(net, floats);
    plain in = { 3, 26, 24, random_floats(3 * 26 * 24, 1) }, first = named_conv(&l, "in", &in, 2, JR2I_ACT_RELU, NULL);
    plain large = named_conv(&l, "large", &first, 1, JR2I_ACT_RELU, NULL), pooled = plain_pool(&large), want[2], doubled, up;
    want[0] = named_conv(&l, "small", &pooled, 1, JR2I_ACT_RELU, NULL);
    doubled = plain_up(&want[0]);
    up = named_conv(&l, "up", &doubled, 1, JR2I_ACT_RELU, NULL);
    want[1] = named_conv(&l, "down", &up, 2, JR2I_ACT_NONE, NULL);
    check_net(&env, net, cpus[_i / 5], (const float *[]){ in.p }, 26, 24, want);
    plain gone[] = { in, first, large, pooled, want[0], doubled, up, want[1] };
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        free(gone[i].p);
    jr2i_net_free(&env, net);
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
