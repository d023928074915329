/* SPDX-License-Identifier: MIT
 * One-euro filters of numbers and rotations. */
#include "face/euro.h"

#include <math.h>
#include <string.h>

#include "face/pose.h"

#define SPEED_CUTOFF 1.0f /* Hz: of the speed's own filter */

void jr2i_euro_start(jr2i_euro *f, float value)
{
    f->value = f->raw = value;
    f->speed = 0;
}

static float share_of_cutoff(float cutoff, float dt)
{
    return dt / (dt + 1 / (2 * JR2I_PI * cutoff));
}

float jr2i_euro_share(const jr2i_euro_law *law, float speed, float dt)
{
    if (!(law->lag > 0))
        return 1;
    return share_of_cutoff(1 / (2 * JR2I_PI * law->lag) + law->gain * fmaxf(fabsf(speed) - law->still, 0), dt);
}

float jr2i_euro_step(jr2i_euro *f, const jr2i_euro_law *law, float value, float dt)
{
    f->speed += share_of_cutoff(SPEED_CUTOFF, dt) * ((value - f->raw) / dt - f->speed);
    f->raw = value;
    f->value += jr2i_euro_share(law, f->speed, dt) * (value - f->value);
    return f->value;
}

void jr2i_pose_logarithm(const float r[9], float w[3])
{
    float axis[3] = {0.5f * (r[7] - r[5]), 0.5f * (r[2] - r[6]), 0.5f * (r[3] - r[1])}; /* sine times the axis */
    float sine = sqrtf(axis[0] * axis[0] + axis[1] * axis[1] + axis[2] * axis[2]), cosine = 0.5f * (r[0] + r[4] + r[8] - 1);
    float angle = atan2f(sine, cosine);
    if (sine > 1e-4f) {
        for (int k = 0; k < 3; k++)
            w[k] = axis[k] * angle / sine;
        return;
    }
    if (cosine > 0) { /* hardly turned */
        memcpy(w, axis, 3 * sizeof *w);
        return;
    }
    /* Half a turn: R + 1 = 2 a a^T; the column with the largest diagonal gives the axis. */
    int c = r[0] > r[4] ? (r[0] > r[8] ? 0 : 2) : (r[4] > r[8] ? 1 : 2);
    float length = 0;
    for (int k = 0; k < 3; k++) {
        w[k] = r[3 * k + c] + (float)(k == c);
        length += w[k] * w[k];
    }
    for (int k = 0; k < 3; k++)
        w[k] *= JR2I_PI / sqrtf(length > 0 ? length : 1);
}

/* w such that to = exp(w) from */
static void between(const float from[9], const float to[9], float w[3])
{
    float back[9], r[9];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            back[3 * i + k] = from[3 * k + i];
    jr2i_pose_multiply(to, back, r);
    jr2i_pose_logarithm(r, w);
}

void jr2i_euro_turn_start(jr2i_euro_turn *f, const float rotation[9])
{
    memcpy(f->value, rotation, sizeof f->value);
    memcpy(f->raw, rotation, sizeof f->raw);
    memset(f->speed, 0, sizeof f->speed);
}

void jr2i_euro_turn_step(jr2i_euro_turn *f, const jr2i_euro_law *law, const float rotation[9], float dt)
{
    float w[3], turn[9], speed = 0;
    between(f->raw, rotation, w);
    for (int k = 0; k < 3; k++) {
        f->speed[k] += share_of_cutoff(SPEED_CUTOFF, dt) * (w[k] * JR2I_DEGREES / dt - f->speed[k]);
        speed += f->speed[k] * f->speed[k];
    }
    memcpy(f->raw, rotation, sizeof f->raw);
    float share = jr2i_euro_share(law, sqrtf(speed), dt);
    between(f->value, rotation, w);
    for (int k = 0; k < 3; k++)
        w[k] *= share;
    jr2i_pose_exponential(w, turn);
    jr2i_pose_multiply(turn, f->value, f->value);
    float six[6] = {f->value[0], f->value[3], f->value[6], f->value[1], f->value[4], f->value[7]};
    jr2i_pose_from_six(six, f->value); /* stays a rotation over hours */
}
