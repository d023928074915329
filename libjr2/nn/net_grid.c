/* SPDX-License-Identifier: MIT
 * Running the nodes that look maps up at places: sampling by a grid, warping planes, resizing, and bending a grid. */
#include "net_conv.h"

#include <math.h>

#include "kernels/pack.h"

/* Pixels (x, y) of the sampling of row r, columns from i on: n pairs into coords. */
static void grid_coords(const jr2i_run *r, int32_t row, int32_t i, int32_t n, float *coords)
{
    const int planar = r->node->b >= 0 && r->net->nodes[r->node->b].form == JR2I_PLANAR;
    for (int32_t k = 0; k < n; k++) {
        if (r->node->op == JR2I_OP_RESIZE2) {
            coords[2 * k] = ((float)(i + k) + 0.5f) * 0.5f - 0.5f;
            coords[2 * k + 1] = ((float)row + 0.5f) * 0.5f - 0.5f;
            continue;
        }
        const float *p = r->b->data + row * r->b->row + (ptrdiff_t)(i + k) * (planar ? 1 : JR2I_LANES);
        coords[2 * k] = p[0];
        coords[2 * k + 1] = p[planar ? r->b->block : 1];
    }
}

/* One row of all blocks, so that the coordinates are made once. */
static void sample_task(void *arg, int32_t task, int32_t worker)
{
    enum { PART = 64 };
    const jr2i_run *r = arg;
    float coords[2 * PART];
    (void)worker;
    for (int32_t i = 0; i < r->y->shape.width; i += PART) {
        const int32_t n = r->y->shape.width - i < PART ? r->y->shape.width - i : PART;
        grid_coords(r, task, i, n, coords);
        for (int32_t b = 0; b < jr2i_blocks(r->node->channels); b++) {
            const jr2i_plane x = jr2i_block_of(r->a, b);
            r->kernels->sample(&x, coords, n, r->node->zeros, r->y->data + b * r->y->block + task * r->y->row + (ptrdiff_t)i * JR2I_LANES);
        }
    }
}

/* A coordinate brought into 0..side - 1, NaN to 0, as the lower of two neighbours and its distance from there. */
static int32_t lower_neighbour(float u, int32_t side, float *distance)
{
    u = u > 0 ? u : 0;
    u = u < (float)(side - 1) ? u : (float)(side - 1);
    int32_t at = (int32_t)u;
    at -= at > 0 && at == side - 1;
    *distance = u - (float)at;
    return at;
}

/* One row of warped planes. In a map of one row or column the second neighbour is the halo, with a share of 0. */
static void warp_task(void *arg, int32_t task, int32_t worker)
{
    enum { PART = 64 };
    const jr2i_run *r = arg;
    float coords[2 * PART], weight[4][PART];
    ptrdiff_t at[PART];
    (void)worker;
    for (int32_t i = 0; i < r->y->shape.width; i += PART) {
        const int32_t n = r->y->shape.width - i < PART ? r->y->shape.width - i : PART;
        grid_coords(r, task, i, n, coords);
        for (int32_t k = 0; k < n; k++) {
            float fx, fy;
            const int32_t x = lower_neighbour(coords[2 * k], r->a->shape.width, &fx);
            at[k] = lower_neighbour(coords[2 * k + 1], r->a->shape.height, &fy) * r->a->row + x;
            weight[0][k] = (1 - fx) * (1 - fy);
            weight[1][k] = fx * (1 - fy);
            weight[2][k] = (1 - fx) * fy;
            weight[3][k] = fx * fy;
        }
        for (int32_t c = 0; c < r->node->channels; c++) {
            const float *plane = r->a->data + c * r->a->block, *below = plane + r->a->row;
            float *y = r->y->data + c * r->y->block + task * r->y->row + i;
            for (int32_t k = 0; k < n; k++)
                y[k] = weight[0][k] * plane[at[k]] + weight[1][k] * plane[at[k] + 1] + weight[2][k] * below[at[k]] + weight[3][k] * below[at[k] + 1];
        }
    }
}

/* One row of a bent grid. */
static void bend_task(void *arg, int32_t task, int32_t worker)
{
    const jr2i_run *r = arg;
    const jr2i_place *h = r->b;
    const int32_t width = r->y->shape.width, planar = r->net->nodes[r->node->a].form == JR2I_PLANAR;
    const float unit = r->node->unit, step = (float)h->shape.width / (float)width;
    const float v = fmaxf(((float)task + 0.5f) * ((float)h->shape.height / (float)r->y->shape.height) - 0.5f, 0);
    const int32_t top = (int32_t)v, below = top + 1 < h->shape.height ? top + 1 : top;
    const float fv = v - (float)top, *row0 = h->data + top * h->row, *row1 = h->data + below * h->row;
    const float *grid = r->a->data + task * r->a->row;
    float *x = r->y->data + task * r->y->row, *y = x + r->y->block;
    int32_t held = -1; /* the left column that from and to come from */
    float from[3] = { 0 }, to[3] = { 0 }, by[3];
    (void)worker;
    for (int32_t i = 0; i < width; i++) {
        float u = ((float)i + 0.5f) * step - 0.5f;
        u = u > 0 ? u : 0;
        const int32_t left = (int32_t)u, right = left + 1 < h->shape.width ? left + 1 : left;
        const float fu = u - (float)left;
        for (int32_t k = 0; k < 3 && left != held; k++) {
            from[k] = (1 - fv) * row0[left * JR2I_LANES + k] + fv * row1[left * JR2I_LANES + k];
            to[k] = (1 - fv) * row0[right * JR2I_LANES + k] + fv * row1[right * JR2I_LANES + k];
        }
        held = left;
        for (int32_t k = 0; k < 3; k++)
            by[k] = (1 - fu) * from[k] + fu * to[k];
        const float gx = planar ? grid[i] : grid[i * JR2I_LANES], gy = planar ? grid[i + r->a->block] : grid[i * JR2I_LANES + 1];
        x[i] = (float)i + (1 + by[2]) * (gx - (float)i) + unit * by[0];
        y[i] = (float)task + (1 + by[2]) * (gy - (float)task) + unit * by[1];
    }
}

void jr2i_run_grid(jr2i_run *r)
{
    jr2i_task_fn *task = r->node->op == JR2I_OP_BEND ? bend_task : r->node->op == JR2I_OP_WARP ? warp_task : sample_task;
    jr2i_pool_run(r->pool, task, r, r->y->shape.height);
}
