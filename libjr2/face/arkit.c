/* SPDX-License-Identifier: MIT
 * ARKit's names, in the order of Apple's ARFaceAnchor.BlendShapeLocation documentation. */
#include "face/arkit.h"

#include <string.h>

#include "face/pose.h"

static const char *const arkit_names[JR2I_ARKIT_COUNT] = {
    "eyeBlinkLeft",     "eyeLookDownLeft",  "eyeLookInLeft",      "eyeLookOutLeft",    "eyeLookUpLeft",     "eyeSquintLeft",
    "eyeWideLeft",      "eyeBlinkRight",    "eyeLookDownRight",   "eyeLookInRight",    "eyeLookOutRight",   "eyeLookUpRight",
    "eyeSquintRight",   "eyeWideRight",     "jawForward",         "jawLeft",           "jawRight",          "jawOpen",
    "mouthClose",       "mouthFunnel",      "mouthPucker",        "mouthLeft",         "mouthRight",        "mouthSmileLeft",
    "mouthSmileRight",  "mouthFrownLeft",   "mouthFrownRight",    "mouthDimpleLeft",   "mouthDimpleRight",  "mouthStretchLeft",
    "mouthStretchRight", "mouthRollLower",  "mouthRollUpper",     "mouthShrugLower",   "mouthShrugUpper",   "mouthPressLeft",
    "mouthPressRight",  "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft",
    "browDownRight",    "browInnerUp",      "browOuterUpLeft",    "browOuterUpRight",  "cheekPuff",         "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft",    "noseSneerRight",     "tongueOut",
};

enum { LOOK_DOWN_LEFT = 1, LOOK_IN_LEFT, LOOK_OUT_LEFT, LOOK_UP_LEFT };
enum { LOOK_DOWN_RIGHT = 8, LOOK_IN_RIGHT, LOOK_OUT_RIGHT, LOOK_UP_RIGHT };

const char *jr2i_arkit_name(int32_t index)
{
    return index >= 0 && index < JR2I_ARKIT_COUNT ? arkit_names[index] : NULL;
}

int32_t jr2i_arkit_index(const char *name)
{
    for (int32_t i = 0; name && i < JR2I_ARKIT_COUNT; i++)
        if (strcmp(arkit_names[i], name) == 0)
            return i;
    return -1;
}

/* Whether the model's name is ARKit's: equal, or the stem with _L / _R for Left / Right. side: 'L', 'R', 0 for an equal name. */
static int matches(const char *arkit, const char *name, char *side)
{
    size_t n = strlen(name);
    *side = 0;
    if (strcmp(arkit, name) == 0)
        return 1;
    if (n < 3 || name[n - 2] != '_' || (name[n - 1] != 'L' && name[n - 1] != 'R'))
        return 0;
    *side = name[n - 1];
    size_t stem = n - 2;
    if (strncmp(arkit, name, stem) != 0)
        return 0;
    const char *rest = arkit + stem;
    return *rest == 0 || strcmp(rest, *side == 'L' ? "Left" : "Right") == 0;
}

void jr2i_arkit_map_make(const char *const *names, int32_t count, jr2i_arkit_map *map)
{
    map->known = 0;
    for (int32_t a = 0; a < JR2I_ARKIT_COUNT; a++) {
        map->source[a][0] = map->source[a][1] = -1;
        for (int32_t i = 0; i < count; i++) {
            char side;
            if (!matches(arkit_names[a], names[i], &side))
                continue;
            int slot = map->source[a][0] >= 0;
            if (map->source[a][slot] < 0)
                map->source[a][slot] = (int16_t)i;
        }
        map->known += map->source[a][0] >= 0;
    }
}

void jr2i_arkit_from_expression(const jr2i_arkit_map *map, const float *expression, float arkit[JR2I_ARKIT_COUNT])
{
    for (int32_t a = 0; a < JR2I_ARKIT_COUNT; a++) {
        const int16_t *s = map->source[a];
        arkit[a] = s[0] < 0 ? 0 : s[1] < 0 ? expression[s[0]] : 0.5f * (expression[s[0]] + expression[s[1]]);
    }
}

void jr2i_arkit_to_expression(const jr2i_arkit_map *map, const float *arkit, int32_t expression_count, float *expression)
{
    for (int32_t i = 0; i < expression_count; i++)
        expression[i] = 0;
    for (int32_t a = 0; a < JR2I_ARKIT_COUNT; a++)
        for (int k = 0; k < 2; k++)
            if (map->source[a][k] >= 0 && map->source[a][k] < expression_count)
                expression[map->source[a][k]] = arkit[a];
}

void jr2i_gaze_from_arkit(const float arkit[JR2I_ARKIT_COUNT], const float range[4], float gaze[4])
{
    const float in = range[0] / JR2I_DEGREES, out = range[1] / JR2I_DEGREES;
    const float up = range[2] / JR2I_DEGREES, down = range[3] / JR2I_DEGREES;
    gaze[0] = arkit[LOOK_OUT_LEFT] * out - arkit[LOOK_IN_LEFT] * in; /* out is towards the person's left, */
    gaze[1] = arkit[LOOK_UP_LEFT] * up - arkit[LOOK_DOWN_LEFT] * down;
    gaze[2] = arkit[LOOK_IN_RIGHT] * in - arkit[LOOK_OUT_RIGHT] * out; /* and for the right eye in is */
    gaze[3] = arkit[LOOK_UP_RIGHT] * up - arkit[LOOK_DOWN_RIGHT] * down;
}

void jr2i_gaze_rotation(float yaw, float pitch, float r[9])
{
    jr2i_pose_matrix(yaw, pitch, 0, r);
}
