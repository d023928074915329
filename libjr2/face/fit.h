/* SPDX-License-Identifier: MIT
 * Fits the head model to the landmarks that the expression network measured: the most probable expression and pose in the face
 * camera, by a few bounded Gauss-Newton steps. */
#ifndef JR2I_FIT_H
#define JR2I_FIT_H

#include "face/head.h"
#include "face/params.h"

#define JR2I_FIT_POINTS 468 /* of the 478: the eyes turn, the irises with them; the network says how */

typedef struct jr2i_fit jr2i_fit; /* how shapes move the landmarks; immutable */

/* The head needs 478 landmarks and no more shapes than jr2i_params holds. */
int32_t jr2i_fit_create(jr2i_env *env, const jr2i_head *head, jr2i_fit **out);
void jr2i_fit_free(const jr2i_env *env, jr2i_fit *fit); /* NULL is fine */

/* Bytes that jr2i_fit_run needs, aligned for a double. */
size_t jr2i_fit_scratch(const jr2i_fit *fit);

/* points (468,2): px of params->camera. sigma (468): px, the expected error of each. params: the identity, the pose to start from, the
 * expression and its expression_error, to which the fit keeps as far as the points allow; receives expression and camera. Returns 0 and
 * leaves params alone where there is no finite answer. */
int32_t jr2i_fit_run(const jr2i_fit *fit, const float *points, const float *sigma, void *scratch, jr2i_params *params);

#endif
