/* SPDX-License-Identifier: MIT
 * The steps of a reconstruction by themselves, for jr2_reconstruct and the tracker: find, and look at one face. They use the ctx's
 * workspace. */
#ifndef JR2I_LOOK_H
#define JR2I_LOOK_H

#include "face/find.h"
#include "face/params.h"
#include "handles.h"
#include "image/view.h"

#define JR2I_LOOK_MAX 256 /* faces */

typedef struct jr2i_sight {
    jr2i_params params;
    float map[6];       /* crop to image of the last look */
    jr2i_frame frame;   /* of the landmarks */
    int32_t usable;     /* 0: the numbers make no face, the rest is undefined */
    float landmarks478[478 * 2], landmarks68[68 * 2]; /* px; those that the head model has */
} jr2i_sight;

typedef struct jr2i_closer jr2i_closer;

/* Scratch of a ctx, made by the first call and kept. */
struct jr2i_workspace {
    jr2i_finder *finder; /* NULL where the model has none */
    jr2i_net_state *coarse;
    float *crop;                                /* the network's input */
    jr2i_net_state *expression;                 /* all three NULL where the model has none */
    float *closeups;                            /* its input */
    jr2i_closer *closer;                        /* look_closer.c */
    float *scratch;                             /* of the head model */
    float points478[478 * 3], points68[68 * 3]; /* cm, head space: of the last look */
    jr2i_found found[JR2I_LOOK_MAX];            /* for jr2_reconstruct */
    jr2i_sight sight;
};

/* The parts are there and the workspace is made. JR2_ERR_MISSING, _FORMAT, _NO_MEMORY. */
int32_t jr2i_look_prepare(jr2_ctx *ctx);
/* Best score first; min_score 0..1; side: a multiple of 32; thorough: as in jr2_reconstruct_options. */
int32_t jr2i_look_find(jr2_ctx *ctx, const jr2i_view *view, int32_t side, int32_t thorough, float min_score, int32_t max,
                       jr2i_found *found, int32_t *count);
/* source: JR2_EXPRESSION_*. */
int32_t jr2i_look_at(jr2_ctx *ctx, const jr2i_view *view, const jr2i_frame *frame, int32_t passes, int32_t source, jr2i_sight *sight);
int32_t jr2i_all_finite(const float *values, int32_t count);
float *jr2i_look_scratch(const jr2_ctx *ctx); /* of the head model */

/* look_closer.c: makes room where the model has an expression network; what was made is freed with the workspace in any case. */
int32_t jr2i_look_closer_prepare(jr2_ctx *ctx, jr2i_workspace *ws);
/* Corrects the parameters of a sight with landmarks by that network; they must be what the coarse network said last. */
int32_t jr2i_look_closer(jr2_ctx *ctx, const jr2i_view *view, jr2i_sight *sight);

#endif
