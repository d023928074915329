/* SPDX-License-Identifier: MIT
 * The inside of a tracker, shared by track.c (which face is where), track_face.c (what a face looks like over time) and
 * track_person.c (calibration and the saved form). */
#ifndef JR2I_TRACKER_H
#define JR2I_TRACKER_H

#include "face/euro.h"
#include "look.h"

#define JR2I_TRACK_EVENTS (4 * JR2_TRACK_FACES_MAX)

/* What is kept of a person. */
typedef struct jr2i_person {
    float identity[JR2I_PARAMS_IDENTITY_MAX]; /* running robust mean */
    float spread[JR2I_PARAMS_IDENTITY_MAX];   /* running mean distance from it */
    float albedo[JR2I_PARAMS_ALBEDO_MAX];     /* running mean */
    float weight;                             /* of all frames so far; 0: nothing known */
    float rest[JR2I_PARAMS_EXPRESSION_MAX];   /* expression of the neutral face */
    float range[JR2I_PARAMS_EXPRESSION_MAX];  /* farthest, for 1 */
    int32_t calibrated;                       /* 0: rest and range are 0 and 1 */
} jr2i_person;

typedef enum {
    JR2I_TRACK_FREE,    /* the slot is not used */
    JR2I_TRACK_PENDING, /* seen, not sure yet: not reported */
    JR2I_TRACK_SEEN,
    JR2I_TRACK_LOST     /* held, fading, then only remembered */
} jr2i_track_state;

typedef struct jr2i_track {
    jr2i_track_state state;
    int32_t id;             /* 0 while pending */
    int32_t confirmations;  /* of a pending one */
    int32_t unverified;     /* frames since the finder agreed */
    int32_t told_lost;      /* the event was sent */
    int32_t restart;        /* the filters begin anew with the next sight */
    double seen;            /* time of the last sight */
    float confidence;       /* finder's last score */
    float error;            /* running mean of the network's own guess of its error */
    jr2i_frame frame;       /* unfiltered: where to look next */
    jr2i_person person;
    /* calibration in progress */
    int32_t collecting;     /* JR2_CALIBRATE_REST or _RANGE; 0: none */
    double collect_until;
    float collected[JR2I_PARAMS_EXPRESSION_MAX], collected_frames;
    /* filters and their outputs */
    jr2i_euro_turn turn;
    jr2i_euro translation[3], expression[JR2I_PARAMS_EXPRESSION_MAX];
    jr2i_euro landmarks478[478 * 2], landmarks68[68 * 2];
    float shown[JR2I_PARAMS_EXPRESSION_MAX]; /* expression, filtered */
    float expression_error[JR2I_PARAMS_EXPRESSION_MAX]; /* of the last sight, calibrated */
    int32_t corrected;                       /* that sight has such errors */
    float light[27];
} jr2i_track;

struct jr2_tracker {
    jr2_ctx *ctx;
    jr2_tracker_options options; /* with defaults filled in */
    jr2i_finder *checker;        /* looks at single faces */
    uint8_t *check_pixels;       /* what it sees */
    jr2i_track *tracks;          /* (options.max_faces + as many that are only remembered) */
    int32_t track_count;
    int32_t next_id;
    int32_t started;             /* time and the size of the picture are those of the last frame */
    double time;
    int32_t width, height;
    int32_t frames_since_find;
    jr2i_camera camera;
    jr2i_person waiting;         /* loaded for the next new face */
    int32_t has_waiting;
    jr2i_sight sight;            /* scratch */
    float points478[478 * 3], points68[68 * 3];
    jr2i_found found[64];
    jr2_track_event events[JR2I_TRACK_EVENTS];
    int32_t event_count;
};

/* track_face.c. dt: seconds since the last frame. */
void jr2i_track_take_sight(jr2_tracker *t, jr2i_track *track, const jr2i_sight *sight, float dt);
/* Root mean square difference of a sight's identity from a person's, in units of how much that of the person wavers. */
float jr2i_track_distance(const jr2_tracker *t, const jr2i_person *person, const float *identity);
/* Fills a face of a result. rest 0..1: how far it has gone to rest. */
void jr2i_track_show(jr2_tracker *t, const jr2i_track *track, float rest, jr2i_face_view *view);

/* track_person.c */
void jr2i_person_clear(jr2i_person *person);
void jr2i_person_expression(const jr2i_head *head, const jr2i_person *person, const float *raw, float *calibrated);
void jr2i_person_error(const jr2i_head *head, const jr2i_person *person, const float *raw, float *calibrated); /* of the expression */
void jr2i_track_collect(jr2_tracker *t, jr2i_track *track, const float *raw); /* a frame of a calibration */
jr2i_track *jr2i_track_by_id(jr2_tracker *t, int32_t id);                    /* NULL where there is none */

#endif
