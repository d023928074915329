/* SPDX-License-Identifier: MIT
 * The second step of looking at a face: eyes and mouth close up, through the expression network, and the head model fitted to the
 * landmarks that it measures. */
#include <math.h>

#include "face/closeup.h"
#include "face/fit.h"
#include "look.h"
#include "nn/net_expression.h"

#define CROP ((size_t)3 * JR2I_EXPRESSION_SIDE * JR2I_EXPRESSION_SIDE)

/* Where the network sees the landmarks; and memory of the fit behind it. */
struct jr2i_closer {
    float at[478 * 2], sigma[478]; /* from the closeups' middles, in sizes; then in pixels of the coarse network's crop */
    double fit[];
};

/* The network must have been made for a head model with as many shapes and for what this coarse network says. */
static int32_t check(jr2i_env *env, const jr2_model *model, const jr2i_workspace *ws)
{
    const jr2i_head *head = model->head;
    int32_t given, height, width, trunk = 0, takes = jr2i_net_input_channels(model->expression, JR2I_EXPRESSION_COARSE);
    int32_t coarse = jr2i_params_count(head), wanted = jr2i_params_closer_count(head);
    jr2i_net_output(model->expression, ws->expression, 0, &given, &height, &width);
    if (!model->fit)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the expression network needs a head model with 478 landmarks");
    if (given * height * width != wanted || takes != coarse)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the expression network takes %d numbers and gives %d, with this head model it must be %d and %d",
                         (int)takes, (int)(given * height * width), (int)coarse, (int)wanted);
    takes = jr2i_net_input_channels(model->expression, JR2I_EXPRESSION_TRUNK);
    if (jr2i_net_outputs(model->coarse) > 1)
        jr2i_net_output(model->coarse, ws->coarse, 1, &trunk, NULL, NULL);
    if (takes != trunk)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the expression network was trained on a coarse network whose third map has %d numbers, not %d",
                         (int)takes, (int)trunk);
    return JR2_OK;
}

int32_t jr2i_look_closer_prepare(jr2_ctx *ctx, jr2i_workspace *ws)
{
    jr2i_env *env = &ctx->env;
    if (!ctx->model->expression)
        return JR2_OK;
    int32_t status =
        jr2i_net_state_create(env, ctx->model->expression, JR2I_EXPRESSION_SIDE, JR2I_EXPRESSION_SIDE, ctx->threads, &ws->expression);
    if (status == JR2_OK)
        status = check(env, ctx->model, ws);
    if (status != JR2_OK)
        return status;
    const size_t bytes = sizeof *ws->closer + jr2i_fit_scratch(ctx->model->fit);
    if (!(ws->closeups = jr2i_alloc(env, JR2I_CLOSEUPS * CROP, sizeof(float))) || !(ws->closer = jr2i_alloc(env, bytes, 1)))
        return jr2i_no_memory(env, bytes + JR2I_CLOSEUPS * CROP * sizeof(float));
    return JR2_OK;
}

/* Landmarks and errors, in sizes of the face, to pixels of the coarse network's crop. */
static int32_t to_crop(const jr2_model *model, const jr2i_sight *sight, jr2i_closer *closer)
{
    float inverse[6];
    if (!jr2i_map_invert(sight->map, inverse))
        return 0;
    const float scale = sqrtf(fabsf(inverse[0] * inverse[4] - inverse[1] * inverse[3])) * sight->frame.size;
    jr2i_closeup_points(sight->landmarks478, &sight->frame, model->anchor, closer->at, 478, closer->at);
    jr2i_map_points(inverse, closer->at, 478, closer->at);
    for (int32_t i = 0; i < 478; i++)
        closer->sigma[i] *= scale;
    return 1;
}

int32_t jr2i_look_closer(jr2_ctx *ctx, const jr2i_view *view, jr2i_sight *sight)
{
    jr2i_workspace *ws = ctx->workspace;
    const jr2_model *model = ctx->model;
    const float *coarse = jr2i_net_output(model->coarse, ws->coarse, 0, NULL, NULL, NULL);
    const float *trunk = jr2i_net_output(model->coarse, ws->coarse, 1, NULL, NULL, NULL);
    const float *inputs[JR2I_EXPRESSION_INPUTS] = {ws->closeups, ws->closeups + CROP, ws->closeups + 2 * CROP, trunk, coarse};
    for (int32_t i = 0; i < JR2I_CLOSEUPS; i++)
        jr2i_closeup_take(view, sight->landmarks478, &sight->frame, i, JR2I_EXPRESSION_SIDE, ctx->pool, ws->closeups + (size_t)i * CROP);
    int32_t status = jr2i_net_run_inputs(&ctx->env, model->expression, ws->expression, ctx->pool, inputs);
    if (status != JR2_OK)
        return status;
    const float *numbers = jr2i_net_output(model->expression, ws->expression, 0, NULL, NULL, NULL);
    sight->usable = jr2i_params_closer(model->head, numbers, &sight->params, ws->closer->at, ws->closer->sigma) &&
                    to_crop(model, sight, ws->closer) &&
                    jr2i_fit_run(model->fit, ws->closer->at, ws->closer->sigma, ws->closer->fit, &sight->params);
    return JR2_OK;
}
