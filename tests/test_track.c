/* SPDX-License-Identifier: MIT
 * The tracker with the tiny weights: ids, lost and found faces, hold and fade, memory, saved people, calibration, bad input; and the
 * filters by themselves: lag, rest, rotations. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "face/euro.h"
#include "face/pose.h"
#include "suite.h"
#include "tiny.h"

#define W 320
#define H 240
#define STEP 0.04
#define RADIUS 14

static jr2_model *model;
static jr2_ctx *ctx;
static tiny_heap heap;
static unsigned char *pixels;

static void set_up(void)
{
    memset(&heap, 0, sizeof heap);
    static const char *const files[3] = {TINY_FOLDER "/head.jr2w", TINY_FOLDER "/coarse.jr2w", "tests/data/near_find.jr2w"};
    jr2_blob blobs[3];
    for (int i = 0; i < 3; i++)
        blobs[i].data = tiny_read(files[i], &blobs[i].size);
    ck_assert_int_eq(jr2_model_open_memory(blobs, 3, NULL, &model), JR2_OK);
    for (int i = 0; i < 3; i++)
        free((void *)(size_t)blobs[i].data);
    ck_assert_int_eq(tiny_ctx(model, 1, &heap, &ctx), JR2_OK);
    pixels = malloc(W * H * 3);
}

static void tear_down(void)
{
    jr2_ctx_free(ctx);
    jr2_model_release(model);
    free(pixels);
    ck_assert_int_eq(heap.alive, 0);
}

/* The tiny network answers the same whatever it sees: it is the finder that moves a track when it has strayed.
 * Red discs on blue at these columns, which the finder of these tests takes for faces of 38 pixels. */
static jr2_image picture(const int *columns, int count)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            unsigned char *p = pixels + 3 * (y * W + x);
            int red = 0;
            for (int i = 0; i < count; i++) {
                double dx = x + 0.5 - columns[i], dy = y + 0.5 - H * 0.5;
                red |= dx * dx + dy * dy < RADIUS * RADIUS;
            }
            p[0] = red ? 250 : 20;
            p[1] = (unsigned char)(60 + 40 * ((x / 8 + y / 8) & 1));
            p[2] = red ? 10 : 220;
        }
    return tiny_image(pixels, W, H);
}

static jr2_tracker *make(int faces)
{
    jr2_tracker *t;
    jr2_tracker_options o;
    JR2_INIT(o);
    o.max_faces = faces;
    ck_assert_msg(jr2_tracker_create(ctx, &o, &t) == JR2_OK, "%s", jr2_ctx_error(ctx));
    return t;
}

static jr2_result *update(jr2_tracker *t, jr2_image image, double time)
{
    jr2_result *r;
    ck_assert_msg(jr2_tracker_update(t, &image, time, &r) == JR2_OK, "%s", jr2_ctx_error(ctx));
    return r;
}

static int event(const jr2_tracker *t, int kind)
{
    int32_t count, id = 0;
    const jr2_track_event *e = jr2_tracker_events(t, &count);
    for (int32_t i = 0; i < count; i++)
        if (e[i].kind == kind)
            id = e[i].id;
    return id;
}

START_TEST(follows_a_face)
{
    jr2_tracker *t = make(1);
    int new_id = 0;
    for (int i = 0; i < 40; i++) {
        int x = 100 + 3 * i / 2;
        jr2_result *r = update(t, picture(&x, 1), i * STEP);
        new_id = new_id ? new_id : event(t, JR2_EVENT_NEW);
        if (i >= 5) {
            jr2_region region;
            ck_assert_int_eq(jr2_result_count(r), 1);
            const jr2_face *f = jr2_result_face(r, 0);
            ck_assert_int_eq(jr2_face_id(f), 1);
            ck_assert_int_eq(jr2_face_state(f), JR2_FACE_SEEN);
            jr2_face_region(f, &region);
            ck_assert_msg(fabsf(region.x - (float)x) < 22 && fabsf(region.y - 120) < 14, "%g %g at %d", (double)region.x,
                          (double)region.y, x);
            ck_assert_ptr_null(jr2_face_vertices(f, NULL));
            ck_assert(jr2_face_confidence(f) > 0.25f);
            for (int k = 0; k < 52; k++)
                ck_assert(jr2_face_arkit(f, NULL)[k] >= 0 && jr2_face_arkit(f, NULL)[k] <= 1);
        }
        jr2_result_free(r);
    }
    ck_assert_int_eq(new_id, 1);
    jr2_tracker_free(t);
}
END_TEST

START_TEST(holds_then_fades_then_forgets)
{
    jr2_tracker *t = make(1);
    int x = 160, lost = 0, forgotten = 0, held = 0, fading = 0, gone = 0;
    double time = 0;
    float jaw = 0, last = 1;
    for (int i = 0; i < 10; i++, time += STEP) {
        jr2_result *r = update(t, picture(&x, 1), time);
        if (jr2_result_count(r))
            jaw = jr2_face_arkit(jr2_result_face(r, 0), NULL)[jr2_arkit_index("jawOpen")];
        jr2_result_free(r);
    }
    ck_assert(jaw > 0.1f);
    for (int i = 0; i < 80; i++, time += STEP) {
        jr2_result *r = update(t, picture(NULL, 0), time);
        lost |= event(t, JR2_EVENT_LOST);
        forgotten |= event(t, JR2_EVENT_FORGOTTEN);
        if (jr2_result_count(r)) {
            const jr2_face *f = jr2_result_face(r, 0);
            float now = jr2_face_arkit(f, NULL)[jr2_arkit_index("jawOpen")];
            ck_assert(isfinite(jr2_face_landmarks478(f, NULL)[0]));
            held += jr2_face_state(f) == JR2_FACE_HELD;
            fading += jr2_face_state(f) == JR2_FACE_FADING;
            if (jr2_face_state(f) == JR2_FACE_HELD)
                ck_assert(fabsf(now - jaw) < 0.05f);
            ck_assert(now <= last + 1e-6f);
            last = now;
        } else {
            gone++;
        }
        jr2_result_free(r);
    }
    ck_assert_int_eq(lost, 1);
    ck_assert_int_eq(forgotten, 1);
    ck_assert(held >= 6 && held <= 9); /* 0.3 s */
    ck_assert(fading >= 16 && fading <= 19);
    ck_assert(last < 0.02f);
    ck_assert_int_gt(gone, 40);
    for (int i = 0; i < 6; i++, time += STEP) { /* back too late: another id */
        jr2_result *r = update(t, picture(&x, 1), time);
        if (i == 5)
            ck_assert_int_eq(jr2_face_id(jr2_result_face(r, 0)), 2);
        jr2_result_free(r);
    }
    jr2_tracker_free(t);
}
END_TEST

START_TEST(keeps_ids)
{
    jr2_tracker *t = make(3);
    double time = 0;
    int both[2] = {80, 240}, ids[2] = {0, 0};
    for (int i = 0; i < 20; i++, time += STEP)
        jr2_result_free(update(t, picture(both, 2), time));
    jr2_result *r = update(t, picture(both, 2), time += STEP);
    ck_assert_int_eq(jr2_result_count(r), 2);
    for (int i = 0; i < 2; i++) {
        jr2_region region;
        jr2_face_region(jr2_result_face(r, i), &region);
        ids[region.x > 160] = jr2_face_id(jr2_result_face(r, i));
    }
    jr2_result_free(r);
    ck_assert(ids[0] > 0 && ids[1] > 0 && ids[0] != ids[1]);
    for (int i = 0; i < 40; i++) /* the right one is away for 1.6 s */
        jr2_result_free(update(t, picture(both, 1), time += STEP));
    int found = 0;
    for (int i = 0; i < 20; i++) {
        r = update(t, picture(both, 2), time += STEP);
        found |= event(t, JR2_EVENT_FOUND);
        if (i == 19)
            for (int k = 0; k < 2; k++) {
                jr2_region region;
                jr2_face_region(jr2_result_face(r, k), &region);
                ck_assert_int_eq(jr2_face_id(jr2_result_face(r, k)), ids[region.x > 160]);
            }
        jr2_result_free(r);
    }
    ck_assert_int_eq(found, ids[1]);
    jr2_tracker_free(t);
}
END_TEST

START_TEST(sees_nothing_in_nothing)
{
    jr2_tracker *t = make(2);
    for (int i = 0; i < (tiny_small() ? 20 : 200); i++) {
        jr2_result *r = update(t, picture(NULL, 0), i * STEP);
        int32_t events;
        ck_assert_int_eq(jr2_result_count(r), 0);
        jr2_tracker_events(t, &events);
        ck_assert_int_eq(events, 0);
        jr2_result_free(r);
    }
    jr2_tracker_free(t);
}
END_TEST

START_TEST(allocates_only_the_result)
{
    jr2_tracker *t = make(2);
    int x = 160;
    jr2_image image = picture(&x, 1);
    long made = 0, alive = 0;
    for (int i = 0; i < 60; i++) {
        jr2_result *r = update(t, i % 30 < 25 ? image : picture(&x, i % 2), i * STEP);
        if (i > 0)
            ck_assert_int_eq(heap.made - made, 1);
        jr2_result_free(r);
        if (i > 0)
            ck_assert_int_eq(heap.alive, alive);
        made = heap.made;
        alive = heap.alive;
    }
    jr2_tracker_free(t);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    int x = 160;
    jr2_image image = picture(&x, 1);
    for (int again = 0; again < 2; again++)
        for (long fail = 1; fail < 200; fail++) {
            jr2_tracker *t = NULL;
            jr2_result *r = NULL;
            long before = heap.made;
            heap.keep_failing = again;
            heap.fail_at = before + fail;
            int32_t status = jr2_tracker_create(ctx, NULL, &t);
            if (status == JR2_OK)
                status = jr2_tracker_update(t, &image, 1, &r);
            heap.fail_at = 0;
            int done = heap.made < before + fail;
            ck_assert(status == JR2_OK || status == JR2_ERR_NO_MEMORY);
            ck_assert(status == JR2_OK || !r);
            if (t && status != JR2_OK) { /* it goes on */
                ck_assert_int_eq(jr2_tracker_update(t, &image, 2, &r), JR2_OK);
            }
            jr2_result_free(r);
            jr2_tracker_free(t);
            if (done)
                break;
            ck_assert_int_lt(fail, 199);
        }
}
END_TEST

START_TEST(refuses_bad_input)
{
    jr2_tracker *t = (jr2_tracker *)&heap;
    jr2_tracker_options o;
    jr2_result *r = (jr2_result *)&heap;
    int x = 160;
    jr2_image image = picture(&x, 1);
    ck_assert_int_eq(jr2_tracker_create(NULL, NULL, &t), JR2_ERR_ARGUMENT);
    ck_assert_ptr_null(t);
    ck_assert_int_eq(jr2_tracker_create(ctx, NULL, NULL), JR2_ERR_ARGUMENT);
    memset(&o, 0, sizeof o);
    ck_assert_int_eq(jr2_tracker_create(ctx, &o, &t), JR2_ERR_STRUCT_SIZE);
#define BAD(field, value) \
    JR2_INIT(o); \
    o.field = value; \
    ck_assert_int_eq(jr2_tracker_create(ctx, &o, &t), JR2_ERR_RANGE); \
    ck_assert_ptr_null(t);
    BAD(max_faces, 17)
    BAD(max_faces, -1)
    BAD(min_confidence, 2)
    BAD(min_confidence, NAN)
    BAD(find_every, -3)
    BAD(passes, 5)
    BAD(mesh, 2)
    BAD(focal_px, -1)
    BAD(pose_lag, 1.5f)
    BAD(expression_lag, NAN)
    BAD(landmark_lag, INFINITY)
    BAD(hold, 100)
    BAD(fade, NAN)
    BAD(keep, 1e9f)
#undef BAD
    t = make(1);
    ck_assert_int_eq(jr2_tracker_update(NULL, &image, 0, &r), JR2_ERR_ARGUMENT);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(jr2_tracker_update(t, &image, 0, NULL), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_tracker_update(t, NULL, 0, &r), JR2_ERR_ARGUMENT);
    ck_assert_int_eq(jr2_tracker_update(t, &image, NAN, &r), JR2_ERR_RANGE);
    jr2_result_free(update(t, image, 5));
    ck_assert_int_eq(jr2_tracker_update(t, &image, 5, &r), JR2_ERR_RANGE);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(jr2_tracker_update(t, &image, 4, &r), JR2_ERR_RANGE);
    jr2_result_free(update(t, image, 5000)); /* a long pause is none of our business */
    unsigned char *other = tiny_picture(200, 160, 1); /* nor is another size */
    jr2_result_free(update(t, tiny_image(other, 200, 160), 5001));
    free(other);
    jr2_tracker_reset(t);
    jr2_result_free(update(t, image, 1));
    ck_assert_int_eq(jr2_tracker_calibrate(t, 99, JR2_CALIBRATE_REST), JR2_ERR_NOT_FOUND);
    ck_assert_int_eq(jr2_tracker_calibrate(t, 1, 9), JR2_ERR_ARGUMENT);
    jr2_tracker_free(t);
    jr2_tracker_free(NULL);
    jr2_tracker_reset(NULL);
    ck_assert_ptr_null(jr2_tracker_events(NULL, NULL));
    ck_assert_int_eq(jr2_face_id(NULL) + jr2_face_state(NULL), 0);
}
END_TEST

static jr2_result *run(jr2_tracker *t, int frames, double *time)
{
    int x = 160;
    jr2_image image = picture(&x, 1);
    jr2_result *r = NULL;
    for (int i = 0; i < frames; i++) {
        jr2_result_free(r);
        r = update(t, image, *time += STEP);
    }
    ck_assert_int_eq(jr2_result_count(r), 1);
    return r;
}

START_TEST(saves_and_loads_people)
{
    jr2_tracker *t = make(1), *u = make(1);
    double time = 0, other = 0;
    size_t size = 0, small = 10;
    jr2_result *r = run(t, 10, &time), *s;
    int id = jr2_face_id(jr2_result_face(r, 0));
    ck_assert_int_eq(jr2_tracker_save(t, id, NULL, &size), JR2_OK);
    unsigned char *blob = malloc(size), *bad = malloc(size + 1);
    ck_assert_int_eq(jr2_tracker_save(t, id, blob, &small), JR2_ERR_BUFFER);
    ck_assert_uint_eq(small, size);
    ck_assert_int_eq(jr2_tracker_save(t, id, blob, &size), JR2_OK);
    ck_assert_int_eq(jr2_tracker_save(t, 77, blob, &size), JR2_ERR_NOT_FOUND);
    ck_assert_int_eq(jr2_tracker_load(u, 0, blob, size), JR2_OK);
    s = run(u, 10, &other);
    for (int i = 0; i < 100; i++)
        ck_assert(fabsf(jr2_face_identity(jr2_result_face(r, 0), NULL)[i] - jr2_face_identity(jr2_result_face(s, 0), NULL)[i]) < 0.02f);
    ck_assert_int_eq(jr2_tracker_load(u, jr2_face_id(jr2_result_face(s, 0)), blob, size), JR2_OK);
    ck_assert_int_eq(jr2_tracker_load(u, 55, blob, size), JR2_ERR_NOT_FOUND);
    for (size_t n = 0; n < size; n += n < 64 ? 1 : 37)
        ck_assert_int_ne(jr2_tracker_load(u, 0, blob, n), JR2_OK);
    for (size_t n = 0; n < size; n += n < 64 ? 1 : 37) {
        memcpy(bad, blob, size);
        bad[n] ^= 0x41;
        ck_assert_int_ne(jr2_tracker_load(u, 0, bad, size), JR2_OK);
    }
    ck_assert_int_eq(jr2_tracker_load(u, 0, bad, size + 1), JR2_ERR_FORMAT);
    free(blob);
    free(bad);
    jr2_result_free(r);
    jr2_result_free(s);
    jr2_tracker_free(t);
    jr2_tracker_free(u);
}
END_TEST

START_TEST(calibrates_the_rest_face)
{
    jr2_tracker *t = make(1);
    double time = 0;
    int jaw = jr2_arkit_index("jawOpen");
    jr2_result *r = run(t, 10, &time);
    int id = jr2_face_id(jr2_result_face(r, 0));
    float before = jr2_face_arkit(jr2_result_face(r, 0), NULL)[jaw];
    ck_assert(before > 0.2f);
    jr2_result_free(r);
    ck_assert_int_eq(jr2_tracker_calibrate(t, id, JR2_CALIBRATE_REST), JR2_OK);
    r = run(t, 60, &time); /* a second, and the filter's settling */
    ck_assert(jr2_face_arkit(jr2_result_face(r, 0), NULL)[jaw] < 0.02f);
    jr2_result_free(r);
    ck_assert_int_eq(jr2_tracker_calibrate(t, id, JR2_CALIBRATE_RANGE), JR2_OK);
    r = run(t, 20, &time);
    jr2_result_free(r);
    ck_assert_int_eq(jr2_tracker_calibrate(t, id, JR2_CALIBRATE_END), JR2_OK);
    ck_assert_int_eq(jr2_tracker_calibrate(t, id, JR2_CALIBRATE_CLEAR), JR2_OK);
    r = run(t, 60, &time);
    ck_assert(fabsf(jr2_face_arkit(jr2_result_face(r, 0), NULL)[jaw] - before) < 0.02f);
    jr2_result_free(r);
    ck_assert_int_eq(jr2_tracker_calibrate(t, id, JR2_CALIBRATE_REST), JR2_OK);
    r = run(t, 5, &time);
    jr2_result_free(r);
    ck_assert_int_eq(jr2_tracker_calibrate(t, id, JR2_CALIBRATE_RANGE), JR2_OK); /* ends the second early */
    r = run(t, 60, &time);
    ck_assert(jr2_face_arkit(jr2_result_face(r, 0), NULL)[jaw] < 0.02f);
    jr2_result_free(r);
    jr2_tracker_free(t);
}
END_TEST

static int32_t count_bytes(void *user, const void *data, size_t size)
{
    (void)data;
    *(size_t *)user += size;
    return 0;
}

START_TEST(exports_with_a_mesh)
{
    for (int mesh = 0; mesh < 2; mesh++) {
        jr2_tracker *t;
        jr2_tracker_options o;
        JR2_INIT(o);
        o.mesh = mesh;
        ck_assert_int_eq(jr2_tracker_create(ctx, &o, &t), JR2_OK);
        double time = 0;
        size_t bytes = 0;
        jr2_result *r = run(t, 8, &time);
        int32_t expected = mesh ? JR2_OK : JR2_ERR_MISSING, count;
        ck_assert_int_eq(jr2_export(ctx, r, 0, JR2_EXPORT_GLB, NULL, count_bytes, &bytes), expected);
        ck_assert_int_eq(jr2_export(ctx, r, 0, JR2_EXPORT_PLY, NULL, count_bytes, &bytes), expected);
        ck_assert_int_eq(jr2_export(ctx, r, 0, JR2_EXPORT_OBJ, NULL, count_bytes, &bytes), expected);
        ck_assert_int_eq(jr2_export(ctx, r, 0, JR2_EXPORT_JSON, NULL, count_bytes, &bytes), JR2_OK);
        jr2_face_vertices(jr2_result_face(r, 0), &count);
        ck_assert(mesh ? count > 0 : count == 0);
        jr2_export_options e;
        int x = 160;
        jr2_image image = picture(&x, 1);
        JR2_INIT(e);
        e.image = &image;
        ck_assert_int_eq(jr2_export(ctx, r, 0, JR2_EXPORT_OVERLAY, &e, count_bytes, &bytes), expected);
        jr2_result_free(r);
        jr2_tracker_free(t);
    }
}
END_TEST

/* A ramp comes out late by the lag or less, at any frame rate and speed; a still signal loses most of its noise. */
START_TEST(filters_lag_as_documented)
{
    const float lags[] = {0.02f, 0.05f, 0.2f};
    for (int l = 0; l < 3; l++)
        for (int rate = 10; rate <= 120; rate += 55)
            for (float speed = 0.01f; speed < 30; speed *= 5) {
                jr2i_euro f;
                jr2i_euro_law law = {lags[l], 1.2f, 0};
                float dt = 1 / (float)rate, x = 0;
                jr2i_euro_start(&f, 0);
                for (int i = 0; i < 4 * rate; i++)
                    jr2i_euro_step(&f, &law, x += speed * dt, dt);
                float late = (x - f.value) / speed;
                ck_assert_msg(late <= lags[l] * 1.01f + 1e-4f && late >= 0, "lag %g of %g at %d Hz", (double)late, (double)lags[l], rate);
                if (speed > 5 && lags[l] > 0.04f)
                    ck_assert(late < 0.8f * lags[l]);
            }
    jr2i_euro f;
    jr2i_euro_law law = {0.05f, 1.2f, 0}, none = {0, 1.2f, 0};
    double in = 0, out = 0;
    unsigned seed = 1;
    jr2i_euro_start(&f, 0);
    for (int i = 0; i < 2000; i++) {
        seed = seed * 1103515245u + 12345u;
        float noise = ((float)(seed >> 16 & 0x7fff) / 32768.0f - 0.5f) * 0.04f;
        float y = jr2i_euro_step(&f, &law, noise, 1 / 60.0f);
        in += (double)(noise * noise);
        out += (double)(y * y);
    }
    ck_assert(sqrt(out / in) < 0.5);
    ck_assert(jr2i_euro_step(&f, &none, 7, 0.01f) == 7); /* no filter */
    /* The speed that noise has changes nothing, what is above it counts as it is. */
    const jr2i_euro_law quiet = {0.05f, 2, 8}, slow = {0.05f, 0, 0}, plain = {0.05f, 2, 0};
    ck_assert(jr2i_euro_share(&quiet, -7.9f, 0.04f) == jr2i_euro_share(&slow, 0, 0.04f));
    ck_assert(jr2i_euro_share(&quiet, -108, 0.04f) == jr2i_euro_share(&plain, 100, 0.04f));
    ck_assert(jr2i_euro_share(&quiet, 108, 0.04f) > 0.97f);
}
END_TEST

START_TEST(filters_rotations)
{
    jr2i_euro_turn f;
    jr2i_euro_law law = {0.05f, 0.06f, 0};
    float r[9], w[3], back[9], yaw, pitch, roll, dt = 1 / 30.0f;
    jr2i_pose_matrix(0, 0, 0, r);
    jr2i_euro_turn_start(&f, r);
    for (int i = 1; i <= 300; i++) { /* five times around: no jump anywhere */
        float angle = (float)i * 0.1f;
        jr2i_pose_matrix(0, 0, angle, r);
        jr2i_euro_turn_step(&f, &law, r, dt);
        jr2i_pose_angles(f.value, &yaw, &pitch, &roll);
        float late = remainderf(angle - roll, 2 * JR2I_PI);
        ck_assert(late > -1e-3f && late <= 0.1f / dt * 0.05f);
        ck_assert(fabsf(yaw) < 1e-3f && fabsf(pitch) < 1e-3f);
    }
    for (int i = 0; i < 200; i++) {
        float v[3] = {sinf((float)i) * 1.7f, cosf(2.3f * (float)i) * 1.7f, sinf(0.7f * (float)i + 1) * 1.7f};
        jr2i_pose_exponential(v, r);
        jr2i_pose_logarithm(r, w);
        jr2i_pose_exponential(w, back);
        for (int k = 0; k < 9; k++)
            ck_assert(fabsf(back[k] - r[k]) < 2e-3f);
    }
    const float half[4][9] = {{1, 0, 0, 0, -1, 0, 0, 0, -1}, {-1, 0, 0, 0, 1, 0, 0, 0, -1}, {-1, 0, 0, 0, -1, 0, 0, 0, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    for (int i = 0; i < 4; i++) {
        jr2i_pose_logarithm(half[i], w);
        jr2i_pose_exponential(w, back);
        for (int k = 0; k < 9; k++)
            ck_assert(fabsf(back[k] - half[i][k]) < 1e-3f);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("track");
    TCase *tests = tcase_create("track");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, follows_a_face);
    tcase_add_test(tests, holds_then_fades_then_forgets);
    tcase_add_test(tests, keeps_ids);
    tcase_add_test(tests, sees_nothing_in_nothing);
    tcase_add_test(tests, allocates_only_the_result);
    tcase_add_test(tests, survives_failing_allocations);
    tcase_add_test(tests, refuses_bad_input);
    tcase_add_test(tests, saves_and_loads_people);
    tcase_add_test(tests, calibrates_the_rest_face);
    tcase_add_test(tests, exports_with_a_mesh);
    tcase_add_test(tests, filters_lag_as_documented);
    tcase_add_test(tests, filters_rotations);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
