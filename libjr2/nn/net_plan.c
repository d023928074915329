/* SPDX-License-Identifier: MIT
 * Shapes of all results for one input size, and one arena in which results whose lives do not overlap share memory. */
#include <string.h>

#include "kernels/pack.h"
#include "net.h"

enum { ALIGN_FLOATS = 16 };
#define MAX_ARENA_BYTES ((uint64_t)1 << 32)

static size_t align_floats(size_t n)
{
    return (n + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

/* Checks that a vector has the length its reader wants. */
static int32_t linear_shape(jr2i_env *env, const jr2i_node *node, const jr2i_shape *a, jr2i_shape *out)
{
    if (a->width != node->in)
        return jr2i_fail(env, JR2_ERR_FORMAT, "network: %s wants %d inputs, this size gives %d", node->name, (int)node->in, (int)a->width);
    out->height = 1;
    out->width = node->channels;
    return JR2_OK;
}

/* A further input keeps its proportion to the first. */
static int32_t input_shape(jr2i_env *env, const jr2i_node *first, const jr2i_node *node, int32_t height, int32_t width, jr2i_shape *out)
{
    const int64_t h = (int64_t)height * node->height, w = (int64_t)width * node->width;
    if (h % first->height != 0 || w % first->width != 0 || h / first->height > JR2I_MAX_SIDE || w / first->width > JR2I_MAX_SIDE)
        return jr2i_fail(env, JR2_ERR_RANGE, "network: input %d has no whole size for %d x %d", (int)node->input, (int)width, (int)height);
    *out = (jr2i_shape){ (int32_t)(h / first->height), (int32_t)(w / first->width) };
    return JR2_OK;
}

int32_t jr2i_net_shapes(jr2i_env *env, const jr2i_net *net, int32_t height, int32_t width, jr2i_shape *shapes)
{
    if (height < 1 || width < 1 || height > JR2I_MAX_SIDE || width > JR2I_MAX_SIDE)
        return jr2i_fail(env, JR2_ERR_RANGE, "network input of %d x %d", (int)width, (int)height);
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        jr2i_shape *s = &shapes[i];
        const jr2i_shape a = node->a >= 0 ? shapes[node->a] : (jr2i_shape){ 0, 0 };
        const int32_t times = node->op == JR2I_OP_UPSAMPLE2 || node->op == JR2I_OP_RESIZE2 || node->doubled ? 2 : 1;
        int32_t status = JR2_OK;
        switch (node->op) {
        case JR2I_OP_INPUT:
            if (node->form == JR2I_VECTOR)
                *s = (jr2i_shape){ 1, node->channels };
            else
                status = input_shape(env, &net->nodes[0], node, height, width, s);
            break;
        case JR2I_OP_SAMPLE:
        case JR2I_OP_WARP:
            *s = shapes[node->b];
            break;
        case JR2I_OP_BEND:
            *s = a;
            break;
        case JR2I_OP_MEAN:
            *s = (jr2i_shape){ 1, node->channels };
            break;
        case JR2I_OP_FLATTEN: {
            const int64_t length = (int64_t)a.height * a.width * net->nodes[node->a].channels;
            if (length > 1 << 24)
                status = jr2i_fail(env, JR2_ERR_RANGE, "network: a vector of %lld", (long long)length);
            *s = (jr2i_shape){ 1, (int32_t)length };
            break;
        }
        case JR2I_OP_LINEAR:
            status = linear_shape(env, node, &a, s);
            break;
        default:
            if (node->form == JR2I_VECTOR) { /* a concatenation */
                if (a.width > (1 << 24) - shapes[node->b].width)
                    status = jr2i_fail(env, JR2_ERR_RANGE, "network: a vector of more than %d", 1 << 24);
                else
                    *s = (jr2i_shape){ 1, a.width + shapes[node->b].width };
                break;
            }
            *s = (jr2i_shape){ (a.height * times + node->stride - 1) / node->stride, (a.width * times + node->stride - 1) / node->stride };
            if (s->height > JR2I_MAX_SIDE || s->width > JR2I_MAX_SIDE)
                status = jr2i_fail(env, JR2_ERR_RANGE, "network: a map of %d x %d", (int)s->width, (int)s->height);
            if (status == JR2_OK && node->b >= 0 && (shapes[node->b].height != s->height || shapes[node->b].width != s->width))
                status = jr2i_fail(env, JR2_ERR_FORMAT, "network: maps of different sizes meet");
            if (status == JR2_OK && node->op == JR2I_OP_ADD && (a.height != s->height || a.width != s->width))
                status = jr2i_fail(env, JR2_ERR_FORMAT, "network: maps of different sizes meet");
            break;
        }
        if (status != JR2_OK)
            return status;
    }
    return JR2_OK;
}

int32_t jr2i_wino_tiles(const jr2i_node *node)
{
    /* Both transformed sides of a group of tiles should stay in the second cache, next to the weights that stream by. */
    const int32_t per_tile = (node->tile + 2) * (node->tile + 2) * (jr2i_blocks(node->in) + jr2i_blocks(node->channels)) * 64;
    const int32_t n = 524288 / per_tile / 24 * 24; /* whole register tiles of 6, 8 and 12 */
    return n < 24 ? 24 : n > 96 ? 96 : n;
}

int32_t jr2i_panel_width(const jr2i_node *node)
{
    return jr2i_panel_start(jr2i_blocks(node->channels), node->panels, 1) * JR2I_LANES;
}

int32_t jr2i_wino_rows(const jr2i_node *node)
{
    const int32_t size = node->tile + 2, row = size * jr2i_blocks(node->in) * JR2I_LANES * jr2i_panel_width(node);
    const int32_t rows = 98304 / row; /* floats that stay in the second cache beside the tiles */
    return rows < 1 ? 1 : rows > size ? size : rows;
}

static size_t scratch_floats(const jr2i_net *net, const jr2i_node *node)
{
    const size_t in = (size_t)jr2i_blocks(node->in), out = (size_t)jr2i_blocks(node->channels);
    if (node->op == JR2I_OP_WINO) {
        const int32_t n = jr2i_wino_tiles(node), size = node->tile + 2;
        const ptrdiff_t a = jr2i_wino_stride((int32_t)in, n), b = jr2i_wino_stride((int32_t)out, n);
        const size_t weights = node->halves ? (size_t)(jr2i_wino_rows(node) * size) * (size_t)jr2i_wino_stride((int32_t)in, jr2i_panel_width(node)) : 0;
        return (size_t)(a + b) * (size_t)(size * size) + weights;
    }
    if (node->op == JR2I_OP_CONV && node->halves)
        return in * JR2I_LANES * (size_t)(node->k * node->k) * (size_t)jr2i_panel_width(node);
    if (node->op == JR2I_OP_CONV && net->use_gemm)
        return JR2I_GEMM_PIXELS * JR2I_LANES * (in * (size_t)(node->k * node->k) + out);
    return 0;
}

/* Memory geometry of a result. The map is rounded up to whole Winograd tiles, with a halo of one pixel around. */
static void measure(const jr2i_node *node, jr2i_place *p)
{
    const int32_t lanes = node->form == JR2I_BLOCKED ? JR2I_LANES : 1;
    const int32_t groups = node->form == JR2I_BLOCKED ? jr2i_blocks(node->channels) : node->channels;
    if (node->form == JR2I_VECTOR) {
        p->rows = 1;
        p->pitch = jr2i_round_up(p->shape.width, 64); /* linear layers write whole panels */
        p->row = p->block = p->pitch;
        p->size = (size_t)p->pitch;
        return;
    }
    p->rows = jr2i_round_up(p->shape.height, 4) + 2;
    p->pitch = jr2i_round_up(p->shape.width, 4) + 2;
    p->row = (ptrdiff_t)p->pitch * lanes;
    p->block = p->row * p->rows;
    /* The widest chunk that a kernel reads beyond the last pixel stays inside. */
    p->size = align_floats((size_t)p->block * (size_t)groups + 64);
    if (node->op == JR2I_OP_FEW) { /* written straight to the output */
        p->row = p->shape.width;
        p->block = p->row * p->shape.height;
        p->size = 0;
    }
}

/* First fit: the lowest gap of that size between the results that live while node i is computed. */
static size_t find_gap(const jr2i_net *net, const jr2i_place *places, int32_t i, size_t size)
{
    size_t at = 0;
    for (int moved = 1; moved;) {
        moved = 0;
        for (int32_t j = 0; j < net->node_count; j++) {
            const jr2i_place *other = &places[j];
            if (!other->placed || other->size == 0 || other->last < i)
                continue;
            if (at < other->at + other->size && other->at < at + size) {
                at = other->at + other->size;
                moved = 1;
            }
        }
    }
    return at;
}

static void find_last_readers(const jr2i_net *net, jr2i_place *places)
{
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        places[i].last = node->kept || (node->is_output && node->form == JR2I_VECTOR) ? net->node_count : i;
        if (node->dead)
            continue;
        const int32_t inputs[2] = { node->a, node->b };
        for (int k = 0; k < 2; k++)
            if (inputs[k] >= 0 && places[inputs[k]].last < i)
                places[inputs[k]].last = i;
    }
}

/* A map that a concatenation reads is made where the concatenation has it, unless it already lies in another one. */
static void find_inside(const jr2i_net *net, jr2i_place *places)
{
    for (int32_t i = 0; i < net->node_count; i++)
        places[i].inside = -1;
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        const int32_t inputs[2] = { node->a, node->b };
        if (node->dead || node->op != JR2I_OP_CONCAT || node->form == JR2I_VECTOR || node->a == node->b)
            continue;
        for (int k = 0; k < 2; k++) {
            const jr2i_node *in = &net->nodes[inputs[k]];
            if (in->dead || in->kept || in->op == JR2I_OP_CONCAT || places[inputs[k]].inside >= 0)
                continue;
            places[inputs[k]].inside = i;
            if (places[i].last < places[inputs[k]].last)
                places[i].last = places[inputs[k]].last;
        }
    }
}

/* Memory for node i when node now is computed. */
static void give_memory(const jr2i_net *net, jr2i_net_state *state, int32_t i, int32_t now)
{
    jr2i_place *p = &state->places[i];
    if (p->placed)
        return;
    p->shape = state->shapes[i];
    measure(&net->nodes[i], p);
    if (p->inside >= 0) {
        give_memory(net, state, p->inside, now);
        p->size = 0;
    } else {
        p->at = find_gap(net, state->places, now, p->size);
    }
    p->placed = 1;
}

static void set_pointers(const jr2i_net *net, jr2i_net_state *state, size_t results, size_t outputs)
{
    float *base = state->arena, *output = base + results;
    state->scratch = output + outputs;
    ptrdiff_t *offsets = (ptrdiff_t *)(void *)(state->scratch + state->scratch_size * (size_t)state->max_threads);
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        jr2i_place *p = &state->places[i];
        if (node->dead)
            continue;
        const int32_t lanes = node->form == JR2I_BLOCKED ? JR2I_LANES : 1;
        const jr2i_node *outer = p->inside >= 0 ? &net->nodes[p->inside] : NULL;
        const int32_t front = outer && outer->a != i ? net->nodes[outer->a].channels : 0;
        const ptrdiff_t part = (node->form == JR2I_BLOCKED ? jr2i_blocks(front) : front) * p->block;
        p->data = base + (outer ? state->places[p->inside].at : p->at) + part + (node->form == JR2I_VECTOR ? 0 : p->row + lanes);
        p->output = NULL;
        if (node->is_output && node->form == JR2I_VECTOR)
            p->output = p->data;
        if (node->is_output && node->form != JR2I_VECTOR) {
            p->output = output;
            output += align_floats((size_t)node->channels * (size_t)p->shape.height * (size_t)p->shape.width);
        }
        if (node->op == JR2I_OP_FEW)
            p->data = p->output;
        if (node->op == JR2I_OP_CONV) {
            const jr2i_place *x = &state->places[node->a];
            p->offsets = offsets;
            p->chunks = jr2i_conv_offsets(node->in, node->k, net->nodes[node->a].form == JR2I_PLANAR, x->row, x->block, offsets);
            offsets += p->chunks;
        }
    }
}

int32_t jr2i_net_state_resize(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, int32_t height, int32_t width)
{
    if (state->planned && state->places[0].shape.height == height && state->places[0].shape.width == width)
        return JR2_OK;
    state->planned = 0;
    int32_t status = jr2i_net_shapes(env, net, height, width, state->shapes);
    if (status != JR2_OK)
        return status;
    uint64_t results = 0, outputs = 0, offsets = 0;
    find_last_readers(net, state->places);
    find_inside(net, state->places);
    for (int32_t i = 0; i < net->node_count; i++)
        state->places[i].size = 0, state->places[i].filled = 0, state->places[i].placed = 0;
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        jr2i_place *p = &state->places[i];
        p->shape = state->shapes[i];
        if (node->dead)
            continue;
        give_memory(net, state, i, i);
        const jr2i_place *memory = p->inside >= 0 ? &state->places[p->inside] : p;
        results = memory->at + memory->size > results ? memory->at + memory->size : results;
        if (node->is_output && node->form != JR2I_VECTOR)
            outputs += align_floats((size_t)node->channels * (size_t)p->shape.height * (size_t)p->shape.width);
        if (node->op == JR2I_OP_CONV)
            offsets += (uint64_t)node->in * (uint64_t)(node->k * node->k) + JR2I_LANES;
        if (results + outputs > MAX_ARENA_BYTES / sizeof(float))
            return jr2i_fail(env, JR2_ERR_NO_MEMORY, "network: an input of %d x %d needs more than 4 GiB", (int)width, (int)height);
    }
    const uint64_t bytes = (results + outputs + (uint64_t)state->scratch_size * (uint64_t)state->max_threads) * sizeof(float) + offsets * sizeof(ptrdiff_t);
    if (bytes > MAX_ARENA_BYTES || bytes > SIZE_MAX / 2)
        return jr2i_fail(env, JR2_ERR_NO_MEMORY, "network: an input of %d x %d needs more than 4 GiB", (int)width, (int)height);
    if (bytes > state->capacity) {
        void *arena = jr2i_alloc(env, (size_t)bytes, 1);
        if (!arena)
            return jr2i_no_memory(env, (size_t)bytes);
        jr2i_free(env, state->arena);
        state->arena = arena;
        state->capacity = (size_t)bytes;
        /* Tiles that reach past a map read what lies there; it changes nothing that is kept, but let it be defined. */
        memset(arena, 0, (size_t)bytes);
    }
    set_pointers(net, state, (size_t)results, (size_t)outputs);
    state->planned = 1;
    return JR2_OK;
}

int32_t jr2i_net_state_create(jr2i_env *env, const jr2i_net *net, int32_t height, int32_t width, int32_t max_threads,
                              jr2i_net_state **out)
{
    *out = NULL;
    if (max_threads < 1 || max_threads > JR2I_MAX_THREADS)
        return jr2i_fail(env, JR2_ERR_RANGE, "%d threads", (int)max_threads);
    jr2i_net_state *state = jr2i_calloc(env, 1, sizeof *state);
    if (!state)
        return jr2i_no_memory(env, sizeof *state);
    state->max_threads = max_threads;
    state->places = jr2i_calloc(env, (size_t)net->node_count, sizeof *state->places);
    state->shapes = jr2i_calloc(env, (size_t)net->node_count, sizeof *state->shapes);
    for (int32_t i = 0; i < net->node_count; i++) {
        const size_t size = net->nodes[i].dead ? 0 : align_floats(scratch_floats(net, &net->nodes[i]));
        state->scratch_size = size > state->scratch_size ? size : state->scratch_size;
    }
    int32_t status = state->places && state->shapes ? jr2i_net_state_resize(env, net, state, height, width)
                                                    : jr2i_no_memory(env, (size_t)net->node_count * sizeof *state->places);
    if (status != JR2_OK) {
        jr2i_net_state_free(env, state);
        return status;
    }
    *out = state;
    return JR2_OK;
}

void jr2i_net_state_free(const jr2i_env *env, jr2i_net_state *state)
{
    if (!state)
        return;
    jr2i_free(env, state->arena);
    jr2i_free(env, state->places);
    jr2i_free(env, state->shapes);
    jr2i_free(env, state);
}

size_t jr2i_net_state_bytes(const jr2i_net_state *state)
{
    return state->capacity;
}
