/* SPDX-License-Identifier: MIT
 * One face over time: identity that converges, calibrated expression, pose from the accumulated identity, filters; and what a result
 * shows of it. */
#include <math.h>
#include <string.h>

#include "face/pnp.h"
#include "face/pose.h"
#include "tracker.h"

#define WEIGHT_MAX 2000.0f /* frames after which the identity moves no further than by a two-thousandth of a new one */
#define OUTLIER 3.0f       /* a coefficient farther from its mean than this many mean distances counts as that far */
#define SPREAD_MIN 0.02f

/* Hz of cut-off for each unit per second (degrees; cm; coefficient; face sizes) above the speed that noise has. docs/tracking.md has their measurement. */
#define TURN_GAIN 2.0f
#define TURN_STILL 8.0f
#define TRANSLATION_GAIN 10.0f
#define TRANSLATION_STILL 1.0f
#define DEPTH_NOISE 5.0f /* distance wavers that much more than place */
#define EXPRESSION_GAIN 1.2f
#define LID_GAIN 6.0f /* a blink is over in a fifth of a second */
#define LANDMARK_GAIN 8.0f

/* A coefficient lags as long as the options say where its expected error is DOUBT or more, and less in proportion to that, down to SURE. */
#define DOUBT 0.1f
#define SURE 0.2f

/* Robust running mean; frontal sights of a sure network weigh more. */
static void accumulate(const jr2i_head *head, jr2i_person *p, const jr2i_params *params, float yaw)
{
    float share = fmaxf(cosf(yaw), 0.2f);
    float weight = share * share / (1 + 20 * params->error);
    if (!(weight > 0))
        return;
    float gain = weight / (p->weight + weight);
    for (int32_t i = 0; i < head->identity_count; i++) {
        float step = params->identity[i] - p->identity[i], far = OUTLIER * fmaxf(p->spread[i], SPREAD_MIN);
        if (p->weight > 3)
            step = fminf(fmaxf(step, -far), far);
        p->identity[i] += gain * step;
        p->spread[i] += gain * (fabsf(step) - p->spread[i]);
    }
    for (int32_t i = 0; i < head->albedo_count; i++)
        p->albedo[i] += gain * (params->albedo[i] - p->albedo[i]);
    p->weight = fminf(p->weight + weight, WEIGHT_MAX);
}

float jr2i_track_distance(const jr2_tracker *t, const jr2i_person *person, const float *identity)
{
    const jr2i_head *head = t->ctx->model->head;
    double sum = 0;
    for (int32_t i = 0; i < head->identity_count; i++) {
        /* A standard deviation is 1.25 mean distances; little is known of it after few frames. */
        double unit = 1.25 * (double)person->spread[i] + 0.02 + 0.1 / (1 + (double)person->weight);
        double d = (double)(person->identity[i] - identity[i]) / unit;
        sum += d * d;
    }
    return head->identity_count > 0 ? (float)sqrt(sum / head->identity_count) : 0;
}

/* Head to camera from this sight's landmarks and the accumulated identity; starts where the head was. */
static void find_pose(jr2_tracker *t, const jr2i_track *track, const jr2i_sight *s, float rotation[9], float translation[3])
{
    const jr2i_head *head = t->ctx->model->head;
    jr2i_head_input input = {track->person.identity, s->params.expression, NULL, head->identity_count, head->expression_count};
    jr2i_head_landmarks(head, &input, jr2i_look_scratch(t->ctx), t->points478, NULL);
    jr2i_camera_from_face(&t->camera, &s->params.camera, s->map, rotation, translation);
    jr2i_pnp_refine(&t->camera, t->points478, s->landmarks478, NULL, head->landmark478.count, rotation, translation);
}

static void filter_points(jr2i_euro *filters, const float *values, int32_t count, const jr2i_euro_law *law, float size, int32_t restart,
                          float dt)
{
    jr2i_euro_law scaled = {law->lag, law->gain / size, 0}; /* speed in face sizes a second */
    for (int32_t i = 0; i < count; i++)
        if (restart)
            jr2i_euro_start(&filters[i], values[i]);
        else
            jr2i_euro_step(&filters[i], &scaled, values[i], dt);
}

void jr2i_track_take_sight(jr2_tracker *t, jr2i_track *track, const jr2i_sight *s, float dt)
{
    const jr2i_head *head = t->ctx->model->head;
    const jr2_tracker_options *o = &t->options;
    const jr2i_euro_law turn = {o->pose_lag, TURN_GAIN, TURN_STILL};
    const jr2i_euro_law face = {o->expression_lag, EXPRESSION_GAIN, 0}, points = {o->landmark_lag, LANDMARK_GAIN, 0};
    float yaw, pitch, roll, rotation[9], translation[3], calibrated[JR2I_PARAMS_EXPRESSION_MAX];
    jr2i_pose_angles(s->params.camera.rotation, &yaw, &pitch, &roll);
    accumulate(head, &track->person, &s->params, yaw);
    jr2i_track_collect(t, track, s->params.expression);
    find_pose(t, track, s, rotation, translation);
    jr2i_person_expression(head, &track->person, s->params.expression, calibrated);
    track->corrected = s->params.corrected;
    if (track->corrected)
        jr2i_person_error(head, &track->person, s->params.expression_error, track->expression_error);
    if (track->restart) {
        jr2i_euro_turn_start(&track->turn, rotation);
        for (int k = 0; k < 3; k++)
            jr2i_euro_start(&track->translation[k], translation[k]);
        for (int32_t i = 0; i < head->expression_count; i++)
            jr2i_euro_start(&track->expression[i], calibrated[i]);
    } else {
        jr2i_euro_turn_step(&track->turn, &turn, rotation, dt);
        for (int k = 0; k < 3; k++) {
            const float noise = k == 2 ? DEPTH_NOISE : 1;
            const jr2i_euro_law law = {o->pose_lag, TRANSLATION_GAIN / noise, TRANSLATION_STILL * noise};
            jr2i_euro_step(&track->translation[k], &law, translation[k], dt);
        }
        for (int32_t i = 0; i < head->expression_count; i++) {
            const float doubt = track->corrected ? fminf(fmaxf(track->expression_error[i] / DOUBT, SURE), 1) : 1;
            const int32_t lid = strncmp(head->expression_name[i], "eyeBlink", 8) == 0;
            const jr2i_euro_law law = {face.lag * doubt, lid ? LID_GAIN : face.gain, 0};
            jr2i_euro_step(&track->expression[i], &law, calibrated[i], dt);
        }
    }
    for (int32_t i = 0; i < head->expression_count; i++)
        track->shown[i] = fminf(fmaxf(track->expression[i].value, 0), 1);
    filter_points(track->landmarks478, s->landmarks478, 2 * head->landmark478.count, &points, s->frame.size, track->restart, dt);
    filter_points(track->landmarks68, s->landmarks68, 2 * head->landmark68.count, &points, s->frame.size, track->restart, dt);
    memcpy(track->light, s->params.light, sizeof track->light);
    track->frame = s->frame;
    track->restart = 0;
    track->seen = t->time;
}

static void put(const float *to, const float *from, int32_t count)
{
    if (to && count > 0)
        memcpy((float *)(size_t)to, from, (size_t)count * sizeof *from);
}

static void put_filtered(const float *to, const jr2i_euro *from, int32_t count)
{
    for (int32_t i = 0; to && i < count; i++)
        ((float *)(size_t)to)[i] = from[i].value;
}

static void box_of(const float *points, int32_t count, float box[4])
{
    float x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int32_t i = 0; i < count; i++) {
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

void jr2i_track_show(jr2_tracker *t, const jr2i_track *track, float rest, jr2i_face_view *v)
{
    const jr2i_head *head = t->ctx->model->head;
    float rotation[9], translation[3], w[3], gaze[4], angle[3], stay = 1 - rest;
    float *scratch = jr2i_look_scratch(t->ctx), *expression = (float *)(size_t)v->expression;
    v->id = track->id;
    v->camera = t->camera;
    put(v->identity, track->person.identity, head->identity_count);
    put(v->albedo, track->person.albedo, head->albedo_count);
    put(v->light, track->light, 27);
    for (int32_t i = 0; i < head->expression_count; i++)
        expression[i] = stay * track->shown[i];
    if (track->corrected && !(rest > 0))
        put(v->expression_error, track->expression_error, head->expression_count);
    else
        v->expression_error = NULL;
    jr2i_pose_logarithm(track->turn.value, w);
    for (int k = 0; k < 3; k++) {
        w[k] *= stay;
        translation[k] = track->translation[k].value;
    }
    jr2i_pose_exponential(w, rotation);
    jr2i_pose_angles(rotation, &angle[0], &angle[1], &angle[2]);
    for (int k = 0; k < 3; k++)
        v->angles[k] = angle[k] * JR2I_DEGREES;
    jr2i_pose_matrix4(rotation, translation, v->matrix);
    jr2i_arkit_from_expression(&head->arkit, expression, (float *)(size_t)v->arkit);
    jr2i_gaze_from_arkit(v->arkit, head->eye_range, gaze);
    for (int k = 0; k < 4; k++)
        v->gaze[k] = gaze[k] * JR2I_DEGREES;
    put_filtered(v->landmarks478, track->landmarks478, 2 * head->landmark478.count);
    put_filtered(v->landmarks68, track->landmarks68, 2 * head->landmark68.count);
    jr2i_head_input input = {v->identity, v->expression, NULL, head->identity_count, head->expression_count};
    if (rest > 0) { /* no sight to take them from */
        jr2i_head_landmarks(head, &input, scratch, t->points478, v->landmarks68 ? t->points68 : NULL);
        jr2i_camera_project(&t->camera, v->matrix, t->points478, head->landmark478.count, (float *)(size_t)v->landmarks478);
        if (v->landmarks68)
            jr2i_camera_project(&t->camera, v->matrix, t->points68, head->landmark68.count, (float *)(size_t)v->landmarks68);
    }
    if (v->vertices) {
        jr2i_head_vertices(head, &input, scratch, (float *)(size_t)v->vertices);
        jr2i_head_normals(head, v->vertices, (float *)(size_t)v->normals);
    }
    jr2i_frame frame = track->frame;
    jr2i_frame_from_landmarks(v->landmarks478, &frame);
    v->region[0] = frame.x;
    v->region[1] = frame.y;
    v->region[2] = frame.size;
    v->region[3] = frame.roll;
    if (v->landmarks68)
        box_of(v->landmarks68, head->landmark68.count, v->box);
    else
        box_of(v->landmarks478, head->landmark478.count, v->box);
}
