/* SPDX-License-Identifier: MIT
 * What the writers of this folder see of a reconstruction: borrowed pointers, filled by core/. */
#ifndef JR2I_FACE_VIEW_H
#define JR2I_FACE_VIEW_H

#include "face/camera.h"
#include "face/head.h"
#include "image/draw.h"
#include "out/sink.h"

typedef struct jr2i_face_view {
    const jr2i_head *head;
    float confidence;
    float box[4];               /* x, y, width, height, px */
    float region[4];            /* x, y, size px; roll radians: the face frame */
    const float *landmarks68;   /* (68,2) px; NULL where the model has none */
    const float *landmarks478;  /* (478,2) px; NULL likewise */
    const float *vertices;      /* (V,3) head space, cm, with the expression */
    const float *normals;       /* (V,3) */
    const float *identity;      /* (head->identity_count) */
    const float *expression;    /* (head->expression_count) */
    const float *expression_error; /* (head->expression_count) expected absolute errors, 0..1, or NULL */
    const float *albedo;        /* (head->albedo_count) or NULL */
    const float *arkit;         /* (52) */
    const float *light;         /* (27) */
    float angles[3];            /* yaw, pitch, roll in degrees */
    float matrix[16];           /* head to camera, column-major, cm */
    float gaze[4];              /* left yaw, left pitch, right yaw, right pitch, degrees */
    jr2i_camera camera;         /* of the whole image */
    const uint8_t *texture;     /* (texture_size,texture_size,3) sRGB, top row first, or NULL */
    int32_t texture_size;
    int32_t id, state;          /* of a tracked face (jr2/track.h); 0 */
} jr2i_face_view;

typedef struct jr2i_scene_view {
    int32_t width, height;      /* of the image */
    int32_t face_count;
    const jr2i_face_view *faces;
} jr2i_scene_view;

/* All: put into the sink and return its status after jr2i_sink_end. name: of the head, UTF-8, NULL: "head". Formats: docs/formats.md. */
int32_t jr2i_json_write(jr2i_sink *sink, const jr2i_scene_view *scene);
int32_t jr2i_glb_write(jr2i_sink *sink, const jr2i_face_view *face, const char *name);
int32_t jr2i_ply_write(jr2i_sink *sink, const jr2i_face_view *face);
/* mtl, texture: file names that the .obj and the .mtl refer to; mtl NULL: without a material. */
int32_t jr2i_obj_write(jr2i_sink *sink, const jr2i_face_view *face, const char *name, const char *mtl);
int32_t jr2i_mtl_write(jr2i_sink *sink, const char *texture);
/* Draws every face's mesh, landmarks and axes over a picture. */
int32_t jr2i_overlay_draw(jr2i_env *env, const jr2i_scene_view *scene, const jr2i_canvas *canvas);

#endif
