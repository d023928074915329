/* SPDX-License-Identifier: MIT
 * What the networks say about a face: their output vectors, read into named numbers. The vectors' layouts are part of the topologies
 * "jr2.coarse.1" and "jr2.expression.1" (docs/crop.md). */
#ifndef JR2I_PARAMS_H
#define JR2I_PARAMS_H

#include "face/camera.h"
#include "face/head.h"

#define JR2I_PARAMS_IDENTITY_MAX 512
#define JR2I_PARAMS_EXPRESSION_MAX 256
#define JR2I_PARAMS_ALBEDO_MAX 128
#define JR2I_PARAMS_SCALE 4.7f /* px of the 128 px crop per cm that an output of 0 stands for */

typedef struct jr2i_params {
    float identity[JR2I_PARAMS_IDENTITY_MAX];
    float expression[JR2I_PARAMS_EXPRESSION_MAX]; /* 0..1 */
    float albedo[JR2I_PARAMS_ALBEDO_MAX];
    float light[27];
    float error;             /* the network's own guess of its landmarks' mean error / outer-eye distance */
    jr2i_face_camera camera; /* pixels of the crop */
    int32_t corrected;       /* expression is the expression network's; else expression_error is undefined */
    float expression_error[JR2I_PARAMS_EXPRESSION_MAX]; /* its guess of each coefficient's absolute error, 0..1 */
} jr2i_params;

/* How many numbers a coarse network for this head model puts out; -1 where the model is larger than jr2i_params. */
int32_t jr2i_params_count(const jr2i_head *head);
/* numbers: identity, expression, rotation (6), log scale, centre (2), light (27), albedo, log error. Returns 0 where they are not
 * finite or make no pose, else 1. */
int32_t jr2i_params_from_network(const jr2i_head *head, const float *numbers, jr2i_params *params);
/* The same of an expression network: expression, which replaces the coarse one; log of its error; 478 landmarks (x, y) from the middles of
 * the closeups they belong to (closeup.h), in tenths of the face's size and in its axes; log of each one's error; identity. Returns 0 where they are
 * not finite. points (478,2) and errors (478) receive the landmarks, in sizes. */
int32_t jr2i_params_closer_count(const jr2i_head *head);
int32_t jr2i_params_closer(const jr2i_head *head, const float *numbers, jr2i_params *params, float *points, float *errors);

#endif
