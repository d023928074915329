/* SPDX-License-Identifier: MIT
 * See retarget.h; docs/reenact.md has the rules. */
#include "face/retarget.h"

#include <math.h>
#include <string.h>

#include "face/euro.h"
#include "face/pose.h"

#define LOW_SLOPE 2.0f  /* a coefficient below its reference moves the portrait's at most this many times as much, */
#define HIGH_SLOPE 3.0f /* and above it */
#define BLINK_FROM 0.4f /* a driver's blink from here on */
#define BLINK_TO 0.7f   /* to here closes the portrait's eye as far as its own */
#define SCALE_LIMIT 0.4f /* log of the size relative to the portrait's */

/* ARKit's indices: lids, gaze, squint and wide; jaw and mouth; and the cheek that is puffed with closed lips. */
enum { BLINK_LEFT = 0, BLINK_RIGHT = 7, LAST_EYE = 13, FIRST_LIP = 14, LAST_LIP = 40, CHEEK_PUFF = 46 };
enum { LOOK_DOWN = 1, LOOK_IN, LOOK_OUT, LOOK_UP, RIGHT_EYE = 7 };

float jr2i_soft_limit(float x, float limit)
{
    const float free = limit * (2.0f / 3), rest = limit - free, size = fabsf(x);
    if (!(limit > 0) || size <= free)
        return x;
    return copysignf(free + rest * tanhf((size - free) / rest), x);
}

static float smooth(float low, float high, float x)
{
    x = (x - low) / (high - low);
    x = x < 0 ? 0 : x > 1 ? 1 : x;
    return x * x * (3 - 2 * x);
}

static float between(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* 0 goes to 0, the reference to the portrait's own value and 1 to 1, as far as the slopes allow. */
static float transfer(float own, float driver, float reference)
{
    if (driver < reference)
        return own - between(own / reference, 0, LOW_SLOPE) * (reference - driver);
    return own + (driver - reference) * (reference < 1 ? between((1 - own) / (1 - reference), 0, HIGH_SLOPE) : 0);
}

/* Weight that a lock has on each expression, and which ones are blinks. */
static float lock_of(const jr2i_head *head, const jr2i_retarget *how, int32_t expression, int32_t *blink)
{
    *blink = 0;
    for (int32_t a = 0; a <= CHEEK_PUFF; a++) {
        if (head->arkit.source[a][0] != expression && head->arkit.source[a][1] != expression)
            continue;
        *blink = a == BLINK_LEFT || a == BLINK_RIGHT;
        if (a <= LAST_EYE)
            return how->eye_lock;
        if ((a >= FIRST_LIP && a <= LAST_LIP) || a == CHEEK_PUFF)
            return how->lip_lock;
    }
    return 0;
}

static void express(const jr2i_head *head, const jr2i_retarget *how, const jr2i_act *portrait, const jr2i_act *driver,
                    const jr2i_act *reference, float *out)
{
    for (int32_t i = 0; i < head->expression_count; i++) {
        const float own = portrait->expression[i], of_driver = driver->expression[i];
        int32_t blink;
        const float lock = lock_of(head, how, i, &blink), gain = blink ? 1 : how->expression_gain;
        float e = gain * of_driver;
        if (!how->absolute) {
            e = transfer(own, of_driver, reference ? reference->expression[i] : 0);
            e = own + gain * (e - own);
            if (blink)
                e = fmaxf(e, of_driver * smooth(BLINK_FROM, BLINK_TO, of_driver));
        }
        e = between(e, 0, 1);
        e += lock * (own - e);
        if (how->set && how->set[i] >= 0)
            e = how->set[i];
        e += how->edit ? how->edit[i] : 0;
        out[i] = between(e, 0, 1);
    }
}

static int32_t is_known(const float translation[3])
{
    return translation[2] < 0;
}

static void transposed(const float r[9], float t[9])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            t[3 * i + k] = r[3 * k + i];
}

/* to = exp(gain log(turn)) after */
static void turn_by(const float turn[9], float gain, const float after[9], float to[9])
{
    float w[3], r[9];
    jr2i_pose_logarithm(turn, w);
    for (int k = 0; k < 3; k++)
        w[k] *= gain;
    jr2i_pose_exponential(w, r);
    jr2i_pose_multiply(r, after, to);
}

static void turn(const jr2i_retarget *how, const jr2i_act *portrait, const jr2i_act *driver, const jr2i_act *reference, float rotation[9])
{
    const float none[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    float back[9], since[9], own[3], angle[3];
    if (how->absolute) {
        turn_by(driver->rotation, how->pose_gain, none, rotation);
    } else {
        transposed(reference ? reference->rotation : none, back);
        jr2i_pose_multiply(driver->rotation, back, since);
        turn_by(since, how->pose_gain, portrait->rotation, rotation);
    }
    jr2i_pose_angles(portrait->rotation, &own[0], &own[1], &own[2]);
    jr2i_pose_angles(rotation, &angle[0], &angle[1], &angle[2]);
    int32_t changed = 0;
    for (int k = 0; k < 3; k++) {
        float away = remainderf(angle[k] + how->angles[k] - own[k], 2 * JR2I_PI), limited = jr2i_soft_limit(away, how->limit[k]);
        changed |= how->angles[k] != 0 || limited != away;
        angle[k] = own[k] + limited;
    }
    if (changed)
        jr2i_pose_matrix(angle[0], angle[1], angle[2], rotation);
}

static void move(const jr2i_retarget *how, const jr2i_act *portrait, const jr2i_act *driver, const jr2i_act *reference, float to[3])
{
    const float *own = portrait->translation, *from = how->absolute ? own : reference ? reference->translation : NULL;
    memcpy(to, own, 3 * sizeof *to);
    if (!from || !is_known(driver->translation) || !is_known(from))
        return;
    /* Sideways by as many centimetres as the driver, seen from the reference's distance; and nearer in proportion. */
    float nearer = how->pose_gain * logf(from[2] / driver->translation[2]), aside[2], length;
    for (int k = 0; k < 2; k++)
        aside[k] = how->pose_gain * (driver->translation[k] * (from[2] / driver->translation[2]) - from[k]);
    length = hypotf(aside[0], aside[1]);
    nearer = jr2i_soft_limit(nearer, SCALE_LIMIT);
    const float share = length > 0 ? jr2i_soft_limit(length, how->limit_shift) / length : 0;
    to[2] = own[2] * expf(-nearer);
    for (int k = 0; k < 2; k++)
        to[k] = (own[k] + share * aside[k]) * (to[2] / own[2]);
}

void jr2i_retarget_apply(const jr2i_head *head, const jr2i_retarget *how, const jr2i_act *portrait, const jr2i_act *driver,
                         const jr2i_act *reference, jr2i_act *out)
{
    express(head, how, portrait, driver, reference, out->expression);
    turn(how, portrait, driver, reference, out->rotation);
    move(how, portrait, driver, reference, out->translation);
}

static float *coefficient(const jr2i_head *head, int32_t arkit, float *expression)
{
    const int32_t i = head->arkit.source[arkit][0];
    return i >= 0 && i < head->expression_count ? &expression[i] : NULL;
}

void jr2i_gaze_to_expression(const jr2i_head *head, const float gaze[4], float *expression)
{
    /* for each eye: yaw below 0, yaw above, pitch below, pitch above; as an index and the range in head->eye_range */
    static const struct {
        int32_t arkit, range;
    } looks[2][4] = {{{LOOK_IN, 0}, {LOOK_OUT, 1}, {LOOK_DOWN, 3}, {LOOK_UP, 2}},
                     {{RIGHT_EYE + LOOK_OUT, 1}, {RIGHT_EYE + LOOK_IN, 0}, {RIGHT_EYE + LOOK_DOWN, 3}, {RIGHT_EYE + LOOK_UP, 2}}};
    for (int eye = 0; eye < 2; eye++)
        for (int k = 0; k < 4; k++) {
            const float *e = coefficient(head, looks[eye][k].arkit, expression);
            if (e && *e != 0)
                return;
        }
    for (int eye = 0; eye < 2; eye++)
        for (int k = 0; k < 2; k++) {
            const float angle = gaze[2 * eye + k];
            const int side = 2 * k + (angle > 0);
            float *e = coefficient(head, looks[eye][side].arkit, expression), range = head->eye_range[looks[eye][side].range];
            if (e && range > 0)
                *e = between(fabsf(angle) / range, 0, 1);
        }
}
