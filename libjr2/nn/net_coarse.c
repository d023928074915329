/* SPDX-License-Identifier: MIT
 * Wires the coarse network: a trunk and two linear layers over its flattened map. The names are those of training/coarse/network.py
 * with the batch norms folded. */
#include "nn/net_coarse.h"

#include "nn/net_trunk.h"

int32_t jr2i_net_coarse_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    *out = NULL;
    int32_t status = jr2i_jr2w_expect(env, file, JR2I_COARSE_TOPOLOGY);
    if (status != JR2_OK || (status = jr2i_graph_create(env, file, &g)) != JR2_OK)
        return status;
    int32_t third, x = jr2i_net_trunk(g, file, "", jr2i_graph_input(g, 3, JR2I_COARSE_SIDE, JR2I_COARSE_SIDE), &third);
    x = jr2i_graph_linear(g, x, "fc1", JR2I_ACT_RELU);
    x = jr2i_graph_linear(g, x, "fc2", JR2I_ACT_NONE);
    jr2i_graph_output(g, x);
    if (third >= 0)
        jr2i_graph_output(g, jr2i_graph_flatten(g, jr2i_graph_max_pool2(g, third)));
    return jr2i_graph_finish(env, g, out);
}
