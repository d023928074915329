/* SPDX-License-Identifier: MIT
 * Reenactment with tiny weights: the public functions, bad input, memory, determinism, the mark. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/params.h"
#include "suite.h"
#include "tiny.h"
#include "tiny_face.h"

#define W 320
#define H 240

static jr2_model *model, *plain; /* with and without the network */
static jr2_ctx *ctx;
static tiny_heap heap;
static unsigned char *pixels, *made;

static jr2_model *open_parts(int count)
{
    static const char *const files[] = {TINY_FOLDER "/head.jr2w", TINY_FOLDER "/coarse.jr2w", TINY_FOLDER "/find.jr2w", "tests/data/reenact.jr2w"};
    jr2_blob blobs[4];
    jr2_model *m;
    for (int i = 0; i < count; i++)
        blobs[i].data = tiny_read(files[i], &blobs[i].size);
    ck_assert_int_eq(jr2_model_open_memory(blobs, count, NULL, &m), JR2_OK);
    for (int i = 0; i < count; i++)
        free((void *)(size_t)blobs[i].data);
    return m;
}

static jr2_ctx *make_ctx(jr2_model *m, int threads)
{
    jr2_ctx *c;
    ck_assert_int_eq(tiny_ctx(m, threads, &heap, &c), JR2_OK);
    return c;
}

static void set_up(void)
{
    memset(&heap, 0, sizeof heap);
    model = open_parts(4);
    plain = open_parts(3);
    ctx = make_ctx(model, 1);
    pixels = tiny_picture(W, H, 1);
    made = malloc(W * H * 4);
    memset(made, 0x5A, W * H * 4);
}

static void tear_down(void)
{
    jr2_ctx_free(ctx);
    jr2_model_release(model);
    jr2_model_release(plain);
    free(pixels);
    free(made);
    ck_assert_int_eq(heap.alive, 0);
}

static jr2_portrait *portrait_of(jr2_ctx *c, int face)
{
    jr2_portrait_options o;
    jr2_portrait *p;
    jr2_image image = tiny_image(pixels, W, H);
    JR2_INIT(o);
    o.face = face;
    ck_assert_msg(jr2_portrait_create(c, &image, &o, &p) == JR2_OK, "%s", jr2_ctx_error(c));
    return p;
}

static jr2_reenact_options warping(void)
{
    jr2_reenact_options o;
    JR2_INIT(o);
    o.method = JR2_REENACT_WARP;
    o.unmarked = 1;
    return o;
}

static jr2_motion_face driver(float yaw, float jaw)
{
    jr2_motion_face m;
    JR2_INIT(m);
    m.angles[0] = yaw;
    m.arkit[jr2_arkit_index("jawOpen")] = jaw;
    return m;
}

static void frame(jr2_ctx *c, jr2_portrait *p, const jr2_motion_face *m, const jr2_reenact_options *o, const jr2_image *out)
{
    ck_assert_msg(jr2_reenact(c, p, m, o, out) == JR2_OK, "%s", jr2_ctx_error(c));
}

static double difference(const unsigned char *a, const unsigned char *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += abs(a[i] - b[i]);
    return sum / (double)count;
}

START_TEST(leaves_an_idle_portrait_alone)
{
    jr2_portrait *p = portrait_of(ctx, 0);
    jr2_reenact_options o = warping();
    jr2_image out = tiny_image(made, W, H);
    int32_t w, h;
    float crop[3];
    jr2_motion_face state;
    JR2_INIT(state);
    ck_assert_int_eq(jr2_portrait_faces(p), 1);
    jr2_portrait_size(p, &w, &h);
    ck_assert(w == W && h == H);
    jr2_portrait_crop(p, crop);
    jr2_region region;
    jr2_face_region(jr2_portrait_face(p), &region);
    ck_assert_float_eq_tol(crop[2], 2.1f * region.size, 0.01f);
    ck_assert_float_eq_tol(crop[0] + 0.5f * crop[2], region.x, 0.01f);
    frame(ctx, p, NULL, &o, &out);
    ck_assert(difference(made, pixels, W * H * 3) < 0.02);
    ck_assert_int_eq(jr2_portrait_state(p, &state), JR2_OK);
    const float *angles = jr2_face_angles(jr2_portrait_face(p)), *arkit = jr2_face_arkit(jr2_portrait_face(p), NULL);
    for (int k = 0; k < 3; k++)
        ck_assert_float_eq_tol(state.angles[k], angles[k], 0.01f);
    for (int k = 0; k < 52; k++)
        ck_assert_float_eq_tol(state.arkit[k], arkit[k], 1e-5f);
    /* absolute motion by its own face changes nothing either */
    jr2_motion_face self;
    JR2_INIT(self);
    ck_assert_int_eq(jr2_motion_from_face(jr2_portrait_face(p), &self), JR2_OK);
    o.motion = JR2_REENACT_ABSOLUTE;
    frame(ctx, p, &self, &o, &out);
    ck_assert(difference(made, pixels, W * H * 3) < 0.05);
    jr2_portrait_free(p);
}
END_TEST

START_TEST(moves)
{
    jr2_portrait *p = portrait_of(ctx, 0);
    jr2_reenact_options o = warping();
    jr2_image out = tiny_image(made, W, H);
    jr2_motion_face m = driver(25, 0.6f), state;
    unsigned char *other = malloc(W * H * 3);
    float own = jr2_face_angles(jr2_portrait_face(p))[0];
    JR2_INIT(state);
    frame(ctx, p, &m, &o, &out);
    ck_assert(difference(made, pixels, W * H * 3) > 0.1);
    float at[3];
    jr2_portrait_crop(p, at);
    for (int i = 0; i < W * H; i++) /* outside of the crop all is as it was */
        if ((float)(i % W) + 0.5f < at[0] || (float)(i % W) + 0.5f > at[0] + at[2])
            ck_assert(memcmp(made + 3 * i, pixels + 3 * i, 3) == 0);
    ck_assert_int_eq(jr2_portrait_state(p, &state), JR2_OK);
    ck_assert_float_eq_tol(state.angles[0], own + 25, 3);
    ck_assert(state.arkit[jr2_arkit_index("jawOpen")] > 0.6f);
    /* an edit does what a driver does; the limit holds */
    float *e = calloc((size_t)jr2_model_count(model, JR2_COUNT_EXPRESSION), sizeof *e), arkit[52] = {0};
    arkit[jr2_arkit_index("mouthFunnel")] = 0.5f;
    ck_assert_int_eq(jr2_head_from_arkit(ctx, arkit, e), JR2_OK);
    o.angles[0] = 300;
    o.angles[2] = -20;
    o.edit = e;
    o.edit_count = jr2_model_count(model, JR2_COUNT_EXPRESSION);
    frame(ctx, p, NULL, &o, &out);
    ck_assert_int_eq(jr2_portrait_state(p, &state), JR2_OK);
    ck_assert(fabsf(state.angles[0] - own) <= 61);
    ck_assert_float_eq_tol(state.arkit[jr2_arkit_index("mouthFunnel")], 0.5f, 0.02f);
    free(e);
    /* every format; alpha and padding stay */
    o = warping();
    frame(ctx, p, &m, &o, &out);
    memcpy(other, made, W * H * 3);
    static const int32_t formats[] = {JR2_PIXEL_RGBA8, JR2_PIXEL_BGR8, JR2_PIXEL_BGRA8};
    for (int f = 0; f < 3; f++) {
        const int step = formats[f] == JR2_PIXEL_BGR8 ? 3 : 4, swapped = formats[f] != JR2_PIXEL_RGBA8;
        memset(made, 0x5A, W * H * 4);
        out.format = formats[f];
        out.stride = -step * W; /* bottom up */
        out.pixels = made + (H - 1) * step * W;
        frame(ctx, p, &m, &o, &out);
        for (int i = 0; i < W * H; i++) {
            const unsigned char *q = made + (H - 1 - i / W) * step * W + i % W * step, *r = other + 3 * i;
            ck_assert(q[0] == r[swapped ? 2 : 0] && q[1] == r[1] && q[2] == r[swapped ? 0 : 2] && (step == 3 || q[3] == 0x5A));
        }
    }
    /* the crop */
    unsigned char *crop = malloc(256 * 256 * 3);
    out = tiny_image(crop, 256, 256);
    o.output = JR2_REENACT_CROP;
    frame(ctx, p, &m, &o, &out);
    ck_assert(crop[3 * (128 * 256 + 128)] > 200); /* the disc */
    o.method = JR2_REENACT_NETWORK;
    frame(ctx, p, &m, &o, &out);
    free(crop);
    free(other);
    jr2_portrait_free(p);
}
END_TEST

/* The network is told more than is to be seen, up to 1; the warp and the state are not. */
START_TEST(tells_the_network_more)
{
    jr2_portrait *p = portrait_of(ctx, 0);
    jr2_image out = tiny_image(made, W, H);
    const jr2_motion_face most = driver(0, 1), nearly = driver(0, 0.95f);
    unsigned char *other = malloc(W * H * 3);
    for (int network = 0; network < 2; network++) {
        jr2_reenact_options o = warping();
        jr2_motion_face state;
        o.motion = JR2_REENACT_ABSOLUTE;
        o.method = network ? JR2_REENACT_NETWORK : JR2_REENACT_WARP;
        JR2_INIT(state);
        frame(ctx, p, &most, &o, &out);
        memcpy(other, made, W * H * 3);
        frame(ctx, p, &nearly, &o, &out);
        ck_assert_int_eq(memcmp(other, made, W * H * 3) == 0, network);
        ck_assert_int_eq(jr2_portrait_state(p, &state), JR2_OK);
        ck_assert_float_eq_tol(state.arkit[jr2_arkit_index("jawOpen")], 0.95f, 1e-6f);
    }
    free(other);
    jr2_portrait_free(p);
}
END_TEST

START_TEST(moves_two_faces)
{
    free(pixels);
    pixels = tiny_picture(W, H, 2);
    jr2_portrait *a = portrait_of(ctx, 0), *b = portrait_of(ctx, 1), *c;
    jr2_reenact_options o = warping();
    jr2_image out = tiny_image(made, W, H), image = tiny_image(pixels, W, H);
    jr2_motion_face m = driver(30, 0.5f);
    unsigned char *one = malloc(W * H * 3);
    ck_assert_int_eq(jr2_portrait_faces(a), 2);
    frame(ctx, a, &m, &o, &out);
    memcpy(one, made, W * H * 3);
    o.over = 1;
    frame(ctx, b, &m, &o, &out);
    ck_assert(difference(one, made, W * H * 3) > 0.05); /* the second face moved, */
    ck_assert(difference(one, pixels, W * H * 3) > 0.05);
    float crop[3];
    jr2_portrait_crop(b, crop);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            if ((float)x + 0.5f < crop[0] || (float)x + 0.5f > crop[0] + crop[2]) /* and the first one is as it was */
                ck_assert(memcmp(made + 3 * (y * W + x), one + 3 * (y * W + x), 3) == 0);
    jr2_portrait_options p;
    JR2_INIT(p);
    p.face = 2;
    ck_assert_int_eq(jr2_portrait_create(ctx, &image, &p, &c), JR2_ERR_NOT_FOUND);
    ck_assert_ptr_null(c);
    jr2_region region;
    jr2_face_region(jr2_portrait_face(b), &region);
    p.face = 0;
    p.region = &region;
    ck_assert_int_eq(jr2_portrait_create(ctx, &image, &p, &c), JR2_OK);
    ck_assert_int_eq(jr2_portrait_faces(c), 1);
    jr2_portrait_free(a);
    jr2_portrait_free(b);
    jr2_portrait_free(c);
    free(one);
}
END_TEST

static int32_t with(jr2_portrait *p, const jr2_motion_face *m, const jr2_reenact_options *o)
{
    jr2_image out = tiny_image(made, W, H);
    return jr2_reenact(ctx, p, m, o, &out);
}

START_TEST(refuses_bad_input)
{
    jr2_portrait *p = portrait_of(ctx, 0), *q;
    jr2_image image = tiny_image(pixels, W, H), out = tiny_image(made, W, H);
    jr2_portrait_options c;
    jr2_motion_face m = driver(0, 0);
    float few[3] = {0, 0, 0};
    memset(made, 7, W * H * 3);
    ck_assert_int_eq(jr2_portrait_create(NULL, &image, NULL, &q), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_portrait_create(ctx, &image, NULL, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_portrait_create(ctx, NULL, NULL, &q), JR2_ERR_ARGUMENT);
    JR2_INIT(c);
    c.struct_size--;
    ck_assert_int_eq(jr2_portrait_create(ctx, &image, &c, &q), JR2_ERR_STRUCT_SIZE);
    static const float crops[] = {NAN, 1, 5, -2};
    for (int i = 0; i < 4; i++) {
        JR2_INIT(c);
        c.crop = crops[i];
        ck_assert_int_eq(jr2_portrait_create(ctx, &image, &c, &q), JR2_ERR_RANGE);
    }
    JR2_INIT(c);
    c.face = -1;
    ck_assert_int_eq(jr2_portrait_create(ctx, &image, &c, &q), JR2_ERR_RANGE);
    JR2_INIT(c);
    jr2_region nowhere = {NAN, 0, 10, 0};
    c.region = &nowhere;
    ck_assert_int_eq(jr2_portrait_create(ctx, &image, &c, &q), JR2_ERR_RANGE);
    unsigned char dot[8 * 8 * 3] = {0};
    jr2_image tiny = tiny_image(dot, 8, 8);
    ck_assert_int_eq(jr2_portrait_create(ctx, &tiny, NULL, &q), JR2_ERR_NO_FACE);
    ck_assert_ptr_null(q);

    ck_assert_int_eq(jr2_reenact(NULL, p, &m, NULL, &out), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_reenact(ctx, NULL, &m, NULL, &out), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_reenact(ctx, p, &m, NULL, NULL), JR2_ERR_ARGUMENT);
    jr2_ctx *other = make_ctx(model, 1);
    ck_assert_int_eq(jr2_reenact(other, p, &m, NULL, &out), JR2_ERR_ARGUMENT);
    jr2_ctx_free(other);
    out.format = JR2_PIXEL_GRAY8;
    ck_assert_int_eq(jr2_reenact(ctx, p, &m, NULL, &out), JR2_ERR_IMAGE_FORMAT);
    out = tiny_image(made, W, H - 1);
    ck_assert_int_eq(jr2_reenact(ctx, p, &m, NULL, &out), JR2_ERR_IMAGE_SIZE);
    out = tiny_image(NULL, W, H);
    ck_assert_int_eq(jr2_reenact(ctx, p, &m, NULL, &out), JR2_ERR_IMAGE);

    static const int fields[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        jr2_reenact_options o = warping();
        switch (fields[i]) {
        case 0: o.motion = 2; break;
        case 1: o.method = -1; break;
        case 2: o.output = 2; break;
        case 3: o.over = 5; break;
        case 4: o.unmarked = 2; break;
        case 5: o.expression_gain = NAN; break;
        case 6: o.pose_gain = 5; break;
        case 7: o.eye_lock = 1.5f; break;
        case 8: o.lip_lock = NAN; break;
        case 9: o.limit_yaw = 400; break;
        case 10: o.limit_pitch = NAN; break;
        case 11: o.limit_roll = INFINITY; break;
        case 12: o.limit_shift = 101; break;
        case 13: o.angles[0] = NAN; break;
        case 14: o.angles[1] = 361; break;
        default: o.angles[2] = -INFINITY; break;
        }
        ck_assert_msg(with(p, &m, &o) == JR2_ERR_RANGE, "field %d", (int)i);
        ck_assert(jr2_ctx_error(ctx)[0] != 0);
    }
    jr2_reenact_options o = warping();
    o.edit = few;
    o.edit_count = 3;
    ck_assert_int_eq(with(p, &m, &o), JR2_ERR_ARGUMENT);
    o.edit = NULL;
    o.edit_count = jr2_model_count(model, JR2_COUNT_EXPRESSION);
    ck_assert_int_eq(with(p, &m, &o), JR2_ERR_ARGUMENT);
    float wild[JR2I_PARAMS_EXPRESSION_MAX] = {0};
    wild[5] = 1.01f;
    o.edit = wild;
    ck_assert_int_eq(with(p, &m, &o), JR2_ERR_RANGE);
    o = warping();
    o.struct_size = 8;
    ck_assert_int_eq(with(p, &m, &o), JR2_ERR_STRUCT_SIZE);
    o = warping();
    m.struct_size = 8;
    ck_assert_int_eq(with(p, &m, &o), JR2_ERR_STRUCT_SIZE);
    for (int i = 0; i < 6; i++) {
        m = driver(0, 0);
        float nan[JR2I_PARAMS_EXPRESSION_MAX] = {0};
        nan[1] = NAN;
        switch (i) {
        case 0: m.angles[1] = NAN; break;
        case 1: m.translation[0] = INFINITY; break;
        case 2: m.gaze[3] = NAN; break;
        case 3: m.arkit[51] = -INFINITY; break;
        case 4: m.translation[2] = 5; break; /* behind the camera */
        default:
            m.expression = nan;
            m.expression_count = jr2_model_count(model, JR2_COUNT_EXPRESSION);
            break;
        }
        ck_assert_msg(with(p, &m, &o) == JR2_ERR_RANGE, "driver %d", i);
        jr2_motion_face good = driver(0, 0);
        o.reference = &m;
        ck_assert_msg(with(p, &good, &o) == JR2_ERR_RANGE, "reference %d", i);
        o.reference = NULL;
    }
    m = driver(0, 0);
    m.expression = few;
    m.expression_count = 3;
    ck_assert_int_eq(with(p, &m, &o), JR2_ERR_ARGUMENT);
    for (int i = 0; i < W * H * 3; i++)
        ck_assert(made[i] == 7); /* nothing was written */
    jr2_motion_face state;
    ck_assert_int_eq(jr2_portrait_state(NULL, &state), JR2_ERR_ARGUMENT);
    state.struct_size = 3;
    ck_assert_int_eq(jr2_portrait_state(p, &state), JR2_ERR_STRUCT_SIZE);
    ck_assert_int_eq(jr2_portrait_faces(NULL), 0);
    ck_assert_ptr_null(jr2_portrait_face(NULL));
    jr2_portrait_size(NULL, NULL, NULL);
    jr2_portrait_crop(NULL, few);
    jr2_portrait_free(NULL);
    /* numbers that are wild but finite give a picture */
    m = driver(1e6f, 1e6f);
    m.translation[0] = -1e6f;
    m.translation[2] = -1e-6f;
    o.pose_gain = 4;
    o.limit_yaw = o.limit_pitch = o.limit_roll = o.limit_shift = -1;
    ck_assert_int_eq(with(p, &m, &o), JR2_OK);
    o.motion = JR2_REENACT_ABSOLUTE;
    ck_assert_int_eq(with(p, &m, &o), JR2_OK);
    m.translation[2] = -1e6f;
    ck_assert_int_eq(with(p, &m, &o), JR2_OK);
    jr2_portrait_free(p);
}
END_TEST

START_TEST(needs_a_network_or_the_warp)
{
    jr2_ctx *c = make_ctx(plain, 1);
    jr2_portrait *p = portrait_of(c, 0);
    jr2_image out = tiny_image(made, W, H);
    jr2_reenact_options o = warping();
    ck_assert_int_eq(jr2_model_has(model, JR2_PART_REENACT), 1);
    ck_assert_int_eq(jr2_model_has(plain, JR2_PART_REENACT), 0);
    ck_assert_int_eq(jr2_reenact(c, p, NULL, NULL, &out), JR2_ERR_MISSING);
    ck_assert_int_eq(jr2_reenact(c, p, NULL, &o, &out), JR2_OK);
    jr2_portrait_free(p);
    jr2_ctx_free(c);
}
END_TEST

START_TEST(is_the_same_with_threads)
{
    jr2_ctx *c = make_ctx(model, 3);
    jr2_portrait *a = portrait_of(ctx, 0), *b = portrait_of(c, 0);
    unsigned char *other = malloc(W * H * 3);
    jr2_image out = tiny_image(made, W, H), out3 = tiny_image(other, W, H);
    for (int i = 0; i < 3; i++) {
        jr2_motion_face m = driver(10.0f * (float)i, 0.3f);
        frame(ctx, a, &m, NULL, &out);
        frame(c, b, &m, NULL, &out3);
        ck_assert_int_eq(memcmp(made, other, W * H * 3), 0);
    }
    jr2_motion_face m = driver(0, 0.3f); /* nothing is left over from the frames between */
    frame(ctx, a, &m, NULL, &out);
    jr2_portrait *fresh = portrait_of(ctx, 0);
    frame(ctx, fresh, &m, NULL, &out3);
    ck_assert_int_eq(memcmp(made, other, W * H * 3), 0);
    jr2_portrait_free(fresh);
    jr2_portrait_free(a);
    jr2_portrait_free(b);
    jr2_ctx_free(c);
    free(other);
}
END_TEST

START_TEST(allocates_nothing_in_a_frame)
{
    jr2_portrait *p = portrait_of(ctx, 0);
    jr2_image out = tiny_image(made, W, H);
    jr2_motion_face m = driver(5, 0.3f);
    frame(ctx, p, &m, NULL, &out);
    const long before = heap.made;
    for (int i = 0; i < 5; i++) {
        m = driver(5.0f * (float)i, 0.1f * (float)i);
        jr2_reenact_options o = warping();
        frame(ctx, p, &m, i & 1 ? &o : NULL, &out);
    }
    ck_assert_int_eq(heap.made, before);
    jr2_portrait_free(p);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    jr2_image image = tiny_image(pixels, W, H), out = tiny_image(made, W, H);
    jr2_portrait *p;
    jr2_ctx_free(ctx);
    ctx = NULL;
    int done = 0;
    for (long fail = 1; !done; fail++) {
        jr2_ctx *c;
        memset(&heap, 0, sizeof heap);
        heap.fail_at = fail;
        int32_t status = tiny_ctx(model, 1, &heap, &c);
        if (status == JR2_OK) {
            status = jr2_portrait_create(c, &image, NULL, &p);
            ck_assert((status == JR2_OK) == (p != NULL));
            if (status == JR2_OK)
                status = jr2_reenact(c, p, NULL, NULL, &out);
            else if (heap.made >= fail) { /* the ctx is as good as before */
                jr2_portrait *again;
                ck_assert_int_eq(jr2_portrait_create(c, &image, NULL, &again), JR2_OK);
                jr2_portrait_free(again);
            }
            jr2_portrait_free(p);
        }
        done = heap.made < fail;
        ck_assert_int_eq(status, done ? JR2_OK : JR2_ERR_NO_MEMORY);
        jr2_ctx_free(c);
        ck_assert_int_eq(heap.alive, 0);
    }
}
END_TEST

START_TEST(marks_unless_told_not_to)
{
    enum { BIG = 512 };
    unsigned char *big = tiny_picture(BIG, BIG, 1), *out_pixels = malloc(BIG * BIG * 3);
    uint32_t seed = 9;
    for (int i = 0; i < BIG * BIG * 3; i++) /* a mark needs texture */
        if (big[i] > 30 && big[i] < 225)
            big[i] = (unsigned char)((float)big[i] + 30 * (tiny_random(&seed) - 0.5f));
    jr2_image image = tiny_image(big, BIG, BIG), out = tiny_image(out_pixels, BIG, BIG);
    jr2_portrait *p;
    jr2_mark_report report;
    ck_assert_msg(jr2_portrait_create(ctx, &image, NULL, &p) == JR2_OK, "%s", jr2_ctx_error(ctx));
    for (int unmarked = 0; unmarked < 2; unmarked++) {
        jr2_reenact_options o = warping();
        o.unmarked = unmarked;
        frame(ctx, p, NULL, &o, &out);
        JR2_INIT(report);
        ck_assert_int_eq(jr2_mark_check(&out, 1, NULL, &report), JR2_OK);
        ck_assert_int_eq(report.marked, !unmarked);
    }
    jr2_portrait_free(p);
    free(big);
    free(out_pixels);
}
END_TEST

static int32_t at_once(void *user)
{
    (void)user;
    return 1;
}

START_TEST(can_be_cancelled)
{
    jr2_config config;
    jr2_ctx *c;
    jr2_portrait *p;
    jr2_image image = tiny_image(pixels, W, H);
    JR2_INIT(config);
    config.model = model;
    config.cancel = at_once;
    ck_assert_int_eq(jr2_ctx_create(&config, &c), JR2_OK);
    ck_assert_int_eq(jr2_portrait_create(c, &image, NULL, &p), JR2_ERR_CANCELLED);
    jr2_ctx_free(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reenact");
    TCase *tcase = tcase_create("portraits");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, leaves_an_idle_portrait_alone);
    tcase_add_test(tcase, moves);
    tcase_add_test(tcase, tells_the_network_more);
    tcase_add_test(tcase, moves_two_faces);
    tcase_add_test(tcase, refuses_bad_input);
    tcase_add_test(tcase, needs_a_network_or_the_warp);
    tcase_add_test(tcase, is_the_same_with_threads);
    tcase_add_test(tcase, allocates_nothing_in_a_frame);
    tcase_add_test(tcase, survives_failing_allocations);
    tcase_add_test(tcase, marks_unless_told_not_to);
    tcase_add_test(tcase, can_be_cancelled);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
