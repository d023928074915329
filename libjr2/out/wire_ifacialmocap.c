/* SPDX-License-Identifier: MIT
 * The text that iFacialMocap sends for each frame (ifacialmocap.com/for-developer): name-percent|...|=head#six numbers|rightEye#three|leftEye#three|.
 * Angles in degrees about x (down positive), y (towards the person's left positive), z (counter-clockwise in the picture positive);
 * position in metres in camera axes. */
#include <string.h>

#include "face/arkit.h"
#include "out/wire.h"

/* "mouthSmileLeft" is mouthSmile_L there; jawLeft, mouthLeft and their twins keep their names. */
static void name(jr2i_packet *p, const char *arkit)
{
    size_t n = strlen(arkit);
    int left = n > 9 && strcmp(arkit + n - 4, "Left") == 0, right = n > 10 && strcmp(arkit + n - 5, "Right") == 0;
    jr2i_packet_bytes(p, arkit, n - (left ? 4 : right ? 5 : 0));
    if (left || right)
        jr2i_packet_text(p, left ? "_L" : "_R");
}

static void numbers(jr2i_packet *p, const char *label, const double *values, int count)
{
    jr2i_packet_text(p, label);
    for (int i = 0; i < count; i++) {
        jr2i_packet_text(p, i ? "," : "#");
        jr2i_packet_number(p, values[i], 6);
    }
    jr2i_packet_text(p, "|");
}

void jr2i_wire_ifacialmocap(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options)
{
    (void)options;
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++) {
        float v = face->arkit[i] < 0 ? 0 : face->arkit[i] > 1 ? 1 : face->arkit[i];
        name(p, jr2i_arkit_name(i));
        jr2i_packet_text(p, "-");
        jr2i_packet_number(p, (double)(v * 100), 0);
        jr2i_packet_text(p, "|");
    }
    double head[6] = {-(double)face->angles[1], (double)face->angles[0], -(double)face->angles[2]};
    for (int k = 0; k < 3; k++)
        head[3 + k] = (double)face->translation[k] / 100;
    numbers(p, "=head", head, 6);
    for (int i = 1; i >= 0; i--) {
        double eye[3] = {-(double)face->gaze[2 * i + 1], (double)face->gaze[2 * i], 0};
        numbers(p, i ? "rightEye" : "leftEye", eye, 3);
    }
}
