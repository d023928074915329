/* SPDX-License-Identifier: MIT
 * The network's numbers to parameters. The other side of it is Decoder.decode in training/coarse/train.py. */
#include "face/params.h"

#include <math.h>
#include <string.h>

#include "face/pose.h"

#define SCALE 4.7f          /* px per cm in the crop where the output is 0 */
#define ERROR_LOG 4.0f      /* the error's logarithm is this much below the output */
#define IDENTITY_LIMIT 8.0f /* beyond eight standard deviations no head is */

int32_t jr2i_params_fit(jr2i_env *env, const jr2i_head *head)
{
    if (head->identity_count == JR2I_COARSE_IDENTITY && head->expression_count == JR2I_COARSE_EXPRESSION &&
        (head->albedo_count == JR2I_COARSE_ALBEDO || head->albedo_count == 0))
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_FORMAT, "the head model has %d identities, %d expressions and %d albedos, the network %d, %d and %d",
                     (int)head->identity_count, (int)head->expression_count, (int)head->albedo_count, JR2I_COARSE_IDENTITY,
                     JR2I_COARSE_EXPRESSION, JR2I_COARSE_ALBEDO);
}

static void clamp(float *values, int32_t count, float low, float high)
{
    for (int32_t i = 0; i < count; i++)
        values[i] = values[i] < low ? low : values[i] > high ? high : values[i];
}

static const float *take(const float *numbers, float *to, int32_t count)
{
    memcpy(to, numbers, (size_t)count * sizeof *to);
    return numbers + count;
}

int32_t jr2i_params_from_network(const float *numbers, jr2i_params *params)
{
    float six[JR2I_COARSE_ROTATION], scale, centre[2], error;
    for (int32_t i = 0; i < JR2I_COARSE_OUTPUT; i++)
        if (!(fabsf(numbers[i]) < 1e4f))
            return 0;
    numbers = take(numbers, params->identity, JR2I_COARSE_IDENTITY);
    numbers = take(numbers, params->expression, JR2I_COARSE_EXPRESSION);
    numbers = take(numbers, six, JR2I_COARSE_ROTATION);
    numbers = take(numbers, &scale, JR2I_COARSE_SCALE);
    numbers = take(numbers, centre, JR2I_COARSE_CENTRE);
    numbers = take(numbers, params->light, JR2I_COARSE_LIGHT);
    numbers = take(numbers, params->albedo, JR2I_COARSE_ALBEDO);
    take(numbers, &error, JR2I_COARSE_ERROR);
    clamp(params->identity, JR2I_COARSE_IDENTITY, -IDENTITY_LIMIT, IDENTITY_LIMIT);
    clamp(params->albedo, JR2I_COARSE_ALBEDO, -IDENTITY_LIMIT, IDENTITY_LIMIT);
    clamp(params->expression, JR2I_COARSE_EXPRESSION, 0, 1);
    six[0] += 1; /* the output is the offset from no rotation */
    six[4] += 1;
    if (!jr2i_pose_from_six(six, params->camera.rotation) || !(fabsf(scale) < 3))
        return 0;
    params->camera.scale = SCALE * expf(scale);
    params->camera.cx = (centre[0] + 1) * (0.5f * JR2I_COARSE_SIDE);
    params->camera.cy = (centre[1] + 1) * (0.5f * JR2I_COARSE_SIDE);
    params->error = expf(fminf(error - ERROR_LOG, 10));
    return 1;
}
