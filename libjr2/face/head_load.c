/* SPDX-License-Identifier: MIT
 * Reading a head model from its weights: every shape, index and value is checked here, so that evaluation need not. */
#include <math.h>
#include <string.h>

#include "face/head.h"

#define VERTICES_MAX (1 << 20)
#define PARTS 9

static int32_t load_optional_f32(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim, const int32_t *dims,
                                 float **out)
{
    *out = NULL;
    return jr2i_jr2w_find(file, name) ? jr2i_jr2w_load_f32(env, file, name, ndim, dims, out) : JR2_OK;
}

static int32_t check_indices(jr2i_env *env, const char *name, const int32_t *index, size_t count, int32_t limit)
{
    for (size_t i = 0; i < count; i++)
        if (index[i] < 0 || index[i] >= limit)
            return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: entry %zu is %d, expected 0..%d", name, i, (int)index[i],
                             (int)limit - 1);
    return JR2_OK;
}

/* Rows of positive weights that sum to one; scales away what rounding left. */
static int32_t check_weights(jr2i_env *env, const char *name, float *weight, size_t rows, int32_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = weight + i * (size_t)columns, sum = 0;
        for (int32_t k = 0; k < columns; k++) {
            if (row[k] < -1e-3f)
                return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: negative weight in row %zu", name, i);
            sum += row[k];
        }
        if (!(fabsf(sum - 1) < 2e-3f))
            return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: the weights of row %zu sum to %g, not 1", name, i, (double)sum);
        for (int32_t k = 0; k < columns; k++)
            row[k] /= sum;
    }
    return JR2_OK;
}

static int32_t load_names(jr2i_env *env, const jr2i_jr2w *file, const char *tensor, int32_t count, char **text, const char **names)
{
    *text = NULL;
    if (!jr2i_jr2w_find(file, tensor))
        return JR2_OK;
    int32_t status = jr2i_jr2w_load_text(env, file, tensor, text);
    if (status != JR2_OK)
        return status;
    int32_t n = 0;
    for (char *line = *text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        if (n < count)
            names[n] = line;
        if (*line == 0 || strlen(line) > 63)
            return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: line %d is empty or too long", tensor, (int)n);
        for (const char *c = line; *c; c++)
            if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
                return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: line %d has a character no name may have", tensor, (int)n);
        n++;
        line = end ? end + 1 : NULL;
    }
    if (n != count)
        return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: %d names, expected %d", tensor, (int)n, (int)count);
    return JR2_OK;
}

/* The names' texts end up in head->text: expressions, then joints, then made-up names. */
static int32_t load_all_names(jr2i_env *env, const jr2i_jr2w *file, jr2i_head *head)
{
    int32_t count = head->expression_count + head->joint_count;
    char *expressions = NULL, *joints = NULL;
    head->expression_name = jr2i_calloc(env, (size_t)head->expression_count, sizeof *head->expression_name);
    head->joint_name = jr2i_calloc(env, (size_t)head->joint_count, sizeof *head->joint_name);
    head->text = jr2i_calloc(env, (size_t)count, 64);
    if (!head->expression_name || !head->joint_name || !head->text)
        return jr2i_no_memory(env, (size_t)count * 64);
    int32_t status = load_names(env, file, "expression_names", head->expression_count, &expressions, head->expression_name);
    if (status == JR2_OK)
        status = load_names(env, file, "joint_names", head->joint_count, &joints, head->joint_name);
    for (int32_t i = 0; i < count && status == JR2_OK; i++) {
        int32_t of_joint = i >= head->expression_count, k = of_joint ? i - head->expression_count : i;
        const char **name = of_joint ? &head->joint_name[k] : &head->expression_name[k];
        char *text = head->text + 64 * (size_t)i;
        if (*name) {
            memcpy(text, *name, strlen(*name));
        } else {
            static const char made[2][12] = {"expression_", "joint_"};
            size_t length = strlen(made[of_joint]);
            memcpy(text, made[of_joint], length);
            char digits[12];
            int n = 0;
            for (int32_t rest = k; n == 0 || rest; rest /= 10)
                digits[n++] = (char)('0' + rest % 10);
            while (n)
                text[length++] = digits[--n];
        }
        *name = text;
    }
    jr2i_free(env, expressions);
    jr2i_free(env, joints);
    return status;
}

static int32_t load_landmarks(jr2i_env *env, const jr2i_jr2w *file, jr2i_head *head, int32_t count, jr2i_landmark_set *set)
{
    char name[64];
    const char *prefix = count == 68 ? "landmark68" : "landmark478";
    const int32_t dims[2] = {count, 3};
    int32_t *triangle = NULL;
    size_t n = (size_t)count, length = strlen(prefix);
    memset(name, 0, sizeof name);
    memcpy(name, prefix, length);
    memcpy(name + length, "_triangle", 10);
    if (!jr2i_jr2w_find(file, name))
        return JR2_OK;
    int32_t status = jr2i_jr2w_load_i32(env, file, name, 1, dims, &triangle);
    if (status == JR2_OK)
        status = check_indices(env, name, triangle, n, head->triangle_count);
    memcpy(name + length, "_barycentric", 13);
    if (status == JR2_OK)
        status = jr2i_jr2w_load_f32(env, file, name, 2, dims, &set->weight);
    if (status == JR2_OK)
        status = check_weights(env, name, set->weight, n, 3);
    memcpy(name + length, "_offset", 8);
    if (status == JR2_OK)
        status = load_optional_f32(env, file, name, 2, dims, &set->offset);
    if (status == JR2_OK) {
        if (!set->offset)
            set->offset = jr2i_calloc(env, n * 3, sizeof(float));
        set->corner = jr2i_alloc(env, n * 3, sizeof(int32_t));
        set->near_corner = jr2i_alloc(env, n * 3, sizeof(int32_t));
        if (!set->offset || !set->corner || !set->near_corner)
            status = jr2i_no_memory(env, n * 3 * sizeof(float));
    }
    if (status == JR2_OK) {
        for (size_t i = 0; i < n; i++)
            memcpy(set->corner + 3 * i, head->triangles + 3 * (size_t)triangle[i], 3 * sizeof(int32_t));
        set->count = count;
    }
    jr2i_free(env, triangle);
    return status;
}

static void free_landmarks(const jr2i_env *env, jr2i_landmark_set *set)
{
    jr2i_free(env, set->corner);
    jr2i_free(env, set->near_corner);
    jr2i_free(env, set->weight);
    jr2i_free(env, set->offset);
}

/* The landmark surface: the vertices that any landmark stands on, in the order of first use. */
static int32_t make_near(jr2i_env *env, jr2i_head *head, const jr2i_surface_source *from)
{
    jr2i_landmark_set *sets[2] = {&head->landmark478, &head->landmark68};
    int32_t *number = jr2i_alloc(env, (size_t)head->vertex_count, sizeof *number);
    int32_t *vertices = jr2i_alloc(env, 3 * (478 + 68), sizeof *vertices);
    int32_t count = 0, status = JR2_OK;
    if (!number || !vertices)
        status = jr2i_no_memory(env, (size_t)head->vertex_count * sizeof *number);
    if (status == JR2_OK) {
        for (int32_t i = 0; i < head->vertex_count; i++)
            number[i] = -1;
        for (int s = 0; s < 2; s++)
            for (int32_t i = 0; i < 3 * sets[s]->count; i++) {
                int32_t v = sets[s]->corner[i];
                if (number[v] < 0) {
                    vertices[count] = v;
                    number[v] = count++;
                }
                sets[s]->near_corner[i] = number[v];
            }
        status = jr2i_surface_make(env, head->vertex_count, head->joint_count, from, vertices, count, &head->near);
    }
    jr2i_free(env, number);
    jr2i_free(env, vertices);
    return status;
}

/* Joints follow the shapes linearly: the regressor times every mode, once. */
static int32_t make_joints(jr2i_env *env, jr2i_head *head, const jr2i_surface_source *from)
{
    int32_t joints = head->joint_count, vertices = head->vertex_count;
    size_t row = 3 * (size_t)joints;
    head->joint_mean = jr2i_alloc(env, row, sizeof(float));
    head->joint_identity = jr2i_alloc(env, row * (size_t)head->identity_count, sizeof(float));
    head->joint_expression = jr2i_alloc(env, row * (size_t)head->expression_count, sizeof(float));
    if (!head->joint_mean || !head->joint_identity || !head->joint_expression)
        return jr2i_no_memory(env, row * (size_t)head->identity_count * sizeof(float));
    int32_t counts[3] = {1, head->identity_count, head->expression_count};
    const float *modes[3] = {from->mean, from->identity, from->expression};
    float *out[3] = {head->joint_mean, head->joint_identity, head->joint_expression};
    for (int s = 0; s < 3; s++)
        for (int32_t m = 0; m < counts[s]; m++) {
            const float *mode = modes[s] + (size_t)m * 3 * (size_t)vertices;
            for (int32_t j = 0; j < joints; j++) {
                const float *weight = from->regressor + (size_t)j * (size_t)vertices;
                double sum[3] = {0, 0, 0};
                for (int32_t v = 0; v < vertices; v++)
                    if (weight[v] != 0)
                        for (int c = 0; c < 3; c++)
                            sum[c] += (double)weight[v] * (double)mode[3 * v + c];
                for (int c = 0; c < 3; c++)
                    out[s][(size_t)m * row + 3 * (size_t)j + (size_t)c] = (float)sum[c];
            }
        }
    return JR2_OK;
}

static int32_t find_joint(const jr2i_head *head, const char *name)
{
    for (int32_t i = 0; i < head->joint_count; i++)
        if (strcmp(head->joint_name[i], name) == 0)
            return i;
    return -1;
}

static int32_t load_sizes(jr2i_env *env, const jr2i_jr2w *file, jr2i_head *head)
{
    const struct {
        const char *name;
        int32_t ndim, axis, *size, limit;
    } wanted[] = {
        {"template", 2, 0, &head->vertex_count, VERTICES_MAX},   {"triangles", 2, 0, &head->triangle_count, 4 * VERTICES_MAX},
        {"identity", 3, 0, &head->identity_count, 4096},         {"expression", 3, 0, &head->expression_count, 4096},
        {"joint_parents", 1, 0, &head->joint_count, JR2I_HEAD_JOINTS_MAX},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const jr2i_tensor_info *t = NULL;
        int32_t any[3] = {0, 0, 0};
        int32_t status = jr2i_jr2w_get(env, file, wanted[i].name, wanted[i].ndim, any, &t);
        if (status != JR2_OK)
            return status;
        *wanted[i].size = t->dims[wanted[i].axis];
        if (*wanted[i].size > wanted[i].limit)
            return jr2i_fail(env, JR2_ERR_FORMAT, "head model: %s: %d rows, the limit is %d", wanted[i].name, (int)*wanted[i].size,
                             (int)wanted[i].limit);
    }
    return JR2_OK;
}

static int32_t load_topology(jr2i_env *env, const jr2i_jr2w *file, jr2i_head *head)
{
    const int32_t t3[2] = {head->triangle_count, 3}, u2[2] = {0, 2}, t1[1] = {head->triangle_count};
    size_t corners = 3 * (size_t)head->triangle_count;
    int32_t status = jr2i_jr2w_load_i32(env, file, "triangles", 2, t3, &head->triangles);
    if (status == JR2_OK)
        status = check_indices(env, "triangles", head->triangles, corners, head->vertex_count);
    if (status != JR2_OK)
        return status;
    if (jr2i_jr2w_find(file, "uv")) {
        status = jr2i_jr2w_load_f32(env, file, "uv", 2, u2, &head->uv);
        if (status != JR2_OK)
            return status;
        head->uv_count = jr2i_jr2w_find(file, "uv")->dims[0];
        for (int32_t i = 0; i < 2 * head->uv_count; i++) {
            if (!(head->uv[i] >= -0.01f && head->uv[i] <= 1.01f))
                return jr2i_fail(env, JR2_ERR_FORMAT, "head model: uv: row %d is outside of the atlas", (int)i / 2);
            head->uv[i] = fminf(fmaxf(head->uv[i], 0), 1);
        }
        status = jr2i_jr2w_load_i32(env, file, "triangles_uv", 2, t3, &head->triangles_uv);
        if (status == JR2_OK)
            status = check_indices(env, "triangles_uv", head->triangles_uv, corners, head->uv_count);
        if (status != JR2_OK)
            return status;
    }
    if (!jr2i_jr2w_find(file, "part")) {
        head->part = jr2i_calloc(env, (size_t)head->triangle_count, 1);
        return head->part ? JR2_OK : jr2i_no_memory(env, (size_t)head->triangle_count);
    }
    status = jr2i_jr2w_load_u8(env, file, "part", 1, t1, &head->part);
    for (int32_t i = 0; i < head->triangle_count && status == JR2_OK; i++)
        if (head->part[i] >= PARTS)
            status = jr2i_fail(env, JR2_ERR_FORMAT, "head model: part: triangle %d has the unknown part %d", (int)i, head->part[i]);
    return status;
}

static int32_t load_joints(jr2i_env *env, const jr2i_jr2w *file, jr2i_head *head, jr2i_surface_source *from)
{
    int32_t joints = head->joint_count, v = head->vertex_count;
    const int32_t j1[1] = {joints}, jv[2] = {joints, v}, vj[2] = {v, joints}, four[1] = {4};
    const int32_t correctives[3] = {9 * (joints - 1), v, 3};
    int32_t status = jr2i_jr2w_load_i32(env, file, "joint_parents", 1, j1, &head->joint_parent);
    if (status != JR2_OK)
        return status;
    for (int32_t i = 0; i < joints; i++)
        if (i == 0 ? head->joint_parent[i] != -1 : head->joint_parent[i] < 0 || head->joint_parent[i] >= i)
            return jr2i_fail(env, JR2_ERR_FORMAT, "head model: joint_parents: joint %d has the parent %d", (int)i,
                             (int)head->joint_parent[i]);
    status = jr2i_jr2w_load_f32(env, file, "joint_regressor", 2, jv, &from->regressor);
    if (status == JR2_OK)
        status = jr2i_jr2w_load_f32(env, file, "skin_weights", 2, vj, &from->skin);
    if (status == JR2_OK)
        status = check_weights(env, "skin_weights", from->skin, (size_t)v, joints);
    if (status == JR2_OK && joints > 1) {
        status = load_optional_f32(env, file, "pose_correctives", 3, correctives, &from->corrective);
        from->corrective_count = from->corrective ? correctives[0] : 0;
    }
    float *range = NULL;
    if (status == JR2_OK)
        status = load_optional_f32(env, file, "eye_range", 1, four, &range);
    for (int i = 0; i < 4 && range && status == JR2_OK; i++) {
        head->eye_range[i] = range[i];
        if (!(range[i] >= 0 && range[i] <= 90))
            status = jr2i_fail(env, JR2_ERR_FORMAT, "head model: eye_range: %g is not in 0..90 degrees", (double)range[i]);
    }
    jr2i_free(env, range);
    return status;
}

static int32_t load(jr2i_env *env, const jr2i_jr2w *file, jr2i_head *head, jr2i_surface_source *from)
{
    int32_t status = load_sizes(env, file, head);
    if (status != JR2_OK)
        return status;
    from->identity_count = head->identity_count;
    from->expression_count = head->expression_count;
    int32_t v = head->vertex_count;
    const int32_t v3[2] = {v, 3}, identity[3] = {0, v, 3}, albedo[3] = {0, v, 3};
    if ((status = load_topology(env, file, head)) != JR2_OK || (status = load_joints(env, file, head, from)) != JR2_OK ||
        (status = jr2i_jr2w_load_f32(env, file, "template", 2, v3, &from->mean)) != JR2_OK ||
        (status = jr2i_jr2w_load_f32(env, file, "identity", 3, identity, &from->identity)) != JR2_OK ||
        (status = jr2i_jr2w_load_f32(env, file, "expression", 3, identity, &from->expression)) != JR2_OK ||
        (status = load_all_names(env, file, head)) != JR2_OK ||
        (status = load_landmarks(env, file, head, 478, &head->landmark478)) != JR2_OK ||
        (status = load_landmarks(env, file, head, 68, &head->landmark68)) != JR2_OK ||
        (status = make_joints(env, head, from)) != JR2_OK ||
        (status = jr2i_surface_make(env, head->vertex_count, head->joint_count, from, NULL, v, &head->surface)) != JR2_OK ||
        (status = make_near(env, head, from)) != JR2_OK ||
        (status = load_optional_f32(env, file, "albedo_mean", 2, v3, &head->albedo_mean)) != JR2_OK)
        return status;
    if (head->albedo_mean && jr2i_jr2w_find(file, "albedo")) {
        status = jr2i_jr2w_load_f32(env, file, "albedo", 3, albedo, &from->albedo);
        if (status == JR2_OK)
            head->albedo_count = jr2i_jr2w_find(file, "albedo")->dims[0];
        if (status == JR2_OK)
            status = jr2i_basis_make(env, from->albedo, head->albedo_count, v, NULL, v, &head->albedo);
        if (status != JR2_OK)
            return status;
    }
    head->left_eye = find_joint(head, "left_eye");
    head->right_eye = find_joint(head, "right_eye");
    head->jaw = find_joint(head, "jaw");
    jr2i_arkit_map_make(head->expression_name, head->expression_count, &head->arkit);
    return JR2_OK;
}

int32_t jr2i_head_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_head **out)
{
    *out = NULL;
    int32_t status = jr2i_jr2w_expect(env, file, JR2I_HEAD_TOPOLOGY);
    if (status != JR2_OK)
        return status;
    jr2i_head *head = jr2i_calloc(env, 1, sizeof *head);
    if (!head)
        return jr2i_no_memory(env, sizeof *head);
    jr2i_surface_source from;
    memset(&from, 0, sizeof from);
    status = load(env, file, head, &from);
    jr2i_free(env, from.mean);
    jr2i_free(env, from.identity);
    jr2i_free(env, from.expression);
    jr2i_free(env, from.corrective);
    jr2i_free(env, from.skin);
    jr2i_free(env, from.regressor);
    jr2i_free(env, from.albedo);
    if (status == JR2_OK)
        *out = head;
    else
        jr2i_head_free(env, head);
    return status;
}

void jr2i_head_free(const jr2i_env *env, jr2i_head *head)
{
    if (!head)
        return;
    jr2i_surface_free(env, &head->surface);
    jr2i_surface_free(env, &head->near);
    free_landmarks(env, &head->landmark478);
    free_landmarks(env, &head->landmark68);
    jr2i_basis_free(env, &head->albedo);
    jr2i_free(env, head->albedo_mean);
    jr2i_free(env, head->triangles);
    jr2i_free(env, head->triangles_uv);
    jr2i_free(env, head->uv);
    jr2i_free(env, head->part);
    jr2i_free(env, head->joint_parent);
    jr2i_free(env, head->joint_mean);
    jr2i_free(env, head->joint_identity);
    jr2i_free(env, head->joint_expression);
    jr2i_free(env, head->joint_name);
    jr2i_free(env, head->expression_name);
    jr2i_free(env, head->text);
    jr2i_free(env, head);
}
