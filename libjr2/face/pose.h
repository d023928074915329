/* SPDX-License-Identifier: MIT
 * Rotations of the head. A rotation is a 3 x 3 matrix, 9 floats row by row, from head axes to camera axes (x right, y up,
 * z towards the viewer): R = Ry(yaw) Rx(-pitch) Rz(-roll). yaw > 0: the nose points to the image's right; pitch > 0: up;
 * roll > 0: the head tilts clockwise in the image. Angles are in radians here and in degrees in the public interface. */
#ifndef JR2I_POSE_H
#define JR2I_POSE_H

#include <stdint.h>

#define JR2I_PI 3.14159265358979323846f
#define JR2I_DEGREES (180.0f / JR2I_PI)

void jr2i_pose_matrix(float yaw, float pitch, float roll, float r[9]);
/* Inverse of it: yaw and roll in -pi..pi, pitch in -pi/2..pi/2. Where the nose points straight up or down, roll is 0. */
void jr2i_pose_angles(const float r[9], float *yaw, float *pitch, float *roll);
/* Rotation of the 6 numbers a network gives: the first two columns of the matrix, not yet orthogonal (Zhou et al. 2019):
 * six = {r00, r10, r20, r01, r11, r21}. Returns 0 and the identity where they are degenerate or not finite, else 1. */
int32_t jr2i_pose_from_six(const float six[6], float r[9]);
/* Rotation by the vector w: |w| radians about w. */
void jr2i_pose_exponential(const float w[3], float r[9]);
void jr2i_pose_multiply(const float a[9], const float b[9], float r[9]); /* r = a b; r may be a or b */
/* Column-major 4 x 4 of rotation and translation. */
void jr2i_pose_matrix4(const float r[9], const float t[3], float m[16]);

#endif
