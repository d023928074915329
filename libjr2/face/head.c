/* SPDX-License-Identifier: MIT
 * Evaluating the head model: linear shapes, pose correctives, skinning, landmarks, normals. Checked input, no allocation. */
#include "face/head.h"

#include <math.h>
#include <string.h>

#include "face/pose.h"

#define BLOCK JR2I_BASIS_BLOCK

/* Scratch: shaped vertices, then per joint its place, rotation, world matrix and corrective coefficients. */
typedef struct workspace {
    float *shaped;      /* (length) */
    float *joints;      /* (J,3) */
    float *rotation;    /* (J,9) */
    float *matrix;      /* (J,16) four columns of x y z 0: three of the turn, one of the shift */
    uint8_t moved[JR2I_HEAD_JOINTS_MAX]; /* matrix is not the identity */
} workspace;

size_t jr2i_head_scratch(const jr2i_head *head)
{
    int32_t length = head->surface.length > head->near.length ? head->surface.length : head->near.length;
    return (size_t)length + (size_t)head->joint_count * (3 + 9 + 16) + 16 + BLOCK;
}

static workspace divide(const jr2i_head *head, const jr2i_surface *surface, float *scratch)
{
    workspace w;
    size_t joints = (size_t)head->joint_count;
    w.shaped = scratch;
    w.matrix = scratch + surface->length; /* a multiple of 48 floats: stays aligned */
    w.joints = w.matrix + 16 * joints;
    w.rotation = w.joints + 3 * joints;
    memset(w.moved, 0, sizeof w.moved);
    return w;
}

static int32_t check_values(jr2i_env *env, const char *what, const float *values, int32_t count, int32_t limit)
{
    if (count < 0 || count > limit)
        return jr2i_fail(env, JR2_ERR_RANGE, "%s: %d values, the model has %d", what, (int)count, (int)limit);
    if (count > 0 && !values)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "%s: %d values announced, none given", what, (int)count);
    for (int32_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return jr2i_fail(env, JR2_ERR_RANGE, "%s: value %d is not finite", what, (int)i);
    return JR2_OK;
}

int32_t jr2i_head_check(jr2i_env *env, const jr2i_head *head, const jr2i_head_input *input)
{
    int32_t status = check_values(env, "identity", input->identity, input->identity_count, head->identity_count);
    if (status == JR2_OK)
        status = check_values(env, "expression", input->expression, input->expression_count, head->expression_count);
    if (status == JR2_OK && input->joint_rotation)
        status = check_values(env, "joint rotation", input->joint_rotation, 9 * head->joint_count, 9 * head->joint_count);
    return status;
}

void jr2i_head_joints(const jr2i_head *head, const jr2i_head_input *input, float *joints)
{
    size_t row = 3 * (size_t)head->joint_count;
    memcpy(joints, head->joint_mean, row * sizeof *joints);
    for (int32_t m = 0; m < input->identity_count; m++)
        for (size_t k = 0; k < row; k++)
            joints[k] += input->identity[m] * head->joint_identity[(size_t)m * row + k];
    for (int32_t m = 0; m < input->expression_count; m++)
        for (size_t k = 0; k < row; k++)
            joints[k] += input->expression[m] * head->joint_expression[(size_t)m * row + k];
}

static void set_identity(float r[9])
{
    for (int i = 0; i < 9; i++)
        r[i] = i % 4 == 0;
}

/* Local rotations of all joints: given, or the eyes by eyeLook*. */
static void set_rotations(const jr2i_head *head, const jr2i_head_input *input, float *rotation)
{
    if (input->joint_rotation) {
        memcpy(rotation, input->joint_rotation, 9 * (size_t)head->joint_count * sizeof *rotation);
        return;
    }
    for (int32_t j = 0; j < head->joint_count; j++)
        set_identity(rotation + 9 * (size_t)j);
    if (head->arkit.known == 0 || (head->left_eye < 0 && head->right_eye < 0))
        return;
    float arkit[JR2I_ARKIT_COUNT], gaze[4];
    for (int i = 0; i < JR2I_ARKIT_COUNT; i++) {
        int32_t s = head->arkit.source[i][0];
        arkit[i] = s >= 0 && s < input->expression_count ? input->expression[s] : 0;
    }
    jr2i_gaze_from_arkit(arkit, head->eye_range, gaze);
    if (head->left_eye >= 0)
        jr2i_gaze_rotation(gaze[0], gaze[1], rotation + 9 * (size_t)head->left_eye);
    if (head->right_eye >= 0)
        jr2i_gaze_rotation(gaze[2], gaze[3], rotation + 9 * (size_t)head->right_eye);
}

static void set_matrices(const jr2i_head *head, workspace *w)
{
    for (int32_t j = 0; j < head->joint_count; j++) {
        const float *r = w->rotation + 9 * (size_t)j, *at = w->joints + 3 * (size_t)j;
        float *m = w->matrix + 16 * (size_t)j;
        int32_t parent = head->joint_parent[j];
        int turned = 0;
        for (int i = 0; i < 9; i++)
            turned |= r[i] != (float)(i % 4 == 0);
        /* x -> R (x - at) + at, then what moves the parent */
        float local[12];
        for (int row = 0; row < 3; row++) {
            for (int c = 0; c < 3; c++)
                local[3 * c + row] = r[3 * row + c];
            local[9 + row] = at[row] - (r[3 * row] * at[0] + r[3 * row + 1] * at[1] + r[3 * row + 2] * at[2]);
        }
        const float *p = parent >= 0 ? w->matrix + 16 * (size_t)parent : NULL;
        for (int c = 0; c < 4; c++) {
            for (int row = 0; row < 3; row++) {
                float x = local[3 * c + row];
                if (p)
                    x = p[row] * local[3 * c] + p[4 + row] * local[3 * c + 1] + p[8 + row] * local[3 * c + 2] +
                        (c == 3 ? p[12 + row] : 0);
                m[4 * c + row] = x;
            }
            m[4 * c + 3] = 0;
        }
        w->moved[j] = turned || (parent >= 0 && w->moved[parent]);
    }
}

/* Template + identity (length of the surface). */
static void shape_person(const jr2i_surface *surface, const jr2i_head_input *input, float *shaped)
{
    memcpy(shaped, surface->mean, (size_t)surface->length * sizeof *shaped);
    for (int32_t m = 0; m < input->identity_count; m++)
        if (input->identity[m] != 0)
            jr2i_basis_add(&surface->identity, m, input->identity[m], shaped);
}

/* The person (template + identity; NULL: it is made) + expression + correctives into w->shaped, joints and matrices beside it. */
static void shape(const jr2i_head *head, const jr2i_surface *surface, const float *person, const jr2i_head_input *input, workspace *w)
{
    if (person)
        memcpy(w->shaped, person, (size_t)surface->length * sizeof *w->shaped);
    else
        shape_person(surface, input, w->shaped);
    for (int32_t m = 0; m < input->expression_count; m++)
        if (input->expression[m] != 0)
            jr2i_basis_add(&surface->expression, m, input->expression[m], w->shaped);
    jr2i_head_joints(head, input, w->joints);
    set_rotations(head, input, w->rotation);
    for (int32_t m = 0; m < surface->corrective.count; m++) {
        float coefficient = w->rotation[9 + m] - (float)(m % 9 % 4 == 0);
        if (coefficient != 0)
            jr2i_basis_add(&surface->corrective, m, coefficient, w->shaped);
    }
    set_matrices(head, w);
}

/* vertices may be w->shaped itself. */
static void skin(const jr2i_head *head, const jr2i_surface *surface, const workspace *w, float *vertices)
{
    int32_t joints = head->joint_count, any = 0;
    for (int32_t j = 0; j < joints; j++)
        any |= w->moved[j];
    if (!any) {
        if (vertices != w->shaped)
            memcpy(vertices, w->shaped, 3 * (size_t)surface->vertex_count * sizeof *vertices);
        return;
    }
    for (int32_t i = 0; i < surface->vertex_count; i++) {
        const float *weight = surface->skin + (size_t)i * (size_t)joints;
        const float *from = w->shaped + 3 * (size_t)i;
        float *to = vertices + 3 * (size_t)i;
        float still = 0, sum[16] = {0};
        int moves = 0;
        for (int32_t j = 0; j < joints; j++) {
            if (!w->moved[j]) {
                still += weight[j];
            } else if (weight[j] != 0) {
                const float *m = w->matrix + 16 * (size_t)j;
                moves = 1;
                for (int k = 0; k < 16; k++)
                    sum[k] += weight[j] * m[k];
            }
        }
        float x = from[0], y = from[1], z = from[2];
        if (!moves) {
            to[0] = x;
            to[1] = y;
            to[2] = z;
            continue;
        }
        sum[0] += still;
        sum[5] += still;
        sum[10] += still;
        for (int k = 0; k < 3; k++)
            to[k] = sum[k] * x + sum[4 + k] * y + sum[8 + k] * z + sum[12 + k];
    }
}

void jr2i_head_vertices(const jr2i_head *head, const jr2i_head_input *input, float *scratch, float *vertices)
{
    workspace w = divide(head, &head->surface, scratch);
    shape(head, &head->surface, NULL, input, &w);
    skin(head, &head->surface, &w, vertices);
}

int32_t jr2i_head_person_length(const jr2i_head *head)
{
    return head->surface.length;
}

void jr2i_head_person(const jr2i_head *head, const jr2i_head_input *input, float *person)
{
    shape_person(&head->surface, input, person);
}

void jr2i_head_person_vertices(const jr2i_head *head, const float *person, const jr2i_head_input *input, float *scratch, float *vertices)
{
    workspace w = divide(head, &head->surface, scratch);
    shape(head, &head->surface, person, input, &w);
    skin(head, &head->surface, &w, vertices);
}

static void place_landmarks(const jr2i_landmark_set *set, const int32_t *corner, const float *vertices, const float *root,
                            float *landmarks)
{
    for (int32_t i = 0; i < set->count; i++) {
        const int32_t *t = corner + 3 * (size_t)i;
        const float *b = set->weight + 3 * (size_t)i, *o = set->offset + 3 * (size_t)i;
        for (int c = 0; c < 3; c++) {
            float offset = root ? root[3 * c] * o[0] + root[3 * c + 1] * o[1] + root[3 * c + 2] * o[2] : o[c];
            landmarks[3 * (size_t)i + (size_t)c] = b[0] * vertices[3 * (size_t)t[0] + (size_t)c] +
                                                   b[1] * vertices[3 * (size_t)t[1] + (size_t)c] +
                                                   b[2] * vertices[3 * (size_t)t[2] + (size_t)c] + offset;
        }
    }
}

void jr2i_head_landmarks(const jr2i_head *head, const jr2i_head_input *input, float *scratch, float *landmarks478,
                         float *landmarks68)
{
    const jr2i_surface *surface = &head->near;
    workspace w = divide(head, surface, scratch);
    shape(head, surface, NULL, input, &w);
    skin(head, surface, &w, w.shaped);
    const float *root = w.rotation; /* the root has no parent: its local rotation is its world rotation */
    if (landmarks478)
        place_landmarks(&head->landmark478, head->landmark478.near_corner, w.shaped, root, landmarks478);
    if (landmarks68)
        place_landmarks(&head->landmark68, head->landmark68.near_corner, w.shaped, root, landmarks68);
}

void jr2i_head_landmarks_of(const jr2i_landmark_set *set, const float *vertices, const float *root, float *landmarks)
{
    place_landmarks(set, set->corner, vertices, root, landmarks);
}

void jr2i_head_normals(const jr2i_head *head, const float *vertices, float *normals)
{
    memset(normals, 0, 3 * (size_t)head->vertex_count * sizeof *normals);
    for (int32_t i = 0; i < head->triangle_count; i++) {
        const int32_t *t = head->triangles + 3 * (size_t)i;
        const float *a = vertices + 3 * (size_t)t[0], *b = vertices + 3 * (size_t)t[1], *c = vertices + 3 * (size_t)t[2];
        float ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
        float vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
        float n[3] = {uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx};
        for (int k = 0; k < 3; k++) {
            float *to = normals + 3 * (size_t)t[k];
            to[0] += n[0];
            to[1] += n[1];
            to[2] += n[2];
        }
    }
    for (int32_t i = 0; i < head->vertex_count; i++) {
        float *n = normals + 3 * (size_t)i;
        float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
        if (length > 0 && isfinite(length)) {
            float scale = 1 / length;
            n[0] *= scale;
            n[1] *= scale;
            n[2] *= scale;
        } else { /* a vertex of no triangle */
            n[0] = n[1] = 0;
            n[2] = 1;
        }
    }
}

void jr2i_head_albedo(const jr2i_head *head, const float *coefficients, int32_t count, float *scratch, float *albedo)
{
    size_t values = 3 * (size_t)head->vertex_count;
    if (!head->albedo_mean) {
        for (size_t i = 0; i < values; i++)
            albedo[i] = 0.5f;
        return;
    }
    memcpy(scratch, head->albedo_mean, values * sizeof *scratch);
    for (int32_t m = 0; m < count && m < head->albedo_count; m++)
        if (coefficients[m] != 0)
            jr2i_basis_add(&head->albedo, m, coefficients[m], scratch);
    for (size_t i = 0; i < values; i++)
        albedo[i] = scratch[i] > 0 ? (scratch[i] < 1 ? scratch[i] : 1) : 0;
}
