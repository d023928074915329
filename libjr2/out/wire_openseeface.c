/* SPDX-License-Identifier: MIT
 * The packet of OpenSeeFace for one face: 1785 bytes, little endian, without gaps: time, id, picture size, open eyes, rotation and translation as its
 * pose solver gives them, confidences and places of 68 points, 70 points in space, 14 features.
 *
 * Its pose: pixels go in as (row, column), the model is left handed (x towards the person's right, y up, z out of the face, origin at the tip of the
 * nose, unit about 12 cm), the solution lies behind the camera with depth reversed. So with our rotation R, head to camera: camera' = (y, -x, z), model = (-x,
 * y, z), and the third row changes sign. Upright and frontal that is 180, 0, 90 degrees, which receivers subtract. */
#include <math.h>
#include <string.h>

#include "face/arkit.h"
#include "face/pose.h"
#include "out/wire.h"

#define UNIT 12.2f /* cm: the model's pupils are 0.516 apart, people's 6.3 cm */
#define EYEBALL 1.2f /* cm */
#define POINTS 68

/* Its 66 points of a face in Multi-PIE's 68: the outer corners of the mouth come after the outer lips, the inner corners not at all. */
static const uint8_t order[66] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                  22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                  44, 45, 46, 47, 49, 50, 51, 52, 53, 55, 56, 57, 58, 59, 48, 61, 62, 63, 54, 65, 66, 67};

static void its_rotation(const float r[9], float out[9])
{
    const float rows[9] = {r[3], r[4], r[5], -r[0], -r[1], -r[2], -r[6], -r[7], -r[8]}; /* y, -x, and z reversed */
    for (int i = 0; i < 9; i++)
        out[i] = i % 3 == 0 ? -rows[i] : rows[i];
}

static float angle_of(float *c, float *s)
{
    float length = sqrtf(*c * *c + *s * *s);
    *c = length > 0 ? *c / length : 1;
    *s = length > 0 ? *s / length : 0;
    return acosf(fminf(fmaxf(*c, -1), 1)) * (*s >= 0 ? 1.0f : -1.0f) * JR2I_DEGREES;
}

/* Angles of three Givens rotations about x, y, z that make the matrix triangular (here: unit), as OpenCV's RQDecomp3x3 defines them. */
static void givens_angles(const float m[9], float angles[3])
{
    float a[9], c = m[8], s = m[7];
    angles[0] = angle_of(&c, &s);
    const float x[9] = {1, 0, 0, 0, c, s, 0, -s, c};
    jr2i_pose_multiply(m, x, a);
    c = a[8];
    s = -a[6];
    angles[1] = angle_of(&c, &s);
    const float y[9] = {c, 0, -s, 0, 1, 0, s, 0, c};
    jr2i_pose_multiply(a, y, a);
    c = a[4];
    s = a[3];
    angles[2] = angle_of(&c, &s);
}

static float a(const jr2_motion_face *f, const char *name)
{
    return f->arkit[jr2i_arkit_index(name)];
}

static float of_side(const jr2_motion_face *f, const char *stem, int right)
{
    char name[40];
    strcpy(name, stem);
    strcat(name, right ? "Right" : "Left");
    return a(f, name);
}

static void features(jr2i_packet *p, const jr2_motion_face *f)
{
    float eye[2], steep[2], up[2], quirk[2], corner[2], out[2];
    for (int i = 0; i < 2; i++) {
        float down = of_side(f, "browDown", i), outer = of_side(f, "browOuterUp", i), inner = a(f, "browInnerUp");
        eye[i] = fminf(fmaxf(of_side(f, "eyeWide", i) - of_side(f, "eyeBlink", i), -1), 1);
        steep[i] = inner - outer;
        up[i] = fminf(fmaxf(0.5f * (inner + outer) - down, -1), 1);
        quirk[i] = fmaxf(outer - inner, 0);
        corner[i] = of_side(f, "mouthSmile", i) - of_side(f, "mouthFrown", i);
        out[i] = fminf(fmaxf(of_side(f, "mouthStretch", i) + of_side(f, "mouthDimple", i) - a(f, "mouthPucker"), -1), 1);
    }
    jr2i_packet_le_float(p, eye[0]);
    jr2i_packet_le_float(p, eye[1]);
    for (int i = 0; i < 2; i++) {
        jr2i_packet_le_float(p, steep[i]);
        jr2i_packet_le_float(p, up[i]);
        jr2i_packet_le_float(p, quirk[i]);
    }
    for (int i = 0; i < 2; i++) {
        jr2i_packet_le_float(p, corner[i]);
        jr2i_packet_le_float(p, out[i]);
    }
    jr2i_packet_le_float(p, fmaxf(a(f, "jawOpen") - a(f, "mouthClose"), 0));
    jr2i_packet_le_float(p, fminf(fmaxf(0.5f * (out[0] + out[1] + corner[0] + corner[1]), -1), 1));
}

static void mean_of(const float *points, int columns, int first, int count, float *mean)
{
    for (int k = 0; k < columns; k++) {
        mean[k] = 0;
        for (int i = 0; i < count; i++)
            mean[k] += points[columns * (first + i) + k] / (float)count;
    }
}

static void place(jr2i_packet *p, const float *landmarks, int i)
{
    float at[2] = {0, 0};
    if (landmarks && i < 66)
        memcpy(at, landmarks + 2 * order[i], sizeof at);
    else if (landmarks) /* pupils: the middle of the lids; 36 to 41 is the right eye */
        mean_of(landmarks, 2, i == 66 ? 36 : 42, 6, at);
    jr2i_packet_le_float(p, at[0]);
    jr2i_packet_le_float(p, at[1]);
}

/* A point of head space in the model's, as the sender turns it: x, -y, -z. */
static void point(jr2i_packet *p, const float x[3], const float nose[3])
{
    jr2i_packet_le_float(p, -(x[0] - nose[0]) / UNIT);
    jr2i_packet_le_float(p, -(x[1] - nose[1]) / UNIT);
    jr2i_packet_le_float(p, -(x[2] - nose[2]) / UNIT);
}

static void points_in_space(jr2i_packet *p, const jr2_motion_face *f, const float *points)
{
    static const float zero[3] = {0, 0, 0};
    const float *nose = points ? points + 3 * 30 : zero;
    float ball[2][3], pupil[2][3]; /* right, left */
    for (int i = 0; i < 66; i++)
        point(p, points ? points + 3 * order[i] : zero, nose);
    for (int i = 0; i < 2; i++) {
        float r[9];
        const float *gaze = f->gaze + (i ? 0 : 2);
        memset(ball[i], 0, sizeof ball[i]);
        if (points)
            mean_of(points, 3, i ? 42 : 36, 6, ball[i]);
        ball[i][2] -= points ? EYEBALL : 0;
        jr2i_gaze_rotation(gaze[0] / JR2I_DEGREES, gaze[1] / JR2I_DEGREES, r);
        for (int k = 0; k < 3; k++)
            pupil[i][k] = ball[i][k] + EYEBALL * r[3 * k + 2];
    }
    for (int i = 0; i < 2; i++)
        point(p, pupil[i], nose);
    for (int i = 0; i < 2; i++)
        point(p, ball[i], nose);
}

void jr2i_wire_openseeface(jr2i_packet *p, const jr2_motion_face *f, const jr2_wire_options *o)
{
    float r[9], its[9], q[4], angles[3], at[3];
    const uint8_t solved = 1;
    jr2i_wire_rotation(f->angles, r);
    its_rotation(r, its);
    jr2i_wire_quaternion(its, q);
    givens_angles(its, angles);
    for (int k = 0; k < 3; k++) {
        at[k] = f->translation[k];
        for (int i = 0; o->points68 && i < 3; i++)
            at[k] += r[3 * k + i] * o->points68[3 * 30 + i];
    }
    jr2i_packet_le_double(p, o->time);
    jr2i_packet_le32(p, (uint32_t)f->id);
    jr2i_packet_le_float(p, (float)o->width);
    jr2i_packet_le_float(p, (float)o->height);
    jr2i_packet_le_float(p, fmaxf(1 - a(f, "eyeBlinkRight"), 0));
    jr2i_packet_le_float(p, fmaxf(1 - a(f, "eyeBlinkLeft"), 0));
    jr2i_packet_bytes(p, &solved, 1);
    jr2i_packet_le_float(p, 0); /* error of the fit */
    for (int k = 0; k < 3; k++)
        jr2i_packet_le_float(p, -q[k]); /* it sends the inverse */
    jr2i_packet_le_float(p, q[3]);
    for (int k = 0; k < 3; k++)
        jr2i_packet_le_float(p, angles[k]);
    jr2i_packet_le_float(p, at[1] / UNIT);
    jr2i_packet_le_float(p, -at[0] / UNIT);
    jr2i_packet_le_float(p, at[2] / UNIT);
    for (int i = 0; i < POINTS; i++)
        jr2i_packet_le_float(p, f->confidence);
    for (int i = 0; i < POINTS; i++)
        place(p, o->landmarks68, i);
    points_in_space(p, f, o->points68);
    features(p, f);
}
