/* SPDX-License-Identifier: MIT
 * The head model: against a slow evaluation in double precision, and damaged models. */
#include "face/head.h"

#include <math.h>
#include <stdio.h>

#include "jr2w_writer.h"
#include "suite.h"
#include "tiny_face.h"

/* Everything that a head can have, read tensor by tensor from the file. */
typedef struct raw {
    int32_t v, t, ni, ne, j;
    float *mean, *identity, *expression, *regressor, *skin, *corrective;
    int32_t *triangles, *parents, *landmark;
    float *weight, *offset;
} raw;

static float *floats(jr2i_env *env, const jr2i_jr2w *file, const char *name)
{
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, name);
    ck_assert_ptr_nonnull(t);
    float *out = NULL;
    ck_assert_int_eq(jr2i_jr2w_load_f32(env, file, name, t->ndim, t->dims, &out), JR2_OK);
    return out;
}

static int32_t *integers(jr2i_env *env, const jr2i_jr2w *file, const char *name)
{
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, name);
    ck_assert_ptr_nonnull(t);
    int32_t *out = NULL;
    ck_assert_int_eq(jr2i_jr2w_load_i32(env, file, name, t->ndim, t->dims, &out), JR2_OK);
    return out;
}

static void load_raw(jr2i_env *env, raw *r)
{
    jr2i_jr2w *file = NULL;
    ck_assert_int_eq(jr2i_jr2w_open_file(env, "tests/data/tiny_head.jr2w", &file), JR2_OK);
    r->v = jr2i_jr2w_find(file, "template")->dims[0];
    r->t = jr2i_jr2w_find(file, "triangles")->dims[0];
    r->ni = jr2i_jr2w_find(file, "identity")->dims[0];
    r->ne = jr2i_jr2w_find(file, "expression")->dims[0];
    r->j = jr2i_jr2w_find(file, "joint_parents")->dims[0];
    r->mean = floats(env, file, "template");
    r->identity = floats(env, file, "identity");
    r->expression = floats(env, file, "expression");
    r->regressor = floats(env, file, "joint_regressor");
    r->skin = floats(env, file, "skin_weights");
    r->corrective = floats(env, file, "pose_correctives");
    r->triangles = integers(env, file, "triangles");
    r->parents = integers(env, file, "joint_parents");
    r->landmark = integers(env, file, "landmark478_triangle");
    r->weight = floats(env, file, "landmark478_barycentric");
    r->offset = floats(env, file, "landmark478_offset");
    jr2i_jr2w_close(env, file);
}

static void free_raw(jr2i_env *env, raw *r)
{
    void *all[] = {r->mean, r->identity, r->expression, r->regressor, r->skin, r->corrective, r->triangles, r->parents, r->landmark,
                   r->weight, r->offset};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        jr2i_free(env, all[i]);
}

/* Textbook linear blend skinning with 4 x 4 matrices, in doubles. */
static void slow(const raw *r, const float *b, const float *e, const float *rotation, double *out)
{
    double *x = calloc((size_t)r->v * 3, sizeof *x), joint[JR2I_HEAD_JOINTS_MAX][3], world[JR2I_HEAD_JOINTS_MAX][3][4];
    for (int32_t i = 0; i < 3 * r->v; i++) {
        x[i] = (double)r->mean[i];
        for (int32_t m = 0; m < r->ni; m++)
            x[i] += (double)b[m] * (double)r->identity[(size_t)m * 3 * (size_t)r->v + (size_t)i];
        for (int32_t m = 0; m < r->ne; m++)
            x[i] += (double)e[m] * (double)r->expression[(size_t)m * 3 * (size_t)r->v + (size_t)i];
    }
    for (int32_t j = 0; j < r->j; j++)
        for (int c = 0; c < 3; c++) {
            joint[j][c] = 0;
            for (int32_t i = 0; i < r->v; i++)
                joint[j][c] += (double)r->regressor[j * r->v + i] * x[3 * i + c];
        }
    for (int32_t m = 0; m < 9 * (r->j - 1); m++)
        for (int32_t i = 0; i < 3 * r->v; i++)
            x[i] += ((double)rotation[9 + m] - (m % 9 % 4 == 0)) * (double)r->corrective[(size_t)m * 3 * (size_t)r->v + (size_t)i];
    for (int32_t j = 0; j < r->j; j++) {
        double local[3][4];
        int32_t p = r->parents[j];
        for (int a = 0; a < 3; a++) {
            for (int c = 0; c < 3; c++)
                local[a][c] = (double)rotation[9 * j + 3 * a + c];
            local[a][3] = joint[j][a] - (p >= 0 ? joint[p][a] : 0);
        }
        for (int a = 0; a < 3; a++)
            for (int c = 0; c < 4; c++) {
                world[j][a][c] = p < 0 ? local[a][c] : (c == 3 ? world[p][a][3] : 0);
                for (int k = 0; k < 3 && p >= 0; k++)
                    world[j][a][c] += world[p][a][k] * local[k][c];
            }
    }
    for (int32_t i = 0; i < r->v; i++)
        for (int a = 0; a < 3; a++) {
            out[3 * i + a] = 0;
            for (int32_t j = 0; j < r->j; j++) {
                double y = world[j][a][3];
                for (int c = 0; c < 3; c++)
                    y += world[j][a][c] * (x[3 * i + c] - joint[j][c]);
                out[3 * i + a] += (double)r->skin[i * r->j + j] * y;
            }
        }
    free(x);
}

START_TEST(test_evaluation)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_head *head = tiny_head(&env);
    raw r;
    load_raw(&env, &r);
    float *scratch = tiny_floats(jr2i_head_scratch(head)), *vertices = tiny_floats(3 * (size_t)r.v), *landmarks = tiny_floats(478 * 3);
    float *b = tiny_floats((size_t)r.ni), *e = tiny_floats((size_t)r.ne), again[478 * 3], again68[68 * 3], near68[68 * 3];
    double *wanted = calloc((size_t)r.v * 3, sizeof *wanted);
    uint32_t seed = 3;
    for (int round = 0; round < 8; round++) {
        float rotation[9 * 5];
        for (int32_t i = 0; i < r.ni; i++)
            b[i] = round & 1 ? 4 * tiny_random(&seed) - 2 : 0;
        for (int32_t i = 0; i < r.ne; i++)
            e[i] = tiny_random(&seed) < 0.3f ? tiny_random(&seed) : 0;
        for (int j = 0; j < 5; j++)
            jr2i_pose_matrix(j ? tiny_random(&seed) - 0.5f : 0.3f, tiny_random(&seed) - 0.5f, 0.2f, rotation + 9 * j);
        jr2i_head_input input = {b, e, rotation, r.ni, r.ne};
        float gaze[4], arkit[52];
        if (round >= 4) { /* joints by eyeLook* */
            input.joint_rotation = NULL;
            jr2i_arkit_from_expression(&head->arkit, e, arkit);
            jr2i_gaze_from_arkit(arkit, head->eye_range, gaze);
            for (int j = 0; j < 5; j++)
                jr2i_pose_matrix(j < 3 ? 0 : gaze[2 * (j - 3)], j < 3 ? 0 : gaze[2 * (j - 3) + 1], 0, rotation + 9 * j);
        }
        ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_OK);
        jr2i_head_vertices(head, &input, scratch, vertices);
        slow(&r, b, e, rotation, wanted);
        for (int32_t i = 0; i < 3 * r.v; i++)
            ck_assert_msg(fabs(wanted[i] - (double)vertices[i]) < 2e-5, "round %d, vertex %d: %g, not %g", round, (int)i / 3,
                          (double)vertices[i], wanted[i]);
        jr2i_head_landmarks(head, &input, scratch, landmarks, near68);
        jr2i_head_landmarks_of(&head->landmark478, vertices, rotation, again);
        jr2i_head_landmarks_of(&head->landmark68, vertices, rotation, again68);
        for (int i = 0; i < 68 * 3; i++)
            ck_assert_float_eq_tol(near68[i], again68[i], 2e-5f);
        for (int i = 0; i < 478; i++)
            for (int c = 0; c < 3; c++) {
                double p = 0;
                for (int k = 0; k < 3; k++)
                    p += (double)r.weight[3 * i + k] * wanted[3 * r.triangles[3 * r.landmark[i] + k] + c] +
                         (double)rotation[3 * c + k] * (double)r.offset[3 * i + k];
                ck_assert(fabs(p - (double)landmarks[3 * i + c]) < 5e-5);
                ck_assert_float_eq_tol(landmarks[3 * i + c], again[3 * i + c], 2e-5f);
            }
    }
    free(scratch);
    free(vertices);
    free(landmarks);
    free(b);
    free(e);
    free(wanted);
    free_raw(&env, &r);
    jr2i_head_free(&env, head);
}
END_TEST

START_TEST(test_normals)
{
    tiny_face f;
    tiny_face_make(&f, 640, 480, 0);
    const jr2i_head *h = f.head;
    int32_t outward = 0;
    for (int32_t i = 0; i < h->vertex_count; i++) {
        const float *n = f.normals + 3 * i, *x = f.vertices + 3 * i;
        ck_assert_float_eq_tol(n[0] * n[0] + n[1] * n[1] + n[2] * n[2], 1, 1e-4f);
        outward += n[0] * x[0] + n[1] * x[1] + n[2] * x[2] > 0;
    }
    ck_assert_int_gt(outward, h->vertex_count * 8 / 10); /* not the backs of the eyeballs */
    tiny_face_free(&f);
}
END_TEST

START_TEST(test_checks)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    jr2i_head *head = tiny_head(&env);
    float b[64] = {0}, e[64] = {0};
    jr2i_head_input input = {b, e, NULL, head->identity_count, head->expression_count};
    ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_OK);
    b[1] = NAN;
    ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_ERR_RANGE);
    b[1] = 0;
    e[3] = INFINITY;
    ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_ERR_RANGE);
    e[3] = 0;
    input.identity_count++;
    ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_ERR_RANGE);
    input.identity_count = -1;
    ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_ERR_RANGE);
    input.identity_count = 1;
    input.identity = NULL;
    ck_assert_int_eq(jr2i_head_check(&env, head, &input), JR2_ERR_ARGUMENT);
    jr2i_head_free(&env, head);
}
END_TEST

/* A head of four vertices that can be damaged tensor by tensor. */
typedef struct small {
    float mean[12], identity[12], expression[12], uv[8], regressor[8], skin[8], albedo[12], corrective[108], range[4], bary[204];
    int32_t triangles[12], uv_triangles[12], parents[2], landmark[68];
    uint8_t part[4];
    const char *names, *joints;
    const char *leave_out;
} small;

static void make_small(small *s)
{
    memset(s, 0, sizeof *s);
    const float mean[12] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    const int32_t triangles[12] = {0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3};
    memcpy(s->mean, mean, sizeof mean);
    memcpy(s->triangles, triangles, sizeof triangles);
    memcpy(s->uv_triangles, triangles, sizeof triangles);
    s->identity[0] = s->expression[4] = 0.5f;
    for (int i = 0; i < 4; i++) {
        s->uv[2 * i] = s->uv[2 * i + 1] = 0.25f * (float)i;
        s->skin[2 * i] = s->skin[2 * i + 1] = 0.5f;
        s->regressor[i] = s->regressor[4 + i] = 0.25f;
        s->range[i] = 30;
    }
    s->parents[0] = -1;
    for (int i = 0; i < 68; i++)
        s->bary[3 * i] = 1;
    s->names = "jawOpen";
    s->joints = "root\njaw";
}

static void put(const small *s, writer *w, const char *name, uint32_t type, uint32_t ndim, int32_t a, int32_t b, int32_t c,
                const void *data)
{
    const int32_t dims[3] = {a, b, c};
    if (!s->leave_out || strcmp(s->leave_out, name) != 0)
        writer_add(w, name, type, ndim, dims, data);
}

static int32_t try_small(const small *s, char *text)
{
    jr2i_env env;
    memset(&env, 0, sizeof env);
    writer w;
    memset(&w, 0, sizeof w);
    put(s, &w, "template", 0, 2, 4, 3, 1, s->mean);
    put(s, &w, "triangles", 2, 2, 4, 3, 1, s->triangles);
    put(s, &w, "uv", 0, 2, 4, 2, 1, s->uv);
    put(s, &w, "triangles_uv", 2, 2, 4, 3, 1, s->uv_triangles);
    put(s, &w, "part", 3, 1, 4, 1, 1, s->part);
    put(s, &w, "identity", 0, 3, 1, 4, 3, s->identity);
    put(s, &w, "expression", 0, 3, 1, 4, 3, s->expression);
    put(s, &w, "expression_names", 3, 1, (int32_t)strlen(s->names), 1, 1, s->names);
    put(s, &w, "joint_names", 3, 1, (int32_t)strlen(s->joints), 1, 1, s->joints);
    put(s, &w, "joint_parents", 2, 1, 2, 1, 1, s->parents);
    put(s, &w, "joint_regressor", 0, 2, 2, 4, 1, s->regressor);
    put(s, &w, "skin_weights", 0, 2, 4, 2, 1, s->skin);
    put(s, &w, "pose_correctives", 0, 3, 9, 4, 3, s->corrective);
    put(s, &w, "landmark68_triangle", 2, 1, 68, 1, 1, s->landmark);
    put(s, &w, "landmark68_barycentric", 0, 2, 68, 3, 1, s->bary);
    put(s, &w, "albedo_mean", 0, 2, 4, 3, 1, s->albedo);
    put(s, &w, "eye_range", 0, 1, 4, 1, 1, s->range);
    size_t size = 0;
    uint8_t *bytes = writer_finish(&w, JR2I_HEAD_TOPOLOGY, &size);
    jr2i_jr2w *file = NULL;
    jr2i_head *head = NULL;
    int32_t status = jr2i_jr2w_open_memory(&env, bytes, size, 0, &file);
    ck_assert_msg(status == JR2_OK, "%s", env.error);
    status = jr2i_head_create(&env, file, &head);
    ck_assert_int_eq(status == JR2_OK, head != NULL);
    if (text)
        strcpy(text, env.error);
    jr2i_head_free(&env, head);
    jr2i_jr2w_close(&env, file);
    free(bytes);
    return status;
}

#define REFUSED(change, wanted, word) \
    do { \
        make_small(&s); \
        change; \
        text[0] = 0; \
        ck_assert_int_eq(try_small(&s, text), wanted); \
        ck_assert_msg(strstr(text, word) != NULL, "\"%s\" does not say \"%s\"", text, word); \
    } while (0)

START_TEST(test_damaged)
{
    small s;
    char text[256];
    make_small(&s);
    ck_assert_int_eq(try_small(&s, text), JR2_OK);
    static const char *const optional[] = {"part", "expression_names", "joint_names", "pose_correctives", "albedo_mean", "eye_range",
                                           "landmark68_triangle"};
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        s.leave_out = optional[i];
        ck_assert_int_eq(try_small(&s, NULL), JR2_OK);
    }
    static const char *const needed[] = {"template", "triangles", "triangles_uv", "identity", "expression", "joint_parents",
                                         "joint_regressor", "skin_weights", "landmark68_barycentric"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        REFUSED(s.leave_out = needed[i], JR2_ERR_MISSING, needed[i]);
    REFUSED(s.triangles[5] = 4, JR2_ERR_FORMAT, "triangles");
    REFUSED(s.triangles[5] = -1, JR2_ERR_FORMAT, "triangles");
    REFUSED(s.uv_triangles[0] = 9, JR2_ERR_FORMAT, "triangles_uv");
    REFUSED(s.mean[2] = NAN, JR2_ERR_FORMAT, "template");
    REFUSED(s.expression[2] = INFINITY, JR2_ERR_FORMAT, "expression");
    REFUSED(s.uv[3] = 2, JR2_ERR_FORMAT, "uv");
    REFUSED(s.part[3] = 9, JR2_ERR_FORMAT, "part");
    REFUSED(s.parents[0] = 0, JR2_ERR_FORMAT, "joint_parents");
    REFUSED(s.parents[1] = 1, JR2_ERR_FORMAT, "joint_parents");
    REFUSED(s.parents[1] = -1, JR2_ERR_FORMAT, "joint_parents");
    REFUSED(s.skin[0] = 0.6f, JR2_ERR_FORMAT, "skin_weights");
    REFUSED((s.skin[0] = -0.5f, s.skin[1] = 1.5f), JR2_ERR_FORMAT, "skin_weights");
    REFUSED(s.landmark[67] = 4, JR2_ERR_FORMAT, "landmark68_triangle");
    REFUSED(s.bary[1] = 1, JR2_ERR_FORMAT, "landmark68_barycentric");
    REFUSED(s.names = "jawOpen\nmore", JR2_ERR_FORMAT, "expression_names");
    REFUSED(s.names = "jaw\"Open", JR2_ERR_FORMAT, "expression_names");
    REFUSED(s.joints = "root", JR2_ERR_FORMAT, "joint_names");
    REFUSED(s.range[2] = 200, JR2_ERR_FORMAT, "eye_range");
}
END_TEST

/* Fails the n-th allocation. */
static int32_t countdown;
static void *counted_alloc(void *user, size_t size, size_t alignment)
{
    (void)user;
    if (countdown-- == 0)
        return NULL;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void counted_release(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

START_TEST(test_memory)
{
    jr2i_env plain, env;
    memset(&plain, 0, sizeof plain);
    memset(&env, 0, sizeof env);
    env.alloc = counted_alloc;
    env.release = counted_release;
    jr2i_jr2w *file = NULL;
    ck_assert_int_eq(jr2i_jr2w_open_file(&plain, "tests/data/tiny_head.jr2w", &file), JR2_OK);
    int32_t n = 0;
    for (;; n++) {
        jr2i_head *head = NULL;
        countdown = n;
        int32_t status = jr2i_head_create(&env, file, &head);
        if (status == JR2_OK) {
            jr2i_head_free(&env, head);
            break;
        }
        ck_assert_int_eq(status, JR2_ERR_NO_MEMORY);
        ck_assert_ptr_null(head);
    }
    ck_assert_int_gt(n, 30);
    jr2i_jr2w_close(&plain, file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("head");
    TCase *tests = tcase_create("head");
    tcase_add_test(tests, test_evaluation);
    tcase_add_test(tests, test_normals);
    tcase_add_test(tests, test_checks);
    tcase_add_test(tests, test_damaged);
    tcase_add_test(tests, test_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
