/* SPDX-License-Identifier: MIT
 * The model: opening from a folder, a file or memory, its parts and its owners. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "face/closeup.h"
#include "handles.h"
#include "nn/net_coarse.h"
#include "nn/net_expression.h"
#include "nn/net_find.h"

#define PATH_SIZE 4200

static const char *const file_names[] = {"head.jr2w", "find.jr2w", "coarse.jr2w", "expression.jr2w", "reenact.jr2w"}; /* of JR2_PART_HEAD and on */

/* Fills env from the options; JR2_OK or a status with the text in env. */
static int32_t read_options(jr2i_env *env, const jr2_model_options *options)
{
    memset(env, 0, sizeof *env);
    if (!options)
        return JR2_OK;
    int32_t status = jr2i_check_struct(env, options->struct_size, sizeof *options, "jr2_model_options");
    if (status != JR2_OK)
        return status;
    if (!options->alloc != !options->release)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "alloc and release come together");
    if (options->without < 0 || options->without >= 2 << JR2_PART_REENACT || options->without & 1)
        return jr2i_fail(env, JR2_ERR_RANGE, "without is %d, not a sum of 1 << JR2_PART_*", (int)options->without);
    env->alloc = options->alloc;
    env->release = options->release;
    env->alloc_user = options->alloc_user;
    return JR2_OK;
}

static void destroy(jr2i_env *env, jr2_model *model)
{
    if (!model)
        return;
    jr2i_fit_free(env, model->fit);
    jr2i_free(env, model->anchor);
    jr2i_net_free(env, model->expression);
    jr2i_net_reenact_free(env, model->reenact);
    jr2i_net_free(env, model->coarse);
    jr2i_net_free(env, model->find);
    jr2i_head_free(env, model->head);
    jr2i_free(env, model);
}

static int32_t twice(jr2i_env *env, const char *name, const char *topology)
{
    return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s: the part %s is there twice", name, topology);
}

/* The network and, beside it, which closeup each of its landmarks is measured from. */
static int32_t add_expression(jr2i_env *env, jr2_model *model, const jr2i_jr2w *file)
{
    int32_t status = jr2i_jr2w_load_u8(env, file, "anchor", 1, (int32_t[]){478}, &model->anchor);
    for (int32_t i = 0; status == JR2_OK && i < 478; i++)
        if (model->anchor[i] >= JR2I_CLOSEUPS)
            status = jr2i_fail(env, JR2_ERR_FORMAT, "%s: anchor[%d] is %d", JR2I_EXPRESSION_TOPOLOGY, (int)i, (int)model->anchor[i]);
    return status == JR2_OK ? jr2i_net_expression_create(env, file, &model->expression) : status;
}

int32_t jr2i_model_add(jr2i_env *env, jr2_model *model, const jr2i_jr2w *file, const char *name)
{
    const char *topology = jr2i_jr2w_topology(file);
    if (strcmp(topology, JR2I_HEAD_TOPOLOGY) == 0)
        return model->head ? twice(env, name, topology) : jr2i_head_create(env, file, &model->head);
    if (strcmp(topology, JR2I_FIND_TOPOLOGY) == 0)
        return model->find ? twice(env, name, topology) : jr2i_net_find_create(env, file, &model->find);
    if (strcmp(topology, JR2I_COARSE_TOPOLOGY) == 0)
        return model->coarse ? twice(env, name, topology) : jr2i_net_coarse_create(env, file, &model->coarse);
    if (strcmp(topology, JR2I_EXPRESSION_TOPOLOGY) == 0)
        return model->expression ? twice(env, name, topology) : add_expression(env, model, file);
    if (strcmp(topology, JR2I_REENACT_TOPOLOGY) == 0)
        return model->reenact ? twice(env, name, topology) : jr2i_net_reenact_create(env, file, &model->reenact);
    return jr2i_fail(env, JR2_ERR_TOPOLOGY, "%s: unknown topology \"%s\"", name, topology);
}

/* Puts the name of the file before the error text. */
static int32_t name_error(jr2i_env *env, int32_t status, const char *path)
{
    if (status != JR2_OK && !strstr(env->error, path)) {
        char text[sizeof env->error];
        memcpy(text, env->error, sizeof text);
        jr2i_fail(env, status, "%s: %s", path, text);
    }
    return status;
}

static int32_t add_file(jr2i_env *env, jr2_model *model, const char *path)
{
    jr2i_jr2w *file;
    int32_t status = jr2i_jr2w_open_file(env, path, &file);
    if (status == JR2_OK)
        status = jr2i_model_add(env, model, file, path);
    jr2i_jr2w_close(env, file);
    return name_error(env, status, path);
}

/* Adds the parts that are in a folder, but those of the bits of without; *found counts all. */
static int32_t add_folder(jr2i_env *env, jr2_model *model, const char *folder, int32_t without, int32_t *found)
{
    for (size_t i = 0; i < sizeof file_names / sizeof *file_names; i++) {
        char path[PATH_SIZE];
        struct stat about;
        if (snprintf(path, sizeof path, "%s/%s", folder, file_names[i]) >= (int)sizeof path)
            return jr2i_fail(env, JR2_ERR_OPEN, "the path is too long");
        if (stat(path, &about) != 0) {
            if (errno == ENOENT || errno == ENOTDIR)
                continue;
            return jr2i_fail(env, JR2_ERR_OPEN, "%s: %s", path, strerror(errno));
        }
        int32_t status = without >> (JR2_PART_HEAD + i) & 1 ? JR2_OK : add_file(env, model, path);
        if (status != JR2_OK)
            return status;
        ++*found;
    }
    return JR2_OK;
}

typedef struct search {
    jr2i_env *env;
    jr2_model *model;
    int32_t without, status, found;
} search;

static int32_t try_folder(void *user, const char *folder)
{
    search *s = user;
    s->status = add_folder(s->env, s->model, folder, s->without, &s->found);
    return s->status != JR2_OK || s->found > 0;
}

static int32_t add_path(jr2i_env *env, jr2_model *model, const char *path, int32_t without)
{
    struct stat about;
    if (!path) {
        search s = {env, model, without, JR2_OK, 0};
        jr2i_search_weights(try_folder, &s);
        if (s.status == JR2_OK && s.found == 0)
            return jr2i_fail(env, JR2_ERR_OPEN, "no weights were found beside the library: give the path of their folder");
        return s.status;
    }
    if (stat(path, &about) != 0)
        return jr2i_fail(env, JR2_ERR_OPEN, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return add_file(env, model, path);
    int32_t found = 0, status = add_folder(env, model, path, without, &found);
    if (status == JR2_OK && found == 0)
        return jr2i_fail(env, JR2_ERR_OPEN, "%s: holds no head.jr2w, find.jr2w or another part of a model", path);
    return status;
}

static int32_t add_blobs(jr2i_env *env, jr2_model *model, const jr2_blob *blobs, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        char name[32];
        jr2i_jr2w *file;
        snprintf(name, sizeof name, "blob %d", (int)i);
        if (!blobs[i].data)
            return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s: data is NULL", name);
        /* Every part copies what it keeps, so that the bytes need to live no longer than this call. */
        int32_t status = jr2i_jr2w_open_memory(env, blobs[i].data, blobs[i].size, 0, &file);
        if (status == JR2_OK)
            status = jr2i_model_add(env, model, file, name);
        jr2i_jr2w_close(env, file);
        if (status != JR2_OK)
            return name_error(env, status, name);
    }
    return JR2_OK;
}

static int32_t open_model(const char *path, const jr2_blob *blobs, int32_t count, const jr2_model_options *options, jr2_model **out)
{
    jr2i_env env;
    jr2_model *model = NULL;
    int32_t status = read_options(&env, options);
    int32_t known = status != JR2_ERR_STRUCT_SIZE; /* else nothing of options can be trusted */
    if (status == JR2_OK && !out)
        status = jr2i_fail(&env, JR2_ERR_ARGUMENT, "model is NULL");
    if (status == JR2_OK && count >= 0 && (!blobs || count == 0))
        status = jr2i_fail(&env, JR2_ERR_ARGUMENT, "no blob was given");
    if (status == JR2_OK && !(model = jr2i_calloc(&env, 1, sizeof *model)))
        status = jr2i_no_memory(&env, sizeof *model);
    if (status == JR2_OK)
        status = blobs ? add_blobs(&env, model, blobs, count) : add_path(&env, model, path, options ? options->without : 0);
    if (status == JR2_OK && model->expression && model->head && model->head->landmark478.count == 478 && jr2i_params_count(model->head) >= 0)
        status = jr2i_fit_create(&env, model->head, &model->fit);
    if (options && known)
        jr2i_copy_text(options->error, options->error_size, status == JR2_OK ? "" : env.error);
    if (status != JR2_OK) {
        destroy(&env, model);
        return status;
    }
    model->env = env;
    atomic_init(&model->owners, 1);
    *out = model;
    return JR2_OK;
}

int32_t jr2_model_open(const char *path, const jr2_model_options *options, jr2_model **model)
{
    if (model)
        *model = NULL;
    return open_model(path, NULL, -1, options, model);
}

int32_t jr2_model_open_memory(const jr2_blob *blobs, int32_t blob_count, const jr2_model_options *options, jr2_model **model)
{
    if (model)
        *model = NULL;
    return open_model(NULL, blobs, blob_count < 0 ? 0 : blob_count, options, model);
}

jr2_model *jr2_model_retain(jr2_model *model)
{
    if (model)
        atomic_fetch_add_explicit(&model->owners, 1, memory_order_relaxed);
    return model;
}

void jr2_model_release(jr2_model *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->owners, 1, memory_order_acq_rel) != 1)
        return;
    jr2i_env env = model->env;
    destroy(&env, model);
}

int32_t jr2_model_has(const jr2_model *model, int32_t part)
{
    if (!model)
        return 0;
    switch (part) {
    case JR2_PART_HEAD:
        return model->head != NULL;
    case JR2_PART_FIND:
        return model->find != NULL;
    case JR2_PART_COARSE:
        return model->coarse != NULL;
    case JR2_PART_EXPRESSION:
        return model->expression != NULL;
    case JR2_PART_REENACT:
        return model->reenact != NULL;
    default:
        return 0;
    }
}

int32_t jr2_model_count(const jr2_model *model, int32_t what)
{
    const jr2i_head *head = model ? model->head : NULL;
    if (!head)
        return 0;
    switch (what) {
    case JR2_COUNT_VERTICES:
        return head->vertex_count;
    case JR2_COUNT_TRIANGLES:
        return head->triangle_count;
    case JR2_COUNT_UV:
        return head->uv_count;
    case JR2_COUNT_IDENTITY:
        return head->identity_count;
    case JR2_COUNT_EXPRESSION:
        return head->expression_count;
    case JR2_COUNT_ALBEDO:
        return head->albedo_count;
    case JR2_COUNT_JOINTS:
        return head->joint_count;
    case JR2_COUNT_LANDMARKS68:
        return head->landmark68.count;
    case JR2_COUNT_LANDMARKS478:
        return head->landmark478.count;
    default:
        return 0;
    }
}

/* An array of the head model with its number of rows; the count is 0 where the array is NULL. */
static const void *rows(const void *array, int32_t rows_there, int32_t *count)
{
    if (count)
        *count = array ? rows_there : 0;
    return array;
}

const int32_t *jr2_model_triangles(const jr2_model *model, int32_t *count)
{
    const jr2i_head *head = model ? model->head : NULL;
    return rows(head ? head->triangles : NULL, head ? head->triangle_count : 0, count);
}

const int32_t *jr2_model_triangles_uv(const jr2_model *model, int32_t *count)
{
    const jr2i_head *head = model ? model->head : NULL;
    return rows(head ? head->triangles_uv : NULL, head ? head->triangle_count : 0, count);
}

const float *jr2_model_uv(const jr2_model *model, int32_t *count)
{
    const jr2i_head *head = model ? model->head : NULL;
    return rows(head ? head->uv : NULL, head ? head->uv_count : 0, count);
}

const uint8_t *jr2_model_parts(const jr2_model *model, int32_t *count)
{
    const jr2i_head *head = model ? model->head : NULL;
    return rows(head ? head->part : NULL, head ? head->triangle_count : 0, count);
}

const char *jr2_model_expression_name(const jr2_model *model, int32_t index)
{
    const jr2i_head *head = model ? model->head : NULL;
    return head && index >= 0 && index < head->expression_count ? head->expression_name[index] : NULL;
}
