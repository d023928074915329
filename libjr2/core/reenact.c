/* SPDX-License-Identifier: MIT
 * A reenacted frame: retarget, pose the mesh, flow and conditions, network or warp, paste back, mark. */
#include <math.h>
#include <string.h>

#include "face/pose.h"
#include "image/mark.h"
#include "image/paste.h"
#include "portrait.h"
#include "render/extend.h"

#define SIDE JR2I_PORTRAIT_SIDE
#define HALF (SIDE / 2)
#define BAND 16 /* rows of one task */
#define STRENGTH 1.2f /* of an expression's way from the photo's, told to the network: training/measure_strength.py */

/* Of what is revealed: a silhouette's soft edge by itself comes to a quarter. */
#define REVEALED_FROM 0.3f
#define REVEALED_TO 0.8f

/* Cosine under which the source saw a point: below, nothing of its detail is used, above, all. */
#define SEEN_FROM 0.02f
#define SEEN_TO 0.12f

static int32_t in_range(jr2i_env *env, const char *name, double value, double low, double high)
{
    if (value >= low && value <= high)
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_RANGE, "%s is %g, not %g..%g", name, value, low, high);
}

static void set_default(float *value, float standard)
{
    *value = *value == 0 ? standard : *value < 0 ? 0 : *value; /* NaN stays, and is out of range */
}

static int32_t check_options(jr2i_env *env, const jr2_reenact_options *o, const jr2i_head *head)
{
    const struct {
        const char *name;
        double value, low, high;
    } fields[] = {{"motion", o->motion, 0, 1},
                  {"method", o->method, 0, 1},
                  {"output", o->output, 0, 1},
                  {"over", o->over, 0, 1},
                  {"unmarked", o->unmarked, 0, 1},
                  {"expression_gain", (double)o->expression_gain, 0, 4},
                  {"pose_gain", (double)o->pose_gain, 0, 4},
                  {"eye_lock", (double)o->eye_lock, 0, 1},
                  {"lip_lock", (double)o->lip_lock, 0, 1},
                  {"limit_yaw", (double)o->limit_yaw, 0, 360},
                  {"limit_pitch", (double)o->limit_pitch, 0, 360},
                  {"limit_roll", (double)o->limit_roll, 0, 360},
                  {"limit_shift", (double)o->limit_shift, 0, 100},
                  {"angles[0]", (double)o->angles[0], -360, 360},
                  {"angles[1]", (double)o->angles[1], -360, 360},
                  {"angles[2]", (double)o->angles[2], -360, 360}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        int32_t status = in_range(env, fields[i].name, fields[i].value, fields[i].low, fields[i].high);
        if (status != JR2_OK)
            return status;
    }
    if (o->edit_count != 0 && (o->edit_count != head->expression_count || (!o->edit && !o->set)))
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "edit has %d numbers, the head model %d expressions", (int)o->edit_count, (int)head->expression_count);
    for (int32_t i = 0; i < o->edit_count; i++)
        if ((o->edit && in_range(env, "edit", (double)o->edit[i], -1, 1) != JR2_OK) || (o->set && in_range(env, "set", (double)o->set[i], -1, 1) != JR2_OK))
            return JR2_ERR_RANGE;
    return JR2_OK;
}

static int32_t read_options(jr2i_env *env, const jr2_reenact_options *given, const jr2i_head *head, jr2_reenact_options *o)
{
    JR2_INIT(*o);
    if (given) {
        int32_t status = jr2i_check_struct(env, given->struct_size, sizeof *given, "jr2_reenact_options");
        if (status != JR2_OK)
            return status;
        *o = *given;
    }
    set_default(&o->expression_gain, 1);
    set_default(&o->pose_gain, 1);
    set_default(&o->eye_lock, 0);
    set_default(&o->lip_lock, 0);
    set_default(&o->limit_yaw, 60);
    set_default(&o->limit_pitch, 40);
    set_default(&o->limit_roll, 60);
    set_default(&o->limit_shift, 0.3f);
    return check_options(env, o, head);
}

static int32_t all_within(const float *values, int32_t count, float limit)
{
    for (int32_t i = 0; i < count; i++)
        if (!(fabsf(values[i]) <= limit))
            return 0;
    return 1;
}

/* The numbers of a driver as an act. */
static int32_t read_driver(jr2i_env *env, const jr2i_head *head, const jr2_motion_face *m, const char *name, jr2i_act *act)
{
    int32_t status = jr2i_check_struct(env, m->struct_size, sizeof *m, "jr2_motion_face");
    if (status != JR2_OK)
        return status;
    if (m->expression_count != 0 && (m->expression_count != head->expression_count || !m->expression))
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s has %d expressions, the head model %d", name, (int)m->expression_count, (int)head->expression_count);
    if (!all_within(m->angles, 3, 1e6f) || !all_within(m->translation, 3, 1e6f) || !all_within(m->gaze, 4, 1e6f) ||
        !all_within(m->arkit, JR2_ARKIT_COUNT, 1e6f) || !all_within(m->expression, m->expression_count, 1e6f))
        return jr2i_fail(env, JR2_ERR_RANGE, "%s has a number that is not finite or too large", name);
    if (m->translation[2] > 0 || (m->translation[2] == 0 && (m->translation[0] != 0 || m->translation[1] != 0)))
        return jr2i_fail(env, JR2_ERR_RANGE, "%s is behind the camera", name);
    if (m->expression_count > 0)
        memcpy(act->expression, m->expression, (size_t)m->expression_count * sizeof(float));
    else
        jr2i_arkit_to_expression(&head->arkit, m->arkit, head->expression_count, act->expression);
    for (int32_t i = 0; i < head->expression_count; i++)
        act->expression[i] = fminf(fmaxf(act->expression[i], 0), 1);
    jr2i_gaze_to_expression(head, m->gaze, act->expression);
    float rotation[9], angle[3];
    for (int k = 0; k < 3; k++)
        angle[k] = remainderf(m->angles[k], 360) / JR2I_DEGREES;
    jr2i_pose_matrix(angle[0], angle[1], angle[2], rotation);
    memcpy(act->translation, m->translation, sizeof act->translation);
    if (m->translation[2] < 0)
        jr2i_rotation_to_face(rotation, m->translation, act->rotation);
    else
        memcpy(act->rotation, rotation, sizeof rotation);
    return JR2_OK;
}

/* Fills p->shown. */
static int32_t retarget(jr2_portrait *p, jr2i_env *env, const jr2_motion_face *driving, const jr2_reenact_options *o)
{
    const jr2i_head *head = p->view->head;
    jr2i_retarget how = {o->motion == JR2_REENACT_ABSOLUTE && driving, o->expression_gain, o->pose_gain, o->eye_lock, o->lip_lock,
                         {o->limit_yaw / JR2I_DEGREES, o->limit_pitch / JR2I_DEGREES, o->limit_roll / JR2I_DEGREES},
                         o->limit_shift * SIDE * p->step * -p->own.translation[2] / p->view->camera.focal,
                         {o->angles[0] / JR2I_DEGREES, o->angles[1] / JR2I_DEGREES, o->angles[2] / JR2I_DEGREES},
                         o->edit_count > 0 ? o->edit : NULL, o->edit_count > 0 ? o->set : NULL};
    const jr2i_act *driver = &p->own, *reference = &p->own; /* nothing has changed */
    int32_t status = JR2_OK;
    if (driving) {
        reference = o->reference ? &p->reference : NULL;
        driver = &p->driver;
        status = read_driver(env, head, driving, "driving", &p->driver);
        if (status == JR2_OK && o->reference)
            status = read_driver(env, head, o->reference, "reference", &p->reference);
    }
    if (status == JR2_OK)
        jr2i_retarget_apply(head, &how, &p->own, driver, reference, &p->shown);
    return status;
}

/* What the mesh is given for the expression that is to be shown: the network moves a face by less than its mesh moves. */
static void tell(const jr2_portrait *p, int32_t method, int32_t count, float *expression)
{
    for (int32_t i = 0; i < count; i++) {
        const float own = p->own.expression[i], away = p->shown.expression[i] - own;
        expression[i] = method == JR2_REENACT_NETWORK ? fminf(fmaxf(own + STRENGTH * away, 0), 1) : p->shown.expression[i];
    }
}

/* A frame in the making, in bands. q: the network's pictures, NULL: the flow alone makes the crop; hide: detail that was not seen. */
typedef struct making {
    jr2_portrait *p;
    const jr2i_reenact_picture *q;
    int32_t hide;
} making;

/* The crop of the photo pulled along the flow: what the network would be handed. */
static void warp_row(jr2_portrait *p, int32_t at)
{
    const size_t pixels = (size_t)SIDE * SIDE;
    for (size_t i = (size_t)at * SIDE; i < ((size_t)at + 1) * SIDE; i++) {
        float x = (float)(i % SIDE) + p->flow[i], y = (float)(i / SIDE) + p->flow[pixels + i];
        x = x > 0 ? x < SIDE - 1 ? x : SIDE - 1 : 0;
        y = y > 0 ? y < SIDE - 1 ? y : SIDE - 1 : 0;
        const int32_t column = (int32_t)x, row = (int32_t)y, right = column + 1 < SIDE ? 4 : 0, below = row + 1 < SIDE ? 4 * SIDE : 0;
        const float ax = x - (float)column, ay = y - (float)row, *q = p->before + 4 * (row * SIDE + column);
        for (int k = 0; k < 3; k++)
            p->made[4 * i + (size_t)k] = (1 - ay) * ((1 - ax) * q[k] + ax * q[right + k]) + ay * ((1 - ax) * q[below + k] + ax * q[below + right + k]);
        p->made[4 * i + 3] = 1;
        p->from[2 * i] = x;
        p->from[2 * i + 1] = y;
    }
}

static void paint_row(jr2_portrait *p, const jr2i_reenact_picture *q, int32_t at)
{
    const size_t pixels = (size_t)SIDE * SIDE;
    for (size_t i = (size_t)at * SIDE; i < ((size_t)at + 1) * SIDE; i++) {
        const float share = q->painted[3 * pixels + i];
        for (size_t k = 0; k < 3; k++)
            p->made[4 * i + k] = 255 * (share * q->warped[k * pixels + i] + (1 - share) * q->painted[k * pixels + i]);
        p->made[4 * i + 3] = share;
        p->from[2 * i] = q->grid[i];
        p->from[2 * i + 1] = q->grid[pixels + i];
    }
}

/* The share of the picture's detail becomes 0 where the source did not see the driven surface, where skin would be drawn beside the head, and above the
 * picture's border; but not of what stays where it was. */
static void hide_row(jr2_portrait *p, int32_t y)
{
    const float *inside = p->planes + JR2I_MAP_INSIDE * HALF * HALF, *seen = p->planes + JR2I_MAP_VISIBLE * HALF * HALF;
    for (int32_t x = 0; x < SIDE; x++) {
        const size_t i = (size_t)y * SIDE + (size_t)x, half = (size_t)(y / 2) * HALF + (size_t)(x / 2);
        float u = p->from[2 * i], v = p->from[2 * i + 1], share = 1;
        int32_t column = (int32_t)(fminf(fmaxf(u, 0), SIDE - 1) + 0.5f), row = (int32_t)(fminf(fmaxf(v, 0), SIDE - 1) + 0.5f);
        if (inside[half] > 0.5f) {
            float t = fminf(fmaxf((seen[half] / inside[half] - SEEN_FROM) / (SEEN_TO - SEEN_FROM), 0), 1);
            share = t * t * (3 - 2 * t);
        } else if (inside[half] == 0 && p->source.triangle_id[row * SIDE + column] >= 0)
            share = 0;
        share *= fminf(fmaxf(v - (float)(p->first_row - 1), 0), 1);
        share += fmaxf(1 - fabsf(u - (float)x) - fabsf(v - (float)y), 0) * (1 - share);
        p->made[4 * i + 3] *= share;
    }
}

/* Where the head as a volume was in the photo. */
static void look_back(jr2_portrait *p)
{
    const jr2i_similarity s = jr2i_extend_volume(&p->mesh, &p->driven, &p->source);
    p->back[0] = 1 + s.a;
    p->back[1] = s.b;
    p->back[2] = s.t[0] - s.a * s.x + s.b * s.y;
    p->back[3] = s.t[1] - s.b * s.x - s.a * s.y;
}

/* Above the border of the photo hair gives way to what lies behind it. */
static void open_row(jr2_portrait *p, int32_t y)
{
    for (int32_t x = 0; x < SIDE; x++) {
        const float *b = p->back, on[2] = {b[0] * (float)x - b[1] * (float)y + b[2], b[1] * (float)x + b[0] * (float)y + b[3]};
        const size_t i = (size_t)y * SIDE + (size_t)x;
        const float share = jr2i_crown_open(&p->crown, on, p->from + 2 * i);
        for (int k = 0; share > 0 && k < 3; k++)
            p->made[4 * i + (size_t)k] += share * (255 * p->crown.behind[k][x] - p->made[4 * i + (size_t)k]);
        p->made[4 * i + 3] *= 1 - share;
    }
}

/* Is anything revealed in the cells around this one? */
static int32_t reveals(const float *revealed, int32_t column, int32_t row)
{
    for (int32_t j = row > 0 ? row - 1 : 0; j <= row + 1 && j < SIDE / 4; j++)
        for (int32_t i = column > 0 ? column - 1 : 0; i <= column + 1 && i < SIDE / 4; i++)
            if (revealed[j * (SIDE / 4) + i] > REVEALED_FROM)
                return 1;
    return 0;
}

/* What the photo's person hid and the frame shows is the plate's, which stands still. */
static void reveal_row(jr2_portrait *p, int32_t y)
{
    const float *revealed = jr2i_condition_revealed(p->scratch, SIDE);
    for (int32_t x = 0; x < SIDE; x++) {
        if (x % 4 == 0 && !reveals(revealed, x / 4, y / 4)) {
            x += 3;
            continue;
        }
        const size_t i = 4 * ((size_t)y * SIDE + (size_t)x);
        const float shows = jr2i_extend_cell(revealed, SIDE / 4, 0.25f * ((float)x + 0.5f) - 0.5f, 0.25f * ((float)y + 0.5f) - 0.5f);
        const float t = fminf(fmaxf((shows - REVEALED_FROM) / (REVEALED_TO - REVEALED_FROM), 0), 1), share = t * t * (3 - 2 * t);
        for (size_t k = 0; k < 3; k++)
            p->made[i + k] += share * (p->plate[i + k] - p->made[i + k]);
        p->made[i + 3] *= 1 - share;
    }
}

static void finish_band(void *arg, int32_t task, int32_t worker)
{
    const making *f = arg;
    (void)worker;
    for (int32_t y = task * BAND; y < (task + 1) * BAND; y++) {
        if (f->q)
            paint_row(f->p, f->q, y);
        else
            warp_row(f->p, y);
        if (f->hide)
            hide_row(f->p, y);
        if (f->p->source.silhouette)
            reveal_row(f->p, y);
        if (f->p->crown.side > 0)
            open_row(f->p, y);
    }
}

static void begin_band(void *arg, int32_t task, int32_t worker)
{
    jr2_portrait *p = ((const making *)arg)->p;
    (void)worker;
    jr2i_condition_begin(&p->mesh, &p->driven, &p->source, p->scratch, p->flow, p->planes, task * BAND, (task + 1) * BAND);
}

static void end_band(void *arg, int32_t task, int32_t worker)
{
    jr2_portrait *p = ((const making *)arg)->p;
    (void)worker;
    jr2i_condition_end(&p->source, p->scratch, p->flow, p->planes, task * BAND, (task + 1) * BAND);
}

/* Flow and conditions, then the crop. */
static int32_t make_crop(jr2_portrait *p, jr2i_env *env, const jr2_reenact_options *o)
{
    jr2i_reenact_picture q;
    making f = {p, NULL, o->output == JR2_REENACT_FULL};
    p->source.silhouette = o->method == JR2_REENACT_NETWORK ? jr2i_reenact_silhouette(p->net) : NULL;
    jr2i_pool_run(p->ctx->pool, begin_band, &f, SIDE / BAND);
    jr2i_condition_spread(&p->mesh, &p->driven, &p->source, p->scratch);
    jr2i_pool_run(p->ctx->pool, end_band, &f, SIDE / BAND);
    if (o->method == JR2_REENACT_NETWORK) {
        int32_t status = jr2i_reenact_run(env, p->ctx->model->reenact, p->net, p->ctx->pool, p->flow, p->planes, &q);
        if (status != JR2_OK)
            return status;
        f.q = &q;
    }
    if (p->crown.side > 0)
        look_back(p);
    jr2i_pool_run(p->ctx->pool, finish_band, &f, SIDE / BAND);
    return JR2_OK;
}

static int32_t check_out(jr2i_env *env, const jr2_portrait *p, const jr2_reenact_options *o, const jr2_image *out, jr2i_view *view)
{
    const int32_t whole = o->output == JR2_REENACT_FULL, width = whole ? p->width : SIDE, height = whole ? p->height : SIDE;
    int32_t status = jr2i_view_check(env, out, view);
    if (status != JR2_OK)
        return status;
    if (out->format == JR2_PIXEL_GRAY8)
        return jr2i_fail(env, JR2_ERR_IMAGE_FORMAT, "a grey image cannot be written");
    if (view->width != width || view->height != height)
        return jr2i_fail(env, JR2_ERR_IMAGE_SIZE, "out is %d x %d, not %d x %d", (int)view->width, (int)view->height, (int)width, (int)height);
    if (!o->unmarked && (width < JR2_MARK_MIN || height < JR2_MARK_MIN))
        return jr2i_fail(env, JR2_ERR_IMAGE_SIZE, "%d x %d pixels are too few for the mark: at least %d a side", (int)width, (int)height, JR2_MARK_MIN);
    return JR2_OK;
}

static void copy_picture(const jr2_portrait *p, const jr2i_view *out)
{
    for (int32_t y = 0; y < p->height; y++) {
        const uint8_t *from = p->rgb + 3 * (size_t)y * (size_t)p->width;
        uint8_t *to = (uint8_t *)(uintptr_t)jr2i_view_pixel(out, 0, y);
        if (out->step == 3 && out->red == 0) { /* RGB, as here */
            memcpy(to, from, 3 * (size_t)p->width);
            continue;
        }
        for (int32_t x = 0; x < p->width; x++, from += 3, to += out->step) {
            to[out->red] = from[0];
            to[out->green] = from[1];
            to[out->blue] = from[2];
        }
    }
}

int32_t jr2_reenact(jr2_ctx *ctx, jr2_portrait *p, const jr2_motion_face *driving, const jr2_reenact_options *options, const jr2_image *image)
{
    jr2_reenact_options o;
    jr2i_view out;
    jr2i_face_camera camera;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &ctx->env;
    if (!p || p->ctx != ctx)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, p ? "the portrait is of another ctx" : "portrait is NULL");
    const jr2i_head *head = p->view->head;
    int32_t status = read_options(env, options, head, &o);
    if (status != JR2_OK || (status = check_out(env, p, &o, image, &out)) != JR2_OK)
        return status;
    if (o.method == JR2_REENACT_NETWORK && !p->net)
        return jr2i_fail(env, JR2_ERR_MISSING, "the model has no reenactment network (reenact.jr2w)");
    if ((status = jr2i_cancelled(env)) != JR2_OK || (status = retarget(p, env, driving, &o)) != JR2_OK)
        return status;
    float expression[JR2I_PARAMS_EXPRESSION_MAX];
    tell(p, o.method, head->expression_count, expression);
    jr2i_head_input input = {p->view->identity, expression, NULL, head->identity_count, head->expression_count};
    jr2i_head_person_vertices(head, p->person, &input, p->head_scratch, p->vertices);
    jr2i_portrait_camera(p, &p->shown, p->vertices, &camera);
    jr2i_posed_make(&p->mesh, p->vertices, &camera, p->ctx->pool, &p->driven);
    if ((status = make_crop(p, env, &o)) != JR2_OK)
        return status;
    const jr2i_paste paste = {SIDE, p->left, p->top, p->step, p->made, p->from, p->before, p->blend, p->rgb, p->width, p->height, (const float (*)[3])p->faces, p->face_count};
    if (o.output == JR2_REENACT_CROP) {
        jr2i_paste_crop(&paste, &out);
    } else {
        if (!o.over)
            copy_picture(p, &out);
        jr2i_paste_into(&paste, ctx->pool, &out);
    }
    if (!o.unmarked)
        jr2i_mark_embed(&out, ctx->pool);
    return JR2_OK;
}

int32_t jr2_portrait_state(const jr2_portrait *p, jr2_motion_face *state)
{
    float rotation[9], gaze[4], angle[3];
    if (!p || !state)
        return JR2_ERR_ARGUMENT;
    int32_t status = jr2_motion_from_face((const jr2_face *)p->view, state);
    if (status != JR2_OK)
        return status;
    const jr2i_head *head = p->view->head;
    jr2i_rotation_from_face(p->shown.rotation, p->shown.translation, rotation);
    jr2i_pose_angles(rotation, &angle[0], &angle[1], &angle[2]);
    for (int k = 0; k < 3; k++)
        state->angles[k] = angle[k] * JR2I_DEGREES;
    memcpy(state->translation, p->shown.translation, sizeof state->translation);
    jr2i_arkit_from_expression(&head->arkit, p->shown.expression, state->arkit);
    jr2i_gaze_from_arkit(state->arkit, head->eye_range, gaze);
    for (int k = 0; k < 4; k++)
        state->gaze[k] = gaze[k] * JR2I_DEGREES;
    state->expression = p->shown.expression;
    return JR2_OK;
}
