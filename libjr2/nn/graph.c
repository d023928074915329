/* SPDX-License-Identifier: MIT
 * Building a network: each call checks what can be known without the input size and appends a node. The first error
 * sticks and is reported by jr2i_graph_finish. */
#include "graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/pack.h"
#include "net.h"

int32_t jr2i_graph_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_graph **out)
{
    *out = NULL;
    jr2i_graph *g = jr2i_calloc(env, 1, sizeof *g);
    jr2i_net *net = jr2i_calloc(env, 1, sizeof *net);
    jr2i_node *nodes = jr2i_calloc(env, JR2I_MAX_NODES, sizeof *nodes);
    if (!g || !net || !nodes) {
        jr2i_free(env, g);
        jr2i_free(env, net);
        jr2i_free(env, nodes);
        return jr2i_no_memory(env, JR2I_MAX_NODES * sizeof *nodes);
    }
    g->env = env;
    g->file = file;
    g->net = net;
    net->nodes = nodes;
    net->kernels = jr2i_kernels_pick(jr2i_cpu_flags());
    net->use_gemm = net->kernels == &jr2i_kernels_c;
    *out = g;
    return JR2_OK;
}

void jr2i_graph_abandon(const jr2i_env *env, jr2i_graph *g)
{
    if (!g)
        return;
    jr2i_net_free(env, g->net);
    jr2i_free(env, g);
}

void jr2i_net_free(const jr2i_env *env, jr2i_net *net)
{
    if (!net)
        return;
    for (int32_t i = 0; i < net->node_count; i++) {
        if (net->nodes[i].borrowed)
            continue;
        jr2i_free(env, net->nodes[i].weights);
        jr2i_free(env, net->nodes[i].halves);
        jr2i_free(env, net->nodes[i].bias);
    }
    jr2i_free(env, net->nodes);
    jr2i_free(env, net);
}

static int32_t refuse(jr2i_graph *g, int32_t status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

static int32_t refuse(jr2i_graph *g, int32_t status, const char *format, ...)
{
    if (g->status == JR2_OK) {
        va_list args;
        va_start(args, format);
        vsnprintf(g->error, sizeof g->error, format, args);
        va_end(args);
        g->status = status;
    }
    return -1;
}

/* NULL, with an error kept, unless id is a result of one of these forms. */
static const jr2i_node *operand(jr2i_graph *g, int32_t id, int want_vector)
{
    if (g->status != JR2_OK)
        return NULL;
    if (id < 0 || id >= g->net->node_count) {
        refuse(g, JR2_ERR_INTERNAL, "network: no result %d", (int)id);
        return NULL;
    }
    const jr2i_node *node = &g->net->nodes[id];
    if ((node->form == JR2I_VECTOR) != (want_vector != 0)) {
        refuse(g, JR2_ERR_INTERNAL, "network: result %d is %s vector", (int)id, want_vector ? "no" : "a");
        return NULL;
    }
    return node;
}

static jr2i_node *append(jr2i_graph *g, jr2i_op op, jr2i_form form, int32_t a, int32_t b, int32_t channels)
{
    jr2i_net *net = g->net;
    if (net->node_count == JR2I_MAX_NODES || channels > JR2I_MAX_CHANNELS) {
        refuse(g, JR2_ERR_FORMAT, "network: more than %d layers or %d channels", JR2I_MAX_NODES, JR2I_MAX_CHANNELS);
        return NULL;
    }
    jr2i_node *node = &net->nodes[net->node_count++];
    node->op = op;
    node->form = form;
    node->a = a;
    node->b = b;
    node->channels = channels;
    node->k = node->stride = 1;
    if (a >= 0)
        net->nodes[a].readers++;
    if (b >= 0)
        net->nodes[b].readers++;
    return node;
}

static int32_t id_of(const jr2i_graph *g, const jr2i_node *node)
{
    return node ? (int32_t)(node - g->net->nodes) : -1;
}

int32_t jr2i_graph_input(jr2i_graph *g, int32_t channels, int32_t height, int32_t width)
{
    if (g->status != JR2_OK)
        return -1;
    if ((g->net->node_count == 0) != (g->net->input_count == 0) || g->net->input_count == JR2I_MAX_INPUTS || channels < 1 || height < 1 || width < 1 || height > JR2I_MAX_SIDE || width > JR2I_MAX_SIDE)
        return refuse(g, JR2_ERR_INTERNAL, "network: bad input declaration");
    jr2i_node *node = append(g, JR2I_OP_INPUT, channels <= 8 ? JR2I_PLANAR : JR2I_BLOCKED, -1, -1, channels);
    if (node) {
        node->input = g->net->input_count++;
        node->height = height;
        node->width = width;
    }
    return id_of(g, node);
}

void jr2i_graph_keep(jr2i_graph *g, int32_t input)
{
    if (!operand(g, input, 0))
        return;
    jr2i_node *node = &g->net->nodes[input];
    if (node->op != JR2I_OP_INPUT || node->input != input)
        refuse(g, JR2_ERR_INTERNAL, "network: result %d cannot be kept", (int)input);
    node->kept = 1;
}

int32_t jr2i_graph_input_vector(jr2i_graph *g, int32_t length)
{
    if (g->status != JR2_OK)
        return -1;
    if (g->net->input_count == 0 || g->net->input_count == JR2I_MAX_INPUTS || length < 1)
        return refuse(g, JR2_ERR_INTERNAL, "network: bad input declaration");
    jr2i_node *node = append(g, JR2I_OP_INPUT, JR2I_VECTOR, -1, -1, length);
    if (node)
        node->input = g->net->input_count++;
    return id_of(g, node);
}

/* Finds name.weight and name.bias and checks that they belong together. */
static const jr2i_tensor_info *find_weight(jr2i_graph *g, const char *name, int32_t ndim)
{
    char full[80];
    snprintf(full, sizeof full, "%s.weight", name);
    const jr2i_tensor_info *w = jr2i_jr2w_find(g->file, full);
    snprintf(full, sizeof full, "%s.bias", name);
    const jr2i_tensor_info *bias = jr2i_jr2w_find(g->file, full);
    if (!w || !bias || strlen(name) >= sizeof g->net->nodes[0].name) {
        refuse(g, JR2_ERR_MISSING, "%s has no weight or no bias of %.63s", jr2i_jr2w_topology(g->file), name);
        return NULL;
    }
    if (w->ndim != ndim || bias->ndim != 1 || bias->dims[0] != w->dims[0] || w->dtype > JR2I_F16 || bias->dtype > JR2I_F16 ||
        w->dims[0] > JR2I_MAX_CHANNELS) {
        refuse(g, JR2_ERR_FORMAT, "%s: weight and bias of %.63s have unexpected shapes", jr2i_jr2w_topology(g->file), name);
        return NULL;
    }
    return w;
}

int32_t jr2i_graph_conv(jr2i_graph *g, int32_t in, const char *name, int32_t stride, int32_t act, int32_t residual)
{
    const jr2i_node *x = operand(g, in, 0);
    const jr2i_tensor_info *w = x ? find_weight(g, name, 4) : NULL;
    if (!w || (residual >= 0 && !operand(g, residual, 0)))
        return -1;
    const int32_t out = w->dims[0], k = w->dims[2];
    const int depthwise = w->dims[1] == 1 && x->channels > 1 && k == 3;
    if ((k != 1 && k != 3) || w->dims[3] != k || (depthwise ? out : w->dims[1]) != x->channels)
        return refuse(g, JR2_ERR_FORMAT, "%s: %s is a (%d,%d,%d,%d) convolution over %d channels", jr2i_jr2w_topology(g->file), name,
                      (int)out, (int)w->dims[1], (int)k, (int)w->dims[3], (int)x->channels);
    if (stride < 1 || stride > 2 || act < JR2I_ACT_NONE || act > JR2I_ACT_SIGMOID || (depthwise && residual >= 0) ||
        (residual >= 0 && (g->net->nodes[residual].channels != out || g->net->nodes[residual].form != JR2I_BLOCKED)))
        return refuse(g, JR2_ERR_INTERNAL, "network: bad stride, activation or residual of %s", name);
    jr2i_node *node = append(g, depthwise ? JR2I_OP_DEPTHWISE : JR2I_OP_CONV, JR2I_BLOCKED, in, residual >= 0 ? residual : -1, out);
    if (!node)
        return -1;
    memcpy(node->name, name, strlen(name) + 1);
    node->k = k;
    node->stride = stride;
    node->act = act;
    node->in = x->channels;
    return id_of(g, node);
}

int32_t jr2i_graph_upsample2(jr2i_graph *g, int32_t in)
{
    const jr2i_node *x = operand(g, in, 0);
    return x ? id_of(g, append(g, JR2I_OP_UPSAMPLE2, JR2I_BLOCKED, in, -1, x->channels)) : -1;
}

int32_t jr2i_graph_resize2(jr2i_graph *g, int32_t in)
{
    const jr2i_node *x = operand(g, in, 0);
    return x ? id_of(g, append(g, JR2I_OP_RESIZE2, JR2I_BLOCKED, in, -1, x->channels)) : -1;
}

int32_t jr2i_graph_sample(jr2i_graph *g, int32_t in, int32_t grid, int32_t zeros)
{
    const jr2i_node *x = operand(g, in, 0), *coords = x ? operand(g, grid, 0) : NULL;
    if (!coords)
        return -1;
    if (coords->channels < 2)
        return refuse(g, JR2_ERR_FORMAT, "network: a grid of %d channels", (int)coords->channels);
    jr2i_node *node = append(g, JR2I_OP_SAMPLE, JR2I_BLOCKED, in, grid, x->channels);
    if (node)
        node->zeros = zeros != 0;
    return id_of(g, node);
}

static int is_planes(const jr2i_node *node)
{
    return node->form == JR2I_PLANAR && (node->op == JR2I_OP_WARP || node->op == JR2I_OP_CONCAT);
}

int32_t jr2i_graph_warp(jr2i_graph *g, int32_t in, int32_t grid)
{
    const jr2i_node *x = operand(g, in, 0), *coords = x ? operand(g, grid, 0) : NULL;
    if (!coords)
        return -1;
    if (coords->channels < 2 || x->op != JR2I_OP_INPUT || x->form != JR2I_PLANAR)
        return refuse(g, JR2_ERR_FORMAT, "network: %d channels cannot be warped by a grid of %d", (int)x->channels, (int)coords->channels);
    return id_of(g, append(g, JR2I_OP_WARP, JR2I_PLANAR, in, grid, x->channels));
}

int32_t jr2i_graph_conv_planes(jr2i_graph *g, int32_t in, int32_t planes, const char *name, int32_t act)
{
    const jr2i_node *x = operand(g, in, 0), *p = x ? operand(g, planes, 0) : NULL;
    const jr2i_tensor_info *w = p ? find_weight(g, name, 4) : NULL;
    if (!w)
        return -1;
    if (w->dims[0] > 4 || w->dims[1] != x->channels + p->channels || w->dims[2] != 3 || w->dims[3] != 3)
        return refuse(g, JR2_ERR_FORMAT, "%s: %s is a (%d,%d,%d,%d) convolution over %d channels and %d planes to at most 4", jr2i_jr2w_topology(g->file),
                      name, (int)w->dims[0], (int)w->dims[1], (int)w->dims[2], (int)w->dims[3], (int)x->channels, (int)p->channels);
    if (!is_planes(p) || act < JR2I_ACT_NONE || act > JR2I_ACT_SIGMOID)
        return refuse(g, JR2_ERR_INTERNAL, "network: bad planes or activation of %s", name);
    jr2i_node *node = append(g, JR2I_OP_FEW, JR2I_PLANAR, in, planes, w->dims[0]);
    if (!node)
        return -1;
    memcpy(node->name, name, strlen(name) + 1);
    node->k = 3;
    node->act = act;
    node->in = w->dims[1];
    return id_of(g, node);
}

int32_t jr2i_graph_bend(jr2i_graph *g, int32_t grid, int32_t h, float unit)
{
    const jr2i_node *coords = operand(g, grid, 0), *by = coords ? operand(g, h, 0) : NULL;
    if (!by)
        return -1;
    if (coords->channels < 2 || by->channels < 3)
        return refuse(g, JR2_ERR_FORMAT, "network: a grid of %d channels bent by %d", (int)coords->channels, (int)by->channels);
    jr2i_node *node = append(g, JR2I_OP_BEND, JR2I_PLANAR, grid, h, 2);
    if (node)
        node->unit = unit;
    return id_of(g, node);
}

int32_t jr2i_graph_gate(jr2i_graph *g, int32_t in, int32_t map, int32_t channel)
{
    const jr2i_node *x = operand(g, in, 0), *by = x ? operand(g, map, 0) : NULL;
    if (!by)
        return -1;
    if (channel < 0 || channel >= by->channels)
        return refuse(g, JR2_ERR_FORMAT, "network: gate %d of %d channels", (int)channel, (int)by->channels);
    jr2i_node *node = append(g, JR2I_OP_GATE, JR2I_BLOCKED, in, map, x->channels);
    if (node)
        node->channel = channel;
    return id_of(g, node);
}

int32_t jr2i_graph_add(jr2i_graph *g, int32_t a, int32_t b, int32_t act)
{
    const jr2i_node *x = operand(g, a, 0), *y = x ? operand(g, b, 0) : NULL;
    if (!y)
        return -1;
    if (x->channels != y->channels || act < JR2I_ACT_NONE || act > JR2I_ACT_SIGMOID)
        return refuse(g, JR2_ERR_FORMAT, "network: %d and %d channels cannot be added", (int)x->channels, (int)y->channels);
    jr2i_node *node = append(g, JR2I_OP_ADD, JR2I_BLOCKED, a, b, x->channels);
    if (node)
        node->act = act;
    return id_of(g, node);
}

int32_t jr2i_graph_concat(jr2i_graph *g, int32_t a, int32_t b)
{
    const int vectors = a >= 0 && a < g->net->node_count && g->net->nodes[a].form == JR2I_VECTOR;
    const jr2i_node *x = operand(g, a, vectors), *y = x ? operand(g, b, vectors) : NULL;
    if (!y)
        return -1;
    if (vectors) /* a length of 0 is not known yet, nor is the sum's */
        return id_of(g, append(g, JR2I_OP_CONCAT, JR2I_VECTOR, a, b, x->channels && y->channels ? x->channels + y->channels : 0));
    if (is_planes(x) && (is_planes(y) || (y->op == JR2I_OP_INPUT && y->form == JR2I_PLANAR)))
        return id_of(g, append(g, JR2I_OP_CONCAT, JR2I_PLANAR, a, b, x->channels + y->channels));
    if (x->channels % JR2I_LANES != 0)
        return refuse(g, JR2_ERR_FORMAT, "network: %d channels in front of a concatenation", (int)x->channels);
    return id_of(g, append(g, JR2I_OP_CONCAT, JR2I_BLOCKED, a, b, x->channels + y->channels));
}

int32_t jr2i_graph_max_pool2(jr2i_graph *g, int32_t in)
{
    const jr2i_node *x = operand(g, in, 0);
    jr2i_node *node = x ? append(g, JR2I_OP_MAX_POOL2, JR2I_BLOCKED, in, -1, x->channels) : NULL;
    if (node)
        node->stride = 2;
    return id_of(g, node);
}

int32_t jr2i_graph_global_pool(jr2i_graph *g, int32_t in)
{
    const jr2i_node *x = operand(g, in, 0);
    return x ? id_of(g, append(g, JR2I_OP_MEAN, JR2I_VECTOR, in, -1, x->channels)) : -1;
}

int32_t jr2i_graph_flatten(jr2i_graph *g, int32_t in)
{
    const jr2i_node *x = operand(g, in, 0);
    return x ? id_of(g, append(g, JR2I_OP_FLATTEN, JR2I_VECTOR, in, -1, 0)) : -1;
}

int32_t jr2i_graph_linear(jr2i_graph *g, int32_t in, const char *name, int32_t act)
{
    const jr2i_node *x = operand(g, in, 1);
    const jr2i_tensor_info *w = x ? find_weight(g, name, 2) : NULL;
    if (!w)
        return -1;
    if ((x->channels != 0 && x->channels != w->dims[1]) || act < JR2I_ACT_NONE || act > JR2I_ACT_SIGMOID)
        return refuse(g, JR2_ERR_FORMAT, "%s: %s wants %d inputs, not %d", jr2i_jr2w_topology(g->file), name, (int)w->dims[1],
                      (int)x->channels);
    jr2i_node *node = append(g, JR2I_OP_LINEAR, JR2I_VECTOR, in, -1, w->dims[0]);
    if (!node)
        return -1;
    memcpy(node->name, name, strlen(name) + 1);
    node->act = act;
    node->in = w->dims[1];
    return id_of(g, node);
}

void jr2i_graph_output(jr2i_graph *g, int32_t id)
{
    if (g->status != JR2_OK)
        return;
    if (id < 0 || id >= g->net->node_count || g->net->output_count == JR2I_MAX_OUTPUTS || g->net->nodes[id].is_output ||
        g->net->nodes[id].op == JR2I_OP_INPUT) {
        refuse(g, JR2_ERR_INTERNAL, "network: result %d cannot be an output", (int)id);
        return;
    }
    g->net->nodes[id].is_output = 1;
    g->net->outputs[g->net->output_count++] = id;
}

int32_t jr2i_graph_channels(const jr2i_graph *g, int32_t id)
{
    if (id < 0 || id >= g->net->node_count)
        return 0;
    return g->net->nodes[id].channels == 0 ? -1 : g->net->nodes[id].channels;
}

int32_t jr2i_graph_finish(jr2i_env *env, jr2i_graph *g, jr2i_net **out)
{
    *out = NULL;
    if (g->net->output_count == 0)
        refuse(g, JR2_ERR_INTERNAL, "network: no output");
    int32_t status = g->status;
    if (status != JR2_OK)
        status = jr2i_fail(env, status, "%s", g->error);
    else
        status = jr2i_net_pack(env, g->net, g->file);
    if (status == JR2_OK) {
        *out = g->net;
        g->net = NULL;
    }
    jr2i_graph_abandon(env, g);
    return status;
}
