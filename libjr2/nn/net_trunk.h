/* SPDX-License-Identifier: MIT
 * The convolutional trunk that the coarse network has once and the expression network three times: a picture to a short vector. */
#ifndef JR2I_NET_TRUNK_H
#define JR2I_NET_TRUNK_H

#include "nn/graph.h"

/* Appends it behind the input `x` and returns the flattened map: "stem" 3x3 stride 2, stages of "s<i>.down" 3x3 stride 2 and residual
 * blocks "s<i>.b<j>.conv1", ".conv2", "neck" 1x1, each with ReLU. How many there are follows from the file. prefix: in front of
 * every name, at most 15 characters. third: receives the map behind the third stage, or -1; NULL is fine. */
int32_t jr2i_net_trunk(jr2i_graph *g, const jr2i_jr2w *file, const char *prefix, int32_t x, int32_t *third);

#endif
