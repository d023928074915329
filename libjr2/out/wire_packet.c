/* SPDX-License-Identifier: MIT
 * Packets: the public entry, bytes, rotations, mirroring. */
#include <math.h>
#include <string.h>

#include "face/arkit.h"
#include "face/pose.h"
#include "out/wire.h"

#define NAME_MAX_BYTES 100

void jr2i_packet_bytes(jr2i_packet *p, const void *bytes, size_t size)
{
    if (p->size <= p->room && size <= p->room - p->size)
        memcpy(p->data + p->size, bytes, size);
    p->size += size;
}

void jr2i_packet_text(jr2i_packet *p, const char *text)
{
    jr2i_packet_bytes(p, text, strlen(text));
}

void jr2i_packet_be32(jr2i_packet *p, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    jr2i_packet_bytes(p, b, 4);
}

void jr2i_packet_le32(jr2i_packet *p, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    jr2i_packet_bytes(p, b, 4);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void jr2i_packet_be_float(jr2i_packet *p, float value)
{
    jr2i_packet_be32(p, bits_of(value));
}

void jr2i_packet_le_float(jr2i_packet *p, float value)
{
    jr2i_packet_le32(p, bits_of(value));
}

void jr2i_packet_le_double(jr2i_packet *p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    jr2i_packet_le32(p, (uint32_t)bits);
    jr2i_packet_le32(p, (uint32_t)(bits >> 32));
}

void jr2i_packet_number(jr2i_packet *p, double value, int decimals)
{
    char text[32];
    size_t at = sizeof text;
    double power = pow(10, decimals);
    uint64_t scaled = (uint64_t)(fmin(fabs(value), 1e9) * power + 0.5);
    int negative = value < 0 && scaled > 0;
    for (int i = 0; i < decimals; i++, scaled /= 10)
        text[--at] = (char)('0' + scaled % 10);
    if (decimals > 0)
        text[--at] = '.';
    do
        text[--at] = (char)('0' + scaled % 10);
    while (scaled /= 10);
    if (negative)
        text[--at] = '-';
    jr2i_packet_bytes(p, text + at, sizeof text - at);
}

void jr2i_wire_quaternion(const float r[9], float q[4])
{
    float w = 1 + r[0] + r[4] + r[8], x = 1 + r[0] - r[4] - r[8], y = 1 - r[0] + r[4] - r[8], z = 1 - r[0] - r[4] + r[8];
    float a[4]; /* the row of the largest part: none is divided by little */
    if (w >= x && w >= y && w >= z) {
        a[0] = r[7] - r[5];
        a[1] = r[2] - r[6];
        a[2] = r[3] - r[1];
        a[3] = w;
    } else if (x >= y && x >= z) {
        a[0] = x;
        a[1] = r[1] + r[3];
        a[2] = r[2] + r[6];
        a[3] = r[7] - r[5];
    } else if (y >= z) {
        a[0] = r[1] + r[3];
        a[1] = y;
        a[2] = r[5] + r[7];
        a[3] = r[2] - r[6];
    } else {
        a[0] = r[2] + r[6];
        a[1] = r[5] + r[7];
        a[2] = z;
        a[3] = r[3] - r[1];
    }
    float length = sqrtf(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + a[3] * a[3]);
    float sign = a[3] < 0 ? -1.0f : 1.0f;
    for (int i = 0; i < 4; i++)
        q[i] = length > 0 ? sign * a[i] / length : (float)(i == 3);
}

void jr2i_wire_rotation(const float degrees[3], float r[9])
{
    jr2i_pose_matrix(degrees[0] / JR2I_DEGREES, degrees[1] / JR2I_DEGREES, degrees[2] / JR2I_DEGREES, r);
}

/* The coefficient of the other side: ...Left for ...Right; itself where it has no side. */
static int32_t other_side(int32_t i)
{
    char name[40];
    strcpy(name, jr2i_arkit_name(i));
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, "Left") == 0)
        strcpy(name + n - 4, "Right");
    else if (n > 5 && strcmp(name + n - 5, "Right") == 0)
        strcpy(name + n - 5, "Left");
    return jr2i_arkit_index(name);
}

static void mirror(const jr2_motion_face *from, jr2_motion_face *to)
{
    *to = *from;
    to->angles[0] = -from->angles[0];
    to->angles[2] = -from->angles[2];
    to->translation[0] = -from->translation[0];
    for (int k = 0; k < 2; k++) {
        to->gaze[2 * k] = -from->gaze[2 - 2 * k];
        to->gaze[2 * k + 1] = from->gaze[3 - 2 * k];
    }
    for (int32_t i = 0; i < JR2I_ARKIT_COUNT; i++)
        to->arkit[i] = from->arkit[other_side(i)];
}

static int finite(const float *v, size_t count)
{
    for (size_t i = 0; v && i < count; i++)
        if (!(fabsf(v[i]) <= 1e6f))
            return 0;
    return 1;
}

static int32_t check(const jr2_motion_face *f, const jr2_wire_options *o)
{
    if (f->struct_size != sizeof *f || o->struct_size != sizeof *o)
        return JR2_ERR_STRUCT_SIZE;
    if ((o->name && strlen(o->name) > NAME_MAX_BYTES) || (o->device && strlen(o->device) > NAME_MAX_BYTES) || o->frame < 0 ||
        (o->mirror != 0 && o->mirror != 1))
        return JR2_ERR_ARGUMENT;
    if (!finite(&f->confidence, 1) || !finite(f->angles, 3) || !finite(f->translation, 3) || !finite(f->gaze, 4) ||
        !finite(f->arkit, JR2_ARKIT_COUNT) || !finite(o->landmarks68, 136) || !finite(o->points68, 204) || !isfinite(o->time) ||
        !(o->rate >= 0 && o->rate <= 100000))
        return JR2_ERR_RANGE;
    return JR2_OK;
}

int32_t jr2_wire_port(int32_t format)
{
    static const int32_t ports[5] = {0, 39539, 11111, 49983, 11573};
    return format >= JR2_WIRE_VMC && format <= JR2_WIRE_OPENSEEFACE ? ports[format] : 0;
}

int32_t jr2_wire_encode(int32_t format, const jr2_motion_face *face, const jr2_wire_options *options, void *data, size_t *size)
{
    jr2_wire_options standard;
    jr2_motion_face shown;
    JR2_INIT(standard);
    if (!face || !size || (!data && *size > 0) || jr2_wire_port(format) == 0)
        return JR2_ERR_ARGUMENT;
    const jr2_wire_options *o = options ? options : &standard;
    int32_t status = check(face, o);
    if (status != JR2_OK)
        return status;
    if (o->mirror && format != JR2_WIRE_OPENSEEFACE)
        mirror(face, &shown);
    else
        shown = *face;
    jr2i_packet p = {data, *size, 0};
    switch (format) {
    case JR2_WIRE_VMC:
        jr2i_wire_vmc(&p, &shown, o);
        break;
    case JR2_WIRE_LIVE_LINK:
        jr2i_wire_live_link(&p, &shown, o);
        break;
    case JR2_WIRE_IFACIALMOCAP:
        jr2i_wire_ifacialmocap(&p, &shown, o);
        break;
    default:
        jr2i_wire_openseeface(&p, &shown, o);
    }
    *size = p.size;
    return p.size <= p.room ? JR2_OK : JR2_ERR_BUFFER;
}
