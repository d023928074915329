/* SPDX-License-Identifier: MIT
 * Reenactment: a portrait moves as a driver does, and stays the same person. jr2.h includes this header; docs/reenact.md tells how it
 * works and what its limits are.
 *
 *     jr2_portrait *portrait;
 *     jr2_portrait_create(ctx, &image, NULL, &portrait);           once: finds the face, reconstructs it, looks at it
 *     while (next driving frame) {
 *         jr2_motion_face driver;                                   of a tracker's face, of a motion file, or filled by hand
 *         JR2_INIT(driver);
 *         jr2_motion_from_face(jr2_result_face(tracked, 0), &driver);
 *         jr2_reenact(ctx, portrait, &driver, NULL, &out);          a frame; allocates nothing
 *     }
 *     jr2_portrait_free(portrait);
 *
 * Every picture that is made carries the invisible mark of synthetic media (jr2/provenance.h) unless it is turned off. Ask the people whose
 * pictures you move. */
#ifndef JR2_REENACT_H
#define JR2_REENACT_H

#include "jr2.h"
#include "stream.h" /* jr2_motion_face */

struct jr2_motion_face;

#ifdef __cplusplus
extern "C" {
#endif

/* A picture with a face in it, ready to be moved. Belongs to the thread of its ctx and is freed before it. */
typedef struct jr2_portrait jr2_portrait;

typedef struct jr2_portrait_options {
    uint32_t struct_size;
    int32_t face;             /* which face of the picture, the largest is 0 */
    const jr2_region *region; /* where the face is; NULL: the finder is asked */
    float crop;               /* side of the square that moves, in sizes of the face (jr2_region), 1.6..4; 0: 2.1 */
    float focal_px;           /* as in jr2_reconstruct_options */
} jr2_portrait_options;

/* Keeps a copy of the picture. options may be NULL. Without a reenactment network (JR2_PART_REENACT) the portrait can only be warped.
 * Errors: JR2_ERR_NO_FACE, JR2_ERR_NOT_FOUND (fewer faces), those of jr2_reconstruct. */
JR2_API int32_t jr2_portrait_create(jr2_ctx *ctx, const jr2_image *image, const jr2_portrait_options *options, jr2_portrait **portrait);
JR2_API void jr2_portrait_free(jr2_portrait *portrait); /* NULL is fine */

JR2_API int32_t jr2_portrait_faces(const jr2_portrait *portrait);           /* faces in the picture; 1 with a region */
JR2_API const jr2_face *jr2_portrait_face(const jr2_portrait *portrait);    /* the one that moves; lives as long as the portrait */
JR2_API void jr2_portrait_size(const jr2_portrait *portrait, int32_t *width, int32_t *height); /* of the picture */
JR2_API void jr2_portrait_crop(const jr2_portrait *portrait, float *crop);  /* (3) left, top, side of the square, px */

#define JR2_CROP_SIDE 256 /* pixels a side of the crop that networks see */

#define JR2_REENACT_RELATIVE 0 /* the change since a reference state of the driver is added to the portrait's own state */
#define JR2_REENACT_ABSOLUTE 1 /* the driver's pose in the picture and its expression are taken as they are */

#define JR2_REENACT_NETWORK 0 /* needs JR2_PART_REENACT; knows the person from what lies behind, which stays */
#define JR2_REENACT_WARP 1    /* no network: the photo's own pixels, moved with the 3D head, and less and less of it around that */

#define JR2_REENACT_FULL 0 /* the whole picture with the moved crop in it */
#define JR2_REENACT_CROP 1 /* the crop, JR2_CROP_SIDE x JR2_CROP_SIDE */

/* Gains, locks and limits: 0 takes the default; a negative number stands for 0 (a limit: for none). */
typedef struct jr2_reenact_options {
    uint32_t struct_size;
    int32_t motion;                   /* JR2_REENACT_RELATIVE or _ABSOLUTE */
    int32_t method;                   /* JR2_REENACT_NETWORK or _WARP */
    int32_t output;                   /* JR2_REENACT_FULL or _CROP */
    const struct jr2_motion_face *reference; /* RELATIVE: any state of the driver, the one that is to look like the portrait as it is. NULL: expression
                                         0, facing the camera, where the driver is now */
    float expression_gain;            /* [1], at most 4; blinks are not scaled */
    float pose_gain;                  /* [1], at most 4; of rotation and place */
    float eye_lock;                   /* 0..1 [0]: how much lids and gaze stay the portrait's */
    float lip_lock;                   /* 0..1 [0]: likewise mouth and jaw */
    float limit_yaw;                  /* degrees [60] away from the portrait's own pose. Up to two thirds of a limit nothing is changed; */
    float limit_pitch;                /* [40]         beyond, the motion fades towards the limit and never gets past it */
    float limit_roll;                 /* [60] */
    float limit_shift;                /* sides of the crop [0.3], of the head's place */
    float angles[3];                  /* added to yaw, pitch, roll, degrees, before the limits */
    int32_t edit_count;               /* 0 or JR2_COUNT_EXPRESSION */
    const float *edit;                /* (edit_count) or NULL: added to the expression, -1..1 */
    const float *set;                 /* (edit_count) or NULL: numbers from 0 on take the expression's place, negative ones do not; edit (or NULL) comes
                                         on top of them */
    int32_t over;                     /* FULL, 1: out already holds the picture, with another face moved: only this crop is written into it, and
                                         the faces beside this one stay as they are in out */
    int32_t unmarked;                 /* 1: leaves the mark out. Who does so takes over the duty of telling viewers that the picture was
                                         made, and in some places it is one by law (docs/mark.md) */
} jr2_reenact_options;

/* Makes a frame. driving: NULL leaves the portrait's own state, to which the options' angles and edit are added. Of a jr2_motion_face angles,
 * translation (all 0: the head stays in its place), expression, or arkit where it has none, and gaze where all eyeLook coefficients are 0 count;
 * coefficients are brought into 0..1. The identity is always the portrait's.
 * out: its pixels are written although an image declares them as const: JR2_PIXEL_RGB8, RGBA8 (alpha stays), BGR8 or BGRA8, of the size of the
 * picture or the crop. ctx: the one that made the portrait. The same input gives the same picture for any number of threads. Only the first frame
 * of a portrait may allocate.
 * Errors: JR2_ERR_ARGUMENT, _STRUCT_SIZE, _RANGE (numbers that are not finite or out of range), _IMAGE, _IMAGE_SIZE (another size, or a side below
 * JR2_MARK_MIN while the mark is on), _IMAGE_FORMAT, _MISSING (no network), _CANCELLED. */
JR2_API int32_t jr2_reenact(jr2_ctx *ctx, jr2_portrait *portrait, const struct jr2_motion_face *driving, const jr2_reenact_options *options,
                            const jr2_image *out);
/* What the last frame shows, after retargeting and limits: angles and translation in the picture's camera, gaze, arkit, expression (borrowed,
 * until the next frame). Before the first frame: the portrait's own state. */
JR2_API int32_t jr2_portrait_state(const jr2_portrait *portrait, struct jr2_motion_face *state);

#ifdef __cplusplus
}
#endif

#endif
