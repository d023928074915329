/* SPDX-License-Identifier: MIT
 * Stem, stages, neck. The names are those of training/coarse/network.py with the batch norms folded. */
#include "nn/net_trunk.h"

#include <stdio.h>

#define STAGES_MAX 5 /* stem and five stages: 128 px become 2 */
#define BLOCKS_MAX 32

static int32_t has(const jr2i_jr2w *file, const char *name)
{
    char full[72];
    snprintf(full, sizeof full, "%s.weight", name);
    return jr2i_jr2w_find(file, full) != NULL;
}

static int32_t stage(jr2i_graph *g, const jr2i_jr2w *file, const char *prefix, int32_t x, int32_t i)
{
    char name[64];
    snprintf(name, sizeof name, "%.15ss%d.down", prefix, (int)i);
    x = jr2i_graph_conv(g, x, name, 2, JR2I_ACT_RELU, -1);
    for (int32_t j = 0; j < BLOCKS_MAX; j++) {
        snprintf(name, sizeof name, "%.15ss%d.b%d.conv1", prefix, (int)i, (int)j);
        if (!has(file, name))
            break;
        int32_t inner = jr2i_graph_conv(g, x, name, 1, JR2I_ACT_RELU, -1);
        snprintf(name, sizeof name, "%.15ss%d.b%d.conv2", prefix, (int)i, (int)j);
        x = jr2i_graph_conv(g, inner, name, 1, JR2I_ACT_RELU, x);
    }
    return x;
}

int32_t jr2i_net_trunk(jr2i_graph *g, const jr2i_jr2w *file, const char *prefix, int32_t x, int32_t *third)
{
    char name[64];
    if (third)
        *third = -1;
    snprintf(name, sizeof name, "%.15sstem", prefix);
    x = jr2i_graph_conv(g, x, name, 2, JR2I_ACT_RELU, -1);
    for (int32_t i = 0; i < STAGES_MAX; i++) {
        snprintf(name, sizeof name, "%.15ss%d.down", prefix, (int)i);
        if (!has(file, name))
            break;
        x = stage(g, file, prefix, x, i);
        if (third && i == 2)
            *third = x;
    }
    snprintf(name, sizeof name, "%.15sneck", prefix);
    x = jr2i_graph_conv(g, x, name, 1, JR2I_ACT_RELU, -1);
    return jr2i_graph_flatten(g, x);
}
