/* SPDX-License-Identifier: MIT
 * The reconstruction of one image: options, find the faces, look at each of them (look.h), put the head into the image's camera, fill
 * the result. */
#include <math.h>
#include <string.h>

#include "face/pnp.h"
#include "face/pose.h"
#include "look.h"
#include "render/texture.h"

#define MAX_FACES JR2I_LOOK_MAX
#define DEFAULT_FACES 32
#define MAX_PASSES 4
#define SAME_FACE 0.5f /* overlap of two boxes (intersection / union) above which they are one face */
#define LIMIT 1e6f     /* pixels: no region is farther away or larger */

/* One call: options with their defaults filled in. */
typedef struct job {
    jr2_ctx *ctx;
    jr2i_workspace *ws;
    jr2i_view view;
    jr2i_camera camera;
    jr2_reconstruct_options options;
} job;

static int32_t in_range(jr2i_env *env, const char *name, double value, double low, double high)
{
    if (value >= low && value <= high) /* false for NaN */
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_RANGE, "%s is %g, not %g..%g", name, value, low, high);
}

static int32_t check_regions(jr2i_env *env, const jr2_reconstruct_options *o)
{
    if (o->region_count < 0 || o->region_count > MAX_FACES || (o->region_count > 0 && !o->regions))
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "region_count is %d, regions %s", (int)o->region_count, o->regions ? "given" : "NULL");
    for (int32_t i = 0; i < o->region_count; i++) {
        const jr2_region *r = &o->regions[i];
        if (!(fabsf(r->x) <= LIMIT && fabsf(r->y) <= LIMIT && r->size > 0 && r->size <= LIMIT && fabsf(r->roll) <= LIMIT))
            return jr2i_fail(env, JR2_ERR_RANGE, "regions[%d] is not finite, empty or far outside", (int)i);
    }
    return JR2_OK;
}

/* Zeros become defaults; what is then out of range is an error. */
static int32_t read_options(jr2i_env *env, const jr2_reconstruct_options *given, const jr2i_view *view, jr2_reconstruct_options *o)
{
    int32_t status;
    JR2_INIT(*o);
    if (given) {
        if ((status = jr2i_check_struct(env, given->struct_size, sizeof *given, "jr2_reconstruct_options")) != JR2_OK)
            return status;
        *o = *given;
    }
    if (o->max_faces == 0)
        o->max_faces = DEFAULT_FACES;
    if (o->min_confidence == 0)
        o->min_confidence = 0.5f;
    if (o->min_size == 0)
        o->min_size = 16;
    if (o->focal_px == 0)
        o->focal_px = JR2I_FOCAL_FACTOR * (float)(view->width > view->height ? view->width : view->height);
    if (o->passes == 0)
        o->passes = 2;
    if (o->find_side == 0)
        o->find_side = JR2I_FIND_SIDE;
    if ((status = in_range(env, "max_faces", o->max_faces, 1, MAX_FACES)) != JR2_OK ||
        (status = in_range(env, "min_confidence", (double)o->min_confidence, 0, 1)) != JR2_OK ||
        (status = in_range(env, "min_size", (double)o->min_size, 0, (double)LIMIT)) != JR2_OK ||
        (status = in_range(env, "focal_px", (double)o->focal_px, 1, (double)LIMIT)) != JR2_OK ||
        (status = in_range(env, "passes", o->passes, 1, MAX_PASSES)) != JR2_OK ||
        (status = in_range(env, "thorough", o->thorough, 0, 1)) != JR2_OK ||
        (status = in_range(env, "expression_source", o->expression_source, JR2_EXPRESSION_AUTO, JR2_EXPRESSION_COARSE)) != JR2_OK ||
        (o->texture_size != 0 && (status = in_range(env, "texture_size", o->texture_size, 64, 4096)) != JR2_OK))
        return status;
    return check_regions(env, o);
}

/* Insertion sorts, largest first: stable, and the C library's qsort may allocate. */
static void sort_found(jr2i_found *found, int32_t count)
{
    for (int32_t i = 1; i < count; i++) {
        jr2i_found one = found[i];
        int32_t k = i;
        for (; k > 0 && found[k - 1].frame.size < one.frame.size; k--)
            found[k] = found[k - 1];
        found[k] = one;
    }
}

static void sort_faces(jr2_face *faces, int32_t count)
{
    for (int32_t i = 1; i < count; i++) {
        jr2_face one = faces[i];
        int32_t k = i;
        for (; k > 0 && faces[k - 1].view.region[2] < one.view.region[2]; k--)
            faces[k] = faces[k - 1];
        faces[k] = one;
    }
}

/* Fills ws->found: the caller's regions, or what the finder finds, the largest first. */
static int32_t find_faces(job *j, int32_t *count)
{
    jr2i_workspace *ws = j->ws;
    const jr2_reconstruct_options *o = &j->options;
    int32_t found = 0, kept = 0;
    if (o->region_count > 0) {
        for (; found < o->region_count; found++) {
            const jr2_region *r = &o->regions[found];
            jr2i_frame frame = {r->x, r->y, r->size, remainderf(r->roll, 360) / JR2I_DEGREES};
            ws->found[found].frame = frame;
            ws->found[found].score = 1;
        }
    } else {
        int32_t status =
            jr2i_look_find(j->ctx, &j->view, o->find_side, o->thorough, o->min_confidence, MAX_FACES, ws->found, &found);
        if (status != JR2_OK)
            return status;
        for (int32_t i = 0; i < found; i++)
            if (ws->found[i].frame.size >= o->min_size)
                ws->found[kept++] = ws->found[i];
        found = kept;
    }
    sort_found(ws->found, found);
    *count = found < o->max_faces ? found : o->max_faces;
    return JR2_OK;
}

static void bounding_box(const float *points, int32_t count, float box[4])
{
    float x0 = points[0], y0 = points[1], x1 = x0, y1 = y0;
    for (int32_t i = 1; i < count; i++) {
        x0 = fminf(x0, points[2 * i]);
        x1 = fmaxf(x1, points[2 * i]);
        y0 = fminf(y0, points[2 * i + 1]);
        y1 = fmaxf(y1, points[2 * i + 1]);
    }
    box[0] = x0;
    box[1] = y0;
    box[2] = x1 - x0;
    box[3] = y1 - y0;
}

static void copy(const float *to, const float *from, int32_t count)
{
    if (to && count > 0)
        memcpy((float *)(size_t)to, from, (size_t)count * sizeof *from);
}

/* Pose in the image's camera, coefficients, mesh. */
static void fill(job *j, jr2i_face_view *v, const jr2i_sight *sight)
{
    jr2i_workspace *ws = j->ws;
    const jr2i_head *head = v->head;
    const jr2i_params *params = &sight->params;
    float rotation[9], translation[3], gaze[4], yaw, pitch, roll;
    v->region[0] = sight->frame.x;
    v->region[1] = sight->frame.y;
    v->region[2] = sight->frame.size;
    v->region[3] = sight->frame.roll;
    copy(v->landmarks478, sight->landmarks478, 2 * head->landmark478.count);
    copy(v->landmarks68, sight->landmarks68, 2 * head->landmark68.count);
    jr2i_camera_from_face(&j->camera, &params->camera, sight->map, rotation, translation);
    if (v->landmarks478)
        jr2i_pnp_refine(&j->camera, ws->points478, v->landmarks478, NULL, head->landmark478.count, rotation, translation);
    else if (v->landmarks68)
        jr2i_pnp_refine(&j->camera, ws->points68, v->landmarks68, NULL, head->landmark68.count, rotation, translation);
    jr2i_pose_angles(rotation, &yaw, &pitch, &roll);
    v->angles[0] = yaw * JR2I_DEGREES;
    v->angles[1] = pitch * JR2I_DEGREES;
    v->angles[2] = roll * JR2I_DEGREES;
    jr2i_pose_matrix4(rotation, translation, v->matrix);
    v->camera = j->camera;
    copy(v->identity, params->identity, head->identity_count);
    copy(v->expression, params->expression, head->expression_count);
    if (params->corrected)
        copy(v->expression_error, params->expression_error, head->expression_count);
    else
        v->expression_error = NULL;
    copy(v->albedo, params->albedo, head->albedo_count);
    copy(v->light, params->light, 27);
    jr2i_arkit_from_expression(&head->arkit, params->expression, (float *)(size_t)v->arkit);
    jr2i_gaze_from_arkit(v->arkit, head->eye_range, gaze);
    for (int i = 0; i < 4; i++)
        v->gaze[i] = gaze[i] * JR2I_DEGREES;
    jr2i_head_input input = {v->identity, v->expression, NULL, head->identity_count, head->expression_count};
    jr2i_head_vertices(head, &input, ws->scratch, (float *)(size_t)v->vertices);
    jr2i_head_normals(head, v->vertices, (float *)(size_t)v->normals);
    if (v->landmarks68)
        bounding_box(v->landmarks68, head->landmark68.count, v->box);
    else if (v->landmarks478)
        bounding_box(v->landmarks478, head->landmark478.count, v->box);
}

static float overlap(const float a[4], const float b[4])
{
    float w = fminf(a[0] + a[2], b[0] + b[2]) - fmaxf(a[0], b[0]), h = fminf(a[1] + a[3], b[1] + b[3]) - fmaxf(a[1], b[1]);
    return w > 0 && h > 0 ? w * h / (a[2] * a[3] + b[2] * b[3] - w * h) : 0;
}

/* Two finds may settle on one face: the index of the one that is there already, or -1. */
static int32_t known_face(jr2_result *result, int32_t kept, const jr2i_face_view *v)
{
    for (int32_t i = 0; i < kept; i++)
        if (overlap(result->faces[i].view.box, v->box) > SAME_FACE)
            return i;
    return -1;
}

static void swap_faces(jr2_face *a, jr2_face *b)
{
    jr2_face t = *a;
    *a = *b;
    *b = t;
}

static int32_t reconstruct_faces(job *j, int32_t candidates, jr2_result *result)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < candidates; i++) {
        jr2i_sight *sight = &j->ws->sight;
        jr2i_face_view *v = &result->faces[kept].view;
        int32_t status = jr2i_look_at(j->ctx, &j->view, &j->ws->found[i].frame, j->options.passes, j->options.expression_source, sight);
        if (status != JR2_OK)
            return status;
        if (!sight->usable)
            continue;
        v->confidence = j->ws->found[i].score;
        fill(j, v, sight);
        if (!jr2i_all_finite(v->matrix, 16) || !jr2i_all_finite(v->vertices, 3 * v->head->vertex_count))
            continue;
        int32_t twin = j->options.region_count > 0 ? -1 : known_face(result, kept, v);
        if (twin < 0)
            kept++;
        else if (v->confidence > result->faces[twin].view.confidence)
            swap_faces(&result->faces[twin], &result->faces[kept]);
    }
    result->count = kept;
    sort_faces(result->faces, kept);
    return JR2_OK;
}

static int32_t make_textures(job *j, jr2_result *result)
{
    jr2i_env *env = &j->ctx->env;
    const int32_t side = j->options.texture_size;
    for (int32_t i = 0; side > 0 && i < result->count; i++) {
        jr2i_face_view *v = &result->faces[i].view;
        jr2i_texture_input input = {&j->view, &j->camera, v->matrix, v->vertices, v->normals, v->light, v->albedo,
                                    v->albedo ? v->head->albedo_count : 0, side};
        size_t bytes = (size_t)side * (size_t)side * 3;
        int32_t status = jr2i_cancelled(env);
        if (status != JR2_OK)
            return status;
        uint8_t *rgb = jr2i_alloc(env, bytes, 1);
        if (!rgb)
            return jr2i_no_memory(env, bytes);
        v->texture = rgb; /* freed with the result */
        v->texture_size = side;
        if ((status = jr2i_texture_make(env, v->head, &input, rgb)) != JR2_OK)
            return status;
    }
    return JR2_OK;
}

int32_t jr2_reconstruct(jr2_ctx *ctx, const jr2_image *image, const jr2_reconstruct_options *options, jr2_result **out)
{
    job j;
    int32_t status, candidates = 0;
    jr2_result *result = NULL;
    if (out)
        *out = NULL;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &ctx->env;
    if (!out)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "result is NULL");
    j.ctx = ctx;
    if ((status = jr2i_view_check(env, image, &j.view)) != JR2_OK || (status = read_options(env, options, &j.view, &j.options)) != JR2_OK ||
        (status = jr2i_look_prepare(ctx)) != JR2_OK || (status = jr2i_cancelled(env)) != JR2_OK)
        return status;
    j.ws = ctx->workspace;
    j.camera = jr2i_camera_default(j.view.width, j.view.height, j.options.focal_px);
    if ((status = find_faces(&j, &candidates)) != JR2_OK ||
        (status = jr2i_result_create(ctx, j.view.width, j.view.height, candidates, 1, &result)) != JR2_OK)
        return status;
    if ((status = reconstruct_faces(&j, candidates, result)) == JR2_OK)
        status = make_textures(&j, result);
    if (status != JR2_OK) {
        jr2_result_free(result);
        return status;
    }
    *out = result;
    return JR2_OK;
}
