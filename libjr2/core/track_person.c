/* SPDX-License-Identifier: MIT
 * What is known of a person: calibration of the expression, and identity and calibration as a blob.
 *
 * The blob, little endian: "JR2P", u32 version 1, u32 identity count, u32 albedo count, u32 expression count, u32 calibrated, f32 weight, then f32
 * identity, spread, albedo, rest, range, then u32 CRC-32 of all before. */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "tracker.h"

#define VERSION 1
#define REST_SECONDS 1.0
#define RANGE_MIN 0.5f /* of what is above rest: less is no range */
#define RANGE_LEAST 0.05f /* from rest to range */
#define HEADER 28

void jr2i_person_clear(jr2i_person *person)
{
    memset(person, 0, sizeof *person);
    for (int32_t i = 0; i < JR2I_PARAMS_EXPRESSION_MAX; i++)
        person->range[i] = 1;
}

void jr2i_person_expression(const jr2i_head *head, const jr2i_person *p, const float *raw, float *out)
{
    if (!p->calibrated) {
        memcpy(out, raw, (size_t)head->expression_count * sizeof *out);
        return;
    }
    for (int32_t i = 0; i < head->expression_count; i++)
        out[i] = fminf(fmaxf((raw[i] - p->rest[i]) / fmaxf(p->range[i] - p->rest[i], RANGE_LEAST), 0), 1);
}

void jr2i_person_error(const jr2i_head *head, const jr2i_person *p, const float *raw, float *out)
{
    for (int32_t i = 0; i < head->expression_count; i++)
        out[i] = fminf(raw[i] / (p->calibrated ? fmaxf(p->range[i] - p->rest[i], RANGE_LEAST) : 1), 1);
}

jr2i_track *jr2i_track_by_id(jr2_tracker *t, int32_t id)
{
    for (int32_t i = 0; id > 0 && i < t->track_count; i++)
        if (t->tracks[i].id == id && t->tracks[i].state != JR2I_TRACK_FREE)
            return &t->tracks[i];
    return NULL;
}

/* Where the eyes look at rest is where the camera is: the offsets of opposite directions are left alone. */
static int is_gaze(const jr2i_head *head, int32_t expression)
{
    return strncmp(head->expression_name[expression], "eyeLook", 7) == 0;
}

static void finish(jr2_tracker *t, jr2i_track *track)
{
    const jr2i_head *head = t->ctx->model->head;
    jr2i_person *p = &track->person;
    for (int32_t i = 0; i < head->expression_count; i++) {
        if (is_gaze(head, i))
            continue;
        if (track->collecting == JR2_CALIBRATE_REST && track->collected_frames > 0) {
            p->rest[i] = fminf(track->collected[i] / track->collected_frames, 0.6f); /* a face with more is not at rest */
            p->range[i] = 1;
        } else if (track->collecting == JR2_CALIBRATE_RANGE && track->collected[i] - p->rest[i] >= RANGE_MIN * (1 - p->rest[i])) {
            p->range[i] = fminf(track->collected[i], 1);
        }
    }
    p->calibrated |= track->collected_frames > 0;
    track->collecting = 0;
}

void jr2i_track_collect(jr2_tracker *t, jr2i_track *track, const float *raw)
{
    const jr2i_head *head = t->ctx->model->head;
    if (!track->collecting)
        return;
    for (int32_t i = 0; i < head->expression_count; i++)
        if (track->collecting == JR2_CALIBRATE_REST)
            track->collected[i] += raw[i];
        else
            track->collected[i] = fmaxf(track->collected[i], raw[i]);
    track->collected_frames++;
    if (track->collecting == JR2_CALIBRATE_REST && t->time >= track->collect_until)
        finish(t, track);
}

static int32_t no_such_face(jr2_tracker *t, int32_t id)
{
    return jr2i_fail(&t->ctx->env, JR2_ERR_NOT_FOUND, "no face has the id %d", (int)id);
}

int32_t jr2_tracker_calibrate(jr2_tracker *t, int32_t id, int32_t what)
{
    if (!t)
        return JR2_ERR_ARGUMENT;
    if (what < JR2_CALIBRATE_CLEAR || what > JR2_CALIBRATE_END)
        return jr2i_fail(&t->ctx->env, JR2_ERR_ARGUMENT, "unknown calibration step %d", (int)what);
    jr2i_track *track = jr2i_track_by_id(t, id);
    if (!track)
        return no_such_face(t, id);
    if (what == JR2_CALIBRATE_END) {
        if (track->collecting)
            finish(t, track);
        return JR2_OK;
    }
    if (what == JR2_CALIBRATE_RANGE && track->collecting == JR2_CALIBRATE_REST)
        finish(t, track);
    track->collecting = what;
    track->collected_frames = 0;
    track->collect_until = t->time + REST_SECONDS;
    memset(track->collected, 0, sizeof track->collected);
    if (what != JR2_CALIBRATE_RANGE)
        track->person.calibrated = 0;
    if (what != JR2_CALIBRATE_RANGE)
        for (int32_t i = 0; i < JR2I_PARAMS_EXPRESSION_MAX; i++) {
            track->person.rest[i] = 0;
            track->person.range[i] = 1;
        }
    return JR2_OK;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint8_t *put_floats(uint8_t *at, const float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++, at += 4) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        put_u32(at, bits);
    }
    return at;
}

static const uint8_t *get_floats(const uint8_t *at, float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++, at += 4) {
        uint32_t bits = get_u32(at);
        memcpy(&values[i], &bits, sizeof bits);
    }
    return at;
}

static size_t blob_size(const jr2i_head *h)
{
    return HEADER + 4 * (size_t)(2 * h->identity_count + h->albedo_count + 2 * h->expression_count) + 4;
}

int32_t jr2_tracker_save(jr2_tracker *t, int32_t id, void *data, size_t *size)
{
    if (!t)
        return JR2_ERR_ARGUMENT;
    const jr2i_head *h = t->ctx->model->head;
    if (!size)
        return jr2i_fail(&t->ctx->env, JR2_ERR_ARGUMENT, "size is NULL");
    const jr2i_track *track = jr2i_track_by_id(t, id);
    if (!track)
        return no_such_face(t, id);
    size_t given = *size, needed = blob_size(h);
    *size = needed;
    if (!data)
        return JR2_OK;
    if (given < needed)
        return jr2i_fail(&t->ctx->env, JR2_ERR_BUFFER, "the blob takes %zu bytes, the buffer has %zu", needed, given);
    const jr2i_person *p = &track->person;
    uint8_t *at = data;
    memcpy(at, "JR2P", 4);
    put_u32(at + 4, VERSION);
    put_u32(at + 8, (uint32_t)h->identity_count);
    put_u32(at + 12, (uint32_t)h->albedo_count);
    put_u32(at + 16, (uint32_t)h->expression_count);
    put_u32(at + 20, (uint32_t)p->calibrated);
    at = put_floats(at + 24, &p->weight, 1);
    at = put_floats(at, p->identity, h->identity_count);
    at = put_floats(at, p->spread, h->identity_count);
    at = put_floats(at, p->albedo, h->albedo_count);
    at = put_floats(at, p->rest, h->expression_count);
    at = put_floats(at, p->range, h->expression_count);
    put_u32(at, (uint32_t)crc32(0, data, (uInt)(needed - 4)));
    return JR2_OK;
}

static int in_range(const float *values, int32_t count, float low, float high)
{
    for (int32_t i = 0; i < count; i++)
        if (!(values[i] >= low && values[i] <= high))
            return 0;
    return 1;
}

static int32_t read_person(jr2i_env *env, const jr2i_head *h, const uint8_t *data, size_t size, jr2i_person *p)
{
    size_t wanted = blob_size(h);
    jr2i_person_clear(p);
    if (size < HEADER + 4)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "a saved person has at least %d bytes, not %zu", HEADER + 4, size);
    if (memcmp(data, "JR2P", 4) != 0)
        return jr2i_fail(env, JR2_ERR_MAGIC, "not a saved person");
    if (get_u32(data + 4) != VERSION)
        return jr2i_fail(env, JR2_ERR_VERSION, "saved person of version %u, not %d", (unsigned)get_u32(data + 4), VERSION);
    if (get_u32(data + 8) != (uint32_t)h->identity_count || get_u32(data + 12) != (uint32_t)h->albedo_count ||
        get_u32(data + 16) != (uint32_t)h->expression_count || size > wanted)
        return jr2i_fail(env, JR2_ERR_FORMAT, "the person was saved with another head model");
    if (size < wanted)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "%zu of %zu bytes of a saved person", size, wanted);
    if (get_u32(data + wanted - 4) != (uint32_t)crc32(0, data, (uInt)(wanted - 4)))
        return jr2i_fail(env, JR2_ERR_CHECKSUM, "the saved person is damaged");
    const uint8_t *at = get_floats(data + 24, &p->weight, 1);
    at = get_floats(at, p->identity, h->identity_count);
    at = get_floats(at, p->spread, h->identity_count);
    at = get_floats(at, p->albedo, h->albedo_count);
    at = get_floats(at, p->rest, h->expression_count);
    get_floats(at, p->range, h->expression_count);
    p->calibrated = get_u32(data + 20) != 0;
    if (!in_range(&p->weight, 1, 0, 1e6f) || !in_range(p->identity, h->identity_count, -100, 100) ||
        !in_range(p->spread, h->identity_count, 0, 100) || !in_range(p->albedo, h->albedo_count, -100, 100) ||
        !in_range(p->rest, h->expression_count, 0, 1) || !in_range(p->range, h->expression_count, 0, 1))
        return jr2i_fail(env, JR2_ERR_FORMAT, "the saved person holds numbers out of range");
    return JR2_OK;
}

int32_t jr2_tracker_load(jr2_tracker *t, int32_t id, const void *data, size_t size)
{
    if (!t)
        return JR2_ERR_ARGUMENT;
    jr2i_env *env = &t->ctx->env;
    jr2i_person person;
    if (!data || id < 0)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, data ? "id is negative" : "data is NULL");
    jr2i_track *track = id ? jr2i_track_by_id(t, id) : NULL;
    if (id && !track)
        return no_such_face(t, id);
    int32_t status = read_person(env, t->ctx->model->head, data, size, &person);
    if (status != JR2_OK)
        return status;
    if (track) {
        track->person = person;
        track->collecting = 0;
    } else {
        t->waiting = person;
        t->has_waiting = 1;
    }
    return JR2_OK;
}
