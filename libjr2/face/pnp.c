/* SPDX-License-Identifier: MIT
 * Pose from point pairs: Levenberg-Marquardt on six numbers, normal equations in double precision. */
#include "face/pnp.h"

#include <math.h>
#include <string.h>

#include "face/pose.h"

#define ITERATIONS 30

/* Mean squared residual of the pairs; fills the normal equations where wanted. -1: too few usable pairs. */
static double measure(const jr2i_camera *camera, const float *points, const float *pixels, const float *weight, int32_t count,
                      const float r[9], const float t[3], double a[6][6], double b[6])
{
    double sum = 0, total = 0;
    int32_t used = 0;
    if (a) {
        memset(a, 0, 36 * sizeof(double));
        memset(b, 0, 6 * sizeof(double));
    }
    for (int32_t i = 0; i < count; i++) {
        const float *x = points + 3 * (size_t)i, *at = pixels + 2 * (size_t)i;
        double w = weight ? (double)weight[i] : 1;
        if (!(w > 0) || !isfinite(at[0]) || !isfinite(at[1]) || !isfinite(x[0] + x[1] + x[2]))
            continue;
        double q[3], p[3]; /* turned; and moved */
        for (int k = 0; k < 3; k++) {
            q[k] = (double)r[3 * k] * (double)x[0] + (double)r[3 * k + 1] * (double)x[1] + (double)r[3 * k + 2] * (double)x[2];
            p[k] = q[k] + (double)t[k];
        }
        if (!(p[2] < -1e-3))
            return -1; /* a step through the camera is no step */
        double f = (double)camera->focal, inverse = -1 / p[2];
        double ex = (double)camera->cx + f * p[0] * inverse - (double)at[0];
        double ey = (double)camera->cy - f * p[1] * inverse - (double)at[1];
        sum += w * (ex * ex + ey * ey);
        total += w;
        used++;
        if (!a)
            continue;
        /* rows of d(pixel)/d(p), then chained with d(p)/d(turn, shift) = (-[q]x, 1) */
        double dp[2][3] = {{f * inverse, 0, f * p[0] * inverse * inverse}, {0, -f * inverse, -f * p[1] * inverse * inverse}};
        double e[2] = {ex, ey};
        for (int row = 0; row < 2; row++) {
            const double *d = dp[row];
            double j[6] = {d[2] * q[1] - d[1] * q[2], d[0] * q[2] - d[2] * q[0], d[1] * q[0] - d[0] * q[1], d[0], d[1], d[2]};
            for (int m = 0; m < 6; m++) {
                b[m] -= w * j[m] * e[row];
                for (int n = 0; n <= m; n++)
                    a[m][n] += w * j[m] * j[n];
            }
        }
    }
    return used >= 4 && total > 0 ? sum / total : -1;
}

/* Solves the damped normal equations by Cholesky; lower triangle given. Returns 0 where they are singular. */
static int solve(double a[6][6], const double b[6], double damping, double x[6])
{
    double l[6][6];
    for (int i = 0; i < 6; i++)
        for (int k = 0; k <= i; k++) {
            double s = a[i][k] + (i == k ? damping * a[i][i] + 1e-12 : 0);
            for (int m = 0; m < k; m++)
                s -= l[i][m] * l[k][m];
            if (i == k) {
                if (!(s > 0))
                    return 0;
                l[i][i] = sqrt(s);
            } else {
                l[i][k] = s / l[k][k];
            }
        }
    for (int i = 0; i < 6; i++) {
        x[i] = b[i];
        for (int m = 0; m < i; m++)
            x[i] -= l[i][m] * x[m];
        x[i] /= l[i][i];
    }
    for (int i = 5; i >= 0; i--) {
        for (int m = i + 1; m < 6; m++)
            x[i] -= l[m][i] * x[m];
        x[i] /= l[i][i];
    }
    return 1;
}

float jr2i_pnp_refine(const jr2i_camera *camera, const float *points, const float *pixels, const float *weight, int32_t count,
                      float rotation[9], float translation[3])
{
    double a[6][6], b[6], step[6], damping = 1e-3;
    double error = measure(camera, points, pixels, weight, count, rotation, translation, a, b);
    if (error < 0)
        return -1;
    for (int i = 0; i < ITERATIONS && damping < 1e6; i++) {
        if (!solve(a, b, damping, step))
            break;
        float w[3] = {(float)step[0], (float)step[1], (float)step[2]}, turn[9], r[9], t[3];
        jr2i_pose_exponential(w, turn);
        jr2i_pose_multiply(turn, rotation, r);
        jr2i_pose_from_six((float[6]){r[0], r[3], r[6], r[1], r[4], r[7]}, r); /* stays a rotation */
        for (int k = 0; k < 3; k++)
            t[k] = translation[k] + (float)step[3 + k];
        double better = measure(camera, points, pixels, weight, count, r, t, NULL, NULL);
        if (better >= 0 && better < error) {
            double gain = error - better;
            memcpy(rotation, r, sizeof r);
            memcpy(translation, t, sizeof t);
            error = measure(camera, points, pixels, weight, count, rotation, translation, a, b);
            damping = damping > 1e-7 ? damping * 0.1 : damping;
            if (gain < 1e-9 * (error + 1e-9))
                break;
        } else {
            damping *= 10;
        }
    }
    return (float)sqrt(error);
}
