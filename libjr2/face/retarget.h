/* SPDX-License-Identifier: MIT
 * Retargeting: from a driver's pose and expression to what a portrait of another person is to show. Numbers only, no pictures. */
#ifndef JR2I_RETARGET_H
#define JR2I_RETARGET_H

#include "face/head.h"
#include "face/params.h"

/* Where a head is and what its face does. */
typedef struct jr2i_act {
    float rotation[9];    /* head to the axes of the face camera: what is left of the rotation when the head is looked at straight */
    float translation[3]; /* cm, image camera; all 0: unknown */
    float expression[JR2I_PARAMS_EXPRESSION_MAX];
} jr2i_act;

typedef struct jr2i_retarget {
    int32_t absolute;
    float expression_gain, pose_gain, eye_lock, lip_lock;
    float limit[3];    /* yaw, pitch, roll in radians away from the portrait; 0: none */
    float limit_shift; /* cm sideways; 0: none */
    float angles[3];   /* added, radians */
    const float *edit; /* (expression_count) or NULL: added */
    const float *set;  /* (expression_count) or NULL: numbers from 0 on stand for what came out */
} jr2i_retarget;

/* reference may be NULL (relative motion only). */
void jr2i_retarget_apply(const jr2i_head *head, const jr2i_retarget *how, const jr2i_act *portrait, const jr2i_act *driver,
                         const jr2i_act *reference, jr2i_act *out);

/* x up to two thirds of the limit, then ever slower towards it; limit 0: x. */
float jr2i_soft_limit(float x, float limit);

/* eyeLook* coefficients for a gaze (4) in degrees, as jr2i_gaze_from_arkit reads them, if all of them are 0. */
void jr2i_gaze_to_expression(const jr2i_head *head, const float gaze[4], float *expression);

#endif
