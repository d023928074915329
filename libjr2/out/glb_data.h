/* SPDX-License-Identifier: MIT
 * The binary part of a GLB file while it is made: views of one buffer, and what the JSON part must know of them. */
#ifndef JR2I_GLB_DATA_H
#define JR2I_GLB_DATA_H

#include "out/bytes.h"
#include "out/face_view.h"

#define JR2I_GLB_METRES 0.01f /* a centimetre */
#define JR2I_GLB_TARGETS 512
#define JR2I_GLB_VIEWS (8 + 2 * JR2I_GLB_TARGETS)

typedef struct jr2i_glb_view {
    size_t offset, length;
    int32_t target; /* glTF's buffer target, 0: none */
} jr2i_glb_view;

typedef struct jr2i_glb_target {
    const char *name;
    float weight;
    int32_t count; /* vertices that move */
    int32_t index_view, value_view;
    float low[3], high[3];
} jr2i_glb_target;

typedef struct jr2i_glb {
    jr2i_env *env;
    const jr2i_face_view *face;
    const jr2i_head *head;
    jr2i_bytes data;
    jr2i_sink bin;
    int32_t view_count;
    jr2i_glb_view views[JR2I_GLB_VIEWS];
    jr2i_glb_target targets[JR2I_GLB_TARGETS];
    int32_t target_count, arkit;
    /* One glTF vertex for each pair of vertex and texture corner that a triangle uses. */
    int32_t count;
    int32_t *source, *source_uv; /* (count) */
    uint32_t *index;             /* (T,3) */
    float *neutral, *moved, *normals, *scratch, *expression;
    float low[3], high[3];
    float joints[3 * JR2I_HEAD_JOINTS_MAX];
} jr2i_glb;

/* A view of the buffer begins, at a multiple of 4; it ends and has a number. */
void jr2i_glb_begin_view(jr2i_glb *b);
int32_t jr2i_glb_end_view(jr2i_glb *b, int32_t buffer_target);
/* Puts indices, geometry, skin and targets of b->face into b->bin. Views: 0 indices, 1 positions, 2 normals, [3 texture places], joints,
 * weights, inverse bind matrices, then those of the targets. */
int32_t jr2i_glb_build(jr2i_glb *b);
void jr2i_glb_free(jr2i_glb *b); /* what build took, not b */

#endif
