/* SPDX-License-Identifier: MIT
 * Wires the reenactment network. The names are those of training/reenact/network.py with the weight standardisation folded. */
#include "nn/net_reenact.h"

#include <stdio.h>
#include <string.h>

#define SIDE JR2I_REENACT_SIDE
#define FLOW_UNIT 8.0f /* px of the crop that 1 in the flow head stands for */
#define BLOCKS_MAX 64
#define OUTLINE_MAPS 5 /* what the silhouette is told from */
#define CELLS ((size_t)(SIDE / 4) * (SIDE / 4)) /* of the silhouette */

/* Inputs of the frame part; the last four are kept. */
enum { PLANES, GRID16, GRID32, GRID64, GRID256, SEEN, PICTURE, FEATURES64, FEATURES32, FEATURES16, INPUTS };
enum { GRIDS = 4 };

static const int32_t grid_side[GRIDS] = {SIDE / 16, SIDE / 8, SIDE / 4, SIDE};

struct jr2i_reenact_state {
    jr2i_net_state *frame;
    float *flow;        /* (2,side/2,side/2) halved over and over */
    float *grid[GRIDS]; /* (2,n,n) */
    float *planes;      /* (frame maps,side/4,side/4) */
    float *silhouette;  /* (side/4,side/4) */
    float *seen;        /* (side,side), and room for three more of these in the beginning */
};

static int32_t conv(jr2i_graph *g, int32_t x, const char *name, int32_t stride, int32_t residual)
{
    return jr2i_graph_conv(g, x, name, stride, JR2I_ACT_RELU, residual);
}

/* As many blocks "name.N" as the file has. */
static int32_t blocks(jr2i_graph *g, const jr2i_jr2w *file, int32_t x, const char *name)
{
    char inner[64], outer[64], weight[72];
    for (int32_t i = 0; i < BLOCKS_MAX; i++) {
        snprintf(inner, sizeof inner, "%s.%d.conv1", name, (int)i);
        snprintf(outer, sizeof outer, "%s.%d.conv2", name, (int)i);
        snprintf(weight, sizeof weight, "%s.weight", inner);
        if (!jr2i_jr2w_find(file, weight))
            break;
        x = conv(g, conv(g, x, inner, 1, -1), outer, 1, x);
    }
    return x;
}

static int32_t up(jr2i_graph *g, int32_t x)
{
    return jr2i_graph_upsample2(g, x);
}

static int32_t make_silhouette(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    *out = NULL;
    int32_t status = jr2i_graph_create(env, file, &g);
    if (status != JR2_OK)
        return status;
    const int32_t x = jr2i_graph_input(g, OUTLINE_MAPS, SIDE / 2, SIDE / 2);
    const int32_t s0 = conv(g, x, "silhouette.stem", 2, -1);
    const int32_t s1 = blocks(g, file, conv(g, s0, "silhouette.down1", 2, -1), "silhouette.b1");
    const int32_t s2 = blocks(g, file, conv(g, s1, "silhouette.down2", 2, -1), "silhouette.b2");
    const int32_t s3 = blocks(g, file, conv(g, s2, "silhouette.down3", 2, -1), "silhouette.b3");
    const int32_t r2 = conv(g, up(g, s3), "silhouette.up2", 1, s2);
    const int32_t r1 = conv(g, up(g, r2), "silhouette.up1", 1, s1);
    const int32_t r0 = conv(g, up(g, r1), "silhouette.up0", 1, s0);
    jr2i_graph_output(g, jr2i_graph_conv(g, r0, "silhouette.last", 1, JR2I_ACT_SIGMOID, -1));
    return jr2i_graph_finish(env, g, out);
}

static int32_t make_encoder(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    *out = NULL;
    int32_t status = jr2i_graph_create(env, file, &g);
    if (status != JR2_OK)
        return status;
    int32_t x = jr2i_graph_input(g, JR2I_REENACT_SOURCE_MAPS, SIDE / 2, SIDE / 2);
    x = conv(g, x, "encoder.stem", 1, -1);
    const int32_t e1 = blocks(g, file, conv(g, x, "encoder.down1", 2, -1), "encoder.b1");
    const int32_t e2 = blocks(g, file, conv(g, e1, "encoder.down2", 2, -1), "encoder.b2");
    const int32_t e3 = blocks(g, file, conv(g, e2, "encoder.down3", 2, -1), "encoder.b3");
    const int32_t e4 = blocks(g, file, conv(g, e3, "encoder.down4", 2, -1), "encoder.b4");
    const int32_t t3 = conv(g, up(g, e4), "encoder.up3", 1, e3);
    const int32_t t2 = conv(g, up(g, t3), "encoder.up2", 1, e2);
    const int32_t t1 = conv(g, up(g, t2), "encoder.up1", 1, e1);
    jr2i_graph_output(g, jr2i_graph_conv(g, t1, "encoder.out1", 1, JR2I_ACT_NONE, -1));
    jr2i_graph_output(g, jr2i_graph_conv(g, t2, "encoder.out2", 1, JR2I_ACT_NONE, -1));
    jr2i_graph_output(g, jr2i_graph_conv(g, t3, "encoder.out3", 1, JR2I_ACT_NONE, -1));
    return jr2i_graph_finish(env, g, out);
}

/* Output channels of a convolution; a weight that is not there or has another shape is found when it is wired. */
static int32_t outputs(const jr2i_jr2w *file, const char *name)
{
    const jr2i_tensor_info *w = jr2i_jr2w_find(file, name);
    return w && w->ndim == 4 ? w->dims[0] : 1;
}

static int32_t make_frame(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    int32_t in[INPUTS];
    *out = NULL;
    int32_t status = jr2i_graph_create(env, file, &g);
    if (status != JR2_OK)
        return status;
    in[PLANES] = jr2i_graph_input(g, JR2I_REENACT_FRAME_MAPS, SIDE / 4, SIDE / 4);
    for (int32_t k = 0; k < GRIDS; k++)
        in[GRID16 + k] = jr2i_graph_input(g, 2, grid_side[k], grid_side[k]);
    in[SEEN] = jr2i_graph_input(g, 1, SIDE, SIDE);
    in[PICTURE] = jr2i_graph_input(g, 3, SIDE, SIDE);
    in[FEATURES64] = jr2i_graph_input(g, outputs(file, "encoder.out1.weight"), SIDE / 4, SIDE / 4);
    in[FEATURES32] = jr2i_graph_input(g, outputs(file, "encoder.out2.weight"), SIDE / 8, SIDE / 8);
    in[FEATURES16] = jr2i_graph_input(g, outputs(file, "encoder.out3.weight"), SIDE / 16, SIDE / 16);
    for (int32_t k = PICTURE; k < INPUTS; k++)
        jr2i_graph_keep(g, in[k]);
    const int32_t c2 = conv(g, conv(g, in[PLANES], "frame.cond1", 1, -1), "frame.cond2", 2, -1);
    int32_t x = jr2i_graph_concat(g, c2, jr2i_graph_sample(g, in[FEATURES32], in[GRID32], 0));
    const int32_t m2 = conv(g, x, "frame.mix2", 1, -1);
    x = jr2i_graph_concat(g, conv(g, m2, "frame.down3", 2, -1), jr2i_graph_sample(g, in[FEATURES16], in[GRID16], 0));
    x = blocks(g, file, conv(g, x, "frame.mix3", 1, -1), "frame.motion");
    const int32_t u2 = conv(g, up(g, x), "frame.up2", 1, m2);
    const int32_t h = jr2i_graph_conv(g, u2, "frame.flow", 1, JR2I_ACT_NONE, -1);
    x = jr2i_graph_sample(g, in[FEATURES32], jr2i_graph_bend(g, in[GRID32], h, FLOW_UNIT / 8), 0);
    x = jr2i_graph_concat(g, u2, jr2i_graph_gate(g, x, h, 3));
    x = blocks(g, file, conv(g, x, "frame.fuse", 1, -1), "frame.decode");
    const int32_t y = conv(g, up(g, x), "frame.up1", 1, -1);
    x = jr2i_graph_sample(g, in[FEATURES64], jr2i_graph_bend(g, in[GRID64], h, FLOW_UNIT / 4), 0);
    const int32_t z = conv(g, jr2i_graph_concat(g, y, x), "frame.mix1", 1, -1);
    const int32_t grid = jr2i_graph_bend(g, in[GRID256], h, FLOW_UNIT);
    const int32_t warped = jr2i_graph_concat(g, jr2i_graph_warp(g, in[PICTURE], grid), in[SEEN]);
    x = conv(g, up(g, conv(g, up(g, z), "frame.up0", 1, -1)), "frame.detail", 1, -1);
    jr2i_graph_output(g, warped);
    jr2i_graph_output(g, jr2i_graph_conv_planes(g, x, warped, "frame.last", JR2I_ACT_SIGMOID));
    jr2i_graph_output(g, grid);
    return jr2i_graph_finish(env, g, out);
}

int32_t jr2i_net_reenact_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net_reenact **out)
{
    *out = NULL;
    int32_t status = jr2i_jr2w_expect(env, file, JR2I_REENACT_TOPOLOGY);
    if (status != JR2_OK)
        return status;
    /* The heads' widths are part of the topology; the rest is checked where it meets. */
    static const struct {
        const char *name;
        int32_t outputs;
    } heads[] = {{"frame.flow.weight", 4}, {"frame.last.weight", 4}, {"silhouette.last.weight", 1}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (jr2i_jr2w_find(file, heads[i].name) && outputs(file, heads[i].name) != heads[i].outputs)
            return jr2i_fail(env, JR2_ERR_FORMAT, "%s: %s has not %d outputs", JR2I_REENACT_TOPOLOGY, heads[i].name, (int)heads[i].outputs);
    jr2i_net_reenact *net = jr2i_calloc(env, 1, sizeof *net);
    if (!net)
        return jr2i_no_memory(env, sizeof *net);
    if ((status = make_silhouette(env, file, &net->silhouette)) == JR2_OK && (status = make_encoder(env, file, &net->encoder)) == JR2_OK)
        status = make_frame(env, file, &net->frame);
    if (status != JR2_OK)
        jr2i_net_reenact_free(env, net);
    else
        *out = net;
    return status;
}

void jr2i_net_reenact_free(const jr2i_env *env, jr2i_net_reenact *net)
{
    if (!net)
        return;
    jr2i_net_free(env, net->silhouette);
    jr2i_net_free(env, net->encoder);
    jr2i_net_free(env, net->frame);
    jr2i_free(env, net);
}

/* Means of 2 x 2 of (planes,2n,2n) into (planes,n,n); out may be where x is. */
static void halve(const float *x, int32_t planes, int32_t n, float *out)
{
    for (size_t row = 0; row < (size_t)planes * (size_t)n; row++)
        for (size_t i = 0; i < (size_t)n; i++) {
            const float *a = x + 4 * row * (size_t)n + 2 * i, *b = a + 2 * n;
            out[row * (size_t)n + i] = 0.25f * ((a[0] + a[1]) + (b[0] + b[1]));
        }
}

/* Planes of what the encoder sees that the silhouette is told from: the picture, where the mesh is, where the picture is real. */
static const size_t outline_maps[OUTLINE_MAPS] = {0, 1, 2, JR2I_REENACT_INSIDE, JR2I_REENACT_SOURCE_MAPS - 1};

/* A network that looks at the source once, at half its side. */
static int32_t look(jr2i_env *env, const jr2i_net *net, int32_t max_threads, jr2i_pool *pool, const float *input, jr2i_net_state **state)
{
    int32_t status = jr2i_net_state_create(env, net, SIDE / 2, SIDE / 2, max_threads, state);
    return status == JR2_OK ? jr2i_net_run(env, net, *state, pool, input) : status;
}

/* Keeps the silhouette; halved: what the encoder sees, which is lost. */
static int32_t find_silhouette(jr2i_env *env, const jr2i_net_reenact *net, int32_t max_threads, jr2i_pool *pool, float *halved, jr2i_reenact_state *state)
{
    const size_t plane = (size_t)SIDE * SIDE / 4;
    jr2i_net_state *seen = NULL;
    for (size_t k = 3; k < OUTLINE_MAPS; k++)
        memcpy(halved + k * plane, halved + outline_maps[k] * plane, plane * sizeof(float));
    int32_t status = look(env, net->silhouette, max_threads, pool, halved, &seen);
    if (status == JR2_OK)
        memcpy(state->silhouette, jr2i_net_output(net->silhouette, seen, 0, NULL, NULL, NULL), CELLS * sizeof(float));
    jr2i_net_state_free(env, seen);
    return status;
}

/* Hands the encoder's features to the frame part. */
static int32_t encode(jr2i_env *env, const jr2i_net_reenact *net, int32_t max_threads, jr2i_pool *pool, const float *halved, jr2i_reenact_state *state)
{
    jr2i_net_state *seen = NULL;
    int32_t status = look(env, net->encoder, max_threads, pool, halved, &seen);
    for (int32_t k = 0; k < 3 && status == JR2_OK; k++)
        status = jr2i_net_set_input(env, net->frame, state->frame, FEATURES64 + k, jr2i_net_output(net->encoder, seen, k, NULL, NULL, NULL));
    jr2i_net_state_free(env, seen);
    return status;
}

/* Everything that is done once with the source's maps. */
static int32_t look_at_source(jr2i_env *env, const jr2i_net_reenact *net, int32_t max_threads, jr2i_pool *pool, const float *maps, jr2i_reenact_state *state)
{
    /* Four planes at half the side are as large as a whole one. */
    _Static_assert(JR2I_REENACT_SOURCE_MAPS <= 4 * 4, "the halved maps must fit into seen");
    halve(maps, JR2I_REENACT_SOURCE_MAPS, SIDE / 2, state->seen);
    int32_t status = encode(env, net, max_threads, pool, state->seen, state);
    if (status == JR2_OK)
        status = find_silhouette(env, net, max_threads, pool, state->seen, state);
    if (status != JR2_OK)
        return status;
    for (size_t i = 0; i < 3 * (size_t)SIDE * SIDE; i++)
        state->seen[i] = 0.5f * (maps[i] + 1);
    return jr2i_net_set_input(env, net->frame, state->frame, PICTURE, state->seen);
}

int32_t jr2i_reenact_state_create(jr2i_env *env, const jr2i_net_reenact *net, int32_t max_threads, jr2i_pool *pool, const float *maps,
                                  jr2i_reenact_state **out)
{
    const size_t planes = (size_t)JR2I_REENACT_FRAME_MAPS * (SIDE / 4) * (SIDE / 4);
    size_t floats = (size_t)SIDE * SIDE / 2 + planes + CELLS + 4 * (size_t)SIDE * SIDE;
    *out = NULL;
    for (int32_t k = 0; k < GRIDS; k++)
        floats += 2 * (size_t)grid_side[k] * (size_t)grid_side[k];
    jr2i_reenact_state *state = jr2i_calloc(env, 1, sizeof *state);
    if (!state)
        return jr2i_no_memory(env, sizeof *state);
    int32_t status = JR2_OK;
    if (!(state->flow = jr2i_alloc(env, floats, sizeof(float))))
        status = jr2i_no_memory(env, floats * sizeof(float));
    if (status == JR2_OK)
        status = jr2i_net_state_create(env, net->frame, SIDE / 4, SIDE / 4, max_threads, &state->frame);
    if (status == JR2_OK) {
        float *at = state->flow + (size_t)SIDE * SIDE / 2;
        for (int32_t k = 0; k < GRIDS; k++) {
            state->grid[k] = at;
            at += 2 * (size_t)grid_side[k] * (size_t)grid_side[k];
        }
        state->planes = at;
        state->silhouette = at + planes;
        state->seen = state->silhouette + CELLS;
        status = look_at_source(env, net, max_threads, pool, maps, state);
    }
    if (status != JR2_OK)
        jr2i_reenact_state_free(env, state);
    else
        *out = state;
    return status;
}

void jr2i_reenact_state_free(const jr2i_env *env, jr2i_reenact_state *state)
{
    if (!state)
        return;
    jr2i_net_state_free(env, state->frame);
    jr2i_free(env, state->flow);
    jr2i_free(env, state);
}

const float *jr2i_reenact_silhouette(const jr2i_reenact_state *state)
{
    return state->silhouette;
}

/* Displacement (2,n,n) in pixels of the crop to places in maps of side n. */
static void to_grid(const float *flow, int32_t n, float *grid)
{
    const float scale = (float)n / SIDE;
    for (int32_t row = 0; row < n; row++)
        for (int32_t i = 0; i < n; i++) {
            const size_t at = (size_t)row * (size_t)n + (size_t)i, plane = (size_t)n * (size_t)n;
            grid[at] = (float)i + scale * flow[at];
            grid[plane + at] = (float)row + scale * flow[plane + at];
        }
}

static void make_seen(const float *visible, float *seen)
{
    for (int32_t row = 0; row < SIDE; row++)
        for (int32_t i = 0; i < SIDE; i++)
            seen[row * SIDE + i] = visible[row / 2 * (SIDE / 2) + i / 2];
}

int32_t jr2i_reenact_run(jr2i_env *env, const jr2i_net_reenact *net, jr2i_reenact_state *state, jr2i_pool *pool, const float *flow,
                         const float *planes, jr2i_reenact_picture *picture)
{
    to_grid(flow, SIDE, state->grid[3]);
    halve(flow, 2, SIDE / 2, state->flow);
    for (int32_t k = 2; k >= 0; k--) {
        halve(state->flow, 2, grid_side[k], state->flow);
        to_grid(state->flow, grid_side[k], state->grid[k]);
    }
    halve(planes, JR2I_REENACT_FRAME_MAPS, SIDE / 4, state->planes);
    make_seen(planes + (size_t)JR2I_REENACT_VISIBLE * (SIDE / 2) * (SIDE / 2), state->seen);
    const float *inputs[INPUTS] = {state->planes, state->grid[0], state->grid[1], state->grid[2], state->grid[3], state->seen, NULL, NULL, NULL, NULL};
    int32_t status = jr2i_net_run_inputs(env, net->frame, state->frame, pool, inputs);
    picture->warped = jr2i_net_output(net->frame, state->frame, 0, NULL, NULL, NULL);
    picture->painted = jr2i_net_output(net->frame, state->frame, 1, NULL, NULL, NULL);
    picture->grid = jr2i_net_output(net->frame, state->frame, 2, NULL, NULL, NULL);
    return status;
}
