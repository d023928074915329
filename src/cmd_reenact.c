/* SPDX-License-Identifier: MIT
 * jr2 reenact: a portrait that moves as a driver does, or as edits say. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "driver.h"
#include "expression_names.h"
#include "frames_out.h"
#include "reenact_arguments.h"
#include "roles.h"
#include "sample_frames.h"
#include "video.h"

#define LONGEST_GAP 10.0 /* seconds between two frames of a driver; longer ones are cut to this */

typedef struct job {
    reenact_arguments a;
    float *numbers;     /* a.options.edit and .set */
    jr2_ctx *ctx;
    jr2_portrait *portraits[ROLES_MAX];
    int portrait_count, portrait_is_video;
    driver *by;
    roles roles;
    frames_out *out;
    picture frame;
    double first, last; /* times of the driver's first and latest frame */
    long done;          /* frames written */
    double started, told, expected;
} job;

static int read_edits(job *j)
{
    const int count = jr2_model_count(jr2_ctx_model(j->ctx), JR2_COUNT_EXPRESSION);
    if (j->a.edit_count == 0)
        return 0;
    if (!(j->numbers = calloc(2 * (size_t)count + 1, sizeof *j->numbers))) {
        cli_message("out of memory");
        return -1;
    }
    float *add = j->numbers, *set = j->numbers + count;
    for (int i = 0; i < count; i++)
        set[i] = -1;
    for (int i = 0; i < j->a.edit_count; i++)
        if (expression_assign(j->ctx, j->a.edits[i], j->a.is_add[i] ? -1 : 0, j->a.is_add[i], j->a.is_add[i] ? add : set) != 0)
            return -1;
    for (int i = 0; i < count; i++)
        add[i] = fminf(fmaxf(add[i], -1), 1);
    j->a.options.edit_count = count;
    j->a.options.edit = add;
    j->a.options.set = set;
    return 0;
}

/* The picture, or the first frame of a video. */
static int read_portrait(job *j, picture *photo, char *error, size_t error_size)
{
    const unsigned char *rgb;
    if (!sample_frames_needed(j->a.portrait))
        return picture_read(j->a.portrait, photo, error, error_size);
    video_in *in = video_open(j->a.portrait, error, error_size);
    int failed = -1;
    if (in && video_read(in, &rgb, error, error_size) == 1) {
        const video_info *about = video_about(in);
        failed = picture_allocate(photo, (unsigned long)about->width, (unsigned long)about->height, error, error_size);
        if (!failed)
            memcpy(photo->pixels, rgb, 3 * (size_t)about->width * (size_t)about->height);
    }
    video_close(in);
    j->portrait_is_video = 1;
    return failed;
}

static int make_portraits(job *j)
{
    char error[512] = "it has no frame";
    picture photo = {NULL, 0, 0};
    jr2_image image;
    jr2_portrait_options o;
    int failed = 0, count = 1;
    JR2_INIT(o);
    o.focal_px = j->a.focal;
    if (read_portrait(j, &photo, error, sizeof error) != 0) {
        cli_message("%s: %s", j->a.portrait, error);
        picture_free(&photo);
        return -1;
    }
    picture_image(&photo, &image);
    for (int i = 0; i < count && !failed; i++) {
        o.face = j->a.face < 0 ? i : j->a.face - 1;
        if (jr2_portrait_create(j->ctx, &image, &o, &j->portraits[i]) != JR2_OK) {
            cli_message("%s: %s", j->a.portrait, jr2_ctx_error(j->ctx));
            failed = -1;
        } else {
            j->portrait_count = i + 1;
            if (j->a.face < 0)
                count = jr2_portrait_faces(j->portraits[i]) < ROLES_MAX ? jr2_portrait_faces(j->portraits[i]) : ROLES_MAX;
        }
    }
    if (!failed && j->a.crop)
        failed = picture_allocate(&j->frame, JR2_CROP_SIDE, JR2_CROP_SIDE, error, sizeof error);
    else if (!failed)
        failed = picture_allocate(&j->frame, (unsigned long)photo.width, (unsigned long)photo.height, error, sizeof error);
    picture_free(&photo);
    return failed;
}

/* Goes through the driver up to the reference frame and keeps its faces. */
static int find_reference(job *j)
{
    char error[512] = "the driver ends before it";
    driver_frame frame;
    int got = 0, found = 0;
    driver *d = driver_open(j->ctx, j->a.drive, &j->a.tracking, error, sizeof error);
    roles *before = calloc(1, sizeof *before);
    if (!d || !before || roles_begin(before, j->roles.count, j->roles.model) != 0) {
        cli_message("%s: %s", j->a.drive, d ? "out of memory" : error);
        got = -1;
    }
    for (int i = 0; got == 0 && !found; i++) {
        if (driver_next(d, &frame, error, sizeof error) != 1) {
            cli_message("%s: no frame %d to be the reference: %s", j->a.drive, j->a.reference, error);
            got = -1;
        } else {
            roles_take(before, &frame);
            found = frame.number >= j->a.reference;
        }
    }
    if (found && !(before->role[0].taken && before->role[0].face.state == JR2_FACE_SEEN)) {
        cli_message("%s: no face is seen in frame %d, which is to be the reference", j->a.drive, j->a.reference);
        got = -1;
    }
    for (int i = 0; got == 0 && i < j->roles.count; i++)
        if (before->role[i].taken)
            role_set_reference(&j->roles, i, &before->role[i].face);
    if (before)
        roles_end(before);
    free(before);
    driver_close(d);
    return got;
}

static void progress(job *j, int last)
{
    const double now = cli_seconds(), rate = (double)j->done / (now - j->started + 1e-9), left = (j->expected - (double)j->done) / (rate + 1e-9);
    char rest[64] = "";
    if (j->a.quiet || (!last && (!isatty(2) || now - j->told < 0.5)))
        return;
    j->told = now;
    if (!last && left >= 1)
        snprintf(rest, sizeof rest, ", %.0f:%02d left", floor(left / 60), (int)fmod(left, 60));
    fprintf(stderr, "%s%ld %s, %.0f frames/s%s%s", isatty(2) ? "\r" : "", j->done, j->done == 1 ? "frame" : "frames", rate, rest, last ? "\n" : "\033[K");
}

static int render(job *j)
{
    jr2_image image;
    picture_image(&j->frame, &image);
    for (int i = 0; i < j->portrait_count; i++) {
        const role *of = &j->roles.role[j->a.each ? i : 0];
        jr2_reenact_options o = j->a.options;
        o.over = i > 0;
        o.unmarked = o.unmarked || i + 1 < j->portrait_count; /* one mark over all */
        o.reference = of->has_reference && j->a.reference != REFERENCE_REST ? &of->reference : NULL;
        if (jr2_reenact(j->ctx, j->portraits[i], of->ever ? &of->face : NULL, &o, &image) != JR2_OK) {
            cli_message("%s", jr2_ctx_error(j->ctx));
            return -1;
        }
    }
    return 0;
}

/* Output frame k shows the driver at k / fps: a driver with more frames loses some, one with fewer has some twice. */
static int take(job *j, const driver_frame *frame)
{
    if (j->done == 0)
        j->first = frame->time;
    else if (frame->time - j->last > LONGEST_GAP)
        j->first += frame->time - j->last - LONGEST_GAP;
    j->last = frame->time;
    roles_take(&j->roles, frame);
    const double due = (frame->time - j->first) * j->a.fps + 0.499;
    while ((double)j->done <= due && !(j->a.limit > 0 && (double)j->done >= j->a.limit) && !video_stopped()) {
        if ((j->done == 0 || (double)(j->done + 1) > due) && render(j) != 0)
            return -1;
        if (frames_write(j->out, &j->frame) != 0)
            return -1;
        j->done++;
        progress(j, 0);
    }
    return 0;
}

static void report(job *j)
{
    char text[512];
    progress(j, 1);
    for (int i = 0; i < j->roles.count && !j->a.quiet && driver_about(j->by)->kind >= DRIVER_MOTION; i++) {
        role_report(&j->roles.role[i], text, sizeof text);
        if (*text && j->roles.role[i].ever)
            cli_message("%s: the face that drives%s: %s", j->a.drive, j->a.each ? i == 0 ? " the largest" : " a smaller one" : "", text);
    }
    driver_remarks(j->by, text, sizeof text);
    if (*text && !j->a.quiet)
        cli_message("%s: %s", j->a.drive, text);
    if (driver_wrong_lines(j->by) > 0)
        cli_message("%s: %ld wrong lines", j->a.drive, driver_wrong_lines(j->by));
}

/* The file whose sound goes into a video; -1 after a message. */
static int find_sound(const job *j, const char **sound)
{
    const driver_info *about = driver_about(j->by);
    const int has = about->kind == DRIVER_VIDEO && !about->live && strcmp(j->a.drive, "-") != 0;
    *sound = NULL;
    if (!j->a.audio) {
        *sound = has ? j->a.drive : NULL;
    } else if (strcmp(j->a.audio, "driver") == 0) {
        if (!has) {
            cli_message("--audio driver: the driver is no video file");
            return -1;
        }
        *sound = j->a.drive;
    } else if (strcmp(j->a.audio, "source") == 0) {
        if (!j->portrait_is_video) {
            cli_message("--audio source: the portrait is a picture, which has no sound");
            return -1;
        }
        *sound = j->a.portrait;
    } else if (strcmp(j->a.audio, "none") != 0) {
        if (access(j->a.audio, R_OK) != 0) {
            cli_message("--audio is driver, source, none or a file; there is no file \"%s\"", j->a.audio);
            return -1;
        }
        *sound = j->a.audio;
    }
    return 0;
}

static int open_output(job *j)
{
    char error[600] = "";
    const driver_info *about = driver_about(j->by);
    frames_out_options o = {.width = j->frame.width, .height = j->frame.height, .said = !j->a.options.unmarked};
    o.many = about->kind >= DRIVER_MOTION && j->a.limit != 1;
    if (o.many && frames_kind(j->a.output) == FRAMES_JPEG) {
        cli_message("%s is one picture, and the driver has several frames: --frames 1 takes the first", j->a.output);
        return CLI_USAGE;
    }
    if (find_sound(j, &o.sound) != 0)
        return CLI_USAGE;
    j->expected = about->rate > 0 ? about->frames / about->rate * (j->a.fps > 0 ? j->a.fps : about->rate) : about->frames;
    if (j->a.limit > 0 && (j->expected == 0 || j->a.limit < j->expected))
        j->expected = j->a.limit;
    if (j->a.fps == 0)
        j->a.fps = about->rate > 0 ? about->rate : 25;
    o.rate = j->a.fps;
    if ((j->out = frames_open(j->a.output, &o, error, sizeof error)))
        return CLI_OK;
    cli_message("%s: %s", j->a.output, error);
    return CLI_FAILED;
}

static int choose_method(job *j)
{
    const int has = jr2_model_has(jr2_ctx_model(j->ctx), JR2_PART_REENACT);
    if (j->a.method == JR2_REENACT_NETWORK && !has) {
        cli_message("the weights have no reenactment network (reenact.jr2w)");
        return CLI_NO_MODEL;
    }
    if (j->a.method < 0 && !has && !j->a.quiet)
        cli_message("the weights have no reenactment network: the picture is only warped");
    j->a.options.method = j->a.method >= 0 ? j->a.method : has ? JR2_REENACT_NETWORK : JR2_REENACT_WARP;
    return CLI_OK;
}

static int run(job *j)
{
    char error[600] = "";
    driver_frame frame;
    int got = 0, failed = 0, code = choose_method(j);
    if (code != CLI_OK)
        return code;
    if (read_edits(j) != 0)
        return CLI_USAGE;
    if (make_portraits(j) != 0)
        return CLI_FAILED;
    j->a.options.output = j->a.crop ? JR2_REENACT_CROP : JR2_REENACT_FULL;
    const int count = j->a.each ? j->portrait_count : 1;
    if (roles_begin(&j->roles, count, jr2_ctx_model(j->ctx)) != 0) {
        cli_message("out of memory");
        return CLI_FAILED;
    }
    j->a.tracking.max_faces = count;
    if (!(j->by = driver_open(j->ctx, j->a.drive, &j->a.tracking, error, sizeof error))) {
        cli_message("%s: %s", j->a.drive, error);
        return CLI_FAILED;
    }
    if (j->a.reference == REFERENCE_FIRST && driver_about(j->by)->kind == DRIVER_PICTURE)
        j->a.reference = REFERENCE_REST;
    if ((code = open_output(j)) != CLI_OK)
        return code;
    if (j->a.reference >= 0 && j->a.drive) {
        j->roles.keep_reference = 1;
        if (find_reference(j) != 0)
            return CLI_FAILED;
    }
    j->started = cli_seconds();
    while (!failed && !(j->a.limit > 0 && (double)j->done >= j->a.limit) && (got = driver_next(j->by, &frame, error, sizeof error)) == 1)
        failed = take(j, &frame);
    if (got < 0) {
        cli_message("%s: %s", j->a.drive, error);
        failed = -1;
    }
    report(j);
    if (driver_about(j->by)->kind != DRIVER_NONE && !j->roles.role[0].ever && !failed) {
        cli_message("%s: no face was found in the driver: the portrait stayed as it is", j->a.drive);
        failed = -1;
    }
    return failed || driver_wrong_lines(j->by) > 0 ? CLI_FAILED : CLI_OK;
}

static int cmd_with(job *j, int argc, char **argv)
{
    char error[600];
    const int parsed = reenact_read_arguments(&j->a, argc, argv);
    if (parsed > 0) {
        fputs(reenact_help, stdout);
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (parsed < 0)
        return CLI_USAGE;
    if (!(j->ctx = cli_open(j->a.model, j->a.threads, 0)))
        return CLI_NO_MODEL;
    video_catch_stop();
    int code = run(j);
    if (frames_close(j->out, error, sizeof error) != 0) {
        cli_message("%s: %s", j->a.output, error);
        code = CLI_FAILED;
    }
    return code;
}

int cmd_reenact(int argc, char **argv)
{
    job *j = calloc(1, sizeof *j);
    int code = CLI_FAILED;
    if (!j || reenact_arguments_begin(&j->a, argc) != 0)
        cli_message("out of memory");
    else
        code = cmd_with(j, argc, argv);
    if (!j)
        return code;
    driver_close(j->by);
    for (int i = 0; i < j->portrait_count; i++)
        jr2_portrait_free(j->portraits[i]);
    jr2_ctx_free(j->ctx);
    roles_end(&j->roles);
    picture_free(&j->frame);
    free(j->numbers);
    reenact_arguments_end(&j->a);
    free(j);
    return code;
}
