/* SPDX-License-Identifier: MIT
 * The thread pool. A loop is published as a ticket (generation, next task) that every thread advances by
 * compare-and-swap, so a worker that wakes late finds nothing to take and the caller never waits for it: only for tasks
 * that were really started. Job data sits in two slots by the parity of the generation; a slot is rewritten only when
 * the ticket has moved on, and then the late reader's compare-and-swap fails. */
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>

/* 20 to 70 microseconds, depending on how long the processor pauses: longer than most gaps between two loops and than waking takes, shorter than anyone notices. */
enum { SPINS = 1600 };

typedef struct {
    _Atomic(jr2i_task_fn *) fn;
    _Atomic(void *) arg;
    _Atomic int32_t count;
    _Atomic int32_t done;
} job_slot;

typedef struct {
    struct jr2i_pool *pool;
    pthread_t thread;
    int32_t index;
} worker;

struct jr2i_pool {
    int32_t threads;
    int32_t started; /* workers to join */
    _Atomic uint64_t ticket; /* generation << 32 | next task */
    _Atomic int32_t quit;
    job_slot slots[2];
    pthread_mutex_t mutex;
    pthread_cond_t work, finished;
    int32_t sleeping; /* under mutex */
    worker *workers;
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes tasks of one generation until there are none. */
static void work_on(jr2i_pool *pool, uint32_t generation, int32_t index)
{
    job_slot *slot = &pool->slots[generation & 1];
    for (;;) {
        uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
        jr2i_task_fn *fn = atomic_load_explicit(&slot->fn, memory_order_relaxed);
        void *arg = atomic_load_explicit(&slot->arg, memory_order_relaxed);
        int32_t count = atomic_load_explicit(&slot->count, memory_order_relaxed);
        int32_t task = (int32_t)(uint32_t)ticket;
        if ((uint32_t)(ticket >> 32) != generation || task >= count)
            return;
        if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket + 1, memory_order_acq_rel, memory_order_relaxed))
            continue;
        fn(arg, task, index);
        if (atomic_fetch_add_explicit(&slot->done, 1, memory_order_acq_rel) + 1 == count && index != 0) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    jr2i_pool *pool = self->pool;
    uint32_t seen = 0;
    for (;;) {
        uint32_t now = seen;
        for (int i = 0; i < SPINS && now == seen; i++) {
            relax();
            now = (uint32_t)(atomic_load_explicit(&pool->ticket, memory_order_acquire) >> 32);
        }
        if (now == seen) {
            pthread_mutex_lock(&pool->mutex);
            pool->sleeping++;
            while ((now = (uint32_t)(atomic_load(&pool->ticket) >> 32)) == seen && !atomic_load(&pool->quit))
                pthread_cond_wait(&pool->work, &pool->mutex);
            pool->sleeping--;
            pthread_mutex_unlock(&pool->mutex);
        }
        if (atomic_load(&pool->quit))
            return NULL;
        seen = now;
        work_on(pool, now, self->index);
    }
}

int32_t jr2i_pool_create(jr2i_env *env, int32_t threads, jr2i_pool **out)
{
    *out = NULL;
    if (threads < 1 || threads > JR2I_MAX_THREADS)
        return jr2i_fail(env, JR2_ERR_RANGE, "%d threads: 1 to %d are possible", (int)threads, JR2I_MAX_THREADS);
    jr2i_pool *pool = jr2i_calloc(env, 1, sizeof *pool);
    if (!pool)
        return jr2i_no_memory(env, sizeof *pool);
    pool->workers = jr2i_calloc(env, (size_t)threads, sizeof *pool->workers);
    if (!pool->workers) {
        jr2i_free(env, pool);
        return jr2i_no_memory(env, (size_t)threads * sizeof *pool->workers);
    }
    pool->threads = threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    for (int32_t i = 1; i < threads; i++) {
        worker *w = &pool->workers[i];
        w->pool = pool;
        w->index = i;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            jr2i_pool_free(env, pool);
            return jr2i_fail(env, JR2_ERR_THREAD, "thread %d of %d could not be started", (int)i + 1, (int)threads);
        }
        pool->started++;
    }
    *out = pool;
    return JR2_OK;
}

void jr2i_pool_free(const jr2i_env *env, jr2i_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->quit, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->finished);
    pthread_mutex_destroy(&pool->mutex);
    jr2i_free(env, pool->workers);
    jr2i_free(env, pool);
}

int32_t jr2i_pool_threads(const jr2i_pool *pool)
{
    return pool ? pool->threads : 1;
}

void jr2i_pool_run(jr2i_pool *pool, jr2i_task_fn *fn, void *arg, int32_t count)
{
    if (!pool || pool->threads == 1 || count <= 1) {
        for (int32_t i = 0; i < count; i++)
            fn(arg, i, 0);
        return;
    }
    uint32_t generation = (uint32_t)(atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
    job_slot *slot = &pool->slots[generation & 1];
    atomic_store_explicit(&slot->fn, fn, memory_order_relaxed);
    atomic_store_explicit(&slot->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&slot->count, count, memory_order_relaxed);
    atomic_store_explicit(&slot->done, 0, memory_order_relaxed);
    atomic_store(&pool->ticket, (uint64_t)generation << 32);
    pthread_mutex_lock(&pool->mutex);
    if (pool->sleeping > 0)
        pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);

    work_on(pool, generation, 0);
    for (int i = 0; i < SPINS && atomic_load_explicit(&slot->done, memory_order_acquire) < count; i++)
        relax();
    if (atomic_load_explicit(&slot->done, memory_order_acquire) < count) {
        pthread_mutex_lock(&pool->mutex);
        while (atomic_load_explicit(&slot->done, memory_order_acquire) < count)
            pthread_cond_wait(&pool->finished, &pool->mutex);
        pthread_mutex_unlock(&pool->mutex);
    }
}
