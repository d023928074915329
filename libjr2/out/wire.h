/* SPDX-License-Identifier: MIT
 * What the encoders of packets share (docs/wire.md has formats and sources): a checked, if need be mirrored face, and bytes that never
 * leave the caller's buffer. */
#ifndef JR2I_WIRE_H
#define JR2I_WIRE_H

#include "jr2/jr2.h"

typedef struct jr2i_packet {
    uint8_t *data;
    size_t room;
    size_t size; /* may grow beyond room: what is too much is counted and not written */
} jr2i_packet;

void jr2i_packet_bytes(jr2i_packet *p, const void *bytes, size_t size);
void jr2i_packet_text(jr2i_packet *p, const char *text); /* without its zero */
void jr2i_packet_be32(jr2i_packet *p, uint32_t value);
void jr2i_packet_be_float(jr2i_packet *p, float value);
void jr2i_packet_le32(jr2i_packet *p, uint32_t value);
void jr2i_packet_le_float(jr2i_packet *p, float value);
void jr2i_packet_le_double(jr2i_packet *p, double value);
void jr2i_packet_number(jr2i_packet *p, double value, int decimals); /* decimal text with a point */

/* rotation (9, row-major) as a quaternion x, y, z, w with w >= 0 */
void jr2i_wire_quaternion(const float r[9], float q[4]);
void jr2i_wire_rotation(const float degrees[3], float r[9]); /* of yaw, pitch, roll */

void jr2i_wire_vmc(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options);
void jr2i_wire_live_link(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options);
void jr2i_wire_ifacialmocap(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options);
void jr2i_wire_openseeface(jr2i_packet *p, const jr2_motion_face *face, const jr2_wire_options *options);

#endif
