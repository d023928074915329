/* SPDX-License-Identifier: MIT
 * The end of every test program's main(). */
#ifndef JR2_TESTS_SUITE_H
#define JR2_TESTS_SUITE_H

#include <check.h>

/* Runs and frees the suite -> what main() returns: 0 where nothing failed. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
