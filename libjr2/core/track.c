/* SPDX-License-Identifier: MIT
 * The tracker: which face is where in every picture of a video, and under which id. Faces are followed by their own landmarks; a small
 * look of the finder around them says, every few frames, that they are still faces. */
#include <math.h>
#include <string.h>

#include "image/view.h"
#include "image/warp.h"
#include "tracker.h"

#define CHECK_SIDE 96     /* px: what the finder sees of a single face, */
#define CHECK_FACTOR 2.5f /* in sizes of the face */
#define CHECK_EVERY 5     /* frames */
#define CHECK_SCORE 0.3f  /* a followed face may be harder to see than a new one */
#define SURE 0.65f        /* score of a new face that needs no further frames, */
#define SURE_ERROR 0.12f  /* and the network's guess of its error; real faces have 0.03 to 0.08 */
#define CONFIRMATIONS 3   /* frames that another one needs */
#define ERROR_MAX 0.3f    /* the same for a face that is followed */
#define CUT 0.5f          /* seconds between frames beyond which filters start anew */
#define GAP 0.25          /* seconds in which a face that was just missed is known by its place alone */
/* Identity differences (jr2i_track_distance) of one person are 0.8 in the median and below 2.4 in 99 of 100 frames, those of two people
 * 2.5 in the median: they tell people apart only together with place and time. */
#define SAME_PERSON 3.0f
#define SAME_PLACE 10.0f /* face sizes */
#define SAME_MAX 1.1f

static int32_t in_range(jr2i_env *env, const char *name, double value, double low, double high)
{
    if (value >= low && value <= high)
        return JR2_OK;
    return jr2i_fail(env, JR2_ERR_RANGE, "%s is %g, not %g..%g", name, value, low, high);
}

static void set_default(float *value, float standard)
{
    *value = *value == 0 ? standard : *value < 0 ? 0 : *value;
}

static int32_t read_options(jr2i_env *env, const jr2_tracker_options *given, jr2_tracker_options *o)
{
    int32_t status;
    JR2_INIT(*o);
    if (given) {
        if ((status = jr2i_check_struct(env, given->struct_size, sizeof *given, "jr2_tracker_options")) != JR2_OK)
            return status;
        *o = *given;
    }
    o->max_faces = o->max_faces == 0 ? 1 : o->max_faces;
    o->min_confidence = o->min_confidence == 0 ? 0.6f : o->min_confidence;
    o->find_every = o->find_every == 0 ? 10 : o->find_every;
    o->find_side = o->find_side == 0 ? JR2I_FIND_SIDE : o->find_side;
    o->passes = o->passes == 0 ? 1 : o->passes;
    set_default(&o->pose_lag, 0.05f);
    set_default(&o->expression_lag, 0.05f);
    set_default(&o->landmark_lag, 0.05f);
    set_default(&o->hold, 0.3f);
    set_default(&o->fade, 0.7f);
    set_default(&o->keep, 2);
    if ((status = in_range(env, "max_faces", o->max_faces, 1, JR2_TRACK_FACES_MAX)) != JR2_OK ||
        (status = in_range(env, "min_confidence", (double)o->min_confidence, 0, 1)) != JR2_OK ||
        (status = in_range(env, "find_every", o->find_every, 1, 1000000)) != JR2_OK ||
        (status = in_range(env, "passes", o->passes, 1, 4)) != JR2_OK ||
        (status = in_range(env, "mesh", o->mesh, 0, 1)) != JR2_OK ||
        (status = in_range(env, "expression_source", o->expression_source, JR2_EXPRESSION_AUTO, JR2_EXPRESSION_COARSE)) != JR2_OK ||
        (o->focal_px != 0 && (status = in_range(env, "focal_px", (double)o->focal_px, 1, 1e6)) != JR2_OK) ||
        (status = in_range(env, "pose_lag", (double)o->pose_lag, 0, 1)) != JR2_OK ||
        (status = in_range(env, "expression_lag", (double)o->expression_lag, 0, 1)) != JR2_OK ||
        (status = in_range(env, "landmark_lag", (double)o->landmark_lag, 0, 1)) != JR2_OK ||
        (status = in_range(env, "hold", (double)o->hold, 0, 60)) != JR2_OK ||
        (status = in_range(env, "fade", (double)o->fade, 0, 60)) != JR2_OK || (status = in_range(env, "keep", (double)o->keep, 0, 3600)) != JR2_OK)
        return status;
    return JR2_OK;
}

static int32_t make(jr2_ctx *ctx, const jr2_tracker_options *options, jr2_tracker **out)
{
    jr2i_env *env = &ctx->env;
    jr2_tracker_options o;
    int32_t status = read_options(env, options, &o);
    if (status == JR2_OK)
        status = jr2i_look_prepare(ctx);
    if (status != JR2_OK)
        return status;
    if (!ctx->model->find)
        return jr2i_fail(env, JR2_ERR_MISSING, "the model has no finder (find.jr2w)");
    if (ctx->model->head->landmark478.count != 478)
        return jr2i_fail(env, JR2_ERR_MISSING, "the head model has no 478 landmarks: faces cannot be followed");
    jr2_tracker *t = jr2i_calloc(env, 1, sizeof *t);
    if (!t)
        return jr2i_no_memory(env, sizeof *t);
    *out = t; /* freed by the caller where what follows fails */
    t->ctx = ctx;
    t->options = o;
    t->next_id = 1;
    t->track_count = 2 * o.max_faces + 2;
    if (!(t->tracks = jr2i_calloc(env, (size_t)t->track_count, sizeof *t->tracks)))
        return jr2i_no_memory(env, (size_t)t->track_count * sizeof *t->tracks);
    if (!(t->check_pixels = jr2i_alloc(env, 3 * CHECK_SIDE * CHECK_SIDE, 1)))
        return jr2i_no_memory(env, 3 * CHECK_SIDE * CHECK_SIDE);
    if ((status = jr2i_finder_create(env, ctx->model->find, ctx->threads, &t->checker)) != JR2_OK)
        return status;
    return jr2i_finder_set_side(env, t->checker, CHECK_SIDE);
}

int32_t jr2_tracker_create(jr2_ctx *ctx, const jr2_tracker_options *options, jr2_tracker **tracker)
{
    jr2_tracker *t = NULL;
    if (tracker)
        *tracker = NULL;
    if (!ctx)
        return JR2_ERR_ARGUMENT;
    if (!tracker)
        return jr2i_fail(&ctx->env, JR2_ERR_ARGUMENT, "tracker is NULL");
    int32_t status = make(ctx, options, &t);
    if (status == JR2_OK)
        *tracker = t;
    else
        jr2_tracker_free(t);
    return status;
}

void jr2_tracker_free(jr2_tracker *t)
{
    if (!t)
        return;
    jr2i_env *env = &t->ctx->env;
    jr2i_finder_free(env, t->checker);
    jr2i_free(env, t->check_pixels);
    jr2i_free(env, t->tracks);
    jr2i_free(env, t);
}

void jr2_tracker_reset(jr2_tracker *t)
{
    if (!t)
        return;
    memset(t->tracks, 0, (size_t)t->track_count * sizeof *t->tracks);
    t->started = t->event_count = t->has_waiting = t->frames_since_find = 0;
}

const jr2_track_event *jr2_tracker_events(const jr2_tracker *t, int32_t *count)
{
    if (count)
        *count = t ? t->event_count : 0;
    return t && t->event_count > 0 ? t->events : NULL;
}

static void tell(jr2_tracker *t, int32_t kind, int32_t id)
{
    if (t->event_count < JR2I_TRACK_EVENTS)
        t->events[t->event_count++] = (jr2_track_event){kind, id};
}

static int is_followed(const jr2i_track *track)
{
    return track->state == JR2I_TRACK_SEEN || track->state == JR2I_TRACK_PENDING;
}

static float distance(const jr2i_frame *a, const jr2i_frame *b)
{
    return hypotf(a->x - b->x, a->y - b->y);
}

/* The finder's opinion of the place: its score, or 0 where it sees no face of about that size there. */
static int32_t check(jr2_tracker *t, const jr2i_view *view, const jr2i_frame *frame, float *score)
{
    float map[6], middle = 0.5f * CHECK_SIDE, size = CHECK_SIDE / CHECK_FACTOR;
    jr2i_found found[4];
    int32_t count;
    *score = 0;
    jr2i_frame_crop_map(frame, CHECK_FACTOR, CHECK_SIDE, map);
    jr2i_warp_rgb8(view, map, CHECK_SIDE, CHECK_SIDE, JR2I_OUTSIDE_GREY, t->check_pixels);
    jr2i_view crop = jr2i_view_rgb(t->check_pixels, CHECK_SIDE, CHECK_SIDE);
    int32_t status = jr2i_finder_run(&t->ctx->env, t->checker, t->ctx->pool, &crop, CHECK_SCORE, found, 4, &count);
    for (int32_t i = 0; i < count; i++) {
        float away = hypotf(found[i].frame.x - middle, found[i].frame.y - middle), ratio = found[i].frame.size / size;
        if (away < 0.4f * size && ratio > 0.55f && ratio < 1.8f)
            *score = fmaxf(*score, found[i].score);
    }
    return status;
}

static int in_picture(const jr2_tracker *t, const jr2i_frame *f)
{
    return f->size >= 8 && f->x > 0 && f->y > 0 && f->x < (float)t->width && f->y < (float)t->height;
}

/* A face of the last frame in this one. It is lost where it does not look like one. */
static int32_t follow(jr2_tracker *t, const jr2i_view *view, jr2i_track *track, float dt)
{
    jr2i_sight *s = &t->sight;
    float score = track->confidence;
    int32_t status = jr2i_look_at(t->ctx, view, &track->frame, t->options.passes, t->options.expression_source, s);
    if (status != JR2_OK)
        return status;
    int32_t good = s->usable && in_picture(t, &s->frame) && s->params.error < ERROR_MAX;
    if (good) {
        float ratio = s->frame.size / track->frame.size, moved = distance(&s->frame, &track->frame) / track->frame.size;
        int32_t odd = ratio < 0.7f || ratio > 1.4f || moved > 0.25f || s->params.error > 2 * track->error + 0.02f;
        track->unverified++;
        if (odd || track->state == JR2I_TRACK_PENDING || track->unverified >= CHECK_EVERY) {
            if ((status = check(t, view, &s->frame, &score)) != JR2_OK)
                return status;
            good = score > 0;
            track->unverified = 0;
        }
    }
    if (!good) {
        if (track->state == JR2I_TRACK_PENDING)
            track->state = JR2I_TRACK_FREE;
        else
            track->state = JR2I_TRACK_LOST;
        return JR2_OK;
    }
    track->confidence = score;
    track->error += 0.2f * (s->params.error - track->error);
    jr2i_track_take_sight(t, track, s, dt);
    if (track->state == JR2I_TRACK_PENDING && ++track->confirmations >= CONFIRMATIONS) {
        track->state = JR2I_TRACK_SEEN;
        track->id = t->next_id++;
        tell(t, JR2_EVENT_NEW, track->id);
    }
    return JR2_OK;
}

/* Two tracks on one face: the younger one lost its own. */
static void part_twins(jr2_tracker *t)
{
    for (int32_t i = 0; i < t->track_count; i++)
        for (int32_t k = 0; k < t->track_count; k++) {
            jr2i_track *a = &t->tracks[i], *b = &t->tracks[k];
            if (i == k || !is_followed(a) || !is_followed(b) || jr2i_find_overlap(&a->frame, &b->frame) < 0.5f)
                continue;
            jr2i_track *younger = a->id == 0 || (b->id != 0 && a->id > b->id) ? a : b;
            younger->state = younger->id ? JR2I_TRACK_LOST : JR2I_TRACK_FREE;
        }
}

/* The lost face that this sight is, or NULL. */
static jr2i_track *recognise(jr2_tracker *t, const jr2i_sight *s)
{
    jr2i_track *best = NULL;
    float lowest = SAME_MAX;
    for (int32_t i = 0; i < t->track_count; i++) {
        jr2i_track *track = &t->tracks[i];
        if (track->state != JR2I_TRACK_LOST)
            continue;
        float near = distance(&s->frame, &track->frame) / fmaxf(s->frame.size, track->frame.size);
        float cost = jr2i_track_distance(t, &track->person, s->params.identity) / SAME_PERSON + fminf(near, 3) / SAME_PLACE;
        if (t->time - track->seen <= GAP && near < 1)
            cost = 0.3f * near;
        if (cost < lowest) {
            lowest = cost;
            best = track;
        }
    }
    return best;
}

/* A slot for a new face: a free one, or that of the face that was lost first. */
static jr2i_track *free_slot(jr2_tracker *t)
{
    jr2i_track *oldest = NULL;
    for (int32_t i = 0; i < t->track_count; i++) {
        jr2i_track *track = &t->tracks[i];
        if (track->state == JR2I_TRACK_FREE)
            return track;
        if (track->state == JR2I_TRACK_LOST && (!oldest || track->seen < oldest->seen))
            oldest = track;
    }
    if (oldest)
        tell(t, JR2_EVENT_FORGOTTEN, oldest->id);
    return oldest;
}

static int is_taken(const jr2_tracker *t, const jr2i_frame *frame)
{
    for (int32_t i = 0; i < t->track_count; i++)
        if (is_followed(&t->tracks[i]) &&
            (jr2i_find_overlap(&t->tracks[i].frame, frame) > 0.25f ||
             distance(&t->tracks[i].frame, frame) < 0.35f * fmaxf(t->tracks[i].frame.size, frame->size)))
            return 1;
    return 0;
}

/* A face that the finder sees where none is followed. */
static int32_t welcome(jr2_tracker *t, const jr2i_view *view, const jr2i_found *found, float dt)
{
    jr2i_sight *s = &t->sight;
    float score;
    int32_t passes = t->options.passes > 2 ? t->options.passes : 2;
    int32_t status = jr2i_look_at(t->ctx, view, &found->frame, passes, t->options.expression_source, s);
    if (status != JR2_OK || !s->usable || !in_picture(t, &s->frame) || !(s->params.error < ERROR_MAX) || is_taken(t, &s->frame))
        return status;
    if ((status = check(t, view, &s->frame, &score)) != JR2_OK || score == 0)
        return status;
    jr2i_track *track = recognise(t, s);
    if (track) {
        track->restart |= t->time - track->seen > GAP;
        if (track->told_lost)
            tell(t, JR2_EVENT_FOUND, track->id);
        track->state = JR2I_TRACK_SEEN;
    } else {
        if (!(track = free_slot(t)))
            return JR2_OK;
        memset(track, 0, sizeof *track);
        jr2i_person_clear(&track->person);
        if (t->has_waiting)
            track->person = t->waiting;
        t->has_waiting = 0;
        track->restart = 1;
        track->state = JR2I_TRACK_PENDING;
        if (fmaxf(found->score, score) >= SURE && s->params.error < SURE_ERROR) {
            track->state = JR2I_TRACK_SEEN;
            track->id = t->next_id++;
            tell(t, JR2_EVENT_NEW, track->id);
        }
    }
    track->confidence = fmaxf(score, found->score);
    track->error = s->params.error;
    track->told_lost = track->unverified = 0;
    jr2i_track_take_sight(t, track, s, dt);
    return JR2_OK;
}

static int32_t count_followed(const jr2_tracker *t)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->track_count; i++)
        n += is_followed(&t->tracks[i]);
    return n;
}

static int32_t search(jr2_tracker *t, const jr2i_view *view, float dt, int32_t lost_one)
{
    int32_t followed = count_followed(t), count, status;
    t->frames_since_find++;
    if (followed >= t->options.max_faces || (followed > 0 && !lost_one && t->frames_since_find < t->options.find_every))
        return JR2_OK;
    t->frames_since_find = 0;
    if ((status = jr2i_look_find(t->ctx, view, t->options.find_side, 0, t->options.min_confidence, 64, t->found, &count)) != JR2_OK)
        return status;
    for (int32_t i = 0; i < count && followed < t->options.max_faces; i++) {
        if (is_taken(t, &t->found[i].frame))
            continue;
        if ((status = welcome(t, view, &t->found[i], dt)) != JR2_OK)
            return status;
        followed = count_followed(t);
    }
    return JR2_OK;
}

/* Lost faces grow older. */
static void age(jr2_tracker *t)
{
    const jr2_tracker_options *o = &t->options;
    for (int32_t i = 0; i < t->track_count; i++) {
        jr2i_track *track = &t->tracks[i];
        double gap = t->time - track->seen;
        if (track->state != JR2I_TRACK_LOST)
            continue;
        if (!track->told_lost && gap > (double)o->hold) {
            track->told_lost = 1;
            tell(t, JR2_EVENT_LOST, track->id);
        }
        if (gap > (double)fmaxf(o->keep, o->hold + o->fade)) {
            tell(t, JR2_EVENT_FORGOTTEN, track->id);
            track->state = JR2I_TRACK_FREE;
        }
    }
}

static int is_shown(const jr2_tracker *t, const jr2i_track *track)
{
    return track->state == JR2I_TRACK_SEEN ||
           (track->state == JR2I_TRACK_LOST && t->time - track->seen <= (double)(t->options.hold + t->options.fade));
}

static void show(jr2_tracker *t, const jr2i_track *track, jr2i_face_view *view)
{
    float rest = 0;
    view->confidence = track->confidence;
    if (track->state == JR2I_TRACK_LOST) {
        float gap = (float)(t->time - track->seen), hold = t->options.hold, fade = t->options.fade;
        view->state = gap <= hold ? JR2_FACE_HELD : JR2_FACE_FADING;
        rest = gap <= hold || fade <= 0 ? 0 : fminf((gap - hold) / fade, 1);
        rest = rest * rest * (3 - 2 * rest);
        view->confidence *= fmaxf(1 - gap / fmaxf(hold + fade, 1e-3f), 0);
    }
    jr2i_track_show(t, track, rest, view);
}

static int32_t make_result(jr2_tracker *t, jr2_result **result)
{
    int32_t shown = 0, seen = 0;
    for (int32_t i = 0; i < t->track_count; i++) {
        shown += is_shown(t, &t->tracks[i]);
        seen += t->tracks[i].state == JR2I_TRACK_SEEN;
    }
    int32_t count = shown < t->options.max_faces ? shown : t->options.max_faces, lost_room = count - seen;
    int32_t status = jr2i_result_create(t->ctx, t->width, t->height, count, t->options.mesh, result);
    if (status != JR2_OK)
        return status;
    int32_t last = 0;
    for (int32_t n = 0; n < count;) { /* by id */
        const jr2i_track *next = NULL;
        for (int32_t i = 0; i < t->track_count; i++)
            if (is_shown(t, &t->tracks[i]) && t->tracks[i].id > last && (!next || t->tracks[i].id < next->id))
                next = &t->tracks[i];
        if (!next)
            break;
        last = next->id;
        if (next->state == JR2I_TRACK_LOST && lost_room-- <= 0)
            continue;
        show(t, next, &(*result)->faces[n++].view);
    }
    return JR2_OK;
}

static int32_t update(jr2_tracker *t, const jr2i_view *view, float dt)
{
    int32_t lost_one = 0, status;
    for (int32_t i = 0; i < t->track_count; i++)
        if (is_followed(&t->tracks[i])) {
            if ((status = follow(t, view, &t->tracks[i], dt)) != JR2_OK)
                return status;
            lost_one |= !is_followed(&t->tracks[i]);
        }
    part_twins(t);
    if ((status = search(t, view, dt, lost_one)) != JR2_OK)
        return status;
    age(t);
    return JR2_OK;
}

int32_t jr2_tracker_update(jr2_tracker *t, const jr2_image *image, double time, jr2_result **result)
{
    jr2i_view view;
    if (result)
        *result = NULL;
    if (!t)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &t->ctx->env;
    if (!result)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "result is NULL");
    t->event_count = 0;
    int32_t status = jr2i_view_check(env, image, &view);
    if (status != JR2_OK || (status = jr2i_cancelled(env)) != JR2_OK)
        return status;
    if (!isfinite(time) || (t->started && time <= t->time))
        return jr2i_fail(env, JR2_ERR_RANGE, "time is %g s, the last frame was at %g s", time, t->started ? t->time : -HUGE_VAL);
    float dt = t->started ? (float)fmin(time - t->time, 1e6) : 1;
    int32_t resized = t->started && (view.width != t->width || view.height != t->height);
    t->started = 1;
    t->time = time;
    t->width = view.width;
    t->height = view.height;
    t->camera = jr2i_camera_default(view.width, view.height, t->options.focal_px);
    for (int32_t i = 0; i < t->track_count; i++) {
        t->tracks[i].restart |= dt > CUT || resized;
        if (resized && is_followed(&t->tracks[i])) /* elsewhere in the new picture */
            t->tracks[i].state = t->tracks[i].id ? JR2I_TRACK_LOST : JR2I_TRACK_FREE;
    }
    dt = fmaxf(dt, 1e-4f);
    if ((status = update(t, &view, dt)) != JR2_OK)
        return status;
    return make_result(t, result);
}
