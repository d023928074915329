/* SPDX-License-Identifier: MIT
 * A small pool of worker threads that runs one parallel loop at a time. It belongs to one context; the calling thread
 * works too. Nothing spins for long: a second busy program must not stall it. */
#ifndef JR2I_BASE_THREADS_H
#define JR2I_BASE_THREADS_H

#include "env.h"

#define JR2I_MAX_THREADS 64

typedef struct jr2i_pool jr2i_pool;

/* task: 0..count-1, each exactly once, in any order and on any thread; worker: 0..threads-1, which scratch to use. */
typedef void jr2i_task_fn(void *arg, int32_t task, int32_t worker);

/* threads 1..JR2I_MAX_THREADS, the caller included; 1 starts none. */
int32_t jr2i_pool_create(jr2i_env *env, int32_t threads, jr2i_pool **out);
void jr2i_pool_free(const jr2i_env *env, jr2i_pool *pool); /* joins; NULL is fine */
int32_t jr2i_pool_threads(const jr2i_pool *pool); /* 1 for NULL */

/* Returns when all tasks are done. pool NULL: a plain loop. */
void jr2i_pool_run(jr2i_pool *pool, jr2i_task_fn *fn, void *arg, int32_t count);

#endif
