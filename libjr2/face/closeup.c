/* SPDX-License-Identifier: MIT
 * The squares around eyes and mouth. */
#include "face/closeup.h"

#include <math.h>

#include "image/warp.h"

/* Middle of these points of MediaPipe's mesh, moved up the face; both lengths in sizes of the face. */
static const struct place {
    int32_t points[4], count;
    float up, side;
} places[JR2I_CLOSEUPS] = {
    {{33, 133}, 2, 0.03f, 0.36f},       /* corners of the right eye */
    {{362, 263}, 2, 0.03f, 0.36f},      /* of the left */
    {{61, 291, 0, 17}, 4, 0, 0.66f},    /* of the mouth, and the middles of its upper and lower edge */
};

static jr2i_frame place_square(const float *landmarks, const jr2i_frame *frame, const struct place *place)
{
    jr2i_frame square = {0, 0, frame->size, frame->roll};
    for (int32_t i = 0; i < place->count; i++) {
        square.x += landmarks[2 * place->points[i]];
        square.y += landmarks[2 * place->points[i] + 1];
    }
    square.x = square.x / (float)place->count + place->up * frame->size * sinf(frame->roll);
    square.y = square.y / (float)place->count - place->up * frame->size * cosf(frame->roll);
    return square;
}

void jr2i_closeup_map(const float *landmarks, const jr2i_frame *frame, int32_t which, int32_t side, float map[6])
{
    jr2i_frame square = place_square(landmarks, frame, &places[which]);
    jr2i_frame_crop_map(&square, places[which].side, side, map);
}

void jr2i_closeup_points(const float *landmarks, const jr2i_frame *frame, const uint8_t *anchor, const float *at, int32_t count, float *out)
{
    const float c = cosf(frame->roll) * frame->size, s = sinf(frame->roll) * frame->size;
    jr2i_frame squares[JR2I_CLOSEUPS];
    for (int32_t i = 0; i < JR2I_CLOSEUPS; i++)
        squares[i] = place_square(landmarks, frame, &places[i]);
    for (int32_t i = 0; i < count; i++) {
        const jr2i_frame *from = &squares[anchor[i]];
        const float x = at[2 * i], y = at[2 * i + 1]; /* out may be at */
        out[2 * i] = from->x + c * x - s * y;
        out[2 * i + 1] = from->y + s * x + c * y;
    }
}

void jr2i_closeup_take(const jr2i_view *view, const float *landmarks, const jr2i_frame *frame, int32_t which, int32_t side, jr2i_pool *pool, float *out)
{
    float map[6];
    jr2i_closeup_map(landmarks, frame, which, side, map);
    jr2i_warp_planar(view, map, side, side, JR2I_OUTSIDE_REPEAT, pool, out);
    for (int32_t row = 0; which == JR2I_CLOSEUP_LEFT_EYE && row < 3 * side; row++, out += side)
        for (int32_t i = 0; i < side / 2; i++) {
            float value = out[i];
            out[i] = out[side - 1 - i];
            out[side - 1 - i] = value;
        }
}
