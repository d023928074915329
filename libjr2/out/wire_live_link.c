/* SPDX-License-Identifier: MIT
 * The packet of Epic's Live Link Face app, version 6, as receivers in the wild read it: version byte, device id and subject (length
 * and bytes), frame time, 61 numbers; big endian. The numbers are ARKit's 52 in Apple's order, then yaw, pitch, roll of the head and of both eyes
 * in radians with the signs that follow from Unreal's axes (docs/wire.md). */
#include <math.h>
#include <string.h>

#include "face/arkit.h"
#include "face/pose.h"
#include "out/wire.h"

static void counted(jr2i_packet *p, const char *text)
{
    jr2i_packet_be32(p, (uint32_t)strlen(text));
    jr2i_packet_text(p, text);
}

void jr2i_wire_live_link(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options)
{
    static const uint8_t version = 6, count = JR2I_ARKIT_COUNT + 9;
    jr2i_packet_bytes(p, &version, 1);
    counted(p, options->device ? options->device : "jr2");
    counted(p, options->name ? options->name : "jr2");
    double rate = options->rate > 0 ? options->rate : 60;
    uint32_t denominator = fabs(rate - floor(rate + 0.5)) < 1e-3 ? 1 : fabs(2 * rate - floor(2 * rate + 0.5)) < 1e-3 ? 2 : 1001;
    jr2i_packet_be32(p, (uint32_t)(options->frame & 0x7fffffff));
    jr2i_packet_be_float(p, 0); /* part of a frame; then the rate: 30 / 1, 25 / 2, 30000 / 1001 */
    jr2i_packet_be32(p, (uint32_t)(rate * denominator + 0.5));
    jr2i_packet_be32(p, denominator);
    jr2i_packet_bytes(p, &count, 1);
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++)
        jr2i_packet_be_float(p, face->arkit[i]);
    jr2i_packet_be_float(p, -face->angles[0] / JR2I_DEGREES);
    jr2i_packet_be_float(p, -face->angles[1] / JR2I_DEGREES);
    jr2i_packet_be_float(p, face->angles[2] / JR2I_DEGREES);
    for (int i = 0; i < 2; i++) {
        jr2i_packet_be_float(p, -face->gaze[2 * i] / JR2I_DEGREES);
        jr2i_packet_be_float(p, -face->gaze[2 * i + 1] / JR2I_DEGREES);
        jr2i_packet_be_float(p, 0);
    }
}
