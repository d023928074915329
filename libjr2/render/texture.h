/* SPDX-License-Identifier: MIT
 * The face's texture atlas: taken from the photo where the surface is seen, completed where it is not (the other half of the face
 * if that is seen, then the albedo model in the colours of the seen skin), joined without seams. */
#ifndef JR2I_TEXTURE_H
#define JR2I_TEXTURE_H

#include "face/camera.h"
#include "face/head.h"
#include "image/view.h"

typedef struct jr2i_texture_input {
    const jr2i_view *image;
    const jr2i_camera *camera;
    const float *matrix;        /* (16) head to camera, column-major */
    const float *vertices;      /* (V,3) head space, as in the photo */
    const float *normals;       /* (V,3) */
    const float *light;         /* (27) shade.h, or NULL */
    const float *albedo;        /* (albedo_count) coefficients or NULL */
    int32_t albedo_count;
    int32_t size;               /* side of the square atlas, 64..4096 */
} jr2i_texture_input;

/* rgb (size,size,3) sRGB, top row first (v = 1). JR2_ERR_MISSING where the model has no uv; JR2_ERR_RANGE for another size. */
int32_t jr2i_texture_make(jr2i_env *env, const jr2i_head *head, const jr2i_texture_input *input, uint8_t *rgb);

#endif
