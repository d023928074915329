/* SPDX-License-Identifier: MIT
 * The environment every internal function works in: allocator, log and cancel hooks, and the place where the text of
 * the last error goes. One env belongs to one thread at a time. This is not the public context; it is what the public
 * handles carry. */
#ifndef JR2I_ENV_H
#define JR2I_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "jr2/status.h"

typedef struct jr2i_env {
    void *(*alloc)(void *user, size_t size, size_t alignment); /* NULL: the C library */
    void (*release)(void *user, void *pointer);
    void *alloc_user;
    void (*log)(void *user, int32_t level, const char *text); /* NULL: silent */
    void *log_user;
    int32_t (*cancel)(void *user); /* non-zero: stop; NULL: never */
    void *cancel_user;
    char error[256]; /* text of the last failure, "" if none */
} jr2i_env;

/* Memory aligned to 64 bytes, not cleared; NULL when there is none or when count * size overflows. */
void *jr2i_alloc(const jr2i_env *env, size_t count, size_t size);
void *jr2i_calloc(const jr2i_env *env, size_t count, size_t size);
void jr2i_free(const jr2i_env *env, void *pointer); /* NULL is fine */

/* Records a printf-style text and returns status, so that failing reads: return jr2i_fail(env, JR2_ERR_X, "..."). */
int32_t jr2i_fail(jr2i_env *env, int32_t status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
int32_t jr2i_no_memory(jr2i_env *env, size_t bytes);
int32_t jr2i_cancelled(jr2i_env *env); /* JR2_OK or JR2_ERR_CANCELLED */

#endif
