/* SPDX-License-Identifier: MIT
 * The context: one thread's hooks, workers and scratch. */
#include <string.h>

#include "handles.h"

static int32_t read_config(jr2i_env *env, const jr2_config *config)
{
    memset(env, 0, sizeof *env);
    if (!config)
        return JR2_OK;
    int32_t status = jr2i_check_struct(env, config->struct_size, sizeof *config, "jr2_config");
    if (status != JR2_OK)
        return status;
    if (!config->alloc != !config->release)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "alloc and release come together");
    if (config->threads < 0 || config->threads > JR2I_MAX_THREADS)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "threads is %d, not 0..%d", (int)config->threads, JR2I_MAX_THREADS);
    if (config->relaxed != 0 && config->relaxed != 1)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "relaxed is %d, not 0 or 1", (int)config->relaxed);
    env->alloc = config->alloc;
    env->release = config->release;
    env->alloc_user = config->alloc_user;
    env->log = config->log;
    env->log_user = config->log_user;
    env->cancel = config->cancel;
    env->cancel_user = config->cancel_user;
    return JR2_OK;
}

static int32_t find_model(jr2i_env *env, const jr2_config *config, jr2_model **model)
{
    if (config && config->model) {
        *model = jr2_model_retain(config->model);
        return JR2_OK;
    }
    jr2_model_options options;
    JR2_INIT(options);
    options.alloc = env->alloc;
    options.release = env->release;
    options.alloc_user = env->alloc_user;
    options.error = env->error;
    options.error_size = sizeof env->error;
    return jr2_model_open(NULL, &options, model);
}

int32_t jr2_ctx_create(const jr2_config *config, jr2_ctx **out)
{
    jr2i_env env;
    if (out)
        *out = NULL;
    int32_t status = read_config(&env, config);
    int32_t known = status != JR2_ERR_STRUCT_SIZE;
    jr2_ctx *ctx = NULL;
    if (status == JR2_OK && !out)
        status = jr2i_fail(&env, JR2_ERR_ARGUMENT, "ctx is NULL");
    if (status == JR2_OK && !(ctx = jr2i_calloc(&env, 1, sizeof *ctx)))
        status = jr2i_no_memory(&env, sizeof *ctx);
    if (status == JR2_OK) {
        ctx->threads = config && config->threads > 1 ? config->threads : 1;
        ctx->env = env; /* the pool may keep the address */
        status = find_model(&env, config, &ctx->model);
    }
    if (status == JR2_OK && ctx->threads > 1) {
        status = jr2i_pool_create(&ctx->env, ctx->threads, &ctx->pool);
        if (status != JR2_OK)
            memcpy(env.error, ctx->env.error, sizeof env.error);
    }
    if (config && known)
        jr2i_copy_text(config->error, config->error_size, status == JR2_OK ? "" : env.error);
    if (status != JR2_OK) {
        jr2_ctx_free(ctx);
        return status;
    }
    jr2i_log(&ctx->env, JR2_LOG_INFO, "%s, %d %s, model:%s%s%s%s%s", jr2_build_info(), (int)ctx->threads, ctx->threads == 1 ? "thread" : "threads",
             ctx->model->head ? " head" : "", ctx->model->find ? " find" : "", ctx->model->coarse ? " coarse" : "",
             ctx->model->expression ? " expression" : "", ctx->model->reenact ? " reenact" : "");
    *out = ctx;
    return JR2_OK;
}

void jr2_ctx_free(jr2_ctx *ctx)
{
    if (!ctx)
        return;
    jr2i_workspace_free(&ctx->env, ctx->workspace);
    jr2i_free(&ctx->env, ctx->head_scratch);
    jr2i_pool_free(&ctx->env, ctx->pool);
    jr2_model_release(ctx->model);
    jr2i_env env = ctx->env;
    jr2i_free(&env, ctx);
}

const char *jr2_ctx_error(const jr2_ctx *ctx)
{
    return ctx ? ctx->env.error : "";
}

jr2_model *jr2_ctx_model(const jr2_ctx *ctx)
{
    return ctx ? ctx->model : NULL;
}
