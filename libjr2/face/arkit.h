/* SPDX-License-Identifier: MIT
 * ARKit's 52 coefficients: names in Apple's order, to and from the head model's own expression vector, and gaze.
 * browInnerUp and cheekPuff are one coefficient in ARKit and a left and a right one in the head model: outwards the mean of both,
 * inwards the same value for both. tongueOut has no counterpart: 0 outwards, ignored inwards. */
#ifndef JR2I_ARKIT_H
#define JR2I_ARKIT_H

#include "base/env.h"

#define JR2I_ARKIT_COUNT 52
#define JR2I_ARKIT_TONGUE_OUT 51

const char *jr2i_arkit_name(int32_t index); /* NULL outside of 0..51 */
int32_t jr2i_arkit_index(const char *name); /* -1 where there is none */

/* Which expressions of a head model an ARKit coefficient stands for. */
typedef struct jr2i_arkit_map {
    int16_t source[JR2I_ARKIT_COUNT][2]; /* expression indices, -1: none; two equal parts where both are >= 0 */
    int32_t known;                       /* how many coefficients have at least one source */
} jr2i_arkit_map;

/* names (count): names of the model's expressions ("browDown_L", "jawOpen", ...), any other name is passed over. */
void jr2i_arkit_map_make(const char *const *names, int32_t count, jr2i_arkit_map *map);
void jr2i_arkit_from_expression(const jr2i_arkit_map *map, const float *expression, float arkit[JR2I_ARKIT_COUNT]);
/* expression (expression_count): those without an ARKit name become 0. */
void jr2i_arkit_to_expression(const jr2i_arkit_map *map, const float *arkit, int32_t expression_count, float *expression);

/* Gaze of both eyes in head space from the eyeLook* coefficients: gaze (4) = left yaw, left pitch, right yaw, right pitch in
 * radians; yaw > 0 towards the person's left, pitch > 0 up. range (4): degrees at coefficient 1 of eyeLook In, Out, Up, Down. */
void jr2i_gaze_from_arkit(const float arkit[JR2I_ARKIT_COUNT], const float range[4], float gaze[4]);
/* Rotation (9, row-major) of an eye in head space that looks there. */
void jr2i_gaze_rotation(float yaw, float pitch, float r[9]);

#endif
