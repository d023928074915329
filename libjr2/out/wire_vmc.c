/* SPDX-License-Identifier: MIT
 * VMC protocol (protocol.vmc.info, marionette specification) as one OSC 1.0 bundle: availability, time, the bones of head and eyes,
 * ARKit's coefficients under their names in Pascal case ("perfect sync"), apply.
 *
 * VMC's axes are Unity's: left handed, x right, y up, z forward; an avatar's own left is -x. Ours differ by the sign of x. */
#include <string.h>

#include "face/arkit.h"
#include "face/pose.h"
#include "out/wire.h"

/* An OSC string: zero-terminated, zeros up to a multiple of 4. */
static void osc_string(jr2i_packet *p, const char *text)
{
    static const uint8_t zeros[4] = {0, 0, 0, 0};
    size_t length = strlen(text);
    jr2i_packet_bytes(p, text, length);
    jr2i_packet_bytes(p, zeros, 4 - length % 4);
}

static size_t osc_size(const char *text)
{
    return strlen(text) / 4 * 4 + 4;
}

static void bone(jr2i_packet *p, const char *name, const float rotation[9])
{
    static const char address[] = "/VMC/Ext/Bone/Pos", types[] = ",sfffffff";
    float q[4];
    jr2i_wire_quaternion(rotation, q);
    jr2i_packet_be32(p, (uint32_t)(osc_size(address) + osc_size(types) + osc_size(name) + 28));
    osc_string(p, address);
    osc_string(p, types);
    osc_string(p, name);
    for (int i = 0; i < 3; i++)
        jr2i_packet_be_float(p, 0);
    jr2i_packet_be_float(p, q[0]); /* mirrored at x = 0: x stays, y and z change sign */
    jr2i_packet_be_float(p, -q[1]);
    jr2i_packet_be_float(p, -q[2]);
    jr2i_packet_be_float(p, q[3]);
}

static void value(jr2i_packet *p, const char *arkit, float number)
{
    static const char address[] = "/VMC/Ext/Blend/Val", types[] = ",sf";
    char name[40];
    strcpy(name, arkit);
    name[0] = (char)(name[0] - 'a' + 'A');
    jr2i_packet_be32(p, (uint32_t)(osc_size(address) + osc_size(types) + osc_size(name) + 4));
    osc_string(p, address);
    osc_string(p, types);
    osc_string(p, name);
    jr2i_packet_be_float(p, number);
}

void jr2i_wire_vmc(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options)
{
    float r[9];
    osc_string(p, "#bundle");
    jr2i_packet_be32(p, 0); /* time tag 1: at once */
    jr2i_packet_be32(p, 1);
    jr2i_packet_be32(p, 20);
    osc_string(p, "/VMC/Ext/OK");
    osc_string(p, ",i");
    jr2i_packet_be32(p, 1);
    jr2i_packet_be32(p, 20);
    osc_string(p, "/VMC/Ext/T");
    osc_string(p, ",f");
    jr2i_packet_be_float(p, (float)options->time);
    jr2i_wire_rotation(face->angles, r);
    bone(p, "Head", r);
    for (int i = 0; i < 2; i++) {
        jr2i_gaze_rotation(face->gaze[2 * i] / JR2I_DEGREES, face->gaze[2 * i + 1] / JR2I_DEGREES, r);
        bone(p, i ? "RightEye" : "LeftEye", r);
    }
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++)
        value(p, jr2i_arkit_name(i), face->arkit[i]);
    jr2i_packet_be32(p, 28);
    osc_string(p, "/VMC/Ext/Blend/Apply");
    osc_string(p, ",");
}
