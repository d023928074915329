/* SPDX-License-Identifier: MIT
 * A result drawn over a picture in memory: the overlay of a video. */
#include "handles.h"

int32_t jr2_result_draw(jr2_ctx *ctx, const jr2_result *result, uint8_t *rgb)
{
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    if (!result || !rgb)
        return jr2i_fail(&ctx->env, JR2_ERR_ARGUMENT, "%s is NULL", result ? "rgb" : "result");
    if (result->count > 0 && !result->faces[0].view.vertices)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the faces have no mesh: set mesh in jr2_tracker_options");
    jr2i_canvas canvas = {rgb, result->width, result->height};
    jr2i_scene_view scene = jr2i_result_scene(result);
    return jr2i_overlay_draw(&ctx->env, &scene, &canvas);
}
