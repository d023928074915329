/* SPDX-License-Identifier: MIT
 * Motion files, "jr2.motion" version 1 (docs/motion.md): lines of JSON, or records of bytes; written and read frame by frame. The
 * public functions are in core/motion.c. */
#ifndef JR2I_MOTION_H
#define JR2I_MOTION_H

#include "jr2/jr2.h"
#include "out/sink.h"

#define JR2I_MOTION_VERSION 1
#define JR2I_MOTION_FACES 64        /* in a frame */
#define JR2I_MOTION_EXPRESSIONS 256
#define JR2I_MOTION_IDENTITIES 512
#define JR2I_MOTION_NAME 48         /* bytes of an expression's name */
#define JR2I_MOTION_LINE (1 << 20)  /* bytes of a line or a record */
#define JR2I_MOTION_FAR 1e6         /* no angle or length is larger */

enum { JR2I_MOTION_HAS_EXPRESSION = 1, JR2I_MOTION_HAS_IDENTITY = 2 };

/* The expressions that a head model has, in order. */
typedef struct jr2i_motion_names {
    const char *const *name;
    int32_t count, identity_count;
} jr2i_motion_names;

/* Identity by id, as last written or read. */
typedef struct jr2i_motion_known {
    int32_t id, known;
    uint64_t used; /* when, to replace the oldest */
    float identity[JR2I_MOTION_IDENTITIES];
} jr2i_motion_known;

typedef struct jr2i_motion_writer {
    jr2i_env *env;
    jr2i_sink sink;
    int32_t form, started;
    double last_time;
    jr2i_motion_names names;
    uint64_t clock;
    jr2i_motion_known known[JR2I_MOTION_FACES];
} jr2i_motion_writer;

int32_t jr2i_motion_write_head(jr2i_motion_writer *w, const jr2_motion_info *info);
int32_t jr2i_motion_write_frame(jr2i_motion_writer *w, int64_t frame, double time, const jr2_motion_face *faces, int32_t count);

typedef struct jr2i_motion_slot {
    float expression[JR2I_MOTION_EXPRESSIONS];
    float identity[JR2I_MOTION_IDENTITIES];
} jr2i_motion_slot;

typedef struct jr2i_motion_reader {
    jr2i_env *env;
    int64_t (*read)(void *user, void *data, size_t size);
    void *user;
    jr2i_motion_names names;      /* of the head model */
    jr2_motion_info info;
    int32_t ended, broken;        /* broken: status that every further call gives */
    int64_t line;                 /* number of the line or record, from 1 */
    int16_t order[JR2I_MOTION_EXPRESSIONS]; /* binary: the file's expressions in the model, -1: none */
    int32_t file_expressions, file_identities;
    int64_t next_frame;
    double last_time;
    int32_t has_time;
    uint8_t *buffer;              /* (JR2I_MOTION_LINE + 1) */
    size_t start, end;            /* unread bytes in it */
    jr2i_motion_slot *slots;      /* (JR2I_MOTION_FACES) */
    jr2i_motion_known *known;     /* (JR2I_MOTION_FACES) */
    uint64_t clock;
    jr2_motion_face faces[JR2I_MOTION_FACES];
    jr2_motion_frame frame;
} jr2i_motion_reader;

int32_t jr2i_motion_read_head(jr2i_motion_reader *r);
int32_t jr2i_motion_read_frame(jr2i_motion_reader *r, const jr2_motion_frame **frame);

/* The identity kept for an id; with make, a place for it (the one not used for the longest time) where there is none. */
jr2i_motion_known *jr2i_motion_identity(jr2i_motion_known *known, uint64_t *clock, int32_t id, int32_t make);
/* motion_json.c: a line of text, zero-terminated, as header or frame. */
int32_t jr2i_motion_parse_head(jr2i_motion_reader *r, const char *text);
int32_t jr2i_motion_parse_frame(jr2i_motion_reader *r, const char *text);
/* Checks and finishes a face that was read: ranges, and identity from before where it has none. has: JR2I_MOTION_HAS_*. */
int32_t jr2i_motion_finish_face(jr2i_motion_reader *r, int32_t index, int32_t has);

#endif
