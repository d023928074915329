/* SPDX-License-Identifier: MIT
 * Wires the expression network: a trunk for each eye, with the same weights, one for the mouth, and linear layers over what they and the
 * coarse network saw. The names are those of training/expression/expression_network.py with the batch norms folded. */
#include "nn/net_expression.h"

#include "nn/net_trunk.h"

#define SIDE JR2I_EXPRESSION_SIDE

static int32_t branch(jr2i_graph *g, const jr2i_jr2w *file, const char *prefix, const char *last)
{
    int32_t x = jr2i_net_trunk(g, file, prefix, jr2i_graph_input(g, 3, SIDE, SIDE), NULL);
    return jr2i_graph_linear(g, x, last, JR2I_ACT_RELU);
}

int32_t jr2i_net_expression_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net **out)
{
    jr2i_graph *g;
    *out = NULL;
    int32_t status = jr2i_jr2w_expect(env, file, JR2I_EXPRESSION_TOPOLOGY);
    if (status != JR2_OK || (status = jr2i_graph_create(env, file, &g)) != JR2_OK)
        return status;
    int32_t right = branch(g, file, "eye.", "eye.fc"), left = branch(g, file, "eye.", "eye.fc");
    int32_t x = jr2i_graph_concat(g, jr2i_graph_concat(g, right, left), branch(g, file, "mouth.", "mouth.fc"));
    const jr2i_tensor_info *seen = jr2i_jr2w_find(file, "trunk.fc.weight");
    if (!seen || seen->ndim != 2 || seen->dims[1] < 1) {
        jr2i_graph_abandon(env, g);
        return seen ? jr2i_fail(env, JR2_ERR_FORMAT, "%s: trunk.fc.weight is no matrix", JR2I_EXPRESSION_TOPOLOGY)
                    : jr2i_fail(env, JR2_ERR_MISSING, "%s has no trunk.fc.weight", JR2I_EXPRESSION_TOPOLOGY);
    }
    x = jr2i_graph_concat(g, x, jr2i_graph_linear(g, jr2i_graph_input_vector(g, seen->dims[1]), "trunk.fc", JR2I_ACT_RELU));
    /* What fc1 takes beyond the branches is the coarse network's. */
    const jr2i_tensor_info *fc1 = jr2i_jr2w_find(file, "fc1.weight");
    int32_t coarse = fc1 && fc1->ndim == 2 ? fc1->dims[1] - jr2i_graph_channels(g, x) : 0;
    if (x >= 0 && coarse < 1) {
        jr2i_graph_abandon(env, g);
        return fc1 ? jr2i_fail(env, JR2_ERR_FORMAT, "%s: fc1 leaves no room for the coarse numbers", JR2I_EXPRESSION_TOPOLOGY)
                   : jr2i_fail(env, JR2_ERR_MISSING, "%s has no fc1.weight", JR2I_EXPRESSION_TOPOLOGY);
    }
    x = jr2i_graph_concat(g, x, jr2i_graph_input_vector(g, coarse));
    x = jr2i_graph_linear(g, x, "fc1", JR2I_ACT_RELU);
    x = jr2i_graph_linear(g, x, "fc2", JR2I_ACT_NONE);
    jr2i_graph_output(g, x);
    return jr2i_graph_finish(env, g, out);
}
