/* SPDX-License-Identifier: MIT
 * One-euro filters (Casiez, Roussel, Vogel 2012): first-order low-pass filters whose cut-off rises with the speed of the signal. Lag
 * here is that of a slow signal in seconds, 1 / (2 pi cut-off): a ramp comes out late by it, anything faster by less. */
#ifndef JR2I_EURO_H
#define JR2I_EURO_H

#include <stdint.h>

typedef struct jr2i_euro {
    float value; /* last output */
    float raw;   /* last input */
    float speed; /* per second, smoothed */
} jr2i_euro;

/* lag: seconds, 0: no filter; gain: Hz of cut-off for each unit per second above `still`, the speed that noise may have. */
typedef struct jr2i_euro_law {
    float lag, gain, still;
} jr2i_euro_law;

void jr2i_euro_start(jr2i_euro *f, float value);
/* Share of the new value, 0..1, for a signal of this speed. dt: seconds since the last one, > 0. */
float jr2i_euro_share(const jr2i_euro_law *law, float speed, float dt);
float jr2i_euro_step(jr2i_euro *f, const jr2i_euro_law *law, float value, float dt);

/* The same for a rotation (9, row-major); speed in degrees a second. */
typedef struct jr2i_euro_turn {
    float value[9], raw[9], speed[3]; /* speed: vector, degrees a second */
} jr2i_euro_turn;

void jr2i_euro_turn_start(jr2i_euro_turn *f, const float rotation[9]);
void jr2i_euro_turn_step(jr2i_euro_turn *f, const jr2i_euro_law *law, const float rotation[9], float dt);
/* Vector w (radians about it) of a rotation; the inverse of jr2i_pose_exponential. */
void jr2i_pose_logarithm(const float r[9], float w[3]);

#endif
