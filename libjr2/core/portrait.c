/* SPDX-License-Identifier: MIT
 * Making a portrait: find the face, reconstruct it, cut the crop out, and do once what needs to be done only once. */
#include "portrait.h"

#include <math.h>
#include <string.h>

#include "face/pnp.h"
#include "face/pose.h"
#include "image/view.h"
#include "render/fill.h"
#include "image/warp.h"

#define CROP 2.1f       /* sides in face sizes, as the pictures that the network was trained on: 2.0 to 2.3 */
#define GRAIN 1e-4f     /* weight in the plate of what the silhouette is not sure of */
#define CROP_RAISED 0.1f /* the crop's centre is above the face's by this many face sizes */

static int32_t read_options(jr2i_env *env, const jr2_portrait_options *given, jr2_portrait_options *o)
{
    JR2_INIT(*o);
    if (given) {
        int32_t status = jr2i_check_struct(env, given->struct_size, sizeof *given, "jr2_portrait_options");
        if (status != JR2_OK)
            return status;
        *o = *given;
    }
    if (o->crop == 0)
        o->crop = CROP;
    if (!(o->crop >= 1.6f && o->crop <= 4))
        return jr2i_fail(env, JR2_ERR_RANGE, "crop is %g, not 1.6..4", (double)o->crop);
    if (o->face < 0)
        return jr2i_fail(env, JR2_ERR_RANGE, "face is %d", (int)o->face);
    return JR2_OK;
}

static int32_t find_face(jr2_portrait *p, const jr2_image *image, const jr2_portrait_options *o)
{
    jr2i_env *env = &p->ctx->env;
    jr2_reconstruct_options r;
    JR2_INIT(r);
    r.regions = o->region;
    r.region_count = o->region != NULL;
    r.focal_px = o->focal_px;
    r.thorough = 1;
    int32_t status = jr2_reconstruct(p->ctx, image, &r, &p->result);
    if (status != JR2_OK)
        return status;
    if (p->result->count == 0)
        return jr2i_fail(env, JR2_ERR_NO_FACE, "no face was found in the portrait");
    if (o->face >= p->result->count)
        return jr2i_fail(env, JR2_ERR_NOT_FOUND, "face %d of %d", (int)o->face, (int)p->result->count);
    p->view = &p->result->faces[o->face].view;
    memcpy(p->faces[0], p->view->region, sizeof p->faces[0]);
    p->face_count = 1;
    for (int32_t i = 0; i < p->result->count && p->face_count < JR2I_PORTRAIT_FACES; i++)
        if (i != o->face)
            memcpy(p->faces[p->face_count++], p->result->faces[i].view.region, sizeof p->faces[0]);
    return JR2_OK;
}

/* Counts floats, and hands them out once there is memory. */
static float *take(float *memory, size_t *used, size_t count)
{
    float *at = memory ? memory + *used : NULL;
    *used += (count + 15) / 16 * 16;
    return at;
}

static void lay_out_pose(jr2i_posed *posed, float *memory, size_t *used, size_t vertices)
{
    const size_t pixels = (size_t)JR2I_PORTRAIT_SIDE * JR2I_PORTRAIT_SIDE;
    posed->side = JR2I_PORTRAIT_SIDE;
    posed->screen = take(memory, used, 3 * vertices);
    posed->inv_w = take(memory, used, vertices);
    posed->normal = take(memory, used, 3 * vertices);
    posed->triangle_id = (int32_t *)(void *)take(memory, used, pixels);
    posed->barycentric = take(memory, used, 3 * pixels);
    posed->depth = take(memory, used, pixels);
}

/* Returns how many floats it takes; with memory sets all pointers. */
static size_t lay_out(jr2_portrait *p, float *memory, int32_t **triangles, uint8_t **part, float **code, float **share)
{
    const jr2i_head *head = p->ctx->model->head;
    const size_t pixels = (size_t)JR2I_PORTRAIT_SIDE * JR2I_PORTRAIT_SIDE, vertices = (size_t)head->vertex_count;
    size_t used = 0;
    *triangles = (int32_t *)(void *)take(memory, &used, 3 * (size_t)head->triangle_count);
    *part = (uint8_t *)(void *)take(memory, &used, (size_t)head->triangle_count / sizeof(float) + 1);
    *code = take(memory, &used, 3 * vertices);
    *share = take(memory, &used, vertices);
    lay_out_pose(&p->source, memory, &used, vertices);
    lay_out_pose(&p->driven, memory, &used, vertices);
    p->picture = take(memory, &used, 3 * pixels);
    p->before = take(memory, &used, 4 * pixels);
    p->plate = take(memory, &used, 4 * pixels);
    p->made = take(memory, &used, 4 * pixels);
    p->from = take(memory, &used, 2 * pixels);
    p->flow = take(memory, &used, 2 * pixels);
    p->blend = take(memory, &used, JR2I_PASTE_BLEND * pixels);
    p->planes = take(memory, &used, JR2I_FRAME_MAPS * pixels / 4);
    p->hair = take(memory, &used, pixels);
    p->person = take(memory, &used, (size_t)jr2i_head_person_length(head));
    p->vertices = take(memory, &used, 3 * vertices);
    p->head_scratch = take(memory, &used, jr2i_head_scratch(head));
    p->scratch = take(memory, &used, jr2i_condition_frame_scratch(JR2I_PORTRAIT_SIDE));
    return used;
}

static int32_t allocate(jr2_portrait *p)
{
    jr2i_env *env = &p->ctx->env;
    const jr2i_head *head = p->ctx->model->head;
    int32_t *triangles;
    uint8_t *part;
    float *code, *share;
    const size_t floats = lay_out(p, NULL, &triangles, &part, &code, &share), bytes = (size_t)p->width * (size_t)p->height * 3;
    p->rgb = jr2i_alloc(env, bytes, 1);
    if (!p->rgb)
        return jr2i_no_memory(env, bytes);
    p->memory = jr2i_alloc(env, floats, sizeof(float));
    if (!p->memory)
        return jr2i_no_memory(env, floats * sizeof(float));
    lay_out(p, p->memory, &triangles, &part, &code, &share);
    p->mesh.vertex_count = head->vertex_count;
    p->mesh.triangle_count = jr2i_condition_triangles(head->surface.mean, head->triangles, head->part, head->triangle_count, triangles, part);
    jr2i_condition_code(head->surface.mean, head->vertex_count, code);
    jr2i_condition_share(head->surface.mean, triangles, part, p->mesh.triangle_count, head->vertex_count, share);
    p->mesh.triangles = triangles;
    p->mesh.part = part;
    p->mesh.code = code;
    p->mesh.share = share;
    return JR2_OK;
}

/* Every STRIDEth landmark tells where a head is seen: 80 of them. */
#define STRIDE 6
#define ROUNDS 2

/* Refines a face camera, in pixels of the picture, so that it shows the points where they are wanted. A pinhole camera 100 cm in front of the
 * head's origin is the face camera; what distance the fit finds instead becomes scale. Where nothing fits *camera stays. */
static void fit_face_camera(const float *points, const float *wanted, int32_t count, int32_t rounds, jr2i_face_camera *camera)
{
    const float distance = JR2I_FACE_CAMERA_DISTANCE;
    jr2i_camera pinhole = {camera->scale * distance, camera->cx, camera->cy};
    float rotation[9];
    memcpy(rotation, camera->rotation, sizeof rotation);
    for (int32_t round = 0; round < rounds; round++) {
        float t[3] = {0, 0, -distance};
        if (jr2i_pnp_refine(&pinhole, points, wanted, NULL, count, rotation, t) < 0 || !(t[2] < 0))
            return;
        pinhole.cx -= pinhole.focal * t[0] / t[2];
        pinhole.cy += pinhole.focal * t[1] / t[2];
        pinhole.focal *= distance / -t[2];
    }
    memcpy(camera->rotation, rotation, sizeof rotation);
    camera->scale = pinhole.focal / distance;
    camera->cx = pinhole.cx;
    camera->cy = pinhole.cy;
}

/* The face camera that shows a posed head where the picture's camera shows it. The latter may be much nearer, and then shows the same pose larger and
 * from another side: taken over as it is, the head would be some 4 % of its size away from its place. */
static void see_from_afar(const jr2_portrait *p, const jr2i_act *act, const float *vertices, jr2i_face_camera *camera)
{
    const jr2i_face_view *v = p->view;
    const jr2i_landmark_set *set = &v->head->landmark478;
    float rotation[9], matrix[16], *points = p->made, *wanted = points + 3 * (size_t)set->count;
    jr2i_camera_to_face(&v->camera, act->rotation, act->translation, camera);
    jr2i_head_landmarks_of(set, vertices, NULL, points);
    const int32_t count = (set->count + STRIDE - 1) / STRIDE;
    for (int32_t i = 1; i < count; i++)
        memcpy(points + 3 * (size_t)i, points + 3 * (size_t)i * STRIDE, 3 * sizeof *points);
    jr2i_rotation_from_face(act->rotation, act->translation, rotation);
    jr2i_pose_matrix4(rotation, act->translation, matrix);
    jr2i_camera_project(&v->camera, matrix, points, count, wanted);
    fit_face_camera(points, wanted, count, ROUNDS, camera);
}

/* What is left between the camera that see_from_afar finds for the portrait as it is and the one that shows it exactly where the photo does, to be
 * applied to every pose. */
static void match_camera(jr2_portrait *p)
{
    const jr2i_face_view *v = p->view;
    const jr2i_landmark_set *set = &v->head->landmark478;
    jr2i_face_camera from, to;
    float back[9];
    see_from_afar(p, &p->own, v->vertices, &from);
    to = from;
    if (v->landmarks478) {
        jr2i_head_landmarks_of(set, v->vertices, NULL, p->made);
        fit_face_camera(p->made, v->landmarks478, set->count, 2 * ROUNDS, &to);
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            back[3 * i + k] = from.rotation[3 * k + i];
    jr2i_pose_multiply(to.rotation, back, p->match.turn);
    p->match.scale = to.scale / from.scale;
    p->match.from[0] = from.cx;
    p->match.from[1] = from.cy;
    p->match.to[0] = to.cx;
    p->match.to[1] = to.cy;
}

void jr2i_portrait_camera(const jr2_portrait *p, const jr2i_act *act, const float *vertices, jr2i_face_camera *camera)
{
    see_from_afar(p, act, vertices, camera);
    jr2i_pose_multiply(p->match.turn, camera->rotation, camera->rotation);
    camera->scale *= p->match.scale;
    camera->cx = p->match.to[0] + p->match.scale * (camera->cx - p->match.from[0]);
    camera->cy = p->match.to[1] + p->match.scale * (camera->cy - p->match.from[1]);
    camera->scale /= p->step;
    camera->cx = (camera->cx - p->left) / p->step;
    camera->cy = (camera->cy - p->top) / p->step;
}

static void note_own_state(jr2_portrait *p)
{
    const jr2i_face_view *v = p->view;
    float rotation[9];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            rotation[3 * i + k] = v->matrix[4 * k + i];
    memcpy(p->own.translation, v->matrix + 12, sizeof p->own.translation);
    jr2i_rotation_to_face(rotation, p->own.translation, p->own.rotation);
    memcpy(p->own.expression, v->expression, (size_t)v->head->expression_count * sizeof(float));
    p->shown = p->own;
}

/* The crop pixel, 0 to side, from which on centres lie behind a place of the picture. */
static int32_t crop_pixel(const jr2_portrait *p, float place, float corner)
{
    return (int32_t)fminf(fmaxf(ceilf((place - corner) / p->step - 0.5f), 0), JR2I_PORTRAIT_SIDE);
}

/* Hair that the picture cuts is closed above it. */
static void close_crown(jr2_portrait *p)
{
    const int32_t side = JR2I_PORTRAIT_SIDE;
    float head[3] = {(float)side, 0, (float)side};
    for (int32_t i = 0; i < side * side; i++)
        if (p->source.triangle_id[i] >= 0) {
            head[0] = fminf(head[0], (float)(i % side));
            head[1] = fmaxf(head[1], (float)(i % side));
            head[2] = fminf(head[2], (float)(i / side));
        }
    p->first_row = crop_pixel(p, 0, p->top);
    jr2i_crown_close(p->picture, side, crop_pixel(p, 0, p->left), crop_pixel(p, (float)p->width, p->left), p->first_row, head, p->hair,
                     &p->crown);
}

/* Cuts the crop out and writes what the network's encoder reads: picture, maps of the pose, where the picture is real or a crown was drawn. */
static void make_source_maps(jr2_portrait *p, const jr2i_view *image, const float map[6], float *maps)
{
    _Static_assert(JR2I_REENACT_INSIDE == 3 + JR2I_MAP_INSIDE && JR2I_REENACT_SOURCE_MAPS == 4 + JR2I_MAPS, "the picture, its maps, where it is real");
    const int32_t side = JR2I_PORTRAIT_SIDE;
    const size_t pixels = (size_t)side * (size_t)side;
    jr2i_warp_planar(image, map, side, side, JR2I_OUTSIDE_REPEAT, p->ctx->pool, maps);
    for (size_t i = 0; i < 3 * pixels; i++)
        p->picture[i] = 0.5f * (maps[i] + 1);
    close_crown(p);
    const size_t above = p->crown.side > 0 ? (size_t)p->first_row * (size_t)side : 0;
    for (size_t k = 0; k < 3; k++)
        for (size_t i = k * pixels; i < k * pixels + above; i++)
            maps[i] = 2 * p->picture[i] - 1;
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < 4; k++)
            p->before[4 * i + k] = k < 3 ? 255 * p->picture[k * pixels + i] : 0;
    jr2i_condition_maps(&p->mesh, &p->source, maps + 3 * pixels);
    float *real = maps + (3 + JR2I_MAPS) * pixels;
    for (int32_t y = 0; y < side; y++)
        for (int32_t x = 0; x < side; x++) {
            float u = map[0] * ((float)x + 0.5f) + map[2], v = map[4] * ((float)y + 0.5f) + map[5];
            real[y * side + x] = u > 0 && (v > 0 || p->crown.side > 0) && u < (float)p->width && v < (float)p->height;
        }
}

/* What lies behind the person: the crop where the silhouette is not, filled smoothly where it is. A grain of weight stays wherever it may be seen, for
 * silhouettes that are sure of nothing. */
static int32_t make_plate(jr2_portrait *p)
{
    const int32_t side = JR2I_PORTRAIT_SIDE;
    jr2i_fill fill;
    int32_t status = jr2i_fill_create(&p->ctx->env, side, &fill);
    if (status != JR2_OK)
        return status;
    p->source.silhouette = jr2i_reenact_silhouette(p->net);
    for (int32_t y = 0; y < side; y++)
        for (int32_t x = 0; x < side; x++) {
            const float s = jr2i_posed_silhouette(&p->source, (float)x + 0.5f, (float)y + 0.5f);
            float *c = fill.cell[0] + 4 * (y * side + x);
            memcpy(c, p->before + 4 * (y * side + x), 3 * sizeof *c);
            c[3] = fmaxf(1 - s / JR2I_SILHOUETTE_BEHIND, GRAIN * (1 - s));
        }
    jr2i_fill_run(&fill);
    memcpy(p->plate, fill.cell[0], 4 * (size_t)side * (size_t)side * sizeof(float));
    jr2i_fill_free(&p->ctx->env, &fill);
    return JR2_OK;
}

static int32_t look_at_source(jr2_portrait *p, const jr2i_view *image, float crop)
{
    jr2i_env *env = &p->ctx->env;
    const jr2i_net_reenact *net = p->ctx->model->reenact;
    const jr2i_face_view *v = p->view;
    const float extent = crop * v->region[2];
    jr2i_face_camera camera;
    p->step = extent / JR2I_PORTRAIT_SIDE;
    p->left = v->region[0] - 0.5f * extent;
    p->top = v->region[1] - CROP_RAISED * v->region[2] - 0.5f * extent;
    note_own_state(p);
    match_camera(p);
    const jr2i_head_input input = {v->identity, NULL, NULL, v->head->identity_count, 0};
    jr2i_head_person(v->head, &input, p->person);
    jr2i_portrait_camera(p, &p->own, v->vertices, &camera);
    jr2i_posed_make(&p->mesh, v->vertices, &camera, p->ctx->pool, &p->source);
    jr2i_view_to_rgb(image, p->rgb);
    const size_t count = (size_t)JR2I_REENACT_SOURCE_MAPS * JR2I_PORTRAIT_SIDE * JR2I_PORTRAIT_SIDE;
    float *maps = jr2i_alloc(env, count, sizeof *maps);
    if (!maps)
        return jr2i_no_memory(env, count * sizeof *maps);
    const float map[6] = {p->step, 0, p->left, 0, p->step, p->top};
    make_source_maps(p, image, map, maps);
    int32_t status = net ? jr2i_reenact_state_create(env, net, p->ctx->threads, p->ctx->pool, maps, &p->net) : JR2_OK;
    jr2i_free(env, maps);
    if (status == JR2_OK && net)
        status = make_plate(p);
    return status;
}

int32_t jr2_portrait_create(jr2_ctx *ctx, const jr2_image *image, const jr2_portrait_options *options, jr2_portrait **portrait)
{
    jr2_portrait_options o;
    jr2i_view view;
    if (portrait)
        *portrait = NULL;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &ctx->env;
    if (!portrait)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "portrait is NULL");
    int32_t status = jr2i_view_check(env, image, &view);
    if (status == JR2_OK)
        status = read_options(env, options, &o);
    if (status != JR2_OK)
        return status;
    jr2_portrait *p = jr2i_calloc(env, 1, sizeof *p);
    if (!p)
        return jr2i_no_memory(env, sizeof *p);
    p->ctx = ctx;
    p->width = view.width;
    p->height = view.height;
    if ((status = find_face(p, image, &o)) == JR2_OK && (status = allocate(p)) == JR2_OK)
        status = look_at_source(p, &view, o.crop);
    if (status != JR2_OK)
        jr2_portrait_free(p);
    else
        *portrait = p;
    return status;
}

void jr2_portrait_free(jr2_portrait *p)
{
    if (!p)
        return;
    jr2i_env *env = &p->ctx->env;
    jr2i_reenact_state_free(env, p->net);
    jr2i_free(env, p->memory);
    jr2i_free(env, p->rgb);
    jr2_result_free(p->result);
    jr2i_free(env, p);
}

int32_t jr2_portrait_faces(const jr2_portrait *portrait)
{
    return portrait ? portrait->result->count : 0;
}

const jr2_face *jr2_portrait_face(const jr2_portrait *portrait)
{
    return portrait ? (const jr2_face *)portrait->view : NULL; /* the view is a face's first member */
}

void jr2_portrait_size(const jr2_portrait *portrait, int32_t *width, int32_t *height)
{
    if (width)
        *width = portrait ? portrait->width : 0;
    if (height)
        *height = portrait ? portrait->height : 0;
}

void jr2_portrait_crop(const jr2_portrait *portrait, float *crop)
{
    if (!portrait || !crop)
        return;
    crop[0] = portrait->left;
    crop[1] = portrait->top;
    crop[2] = portrait->step * JR2I_PORTRAIT_SIDE;
}
