/* SPDX-License-Identifier: MIT
 * Rotations: angles, six numbers, exponential map. */
#include "face/pose.h"

#include <math.h>
#include <string.h>

void jr2i_pose_matrix(float yaw, float pitch, float roll, float r[9])
{
    float ca = cosf(yaw), sa = sinf(yaw), cb = cosf(-pitch), sb = sinf(-pitch), cc = cosf(-roll), sc = sinf(-roll);
    r[0] = ca * cc + sa * sb * sc;
    r[1] = -ca * sc + sa * sb * cc;
    r[2] = sa * cb;
    r[3] = cb * sc;
    r[4] = cb * cc;
    r[5] = -sb;
    r[6] = -sa * cc + ca * sb * sc;
    r[7] = sa * sc + ca * sb * cc;
    r[8] = ca * cb;
}

void jr2i_pose_angles(const float r[9], float *yaw, float *pitch, float *roll)
{
    float s = r[5] < -1 ? -1 : r[5] > 1 ? 1 : r[5]; /* sin(pitch) */
    *pitch = asinf(s);
    if (fabsf(s) > 0.999999f) { /* yaw and roll turn about the same axis */
        *roll = 0;
        *yaw = atan2f(-r[6], r[0]);
        return;
    }
    *yaw = atan2f(r[2], r[8]);
    *roll = -atan2f(r[3], r[4]);
}

int32_t jr2i_pose_from_six(const float six[6], float r[9])
{
    float a[3] = {six[0], six[1], six[2]}, b[3] = {six[3], six[4], six[5]}, c[3];
    for (int i = 0; i < 9; i++)
        r[i] = i % 4 == 0;
    float n = sqrtf(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
    if (!(n > 1e-6f && isfinite(n)))
        return 0;
    for (int i = 0; i < 3; i++)
        a[i] /= n;
    float d = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    for (int i = 0; i < 3; i++)
        b[i] -= d * a[i];
    n = sqrtf(b[0] * b[0] + b[1] * b[1] + b[2] * b[2]);
    if (!(n > 1e-6f && isfinite(n)))
        return 0;
    for (int i = 0; i < 3; i++)
        b[i] /= n;
    c[0] = a[1] * b[2] - a[2] * b[1];
    c[1] = a[2] * b[0] - a[0] * b[2];
    c[2] = a[0] * b[1] - a[1] * b[0];
    for (int i = 0; i < 3; i++) {
        r[3 * i] = a[i];
        r[3 * i + 1] = b[i];
        r[3 * i + 2] = c[i];
    }
    return 1;
}

void jr2i_pose_exponential(const float w[3], float r[9])
{
    float angle2 = w[0] * w[0] + w[1] * w[1] + w[2] * w[2], angle = sqrtf(angle2);
    float s = angle > 1e-4f ? sinf(angle) / angle : 1 - angle2 / 6;
    float c = angle > 1e-4f ? (1 - cosf(angle)) / angle2 : 0.5f - angle2 / 24;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            r[3 * i + k] = c * w[i] * w[k] + (i == k ? 1 - c * angle2 : 0);
    r[1] -= s * w[2];
    r[2] += s * w[1];
    r[3] += s * w[2];
    r[5] -= s * w[0];
    r[6] -= s * w[1];
    r[7] += s * w[0];
}

void jr2i_pose_multiply(const float a[9], const float b[9], float r[9])
{
    float out[9];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            out[3 * i + k] = a[3 * i] * b[k] + a[3 * i + 1] * b[3 + k] + a[3 * i + 2] * b[6 + k];
    memcpy(r, out, sizeof out);
}

void jr2i_pose_matrix4(const float r[9], const float t[3], float m[16])
{
    for (int c = 0; c < 3; c++) {
        for (int row = 0; row < 3; row++)
            m[4 * c + row] = r[3 * row + c];
        m[4 * c + 3] = 0;
    }
    for (int row = 0; row < 3; row++)
        m[12 + row] = t[row];
    m[15] = 1;
}
