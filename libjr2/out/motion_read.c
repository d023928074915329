/* SPDX-License-Identifier: MIT
 * Reads motion files of either form from a callback, frame by frame. Nothing in a file is trusted. */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "out/motion.h"

#define HEAD_MAX 65536 /* bytes of a header */

/* Bytes that are there, reading more until there are wanted ones or the file ends. -1: the callback failed. */
static int64_t have(jr2i_motion_reader *r, size_t wanted)
{
    while (r->end - r->start < wanted && !r->ended) {
        if (r->start > 0) {
            memmove(r->buffer, r->buffer + r->start, r->end - r->start);
            r->end -= r->start;
            r->start = 0;
        }
        size_t room = JR2I_MOTION_LINE - r->end;
        if (room == 0)
            break;
        int64_t n = r->read(r->user, r->buffer + r->end, room < 65536 ? room : 65536);
        if (n < 0 || (uint64_t)n > room) {
            r->broken = jr2i_fail(r->env, JR2_ERR_READ, "reading the motion file failed");
            return -1;
        }
        r->ended = n == 0;
        r->end += (size_t)n;
    }
    return (int64_t)(r->end - r->start);
}

/* The next line, zero-terminated, or NULL at the end or after a failure. *cut: it has no newline. */
static char *line(jr2i_motion_reader *r, size_t limit, int32_t *cut, int32_t *status)
{
    size_t seen = 0;
    *cut = 0;
    *status = JR2_OK;
    for (;;) {
        char *from = (char *)r->buffer + r->start, *newline = memchr(from + seen, '\n', r->end - r->start - seen);
        if (newline) {
            r->start += (size_t)(newline + 1 - from);
            *newline = '\0';
            if (memchr(from, '\0', (size_t)(newline - from)))
                *status = jr2i_fail(r->env, JR2_ERR_FORMAT, "line %lld: a zero byte", (long long)r->line);
            return from;
        }
        seen = r->end - r->start;
        if (seen >= limit) {
            *status = r->broken = jr2i_fail(r->env, JR2_ERR_FORMAT, "line %lld: longer than %zu bytes", (long long)r->line, limit);
            return NULL;
        }
        int64_t n = have(r, seen + 1);
        if (n < 0) {
            *status = r->broken;
            return NULL;
        }
        if ((size_t)n == seen) {
            if (seen == 0)
                return NULL;
            from = (char *)r->buffer + r->start;
            r->buffer[r->end] = '\0'; /* there is one more byte than JR2I_MOTION_LINE */
            r->start = r->end;
            *cut = 1;
            return from;
        }
    }
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t u64(const uint8_t *at)
{
    return (uint64_t)u32(at) | (uint64_t)u32(at + 4) << 32;
}

static int32_t binary_head(jr2i_motion_reader *r)
{
    const uint8_t *b = r->buffer + r->start;
    if (have(r, 16) < 16)
        return r->broken ? r->broken : jr2i_fail(r->env, JR2_ERR_TRUNCATED, "the motion file ends in its header");
    b = r->buffer + r->start;
    uint32_t version = u32(b + 4), size = u32(b + 8), crc = u32(b + 12);
    if (version != JR2I_MOTION_VERSION)
        return jr2i_fail(r->env, JR2_ERR_VERSION, "motion file of version %u, not %d", (unsigned)version, JR2I_MOTION_VERSION);
    if (size < 2 || size > HEAD_MAX)
        return jr2i_fail(r->env, JR2_ERR_FORMAT, "the motion file's header has %u bytes", (unsigned)size);
    if (have(r, 16 + (size_t)size) < 16 + (int64_t)size)
        return r->broken ? r->broken : jr2i_fail(r->env, JR2_ERR_TRUNCATED, "the motion file ends in its header");
    char text[HEAD_MAX + 1];
    memcpy(text, r->buffer + r->start + 16, size);
    text[size] = '\0';
    r->start += 16 + (size_t)size;
    if ((uint32_t)crc32(0, (const Bytef *)text, size) != crc)
        return jr2i_fail(r->env, JR2_ERR_CHECKSUM, "the motion file's header is damaged");
    return jr2i_motion_parse_head(r, text);
}

int32_t jr2i_motion_read_head(jr2i_motion_reader *r)
{
    int32_t cut, status;
    r->line = 1;
    if (have(r, 4) < 0)
        return r->broken;
    if (r->end - r->start >= 4 && memcmp(r->buffer + r->start, "JR2M", 4) == 0) {
        r->info.form = JR2_MOTION_BINARY;
        status = binary_head(r);
        r->line = 0;
        return status;
    }
    r->info.form = JR2_MOTION_JSON;
    const char *text = line(r, HEAD_MAX, &cut, &status);
    if (!text)
        return status != JR2_OK && status != JR2_ERR_FORMAT ? status : jr2i_fail(r->env, JR2_ERR_MAGIC, "not a motion file");
    return status == JR2_OK ? jr2i_motion_parse_head(r, text) : jr2i_fail(r->env, JR2_ERR_MAGIC, "not a motion file");
}

static int within(const float *v, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (!(fabs((double)v[i]) <= JR2I_MOTION_FAR))
            return 0;
    return 1;
}

static int clamp(jr2i_motion_reader *r, float *v, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (!isfinite(v[i]))
            return 0;
        if (v[i] < 0 || v[i] > 1) {
            v[i] = v[i] < 0 ? 0 : 1;
            r->info.clamped_values++;
        }
    }
    return 1;
}

int32_t jr2i_motion_finish_face(jr2i_motion_reader *r, int32_t index, int32_t has)
{
    jr2_motion_face *f = &r->faces[index];
    jr2i_motion_slot *slot = &r->slots[index];
    if (!within(f->region, 4) || !within(f->angles, 3) || !within(f->translation, 3) || !within(f->gaze, 4) || !clamp(r, f->arkit, JR2_ARKIT_COUNT) ||
        !clamp(r, &f->confidence, 1) || (has & JR2I_MOTION_HAS_EXPRESSION && !clamp(r, slot->expression, r->names.count)) ||
        (has & JR2I_MOTION_HAS_IDENTITY && !within(slot->identity, r->names.identity_count)))
        return jr2i_fail(r->env, JR2_ERR_RANGE, "line %lld: a number is not finite or beyond a million", (long long)r->line);
    if (has & JR2I_MOTION_HAS_EXPRESSION) {
        f->expression = slot->expression;
        f->expression_count = r->names.count;
    }
    jr2i_motion_known *k = jr2i_motion_identity(r->known, &r->clock, f->id, has & JR2I_MOTION_HAS_IDENTITY);
    if (has & JR2I_MOTION_HAS_IDENTITY) {
        k->known = 1;
        memcpy(k->identity, slot->identity, sizeof k->identity);
    } else if (k) {
        memcpy(slot->identity, k->identity, sizeof slot->identity);
    }
    if (k) {
        f->identity = slot->identity;
        f->identity_count = r->names.identity_count;
    }
    return JR2_OK;
}

typedef struct record {
    const uint8_t *at, *end;
} record;

static void floats(record *c, float *to, int32_t count)
{
    for (int32_t i = 0; i < count; i++, c->at += 4) {
        uint32_t bits = u32(c->at);
        memcpy(to + i, &bits, sizeof bits);
    }
}

static float unit(record *c)
{
    uint32_t v = (uint32_t)c->at[0] | (uint32_t)c->at[1] << 8;
    c->at += 2;
    return (float)v / 65535;
}

static int32_t wrong(jr2i_motion_reader *r, const char *what)
{
    return r->broken = jr2i_fail(r->env, JR2_ERR_FORMAT, "record %lld: %s", (long long)r->line, what);
}

static int32_t binary_face(jr2i_motion_reader *r, record *c, int32_t index)
{
    const size_t fixed = 8 + 14 * 4 + 2 * JR2_ARKIT_COUNT;
    jr2_motion_face *f = &r->faces[index];
    jr2i_motion_slot *slot = &r->slots[index];
    if ((size_t)(c->end - c->at) < fixed)
        return wrong(r, "too short for a face");
    JR2_INIT(*f);
    f->id = (int32_t)u32(c->at);
    f->state = c->at[4] <= JR2_FACE_FADING ? c->at[4] : JR2_FACE_SEEN;
    int32_t has = c->at[5];
    c->at += 6;
    f->confidence = unit(c);
    size_t more = (has & JR2I_MOTION_HAS_EXPRESSION ? 2 * (size_t)r->file_expressions : 0) +
                  (has & JR2I_MOTION_HAS_IDENTITY ? 4 * (size_t)r->file_identities : 0);
    if ((size_t)(c->end - c->at) != fixed - 8 + more || f->id < 0)
        return wrong(r, "its length does not fit its contents");
    floats(c, f->region, 4);
    floats(c, f->angles, 3);
    floats(c, f->translation, 3);
    floats(c, f->gaze, 4);
    for (int32_t i = 0; i < JR2_ARKIT_COUNT; i++)
        f->arkit[i] = unit(c);
    memset(slot->expression, 0, sizeof slot->expression);
    for (int32_t i = 0; has & JR2I_MOTION_HAS_EXPRESSION && i < r->file_expressions; i++) {
        float value = unit(c);
        if (r->order[i] >= 0)
            slot->expression[r->order[i]] = value;
    }
    if (has & JR2I_MOTION_HAS_IDENTITY)
        floats(c, slot->identity, r->file_identities);
    if (r->names.count == 0)
        has &= ~JR2I_MOTION_HAS_EXPRESSION;
    if (r->file_identities != r->names.identity_count || r->file_identities == 0)
        has &= ~JR2I_MOTION_HAS_IDENTITY;
    int32_t status = jr2i_motion_finish_face(r, index, has);
    return status == JR2_OK ? status : (r->broken = status);
}

/* The next record's bytes; c->at NULL at the end of the file. */
static int32_t next_record(jr2i_motion_reader *r, record *c)
{
    c->at = c->end = NULL;
    r->line++;
    int64_t n = have(r, 8);
    if (n == 0)
        return JR2_OK;
    if (n >= 8) {
        uint32_t size = u32(r->buffer + r->start), crc = u32(r->buffer + r->start + 4);
        if (size < 24 || size > JR2I_MOTION_LINE - 8)
            return wrong(r, "its length is impossible");
        if ((n = have(r, 8 + (size_t)size)) >= 8 + (int64_t)size) {
            c->at = r->buffer + r->start + 8;
            c->end = c->at + size;
            r->start += 8 + (size_t)size;
            if ((uint32_t)crc32(0, c->at, size) == crc)
                return JR2_OK;
            return r->broken = jr2i_fail(r->env, JR2_ERR_CHECKSUM, "record %lld is damaged", (long long)r->line);
        }
    }
    if (n < 0)
        return r->broken;
    return r->broken = jr2i_fail(r->env, JR2_ERR_TRUNCATED, "record %lld was cut off", (long long)r->line);
}

static int32_t binary_frame(jr2i_motion_reader *r, int32_t *there)
{
    int32_t count = 1;
    *there = 0;
    for (int32_t i = 0; i < count; i++) {
        record c;
        int32_t status = next_record(r, &c);
        if (status != JR2_OK)
            return status;
        if (!c.at)
            return i == 0 ? JR2_OK : (r->broken = jr2i_fail(r->env, JR2_ERR_TRUNCATED, "the last frame was cut off"));
        uint64_t frame = u64(c.at), bits = u64(c.at + 8);
        double time;
        memcpy(&time, &bits, sizeof time);
        uint32_t faces = u32(c.at + 16), index = u32(c.at + 20);
        c.at += 24;
        if (faces > JR2I_MOTION_FACES || index != (uint32_t)i || frame > (uint64_t)INT64_MAX ||
            (i > 0 && (faces != (uint32_t)count || time != r->frame.time || (int64_t)frame != r->frame.frame)))
            return wrong(r, "it is no part of a frame");
        r->frame.frame = (int64_t)frame;
        r->frame.time = time;
        r->frame.face_count = (int32_t)faces;
        if (faces > 0) {
            count = (int32_t)faces;
            if ((status = binary_face(r, &c, i)) != JR2_OK)
                return status;
        } else if (c.at != c.end) {
            return wrong(r, "an empty frame with bytes in it");
        }
    }
    *there = 1;
    return JR2_OK;
}

static int32_t json_frame(jr2i_motion_reader *r, int32_t *there)
{
    int32_t cut, status;
    const char *text;
    *there = 0;
    do { /* empty lines are allowed */
        r->line++;
        if (!(text = line(r, JR2I_MOTION_LINE, &cut, &status)) || status != JR2_OK)
            return status;
    } while (text[strspn(text, " \t\r")] == '\0');
    status = jr2i_motion_parse_frame(r, text);
    if (status == JR2_OK)
        *there = 1;
    else if (cut)
        status = jr2i_fail(r->env, JR2_ERR_TRUNCATED, "line %lld was cut off", (long long)r->line);
    return status;
}

int32_t jr2i_motion_read_frame(jr2i_motion_reader *r, const jr2_motion_frame **frame)
{
    int32_t there, status;
    *frame = NULL;
    if (r->broken)
        return r->broken;
    status = r->info.form == JR2_MOTION_BINARY ? binary_frame(r, &there) : json_frame(r, &there);
    if (status != JR2_OK || !there)
        return status;
    if (!isfinite(r->frame.time) || fabs(r->frame.time) > 9e8)
        return jr2i_fail(r->env, JR2_ERR_RANGE, "line %lld: time is not a number of seconds", (long long)r->line);
    if (r->has_time && r->frame.time < r->last_time)
        return jr2i_fail(r->env, JR2_ERR_RANGE, "line %lld: time goes back from %g s to %g s", (long long)r->line, r->last_time, r->frame.time);
    r->has_time = 1;
    r->last_time = r->frame.time;
    r->next_frame = r->frame.frame < INT64_MAX ? r->frame.frame + 1 : INT64_MAX;
    r->frame.faces = r->frame.face_count > 0 ? r->faces : NULL;
    *frame = &r->frame;
    return JR2_OK;
}
