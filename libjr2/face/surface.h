/* SPDX-License-Identifier: MIT
 * Linear shapes of vertices with what is zero left out, and the sets of vertices that a head model evaluates: the whole mesh, or only
 * what its landmarks stand on. */
#ifndef JR2I_SURFACE_H
#define JR2I_SURFACE_H

#include "base/env.h"
#include "kernels/kernels.h"

#define JR2I_BASIS_BLOCK JR2I_SPAN /* floats: 16 vertices */

/* Linear shapes over a float vector: only the blocks of 48 floats (16 vertices) that are not all zero are stored. */
typedef struct jr2i_basis {
    int32_t count;      /* modes */
    int32_t *first;     /* (count + 1) each mode's blocks are first[i] .. first[i + 1] - 1 */
    int32_t *block;     /* which block of the vector */
    float *data;        /* 48 floats a block; NULL where halves hold them exactly */
    uint16_t *halves;   /* then these */
    const jr2i_kernels *kernels;
} jr2i_basis;

/* A set of vertices that can be evaluated: the whole mesh, or only those that the landmarks need. */
typedef struct jr2i_surface {
    int32_t vertex_count;
    int32_t length;         /* floats of a vertex vector: 3 * vertex_count rounded up to whole blocks */
    float *mean;            /* (length) */
    jr2i_basis identity, expression, corrective;
    float *skin;            /* (vertex_count, joint_count) rows sum to 1 */
} jr2i_surface;

/* What surfaces are cut from: tensors of the whole mesh. */
typedef struct jr2i_surface_source {
    float *mean;       /* (V,3) */
    float *identity;   /* (identity_count,V,3) */
    float *expression; /* (expression_count,V,3) */
    float *corrective; /* (corrective_count,V,3) or NULL */
    float *skin;       /* (V,J) */
    float *regressor;  /* (J,V); not part of a surface */
    float *albedo;     /* (albedo_count,V,3); likewise */
    int32_t identity_count, expression_count, corrective_count;
} jr2i_surface_source;

/* modes (count, source_vertices, 3). vertices (vertex_count): which of them; NULL: the first ones. */
int32_t jr2i_basis_make(jr2i_env *env, const float *modes, int32_t count, int32_t source_vertices, const int32_t *vertices,
                        int32_t vertex_count, jr2i_basis *basis);
void jr2i_basis_free(const jr2i_env *env, jr2i_basis *basis);
/* vector (length of the surface) += weight * mode. */
void jr2i_basis_add(const jr2i_basis *basis, int32_t mode, float weight, float *vector);

/* all: vertices of the whole mesh; vertices (count): which of them, NULL: the first ones. What was made before a failure is freed by
 * jr2i_surface_free. */
int32_t jr2i_surface_make(jr2i_env *env, int32_t all, int32_t joint_count, const jr2i_surface_source *from, const int32_t *vertices,
                          int32_t count, jr2i_surface *surface);
void jr2i_surface_free(const jr2i_env *env, jr2i_surface *surface);

#endif
