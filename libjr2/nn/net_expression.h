/* SPDX-License-Identifier: MIT
 * The expression network (topology "jr2.expression.1"): close crops of both eyes and the mouth, and what the coarse network said, to a
 * better expression and better landmarks. What the numbers mean is in face/params.h, where the crops lie in face/closeup.h. */
#ifndef JR2I_NET_EXPRESSION_H
#define JR2I_NET_EXPRESSION_H

#include "nn/graph.h"

#define JR2I_EXPRESSION_TOPOLOGY "jr2.expression.1"
#define JR2I_EXPRESSION_SIDE 64  /* px: height and width of the crops */
#define JR2I_EXPRESSION_INPUTS 5 /* right eye, left eye (mirrored), mouth: (3, 64, 64); the coarse network's outputs 1 and 0 */
#define JR2I_EXPRESSION_TRUNK 3  /* the numbers of the last two */
#define JR2I_EXPRESSION_COARSE 4

/* Builds it over an open file; the file may be closed afterwards. Widths, depths and the lengths of the input and the output vector
 * follow from the tensors. JR2_ERR_TOPOLOGY, JR2_ERR_MISSING, JR2_ERR_FORMAT, JR2_ERR_NO_MEMORY. */
int32_t jr2i_net_expression_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out);

#endif
