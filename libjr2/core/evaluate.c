/* SPDX-License-Identifier: MIT
 * The head model by itself, for callers that animate: parameters in, mesh and landmarks in the caller's buffers. */
#include <math.h>

#include "handles.h"

static int32_t need_head(jr2_ctx *ctx)
{
    if (ctx->model->head)
        return JR2_OK;
    return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no head (head.jr2w)");
}

static void move_points(const float matrix[16], float *points, int32_t count, int32_t direction)
{
    if (!matrix || !points)
        return;
    for (int32_t i = 0; i < count; i++) {
        float *p = points + 3 * (size_t)i, x = p[0], y = p[1], z = p[2];
        for (int k = 0; k < 3; k++)
            p[k] = matrix[k] * x + matrix[4 + k] * y + matrix[8 + k] * z + (direction ? 0 : matrix[12 + k]);
    }
}

int32_t jr2_head_evaluate(jr2_ctx *ctx, const jr2_head_parameters *parameters, const jr2_head_mesh *mesh)
{
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &ctx->env;
    if (!parameters || !mesh)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s is NULL", parameters ? "mesh" : "parameters");
    int32_t status = jr2i_check_struct(env, parameters->struct_size, sizeof *parameters, "jr2_head_parameters");
    if (status == JR2_OK)
        status = jr2i_check_struct(env, mesh->struct_size, sizeof *mesh, "jr2_head_mesh");
    if (status == JR2_OK)
        status = need_head(ctx);
    if (status != JR2_OK)
        return status;
    const jr2i_head *head = ctx->model->head;
    if (parameters->identity_count < 0 || parameters->identity_count > head->identity_count ||
        (parameters->identity_count > 0 && !parameters->identity))
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "identity: %d values, the model has %d", (int)parameters->identity_count,
                         (int)head->identity_count);
    if (parameters->expression_count < 0 || parameters->expression_count > head->expression_count ||
        (parameters->expression_count > 0 && !parameters->expression))
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "expression: %d values, the model has %d", (int)parameters->expression_count,
                         (int)head->expression_count);
    for (int i = 0; parameters->matrix && i < 16; i++)
        if (!isfinite(parameters->matrix[i]))
            return jr2i_fail(env, JR2_ERR_RANGE, "matrix[%d] is not finite", i);
    jr2i_head_input input = {parameters->identity, parameters->expression, NULL, parameters->identity_count, parameters->expression_count};
    if ((status = jr2i_head_check(env, head, &input)) != JR2_OK)
        return status;
    if (mesh->normals && !mesh->vertices)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "normals need vertices");
    if (!ctx->head_scratch && !(ctx->head_scratch = jr2i_alloc(env, jr2i_head_scratch(head), sizeof(float))))
        return jr2i_no_memory(env, jr2i_head_scratch(head) * sizeof(float));
    if (mesh->vertices)
        jr2i_head_vertices(head, &input, ctx->head_scratch, mesh->vertices);
    if (mesh->normals)
        jr2i_head_normals(head, mesh->vertices, mesh->normals);
    if (mesh->landmarks68 || mesh->landmarks478)
        jr2i_head_landmarks(head, &input, ctx->head_scratch, mesh->landmarks478, mesh->landmarks68);
    move_points(parameters->matrix, mesh->vertices, head->vertex_count, 0);
    move_points(parameters->matrix, mesh->normals, head->vertex_count, 1);
    move_points(parameters->matrix, mesh->landmarks68, head->landmark68.count, 0);
    move_points(parameters->matrix, mesh->landmarks478, head->landmark478.count, 0);
    return JR2_OK;
}

static int32_t check_values(jr2_ctx *ctx, const float *values, int32_t count, const char *name)
{
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return jr2i_fail(&ctx->env, JR2_ERR_RANGE, "%s[%d] is not finite", name, (int)i);
    return JR2_OK;
}

int32_t jr2_head_from_arkit(jr2_ctx *ctx, const float *arkit, float *expression)
{
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    if (!arkit || !expression)
        return jr2i_fail(&ctx->env, JR2_ERR_ARGUMENT, "arkit or expression is NULL");
    int32_t status = need_head(ctx);
    if (status == JR2_OK)
        status = check_values(ctx, arkit, JR2_ARKIT_COUNT, "arkit");
    if (status == JR2_OK)
        jr2i_arkit_to_expression(&ctx->model->head->arkit, arkit, ctx->model->head->expression_count, expression);
    return status;
}

int32_t jr2_head_to_arkit(jr2_ctx *ctx, const float *expression, float *arkit)
{
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    if (!arkit || !expression)
        return jr2i_fail(&ctx->env, JR2_ERR_ARGUMENT, "arkit or expression is NULL");
    int32_t status = need_head(ctx);
    if (status == JR2_OK)
        status = check_values(ctx, expression, ctx->model->head->expression_count, "expression");
    if (status == JR2_OK)
        jr2i_arkit_from_expression(&ctx->model->head->arkit, expression, arkit);
    return status;
}
