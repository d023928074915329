/* SPDX-License-Identifier: MIT
 * The parameters of one face as the coarse network gives them, in units. */
#ifndef JR2I_PARAMS_H
#define JR2I_PARAMS_H

#include "face/camera.h"
#include "face/head.h"
#include "nn/net_coarse.h"

typedef struct jr2i_params {
    float identity[JR2I_COARSE_IDENTITY];     /* unit variance */
    float expression[JR2I_COARSE_EXPRESSION]; /* 0..1 */
    float light[JR2I_COARSE_LIGHT];           /* as in render/shade.h */
    float albedo[JR2I_COARSE_ALBEDO];         /* unit variance */
    jr2i_face_camera camera;                  /* pixels of the crop */
    float error; /* what the network expects its landmarks to be off by, mean, in outer-eye distances; > 0 */
} jr2i_params;

/* The head model and the network must have the same identities, expressions and albedos: JR2_ERR_FORMAT. */
int32_t jr2i_params_fit(jr2i_env *env, const jr2i_head *head);

/* numbers (JR2I_COARSE_OUTPUT): the network's output. Returns 1, or 0 where it is not finite or describes no face. */
int32_t jr2i_params_from_network(const float *numbers, jr2i_params *params);

#endif
