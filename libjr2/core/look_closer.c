/* SPDX-License-Identifier: MIT
 * The second step of looking at a face: eyes and mouth close up, through the expression network, which replaces what the coarse
 * network said of the expression. */
#include "face/closeup.h"
#include "look.h"
#include "nn/net_expression.h"

#define CROP ((size_t)3 * JR2I_EXPRESSION_SIDE * JR2I_EXPRESSION_SIDE)

/* The network must have been made for a head model with as many shapes and for what this coarse network says. */
static int32_t check(jr2i_env *env, const jr2_model *model, const jr2i_net_state *state)
{
    const jr2i_head *head = model->head;
    int32_t given, height, width, takes = jr2i_net_input_channels(model->expression, JR2I_EXPRESSION_COARSE);
    int32_t coarse = jr2i_params_count(head), wanted = jr2i_params_closer_count(head);
    jr2i_net_output(model->expression, state, 0, &given, &height, &width);
    if (head->landmark478.count != 478)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the expression network needs a head model with 478 landmarks");
    if (given * height * width != wanted || takes != coarse)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the expression network takes %d numbers and gives %d, with this head model it must be %d and %d",
                         (int)takes, (int)(given * height * width), (int)coarse, (int)wanted);
    return JR2_OK;
}

int32_t jr2i_look_closer_prepare(jr2_ctx *ctx, jr2i_workspace *ws)
{
    jr2i_env *env = &ctx->env;
    if (!ctx->model->expression)
        return JR2_OK;
    if (!(ws->closeups = jr2i_alloc(env, JR2I_CLOSEUPS * CROP, sizeof(float))))
        return jr2i_no_memory(env, JR2I_CLOSEUPS * CROP * sizeof(float));
    int32_t status =
        jr2i_net_state_create(env, ctx->model->expression, JR2I_EXPRESSION_SIDE, JR2I_EXPRESSION_SIDE, ctx->threads, &ws->expression);
    return status == JR2_OK ? check(env, ctx->model, ws->expression) : status;
}

int32_t jr2i_look_closer(jr2_ctx *ctx, const jr2i_view *view, const float *coarse, jr2i_sight *sight)
{
    jr2i_workspace *ws = ctx->workspace;
    const float *inputs[JR2I_EXPRESSION_INPUTS] = {ws->closeups, ws->closeups + CROP, ws->closeups + 2 * CROP, coarse};
    for (int32_t i = 0; i < JR2I_CLOSEUPS; i++)
        jr2i_closeup_take(view, sight->landmarks478, &sight->frame, i, JR2I_EXPRESSION_SIDE, ws->closeups + (size_t)i * CROP);
    int32_t status = jr2i_net_run_inputs(&ctx->env, ctx->model->expression, ws->expression, ctx->pool, inputs);
    if (status != JR2_OK)
        return status;
    const float *numbers = jr2i_net_output(ctx->model->expression, ws->expression, 0, NULL, NULL, NULL);
    sight->usable = jr2i_params_correct(ctx->model->head, numbers, &sight->params);
    return JR2_OK;
}
