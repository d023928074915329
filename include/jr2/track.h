/* SPDX-License-Identifier: MIT
 * Tracking: the faces of a video, frame by frame, with names that last. jr2.h includes this header.
 *
 *     jr2_tracker *tracker;
 *     jr2_tracker_create(ctx, NULL, &tracker);
 *     while (next picture) {
 *         jr2_result *result;
 *         if (jr2_tracker_update(tracker, &image, seconds, &result) == JR2_OK)
 *             ... jr2_face_arkit(jr2_result_face(result, 0), NULL) ...
 *         jr2_result_free(result);
 *     }
 *     jr2_tracker_free(tracker);
 *
 * Between frames a face is followed by its landmarks; the finder looks at the whole picture only when a face was lost or, every
 * find_every frames, when there may be new ones. docs/tracking.md has the rules, the lags and their measurement. */
#ifndef JR2_TRACK_H
#define JR2_TRACK_H

#include "jr2.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the thread of its ctx and is freed before it. */
typedef struct jr2_tracker jr2_tracker;

#define JR2_TRACK_FACES_MAX 16

/* Lags are those of the filters for slow motion, in seconds: 0 takes the default, a negative number is no filter, at most 1. A filter
 * never lags more than that, and the less the faster the motion (one-euro filters). */
typedef struct jr2_tracker_options {
    uint32_t struct_size;
    int32_t max_faces;      /* faces followed at once; 0: 1; at most JR2_TRACK_FACES_MAX */
    float min_confidence;   /* finder's score for a new face, 0..1; 0: 0.6 */
    int32_t find_every;     /* frames between searches for further faces while fewer than max_faces are there; 0: 10 */
    int32_t find_side;      /* as in jr2_reconstruct_options */
    float focal_px;         /* likewise */
    int32_t passes;         /* looks at a followed face in a frame, 1..4; 0: 1 */
    int32_t mesh;           /* 1: faces have vertices and normals (jr2_export needs them); 0: they have none */
    float pose_lag;         /* head pose; 0: 0.05 */
    float expression_lag;   /* expression and gaze; 0: 0.05 */
    float landmark_lag;     /* landmarks in the picture; 0: 0.05 */
    float hold;             /* seconds that a face that is not seen any more keeps its last pose; 0: 0.3, negative: none */
    float fade;             /* seconds in which it then goes to rest; 0: 0.7, negative: none */
    float keep;             /* seconds for which a lost face is remembered, with its id; 0: 2, negative: none */
    int32_t expression_source; /* as in jr2_reconstruct_options */
} jr2_tracker_options;

/* options may be NULL. Errors: JR2_ERR_ARGUMENT, _STRUCT_SIZE, _RANGE, _MISSING (head, find or coarse), _FORMAT, _NO_MEMORY. */
JR2_API int32_t jr2_tracker_create(jr2_ctx *ctx, const jr2_tracker_options *options, jr2_tracker **tracker);
JR2_API void jr2_tracker_free(jr2_tracker *tracker); /* NULL is fine */

/* The next picture, taken at time seconds (of any clock that only goes forward). The result holds the faces that are seen, and those
 * that were lost a moment ago; longest known first. Its identity is the average over all frames so far. The tracker allocates
 * nothing but the result once it has seen pictures of this size.
 * Errors: those of jr2_reconstruct; JR2_ERR_RANGE where time is not finite or not after the last one's. After an error the tracker
 * goes on with the next picture. */
JR2_API int32_t jr2_tracker_update(jr2_tracker *tracker, const jr2_image *image, double time, jr2_result **result);
JR2_API void jr2_tracker_reset(jr2_tracker *tracker); /* forgets every face; ids go on from 1, time may start anew */

#define JR2_FACE_SEEN 0   /* in this picture */
#define JR2_FACE_HELD 1   /* lost; the last values */
#define JR2_FACE_FADING 2 /* lost; on the way to rest: expression and gaze 0, facing the camera */

JR2_API int32_t jr2_face_id(const jr2_face *face);    /* 1, 2, ... of a tracker's result; 0 from jr2_reconstruct */
JR2_API int32_t jr2_face_state(const jr2_face *face); /* JR2_FACE_* */

#define JR2_EVENT_NEW 1       /* a face with a new id */
#define JR2_EVENT_LOST 2      /* not seen for longer than hold */
#define JR2_EVENT_FOUND 3     /* a lost face is back, with its id */
#define JR2_EVENT_FORGOTTEN 4 /* lost for longer than keep: the id will not come back */

typedef struct jr2_track_event {
    int32_t kind; /* JR2_EVENT_* */
    int32_t id;
} jr2_track_event;

/* What happened in the last update, in order; valid until the next one. */
JR2_API const jr2_track_event *jr2_tracker_events(const jr2_tracker *tracker, int32_t *count);

/* Draws what JR2_EXPORT_OVERLAY shows over rgb, (height,width,3) bytes of the result's picture. Faces need their mesh. */
JR2_API int32_t jr2_result_draw(jr2_ctx *ctx, const jr2_result *result, uint8_t *rgb);

/* --- What is known of a person ------------------------------------------------------------------------------------- */

/* Calibration of one face: "rest" takes the mean expression of the next second as the person's neutral face, which then reads
 * as 0; "range" watches, until "end", how far each coefficient goes, which then reads as 1 (only coefficients that went at least half-way
 * above rest; it ends a rest that has not had its second). Both are of the id and last until "clear". JR2_ERR_NOT_FOUND for an id that is not there. */
#define JR2_CALIBRATE_CLEAR 0
#define JR2_CALIBRATE_REST 1
#define JR2_CALIBRATE_RANGE 2
#define JR2_CALIBRATE_END 3
JR2_API int32_t jr2_tracker_calibrate(jr2_tracker *tracker, int32_t id, int32_t what);

/* Identity and calibration of a face as a blob of a few kilobytes. *size: bytes that data holds, then those that the blob takes; data
 * NULL asks for the size. JR2_ERR_BUFFER where it is too small, JR2_ERR_NOT_FOUND for another id. */
JR2_API int32_t jr2_tracker_save(jr2_tracker *tracker, int32_t id, void *data, size_t *size);
/* Gives the face with that id, or for 0 the next new face, a saved identity and calibration. Errors: JR2_ERR_MAGIC, _VERSION,
 * _TRUNCATED, _CHECKSUM, _FORMAT (made with another head model, or not finite), _NOT_FOUND. */
JR2_API int32_t jr2_tracker_load(jr2_tracker *tracker, int32_t id, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
