/* SPDX-License-Identifier: MIT
 * Full convolutions: how their work is cut into pieces for the kernels and the threads, directly, by Winograd tiles, or by
 * matrix products where there are no kernels of our own. */
#include "net_conv.h"

#include <string.h>

#include "kernels/pack.h"
#include "tensor/gemm.h"

static float *scratch_of(const jr2i_run *r, int32_t worker)
{
    return r->state->scratch + (size_t)worker * r->state->scratch_size;
}

/* Output channels before a panel. */
static ptrdiff_t panel_start(const jr2i_node *node, int32_t panel)
{
    return (ptrdiff_t)jr2i_panel_start(jr2i_blocks(node->channels), node->panels, panel) * JR2I_LANES;
}

/* ---- direct convolution ---- */

typedef struct {
    const jr2i_run *r;
    jr2i_conv q;
    int32_t groups, group_rows; /* of output rows */
    int32_t panels_inside; /* small weights: all panels of a few rows, then the next rows */
} conv_job;

static void conv_task(void *arg, int32_t task, int32_t worker)
{
    const conv_job *job = arg;
    const jr2i_node *node = job->r->node;
    const int32_t panel = job->panels_inside ? task % job->q.panels : task / job->groups;
    const int32_t group = job->panels_inside ? task / job->q.panels : task % job->groups;
    const int32_t row0 = group * job->group_rows, height = job->r->y->shape.height;
    const int32_t row1 = row0 + job->group_rows < height ? row0 + job->group_rows : height;
    const ptrdiff_t steps = (ptrdiff_t)job->q.chunks * job->q.chunk, first = panel_start(node, panel);
    jr2i_conv q = job->q;
    if (node->halves) {
        float *weights = scratch_of(job->r, worker);
        job->r->kernels->widen(node->halves + first * steps, (size_t)((panel_start(node, panel + 1) - first) * steps), weights);
        q.weights = weights;
    } else {
        q.weights = node->weights + first * steps;
    }
    job->r->kernels->conv(&q, panel, row0, row1);
}

/* Portable: 64 pixels at a time are gathered into rows of a matrix and multiplied with all weights. */
static void gemm_task(void *arg, int32_t task, int32_t worker)
{
    const conv_job *job = arg;
    const jr2i_conv *q = &job->q;
    const int32_t steps = q->chunks * q->chunk, channels = q->blocks * JR2I_LANES, height = job->r->y->shape.height;
    float *a = job->r->state->scratch + (size_t)worker * job->r->state->scratch_size; /* (pixels, steps) */
    float *c = a + (size_t)JR2I_GEMM_PIXELS * (size_t)jr2i_round_up(steps, JR2I_LANES); /* (pixels, channels) */
    const int32_t first = task * JR2I_GEMM_PIXELS, total = height * q->width;
    const int32_t pixels = total - first < JR2I_GEMM_PIXELS ? total - first : JR2I_GEMM_PIXELS;
    for (int32_t p = 0; p < pixels; p++) {
        const float *x = q->x + (first + p) / q->width * q->x_row + (first + p) % q->width * q->x_step;
        for (int32_t j = 0; j < q->chunks; j++)
            memcpy(a + (ptrdiff_t)p * steps + j * q->chunk, x + q->offset[j], (size_t)q->chunk * sizeof *a);
    }
    jr2i_gemm(pixels, channels, steps, a, steps, job->r->node->weights, channels, 0, c, channels);
    for (int32_t b = 0; b < q->blocks; b++)
        for (int32_t p = 0; p < pixels; p++) {
            const ptrdiff_t at = b * q->y_block + (first + p) / q->width * q->y_row + (first + p) % q->width * JR2I_LANES;
            float *v = c + (ptrdiff_t)p * channels + b * JR2I_LANES;
            for (int32_t l = 0; l < JR2I_LANES; l++)
                v[l] += q->bias[b * JR2I_LANES + l];
            const jr2i_plane one = { v, JR2I_LANES, 1, 1 };
            static const float zero[JR2I_LANES] = { 0 };
            job->r->kernels->add(&one, q->residual ? q->residual + at : zero, 0, q->y + at, 0, q->act);
        }
}

void jr2i_run_conv(const jr2i_run *r)
{
    const jr2i_node *node = r->node;
    const int planar = r->net->nodes[node->a].form == JR2I_PLANAR;
    conv_job job = { .r = r };
    jr2i_conv *q = &job.q;
    q->x = r->a->data;
    q->x_row = r->a->row * node->stride;
    q->x_step = (ptrdiff_t)(planar ? 1 : JR2I_LANES) * node->stride;
    q->offset = r->y->offsets;
    q->chunks = r->y->chunks;
    q->chunk = planar ? node->k : JR2I_LANES;
    q->bias = node->bias;
    q->blocks = jr2i_blocks(node->channels);
    q->panels = node->panels;
    q->y = r->y->data;
    q->residual = r->b ? r->b->data : NULL;
    q->y_row = r->y->row;
    q->y_block = r->y->block;
    q->width = r->y->shape.width;
    q->act = node->act;
    const int32_t height = r->y->shape.height;
    if (r->net->use_gemm) {
        jr2i_pool_run(r->pool, gemm_task, &job, (height * q->width + JR2I_GEMM_PIXELS - 1) / JR2I_GEMM_PIXELS);
        return;
    }
    const size_t weight_bytes = (size_t)q->chunks * (size_t)q->chunk * (size_t)q->blocks * JR2I_LANES * sizeof(float);
    job.panels_inside = weight_bytes < JR2I_PANELS_INSIDE;
    /* Rows of about 64 pixels make a piece when panels go inside; else a thread's share of all rows, or all where a panel is widened first. */
    job.group_rows = job.panels_inside ? 1 + 63 / q->width : node->halves ? height : (height + r->threads - 1) / r->threads;
    job.groups = (height + job.group_rows - 1) / job.group_rows;
    jr2i_pool_run(r->pool, conv_task, &job, job.groups * q->panels);
}

/* ---- Winograd ---- */

typedef struct {
    const jr2i_run *r;
    jr2i_wino q;
    int32_t tiles, group; /* all; at a time */
    int32_t first, n; /* the group at hand when the phases are spread over threads */
    int32_t size, rows; /* points of a row; rows whose weights are transformed at a time */
    size_t v_size, m_size;
} wino_job;

/* A panel's products for rows row0 <= i < row1 of the points; weights: room for transformed ones. */
static void multiply_rows(const wino_job *job, int32_t panel, int32_t row0, int32_t row1, int32_t n, const float *v, float *m, float *weights)
{
    const jr2i_node *node = job->r->node;
    const jr2i_kernels *k = job->r->kernels;
    const int32_t in = job->q.in_blocks * JR2I_LANES, size = job->size;
    const ptrdiff_t first = panel_start(node, panel), width = panel_start(node, panel + 1) - first;
    const ptrdiff_t point = node->halves ? jr2i_wino_stride(job->q.in_blocks, (int32_t)width) : (ptrdiff_t)in * job->q.out_blocks * JR2I_LANES;
    const float *w = weights;
    if (node->halves)
        k->wino_weights(node->halves + first * in * 9, node->tile, in, (int32_t)width, row0, row1, weights);
    else
        w = node->weights + row0 * size * point + first * in;
    for (int32_t p = row0 * size; p < row1 * size; p++, w += point)
        k->wino_multiply(&job->q, panel, p, n, w, v, m);
}

/* Behind the rows of points that are multiplied together with `row`. */
static int32_t rows_end(const wino_job *job, int32_t row)
{
    return row + job->rows < job->size ? row + job->rows : job->size;
}

static void wino_group_task(void *arg, int32_t task, int32_t worker)
{
    const wino_job *job = arg;
    const jr2i_kernels *k = job->r->kernels;
    const int32_t first = task * job->group, n = job->tiles - first < job->group ? job->tiles - first : job->group;
    float *v = scratch_of(job->r, worker), *m = v + job->v_size;
    for (int32_t b = 0; b < job->q.in_blocks; b++)
        k->wino_input(&job->q, b, first, n, v);
    for (int32_t panel = 0; panel < job->q.panels; panel++)
        for (int32_t i = 0; i < job->size; i += job->rows)
            multiply_rows(job, panel, i, rows_end(job, i), n, v, m, m + job->m_size);
    for (int32_t b = 0; b < job->q.out_blocks; b++)
        k->wino_output(&job->q, b, first, n, m);
}

static void wino_input_task(void *arg, int32_t task, int32_t worker)
{
    const wino_job *job = arg;
    (void)worker;
    job->r->kernels->wino_input(&job->q, task, job->first, job->n, scratch_of(job->r, 0));
}

/* Some rows of points of one panel. */
static void wino_multiply_task(void *arg, int32_t task, int32_t worker)
{
    const wino_job *job = arg;
    const int32_t pieces = (job->size + job->rows - 1) / job->rows, row = task % pieces * job->rows;
    float *v = scratch_of(job->r, 0);
    multiply_rows(job, task / pieces, row, rows_end(job, row), job->n, v, v + job->v_size, scratch_of(job->r, worker) + job->v_size + job->m_size);
}

static void wino_output_task(void *arg, int32_t task, int32_t worker)
{
    const wino_job *job = arg;
    (void)worker;
    job->r->kernels->wino_output(&job->q, task, job->first, job->n, scratch_of(job->r, 0) + job->v_size);
}

void jr2i_run_wino(const jr2i_run *r)
{
    const jr2i_node *node = r->node;
    const jr2i_shape *s = &r->y->shape;
    wino_job job = { .r = r };
    jr2i_wino *q = &job.q;
    q->tile = node->tile;
    q->upsample = node->doubled;
    q->in_blocks = jr2i_blocks(node->in);
    q->out_blocks = jr2i_blocks(node->channels);
    q->panels = node->panels;
    q->tiles_x = (s->width + q->tile - 1) / q->tile;
    q->x = r->a->data;
    q->x_row = r->a->row;
    q->x_block = r->a->block;
    q->bias = node->bias;
    q->y = r->y->data;
    q->residual = r->b ? r->b->data : NULL;
    q->y_row = r->y->row;
    q->y_block = r->y->block;
    q->act = node->act;
    job.tiles = q->tiles_x * ((s->height + q->tile - 1) / q->tile);
    job.group = jr2i_wino_tiles(node);
    if (!node->halves && jr2i_round_up((job.tiles + r->threads - 1) / r->threads, 8) < job.group)
        job.group = jr2i_round_up((job.tiles + r->threads - 1) / r->threads, 8); /* a share for each thread */
    job.size = node->tile + 2;
    job.rows = node->halves ? jr2i_wino_rows(node) : 1;
    job.v_size = (size_t)(job.size * job.size) * (size_t)jr2i_wino_stride(q->in_blocks, job.group);
    job.m_size = (size_t)(job.size * job.size) * (size_t)jr2i_wino_stride(q->out_blocks, job.group);
    const int32_t groups = (job.tiles + job.group - 1) / job.group;
    if (r->threads == 1 || groups >= (node->halves ? 2 : 1) * r->threads) { /* each group needs the weights, and halves are transformed for each */
        jr2i_pool_run(r->pool, wino_group_task, &job, groups);
        return;
    }
    for (job.first = 0; job.first < job.tiles; job.first += job.group) {
        job.n = job.tiles - job.first < job.group ? job.tiles - job.first : job.group;
        jr2i_pool_run(r->pool, wino_input_task, &job, q->in_blocks);
        jr2i_pool_run(r->pool, wino_multiply_task, &job, q->panels * ((job.size + job.rows - 1) / job.rows));
        jr2i_pool_run(r->pool, wino_output_task, &job, q->out_blocks);
    }
}
