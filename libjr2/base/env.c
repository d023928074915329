/* SPDX-License-Identifier: MIT
 * Allocation through the embedder's hooks, error texts and cancellation. */
#include "env.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

void *jr2i_alloc(const jr2i_env *env, size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - 2 * ALIGNMENT) / size)
        return NULL;
    size_t bytes = count * size;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; /* aligned_alloc wants a multiple */
    if (bytes == 0)
        bytes = ALIGNMENT;
    if (env->alloc)
        return env->alloc(env->alloc_user, bytes, ALIGNMENT);
    void *p = NULL;
    return posix_memalign(&p, ALIGNMENT, bytes) == 0 ? p : NULL;
}

void *jr2i_calloc(const jr2i_env *env, size_t count, size_t size)
{
    void *p = jr2i_alloc(env, count, size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

void jr2i_free(const jr2i_env *env, void *pointer)
{
    if (!pointer)
        return;
    if (env->alloc)
        env->release(env->alloc_user, pointer);
    else
        free(pointer);
}

int32_t jr2i_fail(jr2i_env *env, int32_t status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(env->error, sizeof env->error, format, args);
    va_end(args);
    return status;
}

int32_t jr2i_no_memory(jr2i_env *env, size_t bytes)
{
    return jr2i_fail(env, JR2_ERR_NO_MEMORY, "cannot allocate %zu bytes", bytes);
}

int32_t jr2i_cancelled(jr2i_env *env)
{
    if (env->cancel && env->cancel(env->cancel_user) != 0)
        return jr2i_fail(env, JR2_ERR_CANCELLED, "cancelled by the caller");
    return JR2_OK;
}
