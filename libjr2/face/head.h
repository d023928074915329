/* SPDX-License-Identifier: MIT
 * The head model: vertices = skinning(template + identity + expression + pose correctives) with a few joints. Immutable and shared;
 * whoever evaluates it brings scratch memory. Any model of FLAME's form fits (docs/head-model.md). Space: cm, x towards the person's
 * left, y up, z out of the face. */
#ifndef JR2I_HEAD_H
#define JR2I_HEAD_H

#include "base/env.h"
#include "face/arkit.h"
#include "face/surface.h"
#include "tensor/jr2w.h"

#define JR2I_HEAD_TOPOLOGY "jr2.head.1"
#define JR2I_HEAD_JOINTS_MAX 16

typedef struct jr2i_landmark_set {
    int32_t count;          /* 0 where the model has none */
    int32_t *corner;        /* (count,3) vertices of the whole mesh */
    int32_t *near_corner;   /* (count,3) the same in the landmark surface */
    float *weight;          /* (count,3) barycentric */
    float *offset;          /* (count,3) cm in head space, turned with the root joint */
} jr2i_landmark_set;

typedef struct jr2i_head {
    int32_t vertex_count, triangle_count, uv_count;
    int32_t identity_count, expression_count, albedo_count, joint_count;
    jr2i_surface surface, near; /* whole mesh; vertices of the landmarks */
    int32_t *triangles;         /* (T,3) counter-clockwise from outside */
    int32_t *triangles_uv;      /* (T,3); NULL without uv */
    float *uv;                  /* (U,2) v up; NULL without */
    uint8_t *part;              /* (T); all 0 where the model has none */
    int32_t *joint_parent;      /* (J) -1 for the root, parents first */
    const char **joint_name;    /* (J) */
    const char **expression_name; /* (NE) "expression_7" where the model has no names */
    float *joint_mean;          /* (J,3) joints of the template, */
    float *joint_identity;      /* (NI,J,3) and how */
    float *joint_expression;    /* (NE,J,3) shapes move them */
    jr2i_landmark_set landmark478, landmark68;
    float *albedo_mean;         /* (V,3) linear RGB; NULL without */
    jr2i_basis albedo;
    float eye_range[4];         /* degrees at eyeLook In, Out, Up, Down = 1; all 0: the eyes do not turn */
    int32_t left_eye, right_eye, jaw; /* joints, -1 where there is none of that name */
    jr2i_arkit_map arkit;
    char *text;                 /* memory of the names */
} jr2i_head;

/* Reads and checks every tensor. JR2_ERR_TOPOLOGY, _MISSING, _FORMAT (a wrong shape, index or value; the text names it), _NO_MEMORY.
 * The file may go afterwards. */
int32_t jr2i_head_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_head **head);
void jr2i_head_free(const jr2i_env *env, jr2i_head *head);

typedef struct jr2i_head_input {
    const float *identity;      /* (identity_count) at most the model's count; the rest is 0 */
    const float *expression;    /* (expression_count) */
    const float *joint_rotation; /* (joint_count,9) row-major, each relative to its parent; NULL: as below */
    int32_t identity_count, expression_count;
} jr2i_head_input;
/* Without joint_rotation the eyes turn as the eyeLook* expressions say and the other joints rest. */

/* Scratch floats that the functions below need, for any of them. */
size_t jr2i_head_scratch(const jr2i_head *head);

/* All functions: input must be finite (jr2i_head_check); scratch as above, aligned as jr2i_alloc aligns. Head space: the root joint
 * does not move unless joint_rotation turns it. */
int32_t jr2i_head_check(jr2i_env *env, const jr2i_head *head, const jr2i_head_input *input);
void jr2i_head_vertices(const jr2i_head *head, const jr2i_head_input *input, float *scratch, float *vertices /* (V,3) */);
/* The same for many expressions of one person: person (jr2i_head_person_length floats, aligned) is what the identity of input makes, and that of
 * jr2i_head_person_vertices must be the same. */
int32_t jr2i_head_person_length(const jr2i_head *head);
void jr2i_head_person(const jr2i_head *head, const jr2i_head_input *input, float *person);
void jr2i_head_person_vertices(const jr2i_head *head, const float *person, const jr2i_head_input *input, float *scratch, float *vertices);
/* Points (count,3) of a landmark set without evaluating the mesh; either may be NULL. */
void jr2i_head_landmarks(const jr2i_head *head, const jr2i_head_input *input, float *scratch, float *landmarks478,
                         float *landmarks68);
/* The same from vertices that are there already. root: rotation (9) of the root joint, NULL: none. */
void jr2i_head_landmarks_of(const jr2i_landmark_set *set, const float *vertices, const float *root, float *landmarks);
/* Area-weighted unit normals (V,3) of vertices (V,3). */
void jr2i_head_normals(const jr2i_head *head, const float *vertices, float *normals);
/* Where the joints (J,3) are in the rest pose. */
void jr2i_head_joints(const jr2i_head *head, const jr2i_head_input *input, float *joints);
/* Linear albedo (V,3), clamped to 0..1; coefficients may be NULL with count 0. 0.5 grey where the model has no albedo. */
void jr2i_head_albedo(const jr2i_head *head, const float *coefficients, int32_t count, float *scratch, float *albedo);

#endif
