/* SPDX-License-Identifier: MIT
 * Running a network: each node becomes one or a few parallel loops over pieces of work that do not depend on the number
 * of threads in anything but their grouping, so the results are the same bits for any number. */
#include <math.h>
#include <string.h>

#include "kernels/pack.h"
#include "net_conv.h"

static void few_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    const int32_t planes = r->b ? r->net->nodes[r->node->b].channels : 0;
    (void)worker;
    const jr2i_conv_few q = { .x = r->a->data, .x_row = r->a->row, .x_block = r->a->block, .in_blocks = jr2i_blocks(r->node->in - planes),
                              .p = r->b ? r->b->data : NULL, .p_row = r->b ? r->b->row : 0, .p_plane = r->b ? r->b->block : 0, .planes = planes,
                              .out_channels = r->node->channels, .weights = r->node->weights, .bias = r->node->bias, .y = r->y->data,
                              .y_row = r->y->row, .y_plane = r->y->block, .width = r->y->shape.width, .act = r->node->act };
    r->kernels->conv_few(&q, task, task + 1);
}

static void depthwise_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    (void)worker;
    const jr2i_depthwise q = { .x = r->a->data, .x_row = r->a->row, .x_block = r->a->block, .stride = r->node->stride,
                               .weights = r->node->weights, .bias = r->node->bias, .y = r->y->data, .y_row = r->y->row,
                               .y_block = r->y->block, .width = r->y->shape.width, .act = r->node->act };
    r->kernels->depthwise(&q, task, 0, r->y->shape.height);
}

static void linear_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    const jr2i_node *node = r->node;
    const ptrdiff_t panel = (ptrdiff_t)task * 64 * node->in;
    const float *bias = node->bias + task * 64;
    float *y = r->y->data + task * 64;
    (void)worker;
    if (node->halves)
        r->kernels->linear_half(r->a->data, node->in, node->halves + panel, bias, node->act, y);
    else
        r->kernels->linear(r->a->data, node->in, node->weights + panel, bias, node->act, y);
}

static void copy_block(const jr2i_place *from, int32_t from_block, const jr2i_place *to, int32_t to_block)
{
    for (int32_t row = 0; row < from->shape.height; row++)
        memcpy(to->data + to_block * to->block + row * to->row, from->data + from_block * from->block + row * from->row,
               (size_t)from->shape.width * JR2I_LANES * sizeof(float));
}

/* One row of all blocks of a sum of two maps. */
static void add_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    (void)worker;
    for (int32_t b = 0; b < jr2i_blocks(r->node->channels); b++) {
        const jr2i_plane x = { r->a->data + b * r->a->block + task * r->a->row, r->a->row, 1, r->a->shape.width };
        r->kernels->add(&x, r->b->data + b * r->b->block + task * r->b->row, r->b->row, r->y->data + b * r->y->block + task * r->y->row,
                        r->y->row, r->node->act);
    }
}

/* One plane of a concatenation of planes. */
static void plane_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    const int32_t front = r->net->nodes[r->node->a].channels;
    const jr2i_place *from = task < front ? r->a : r->b;
    const float *x = from->data + (task < front ? task : task - front) * from->block;
    (void)worker;
    if (from->inside == (int32_t)(r->node - r->net->nodes))
        return; /* it was made there */
    for (int32_t row = 0; row < from->shape.height; row++)
        memcpy(r->y->data + task * r->y->block + row * r->y->row, x + row * from->row, (size_t)from->shape.width * sizeof *x);
}

static void gate_block(const jr2i_plane *x, const float *gate, ptrdiff_t gate_row, float *y, ptrdiff_t y_row)
{
    for (int32_t row = 0; row < x->height; row++)
        for (int32_t i = 0; i < x->width; i++) {
            const float share = 1 / (1 + expf(-gate[row * gate_row + i * JR2I_LANES])), *from = x->p + row * x->row + i * JR2I_LANES;
            float *to = y + row * y_row + i * JR2I_LANES;
            for (int32_t l = 0; l < JR2I_LANES; l++)
                to[l] = share * from[l];
        }
}

/* One 16-channel block of the nodes that work block by block. */
static void block_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    (void)worker;
    float *y = r->y->data + (r->node->form == JR2I_VECTOR ? (ptrdiff_t)task * JR2I_LANES : task * r->y->block);
    if (r->node->op == JR2I_OP_CONCAT) {
        const int32_t front = jr2i_blocks(r->net->nodes[r->node->a].channels);
        if ((task < front ? r->a : r->b)->inside == (int32_t)(r->node - r->net->nodes))
            return; /* it was made there */
        copy_block(task < front ? r->a : r->b, task < front ? task : task - front, r->y, task);
        return;
    }
    const jr2i_plane x = jr2i_block_of(r->a, task);
    switch (r->node->op) {
    case JR2I_OP_UPSAMPLE2:
        r->kernels->upsample2(&x, y, r->y->row);
        break;
    case JR2I_OP_MAX_POOL2:
        r->kernels->max_pool2(&x, y, r->y->row);
        break;
    case JR2I_OP_GATE:
        gate_block(&x, r->b->data + r->node->channel / JR2I_LANES * r->b->block + r->node->channel % JR2I_LANES, r->b->row, y, r->y->row);
        break;
    default:
        r->kernels->mean(&x, y);
        break;
    }
}

/* Blocked map to contiguous planes, one 16-channel block. */
static void planes_from_block(const jr2i_place *p, int32_t channels, int32_t block, float *out)
{
    const int32_t height = p->shape.height, width = p->shape.width;
    const int32_t count = channels - block * JR2I_LANES < JR2I_LANES ? channels - block * JR2I_LANES : JR2I_LANES;
    const ptrdiff_t plane = (ptrdiff_t)height * width;
    out += block * JR2I_LANES * plane;
    for (int32_t row = 0; row < height; row++) {
        const float *x = p->data + block * p->block + row * p->row;
        for (int32_t c = 0; c < count; c++)
            for (int32_t i = 0; i < width; i++)
                out[c * plane + (ptrdiff_t)row * width + i] = x[i * JR2I_LANES + c];
    }
}

static void planes_from_map(const jr2i_place *p, jr2i_form form, int32_t channels, float *out)
{
    if (form == JR2I_PLANAR) {
        for (int32_t c = 0; c < channels; c++)
            for (int32_t row = 0; row < p->shape.height; row++)
                memcpy(out + ((ptrdiff_t)c * p->shape.height + row) * p->shape.width, p->data + c * p->block + row * p->row,
                       (size_t)p->shape.width * sizeof *out);
        return;
    }
    for (int32_t b = 0; b < jr2i_blocks(channels); b++)
        planes_from_block(p, channels, b, out);
}

typedef struct load {
    const jr2i_run *r;
    const float *input; /* (C,H,W) */
} load;

/* One row of an input, all channels; of a blocked map a pixel's lanes at a time, those beyond the channels are 0. */
static void load_task(void *arg, int32_t task, int32_t worker)
{
    const load *l = arg;
    const jr2i_place *p = l->r->y;
    const int32_t width = p->shape.width, channels = l->r->node->channels;
    const ptrdiff_t plane = (ptrdiff_t)p->shape.height * width;
    const float *x = l->input + (ptrdiff_t)task * width;
    (void)worker;
    if (l->r->node->form == JR2I_PLANAR) {
        for (int32_t c = 0; c < channels; c++)
            memcpy(p->data + c * p->block + task * p->row, x + c * plane, (size_t)width * sizeof *x);
        return;
    }
    for (int32_t b = 0; b < jr2i_blocks(channels); b++, x += JR2I_LANES * plane) {
        const int32_t count = channels - b * JR2I_LANES < JR2I_LANES ? channels - b * JR2I_LANES : JR2I_LANES;
        float *y = p->data + b * p->block + task * p->row;
        for (int32_t i = 0; i < width; i++, y += JR2I_LANES) {
            for (int32_t c = 0; c < count; c++)
                y[c] = x[c * plane + i];
            for (int32_t c = count; c < JR2I_LANES; c++)
                y[c] = 0;
        }
    }
}

static void load_input(const jr2i_run *r, const float *input)
{
    load l = { r, input };
    if (r->node->form == JR2I_VECTOR)
        memcpy(r->y->data, input, (size_t)r->y->shape.width * sizeof *input);
    else
        jr2i_pool_run(r->pool, load_task, &l, r->y->shape.height);
}

/* Everything of the map's memory outside of its size becomes zero. */
static void clear_halo(const jr2i_run *r)
{
    const jr2i_place *p = r->y;
    const int32_t blocked = r->node->form == JR2I_BLOCKED, groups = blocked ? jr2i_blocks(r->node->channels) : r->node->channels;
    const size_t pixel = blocked ? JR2I_LANES : 1, right = (size_t)(p->pitch - 1 - p->shape.width) * pixel;
    for (int32_t g = 0; g < groups; g++) {
        float *x = p->data + g * p->block;
        memset(x - p->row - pixel, 0, (size_t)p->row * sizeof *x);
        for (int32_t row = 0; row < p->shape.height; row++) {
            memset(x + row * p->row - pixel, 0, pixel * sizeof *x);
            memset(x + row * p->row + (size_t)p->shape.width * pixel, 0, right * sizeof *x);
        }
        memset(x + p->shape.height * p->row - pixel, 0, (size_t)(p->rows - 1 - p->shape.height) * (size_t)p->row * sizeof *x);
    }
}

static void run_node(jr2i_run *r, const float *const *inputs)
{
    const int32_t blocks = jr2i_blocks(r->node->channels);
    switch (r->node->op) {
    case JR2I_OP_INPUT:
        if (r->node->kept)
            return;
        load_input(r, inputs[r->node->input]);
        break;
    case JR2I_OP_CONV:
        jr2i_run_conv(r);
        break;
    case JR2I_OP_WINO:
        jr2i_run_wino(r);
        break;
    case JR2I_OP_FEW:
        jr2i_pool_run(r->pool, few_task, r, r->y->shape.height);
        break;
    case JR2I_OP_RESIZE2:
    case JR2I_OP_SAMPLE:
    case JR2I_OP_WARP:
    case JR2I_OP_BEND:
        jr2i_run_grid(r);
        break;
    case JR2I_OP_DEPTHWISE:
        jr2i_pool_run(r->pool, depthwise_task, r, blocks);
        break;
    case JR2I_OP_LINEAR:
        jr2i_pool_run(r->pool, linear_task, r, (r->node->channels + 63) / 64);
        break;
    case JR2I_OP_FLATTEN:
        planes_from_map(r->a, r->net->nodes[r->node->a].form, r->net->nodes[r->node->a].channels, r->y->data);
        break;
    case JR2I_OP_CONCAT:
        if (r->node->form == JR2I_VECTOR) {
            memcpy(r->y->data, r->a->data, (size_t)r->a->shape.width * sizeof *r->a->data);
            memcpy(r->y->data + r->a->shape.width, r->b->data, (size_t)r->b->shape.width * sizeof *r->b->data);
            break;
        }
        if (r->node->form == JR2I_PLANAR) {
            jr2i_pool_run(r->pool, plane_task, r, r->node->channels);
            break;
        }
        jr2i_pool_run(r->pool, block_task, r, blocks);
        break;
    case JR2I_OP_ADD:
        jr2i_pool_run(r->pool, add_task, r, r->y->shape.height);
        break;
    default:
        jr2i_pool_run(r->pool, block_task, r, blocks);
        break;
    }
    if (r->node->needs_halo)
        clear_halo(r);
    if (r->y->output && r->y->output != r->y->data)
        planes_from_map(r->y, r->node->form, r->node->channels, r->y->output);
}

int32_t jr2i_net_run(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, jr2i_pool *pool, const float *input)
{
    if (net->input_count != 1)
        return jr2i_fail(env, JR2_ERR_INTERNAL, "network: %d inputs, one given", (int)net->input_count);
    return jr2i_net_run_inputs(env, net, state, pool, &input);
}

int32_t jr2i_net_run_inputs(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, jr2i_pool *pool, const float *const *inputs)
{
    if (!state->planned || jr2i_pool_threads(pool) > state->max_threads)
        return jr2i_fail(env, JR2_ERR_INTERNAL, "network: the state has no plan or too few threads");
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        if (node->op == JR2I_OP_INPUT && (node->kept ? inputs[node->input] || !state->places[i].filled : !inputs[node->input]))
            return jr2i_fail(env, JR2_ERR_INTERNAL, "network: input %d is %s", (int)node->input, node->kept ? "kept, and not filled" : "missing");
    }
    for (int32_t i = 0; i < net->node_count; i++) {
        const jr2i_node *node = &net->nodes[i];
        if (node->dead)
            continue;
        int32_t status = jr2i_cancelled(env);
        if (status != JR2_OK)
            return status;
        jr2i_run r = { .net = net, .state = state, .pool = pool, .kernels = net->kernels, .node = node, .y = &state->places[i],
                  .a = node->a >= 0 ? &state->places[node->a] : NULL, .b = node->b >= 0 ? &state->places[node->b] : NULL,
                  .threads = jr2i_pool_threads(pool) };
        run_node(&r, inputs);
    }
    return JR2_OK;
}

int32_t jr2i_net_set_input(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, int32_t index, const float *input)
{
    if (!state->planned || index < 0 || index >= net->input_count || !net->nodes[index].kept)
        return jr2i_fail(env, JR2_ERR_INTERNAL, "network: input %d is not kept", (int)index);
    jr2i_run r = { .net = net, .state = state, .node = &net->nodes[index], .y = &state->places[index] };
    load_input(&r, input);
    if (r.node->needs_halo)
        clear_halo(&r);
    r.y->filled = 1;
    return JR2_OK;
}

const float *jr2i_net_output(const jr2i_net *net, const jr2i_net_state *state, int32_t index, int32_t *channels, int32_t *height,
                             int32_t *width)
{
    if (index < 0 || index >= net->output_count)
        return NULL;
    const jr2i_node *node = &net->nodes[net->outputs[index]];
    const jr2i_place *p = &state->places[net->outputs[index]];
    const int vector = node->form == JR2I_VECTOR;
    if (channels)
        *channels = vector ? p->shape.width : node->channels;
    if (height)
        *height = vector ? 1 : p->shape.height;
    if (width)
        *width = vector ? 1 : p->shape.width;
    return p->output;
}

int32_t jr2i_net_outputs(const jr2i_net *net)
{
    return net->output_count;
}

int32_t jr2i_net_input_channels(const jr2i_net *net, int32_t index)
{
    for (int32_t i = 0; i < net->node_count; i++)
        if (net->nodes[i].op == JR2I_OP_INPUT && net->nodes[i].input == index)
            return net->nodes[i].channels;
    return 0;
}
