/* SPDX-License-Identifier: MIT
 * What the coarse network says about a face: its output vector, read into named numbers. The vector's layout is part of the topology
 * "jr2.coarse.1" (docs/head-model.md). */
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
} jr2i_params;

/* How many numbers a coarse network for this head model puts out; -1 where the model is larger than jr2i_params. */
int32_t jr2i_params_count(const jr2i_head *head);
/* numbers: identity, expression, rotation (6), log scale, centre (2), light (27), albedo, log error. Returns 0 where they are not
 * finite or make no pose, else 1. */
int32_t jr2i_params_from_network(const jr2i_head *head, const float *numbers, jr2i_params *params);

#endif
