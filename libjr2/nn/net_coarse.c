/* SPDX-License-Identifier: MIT
 * Wires the coarse network: stem, stages of a stride-2 convolution and residual blocks, a 1x1 neck, and two linear layers over the
 * flattened map. The names are those of training/coarse/network.py with the batch norms folded. */
#include "nn/net_coarse.h"

#include <stdio.h>

#define STAGES_MAX 5 /* stem and five stages: 128 px become 2 */
#define BLOCKS_MAX 32

static int32_t has(const jr2i_jr2w *file, const char *format, int32_t i, int32_t j)
{
    char name[64];
    snprintf(name, sizeof name, format, (int)i, (int)j);
    return jr2i_jr2w_find(file, name) != NULL;
}

static int32_t stage(jr2i_graph *g, const jr2i_jr2w *file, int32_t x, int32_t i)
{
    char name[64];
    snprintf(name, sizeof name, "s%d.down", (int)i);
    x = jr2i_graph_conv(g, x, name, 2, JR2I_ACT_RELU, -1);
    for (int32_t j = 0; j < BLOCKS_MAX && has(file, "s%d.b%d.conv1.weight", i, j); j++) {
        snprintf(name, sizeof name, "s%d.b%d.conv1", (int)i, (int)j);
        int32_t inner = jr2i_graph_conv(g, x, name, 1, JR2I_ACT_RELU, -1);
        snprintf(name, sizeof name, "s%d.b%d.conv2", (int)i, (int)j);
        x = jr2i_graph_conv(g, inner, name, 1, JR2I_ACT_RELU, x);
    }
    return x;
}

int32_t jr2i_net_coarse_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    *out = NULL;
    int32_t status = jr2i_jr2w_expect(env, file, JR2I_COARSE_TOPOLOGY);
    if (status != JR2_OK || (status = jr2i_graph_create(env, file, &g)) != JR2_OK)
        return status;
    int32_t x = jr2i_graph_input(g, 3, JR2I_COARSE_SIDE, JR2I_COARSE_SIDE);
    x = jr2i_graph_conv(g, x, "stem", 2, JR2I_ACT_RELU, -1);
    for (int32_t i = 0; i < STAGES_MAX && has(file, "s%d.down.weight", i, 0); i++)
        x = stage(g, file, x, i);
    x = jr2i_graph_conv(g, x, "neck", 1, JR2I_ACT_RELU, -1);
    x = jr2i_graph_flatten(g, x);
    x = jr2i_graph_linear(g, x, "fc1", JR2I_ACT_RELU);
    x = jr2i_graph_linear(g, x, "fc2", JR2I_ACT_NONE);
    jr2i_graph_output(g, x);
    return jr2i_graph_finish(env, g, out);
}
