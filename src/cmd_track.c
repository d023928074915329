/* SPDX-License-Identifier: MIT
 * jr2 track: a video or a camera in, a motion file and an overlay video out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calibration.h"
#include "live_view.h"
#include "video.h"

static const char help[] =
    "usage: jr2 track VIDEO|camera[:N]|- [-o FILE] [OPTION]...\n"
    "\n"
    "Follows the faces of a video (any that ffmpeg reads; - is a video on the standard input) or a camera and writes head pose, gaze and\n"
    "expression of every frame: a motion file (docs/motion.md), lines of JSON or, where its name ends in .jr2m, bytes. Ctrl-C ends it; what is done\n"
    "is kept.\n"
    "\n"
    "  -o, --output FILE        the motion file; - is the standard output\n"
    "      --overlay FILE.mp4   the video with the faces drawn in, and its sound\n"
    "      --view               the coefficients live in the terminal\n"
    "      --max-faces N        faces followed at once, 1 to 16 [1]\n"
    "      --min-confidence P   what the face finder has to be sure of for a new face, 0.01 to 1 [0.6]\n"
    "      --lag MS             lag of all filters for slow motion, 0 (no filter) to 1000 [50]\n"
    "      --focal PX           the camera's focal length in pixels [1.1 x the longer side]\n"
    "      --expression SOURCE  auto: the expression network, where the weights have one; coarse: without it, faster [auto]\n"
    "      --person FILE        what is known of the first face: read if it is there, and written at the end\n"
    "      --calibrate          the first face's first second is its face at rest\n"
    "      --calibrate-range S  the next S seconds, 1 to 600, show its strongest expressions, which read as 1 from then on\n"
    "      --frames N           stop after so many [all]\n"
    "      --model PATH         folder of the weights [beside the library]\n"
    "      --threads N          1 to 64 [1]\n"
    "  -q, --quiet              print nothing but errors\n"
    "  -h, --help\n"
    "\n"
    "Exit codes: 0 done, 1 failed (frames before it are written), 2 wrong usage, 3 no weights.\n";

typedef struct job {
    const char *input, *output, *overlay, *person, *model;
    int view, threads, quiet;
    calibration calibration;
    double frames;
    jr2_tracker_options options;
    jr2_ctx *ctx;
    jr2_tracker *tracker;
    video_in *in;
    video_out *out;
    jr2_motion_writer *writer;
    int file; /* of the motion; -1: none */
    live_view screen;
    long done, with_face, lost;
    int first_id;
    double started, told;
} job;

static int read_arguments(job *j, int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    while (!args.failed && cli_next(&args)) {
        if (!args.name && !j->input)
            j->input = args.value;
        else if (!args.name) {
            cli_message("only one video is tracked");
            args.failed = 1;
        } else if (cli_is(&args, "-h", "--help"))
            return 1;
        else if (cli_is(&args, "-o", "--output"))
            j->output = cli_text(&args);
        else if (cli_is(&args, NULL, "--overlay"))
            j->overlay = cli_text(&args);
        else if (cli_is(&args, NULL, "--view"))
            j->view = 1;
        else if (cli_is(&args, NULL, "--max-faces"))
            j->options.max_faces = cli_integer(&args, 1, JR2_TRACK_FACES_MAX);
        else if (cli_is(&args, NULL, "--min-confidence"))
            j->options.min_confidence = (float)cli_number(&args, 0.01, 1);
        else if (cli_is(&args, NULL, "--lag"))
            cli_lag(&args, &j->options);
        else if (cli_is(&args, NULL, "--focal"))
            j->options.focal_px = (float)cli_number(&args, 1, 1e6);
        else if (cli_is(&args, NULL, "--expression"))
            j->options.expression_source = cli_expression(&args);
        else if (cli_is(&args, NULL, "--person"))
            j->person = cli_text(&args);
        else if (calibration_option(&j->calibration, &args))
            continue;
        else if (cli_is(&args, NULL, "--frames"))
            j->frames = cli_integer(&args, 1, 1000000000);
        else if (cli_is(&args, NULL, "--model"))
            j->model = cli_text(&args);
        else if (cli_is(&args, NULL, "--threads"))
            j->threads = cli_integer(&args, 1, 64);
        else if (cli_is(&args, "-q", "--quiet"))
            j->quiet = 1;
        else
            cli_unknown(&args);
    }
    if (!args.failed && !j->input) {
        cli_message("no video was given");
        args.failed = 1;
    }
    if (!args.failed && !j->output && !j->overlay && !j->view) {
        cli_message("nothing to do: give -o, --overlay or --view");
        args.failed = 1;
    }
    if (args.failed)
        fputs("jr2 track --help tells how it is used\n", stderr);
    return args.failed ? -1 : 0;
}

static int32_t write_all(void *user, const void *data, size_t size)
{
    const char *p = data;
    int fd = *(int *)user;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            return 1;
        }
    }
    return 0;
}

static int open_output(job *j)
{
    const video_info *about = video_about(j->in);
    jr2_motion_info info;
    size_t length = j->output ? strlen(j->output) : 0;
    if (!j->output)
        return 0;
    j->file = strcmp(j->output, "-") == 0 ? 1 : open(j->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (j->file < 0) {
        cli_message("%s: %s", j->output, strerror(errno));
        return -1;
    }
    JR2_INIT(info);
    info.form = length > 5 && strcmp(j->output + length - 5, ".jr2m") == 0 ? JR2_MOTION_BINARY : JR2_MOTION_JSON;
    info.rate = about->live ? 0 : about->rate;
    info.width = about->width;
    info.height = about->height;
    if (jr2_motion_writer_create(j->ctx, &info, write_all, &j->file, &j->writer) == JR2_OK)
        return 0;
    cli_message("%s: %s", j->output, jr2_ctx_error(j->ctx));
    return -1;
}

/* A person's file is small; one that is not there is no failure. */
static int load_person(job *j)
{
    unsigned char data[16384];
    FILE *file = j->person ? fopen(j->person, "rb") : NULL;
    if (!file)
        return 0;
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    if (jr2_tracker_load(j->tracker, 0, data, size) == JR2_OK)
        return 0;
    cli_message("%s: %s", j->person, jr2_ctx_error(j->ctx));
    return -1;
}

static int save_person(job *j)
{
    unsigned char data[16384];
    size_t size = sizeof data;
    if (!j->person || !j->first_id || jr2_tracker_save(j->tracker, j->first_id, data, &size) != JR2_OK)
        return 0; /* the face is long gone */
    FILE *file = fopen(j->person, "wb");
    int failed = !file || fwrite(data, 1, size, file) != size;
    if (file)
        failed |= fclose(file) != 0;
    if (failed)
        cli_message("%s: %s", j->person, strerror(errno));
    return failed ? -1 : 0;
}

static void look_at_events(job *j)
{
    int32_t count;
    const jr2_track_event *e = jr2_tracker_events(j->tracker, &count);
    for (int32_t i = 0; i < count; i++) {
        j->lost += e[i].kind == JR2_EVENT_LOST;
        if (e[i].kind == JR2_EVENT_NEW && !j->first_id)
            j->first_id = e[i].id;
    }
}

static void progress(job *j, int last)
{
    double now = cli_seconds(), rate = (double)j->done / (now - j->started + 1e-9);
    if (j->quiet || (!last && (j->view || !isatty(2) || now - j->told < 0.5)))
        return;
    j->told = now;
    fprintf(stderr, "%s%ld %s, %ld with a face, lost %ld %s, %.0f frames/s%s", isatty(2) && !j->view ? "\r" : "", j->done, j->done == 1 ? "frame" : "frames",
            j->with_face, j->lost, j->lost == 1 ? "time" : "times", rate, last ? "\n" : "\033[K");
}

/* Everything that comes of one frame. */
static int take(job *j, const unsigned char *rgb)
{
    const video_info *about = video_about(j->in);
    double now = cli_seconds() - j->started, time = about->live ? now : (double)j->done / about->rate;
    jr2_motion_face faces[JR2_TRACK_FACES_MAX];
    jr2_image image;
    jr2_result *result;
    int32_t seen = 0;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    image.width = about->width;
    image.height = about->height;
    image.pixels = rgb;
    if (jr2_tracker_update(j->tracker, &image, time, &result) != JR2_OK) {
        cli_message("frame %ld: %s", j->done, jr2_ctx_error(j->ctx));
        return -1;
    }
    int32_t count = jr2_result_count(result), status = JR2_OK;
    for (int32_t i = 0; i < count; i++) {
        JR2_INIT(faces[i]);
        jr2_motion_from_face(jr2_result_face(result, i), &faces[i]);
        seen += faces[i].state == JR2_FACE_SEEN;
    }
    look_at_events(j);
    calibration_step(&j->calibration, j->tracker, time);
    if (j->writer && (status = jr2_motion_write(j->writer, j->done, time, faces, count)) != JR2_OK)
        cli_message("%s: %s", j->output, status == JR2_ERR_WRITE ? strerror(errno) : jr2_ctx_error(j->ctx));
    if (status == JR2_OK && j->out) {
        /* The reader's frame is ours until the next one is read. */
        if (jr2_result_draw(j->ctx, result, (unsigned char *)(uintptr_t)rgb) != JR2_OK) {
            cli_message("frame %ld: %s", j->done, jr2_ctx_error(j->ctx));
            status = JR2_ERR_INTERNAL;
        } else if (video_write(j->out, rgb) != 0)
            status = JR2_ERR_WRITE; /* video_finish says why */
    }
    j->done++;
    j->with_face += seen > 0;
    if (j->view)
        live_view_show(&j->screen, count ? &faces[0] : NULL, j->done, (double)j->done / (now + 1e-9));
    jr2_result_free(result);
    progress(j, 0);
    return status == JR2_OK ? 0 : -1;
}

static int run(job *j)
{
    char error[512] = "";
    const unsigned char *rgb;
    int got = 0, failed = 0;
    if (!(j->in = video_open(j->input, error, sizeof error))) {
        cli_message("%s: %s", j->input, error);
        return -1;
    }
    j->options.mesh = j->overlay != NULL;
    if (jr2_tracker_create(j->ctx, &j->options, &j->tracker) != JR2_OK) {
        cli_message("%s", jr2_ctx_error(j->ctx));
        return -1;
    }
    if (load_person(j) != 0 || open_output(j) != 0)
        return -1;
    if (j->overlay) {
        const char *sound = video_about(j->in)->live || strcmp(j->input, "-") == 0 || j->frames > 0 ? NULL : j->input;
        if (!(j->out = video_create(j->overlay, video_about(j->in), sound, error, sizeof error))) {
            cli_message("%s: %s", j->overlay, error);
            return -1;
        }
    }
    j->started = cli_seconds();
    while (!failed && !(j->frames > 0 && (double)j->done >= j->frames) && (got = video_read(j->in, &rgb, error, sizeof error)) == 1)
        failed = take(j, rgb);
    if (got < 0) {
        cli_message("%s: %s", j->input, error);
        failed = -1;
    }
    calibration_end(&j->calibration, j->tracker);
    live_view_end(&j->screen);
    progress(j, 1);
    return save_person(j) != 0 || failed ? -1 : 0;
}

int cmd_track(int argc, char **argv)
{
    job j;
    char error[512];
    memset(&j, 0, sizeof j);
    JR2_INIT(j.options);
    j.threads = 1;
    j.file = -1;
    int parsed = read_arguments(&j, argc, argv);
    if (parsed > 0) {
        fputs(help, stdout);
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (parsed < 0)
        return CLI_USAGE;
    if (!(j.ctx = cli_open(j.model, j.threads, CLI_STILL)))
        return CLI_NO_MODEL;
    video_catch_stop();
    int failed = run(&j);
    if (video_finish(j.out, error, sizeof error) != 0) {
        cli_message("%s: %s", j.overlay, error);
        failed = -1;
    }
    jr2_motion_writer_free(j.writer);
    if (j.file > 1 && close(j.file) != 0) {
        cli_message("%s: %s", j.output, strerror(errno));
        failed = -1;
    }
    jr2_tracker_free(j.tracker);
    jr2_ctx_free(j.ctx);
    video_close(j.in);
    return failed ? CLI_FAILED : CLI_OK;
}
