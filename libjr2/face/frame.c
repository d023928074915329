/* SPDX-License-Identifier: MIT
 * Face frame from landmarks, crop from face frame. */
#include "face/frame.h"

#include <math.h>
#include <stddef.h>

#define SURFACE 468 /* the points after these are the irises */

/* MediaPipe's points: corners of the eyes and of the mouth. */
static const int32_t eye_corners[4] = {33, 133, 362, 263};
static const int32_t mouth_corners[2] = {61, 291};

int32_t jr2i_frame_from_landmarks(const float *landmarks, jr2i_frame *frame)
{
    float eyes[2] = {0, 0}, mouth[2] = {0, 0};
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < 4; i++)
            eyes[c] += 0.25f * landmarks[2 * eye_corners[i] + c];
        for (int i = 0; i < 2; i++)
            mouth[c] += 0.5f * landmarks[2 * mouth_corners[i] + c];
    }
    float roll = atan2f(eyes[0] - mouth[0], mouth[1] - eyes[1]);
    float co = cosf(roll), si = sinf(roll);
    float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < SURFACE; i++) {
        float x = landmarks[2 * i], y = landmarks[2 * i + 1];
        float upright[2] = {co * x + si * y, -si * x + co * y};
        for (int c = 0; c < 2; c++) {
            if (!isfinite(upright[c]))
                return 0;
            low[c] = upright[c] < low[c] ? upright[c] : low[c];
            high[c] = upright[c] > high[c] ? upright[c] : high[c];
        }
    }
    float x = 0.5f * (low[0] + high[0]), y = 0.5f * (low[1] + high[1]);
    float w = high[0] - low[0], h = high[1] - low[1];
    frame->x = co * x - si * y;
    frame->y = si * x + co * y;
    frame->size = w > h ? w : h;
    frame->roll = roll;
    return frame->size > 0 && isfinite(frame->size) && isfinite(roll);
}

void jr2i_frame_crop_map(const jr2i_frame *frame, float factor, int32_t side, float map[6])
{
    float step = factor * frame->size / (float)side, half = 0.5f * (float)side;
    float co = cosf(frame->roll) * step, si = sinf(frame->roll) * step;
    map[0] = co;
    map[1] = -si;
    map[2] = frame->x - co * half + si * half;
    map[3] = si;
    map[4] = co;
    map[5] = frame->y - si * half - co * half;
}

void jr2i_map_points(const float map[6], const float *points, int32_t count, float *out)
{
    for (int32_t i = 0; i < count; i++) {
        float x = points[2 * (size_t)i], y = points[2 * (size_t)i + 1];
        out[2 * (size_t)i] = map[0] * x + map[1] * y + map[2];
        out[2 * (size_t)i + 1] = map[3] * x + map[4] * y + map[5];
    }
}

int32_t jr2i_map_invert(const float map[6], float inverse[6])
{
    float determinant = map[0] * map[4] - map[1] * map[3];
    float d = 1 / determinant;
    if (determinant == 0 || !isfinite(d))
        return 0;
    float r[6] = {map[4] * d, -map[1] * d, 0, -map[3] * d, map[0] * d, 0};
    r[2] = -(r[0] * map[2] + r[1] * map[5]);
    r[5] = -(r[3] * map[2] + r[4] * map[5]);
    for (int i = 0; i < 6; i++)
        inverse[i] = r[i];
    return 1;
}
