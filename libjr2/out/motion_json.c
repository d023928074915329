/* SPDX-License-Identifier: MIT
 * Lines of JSON as motion headers and frames. The parser takes JSON as it is defined (RFC 8259) and nothing more: no NaN, no comments; what
 * it does not know it passes over. Depth and lengths are limited; the line is zero-terminated. */
#include <math.h>
#include <string.h>

#include "face/arkit.h"
#include "out/motion.h"

#define DEPTH 24

typedef struct json {
    jr2i_motion_reader *r;
    const char *at;
    int32_t status; /* of the first error */
} json;

static int fail(json *j, const char *what)
{
    if (j->status == JR2_OK)
        j->status = jr2i_fail(j->r->env, JR2_ERR_FORMAT, "line %lld: %s", (long long)j->r->line, what);
    return 0;
}

static void space(json *j)
{
    while (*j->at == ' ' || *j->at == '\t' || *j->at == '\r' || *j->at == '\n')
        j->at++;
}

/* The next character that is not space, if it is c. */
static int next(json *j, char c)
{
    space(j);
    if (*j->at != c)
        return 0;
    j->at++;
    return 1;
}

static int expect(json *j, char c, const char *what)
{
    return j->status == JR2_OK && (next(j, c) || fail(j, what));
}

static int hex(const char *s)
{
    for (int i = 0; i < 4; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f') || (s[i] >= 'A' && s[i] <= 'F')))
            return 0;
    return 1;
}

/* A string; what does not fit, and characters outside of ASCII, make it "" (no name of ours has any). */
static int string(json *j, char *to, size_t size)
{
    size_t n = 0;
    int strange = 0;
    if (!expect(j, '"', "a string is missing"))
        return 0;
    for (; *j->at != '"'; j->at++) {
        unsigned char c = (unsigned char)*j->at;
        if (c < 0x20)
            return fail(j, c ? "a control character in a string" : "a string without an end");
        if (c == '\\') {
            c = (unsigned char)*++j->at;
            if (c == 'u') {
                if (!hex(j->at + 1))
                    return fail(j, "a wrong \\u in a string");
                j->at += 4;
                strange = 1;
                continue;
            }
            if (!c || !strchr("\"\\/bfnrt", c))
                return fail(j, "a wrong escape in a string");
            strange |= c != '"' && c != '\\' && c != '/';
        }
        strange |= c >= 0x80;
        if (n + 1 < size)
            to[n] = (char)c;
        n++;
    }
    j->at++;
    if (size > 0)
        to[strange || n + 1 > size ? 0 : n] = '\0';
    return 1;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int number(json *j, double *value)
{
    space(j);
    const char *s = j->at;
    double mantissa = 0;
    int negative = *s == '-', exponent = 0, power = 0;
    *value = 0;
    s += negative;
    if (!is_digit(*s))
        return fail(j, "a number is missing (NaN and Infinity are none)");
    if (*s == '0' && is_digit(s[1]))
        return fail(j, "a number starts with 0");
    for (; is_digit(*s); s++)
        mantissa = mantissa * 10 + (*s - '0');
    if (*s == '.') {
        if (!is_digit(*++s))
            return fail(j, "a number ends with a point");
        for (; is_digit(*s); s++) {
            if (mantissa < 1e17) { /* more digits say nothing */
                mantissa = mantissa * 10 + (*s - '0');
                exponent--;
            }
        }
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        int down = *s == '-';
        s += *s == '-' || *s == '+';
        if (!is_digit(*s))
            return fail(j, "a number without its exponent");
        for (; is_digit(*s); s++)
            power = power < 10000 ? power * 10 + (*s - '0') : power;
        exponent += down ? -power : power;
    }
    j->at = s;
    *value = mantissa == 0 ? 0 : exponent < 0 && exponent >= -22 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
    if (negative)
        *value = -*value;
    if (isfinite(*value))
        return 1;
    j->status = jr2i_fail(j->r->env, JR2_ERR_RANGE, "line %lld: a number is too large", (long long)j->r->line);
    return 0;
}

static int word(json *j, const char *w)
{
    size_t n = strlen(w);
    if (strncmp(j->at, w, n) != 0)
        return 0;
    j->at += n;
    return 1;
}

static int skip(json *j, int depth);

/* Walks over {"name": ...}: 1 and the name where there is another member, 0 at the end. first: before the first one. */
static int member(json *j, int *first, char name[JR2I_MOTION_NAME])
{
    if (j->status != JR2_OK)
        return 0;
    if (*first && !expect(j, '{', "an object is missing"))
        return 0;
    if (next(j, '}'))
        return 0;
    if (!*first && !expect(j, ',', "a comma or } is missing"))
        return 0;
    *first = 0;
    return string(j, name, JR2I_MOTION_NAME) && expect(j, ':', "a colon is missing");
}

static int element(json *j, int *first)
{
    if (j->status != JR2_OK)
        return 0;
    if (*first && !expect(j, '[', "a list is missing"))
        return 0;
    if (next(j, ']'))
        return 0;
    if (!*first && !expect(j, ',', "a comma or ] is missing"))
        return 0;
    *first = 0;
    return 1;
}

static int skip(json *j, int depth)
{
    char name[JR2I_MOTION_NAME];
    int first = 1;
    double value;
    space(j);
    if (depth > DEPTH)
        return fail(j, "nested too deeply");
    if (*j->at == '{') {
        while (member(j, &first, name) && skip(j, depth + 1))
            ;
    } else if (*j->at == '[') {
        while (element(j, &first) && skip(j, depth + 1))
            ;
    } else if (*j->at == '"') {
        return string(j, name, sizeof name);
    } else if (word(j, "true") || word(j, "false") || word(j, "null")) {
        return 1;
    } else {
        return number(j, &value);
    }
    return j->status == JR2_OK;
}

/* [a, b, ...]: exactly count numbers, or with exact 0 at most so many. */
static int32_t list(json *j, float *to, int32_t count, int exact)
{
    int first = 1;
    int32_t n = 0;
    double value;
    while (element(j, &first) && number(j, &value)) {
        if (n >= count)
            return fail(j, "a list is too long");
        to[n++] = (float)value;
    }
    if (j->status == JR2_OK && exact && n != count)
        return fail(j, "a list is too short");
    return j->status == JR2_OK ? n : 0;
}

static void whole(json *j, double low, double high, int64_t *to)
{
    double value;
    if (!number(j, &value))
        return;
    if (value < low || value > high || value != floor(value))
        fail(j, "a whole number is out of range");
    else
        *to = (int64_t)value;
}

static void real(json *j, float *to)
{
    double value;
    if (number(j, &value))
        *to = (float)value;
}

static int end(json *j)
{
    space(j);
    return j->status == JR2_OK && (*j->at == '\0' || fail(j, "something follows the object"));
}

/* Puts the file's expressions in their places of the head model. */
static void names(json *j)
{
    jr2i_motion_reader *r = j->r;
    char name[JR2I_MOTION_NAME];
    int first = 1;
    r->file_expressions = 0;
    while (element(j, &first) && string(j, name, sizeof name)) {
        int32_t n = r->file_expressions;
        if (n >= JR2I_MOTION_EXPRESSIONS) {
            fail(j, "too many expression names");
            return;
        }
        r->order[n] = -1;
        for (int32_t i = 0; i < r->names.count; i++)
            if (strcmp(r->names.name[i], name) == 0)
                r->order[n] = (int16_t)i;
        r->info.unknown_names += r->order[n] < 0;
        r->file_expressions++;
    }
}

int32_t jr2i_motion_parse_head(jr2i_motion_reader *r, const char *text)
{
    json j = {r, text, JR2_OK};
    char name[JR2I_MOTION_NAME], format[JR2I_MOTION_NAME] = "";
    int first = 1;
    int64_t version = 0, number64 = 0;
    double rate = 0;
    while (member(&j, &first, name)) {
        if (strcmp(name, "format") == 0)
            string(&j, format, sizeof format);
        else if (strcmp(name, "version") == 0)
            whole(&j, 0, 1e6, &version);
        else if (strcmp(name, "rate") == 0)
            number(&j, &rate);
        else if (strcmp(name, "expression_names") == 0)
            names(&j);
        else if (strcmp(name, "width") == 0) {
            whole(&j, 0, 1e6, &number64);
            r->info.width = (int32_t)number64;
        } else if (strcmp(name, "height") == 0) {
            whole(&j, 0, 1e6, &number64);
            r->info.height = (int32_t)number64;
        } else if (strcmp(name, "identity_count") == 0) {
            number64 = 0;
            whole(&j, 0, JR2I_MOTION_IDENTITIES, &number64);
            r->file_identities = (int32_t)number64;
        } else
            skip(&j, 0);
    }
    end(&j);
    if (strcmp(format, "jr2.motion") != 0)
        return jr2i_fail(r->env, JR2_ERR_MAGIC, "not a motion file: its first line has no \"format\":\"jr2.motion\"");
    if (j.status != JR2_OK)
        return j.status;
    if (version != JR2I_MOTION_VERSION)
        return jr2i_fail(r->env, JR2_ERR_VERSION, "motion file of version %lld, not %d", (long long)version, JR2I_MOTION_VERSION);
    r->info.rate = rate > 0 && rate <= 10000 ? rate : 0;
    r->info.expression_count = r->names.count;
    r->info.identity_count = r->file_identities == r->names.identity_count ? r->file_identities : 0;
    return JR2_OK;
}

static void coefficients(json *j, float *values, int32_t (*find)(jr2i_motion_reader *r, const char *name))
{
    char name[JR2I_MOTION_NAME];
    int first = 1;
    while (member(j, &first, name)) {
        double value;
        int32_t i = find(j->r, name);
        if (!number(j, &value))
            return;
        if (i < 0)
            j->r->info.unknown_names++;
        else
            values[i] = (float)value;
    }
}

static int32_t find_arkit(jr2i_motion_reader *r, const char *name)
{
    (void)r;
    return jr2i_arkit_index(name);
}

static int32_t find_expression(jr2i_motion_reader *r, const char *name)
{
    for (int32_t i = 0; i < r->names.count; i++)
        if (strcmp(r->names.name[i], name) == 0)
            return i;
    return -1;
}

static void named(json *j, const char *const *known, float *const *to, const int *sizes, int count)
{
    char name[JR2I_MOTION_NAME];
    int first = 1;
    while (member(j, &first, name)) {
        int k = 0;
        while (k < count && strcmp(known[k], name) != 0)
            k++;
        if (k == count)
            skip(j, 2);
        else if (sizes[k] == 1)
            real(j, to[k]);
        else
            list(j, to[k], sizes[k], 1);
    }
}

static void face(json *j, int32_t index)
{
    static const char *const pose[4] = {"yaw", "pitch", "roll", "translation"}, *const gaze[2] = {"left", "right"};
    static const char *const region[4] = {"x", "y", "size", "roll"};
    static const int pose_sizes[4] = {1, 1, 1, 3}, gaze_sizes[2] = {2, 2}, region_sizes[4] = {1, 1, 1, 1};
    jr2i_motion_reader *r = j->r;
    jr2_motion_face *f = &r->faces[index];
    jr2i_motion_slot *slot = &r->slots[index];
    float *const pose_to[4] = {&f->angles[0], &f->angles[1], &f->angles[2], f->translation}, *const gaze_to[2] = {f->gaze, f->gaze + 2};
    float *const region_to[4] = {&f->region[0], &f->region[1], &f->region[2], &f->region[3]};
    char name[JR2I_MOTION_NAME], state[JR2I_MOTION_NAME];
    int first = 1, has = 0;
    int64_t id = 0;
    JR2_INIT(*f);
    memset(slot->expression, 0, sizeof slot->expression);
    f->confidence = 1;
    while (member(j, &first, name)) {
        if (strcmp(name, "id") == 0) {
            whole(j, 0, 2147483647, &id);
            f->id = (int32_t)id;
        } else if (strcmp(name, "confidence") == 0)
            real(j, &f->confidence);
        else if (strcmp(name, "state") == 0) {
            if (string(j, state, sizeof state))
                f->state = strcmp(state, "held") == 0 ? JR2_FACE_HELD : strcmp(state, "fading") == 0 ? JR2_FACE_FADING : JR2_FACE_SEEN;
        } else if (strcmp(name, "region") == 0)
            named(j, region, region_to, region_sizes, 4);
        else if (strcmp(name, "pose") == 0)
            named(j, pose, pose_to, pose_sizes, 4);
        else if (strcmp(name, "gaze") == 0)
            named(j, gaze, gaze_to, gaze_sizes, 2);
        else if (strcmp(name, "arkit") == 0)
            coefficients(j, f->arkit, find_arkit);
        else if (strcmp(name, "expression") == 0) {
            coefficients(j, slot->expression, find_expression);
            has |= r->names.count > 0 ? JR2I_MOTION_HAS_EXPRESSION : 0;
        } else if (strcmp(name, "identity") == 0) {
            int32_t n = list(j, slot->identity, JR2I_MOTION_IDENTITIES, 0);
            has |= n > 0 && n == r->names.identity_count ? JR2I_MOTION_HAS_IDENTITY : 0;
        } else
            skip(j, 1);
    }
    if (j->status == JR2_OK)
        j->status = jr2i_motion_finish_face(r, index, has);
}

int32_t jr2i_motion_parse_frame(jr2i_motion_reader *r, const char *text)
{
    json j = {r, text, JR2_OK};
    char name[JR2I_MOTION_NAME];
    int first = 1, has_time = 0;
    int32_t count = 0;
    r->frame.frame = r->next_frame;
    while (member(&j, &first, name)) {
        int begin = 1;
        if (strcmp(name, "frame") == 0)
            whole(&j, 0, 9e15, &r->frame.frame);
        else if (strcmp(name, "time") == 0)
            has_time = number(&j, &r->frame.time);
        else if (strcmp(name, "faces") == 0)
            for (count = 0; element(&j, &begin); count++) {
                if (count >= JR2I_MOTION_FACES) {
                    fail(&j, "more than 64 faces in a frame");
                    break;
                }
                face(&j, count);
            }
        else
            skip(&j, 0);
    }
    end(&j);
    if (j.status == JR2_OK && !has_time)
        fail(&j, "a frame without a time");
    r->frame.face_count = count;
    return j.status;
}
