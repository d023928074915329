/* SPDX-License-Identifier: MIT
 * The other side of the face: for each vertex of the head model, the texture place of the surface point that mirrors it (x -> -x) in
 * the neutral template. Meshes need not be symmetric vertex by vertex. */
#ifndef JR2I_MIRROR_H
#define JR2I_MIRROR_H

#include "face/head.h"

/* uv (V,2): place in the atlas; -1, -1 where nothing lies near enough. Only triangles of skin parts (face, head, eye sockets, lips)
 * count. The model must have uv. */
int32_t jr2i_mirror_make(jr2i_env *env, const jr2i_head *head, float *uv);
int32_t jr2i_mirror_skin(uint8_t part); /* 1 for the parts that count as skin */

#endif
