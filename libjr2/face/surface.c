/* SPDX-License-Identifier: MIT
 * Shapes without their zero blocks, and sets of vertices that carry them. */
#include "face/surface.h"

#include <string.h>

#include "base/cpu.h"
#include "tensor/half.h"

#define BLOCK JR2I_BASIS_BLOCK

/* Keeps the non-zero blocks of modes (count, source_vertices, 3). vertices (vertex_count): which ones; NULL: the first ones. */
int32_t jr2i_basis_make(jr2i_env *env, const float *modes, int32_t count, int32_t source_vertices, const int32_t *vertices,
                        int32_t vertex_count, jr2i_basis *basis)
{
    int32_t blocks = (3 * vertex_count + BLOCK - 1) / BLOCK;
    float one[BLOCK];
    basis->count = count;
    basis->kernels = jr2i_kernels_pick(jr2i_cpu_flags());
    basis->first = jr2i_calloc(env, (size_t)count + 1, sizeof *basis->first);
    if (!basis->first)
        return jr2i_no_memory(env, ((size_t)count + 1) * sizeof *basis->first);
    for (int32_t pass = 0; pass < 2; pass++) { /* count, then fill */
        int64_t used = 0;
        for (int32_t m = 0; m < count; m++) {
            const float *mode = modes + (size_t)m * 3 * (size_t)source_vertices;
            basis->first[m] = (int32_t)used;
            for (int32_t b = 0; b < blocks; b++) {
                int any = 0;
                for (int32_t k = 0; k < BLOCK; k++) {
                    int32_t v = (b * BLOCK + k) / 3, c = (b * BLOCK + k) % 3;
                    one[k] = v < vertex_count ? mode[3 * (size_t)(vertices ? vertices[v] : v) + (size_t)c] : 0;
                    any |= one[k] != 0;
                }
                if (any && pass) {
                    basis->block[used] = b;
                    memcpy(basis->data + (size_t)used * BLOCK, one, sizeof one);
                }
                used += any;
            }
        }
        basis->first[count] = (int32_t)used;
        if (pass == 0) {
            basis->block = jr2i_alloc(env, (size_t)used, sizeof *basis->block);
            basis->data = jr2i_alloc(env, (size_t)used, BLOCK * sizeof *basis->data);
            if (!basis->block || !basis->data)
                return jr2i_no_memory(env, (size_t)used * BLOCK * sizeof *basis->data);
        }
    }
    basis->halves = jr2i_alloc(env, (size_t)basis->first[count], BLOCK * sizeof *basis->halves);
    if (!basis->halves)
        return jr2i_no_memory(env, (size_t)basis->first[count] * BLOCK * sizeof *basis->halves);
    if (jr2i_as_halves(basis->data, (size_t)basis->first[count] * BLOCK, basis->halves)) {
        jr2i_free(env, basis->data);
        basis->data = NULL;
    } else {
        jr2i_free(env, basis->halves);
        basis->halves = NULL;
    }
    return JR2_OK;
}

void jr2i_basis_free(const jr2i_env *env, jr2i_basis *basis)
{
    jr2i_free(env, basis->halves);
    jr2i_free(env, basis->first);
    jr2i_free(env, basis->block);
    jr2i_free(env, basis->data);
}

int32_t jr2i_surface_make(jr2i_env *env, int32_t all, int32_t joint_count, const jr2i_surface_source *from, const int32_t *vertices,
                          int32_t count, jr2i_surface *surface)
{
    surface->vertex_count = count;
    surface->length = (3 * count + BLOCK - 1) / BLOCK * BLOCK;
    surface->mean = jr2i_calloc(env, (size_t)surface->length, sizeof(float));
    surface->skin = jr2i_alloc(env, (size_t)count * (size_t)joint_count, sizeof(float));
    if (!surface->mean || !surface->skin)
        return jr2i_no_memory(env, (size_t)surface->length * sizeof(float));
    size_t joints = (size_t)joint_count;
    for (int32_t i = 0; i < count; i++) {
        size_t v = (size_t)(vertices ? vertices[i] : i);
        memcpy(surface->mean + 3 * (size_t)i, from->mean + 3 * v, 3 * sizeof(float));
        memcpy(surface->skin + joints * (size_t)i, from->skin + joints * v, joints * sizeof(float));
    }
    int32_t status = jr2i_basis_make(env, from->identity, from->identity_count, all, vertices, count, &surface->identity);
    if (status == JR2_OK)
        status = jr2i_basis_make(env, from->expression, from->expression_count, all, vertices, count, &surface->expression);
    if (status == JR2_OK)
        status = jr2i_basis_make(env, from->corrective, from->corrective_count, all, vertices, count, &surface->corrective);
    return status;
}

void jr2i_surface_free(const jr2i_env *env, jr2i_surface *surface)
{
    jr2i_free(env, surface->mean);
    jr2i_free(env, surface->skin);
    jr2i_basis_free(env, &surface->identity);
    jr2i_basis_free(env, &surface->expression);
    jr2i_basis_free(env, &surface->corrective);
}

void jr2i_basis_add(const jr2i_basis *basis, int32_t mode, float weight, float *vector)
{
    const int32_t first = basis->first[mode], blocks = basis->first[mode + 1] - first;
    const size_t at = (size_t)first * BLOCK;
    if (basis->halves)
        basis->kernels->add_blocks_half(vector, basis->block + first, blocks, basis->halves + at, weight);
    else
        basis->kernels->add_blocks(vector, basis->block + first, blocks, basis->data + at, weight);
}
