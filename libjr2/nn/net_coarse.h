/* SPDX-License-Identifier: MIT
 * The coarse reconstruction network (topology "jr2.coarse.1"): a 128 x 128 crop to the parameters of a head. What the numbers
 * mean is in face/params.h. */
#ifndef JR2I_NET_COARSE_H
#define JR2I_NET_COARSE_H

#include "nn/graph.h"

#define JR2I_COARSE_TOPOLOGY "jr2.coarse.1"
#define JR2I_COARSE_SIDE 128 /* px: height and width of the input */

/* Builds it over an open file; the file may be closed afterwards. Widths, depths and the length of the output vector follow from the
 * tensors. Output 0 is that vector; output 1, of a network with three stages or more, the map behind the third one, 2x2 max pooled and
 * flattened, which the expression network takes. JR2_ERR_TOPOLOGY, JR2_ERR_MISSING, JR2_ERR_FORMAT, JR2_ERR_NO_MEMORY. */
int32_t jr2i_net_coarse_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out);

#endif
