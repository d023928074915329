/* SPDX-License-Identifier: MIT
 * The networks' output vectors (the training side: LAYOUT in training/coarse and training/expression). */
#include "face/params.h"

#include <math.h>
#include <string.h>

#include "face/pose.h"

#define CROP 128
#define ERROR_SHIFT 4      /* log error is trained around exp(4) of it */
#define EXPRESSION_SHIFT 3 /* likewise of a coefficient, around exp(-3): 0.05 */
#define POINTS 478
#define POINT_UNIT 0.1f
#define POINT_SHIFT 5      /* and of a landmark, around exp(-5) of the face's size */

int32_t jr2i_params_count(const jr2i_head *head)
{
    if (head->identity_count > JR2I_PARAMS_IDENTITY_MAX || head->expression_count > JR2I_PARAMS_EXPRESSION_MAX ||
        head->albedo_count > JR2I_PARAMS_ALBEDO_MAX)
        return -1;
    return head->identity_count + head->expression_count + 6 + 1 + 2 + 27 + head->albedo_count + 1;
}

static int32_t all_finite(const float *numbers, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return 0;
    return 1;
}

static float unit(float x)
{
    return fminf(fmaxf(x, 0), 1);
}

static const float *take(const float *from, float *to, int32_t count)
{
    memcpy(to, from, (size_t)count * sizeof *to);
    return from + count;
}

int32_t jr2i_params_from_network(const jr2i_head *head, const float *numbers, jr2i_params *params)
{
    int32_t count = jr2i_params_count(head);
    float six[6], scale, centre[2], error;
    memset(params, 0, sizeof *params);
    if (count < 0 || !all_finite(numbers, count))
        return 0;
    numbers = take(numbers, params->identity, head->identity_count);
    numbers = take(numbers, params->expression, head->expression_count);
    numbers = take(numbers, six, 6);
    numbers = take(numbers, &scale, 1);
    numbers = take(numbers, centre, 2);
    numbers = take(numbers, params->light, 27);
    numbers = take(numbers, params->albedo, head->albedo_count);
    take(numbers, &error, 1);
    for (int32_t i = 0; i < head->expression_count; i++)
        params->expression[i] = unit(params->expression[i]);
    six[0] += 1; /* offsets from the unit matrix */
    six[4] += 1;
    params->camera.scale = JR2I_PARAMS_SCALE * expf(scale);
    params->camera.cx = (centre[0] + 1) * 0.5f * CROP;
    params->camera.cy = (centre[1] + 1) * 0.5f * CROP;
    params->error = expf(error + ERROR_SHIFT);
    return jr2i_pose_from_six(six, params->camera.rotation) && params->camera.scale > 1e-3f && params->camera.scale < 1e3f;
}

int32_t jr2i_params_closer_count(const jr2i_head *head)
{
    return jr2i_params_count(head) < 0 ? -1 : 2 * head->expression_count + 3 * POINTS + head->identity_count;
}

int32_t jr2i_params_closer(const jr2i_head *head, const float *numbers, jr2i_params *params, float *points, float *errors)
{
    const int32_t count = jr2i_params_closer_count(head), expressions = head->expression_count;
    if (count < 0 || !all_finite(numbers, count))
        return 0;
    for (int32_t i = 0; i < expressions; i++) {
        params->expression[i] = unit(numbers[i]);
        params->expression_error[i] = unit(expf(numbers[expressions + i] - EXPRESSION_SHIFT));
    }
    numbers += 2 * expressions;
    for (int32_t i = 0; i < 2 * POINTS; i++)
        points[i] = POINT_UNIT * numbers[i];
    for (int32_t i = 0; i < POINTS; i++)
        errors[i] = unit(expf(numbers[2 * POINTS + i] - POINT_SHIFT));
    memcpy(params->identity, numbers + 3 * POINTS, (size_t)head->identity_count * sizeof(float));
    params->corrected = 1;
    return 1;
}
