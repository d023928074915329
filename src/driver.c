/* SPDX-License-Identifier: MIT
 * See driver.h. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "motion_file.h"
#include "picture.h"
#include "sample_frames.h"
#include "video.h"

#define COUNTED (64 << 20) /* bytes: frames of a larger motion file are not counted beforehand */
#define TOLD 3             /* wrong lines that get a message each */

struct driver {
    jr2_ctx *ctx;
    const char *path;
    driver_info info;
    long done;
    double started;
    /* video */
    video_in *in;
    jr2_tracker *tracker;
    jr2_result *result;
    jr2_motion_face *faces; /* (JR2_TRACK_FACES_MAX) */
    int count;              /* of a picture */
    /* motion */
    motion_file file;
    jr2_motion *motion;
    long wrong;
    char said[256]; /* of the last wrong line */
};

static void take_faces(driver *d)
{
    const int count = jr2_result_count(d->result);
    d->count = count < JR2_TRACK_FACES_MAX ? count : JR2_TRACK_FACES_MAX;
    for (int i = 0; i < d->count; i++) {
        JR2_INIT(d->faces[i]);
        jr2_motion_from_face(jr2_result_face(d->result, i), &d->faces[i]);
        if (!d->tracker)
            d->faces[i].id = i + 1;
    }
}

static int open_picture(driver *d, const jr2_tracker_options *options, char *error, size_t error_size)
{
    picture photo;
    jr2_image image;
    jr2_reconstruct_options o;
    if (picture_read(d->path, &photo, error, error_size) != 0)
        return -1;
    picture_image(&photo, &image);
    JR2_INIT(o);
    o.focal_px = options->focal_px;
    o.expression_source = options->expression_source;
    o.thorough = 1;
    const int32_t status = jr2_reconstruct(d->ctx, &image, &o, &d->result);
    picture_free(&photo);
    if (status != JR2_OK) {
        snprintf(error, error_size, "%s", jr2_ctx_error(d->ctx));
        return -1;
    }
    if (jr2_result_count(d->result) == 0) {
        snprintf(error, error_size, "no face was found in the driving picture");
        return -1;
    }
    take_faces(d);
    d->info.kind = DRIVER_PICTURE;
    d->info.frames = 1;
    return 0;
}

static int open_video(driver *d, const jr2_tracker_options *options, char *error, size_t error_size)
{
    if (!(d->in = video_open(d->path, error, error_size)))
        return -1;
    if (jr2_tracker_create(d->ctx, options, &d->tracker) != JR2_OK) {
        snprintf(error, error_size, "%s", jr2_ctx_error(d->ctx));
        return -1;
    }
    d->info.kind = DRIVER_VIDEO;
    d->info.live = video_about(d->in)->live;
    d->info.rate = d->info.live ? 0 : video_about(d->in)->rate;
    if (!d->info.live && strcmp(d->path, "-") != 0)
        d->info.frames = video_seconds(d->path) * d->info.rate;
    return 0;
}

/* The next frame of a motion file as driver_next. quiet: without messages. */
static int next_motion(driver *d, const jr2_motion_frame **frame, int quiet, char *error, size_t error_size)
{
    for (;;) {
        const int32_t status = jr2_motion_next(d->motion, frame);
        const char *text = jr2_ctx_error(d->ctx);
        if (status == JR2_OK)
            return *frame != NULL;
        /* A reader that cannot go on says the same again; a wrong line has its number in the text. */
        if (video_stopped()) /* it cut the file off */
            return 0;
        if ((status != JR2_ERR_FORMAT && status != JR2_ERR_RANGE) || strcmp(text, d->said) == 0) {
            snprintf(error, error_size, "%s", text);
            return -1;
        }
        snprintf(d->said, sizeof d->said, "%s", text);
        if (d->wrong++ < TOLD && !quiet)
            cli_message("%s: %s; the portrait stays as it is for that frame", d->path, text);
    }
}

static int start_motion(driver *d, char *error, size_t error_size)
{
    if (jr2_motion_open(d->ctx, motion_file_read, &d->file, &d->motion) == JR2_OK)
        return 0;
    snprintf(error, error_size, "%s", jr2_ctx_error(d->ctx));
    return -1;
}

static int open_motion(driver *d, char *error, size_t error_size)
{
    const jr2_motion_frame *frame;
    jr2_motion_info info;
    if (start_motion(d, error, error_size) != 0)
        return -1;
    JR2_INIT(info);
    jr2_motion_get_info(d->motion, &info);
    d->info.kind = DRIVER_MOTION;
    d->info.rate = info.rate > 0 && info.rate <= 1000 ? info.rate : 0;
    if (d->file.size == 0 || d->file.size > COUNTED)
        return 0;
    while (next_motion(d, &frame, 1, error, error_size) == 1)
        d->info.frames++;
    jr2_motion_free(d->motion);
    d->motion = NULL;
    motion_file_close(&d->file);
    d->wrong = 0;
    d->said[0] = '\0';
    if (motion_file_open(&d->file, d->path, error, error_size) == 1)
        return start_motion(d, error, error_size);
    snprintf(error, error_size, "changed while it was read");
    return -1;
}

driver *driver_open(jr2_ctx *ctx, const char *path, const jr2_tracker_options *options, char *error, size_t error_size)
{
    driver *d = calloc(1, sizeof *d);
    if (d)
        d->faces = calloc(JR2_TRACK_FACES_MAX, sizeof *d->faces);
    if (!d || !d->faces) {
        snprintf(error, error_size, "out of memory");
        free(d);
        return NULL;
    }
    d->ctx = ctx;
    d->path = path;
    d->file.file = -1;
    int failed = 0;
    if (!path)
        d->info.frames = 1;
    else if ((failed = motion_file_open(&d->file, path, error, error_size)) != 0)
        failed = failed < 0 ? -1 : open_motion(d, error, error_size);
    else if (strcmp(path, "-") == 0 || strcmp(path, "camera") == 0 || strncmp(path, "camera:", 7) == 0 || sample_frames_needed(path))
        failed = open_video(d, options, error, error_size);
    else
        failed = open_picture(d, options, error, error_size);
    d->started = cli_seconds();
    if (!failed)
        return d;
    driver_close(d);
    return NULL;
}

const driver_info *driver_about(const driver *d)
{
    return &d->info;
}

static int next_of_video(driver *d, driver_frame *frame, char *error, size_t error_size)
{
    const unsigned char *rgb;
    const video_info *about = video_about(d->in);
    const int got = video_read(d->in, &rgb, error, error_size);
    if (got != 1)
        return got;
    jr2_image image;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    image.width = about->width;
    image.height = about->height;
    image.pixels = rgb;
    frame->number = d->done++;
    frame->time = about->live ? cli_seconds() - d->started : (double)frame->number / about->rate;
    jr2_result_free(d->result);
    if (jr2_tracker_update(d->tracker, &image, frame->time, &d->result) != JR2_OK) {
        snprintf(error, error_size, "frame %ld: %s", frame->number, jr2_ctx_error(d->ctx));
        return -1;
    }
    take_faces(d);
    frame->faces = d->faces;
    frame->count = d->count;
    return 1;
}

int driver_next(driver *d, driver_frame *frame, char *error, size_t error_size)
{
    memset(frame, 0, sizeof *frame);
    if (d->info.kind == DRIVER_VIDEO)
        return next_of_video(d, frame, error, error_size);
    if (d->info.kind == DRIVER_MOTION) {
        const jr2_motion_frame *m;
        const int got = video_stopped() ? 0 : next_motion(d, &m, 0, error, error_size);
        if (got == 1) {
            frame->number = (long)m->frame;
            frame->time = m->time;
            frame->faces = m->faces;
            frame->count = m->face_count;
        }
        return got;
    }
    frame->faces = d->faces;
    frame->count = d->count;
    return d->done++ == 0;
}

long driver_wrong_lines(const driver *d)
{
    return d->wrong;
}

void driver_remarks(const driver *d, char *text, size_t size)
{
    jr2_motion_info info;
    *text = '\0';
    JR2_INIT(info);
    if (!d->motion || jr2_motion_get_info(d->motion, &info) != JR2_OK)
        return;
    int n = 0;
    if (info.unknown_names > 0)
        n = snprintf(text, size, "%lld unknown names passed over", (long long)info.unknown_names);
    if (info.clamped_values > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, "%s%lld values brought into 0 to 1", n ? ", " : "", (long long)info.clamped_values);
}

void driver_close(driver *d)
{
    if (!d)
        return;
    jr2_motion_free(d->motion);
    motion_file_close(&d->file);
    jr2_tracker_free(d->tracker);
    video_close(d->in);
    jr2_result_free(d->result);
    free(d->faces);
    free(d);
}
