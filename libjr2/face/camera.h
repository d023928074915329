/* SPDX-License-Identifier: MIT
 * The two cameras. The image camera is an ordinary pinhole for the whole picture. The face camera is the network's: it sees a
 * head from a fixed distance along the ray through it, so that it does not change with where and how large the face is. */
#ifndef JR2I_CAMERA_H
#define JR2I_CAMERA_H

#include <stdint.h>

/* Camera space: cm, x right, y up, z towards the viewer; visible points have z < 0. */
typedef struct jr2i_camera {
    float focal;  /* px */
    float cx, cy; /* px */
} jr2i_camera;

#define JR2I_FOCAL_FACTOR 1.1f        /* default focal length: this times the longer side of the picture */
#define JR2I_FACE_CAMERA_DISTANCE 100 /* cm */

/* p = centre + scale * (X.x, -X.y) / (1 - X.z / D), X = rotation x head point, D = JR2I_FACE_CAMERA_DISTANCE. */
typedef struct jr2i_face_camera {
    float rotation[9]; /* head to face camera axes, row-major */
    float scale;       /* px per cm at the head's origin */
    float cx, cy;      /* px: where the head's origin is seen */
} jr2i_face_camera;

jr2i_camera jr2i_camera_default(int32_t width, int32_t height, float focal /* 0: default */);
/* points (count,3) in head space -> pixels (count,2); matrix (16) column-major head to camera. Points that are not in front of
 * the camera become NaN. */
void jr2i_camera_project(const jr2i_camera *camera, const float matrix[16], const float *points, int32_t count, float *pixels);
/* The same for the rasteriser: screen (count,3) px, px, distance in cm; inv_w (count) 1 / distance. */
void jr2i_camera_screen(const jr2i_camera *camera, const float matrix[16], const float *points, int32_t count, float *screen,
                        float *inv_w);
void jr2i_face_camera_project(const jr2i_face_camera *camera, const float *points, int32_t count, float *pixels);
/* Rotation that the face camera sees of a head turned by `rotation` at this place, and back. */
void jr2i_rotation_to_face(const float rotation[9], const float translation[3], float face[9]);
void jr2i_rotation_from_face(const float face[9], const float translation[3], float rotation[9]);
/* The face camera, in pixels of the picture, of a head at this place; rotation: the face camera's own. */
void jr2i_camera_to_face(const jr2i_camera *camera, const float rotation[9], const float translation[3], jr2i_face_camera *face);
/* First guess of the pose in the image: crop_map is the affine map (6) of crop pixels to image pixels (warp.h). */
void jr2i_camera_from_face(const jr2i_camera *camera, const jr2i_face_camera *face, const float crop_map[6], float rotation[9],
                           float translation[3]);

#endif
