/* SPDX-License-Identifier: MIT
 * The thread pool (each task exactly once, over many loops, from few to many threads), the cpu mask, and the matrix
 * product against its definition. */
#include <check.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "tensor/gemm.h"
#include "suite.h"

enum { TASKS = 1000 };

typedef struct {
    _Atomic int32_t done[TASKS];
    _Atomic int32_t bad_worker;
    int32_t threads;
} counts;

static void count_task(void *arg, int32_t task, int32_t worker)
{
    counts *c = arg;
    atomic_fetch_add(&c->done[task], 1);
    if (worker < 0 || worker >= c->threads)
        atomic_store(&c->bad_worker, 1);
}

START_TEST(test_pool)
{
    static const int32_t sizes[] = { 1, 2, 3, 8 };
    jr2i_env env = { 0 };
    counts *c = malloc(sizeof *c);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        jr2i_pool *pool;
        ck_assert_int_eq(jr2i_pool_create(&env, sizes[s], &pool), JR2_OK);
        ck_assert_int_eq(jr2i_pool_threads(pool), sizes[s]);
        memset(c, 0, sizeof *c);
        c->threads = sizes[s];
        int32_t expected[TASKS] = { 0 };
        for (int32_t loop = 0; loop < 500; loop++) {
            const int32_t count = loop * 37 % (loop % 50 == 0 ? TASKS : 9);
            jr2i_pool_run(pool, count_task, c, count);
            for (int32_t i = 0; i < count; i++)
                expected[i]++;
            int32_t wrong = 0; /* one assertion: each costs a message */
            for (int32_t i = 0; i < TASKS; i++)
                wrong += atomic_load(&c->done[i]) != expected[i];
            ck_assert_int_eq(wrong, 0);
        }
        ck_assert_int_eq(atomic_load(&c->bad_worker), 0);
        jr2i_pool_free(&env, pool);
    }
    memset(c, 0, sizeof *c);
    c->threads = 1;
    jr2i_pool_run(NULL, count_task, c, 5);
    ck_assert_int_eq(atomic_load(&c->done[4]), 1);
    ck_assert_int_eq(jr2i_pool_threads(NULL), 1);
    jr2i_pool_free(&env, NULL);
    free(c);
}
END_TEST

START_TEST(test_pool_refuses)
{
    jr2i_env env = { 0 };
    jr2i_pool *pool;
    ck_assert_int_eq(jr2i_pool_create(&env, 0, &pool), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2i_pool_create(&env, JR2I_MAX_THREADS + 1, &pool), JR2_ERR_RANGE);
    ck_assert_ptr_null(pool);
}
END_TEST

START_TEST(test_cpu_mask)
{
    unsetenv("JR2_CPU");
    const uint32_t all = jr2i_cpu_flags();
    setenv("JR2_CPU", "c", 1);
    ck_assert_uint_eq(jr2i_cpu_flags(), 0);
    ck_assert_str_eq(jr2i_cpu_name(jr2i_cpu_flags()), "c");
    ck_assert_str_eq(jr2i_kernels_pick(jr2i_cpu_flags())->name, "c");
    setenv("JR2_CPU", "avx2", 1);
    ck_assert_uint_eq(jr2i_cpu_flags(), all & JR2I_CPU_AVX2);
    ck_assert_str_eq(jr2i_kernels_pick(jr2i_cpu_flags())->name, jr2i_cpu_name(jr2i_cpu_flags()));
    setenv("JR2_CPU", "nonsense", 1);
    ck_assert_uint_eq(jr2i_cpu_flags(), all);
    ck_assert_str_eq(jr2i_kernels_pick(all)->name, jr2i_cpu_name(all));
}
END_TEST

START_TEST(test_gemm)
{
    static const int32_t shapes[][3] = { { 1, 1, 1 }, { 4, 8, 5 }, { 7, 19, 33 }, { 64, 48, 27 }, { 3, 64, 100 }, { 65, 9, 2 } };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int32_t add = 0; add < 2; add++) {
            const int32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2], as = k + 3, bs = n + 2, cs = n + 1;
            float *a = malloc(sizeof(float) * (size_t)(m * as)), *b = malloc(sizeof(float) * (size_t)(k * bs));
            float *c = malloc(sizeof(float) * (size_t)(m * cs));
            for (int32_t i = 0; i < m * as; i++)
                a[i] = sinf((float)i);
            for (int32_t i = 0; i < k * bs; i++)
                b[i] = cosf((float)i * 1.3f);
            for (int32_t i = 0; i < m * cs; i++)
                c[i] = add || i % cs == n ? (float)i : NAN; /* without add, what was there must not matter */
            jr2i_gemm(m, n, k, a, as, b, bs, add, c, cs);
            int32_t wrong = 0;
            for (int32_t i = 0; i < m; i++) {
                for (int32_t j = 0; j < n; j++) {
                    double want = add ? i * cs + j : 0;
                    for (int32_t l = 0; l < k; l++)
                        want += (double)a[i * as + l] * (double)b[l * bs + j];
                    wrong += !(fabs((double)c[i * cs + j] - want) < 1e-3);
                }
                wrong += c[i * cs + n] != (float)(i * cs + n);
            }
            ck_assert_msg(wrong == 0, "(%d, %d, %d): %d wrong", (int)m, (int)n, (int)k, (int)wrong);
            free(a);
            free(b);
            free(c);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = tcase_create("base");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_pool);
    tcase_add_test(tcase, test_pool_refuses);
    tcase_add_test(tcase, test_cpu_mask);
    tcase_add_test(tcase, test_gemm);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
