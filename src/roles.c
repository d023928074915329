/* SPDX-License-Identifier: MIT
 * See roles.h. */
#include "roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_REST 0.1f /* most that a mouth or a lid of a chosen reference is moved */

int roles_begin(roles *r, int count, const jr2_model *model)
{
    const int expressions = jr2_model_count(model, JR2_COUNT_EXPRESSION);
    memset(r, 0, sizeof *r);
    r->count = count;
    r->expressions = expressions;
    r->model = model;
    for (int i = 0; i < count; i++)
        if (!(r->role[i].numbers = calloc(2 * (size_t)expressions + 1, sizeof(float))))
            return -1;
    return 0;
}

void roles_end(roles *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->role[i].numbers);
    memset(r, 0, sizeof *r);
}

/* A copy whose expression stays. */
static void keep(jr2_motion_face *to, float *numbers, const jr2_motion_face *face)
{
    *to = *face;
    to->identity = NULL; /* the portrait has its own */
    to->identity_count = 0;
    to->expression = NULL;
    if (face->expression_count > 0) {
        memcpy(numbers, face->expression, (size_t)face->expression_count * sizeof *numbers);
        to->expression = numbers;
    }
}

void role_set_reference(roles *r, int index, const jr2_motion_face *face)
{
    role *of = &r->role[index];
    keep(&of->reference, of->numbers + r->expressions, face);
    of->has_reference = 1;
}

/* What comes and goes with speech and blinks, by the beginnings of both kinds of names. */
static void rest(float *value, const char *name)
{
    static const char *const passing[] = {"jaw", "mouth", "eyeBlink", "cheekPuff", "tongue"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (name && strncmp(name, passing[i], strlen(passing[i])) == 0 && *value > AT_REST)
            *value = AT_REST;
}

static void choose_reference(roles *r, int index, const jr2_motion_face *face)
{
    role *of = &r->role[index];
    role_set_reference(r, index, face);
    for (int i = 0; i < JR2_ARKIT_COUNT; i++)
        rest(&of->reference.arkit[i], jr2_arkit_name(i));
    for (int i = 0; i < of->reference.expression_count; i++)
        rest(&of->numbers[r->expressions + i], jr2_model_expression_name(r->model, i));
}

static const jr2_motion_face *find(const driver_frame *frame, int id)
{
    for (int i = 0; i < frame->count; i++)
        if (frame->faces[i].id == id)
            return &frame->faces[i];
    return NULL;
}

/* The largest face that is seen and that no role has; of equal ones the first. */
static const jr2_motion_face *find_free(const roles *r, const driver_frame *frame)
{
    const jr2_motion_face *best = NULL;
    for (int i = 0; i < frame->count; i++) {
        int taken = frame->faces[i].state != JR2_FACE_SEEN;
        for (int k = 0; k < r->count; k++)
            taken |= r->role[k].taken && r->role[k].id == frame->faces[i].id;
        if (!taken && (!best || frame->faces[i].region[2] > best->region[2]))
            best = &frame->faces[i];
    }
    return best;
}

static void note(role *of, int seen, long number)
{
    if (seen) {
        of->in_gap = 0;
        return;
    }
    if (!of->in_gap) {
        if (of->gaps < ROLE_GAPS)
            of->gap[of->gaps][0] = number;
        of->gaps++;
    }
    of->in_gap = 1;
    of->missed++;
    if (of->gaps <= ROLE_GAPS)
        of->gap[of->gaps - 1][1] = number;
}

void roles_take(roles *r, const driver_frame *frame)
{
    const jr2_motion_face *face[ROLES_MAX];
    for (int i = 0; i < r->count; i++) {
        role *of = &r->role[i];
        face[i] = of->taken ? find(frame, of->id) : NULL;
        of->taken = face[i] != NULL;
    }
    for (int i = 0; i < r->count; i++) {
        role *of = &r->role[i];
        if (!face[i] && (face[i] = find_free(r, frame))) {
            if (of->ever && of->id != face[i]->id) {
                of->changed_at = of->changes++ == 0 ? frame->number : of->changed_at;
                of->has_reference &= r->keep_reference;
            }
            of->taken = of->ever = 1;
            of->id = face[i]->id;
        }
        note(of, face[i] && face[i]->state == JR2_FACE_SEEN, frame->number);
        if (!face[i])
            continue;
        keep(&of->face, of->numbers, face[i]);
        if (!of->has_reference && face[i]->state == JR2_FACE_SEEN)
            choose_reference(r, i, face[i]);
    }
}

void role_report(const role *r, char *text, size_t size)
{
    int n = 0;
    *text = '\0';
    if (r->changes > 0)
        n = snprintf(text, size, "%d %s of person (frame %ld)", r->changes, r->changes == 1 ? "change" : "changes, the first", r->changed_at);
    if (r->missed == 0 || (size_t)n >= size)
        return;
    n += snprintf(text + n, size - (size_t)n, "%snot seen in %ld %s (", n > 0 ? ", " : "", r->missed, r->missed == 1 ? "frame" : "frames");
    for (int i = 0; i < r->gaps && i < ROLE_GAPS && (size_t)n < size; i++) {
        const char *comma = i > 0 ? ", " : "";
        if (r->gap[i][0] == r->gap[i][1])
            n += snprintf(text + n, size - (size_t)n, "%s%ld", comma, r->gap[i][0]);
        else
            n += snprintf(text + n, size - (size_t)n, "%s%ld-%ld", comma, r->gap[i][0], r->gap[i][1]);
    }
    if ((size_t)n < size)
        snprintf(text + n, size - (size_t)n, "%s)", r->gaps > ROLE_GAPS ? ", ..." : "");
}
