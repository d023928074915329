/* SPDX-License-Identifier: MIT
 * Packets for other programs: byte-exact vectors written from the specifications, and decoders that share nothing with the encoders;
 * mirroring, buffers that are too small, bad numbers. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jr2/jr2.h"
#include "suite.h"

static jr2_motion_face face;
static jr2_wire_options options;
static unsigned char data[JR2_WIRE_SIZE_MAX];
static size_t size;

static void set_up(void)
{
    JR2_INIT(face);
    JR2_INIT(options);
    face.id = 4;
    face.confidence = 0.75f;
    for (int i = 0; i < 52; i++)
        face.arkit[i] = (float)i / 64;
    options.time = 1.5;
}

static void encode(int32_t format)
{
    memset(data, 0xAA, sizeof data);
    size = sizeof data;
    ck_assert_int_eq(jr2_wire_encode(format, &face, &options, data, &size), JR2_OK);
}

static unsigned be32(const unsigned char *p)
{
    return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static float be_float(const unsigned char *p)
{
    unsigned bits = be32(p);
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static float le_float(const unsigned char *p)
{
    unsigned char swapped[4] = {p[3], p[2], p[1], p[0]};
    return be_float(swapped);
}

/* --- VMC: an OSC decoder --- */

typedef struct osc {
    const char *address, *types;
    const unsigned char *arguments;
} osc;

static size_t padded(const char *text)
{
    return (strlen(text) + 4) & ~(size_t)3;
}

/* The message with this address and first string argument (NULL: any); checks the whole bundle on the way. */
static int find_osc(const char *address, const char *name, osc *found)
{
    int count = 0;
    ck_assert_mem_eq(data, "#bundle\0\0\0\0\0\0\0\0\1", 16);
    ck_assert_uint_eq(size % 4, 0);
    for (size_t at = 16; at < size;) {
        size_t length = be32(data + at);
        ck_assert(length % 4 == 0 && length >= 8 && at + 4 + length <= size);
        osc m;
        m.address = (const char *)data + at + 4;
        m.types = m.address + padded(m.address);
        m.arguments = (const unsigned char *)m.types + padded(m.types);
        ck_assert(m.address[0] == '/' && m.types[0] == ',');
        const unsigned char *end = m.arguments;
        for (const char *t = m.types + 1; *t; t++)
            end += *t == 's' ? padded((const char *)end) : 4;
        ck_assert_ptr_eq(end, data + at + 4 + length);
        if (strcmp(m.address, address) == 0 && (!name || strcmp((const char *)m.arguments, name) == 0)) {
            *found = m;
            count++;
        }
        at += 4 + length;
    }
    return count;
}

START_TEST(vmc_is_osc)
{
    osc m;
    face.angles[0] = 90; /* to the image's right */
    encode(JR2_WIRE_VMC);
    static const unsigned char ok[] = "\0\0\0\24/VMC/Ext/OK\0,i\0\0\0\0\0\1", t[] = "\0\0\0\24/VMC/Ext/T\0\0,f\0\0\77\300\0";
    ck_assert_mem_eq(data + 16, ok, 24);
    ck_assert_mem_eq(data + 40, t, 24); /* 1.5f is 3fc00000 */
    ck_assert_int_eq(find_osc("/VMC/Ext/Bone/Pos", "Head", &m), 1);
    ck_assert_str_eq(m.types, ",sfffffff");
    for (int i = 0; i < 3; i++)
        ck_assert(be_float(m.arguments + 8 + 4 * i) == 0);
    /* Unity: the nose from +z to the avatar's left, -x: -90 degrees about y. */
    ck_assert(fabsf(be_float(m.arguments + 20)) < 1e-5f && fabsf(be_float(m.arguments + 24) + sqrtf(0.5f)) < 1e-5f);
    ck_assert(fabsf(be_float(m.arguments + 28)) < 1e-5f && fabsf(be_float(m.arguments + 32) - sqrtf(0.5f)) < 1e-5f);
    ck_assert_int_eq(find_osc("/VMC/Ext/Bone/Pos", "LeftEye", &m), 1);
    ck_assert_int_eq(find_osc("/VMC/Ext/Bone/Pos", "RightEye", &m), 1);
    ck_assert_int_eq(find_osc("/VMC/Ext/Blend/Val", NULL, &m), 52);
    ck_assert_int_eq(find_osc("/VMC/Ext/Blend/Val", "EyeBlinkLeft", &m), 1);
    ck_assert_int_eq(find_osc("/VMC/Ext/Blend/Val", "TongueOut", &m), 1);
    ck_assert(be_float(m.arguments + 12) == 51.0f / 64);
    ck_assert_int_eq(find_osc("/VMC/Ext/Blend/Apply", NULL, &m), 1);
    ck_assert_mem_eq(data + size - 28, "/VMC/Ext/Blend/Apply\0\0\0\0,\0\0\0", 28);
    face.angles[0] = 0;
    face.angles[1] = 90; /* nose up: Unity turns left handed, so about -x */
    encode(JR2_WIRE_VMC);
    find_osc("/VMC/Ext/Bone/Pos", "Head", &m);
    ck_assert(fabsf(be_float(m.arguments + 20) + sqrtf(0.5f)) < 1e-5f && fabsf(be_float(m.arguments + 24)) < 1e-5f);
}
END_TEST

START_TEST(live_link_is_exact)
{
    options.name = "Ann";
    options.device = "cam-1";
    options.frame = 0x01020304;
    options.rate = 30;
    face.angles[0] = 180 / 3.14159265f;
    face.gaze[3] = -180 / 3.14159265f;
    encode(JR2_WIRE_LIVE_LINK);
    static const unsigned char head[] = {6, 0, 0, 0, 5, 'c', 'a', 'm', '-', '1', 0, 0, 0, 3, 'A', 'n', 'n', 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 30, 0, 0, 0, 1, 61};
    ck_assert_uint_eq(size, sizeof head + 61 * 4);
    ck_assert_mem_eq(data, head, sizeof head);
    for (int i = 0; i < 52; i++)
        ck_assert(be_float(data + sizeof head + 4 * i) == (float)i / 64);
    ck_assert(fabsf(be_float(data + sizeof head + 4 * 52) + 1) < 1e-5f); /* head yaw, radians */
    ck_assert(fabsf(be_float(data + sizeof head + 4 * 59) - 1) < 1e-5f); /* right eye pitch */
    options.rate = 30000 / 1001.0;
    encode(JR2_WIRE_LIVE_LINK);
    ck_assert(be32(data + sizeof head - 9) == 30000 && be32(data + sizeof head - 5) == 1001);
    options.name = options.device = NULL;
    encode(JR2_WIRE_LIVE_LINK);
    ck_assert_mem_eq(data, "\6\0\0\0\3jr2\0\0\0\3jr2", 15);
}
END_TEST

/* Value after "name" and a separator, up to one of "|,". */
static double text_value(const char *name)
{
    const char *at = strstr((const char *)data, name);
    ck_assert_msg(at != NULL, "%s", name);
    return strtod(at + strlen(name), NULL);
}

START_TEST(ifacialmocap_is_text)
{
    face.angles[0] = 6.5f;
    face.angles[1] = -21.25f;
    face.translation[2] = -65.84f;
    face.gaze[0] = -1.5f; /* the left eye looks in, */
    face.gaze[2] = 2.5f;  /* and the right one */
    face.gaze[1] = face.gaze[3] = -6; /* down */
    encode(JR2_WIRE_IFACIALMOCAP);
    data[size] = '\0';
    int bars = 0, values = 0;
    for (size_t i = 0; i < size; i++) {
        bars += data[i] == '|';
        values += data[i] == '-' && data[i + 1] != '-' && i > 0 && ((data[i - 1] | 32) >= 'a');
    }
    ck_assert_int_eq(bars, 55);
    ck_assert_int_eq(values, 52);
    ck_assert(strncmp((const char *)data, "eyeBlink_L-0|eyeLookDown_L-2|eyeLookIn_L-3|", 43) == 0);
    ck_assert(text_value("|tongueOut-") == 80 && text_value("|jawLeft-") == 23 && text_value("|mouthRight-") == 34 && text_value("|browInnerUp-") == 67);
    ck_assert(text_value("|noseSneer_R-") == 78 && text_value("|mouthSmile_L-") == 36);
    const char *tail = strstr((const char *)data, "=head#");
    ck_assert_str_eq(tail, "=head#21.250000,6.500000,0.000000,0.000000,0.000000,-0.658400|rightEye#6.000000,2.500000,0.000000|"
                           "leftEye#6.000000,-1.500000,0.000000|");
}
END_TEST

START_TEST(openseeface_has_its_layout)
{
    float landmarks[136], points[204];
    for (int i = 0; i < 136; i++)
        landmarks[i] = (float)i;
    for (int i = 0; i < 204; i++)
        points[i] = 0;
    points[3 * 30 + 2] = 10; /* the nose, 10 cm in front */
    points[3 * 8 + 1] = -12.2f;
    points[3 * 8 + 2] = 10;
    options.width = 640;
    options.height = 480;
    options.landmarks68 = landmarks;
    options.points68 = points;
    face.translation[0] = 12.2f;
    face.translation[2] = -71;
    face.arkit[jr2_arkit_index("eyeBlinkRight")] = 0.25f;
    encode(JR2_WIRE_OPENSEEFACE);
    ck_assert_uint_eq(size, 1785);
    ck_assert_mem_eq(data, "\0\0\0\0\0\0\370\77\4\0\0\0", 12); /* 1.5, 4 */
    ck_assert(le_float(data + 12) == 640 && le_float(data + 16) == 480 && le_float(data + 20) == 0.75f && le_float(data + 24) == 1 && data[28] == 1);
    /* Upright, frontal: what its receivers subtract. */
    const unsigned char *euler = data + 49, *at = data + 61;
    ck_assert(fabsf(fabsf(le_float(euler)) - 180) < 1e-3f && fabsf(le_float(euler + 4)) < 1e-3f && fabsf(le_float(euler + 8) - 90) < 1e-3f);
    ck_assert(fabsf(le_float(at)) < 1e-5f && fabsf(le_float(at + 4) + 1) < 1e-5f && fabsf(le_float(at + 8) + 5) < 1e-5f);
    const unsigned char *confidence = data + 73, *places = confidence + 272, *space = places + 544, *features = space + 840;
    ck_assert(le_float(confidence) == 0.75f && le_float(confidence + 268) == 0.75f);
    ck_assert(le_float(places + 8 * 8) == 16 && le_float(places + 8 * 8 + 4) == 17);  /* chin: point 8 */
    ck_assert(le_float(places + 8 * 58) == 96 && le_float(places + 8 * 62) == 108); /* mouth corners: 48 and 54 */
    ck_assert(le_float(places + 8 * 66) == 77);                                     /* right pupil: middle of 36 to 41 */
    ck_assert(fabsf(le_float(space + 12 * 30)) < 1e-6f && fabsf(le_float(space + 12 * 8 + 4) - 1) < 1e-5f); /* chin: y down, 1 unit */
    ck_assert(features + 56 == data + 1785);
    ck_assert(fabsf(le_float(features + 4) - (face.arkit[jr2_arkit_index("eyeWideRight")] - 0.25f)) < 1e-6f);
    /* Receivers take z - 90 for the tilt. */
    face.angles[2] = 20;
    encode(JR2_WIRE_OPENSEEFACE);
    ck_assert(fabsf(fabsf(le_float(euler + 8) - 90) - 20) < 1e-2f);
    options.landmarks68 = options.points68 = NULL;
    encode(JR2_WIRE_OPENSEEFACE);
    ck_assert_uint_eq(size, 1785);
}
END_TEST

/* The quaternion of OpenSeeFace is the inverse of the rotation whose angles it sends, for any head. */
START_TEST(openseeface_agrees_with_itself)
{
    for (int i = 0; i < 50; i++) {
        face.angles[0] = 60 * sinf((float)i);
        face.angles[1] = 40 * sinf(1.7f * (float)i);
        face.angles[2] = 50 * sinf(2.3f * (float)i + 1);
        encode(JR2_WIRE_OPENSEEFACE);
        double q[4], r[9], m[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
        for (int k = 0; k < 4; k++)
            q[k] = (double)le_float(data + 33 + 4 * k) * (k < 3 ? -1 : 1);
        r[0] = 1 - 2 * (q[1] * q[1] + q[2] * q[2]);
        r[1] = 2 * (q[0] * q[1] - q[2] * q[3]);
        r[2] = 2 * (q[0] * q[2] + q[1] * q[3]);
        r[3] = 2 * (q[0] * q[1] + q[2] * q[3]);
        r[4] = 1 - 2 * (q[0] * q[0] + q[2] * q[2]);
        r[5] = 2 * (q[1] * q[2] - q[0] * q[3]);
        r[6] = 2 * (q[0] * q[2] - q[1] * q[3]);
        r[7] = 2 * (q[1] * q[2] + q[0] * q[3]);
        r[8] = 1 - 2 * (q[0] * q[0] + q[1] * q[1]);
        for (int axis = 2; axis >= 0; axis--) { /* Rz' Ry' Rx' with the transposed Givens rotations */
            double a = (double)le_float(data + 49 + 4 * axis) * 3.14159265358979 / 180, c = cos(a), s = sin(a), n[9], g[9];
            int u = (axis + 1) % 3, v = (axis + 2) % 3;
            for (int k = 0; k < 9; k++)
                g[k] = k % 4 == 0;
            g[3 * u + u] = g[3 * v + v] = c;
            g[3 * u + v] = -s;
            g[3 * v + u] = s;
            for (int x = 0; x < 3; x++)
                for (int y = 0; y < 3; y++)
                    n[3 * x + y] = m[3 * x] * g[y] + m[3 * x + 1] * g[3 + y] + m[3 * x + 2] * g[6 + y];
            memcpy(m, n, sizeof m);
        }
        for (int k = 0; k < 9; k++)
            ck_assert_msg(fabs(m[k] - r[k]) < 2e-3, "pose %d element %d: %g %g", i, k, m[k], r[k]);
    }
}
END_TEST

START_TEST(mirrors)
{
    face.angles[0] = 10;
    face.gaze[0] = 3;
    options.mirror = 1;
    encode(JR2_WIRE_LIVE_LINK);
    const unsigned char *v = data + 1 + 7 + 7 + 16 + 1;
    ck_assert(be_float(v) == face.arkit[jr2_arkit_index("eyeBlinkRight")] && be_float(v + 28) == face.arkit[jr2_arkit_index("eyeBlinkLeft")]);
    ck_assert(be_float(v + 4 * 15) == face.arkit[16] && be_float(v + 4 * 17) == face.arkit[17]); /* jawLeft, jawRight, jawOpen */
    ck_assert(be_float(v + 4 * 52) > 0 && be_float(v + 4 * 58) > 0); /* head yaw; the right eye has what the left one had */
}
END_TEST

START_TEST(refuses_bad_input)
{
    for (int32_t format = 1; format <= 4; format++) {
        encode(format);
        size_t whole = size;
        ck_assert(whole <= JR2_WIRE_SIZE_MAX);
        for (size_t room = 0; room <= whole; room += room + 7 < whole ? 7 : 1) {
            unsigned char *exact = malloc(room + 1);
            exact[room] = 0x5A;
            size_t n = room;
            ck_assert_int_eq(jr2_wire_encode(format, &face, &options, exact, &n), room < whole ? JR2_ERR_BUFFER : JR2_OK);
            ck_assert_uint_eq(n, whole);
            ck_assert_uint_eq(exact[room], 0x5A);
            free(exact);
        }
        size_t n = 0;
        ck_assert_int_eq(jr2_wire_encode(format, &face, NULL, NULL, &n), JR2_ERR_BUFFER);
        face.arkit[5] = NAN;
        n = sizeof data;
        ck_assert_int_eq(jr2_wire_encode(format, &face, &options, data, &n), JR2_ERR_RANGE);
        face.arkit[5] = 0;
        face.angles[1] = INFINITY;
        ck_assert_int_eq(jr2_wire_encode(format, &face, &options, data, &n), JR2_ERR_RANGE);
        face.angles[1] = 0;
    }
    size_t n = sizeof data;
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[199] = '\0';
    options.name = longest;
    ck_assert_int_eq(jr2_wire_encode(JR2_WIRE_LIVE_LINK, &face, &options, data, &n), JR2_ERR_ARGUMENT);
    options.name = NULL;
    ck_assert_int_eq(jr2_wire_encode(0, &face, &options, data, &n), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_wire_encode(5, &face, &options, data, &n), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_wire_encode(1, NULL, &options, data, &n), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_wire_encode(1, &face, &options, data, NULL), JR2_ERR_ARGUMENT);
    options.struct_size = 3;
    ck_assert_int_eq(jr2_wire_encode(1, &face, &options, data, &n), JR2_ERR_STRUCT_SIZE);
    ck_assert(jr2_wire_port(1) == 39539 && jr2_wire_port(2) == 11111 && jr2_wire_port(3) == 49983 && jr2_wire_port(4) == 11573 && jr2_wire_port(7) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *tests = tcase_create("wire");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, vmc_is_osc);
    tcase_add_test(tests, live_link_is_exact);
    tcase_add_test(tests, ifacialmocap_is_text);
    tcase_add_test(tests, openseeface_has_its_layout);
    tcase_add_test(tests, openseeface_agrees_with_itself);
    tcase_add_test(tests, mirrors);
    tcase_add_test(tests, refuses_bad_input);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
