/* SPDX-License-Identifier: MIT
 * Which face of a driver moves which face of a portrait, through losses and changes of person, and what there is to report of it. */
#ifndef JR2_ROLES_H
#define JR2_ROLES_H

#include <stddef.h>

#include "driver.h"

#define ROLES_MAX JR2_TRACK_FACES_MAX
#define ROLE_GAPS 6 /* remembered for the report */

typedef struct role {
    int taken, id;           /* by a face of the driver */
    int ever;                /* a face was seen */
    jr2_motion_face face;    /* its last state, also when it is gone; expression points into numbers */
    jr2_motion_face reference;
    int has_reference;
    float *numbers;          /* (2, expressions) */
    long missed;             /* frames in which it was not seen */
    long gap[ROLE_GAPS][2];  /* the first of them: from, to */
    int gaps, in_gap;
    int changes;             /* of person */
    long changed_at;         /* the first of them */
} role;

typedef struct roles {
    role role[ROLES_MAX];
    int count, expressions;
    const jr2_model *model;
    int keep_reference; /* a change of person does not take a new one */
} roles;

int roles_begin(roles *r, int count, const jr2_model *model); /* 0, or -1 without memory */
/* Takes the driver's faces of a frame: a role keeps its face as long as that is there; one without takes the largest that is seen and not taken. A
 * face's first state in a role becomes its reference, unless there is one; but with its mouth and its eyes at rest: a driver who is caught
 * speaking or blinking must not be taken for one whose mouth is always open. */
void roles_take(roles *r, const driver_frame *frame);
void role_set_reference(roles *r, int index, const jr2_motion_face *face); /* as it is */
/* "1 change of person (frame 12), not seen in 31 frames (0-9, 40-60)"; "" where all went well. */
void role_report(const role *r, char *text, size_t size);
void roles_end(roles *r);

#endif
