/* SPDX-License-Identifier: MIT
 * What is behind the public handles. Only core/ sees this. */
#ifndef JR2I_HANDLES_H
#define JR2I_HANDLES_H

#include <stdatomic.h>

#include "base/env.h"
#include "base/threads.h"
#include "face/fit.h"
#include "face/head.h"
#include "jr2/jr2.h"
#include "nn/graph.h"
#include "nn/net_reenact.h"
#include "out/face_view.h"

struct jr2_model {
    jr2i_env env; /* the allocator of the model; written by creation and release alone */
    atomic_int owners;
    jr2i_head *head; /* each of the parts may be NULL */
    jr2i_net *find;
    jr2i_net *coarse;
    jr2i_net *expression;
    uint8_t *anchor; /* (478) of the expression network's landmarks: JR2I_CLOSEUP_* */
    jr2i_fit *fit;   /* for its landmarks; NULL where head or network are missing */
    jr2i_net_reenact *reenact;
};

typedef struct jr2i_workspace jr2i_workspace; /* look.h */

struct jr2_ctx {
    jr2i_env env;
    jr2_model *model;
    jr2i_pool *pool; /* NULL: one thread */
    int32_t threads;
    jr2i_workspace *workspace; /* made by the first reconstruction */
    float *head_scratch;       /* made by the first evaluation */
};

struct jr2_face {
    jr2i_face_view view; /* first and only: an array of faces is an array of views */
};

struct jr2_result {
    jr2i_env env; /* allocator of the ctx that made it */
    jr2_model *model;
    int32_t width, height;
    int32_t count;
    jr2_face *faces; /* (count), in the block of the result, as all their arrays but the textures */
};

/* model.c: takes the part over into the model by its topology. */
int32_t jr2i_model_add(jr2i_env *env, jr2_model *model, const jr2i_jr2w *file, const char *name);
/* search.c: calls try for each folder where the weights may be, until it returns non-zero. */
void jr2i_search_weights(int32_t (*try_folder)(void *user, const char *folder), void *user);
/* look.c */
void jr2i_workspace_free(const jr2i_env *env, jr2i_workspace *workspace);
/* result.c: room for count faces of the model, all zero, one block; mesh 0: vertices and normals are NULL. */
int32_t jr2i_result_create(jr2_ctx *ctx, int32_t width, int32_t height, int32_t count, int32_t mesh, jr2_result **result);
jr2i_scene_view jr2i_result_scene(const jr2_result *result);

/* hooks.c: checks of arguments that every entry shares. */
int32_t jr2i_check_struct(jr2i_env *env, uint32_t given, size_t known, const char *name);
/* A printf-style line for the caller's log hook; nothing without one. */
void jr2i_log(const jr2i_env *env, int32_t level, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
void jr2i_copy_text(char *to, size_t size, const char *text); /* NULL or size 0: nothing */

#endif
