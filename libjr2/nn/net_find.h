/* SPDX-License-Identifier: MIT
 * The face finder's network (topology "jr2.find.1"). What its numbers mean is in face/find.c. */
#ifndef JR2I_NET_FIND_H
#define JR2I_NET_FIND_H

#include "nn/graph.h"

#define JR2I_FIND_TOPOLOGY "jr2.find.1"
#define JR2I_FIND_SIDE 320   /* px: the longer side of the picture it is made for */
#define JR2I_FIND_LEVELS 3   /* outputs 0, 1, 2: maps (JR2I_FIND_VALUES, H/stride, W/stride) at strides 8, 16, 32 */
#define JR2I_FIND_STRIDE 8   /* of level 0; each further level doubles it */
#define JR2I_FIND_VALUES 6   /* score (logit), dx, dy, size, cos, sin */
#define JR2I_FIND_MULTIPLE 32 /* height and width of the input are multiples of this */

/* Builds it over an open file; the file may be closed afterwards. JR2_ERR_TOPOLOGY, JR2_ERR_MISSING, JR2_ERR_FORMAT,
 * JR2_ERR_NO_MEMORY. */
int32_t jr2i_net_find_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out);

#endif
