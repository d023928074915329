/* SPDX-License-Identifier: MIT
 * Maximum a posteriori fit: least squares of the landmarks' distances in the face camera, each over its expected error, with normal
 * priors around the network's expression. Coefficients stay in 0..1: one that stands at a bound and is pushed outwards rests in that step. The
 * identity and the eyeLook coefficients are the network's: landmarks of one picture make an identity waver without making it
 * better (docs/results.md). Normal equations in single, their solution in double precision. */
#include "face/fit.h"

#include <math.h>
#include <string.h>

#include "face/pose.h"

#define N (JR2I_FIT_POINTS / 2) /* every other landmark: their errors go together, so the rest would tell little more */
#define STEPS 4
#define POSE 6 /* turn (3), log scale, centre (2) */
#define SPREAD 4.0f             /* 234 landmarks count as 234 / SPREAD^2 independent ones */
#define COEFFICIENT_SIGMA 0.02f /* the network's error of a coefficient is not believed to be smaller */
#define POINT_SIGMA 1e-3f       /* px */
#define POSE_PRECISION 1e-6f
#define SHAPES_MAX (JR2I_PARAMS_IDENTITY_MAX + JR2I_PARAMS_EXPRESSION_MAX)

struct jr2i_fit {
    int32_t identities, expressions; /* of the head model */
    int32_t shapes, rest;            /* fitted, and not */
    int32_t index[SHAPES_MAX];       /* (shapes, then rest) an identity, or identities + an expression */
    float *base;                     /* (N,3) */
    float *basis;                    /* (N,3,shapes) */
    float *fixed;                    /* (rest,N,3) */
};

/* Points (N,3) of the landmarks that are used. */
static void thin(const float *landmarks, float *points)
{
    for (int32_t i = 0; i < N; i++)
        memmove(points + 3 * (size_t)i, landmarks + 6 * (size_t)i, 3 * sizeof *points); /* points may be landmarks */
}

static int32_t make(jr2i_env *env, const jr2i_head *head, jr2i_fit *fit)
{
    const int32_t all = fit->identities + fit->expressions;
    const size_t set = (size_t)3 * (size_t)head->landmark478.count, used = (size_t)3 * N;
    float *scratch = jr2i_alloc(env, jr2i_head_scratch(head), sizeof(float)), *points = jr2i_alloc(env, set, sizeof(float));
    float *one = jr2i_calloc(env, (size_t)all, sizeof(float));
    fit->base = jr2i_alloc(env, used, sizeof(float));
    fit->basis = jr2i_alloc(env, used * (size_t)fit->shapes + 1, sizeof(float));
    fit->fixed = jr2i_alloc(env, used * (size_t)fit->rest + 1, sizeof(float));
    int32_t status = scratch && points && one && fit->base && fit->basis && fit->fixed ? JR2_OK : jr2i_no_memory(env, used * (size_t)all * sizeof(float));
    if (status == JR2_OK) {
        jr2i_head_input input = {one, one + fit->identities, NULL, fit->identities, fit->expressions};
        jr2i_head_landmarks(head, &input, scratch, points, NULL);
        thin(points, fit->base);
        for (int32_t k = 0; k < all; k++) {
            one[fit->index[k]] = 1;
            jr2i_head_landmarks(head, &input, scratch, points, NULL);
            one[fit->index[k]] = 0;
            thin(points, points);
            for (int32_t i = 0; i < 3 * N; i++)
                if (k < fit->shapes)
                    fit->basis[(size_t)i * (size_t)fit->shapes + (size_t)k] = points[i] - fit->base[i];
                else
                    fit->fixed[(size_t)(k - fit->shapes) * used + (size_t)i] = points[i] - fit->base[i];
        }
    }
    jr2i_free(env, one);
    jr2i_free(env, points);
    jr2i_free(env, scratch);
    return status;
}

static int32_t fitted(const jr2i_fit *fit, const jr2i_head *head, int32_t shape)
{
    return shape >= fit->identities && strncmp(head->expression_name[shape - fit->identities], "eyeLook", 7) != 0;
}

int32_t jr2i_fit_create(jr2i_env *env, const jr2i_head *head, jr2i_fit **out)
{
    *out = NULL;
    if (head->landmark478.count != 478 || jr2i_params_count(head) < 0)
        return jr2i_fail(env, JR2_ERR_FORMAT, "fitting needs a head model with 478 landmarks and fewer shapes");
    jr2i_fit *fit = jr2i_calloc(env, 1, sizeof *fit);
    if (!fit)
        return jr2i_no_memory(env, sizeof *fit);
    fit->identities = head->identity_count;
    fit->expressions = head->expression_count;
    const int32_t all = fit->identities + fit->expressions;
    for (int32_t i = 0; i < all; i++)
        if (fitted(fit, head, i))
            fit->index[fit->shapes++] = i;
    for (int32_t i = 0; i < all; i++)
        if (!fitted(fit, head, i))
            fit->index[fit->shapes + fit->rest++] = i;
    int32_t status = make(env, head, fit);
    if (status != JR2_OK) {
        jr2i_fit_free(env, fit);
        return status;
    }
    *out = fit;
    return JR2_OK;
}

void jr2i_fit_free(const jr2i_env *env, jr2i_fit *fit)
{
    if (!fit)
        return;
    jr2i_free(env, fit->base);
    jr2i_free(env, fit->basis);
    jr2i_free(env, fit->fixed);
    jr2i_free(env, fit);
}

/* What a run works with; k: number of unknowns. */
typedef struct work {
    double *cholesky; /* (k,k) */
    double *step;     /* (k) */
    float *a;         /* (k,k) lower triangle of the normal equations */
    float *gradient;  /* (k) downhill */
    float *rows;      /* (4,k) of the Jacobian: two landmarks */
    float *x;         /* (shapes) fitted expressions */
    float *still;     /* (N,3) base and what is not fitted */
    float *prior, *precision; /* (shapes) */
    float rotation[9], scale, cx, cy;
} work;

static size_t unknowns(const jr2i_fit *fit)
{
    return (size_t)fit->shapes + POSE;
}

size_t jr2i_fit_scratch(const jr2i_fit *fit)
{
    size_t k = unknowns(fit);
    return (k * k + k) * sizeof(double) + (k * k + 9 * k + 3 * N) * sizeof(float);
}

static work lay_out(const jr2i_fit *fit, void *scratch)
{
    size_t k = unknowns(fit);
    work w = {0};
    w.cholesky = scratch;
    w.step = w.cholesky + k * k;
    w.a = (float *)(void *)(w.step + k);
    w.gradient = w.a + k * k;
    w.rows = w.gradient + k;
    w.x = w.rows + 4 * k;
    w.prior = w.x + k;
    w.precision = w.prior + k;
    w.still = w.precision + k;
    return w;
}

/* Rows x and y of the Jacobian at landmark i, and its residual, both over sigma. */
static void landmark(const jr2i_fit *fit, const work *w, int32_t i, const float *at, float sigma, float *jx, float *jy, float residual[2])
{
    const int32_t shapes = fit->shapes;
    const float *basis = fit->basis + (size_t)3 * (size_t)i * (size_t)shapes, *r = w->rotation;
    float p[3], q[3];
    for (int d = 0; d < 3; d++) {
        float sum = w->still[3 * i + d];
        for (int32_t k = 0; k < shapes; k++)
            sum += basis[d * shapes + k] * w->x[k];
        p[d] = sum;
    }
    for (int d = 0; d < 3; d++)
        q[d] = r[3 * d] * p[0] + r[3 * d + 1] * p[1] + r[3 * d + 2] * p[2];
    const float over = 1 / fmaxf(SPREAD * sigma, POINT_SIGMA);
    const float near = 1 / (1 - q[2] / JR2I_FACE_CAMERA_DISTANCE), m = w->scale * near;
    const float zx = q[0] * m * near / JR2I_FACE_CAMERA_DISTANCE, zy = -q[1] * m * near / JR2I_FACE_CAMERA_DISTANCE;
    const float px[3] = {m * over, 0, zx * over}, py[3] = {0, -m * over, zy * over}; /* d(pixel) / d(q) */
    float ax[3], ay[3];
    for (int d = 0; d < 3; d++) {
        ax[d] = px[0] * r[d] + px[2] * r[6 + d];
        ay[d] = py[1] * r[3 + d] + py[2] * r[6 + d];
    }
    for (int32_t k = 0; k < shapes; k++) {
        jx[k] = ax[0] * basis[k] + ax[1] * basis[shapes + k] + ax[2] * basis[2 * shapes + k];
        jy[k] = ay[0] * basis[k] + ay[1] * basis[shapes + k] + ay[2] * basis[2 * shapes + k];
    }
    jx += shapes;
    jy += shapes;
    jx[0] = -px[1] * q[2] + px[2] * q[1]; /* turn about x: (0, -z, y) */
    jx[1] = px[0] * q[2] - px[2] * q[0];  /* y: (z, 0, -x) */
    jx[2] = -px[0] * q[1] + px[1] * q[0]; /* z: (-y, x, 0) */
    jy[0] = -py[1] * q[2] + py[2] * q[1];
    jy[1] = py[0] * q[2] - py[2] * q[0];
    jy[2] = -py[0] * q[1] + py[1] * q[0];
    jx[3] = q[0] * m * over;
    jy[3] = -q[1] * m * over;
    jx[4] = over;
    jx[5] = 0;
    jy[4] = 0;
    jy[5] = over;
    residual[0] = (at[0] - w->cx) * over - jx[3];
    residual[1] = (at[1] - w->cy) * over - jy[3];
}

static void normal_equations(const jr2i_fit *fit, work *w, const float *points, const float *sigma)
{
    const int32_t k = (int32_t)unknowns(fit);
    memset(w->a, 0, (size_t)k * (size_t)k * sizeof *w->a);
    memset(w->gradient, 0, (size_t)k * sizeof *w->gradient);
    for (int32_t i = 0; i < N; i += 2) { /* N is even */
        float e[4], *j[4] = {w->rows, w->rows + k, w->rows + 2 * k, w->rows + 3 * k};
        landmark(fit, w, i, points + 4 * (size_t)i, sigma[2 * i], j[0], j[1], e);
        landmark(fit, w, i + 1, points + 4 * (size_t)i + 4, sigma[2 * i + 2], j[2], j[3], e + 2);
        for (int32_t m = 0; m < k; m++) {
            float *row = w->a + (size_t)m * (size_t)k;
            const float j0 = j[0][m], j1 = j[1][m], j2 = j[2][m], j3 = j[3][m];
            for (int32_t n = 0; n <= m; n++)
                row[n] += j0 * j[0][n] + j1 * j[1][n] + j2 * j[2][n] + j3 * j[3][n];
            w->gradient[m] += j0 * e[0] + j1 * e[1] + j2 * e[2] + j3 * e[3];
        }
    }
    for (int32_t m = 0; m < k; m++) {
        const int32_t shape = m < fit->shapes;
        w->a[(size_t)m * (size_t)k + (size_t)m] += shape ? w->precision[m] : POSE_PRECISION;
        if (shape)
            w->gradient[m] += (w->prior[m] - w->x[m]) * w->precision[m];
    }
}

/* A coefficient at a bound that is pushed outwards leaves the equations. */
static void rest_at_bounds(const jr2i_fit *fit, work *w)
{
    const int32_t k = (int32_t)unknowns(fit);
    for (int32_t m = 0; m < fit->shapes; m++) {
        if (!((w->x[m] <= 0 && w->gradient[m] < 0) || (w->x[m] >= 1 && w->gradient[m] > 0)))
            continue;
        for (int32_t n = 0; n < k; n++)
            w->a[n < m ? (size_t)m * (size_t)k + (size_t)n : (size_t)n * (size_t)k + (size_t)m] = 0;
        w->a[(size_t)m * (size_t)k + (size_t)m] = 1;
        w->gradient[m] = 0;
    }
}

static int32_t solve(const work *w, int32_t k)
{
    double *l = w->cholesky, *x = w->step;
    for (int32_t i = 0; i < k; i++) {
        double *li = l + (size_t)i * (size_t)k;
        for (int32_t j = 0; j <= i; j++) {
            const double *lj = l + (size_t)j * (size_t)k;
            double s = (double)w->a[(size_t)i * (size_t)k + (size_t)j], s0 = 0, s1 = 0;
            int32_t m = 0;
            for (; m + 1 < j; m += 2) {
                s0 += li[m] * lj[m];
                s1 += li[m + 1] * lj[m + 1];
            }
            s -= s0 + s1 + (m < j ? li[m] * lj[m] : 0);
            if (i != j) {
                li[j] = s / lj[j];
            } else {
                if (!(s > 0))
                    return 0;
                li[i] = sqrt(s);
            }
        }
    }
    for (int32_t i = 0; i < k; i++) {
        x[i] = (double)w->gradient[i];
        for (int32_t m = 0; m < i; m++)
            x[i] -= l[(size_t)i * (size_t)k + (size_t)m] * x[m];
        x[i] /= l[(size_t)i * (size_t)k + (size_t)i];
    }
    for (int32_t i = k - 1; i >= 0; i--) {
        for (int32_t m = i + 1; m < k; m++)
            x[i] -= l[(size_t)m * (size_t)k + (size_t)i] * x[m];
        x[i] /= l[(size_t)i * (size_t)k + (size_t)i];
        if (!isfinite(x[i]))
            return 0;
    }
    return 1;
}

static int32_t take_step(const jr2i_fit *fit, work *w)
{
    const double *pose = w->step + fit->shapes;
    for (int32_t m = 0; m < fit->shapes; m++) {
        w->x[m] = fminf(fmaxf(w->x[m] + (float)w->step[m], 0), 1);
    }
    float turn[9], v[3] = {(float)pose[0], (float)pose[1], (float)pose[2]}, *r = w->rotation;
    jr2i_pose_exponential(v, turn);
    jr2i_pose_multiply(turn, r, r);
    w->scale *= expf((float)pose[3]);
    w->cx += (float)pose[4];
    w->cy += (float)pose[5];
    return jr2i_pose_from_six((float[6]){r[0], r[3], r[6], r[1], r[4], r[7]}, r) && /* stays a rotation */
           w->scale > 1e-3f && w->scale < 1e3f && isfinite(w->cx) && isfinite(w->cy);
}

/* Where params hold the m-th shape. */
static float *shape_of(const jr2i_fit *fit, jr2i_params *params, int32_t m)
{
    const int32_t at = fit->index[m];
    return at < fit->identities ? &params->identity[at] : &params->expression[at - fit->identities];
}

static void start(const jr2i_fit *fit, jr2i_params *params, work *w)
{
    memcpy(w->rotation, params->camera.rotation, sizeof w->rotation);
    w->scale = params->camera.scale;
    w->cx = params->camera.cx;
    w->cy = params->camera.cy;
    for (int32_t m = 0; m < fit->shapes; m++) {
        const float sigma = fmaxf(params->expression_error[fit->index[m] - fit->identities], COEFFICIENT_SIGMA);
        w->x[m] = w->prior[m] = *shape_of(fit, params, m);
        w->precision[m] = 1 / (sigma * sigma);
    }
    memcpy(w->still, fit->base, (size_t)3 * N * sizeof(float));
    for (int32_t m = 0; m < fit->rest; m++) {
        const float value = *shape_of(fit, params, fit->shapes + m), *moved = fit->fixed + (size_t)m * 3 * N;
        for (int32_t i = 0; i < 3 * N; i++)
            w->still[i] += value * moved[i];
    }
}

int32_t jr2i_fit_run(const jr2i_fit *fit, const float *points, const float *sigma, void *scratch, jr2i_params *params)
{
    work w = lay_out(fit, scratch);
    for (int32_t i = 0; i < JR2I_FIT_POINTS; i++)
        if (!isfinite(points[2 * i]) || !isfinite(points[2 * i + 1]) || !(sigma[i] >= 0))
            return 0;
    start(fit, params, &w);
    for (int32_t i = 0; i < STEPS; i++) {
        normal_equations(fit, &w, points, sigma);
        rest_at_bounds(fit, &w);
        if (!solve(&w, (int32_t)unknowns(fit)) || !take_step(fit, &w))
            return 0;
    }
    for (int32_t m = 0; m < fit->shapes; m++)
        *shape_of(fit, params, m) = w.x[m];
    memcpy(params->camera.rotation, w.rotation, sizeof w.rotation);
    params->camera.scale = w.scale;
    params->camera.cx = w.cx;
    params->camera.cy = w.cy;
    return 1;
}
