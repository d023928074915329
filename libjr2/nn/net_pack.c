/* SPDX-License-Identifier: MIT
 * From a built graph to a network: folding, choice of algorithms for the usual input size, packed weights. */
#include <stdio.h>
#include <string.h>

#include "kernels/pack.h"
#include "net_conv.h"
#include "tensor/half.h"

/* Planar maps can only be read by full convolutions, as grids and as planes: an input with another reader is stored blocked. */
static int32_t choose_input_forms(jr2i_env *env, jr2i_net *net)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        jr2i_node *a = node->a >= 0 ? &net->nodes[node->a] : NULL, *b = node->b >= 0 ? &net->nodes[node->b] : NULL;
        const int planes = node->op == JR2I_OP_WARP || (node->op == JR2I_OP_CONCAT && node->form == JR2I_PLANAR);
        if (a && a->op == JR2I_OP_INPUT && a->form == JR2I_PLANAR && node->op != JR2I_OP_CONV && node->op != JR2I_OP_BEND && !planes)
            a->form = JR2I_BLOCKED;
        if (b && b->op == JR2I_OP_INPUT && b->form == JR2I_PLANAR && node->op != JR2I_OP_SAMPLE && node->op != JR2I_OP_FEW && !planes)
            b->form = JR2I_BLOCKED;
    }
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        const int warps = node->op == JR2I_OP_WARP, joins = node->op == JR2I_OP_CONCAT && node->form == JR2I_PLANAR;
        if (((warps || joins) && net->nodes[node->a].form != JR2I_PLANAR) || (joins && net->nodes[node->b].form != JR2I_PLANAR))
            return jr2i_fail(env, JR2_ERR_INTERNAL, "network: an input is read as planes and otherwise");
        if (node->op == JR2I_OP_FEW && (!node->is_output || node->readers > 0))
            return jr2i_fail(env, JR2_ERR_INTERNAL, "network: %s must be an output and nothing else", node->name);
    }
    return JR2_OK;
}

/* Measured: F(4x4) wins from nine tiles on; at 8x8 F(2x2) is as fast, because F(4x4) only waits for more weights. F(2x2) needs nine
 * tiles of its own; what is smaller still is convolved directly. */
static int32_t winograd_tile(const jr2i_shape *s)
{
    if (((s->height + 3) / 4) * ((s->width + 3) / 4) >= 9)
        return 4;
    return ((s->height + 1) / 2) * ((s->width + 1) / 2) >= 9 ? 2 : 0;
}

/* A convolution waits for its weights where they are many for the pixels that they serve: Winograd's from so many bytes for each group of
 * tiles on, transformed; direct ones where they do not stay in the second cache (net_conv.c). */
#define STREAM_WINO 200000

static int streams(const jr2i_node *node, const jr2i_shape *s)
{
    const size_t bytes = (size_t)jr2i_blocks(node->in) * (size_t)jr2i_blocks(node->channels) * JR2I_LANES * JR2I_LANES * sizeof(float);
    if (node->op == JR2I_OP_CONV)
        return bytes * (size_t)(node->k * node->k) >= JR2I_PANELS_INSIDE;
    const int32_t tiles = ((s->height + node->tile - 1) / node->tile) * ((s->width + node->tile - 1) / node->tile);
    const int32_t group = jr2i_wino_tiles(node), groups = (tiles + group - 1) / group;
    return bytes * (size_t)((node->tile + 2) * (node->tile + 2)) >= (size_t)groups * STREAM_WINO;
}

static void choose_algorithm(jr2i_net *net, jr2i_node *node, const jr2i_shape *shape)
{
    const jr2i_node *x = &net->nodes[node->a];
    if (net->use_gemm || node->op != JR2I_OP_CONV || node->k != 3 || node->stride != 1 || x->form != JR2I_BLOCKED)
        return;
    if (node->channels <= 4 && node->is_output && node->readers == 0 && node->b < 0) {
        node->op = JR2I_OP_FEW;
        node->form = JR2I_PLANAR;
        return;
    }
    node->tile = winograd_tile(shape);
    if (node->tile == 0)
        return;
    node->op = JR2I_OP_WINO;
    if (x->op == JR2I_OP_UPSAMPLE2 && x->readers == 1 && !x->is_output && net->nodes[x->a].form == JR2I_BLOCKED) {
        net->nodes[node->a].dead = 1;
        node->a = x->a;
        node->doubled = 1;
        node->tile = 4;
    }
}

static int32_t load_tensor(jr2i_env *env, const jr2i_jr2w *file, const jr2i_node *node, const char *suffix, float **out)
{
    char name[80];
    snprintf(name, sizeof name, "%s.%s", node->name, suffix);
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, name); /* there: graph.c looked at it */
    return jr2i_jr2w_load_f32(env, file, name, t ? t->ndim : 1, t ? t->dims : NULL, out);
}

/* planes: of the inputs of JR2I_OP_FEW, those that are planar. */
static size_t packed_size(const jr2i_node *node, int32_t planar, int32_t planes)
{
    switch (node->op) {
    case JR2I_OP_CONV:
        return jr2i_pack_conv_size(node->channels, node->in, node->k, planar);
    case JR2I_OP_WINO:
        return node->streams ? jr2i_pack_wino_taps_size(node->channels, node->in) : jr2i_pack_wino_size(node->channels, node->in, node->tile);
    case JR2I_OP_FEW:
        return jr2i_pack_few_size(node->channels, node->in - planes, planes);
    case JR2I_OP_DEPTHWISE:
        return jr2i_pack_depthwise_size(node->channels);
    default:
        return jr2i_pack_linear_size(node->channels, node->in);
    }
}

static int32_t reads_planar(const jr2i_net *net, const jr2i_node *node)
{
    return node->op != JR2I_OP_LINEAR && net->nodes[node->a].form == JR2I_PLANAR;
}

/* Takes the weights of a layer before, packed in the same way, that has this one's name: branches of a network may share them. */
static int32_t borrow(const jr2i_net *net, jr2i_node *node)
{
    for (const jr2i_node *other = net->nodes; other < node; other++)
        if (strcmp(other->name, node->name) == 0 && other->op == node->op && other->tile == node->tile && other->bias &&
            reads_planar(net, other) == reads_planar(net, node)) {
            node->weights = other->weights;
            node->halves = other->halves;
            node->bias = other->bias;
            node->panels = other->panels;
            node->streams = other->streams;
            node->borrowed = 1;
            return 1;
        }
    return 0;
}

/* What is stored as halves is read as halves where it takes as long as its weights take to arrive. */
static int32_t shrink(jr2i_env *env, jr2i_node *node, size_t count)
{
    uint16_t *halves = jr2i_alloc(env, count, sizeof *halves);
    if (!halves)
        return jr2i_no_memory(env, count * sizeof *halves);
    if (!jr2i_as_halves(node->weights, count, halves)) {
        jr2i_free(env, halves);
        return JR2_OK;
    }
    jr2i_free(env, node->weights);
    node->weights = NULL;
    node->halves = halves;
    return JR2_OK;
}

/* Weights w of a layer into the order that its kernels read. */
static int32_t pack_weights(jr2i_env *env, jr2i_net *net, jr2i_node *node, const float *w)
{
    const int32_t planar = reads_planar(net, node), panel_blocks = net->use_gemm ? jr2i_blocks(node->channels) : net->kernels->panel_blocks;
    const int32_t planes = node->op == JR2I_OP_FEW && node->b >= 0 ? net->nodes[node->b].channels : 0;
    const size_t size = packed_size(node, planar, planes);
    net->packed_bytes += size * sizeof *w;
    if (net->packed_bytes > JR2I_MAX_PACKED_BYTES)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the network of %s is larger than 1 GiB", node->name);
    if (!(node->weights = jr2i_alloc(env, size, sizeof *w)))
        return jr2i_no_memory(env, size * sizeof *w);
    switch (node->op) {
    case JR2I_OP_CONV:
        jr2i_pack_conv(w, node->channels, node->in, node->k, planar, panel_blocks, node->weights);
        break;
    case JR2I_OP_WINO:
        if (node->streams)
            jr2i_pack_wino_taps(w, node->channels, node->in, panel_blocks, node->weights);
        else
            jr2i_pack_wino(w, node->channels, node->in, node->tile, panel_blocks, node->weights);
        break;
    case JR2I_OP_FEW:
        jr2i_pack_few(w, node->channels, node->in - planes, planes, node->weights);
        break;
    case JR2I_OP_DEPTHWISE:
        jr2i_pack_depthwise(w, node->channels, node->weights);
        break;
    default:
        jr2i_pack_linear(w, node->channels, node->in, node->weights);
        break;
    }
    if (node->op != JR2I_OP_LINEAR && !node->streams)
        return JR2_OK;
    int32_t status = shrink(env, node, size);
    if (status != JR2_OK || node->halves || !node->streams)
        return status;
    node->streams = 0; /* no halves: as any other layer */
    jr2i_free(env, node->weights);
    node->weights = NULL;
    return pack_weights(env, net, node, w);
}

static int32_t pack_node(jr2i_env *env, jr2i_net *net, jr2i_node *node, const jr2i_jr2w *file)
{
    const size_t bias_size = (size_t)jr2i_round_up(node->channels, 64);
    float *w, *bias;
    int32_t status = load_tensor(env, file, node, "weight", &w);
    if (status != JR2_OK)
        return status;
    node->panels = jr2i_panel_count(jr2i_blocks(node->channels), net->use_gemm ? jr2i_blocks(node->channels) : net->kernels->panel_blocks);
    status = pack_weights(env, net, node, w);
    jr2i_free(env, w);
    if (status != JR2_OK)
        return status;
    if (!(node->bias = jr2i_calloc(env, bias_size, sizeof *w)))
        return jr2i_no_memory(env, bias_size * sizeof *w);
    if ((status = load_tensor(env, file, node, "bias", &bias)) != JR2_OK)
        return status;
    memcpy(node->bias, bias, (size_t)node->channels * sizeof *bias);
    jr2i_free(env, bias);
    return JR2_OK;
}

int32_t jr2i_net_pack(jr2i_env *env, jr2i_net *net, const jr2i_jr2w *file)
{
    jr2i_shape *shapes = jr2i_alloc(env, (size_t)net->node_count, sizeof *shapes);
    if (!shapes)
        return jr2i_no_memory(env, (size_t)net->node_count * sizeof *shapes);
    int32_t status = choose_input_forms(env, net);
    if (status == JR2_OK)
        status = jr2i_net_shapes(env, net, net->nodes[0].height, net->nodes[0].width, shapes);
    for (int32_t i = 1; i < net->node_count && status == JR2_OK; i++) {
        jr2i_node *node = &net->nodes[i];
        choose_algorithm(net, node, &shapes[i]);
        node->streams = !net->use_gemm && (node->op == JR2I_OP_CONV || node->op == JR2I_OP_WINO) && streams(node, &shapes[i]);
    }
    jr2i_free(env, shapes);
    for (int32_t i = 1; i < net->node_count && status == JR2_OK; i++) {
        jr2i_node *node = &net->nodes[i];
        if (!node->dead && (node->k == 3 || node->op == JR2I_OP_DEPTHWISE || node->op == JR2I_OP_WARP))
            net->nodes[node->a].needs_halo = 1;
        if (node->op == JR2I_OP_FEW && node->b >= 0)
            net->nodes[node->b].needs_halo = 1;
        if (node->name[0] != 0 && !borrow(net, node))
            status = pack_node(env, net, node, file);
    }
    return status;
}
