/* SPDX-License-Identifier: MIT
 * jr2_head_evaluate and the ARKit maps through the public interface. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tiny.h"

enum { V = 478 };

static tiny_heap heap;
static jr2_ctx *ctx;
static float vertices[3 * V], normals[3 * V], points68[3 * 68], points478[3 * 478];
static jr2_head_parameters parameters;
static jr2_head_mesh mesh;

static void set_up(void)
{
    jr2_model *model;
    memset(&heap, 0, sizeof heap);
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER "/head.jr2w", NULL, &model), JR2_OK);
    ck_assert_int_eq(tiny_ctx(model, 1, &heap, &ctx), JR2_OK);
    jr2_model_release(model);
    JR2_INIT(parameters);
    JR2_INIT(mesh);
    mesh.vertices = vertices;
    mesh.normals = normals;
    mesh.landmarks68 = points68;
    mesh.landmarks478 = points478;
}

static void tear_down(void)
{
    jr2_ctx_free(ctx);
    ck_assert_int_eq(heap.alive, 0);
}

START_TEST(evaluates_the_rest_pose)
{
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
    for (int i = 0; i < 3 * V; i++) {
        ck_assert(fabsf(vertices[i]) < 30);
        ck_assert(fabsf(vertices[i] - points478[i]) < 1e-4f); /* the tiny head's vertices are its landmarks */
    }
    long made = heap.made;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
    ck_assert_int_eq(heap.made, made); /* nothing is allocated after the first */
    JR2_INIT(mesh);
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK); /* nothing wanted */
}
END_TEST

START_TEST(opens_the_jaw)
{
    float rest[3 * V], arkit[JR2_ARKIT_COUNT] = {0}, expression[53];
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
    memcpy(rest, vertices, sizeof rest);
    arkit[jr2_arkit_index("jawOpen")] = 1;
    ck_assert_int_eq(jr2_head_from_arkit(ctx, arkit, expression), JR2_OK);
    parameters.expression = expression;
    parameters.expression_count = 53;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
    ck_assert(vertices[3 * 152 + 1] < rest[3 * 152 + 1] - 1); /* the chin sinks by more than a centimetre */
    ck_assert(fabsf(vertices[3 * 10 + 1] - rest[3 * 10 + 1]) < 0.1f); /* the forehead does not */
}
END_TEST

START_TEST(applies_the_matrix)
{
    float rest[3 * V], rest_normals[3 * V];
    const float matrix[16] = {0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 5, -7, -60, 1}; /* a quarter turn about y, then moved */
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
    memcpy(rest, vertices, sizeof rest);
    memcpy(rest_normals, normals, sizeof normals);
    parameters.matrix = matrix;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
    for (int i = 0; i < V; i++) {
        ck_assert(fabsf(vertices[3 * i] - (rest[3 * i + 2] + 5)) < 1e-4f);
        ck_assert(fabsf(vertices[3 * i + 1] - (rest[3 * i + 1] - 7)) < 1e-4f);
        ck_assert(fabsf(vertices[3 * i + 2] - (-rest[3 * i] - 60)) < 1e-4f);
        ck_assert(fabsf(normals[3 * i] - rest_normals[3 * i + 2]) < 1e-5f);
        ck_assert(fabsf(points478[3 * i] - vertices[3 * i]) < 1e-3f);
    }
}
END_TEST

START_TEST(refuses_bad_parameters)
{
    float identity[101] = {0}, expression[54] = {0}, matrix[16] = {0}, arkit[JR2_ARKIT_COUNT] = {0};
#define REFUSE(assignment, status) \
    do { \
        jr2_head_parameters kept = parameters; \
        assignment; \
        ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), status); \
        ck_assert_str_ne(jr2_ctx_error(ctx), ""); \
        parameters = kept; \
    } while (0)
    parameters.identity = identity;
    parameters.expression = expression;
    REFUSE(parameters.identity_count = 101, JR2_ERR_ARGUMENT);
    REFUSE(parameters.identity_count = -1, JR2_ERR_ARGUMENT);
    REFUSE(parameters.expression_count = 54, JR2_ERR_ARGUMENT);
    REFUSE((parameters.identity = NULL, parameters.identity_count = 1), JR2_ERR_ARGUMENT);
    REFUSE((parameters.expression = NULL, parameters.expression_count = 1), JR2_ERR_ARGUMENT);
    REFUSE(parameters.struct_size = 0, JR2_ERR_STRUCT_SIZE);
    identity[99] = NAN;
    REFUSE(parameters.identity_count = 100, JR2_ERR_RANGE);
    identity[99] = INFINITY;
    REFUSE(parameters.identity_count = 100, JR2_ERR_RANGE);
    expression[3] = -NAN;
    REFUSE(parameters.expression_count = 53, JR2_ERR_RANGE);
    matrix[12] = NAN;
    REFUSE(parameters.matrix = matrix, JR2_ERR_RANGE);
#undef REFUSE
    mesh.vertices = NULL;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_ERR_ARGUMENT); /* normals without vertices */
    mesh.struct_size++;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_ERR_STRUCT_SIZE);
    ck_assert_int_eq(jr2_head_evaluate(NULL, &parameters, &mesh), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_head_evaluate(ctx, NULL, &mesh), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, NULL), JR2_ERR_ARGUMENT);
    arkit[7] = NAN;
    ck_assert_int_eq(jr2_head_from_arkit(ctx, arkit, expression), JR2_ERR_RANGE);
    ck_assert_int_eq(jr2_head_from_arkit(ctx, NULL, expression), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_head_from_arkit(NULL, arkit, expression), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_head_to_arkit(ctx, expression, arkit), JR2_ERR_RANGE); /* expression[3] */
    ck_assert_int_eq(jr2_head_to_arkit(ctx, expression, NULL), JR2_ERR_ARGUMENT);
}
END_TEST

START_TEST(maps_arkit_there_and_back)
{
    float arkit[JR2_ARKIT_COUNT], back[JR2_ARKIT_COUNT], expression[53];
    for (int i = 0; i < JR2_ARKIT_COUNT; i++)
        arkit[i] = (float)i / JR2_ARKIT_COUNT;
    arkit[jr2_arkit_index("tongueOut")] = 0;
    ck_assert_int_eq(jr2_head_from_arkit(ctx, arkit, expression), JR2_OK);
    ck_assert_int_eq(jr2_head_to_arkit(ctx, expression, back), JR2_OK);
    for (int i = 0; i < JR2_ARKIT_COUNT; i++)
        ck_assert_msg(fabsf(arkit[i] - back[i]) < 1e-6f, "%s", jr2_arkit_name(i));
}
END_TEST

START_TEST(survives_failing_allocations)
{
    heap.made = 0;
    heap.fail_at = 1;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_ERR_NO_MEMORY);
    heap.fail_at = 0;
    ck_assert_int_eq(jr2_head_evaluate(ctx, &parameters, &mesh), JR2_OK);
}
END_TEST

START_TEST(needs_a_head)
{
    jr2_config config;
    jr2_ctx *headless;
    float arkit[JR2_ARKIT_COUNT] = {0}, expression[53] = {0};
    JR2_INIT(config);
    ck_assert_int_eq(jr2_model_open(TINY_FOLDER "/find.jr2w", NULL, &config.model), JR2_OK);
    ck_assert_int_eq(jr2_ctx_create(&config, &headless), JR2_OK);
    ck_assert_int_eq(jr2_head_evaluate(headless, &parameters, &mesh), JR2_ERR_MISSING);
    ck_assert_int_eq(jr2_head_from_arkit(headless, arkit, expression), JR2_ERR_MISSING);
    ck_assert_int_eq(jr2_head_to_arkit(headless, expression, arkit), JR2_ERR_MISSING);
    jr2_ctx_free(headless);
    jr2_model_release(config.model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate");
    TCase *tests = tcase_create("evaluate");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, evaluates_the_rest_pose);
    tcase_add_test(tests, opens_the_jaw);
    tcase_add_test(tests, applies_the_matrix);
    tcase_add_test(tests, refuses_bad_parameters);
    tcase_add_test(tests, maps_arkit_there_and_back);
    tcase_add_test(tests, survives_failing_allocations);
    tcase_add_test(tests, needs_a_head);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
