/* SPDX-License-Identifier: MIT
 * Wires the face finder: a small residual backbone, two merges from coarse to fine, and a head of six values a cell at three
 * strides. The names are those of training/find/model.py with the batch norms folded. */
#include "nn/net_find.h"

#include <stdio.h>

#define BLOCKS_MAX 16

/* Level i of the backbone: a stride-2 convolution, then as many residual blocks as the file holds. */
static int32_t stage(jr2i_graph *g, const jr2i_jr2w *file, int32_t x, int32_t i)
{
    char name[64];
    snprintf(name, sizeof name, "down.%d", (int)i);
    x = jr2i_graph_conv(g, x, name, 2, JR2I_ACT_RELU, -1);
    for (int32_t j = 0; j < BLOCKS_MAX; j++) {
        snprintf(name, sizeof name, "blocks.%d.%d.conv1.weight", (int)i, (int)j);
        if (!jr2i_jr2w_find(file, name))
            break;
        snprintf(name, sizeof name, "blocks.%d.%d.conv1", (int)i, (int)j);
        int32_t inner = jr2i_graph_conv(g, x, name, 1, JR2I_ACT_RELU, -1);
        snprintf(name, sizeof name, "blocks.%d.%d.conv2", (int)i, (int)j);
        x = jr2i_graph_conv(g, inner, name, 1, JR2I_ACT_RELU, x);
    }
    return x;
}

/* fine = merge(relu(side(fine) + upsample(top(coarse)))) */
static int32_t merge(jr2i_graph *g, int32_t fine, int32_t coarse, int32_t i)
{
    char name[64];
    snprintf(name, sizeof name, "top.%d", (int)i);
    int32_t up = jr2i_graph_upsample2(g, jr2i_graph_conv(g, coarse, name, 1, JR2I_ACT_NONE, -1));
    snprintf(name, sizeof name, "side.%d", (int)i);
    fine = jr2i_graph_conv(g, fine, name, 1, JR2I_ACT_RELU, up);
    snprintf(name, sizeof name, "merge.%d", (int)i);
    return jr2i_graph_conv(g, fine, name, 1, JR2I_ACT_RELU, -1);
}

int32_t jr2i_net_find_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    int32_t level[JR2I_FIND_LEVELS];
    *out = NULL;
    int32_t status = jr2i_jr2w_expect(env, file, JR2I_FIND_TOPOLOGY);
    if (status != JR2_OK || (status = jr2i_graph_create(env, file, &g)) != JR2_OK)
        return status;
    int32_t x = jr2i_graph_input(g, 3, 256, JR2I_FIND_SIDE);
    x = jr2i_graph_conv(g, x, "stem", 2, JR2I_ACT_RELU, -1);
    x = jr2i_graph_conv(g, x, "s1", 2, JR2I_ACT_RELU, -1);
    for (int32_t i = 0; i < JR2I_FIND_LEVELS; i++)
        level[i] = x = stage(g, file, x, i);
    for (int32_t i = JR2I_FIND_LEVELS - 2; i >= 0; i--)
        level[i] = merge(g, level[i], level[i + 1], i);
    for (int32_t i = 0; i < JR2I_FIND_LEVELS; i++) {
        char name[16];
        snprintf(name, sizeof name, "head.%d", (int)i);
        int32_t head = jr2i_graph_conv(g, level[i], name, 1, JR2I_ACT_NONE, -1);
        if (head >= 0 && jr2i_graph_channels(g, head) != JR2I_FIND_VALUES) {
            status = jr2i_fail(env, JR2_ERR_FORMAT, "%s has %d outputs, not %d", name, (int)jr2i_graph_channels(g, head),
                               JR2I_FIND_VALUES);
            jr2i_graph_abandon(env, g);
            return status;
        }
        jr2i_graph_output(g, head);
    }
    return jr2i_graph_finish(env, g, out);
}
