/* SPDX-License-Identifier: MIT
 * The reconstruction of one image: find the faces, look at each of them a few times with a better crop every time, put the head
 * into the image's camera and fill the result. Scratch is made by the first call and kept. */
#include <math.h>
#include <string.h>

#include "face/find.h"
#include "face/frame.h"
#include "face/params.h"
#include "face/pnp.h"
#include "face/pose.h"
#include "handles.h"
#include "image/view.h"
#include "image/warp.h"
#include "look.h"
#include "nn/net_coarse.h"
#include "render/texture.h"

#define MAX_FACES 256
#define DEFAULT_FACES 32
#define MAX_PASSES 4
#define SAME_FACE 0.5f /* overlap of two boxes (intersection / union) above which they are one face */
#define LIMIT 1e6f     /* pixels: no region is farther away or larger */

struct jr2i_workspace {
    jr2i_finder *finder;
    jr2i_net_state *coarse;
    float *crop;                          /* (3,JR2I_COARSE_SIDE,JR2I_COARSE_SIDE) */
    float *scratch;                       /* of the head model */
    float points478[478 * 3], points68[68 * 3]; /* cm, head space */
    jr2i_found found[MAX_FACES];
};

/* One call: options with their defaults filled in. */
typedef struct job {
    jr2_ctx *ctx;
    jr2i_workspace *ws;
    jr2i_view view;
    jr2i_camera camera;
    jr2_reconstruct_options options;
} job;

void jr2i_workspace_free(const jr2i_env *env, jr2i_workspace *ws)
{
    if (!ws)
        return;
    jr2i_finder_free(env, ws->finder);
    jr2i_net_state_free(env, ws->coarse);
    jr2i_free(env, ws->crop);
    jr2i_free(env, ws->scratch);
    jr2i_free(env, ws);
}

/* The network must have been made for a head model with as many shapes. */
static int32_t check_output(jr2i_env *env, const jr2_model *model, const jr2i_net_state *state)
{
    int32_t numbers, height, width, wanted = jr2i_params_count(model->head);
    jr2i_net_output(model->coarse, state, 0, &numbers, &height, &width);
    if (numbers * height * width == wanted)
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_FORMAT, "the reconstruction network gives %d numbers, this head model takes %d", (int)numbers, (int)wanted);
}

static int32_t make_workspace(jr2_ctx *ctx)
{
    jr2i_env *env = &ctx->env;
    const size_t crop = (size_t)3 * JR2I_COARSE_SIDE * JR2I_COARSE_SIDE, scratch = jr2i_head_scratch(ctx->model->head);
    if (ctx->workspace)
        return JR2_OK;
    int32_t status = JR2_OK;
    jr2i_workspace *ws = jr2i_calloc(env, 1, sizeof *ws);
    if (!ws)
        return jr2i_no_memory(env, sizeof *ws);
    if (!(ws->crop = jr2i_alloc(env, crop, sizeof(float))))
        status = jr2i_no_memory(env, crop * sizeof(float));
    else if (!(ws->scratch = jr2i_alloc(env, scratch, sizeof(float))))
        status = jr2i_no_memory(env, scratch * sizeof(float));
    if (status == JR2_OK)
        status = jr2i_net_state_create(env, ctx->model->coarse, JR2I_COARSE_SIDE, JR2I_COARSE_SIDE, ctx->threads, &ws->coarse);
    if (status == JR2_OK)
        status = check_output(env, ctx->model, ws->coarse);
    if (status == JR2_OK && ctx->model->find)
        status = jr2i_finder_create(env, ctx->model->find, ctx->threads, &ws->finder);
    if (status != JR2_OK) {
        jr2i_workspace_free(env, ws);
        return status;
    }
    ctx->workspace = ws;
    return JR2_OK;
}

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
    jr2i_env *env = &j->ctx->env;
    int32_t found = 0, kept = 0;
    if (o->region_count > 0) {
        for (; found < o->region_count; found++) {
            const jr2_region *r = &o->regions[found];
            jr2i_frame frame = {r->x, r->y, r->size, remainderf(r->roll, 360) / JR2I_DEGREES};
            ws->found[found].frame = frame;
            ws->found[found].score = 1;
        }
    } else {
        if (!ws->finder)
            return jr2i_fail(env, JR2_ERR_MISSING, "the model has no finder (find.jr2w): give regions");
        jr2i_finder_set_retry(ws->finder, o->thorough);
        int32_t status = jr2i_finder_set_side(env, ws->finder, o->find_side);
        if (status == JR2_OK)
            status = jr2i_finder_run(env, ws->finder, j->ctx->pool, &j->view, o->min_confidence, ws->found, MAX_FACES, &found);
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

static int32_t all_finite(const float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return 0;
    return 1;
}

/* The network's view of one face, repeated: fills the view's parameters and pixel landmarks. *usable becomes 0 where the numbers
 * make no face. On return map is that of the last crop and params the last numbers. */
static int32_t look(job *j, const jr2i_found *found, jr2i_face_view *v, jr2i_params *params, float map[6], int32_t *usable)
{
    jr2i_workspace *ws = j->ws;
    jr2i_env *env = &j->ctx->env;
    const jr2_model *model = j->ctx->model;
    const jr2i_head *head = model->head;
    jr2i_frame frame = found->frame;
    float *landmarks478 = (float *)(size_t)v->landmarks478, *landmarks68 = (float *)(size_t)v->landmarks68;
    *usable = 1;
    for (int32_t pass = 0; pass < j->options.passes && *usable; pass++) {
        int32_t status = jr2i_cancelled(env);
        if (status != JR2_OK)
            return status;
        jr2i_frame_crop_map(&frame, JR2I_CROP_FACTOR, JR2I_COARSE_SIDE, map);
        jr2i_warp_planar(&j->view, map, JR2I_COARSE_SIDE, JR2I_COARSE_SIDE, JR2I_OUTSIDE_REPEAT, ws->crop);
        if ((status = jr2i_net_run(env, model->coarse, ws->coarse, j->ctx->pool, ws->crop)) != JR2_OK)
            return status;
        const float *numbers = jr2i_net_output(model->coarse, ws->coarse, 0, NULL, NULL, NULL);
        *usable = jr2i_params_from_network(head, numbers, params);
        if (!*usable)
            break;
        jr2i_head_input input = {params->identity, params->expression, NULL, head->identity_count, head->expression_count};
        jr2i_head_landmarks(head, &input, ws->scratch, landmarks478 ? ws->points478 : NULL, landmarks68 ? ws->points68 : NULL);
        if (landmarks478) {
            jr2i_face_camera_project(&params->camera, ws->points478, head->landmark478.count, landmarks478);
            jr2i_map_points(map, landmarks478, head->landmark478.count, landmarks478);
            *usable = all_finite(landmarks478, 2 * head->landmark478.count) && jr2i_frame_from_landmarks(landmarks478, &frame);
        }
        if (landmarks68) {
            jr2i_face_camera_project(&params->camera, ws->points68, head->landmark68.count, landmarks68);
            jr2i_map_points(map, landmarks68, head->landmark68.count, landmarks68);
            *usable = *usable && all_finite(landmarks68, 2 * head->landmark68.count);
        }
    }
    v->region[0] = frame.x;
    v->region[1] = frame.y;
    v->region[2] = frame.size;
    v->region[3] = frame.roll;
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
static void fill(job *j, jr2i_face_view *v, const jr2i_params *params, const float map[6])
{
    jr2i_workspace *ws = j->ws;
    const jr2i_head *head = v->head;
    float rotation[9], translation[3], gaze[4], yaw, pitch, roll;
    jr2i_camera_from_face(&j->camera, &params->camera, map, rotation, translation);
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
        jr2i_params params;
        float map[6];
        int32_t usable, status;
        jr2i_face_view *v = &result->faces[kept].view;
        v->confidence = j->ws->found[i].score;
        if ((status = look(j, &j->ws->found[i], v, &params, map, &usable)) != JR2_OK)
            return status;
        if (!usable)
            continue;
        fill(j, v, &params, map);
        if (!all_finite(v->matrix, 16) || !all_finite(v->vertices, 3 * v->head->vertex_count))
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

static int32_t need_parts(jr2_ctx *ctx)
{
    if (!ctx->model->head)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no head (head.jr2w)");
    if (!ctx->model->coarse)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no reconstruction network (coarse.jr2w)");
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
        (status = need_parts(ctx)) != JR2_OK || (status = jr2i_cancelled(env)) != JR2_OK || (status = make_workspace(ctx)) != JR2_OK)
        return status;
    j.ws = ctx->workspace;
    j.camera = jr2i_camera_default(j.view.width, j.view.height, j.options.focal_px);
    if ((status = find_faces(&j, &candidates)) != JR2_OK ||
        (status = jr2i_result_create(ctx, j.view.width, j.view.height, candidates, &result)) != JR2_OK)
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

/* --- The steps by themselves (look.h) --- */

int32_t jr2i_look_prepare(jr2_ctx *ctx)
{
    int32_t status = need_parts(ctx);
    return status == JR2_OK ? make_workspace(ctx) : status;
}

int32_t jr2i_look_find(jr2_ctx *ctx, const jr2i_view *view, int32_t side, float min_score, int32_t max, jr2i_found *found, int32_t *count)
{
    *count = 0;
    if (!ctx->workspace->finder)
        return jr2i_fail(&ctx->env, JR2_ERR_MISSING, "the model has no finder (find.jr2w)");
    jr2i_finder_set_retry(ctx->workspace->finder, 0);
    int32_t status = jr2i_finder_set_side(&ctx->env, ctx->workspace->finder, side);
    if (status == JR2_OK)
        status = jr2i_finder_run(&ctx->env, ctx->workspace->finder, ctx->pool, view, min_score, found, max, count);
    return status;
}

int32_t jr2i_look_at(jr2_ctx *ctx, const jr2i_view *view, const jr2i_frame *frame, int32_t passes, jr2i_sight *sight)
{
    job j;
    jr2i_face_view v;
    jr2i_found found = {*frame, 1};
    memset(&j, 0, sizeof j);
    memset(&v, 0, sizeof v);
    j.ctx = ctx;
    j.ws = ctx->workspace;
    j.view = *view;
    j.options.passes = passes;
    v.head = ctx->model->head;
    v.landmarks478 = v.head->landmark478.count ? sight->landmarks478 : NULL;
    v.landmarks68 = v.head->landmark68.count ? sight->landmarks68 : NULL;
    int32_t status = look(&j, &found, &v, &sight->params, sight->map, &sight->usable);
    sight->frame = (jr2i_frame){v.region[0], v.region[1], v.region[2], v.region[3]};
    return status;
}

float *jr2i_look_scratch(const jr2_ctx *ctx)
{
    return ctx->workspace->scratch;
}
