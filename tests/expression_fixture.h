/* SPDX-License-Identifier: MIT
 * The expression network of the tests (training/expression/parity.py wrote it, with PyTorch's answers and NumPy's crops), as it is and spoilt. */
#ifndef JR2_TESTS_EXPRESSION_FIXTURE_H
#define JR2_TESTS_EXPRESSION_FIXTURE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jr2w_writer.h"
#include "nn/net_expression.h"
#include "tensor/jr2w.h"

#define FIXTURE "tests/data/expression.jr2w"
#define SIDE JR2I_EXPRESSION_SIDE
#define CROP (3 * SIDE * SIDE)

static inline void ok(const jr2i_env *env, int32_t status)
{
    ck_assert_msg(status == JR2_OK, "status %d: %s", (int)status, env->error);
}

static inline jr2i_jr2w *open_fixture(jr2i_env *env)
{
    jr2i_jr2w *file;
    ok(env, jr2i_jr2w_open_file(env, FIXTURE, &file));
    return file;
}

/* A tensor of the fixture, to be freed by jr2i_free. */
static inline float *load(jr2i_env *env, const jr2i_jr2w *file, const char *name)
{
    float *values;
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, name);
    ck_assert_msg(t != NULL, "%s is missing", name);
    ok(env, jr2i_jr2w_load_f32(env, file, name, t->ndim, t->dims, &values));
    return values;
}

static inline uint8_t *load_bytes(jr2i_env *env, const jr2i_jr2w *file, const char *name)
{
    uint8_t *values;
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, name);
    ck_assert_msg(t != NULL, "%s is missing", name);
    ok(env, jr2i_jr2w_load_u8(env, file, name, t->ndim, t->dims, &values));
    return values;
}

static inline void add_anchors(jr2i_env *env, const jr2i_jr2w *file, writer *w, int spoil)
{
    uint8_t *anchor = load_bytes(env, file, "anchor");
    anchor[477] = spoil ? 3 : anchor[477];
    writer_add(w, "anchor", JR2I_U8, 1, (int32_t[]){478}, anchor);
    jr2i_free(env, anchor);
}

/* The fixture's network in memory with one tensor left out, cut to `rows` and `columns` (0: as it is) or not finite. */
static inline uint8_t *altered(const char *name, int left_out, int32_t rows, int32_t columns, int poison, size_t *size)
{
    jr2i_env env = {0};
    writer w = {0};
    jr2i_jr2w *file = open_fixture(&env);
    for (int32_t i = 0; i < jr2i_jr2w_count(file); i++) {
        const jr2i_tensor_info *t = jr2i_jr2w_at(file, i);
        int this = strcmp(t->name, name) == 0;
        if (t->dtype == JR2I_U8 || strchr(t->name, '.') == NULL || strncmp(t->name, "crop.", 5) == 0 || (this && left_out))
            continue;
        int32_t dims[6];
        memcpy(dims, t->dims, sizeof dims);
        float *values = load(&env, file, t->name);
        if (this && columns) /* narrower rows: which numbers they keep does not matter */
            dims[1] = columns;
        if (this && rows)
            dims[0] = rows;
        if (this && poison)
            values[t->count - 1] = NAN;
        writer_add(&w, t->name, JR2I_F32, (uint32_t)t->ndim, dims, values);
        jr2i_free(&env, values);
    }
    if (strcmp(name, "anchor") != 0 || poison)
        add_anchors(&env, file, &w, strcmp(name, "anchor") == 0);
    jr2i_jr2w_close(&env, file);
    return writer_finish(&w, "jr2.expression.1", size);
}

#endif
