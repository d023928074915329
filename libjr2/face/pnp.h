/* SPDX-License-Identifier: MIT
 * Perspective-n-point: the rotation and translation that put known head points onto known pixels, by damped Gauss-Newton with
 * six degrees of freedom from a first guess (camera.h gives one). */
#ifndef JR2I_PNP_H
#define JR2I_PNP_H

#include "face/camera.h"

/* points (count,3) head space, cm; pixels (count,2); weight (count) >= 0 or NULL. rotation (9) and translation (3) go in as the
 * guess and come out refined; they stay unchanged where no better fit was found. Pairs that are not finite are left out. Returns
 * the root mean square distance in pixels, or -1 with fewer than 4 usable points. */
float jr2i_pnp_refine(const jr2i_camera *camera, const float *points, const float *pixels, const float *weight, int32_t count,
                      float rotation[9], float translation[3]);

#endif
