/* SPDX-License-Identifier: MIT
 * Writes motion files, both forms. */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "face/arkit.h"
#include "out/motion.h"

#define IDENTITY_STEP 0.002f /* a change of a coefficient that is worth writing */

jr2i_motion_known *jr2i_motion_identity(jr2i_motion_known *known, uint64_t *clock, int32_t id, int32_t make)
{
    jr2i_motion_known *oldest = known;
    for (int32_t i = 0; i < JR2I_MOTION_FACES; i++) {
        if (known[i].known && known[i].id == id) {
            known[i].used = ++*clock;
            return &known[i];
        }
        if (known[i].used < oldest->used)
            oldest = &known[i];
    }
    if (!make)
        return NULL;
    memset(oldest, 0, sizeof *oldest);
    oldest->id = id;
    oldest->used = ++*clock;
    return oldest;
}

static void text(jr2i_sink *s, const char *t)
{
    jr2i_sink_text(s, t);
}

static void numbers(jr2i_sink *s, const float *values, int32_t count, int32_t decimals)
{
    text(s, "[");
    for (int32_t i = 0; i < count; i++) {
        if (i)
            text(s, ",");
        jr2i_sink_number(s, (double)values[i], decimals);
    }
    text(s, "]");
}

static void field(jr2i_sink *s, const char *before, const char *name, double value, int32_t decimals)
{
    text(s, before);
    text(s, "\"");
    text(s, name);
    text(s, "\":");
    jr2i_sink_number(s, value, decimals);
}

static void put_head(jr2i_sink *s, const jr2i_motion_names *names, const jr2_motion_info *info)
{
    text(s, "{\"format\":\"jr2.motion\",\"version\":1");
    field(s, ",", "rate", info->rate, 6);
    field(s, ",", "width", info->width, 0);
    field(s, ",", "height", info->height, 0);
    text(s, ",\"expression_names\":[");
    for (int32_t i = 0; i < names->count; i++) {
        text(s, i ? "," : "");
        jr2i_sink_quoted(s, names->name[i]);
    }
    text(s, "]");
    field(s, ",", "identity_count", names->identity_count, 0);
    text(s, "}");
}

typedef struct measure {
    size_t size;
    uLong crc;
} measure;

static int32_t take_measure(void *user, const void *data, size_t size)
{
    measure *m = user;
    m->size += size;
    m->crc = crc32(m->crc, data, (uInt)size);
    return 0;
}

int32_t jr2i_motion_write_head(jr2i_motion_writer *w, const jr2_motion_info *info)
{
    if (w->form == JR2_MOTION_BINARY) {
        measure m = {0, crc32(0, NULL, 0)};
        jr2i_sink count;
        jr2i_sink_begin(&count, w->env, take_measure, &m);
        put_head(&count, &w->names, info);
        jr2i_sink_end(&count);
        jr2i_sink_put(&w->sink, "JR2M", 4);
        jr2i_sink_u32(&w->sink, JR2I_MOTION_VERSION);
        jr2i_sink_u32(&w->sink, (uint32_t)m.size);
        jr2i_sink_u32(&w->sink, (uint32_t)m.crc);
    }
    put_head(&w->sink, &w->names, info);
    if (w->form == JR2_MOTION_JSON)
        text(&w->sink, "\n");
    return jr2i_sink_end(&w->sink);
}

/* The identity of a face is written when it is new or has changed. */
static int has_news(jr2i_motion_writer *w, const jr2_motion_face *f)
{
    if (!f->identity)
        return 0;
    jr2i_motion_known *k = jr2i_motion_identity(w->known, &w->clock, f->id, 1);
    float change = k->known ? 0 : 1;
    for (int32_t i = 0; i < f->identity_count; i++)
        change = fmaxf(change, fabsf(f->identity[i] - k->identity[i]));
    if (change < IDENTITY_STEP)
        return 0;
    k->known = 1;
    memcpy(k->identity, f->identity, (size_t)f->identity_count * sizeof(float));
    return 1;
}

static void put_json_face(jr2i_motion_writer *w, const jr2_motion_face *f)
{
    static const char *const angle[3] = {"yaw", "pitch", "roll"}, *const state[3] = {"seen", "held", "fading"};
    static const char *const place[4] = {"x", "y", "size", "roll"};
    jr2i_sink *s = &w->sink;
    field(s, "{", "id", f->id, 0);
    field(s, ",", "confidence", (double)f->confidence, 4);
    if (f->state) {
        text(s, ",\"state\":\"");
        text(s, state[f->state]);
        text(s, "\"");
    }
    if (f->region[2] > 0) {
        text(s, ",\"region\":");
        for (int k = 0; k < 4; k++)
            field(s, k ? "," : "{", place[k], (double)f->region[k], 2);
        text(s, "}");
    }
    text(s, ",\"pose\":");
    for (int k = 0; k < 3; k++)
        field(s, k ? "," : "{", angle[k], (double)f->angles[k], 4);
    text(s, ",\"translation\":");
    numbers(s, f->translation, 3, 4);
    text(s, "},\"gaze\":{\"left\":");
    numbers(s, f->gaze, 2, 3);
    text(s, ",\"right\":");
    numbers(s, f->gaze + 2, 2, 3);
    text(s, "},\"arkit\":");
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++)
        field(s, i ? "," : "{", jr2i_arkit_name(i), (double)f->arkit[i], 5);
    text(s, "}");
    if (f->expression) {
        text(s, ",\"expression\":");
        for (int32_t i = 0; i < f->expression_count; i++)
            field(s, i ? "," : "{", w->names.name[i], (double)f->expression[i], 5);
        text(s, "}");
    }
    if (has_news(w, f)) {
        text(s, ",\"identity\":");
        numbers(s, f->identity, f->identity_count, 4);
    }
    text(s, "}");
}

static uint16_t unit(float v)
{
    return (uint16_t)(fminf(fmaxf(v, 0), 1) * 65535 + 0.5f);
}

static uint8_t *u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
    return at + 2;
}

static uint8_t *u32(uint8_t *at, uint32_t v)
{
    return u16(u16(at, (uint16_t)v), (uint16_t)(v >> 16));
}

static uint8_t *f32(uint8_t *at, const float *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        at = u32(at, bits);
    }
    return at;
}

/* As bytes; at has room for the largest face. */
static uint8_t *binary_face(jr2i_motion_writer *w, const jr2_motion_face *f, uint8_t *at)
{
    int32_t news = has_news(w, f);
    at = u32(at, (uint32_t)f->id);
    *at++ = (uint8_t)f->state;
    *at++ = (uint8_t)((f->expression ? JR2I_MOTION_HAS_EXPRESSION : 0) | (news ? JR2I_MOTION_HAS_IDENTITY : 0));
    at = u16(at, unit(f->confidence));
    at = f32(at, f->region, 4);
    at = f32(at, f->angles, 3);
    at = f32(at, f->translation, 3);
    at = f32(at, f->gaze, 4);
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++)
        at = u16(at, unit(f->arkit[i]));
    for (int32_t i = 0; f->expression && i < f->expression_count; i++)
        at = u16(at, unit(f->expression[i]));
    return news ? f32(at, f->identity, f->identity_count) : at;
}

static int32_t finite(const float *v, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (!(fabs((double)v[i]) <= JR2I_MOTION_FAR))
            return 0;
    return 1;
}

static int32_t check(jr2i_motion_writer *w, const jr2_motion_face *f, int32_t i)
{
    if (f->struct_size != sizeof *f)
        return jr2i_fail(w->env, JR2_ERR_STRUCT_SIZE, "faces[%d].struct_size is %u, not %zu: use JR2_INIT", (int)i, (unsigned)f->struct_size, sizeof *f);
    if ((f->expression && f->expression_count != w->names.count) || (f->identity && f->identity_count != w->names.identity_count))
        return jr2i_fail(w->env, JR2_ERR_ARGUMENT, "faces[%d] has %d expressions and %d identities, the model %d and %d", (int)i,
                         (int)f->expression_count, (int)f->identity_count, (int)w->names.count, (int)w->names.identity_count);
    if (f->state < 0 || f->state > JR2_FACE_FADING)
        return jr2i_fail(w->env, JR2_ERR_ARGUMENT, "faces[%d].state is %d", (int)i, (int)f->state);
    if (!finite(&f->confidence, 1) || !finite(f->region, 4) || !finite(f->angles, 3) || !finite(f->translation, 3) || !finite(f->gaze, 4) ||
        !finite(f->arkit, JR2_ARKIT_COUNT) || (f->expression && !finite(f->expression, f->expression_count)) ||
        (f->identity && !finite(f->identity, f->identity_count)))
        return jr2i_fail(w->env, JR2_ERR_RANGE, "faces[%d] holds a number that is not finite or beyond a million", (int)i);
    return JR2_OK;
}

/* Bytes of one face at most: 8 + 14 floats + coefficients + identity. */
enum { FACE_BYTES = 8 + 14 * 4 + 2 * (JR2I_ARKIT_COUNT + JR2I_MOTION_EXPRESSIONS) + 4 * JR2I_MOTION_IDENTITIES };

/* Faces go out one after the other, their length and checksum before them: a record is a face, or a frame without one. */
static void put_binary(jr2i_motion_writer *w, int64_t frame, double time, const jr2_motion_face *faces, int32_t count)
{
    uint8_t bytes[24 + FACE_BYTES];
    for (int32_t i = 0; i < (count ? count : 1); i++) {
        uint64_t bits;
        memcpy(&bits, &time, sizeof bits);
        uint8_t *at = u32(u32(bytes, (uint32_t)frame), (uint32_t)((uint64_t)frame >> 32));
        at = u32(u32(at, (uint32_t)bits), (uint32_t)(bits >> 32));
        at = u32(u32(at, (uint32_t)count), (uint32_t)i);
        if (count)
            at = binary_face(w, &faces[i], at);
        jr2i_sink_u32(&w->sink, (uint32_t)(at - bytes));
        jr2i_sink_u32(&w->sink, (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)(at - bytes)));
        jr2i_sink_put(&w->sink, bytes, (size_t)(at - bytes));
    }
}

int32_t jr2i_motion_write_frame(jr2i_motion_writer *w, int64_t frame, double time, const jr2_motion_face *faces, int32_t count)
{
    if (count < 0 || count > JR2I_MOTION_FACES || (count > 0 && !faces))
        return jr2i_fail(w->env, JR2_ERR_ARGUMENT, "%d faces, not 0..%d", (int)count, JR2I_MOTION_FACES);
    if (frame < 0 || !isfinite(time) || fabs(time) > 9e8 || (w->started && time < w->last_time))
        return jr2i_fail(w->env, JR2_ERR_RANGE, "frame %lld at %g s after %g s", (long long)frame, time, w->last_time);
    for (int32_t i = 0; i < count; i++) {
        int32_t status = check(w, &faces[i], i);
        if (status != JR2_OK)
            return status;
    }
    w->started = 1;
    w->last_time = time;
    if (w->form == JR2_MOTION_BINARY) {
        put_binary(w, frame, time, faces, count);
        return jr2i_sink_end(&w->sink);
    }
    text(&w->sink, "{\"frame\":");
    jr2i_sink_integer(&w->sink, frame);
    field(&w->sink, ",", "time", time, 6);
    text(&w->sink, ",\"faces\":[");
    for (int32_t i = 0; i < count; i++) {
        if (i)
            text(&w->sink, ",");
        put_json_face(w, &faces[i]);
    }
    text(&w->sink, "]}\n");
    return jr2i_sink_end(&w->sink);
}
