/* SPDX-License-Identifier: MIT
 * Motion: the parameters of faces over time, in files (docs/motion.md) and as packets for other programs (docs/wire.md). jr2.h
 * includes this header. */
#ifndef JR2_STREAM_H
#define JR2_STREAM_H

#include "jr2.h"
#include "track.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- One face at one time ------------------------------------------------------------------------------------------ */

typedef struct jr2_motion_face {
    uint32_t struct_size;
    int32_t id;                /* as jr2_face_id; 0: only one face is meant */
    int32_t state;             /* JR2_FACE_* */
    float confidence;          /* 0..1 */
    float region[4];           /* x, y, size in pixels, roll in degrees (jr2_region); size 0: unknown */
    float angles[3];           /* yaw, pitch, roll in degrees, as jr2_face_angles */
    float translation[3];      /* cm, as jr2_face_translation */
    float gaze[4];             /* degrees, as jr2_face_gaze */
    float arkit[JR2_ARKIT_COUNT];
    const float *expression;   /* (expression_count) of the head model; NULL with 0: only arkit is known */
    const float *identity;     /* (identity_count), likewise */
    int32_t expression_count;
    int32_t identity_count;
} jr2_motion_face;

/* Fills it from a face; expression and identity are borrowed from the face's result. */
JR2_API int32_t jr2_motion_from_face(const jr2_face *face, jr2_motion_face *motion);

/* --- Writing files ------------------------------------------------------------------------------------------------- */

#define JR2_MOTION_JSON 1   /* lines of JSON: a header, then one object a frame */
#define JR2_MOTION_BINARY 2 /* the same at a tenth of the size */

typedef struct jr2_motion_info {
    uint32_t struct_size;
    int32_t form;             /* JR2_MOTION_*; writing, 0: JR2_MOTION_JSON */
    double rate;              /* frames a second; 0: not constant or unknown */
    int32_t width, height;    /* of the pictures; 0: unknown */
    int32_t expression_count; /* reading: of each face, 0 where the file has none. Writing: ignored, it is the model's */
    int32_t identity_count;   /* likewise */
    int64_t unknown_names;    /* reading: names so far that are not known and were passed over, */
    int64_t clamped_values;   /* and coefficients that were brought into 0..1 */
} jr2_motion_info;

typedef struct jr2_motion_writer jr2_motion_writer;

/* Writes the header. The writer uses the ctx for memory, error texts and the names of expressions, and is closed before it. Each frame
 * reaches write before jr2_motion_write returns: what is cut off there reads up to that frame. */
JR2_API int32_t jr2_motion_writer_create(jr2_ctx *ctx, const jr2_motion_info *info, jr2_write_fn write, void *user,
                                         jr2_motion_writer **writer);
/* frame: number from 0; time: seconds, not before the last one's. A face's identity is written when it changed. JR2_ERR_RANGE for
 * numbers that are not finite or a time that goes back, JR2_ERR_WRITE, JR2_ERR_ARGUMENT (more than 64 faces, other counts). */
JR2_API int32_t jr2_motion_write(jr2_motion_writer *writer, int64_t frame, double time, const jr2_motion_face *faces,
                                 int32_t face_count);
JR2_API void jr2_motion_writer_free(jr2_motion_writer *writer); /* NULL is fine; nothing is left to write */

/* --- Reading files ------------------------------------------------------------------------------------------------- */

typedef struct jr2_motion jr2_motion;

/* Fills at most size bytes; returns how many, 0 at the end, negative for a failure (JR2_ERR_READ). */
typedef int64_t (*jr2_read_fn)(void *user, void *data, size_t size);

typedef struct jr2_motion_frame {
    int64_t frame;
    double time; /* seconds */
    const jr2_motion_face *faces;
    int32_t face_count;
    int32_t reserved;
} jr2_motion_frame;

/* Opens either form and reads its header. Files are not trusted: every length has a limit. Errors: JR2_ERR_MAGIC (not a motion file),
 * _VERSION, _FORMAT, _TRUNCATED, _CHECKSUM, _READ, _NO_MEMORY. */
JR2_API int32_t jr2_motion_open(jr2_ctx *ctx, jr2_read_fn read, void *user, jr2_motion **motion);
JR2_API int32_t jr2_motion_get_info(const jr2_motion *motion, jr2_motion_info *info);
/* The next frame, valid until the next call; NULL with JR2_OK at the end. Expressions are in the order of the ctx's head model,
 * identities of another head model are left out. A frame that was cut off is JR2_ERR_TRUNCATED; one that is wrong in itself is JR2_ERR_FORMAT
 * or JR2_ERR_RANGE with its line in the text, and the next call reads on behind it (a damaged binary file ends there). */
JR2_API int32_t jr2_motion_next(jr2_motion *motion, const jr2_motion_frame **frame);
JR2_API void jr2_motion_free(jr2_motion *motion); /* NULL is fine */

/* --- Packets for other programs ------------------------------------------------------------------------------------ */

#define JR2_WIRE_VMC 1          /* VMC protocol, an OSC bundle; port 39539 */
#define JR2_WIRE_LIVE_LINK 2    /* Live Link Face; port 11111 */
#define JR2_WIRE_IFACIALMOCAP 3 /* iFacialMocap, text; port 49983 */
#define JR2_WIRE_OPENSEEFACE 4  /* OpenSeeFace; port 11573 */

#define JR2_WIRE_SIZE_MAX 8192 /* no packet is larger */

typedef struct jr2_wire_options {
    uint32_t struct_size;
    int32_t mirror;            /* 1: as in a mirror: left and right change places (not for JR2_WIRE_OPENSEEFACE, where receivers do it) */
    const char *name;          /* Live Link: the subject; NULL: "jr2". At most 100 bytes */
    const char *device;        /* Live Link: device id; NULL: "jr2" */
    int64_t frame;             /* number of the frame */
    double time;               /* seconds */
    double rate;               /* Live Link: frames a second; 0: 60 */
    int32_t width, height;     /* OpenSeeFace: of the picture */
    const float *landmarks68;  /* OpenSeeFace: (68,2) px; NULL: none */
    const float *points68;     /* OpenSeeFace: (68,3) head space, cm (jr2_head_evaluate); NULL: none */
} jr2_wire_options;

/* One packet for one face into the caller's buffer; *size: bytes it holds, then those of the packet. Nothing is sent. JR2_ERR_BUFFER
 * where it is too small (JR2_WIRE_SIZE_MAX always suffices), JR2_ERR_RANGE for numbers that are not finite, JR2_ERR_ARGUMENT. */
JR2_API int32_t jr2_wire_encode(int32_t format, const jr2_motion_face *face, const jr2_wire_options *options, void *data,
                                size_t *size);
JR2_API int32_t jr2_wire_port(int32_t format); /* the port that receivers listen on; 0 for another format */

#ifdef __cplusplus
}
#endif

#endif
