/* SPDX-License-Identifier: MIT
 * Looking at one face: crop, network, landmarks, and again with the better crop; and the scratch memory of it. */
#include "look.h"

#include <math.h>

#include "face/pose.h"
#include "image/warp.h"
#include "nn/net_coarse.h"

/* The narrower half of the training's crops have standard deviations of 0.03, 0.06 and 0.1. */
#define SAME_PLACE 0.05f /* sizes */
#define SAME_SIZE 0.06f  /* of the ratio's logarithm */
#define SAME_ROLL 0.1f   /* radians */

void jr2i_workspace_free(const jr2i_env *env, jr2i_workspace *ws)
{
    if (!ws)
        return;
    jr2i_finder_free(env, ws->finder);
    jr2i_net_state_free(env, ws->coarse);
    jr2i_net_state_free(env, ws->expression);
    jr2i_free(env, ws->crop);
    jr2i_free(env, ws->closeups);
    jr2i_free(env, ws->closer);
    jr2i_free(env, ws->scratch);
    jr2i_free(env, ws);
}

/* The network must have been made for a head model with as many shapes. */
static int32_t check_output(jr2i_env *env, const jr2_model *model, const jr2i_net_state *state)
{
    int32_t numbers, height, width, wanted = jr2i_params_count(model->head);
    jr2i_net_output(model->coarse, state, 0, &numbers, &height, &width);
    if (numbers * height * width == wanted)
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_FORMAT, "the reconstruction network gives %d numbers, this head model takes %d", (int)numbers, (int)wanted);
}

static int32_t make_workspace(jr2_ctx *ctx)
{
    jr2i_env *env = &ctx->env;
    const size_t crop = (size_t)3 * JR2I_COARSE_SIDE * JR2I_COARSE_SIDE, scratch = jr2i_head_scratch(ctx->model->head);
    if (ctx->workspace)
        return JR2_OK;
    int32_t status = JR2_OK;
    jr2i_workspace *ws = jr2i_calloc(env, 1, sizeof *ws);
    if (!ws)
        return jr2i_no_memory(env, sizeof *ws);
    if (!(ws->crop = jr2i_alloc(env, crop, sizeof(float))))
        status = jr2i_no_memory(env, crop * sizeof(float));
    else if (!(ws->scratch = jr2i_alloc(env, scratch, sizeof(float))))
        status = jr2i_no_memory(env, scratch * sizeof(float));
    if (status == JR2_OK)
        status = jr2i_net_state_create(env, ctx->model->coarse, JR2I_COARSE_SIDE, JR2I_COARSE_SIDE, ctx->threads, &ws->coarse);
    if (status == JR2_OK)
        status = check_output(env, ctx->model, ws->coarse);
    if (status == JR2_OK)
        status = jr2i_look_closer_prepare(ctx, ws);
    if (status == JR2_OK && ctx->model->find)
        status = jr2i_finder_create(env, ctx->model->find, ctx->threads, &ws->finder);
    if (status != JR2_OK) {
        jr2i_workspace_free(env, ws);
        return status;
    }
    ctx->workspace = ws;
    return JR2_OK;
}

static int32_t need_parts(jr2_ctx *ctx)
{
    if (!ctx->model->head)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no head (head.jr2w)");
    if (!ctx->model->coarse)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no reconstruction network (coarse.jr2w)");
    return JR2_OK;
}

int32_t jr2i_look_prepare(jr2_ctx *ctx)
{
    int32_t status = need_parts(ctx);
    return status == JR2_OK ? make_workspace(ctx) : status;
}

int32_t jr2i_look_find(jr2_ctx *ctx, const jr2i_view *view, int32_t side, int32_t thorough, float min_score, int32_t max,
                       jr2i_found *found, int32_t *count)
{
    *count = 0;
    if (!ctx->workspace->finder)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no finder (find.jr2w): give regions");
    jr2i_finder_set_retry(ctx->workspace->finder, thorough);
    int32_t status = jr2i_finder_set_side(&ctx->env, ctx->workspace->finder, side);
    if (status == JR2_OK)
        status = jr2i_finder_run(&ctx->env, ctx->workspace->finder, ctx->pool, view, min_score, found, max, count);
    return status;
}

int32_t jr2i_all_finite(const float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return 0;
    return 1;
}

/* Head points of a landmark set, through the face camera and the crop, to pixels of the image. */
static int32_t to_image(const jr2i_sight *sight, const float *points, int32_t count, float *pixels)
{
    jr2i_face_camera_project(&sight->params.camera, points, count, pixels);
    jr2i_map_points(sight->map, pixels, count, pixels);
    return jr2i_all_finite(pixels, 2 * count);
}

/* The landmarks of the sight's parameters, and the frame around them. */
static void place_landmarks(jr2_ctx *ctx, jr2i_sight *sight)
{
    jr2i_workspace *ws = ctx->workspace;
    const jr2i_head *head = ctx->model->head;
    const int32_t n478 = head->landmark478.count, n68 = head->landmark68.count;
    jr2i_head_input input = {sight->params.identity, sight->params.expression, NULL, head->identity_count, head->expression_count};
    jr2i_head_landmarks(head, &input, ws->scratch, n478 ? ws->points478 : NULL, n68 ? ws->points68 : NULL);
    sight->usable = to_image(sight, ws->points68, n68, sight->landmarks68) && to_image(sight, ws->points478, n478, sight->landmarks478) &&
                    (n478 == 0 || jr2i_frame_from_landmarks(sight->landmarks478, &sight->frame));
}

/* The crop was as good as another one would be: within what the network was trained to see past. */
static int32_t same_crop(const jr2i_frame *a, const jr2i_frame *b)
{
    return hypotf(a->x - b->x, a->y - b->y) <= SAME_PLACE * b->size && fabsf(logf(a->size / b->size)) <= SAME_SIZE &&
           fabsf(remainderf(a->roll - b->roll, 2 * JR2I_PI)) <= SAME_ROLL;
}

int32_t jr2i_look_at(jr2_ctx *ctx, const jr2i_view *view, const jr2i_frame *frame, int32_t passes, int32_t source, jr2i_sight *sight)
{
    jr2i_workspace *ws = ctx->workspace;
    const jr2_model *model = ctx->model;
    sight->frame = *frame;
    sight->usable = 1;
    for (int32_t pass = 0; pass < passes && sight->usable; pass++) {
        const jr2i_frame seen = sight->frame;
        int32_t status = jr2i_cancelled(&ctx->env);
        if (status != JR2_OK)
            return status;
        jr2i_frame_crop_map(&sight->frame, JR2I_CROP_FACTOR, JR2I_COARSE_SIDE, sight->map);
        jr2i_warp_planar(view, sight->map, JR2I_COARSE_SIDE, JR2I_COARSE_SIDE, JR2I_OUTSIDE_REPEAT, ctx->pool, ws->crop);
        if ((status = jr2i_net_run(&ctx->env, model->coarse, ws->coarse, ctx->pool, ws->crop)) != JR2_OK)
            return status;
        const float *numbers = jr2i_net_output(model->coarse, ws->coarse, 0, NULL, NULL, NULL);
        sight->usable = jr2i_params_from_network(model->head, numbers, &sight->params);
        if (sight->usable)
            place_landmarks(ctx, sight);
        if (same_crop(&seen, &sight->frame))
            break;
    }
    if (sight->usable && passes > 0 && model->expression && source == JR2_EXPRESSION_AUTO) {
        int32_t status = jr2i_look_closer(ctx, view, sight);
        if (status != JR2_OK)
            return status;
        if (sight->usable)
            place_landmarks(ctx, sight);
    }
    if (!sight->usable)
        jr2i_log(&ctx->env, JR2_LOG_WARNING, "a find at %.0f, %.0f was dropped: the network's numbers make no face", (double)frame->x,
                 (double)frame->y);
    return JR2_OK;
}

float *jr2i_look_scratch(const jr2_ctx *ctx)
{
    return ctx->workspace->scratch;
}
