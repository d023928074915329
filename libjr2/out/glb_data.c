/* SPDX-License-Identifier: MIT
 * The binary part of a GLB file: mesh, skin, sparse morph targets. */
#include "out/glb_data.h"

#include <math.h>
#include <string.h>

#define MOVED 1e-4f /* cm: what moves less does not move */

void jr2i_glb_begin_view(jr2i_glb *b)
{
    static const uint8_t zero[4] = {0};
    jr2i_sink_put(&b->bin, zero, (4 - (size_t)(b->bin.size % 4)) % 4);
    b->views[b->view_count].offset = (size_t)b->bin.size;
}

int32_t jr2i_glb_end_view(jr2i_glb *b, int32_t buffer_target)
{
    jr2i_glb_view *v = &b->views[b->view_count];
    v->length = (size_t)b->bin.size - v->offset;
    v->target = buffer_target;
    return b->view_count++;
}

/* glTF vertices: number the pairs in order of first use. next chains the pairs of a vertex. */
static int32_t make_vertices(jr2i_glb *b)
{
    const jr2i_head *head = b->head;
    size_t corners = 3 * (size_t)head->triangle_count, vertices = (size_t)head->vertex_count;
    int32_t *first = jr2i_alloc(b->env, vertices, sizeof *first), *next = jr2i_alloc(b->env, corners, sizeof *next);
    b->source = jr2i_alloc(b->env, corners, sizeof *b->source);
    b->source_uv = jr2i_alloc(b->env, corners, sizeof *b->source_uv);
    b->index = jr2i_alloc(b->env, corners, sizeof *b->index);
    int32_t status = JR2_OK;
    if (!first || !next || !b->source || !b->source_uv || !b->index) {
        status = jr2i_no_memory(b->env, corners * sizeof *next);
    } else {
        for (size_t v = 0; v < vertices; v++)
            first[v] = -1;
        for (size_t c = 0; c < corners; c++) {
            int32_t v = head->triangles[c], uv = head->triangles_uv ? head->triangles_uv[c] : 0, at = first[v];
            while (at >= 0 && b->source_uv[at] != uv)
                at = next[at];
            if (at < 0) {
                at = b->count++;
                b->source[at] = v;
                b->source_uv[at] = uv;
                next[at] = first[v];
                first[v] = at;
            }
            b->index[c] = (uint32_t)at;
        }
    }
    jr2i_free(b->env, first);
    jr2i_free(b->env, next);
    return status;
}

static void put_index(jr2i_glb *b, uint32_t index)
{
    uint8_t bytes[4] = {(uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16), (uint8_t)(index >> 24)};
    jr2i_sink_put(&b->bin, bytes, b->count > 65535 ? 4 : 2);
}

static void put_indices(jr2i_glb *b)
{
    jr2i_glb_begin_view(b);
    for (size_t c = 0; c < 3 * (size_t)b->head->triangle_count; c++)
        put_index(b, b->index[c]);
    jr2i_glb_end_view(b, 34963);
}

static void put_geometry(jr2i_glb *b)
{
    jr2i_glb_begin_view(b);
    for (int k = 0; k < 3; k++) {
        b->low[k] = INFINITY;
        b->high[k] = -INFINITY;
    }
    for (int32_t i = 0; i < b->count; i++)
        for (int k = 0; k < 3; k++) {
            float x = b->neutral[3 * (size_t)b->source[i] + (size_t)k] * JR2I_GLB_METRES;
            b->low[k] = fminf(b->low[k], x);
            b->high[k] = fmaxf(b->high[k], x);
            jr2i_sink_f32(&b->bin, x);
        }
    jr2i_glb_end_view(b, 34962);
    jr2i_glb_begin_view(b);
    for (int32_t i = 0; i < b->count; i++)
        for (int k = 0; k < 3; k++)
            jr2i_sink_f32(&b->bin, b->normals[3 * (size_t)b->source[i] + (size_t)k]);
    jr2i_glb_end_view(b, 34962);
    if (b->head->uv) {
        jr2i_glb_begin_view(b);
        for (int32_t i = 0; i < b->count; i++) {
            const float *uv = b->head->uv + 2 * (size_t)b->source_uv[i];
            jr2i_sink_f32(&b->bin, uv[0]);
            jr2i_sink_f32(&b->bin, 1 - uv[1]);
        }
        jr2i_glb_end_view(b, 34962);
    }
}

/* The four heaviest joints of each vertex; weights in 1/65535 that sum to it exactly. */
static void put_skin(jr2i_glb *b)
{
    int32_t joints = b->head->joint_count;
    for (int pass = 0; pass < 2; pass++) {
        jr2i_glb_begin_view(b);
        for (int32_t i = 0; i < b->count; i++) {
            const float *weight = b->head->surface.skin + (size_t)b->source[i] * (size_t)joints;
            uint8_t chosen[4] = {0, 0, 0, 0};
            uint32_t share[4] = {0, 0, 0, 0};
            float heavy[4] = {0, 0, 0, 0}, sum = 0;
            for (int32_t j = 0; j < joints; j++)
                for (int slot = 0; slot < 4; slot++)
                    if (weight[j] > heavy[slot]) {
                        for (int m = 3; m > slot; m--) {
                            heavy[m] = heavy[m - 1];
                            chosen[m] = chosen[m - 1];
                        }
                        heavy[slot] = weight[j];
                        chosen[slot] = (uint8_t)j;
                        break;
                    }
            for (int slot = 0; slot < 4; slot++)
                sum += heavy[slot];
            uint32_t rest = 65535;
            for (int slot = 1; slot < 4; slot++) {
                share[slot] = (uint32_t)(heavy[slot] / sum * 65535 + 0.5f);
                rest -= share[slot];
                if (share[slot] == 0)
                    chosen[slot] = 0; /* a joint without weight must be 0 */
            }
            share[0] = rest;
            for (int slot = 0; slot < 4; slot++) {
                uint8_t two[2] = {(uint8_t)share[slot], (uint8_t)(share[slot] >> 8)};
                jr2i_sink_put(&b->bin, pass ? two : &chosen[slot], pass ? 2 : 1);
            }
        }
        jr2i_glb_end_view(b, 34962);
    }
    jr2i_glb_begin_view(b); /* inverse bind matrices: shifts only */
    for (int32_t j = 0; j < joints; j++)
        for (int k = 0; k < 16; k++)
            jr2i_sink_f32(&b->bin, k % 5 == 0 ? 1 : k >= 12 ? -b->joints[3 * j + k - 12] * JR2I_GLB_METRES : 0);
    jr2i_glb_end_view(b, 0);
}

static int moves(const float *d)
{
    return fabsf(d[0]) > MOVED || fabsf(d[1]) > MOVED || fabsf(d[2]) > MOVED;
}

/* Sparse: indices, then displacements of the vertices that move. */
static void put_target(jr2i_glb *b, jr2i_glb_target *t)
{
    for (int32_t i = 0; i < 3 * b->head->vertex_count; i++)
        b->moved[i] -= b->neutral[i];
    for (int k = 0; k < 3; k++) {
        t->low[k] = INFINITY;
        t->high[k] = -INFINITY;
    }
    for (int32_t i = 0; i < b->count; i++) {
        const float *d = b->moved + 3 * (size_t)b->source[i];
        int some = moves(d);
        t->count += some;
        for (int k = 0; k < 3; k++) {
            float x = some ? d[k] * JR2I_GLB_METRES : 0;
            t->low[k] = fminf(t->low[k], x);
            t->high[k] = fmaxf(t->high[k], x);
        }
    }
    if (t->count == 0)
        return;
    jr2i_glb_begin_view(b);
    for (int32_t i = 0; i < b->count; i++)
        if (moves(b->moved + 3 * (size_t)b->source[i]))
            put_index(b, (uint32_t)i);
    t->index_view = jr2i_glb_end_view(b, 0);
    jr2i_glb_begin_view(b);
    for (int32_t i = 0; i < b->count; i++) {
        const float *d = b->moved + 3 * (size_t)b->source[i];
        for (int k = 0; k < 3 && moves(d); k++)
            jr2i_sink_f32(&b->bin, d[k] * JR2I_GLB_METRES);
    }
    t->value_view = jr2i_glb_end_view(b, 0);
}

static void put_targets(jr2i_glb *b)
{
    const jr2i_head *head = b->head;
    jr2i_head_input input = {b->face->identity, b->expression, NULL, head->identity_count, head->expression_count};
    b->arkit = head->arkit.known > 0;
    b->target_count = b->arkit ? JR2I_ARKIT_COUNT : head->expression_count;
    if (b->target_count > JR2I_GLB_TARGETS)
        b->target_count = JR2I_GLB_TARGETS;
    for (int32_t i = 0; i < b->target_count && b->bin.status == JR2_OK; i++) {
        jr2i_glb_target *t = &b->targets[i];
        memset(b->expression, 0, (size_t)head->expression_count * sizeof *b->expression);
        if (b->arkit) {
            float arkit[JR2I_ARKIT_COUNT] = {0};
            arkit[i] = 1;
            jr2i_arkit_to_expression(&head->arkit, arkit, head->expression_count, b->expression);
            t->name = jr2i_arkit_name(i);
            t->weight = b->face->arkit[i];
        } else {
            b->expression[i] = 1;
            t->name = head->expression_name[i];
            t->weight = b->face->expression[i];
        }
        jr2i_head_vertices(head, &input, b->scratch, b->moved);
        put_target(b, t);
    }
}

int32_t jr2i_glb_build(jr2i_glb *b)
{
    const jr2i_head *head = b->head;
    size_t vertices = 3 * (size_t)head->vertex_count;
    b->neutral = jr2i_alloc(b->env, vertices, sizeof(float));
    b->moved = jr2i_alloc(b->env, vertices, sizeof(float));
    b->normals = jr2i_alloc(b->env, vertices, sizeof(float));
    b->scratch = jr2i_alloc(b->env, jr2i_head_scratch(head), sizeof(float));
    b->expression = jr2i_calloc(b->env, (size_t)head->expression_count, sizeof(float));
    if (!b->neutral || !b->moved || !b->normals || !b->scratch || !b->expression)
        return jr2i_no_memory(b->env, vertices * sizeof(float));
    int32_t status = make_vertices(b);
    if (status != JR2_OK)
        return status;
    jr2i_head_input neutral = {b->face->identity, NULL, NULL, head->identity_count, 0};
    jr2i_head_vertices(head, &neutral, b->scratch, b->neutral);
    jr2i_head_normals(head, b->neutral, b->normals);
    jr2i_head_joints(head, &neutral, b->joints);
    put_indices(b);
    put_geometry(b);
    put_skin(b);
    put_targets(b);
    return b->bin.status;
}

void jr2i_glb_free(jr2i_glb *b)
{
    jr2i_free(b->env, b->data.data);
    jr2i_free(b->env, b->source);
    jr2i_free(b->env, b->source_uv);
    jr2i_free(b->env, b->index);
    jr2i_free(b->env, b->neutral);
    jr2i_free(b->env, b->moved);
    jr2i_free(b->env, b->normals);
    jr2i_free(b->env, b->scratch);
    jr2i_free(b->env, b->expression);
}
