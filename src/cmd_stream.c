/* SPDX-License-Identifier: MIT
 * jr2 stream: a video, a camera or a motion file in, packets for avatar programs out, by UDP. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "calibration.h"
#include "live_view.h"
#include "motion_file.h"
#include "video.h"

static const char help[] =
    "usage: jr2 stream VIDEO|camera[:N]|-|MOTION [--vmc HOST[:PORT]] [--live-link ...] [--ifacialmocap ...] [--openseeface ...]\n"
    "\n"
    "Sends the face of a video, of a camera or of a motion file (jr2 track) to avatar programs, each frame when its time has come.\n"
    "\n"
    "      --vmc HOST[:PORT]           VMC protocol: VRM avatars, EVMC4U, Warudo [39539]\n"
    "      --live-link HOST[:PORT]     Live Link Face: Unreal Engine [11111]\n"
    "      --ifacialmocap HOST[:PORT]  iFacialMocap: VTube Studio and others [49983]\n"
    "      --openseeface HOST[:PORT]   OpenSeeFace: VSeeFace and others; all faces [11573]\n"
    "      --mirror                    as in a mirror: the avatar's right is your left\n"
    "      --name NAME                 Live Link's subject [jr2]\n"
    "      --fast                      do not wait for the time of a frame\n"
    "      --view                      the coefficients live in the terminal\n"
    "      --max-faces N               faces followed at once, 1 to 16 [1]\n"
    "      --lag MS                    lag of all filters for slow motion, 0 (no filter) to 1000 [50]\n"
    "      --expression SOURCE         auto: the expression network, where the weights have one; coarse: without it [auto]\n"
    "      --calibrate                 the first face's first second is its face at rest\n"
    "      --calibrate-range S         the next S seconds, 1 to 600, show its strongest expressions, which read as 1 from then on\n"
    "      --frames N                  stop after so many [all]\n"
    "      --model PATH                folder of the weights [beside the library]\n"
    "      --threads N                 1 to 64 [1]\n"
    "  -q, --quiet                     print nothing but errors\n"
    "  -h, --help\n"
    "\n"
    "HOST may be a name, an IPv4 address or an IPv6 address in brackets. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no weights.\n";

enum { FORMATS = 4, FACES = JR2_TRACK_FACES_MAX, DATAGRAM = 65000 };

typedef struct receiver {
    const char *where; /* NULL: not wanted */
    int socket;
    long failed;
} receiver;

typedef struct job {
    const char *input, *model, *name;
    int view, fast, mirror, threads, quiet;
    calibration calibration;
    double frames;
    receiver to[FORMATS];
    jr2_tracker_options options;
    jr2_ctx *ctx;
    live_view screen;
    long done, packets;
    double started;
    unsigned char datagram[DATAGRAM];
} job;

static const char *const format_option[FORMATS] = {"--vmc", "--live-link", "--ifacialmocap", "--openseeface"};

static int read_arguments(job *j, int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    int wanted = 0;
    while (!args.failed && cli_next(&args)) {
        int format = 0;
        while (format < FORMATS && !cli_is(&args, NULL, format_option[format]))
            format++;
        if (!args.name && !j->input)
            j->input = args.value;
        else if (!args.name) {
            cli_message("only one source is streamed");
            args.failed = 1;
        } else if (format < FORMATS)
            wanted += (j->to[format].where = cli_text(&args)) != NULL;
        else if (cli_is(&args, "-h", "--help"))
            return 1;
        else if (cli_is(&args, NULL, "--mirror"))
            j->mirror = 1;
        else if (cli_is(&args, NULL, "--name"))
            j->name = cli_text(&args);
        else if (cli_is(&args, NULL, "--fast"))
            j->fast = 1;
        else if (cli_is(&args, NULL, "--view"))
            j->view = 1;
        else if (cli_is(&args, NULL, "--max-faces"))
            j->options.max_faces = cli_integer(&args, 1, JR2_TRACK_FACES_MAX);
        else if (cli_is(&args, NULL, "--lag"))
            cli_lag(&args, &j->options);
        else if (cli_is(&args, NULL, "--expression"))
            j->options.expression_source = cli_expression(&args);
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
    if (!args.failed && (!j->input || !wanted)) {
        cli_message(j->input ? "nowhere to send to: give --vmc, --live-link, --ifacialmocap or --openseeface" : "no video or motion file was given");
        args.failed = 1;
    }
    if (!args.failed && j->name && strlen(j->name) > 100) {
        cli_message("--name is longer than 100 bytes");
        args.failed = 1;
    }
    if (args.failed)
        fputs("jr2 stream --help tells how it is used\n", stderr);
    return args.failed ? -1 : 0;
}

/* "host", "host:port", "[v6]:port" */
static int open_receiver(receiver *to, int format)
{
    char host[256], port[16];
    struct addrinfo hints, *list, *a;
    const char *where = to->where, *end = strrchr(where, ':');
    size_t length = strlen(where);
    snprintf(port, sizeof port, "%d", (int)jr2_wire_port(format + 1));
    if (*where == '[') {
        const char *closing = strchr(where, ']');
        end = closing && closing[1] == ':' ? closing + 1 : NULL;
        length = closing ? (size_t)(closing - where - 1) : length;
        where++;
    } else {
        if (end && strchr(where, ':') != end) /* IPv6 without brackets */
            end = NULL;
        length = end ? (size_t)(end - where) : length;
    }
    if (end)
        snprintf(port, sizeof port, "%s", end + 1);
    snprintf(host, sizeof host, "%.*s", (int)length, where);
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_DGRAM;
    int code = getaddrinfo(host, port, &hints, &list);
    if (code != 0) {
        cli_message("%s: %s", to->where, gai_strerror(code));
        return -1;
    }
    for (a = list; a && to->socket < 0; a = a->ai_next) {
        to->socket = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (to->socket >= 0 && connect(to->socket, a->ai_addr, a->ai_addrlen) != 0) {
            close(to->socket);
            to->socket = -1;
        }
    }
    freeaddrinfo(list);
    if (to->socket < 0)
        cli_message("%s: %s", to->where, strerror(errno));
    return to->socket < 0 ? -1 : 0;
}

static void wait_until(double seconds)
{
    double left = seconds - cli_seconds();
    while (left > 0 && !video_stopped()) {
        struct timespec t = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        nanosleep(&t, NULL);
        left = seconds - cli_seconds();
    }
}

/* One frame to every receiver. landmarks[i]: (68,2) of face i or NULL. */
static int send_frame(job *j, const jr2_motion_face *faces, const float *const *landmarks, int count, long frame, double time, const video_info *about)
{
    for (int format = 0; format < FORMATS; format++) {
        receiver *to = &j->to[format];
        size_t filled = 0;
        int sent = format + 1 == JR2_WIRE_OPENSEEFACE ? count : count < 1 ? 0 : 1;
        for (int i = 0; to->where && i < sent; i++) {
            float points[68 * 3];
            jr2_wire_options o;
            JR2_INIT(o);
            o.mirror = j->mirror;
            o.name = j->name;
            o.frame = frame;
            o.time = time;
            o.rate = about->rate;
            o.width = about->width;
            o.height = about->height;
            if (format + 1 == JR2_WIRE_OPENSEEFACE && jr2_model_count(jr2_ctx_model(j->ctx), JR2_COUNT_LANDMARKS68) == 68) {
                jr2_head_parameters head;
                jr2_head_mesh mesh;
                JR2_INIT(head);
                JR2_INIT(mesh);
                head.identity = faces[i].identity;
                head.identity_count = faces[i].identity_count;
                head.expression = faces[i].expression;
                head.expression_count = faces[i].expression_count;
                mesh.landmarks68 = points;
                o.points68 = jr2_head_evaluate(j->ctx, &head, &mesh) == JR2_OK ? points : NULL;
                o.landmarks68 = landmarks ? landmarks[i] : NULL;
            }
            size_t size = sizeof j->datagram - filled;
            int32_t status = jr2_wire_encode(format + 1, &faces[i], &o, j->datagram + filled, &size);
            if (status != JR2_OK) {
                cli_message("frame %ld: %s", frame, jr2_status_text(status));
                return -1;
            }
            filled += size;
        }
        if (filled > 0 && send(to->socket, j->datagram, filled, 0) < 0)
            to->failed++; /* nobody listens yet, or the network is down: the next frame may arrive */
        else
            j->packets += filled > 0;
    }
    j->done++;
    if (j->view)
        live_view_show(&j->screen, count ? &faces[0] : NULL, j->done, (double)j->done / (cli_seconds() - j->started + 1e-9));
    return 0;
}

static int take(job *j, jr2_tracker *tracker, const unsigned char *rgb, const video_info *about)
{
    jr2_motion_face faces[FACES];
    const float *landmarks[FACES];
    double time = about->live ? cli_seconds() - j->started : (double)j->done / about->rate;
    jr2_image image;
    jr2_result *result;
    JR2_INIT(image);
    image.format = JR2_PIXEL_RGB8;
    image.width = about->width;
    image.height = about->height;
    image.pixels = rgb;
    if (jr2_tracker_update(tracker, &image, time, &result) != JR2_OK) {
        cli_message("frame %ld: %s", j->done, jr2_ctx_error(j->ctx));
        return -1;
    }
    calibration_step(&j->calibration, tracker, time);
    int32_t count = jr2_result_count(result);
    for (int32_t i = 0; i < count; i++) {
        JR2_INIT(faces[i]);
        jr2_motion_from_face(jr2_result_face(result, i), &faces[i]);
        landmarks[i] = jr2_face_landmarks68(jr2_result_face(result, i), NULL);
    }
    if (!about->live && !j->fast)
        wait_until(j->started + time);
    int failed = send_frame(j, faces, landmarks, count, j->done, time, about);
    jr2_result_free(result);
    return failed;
}

static int stream_video(job *j)
{
    char error[512] = "";
    const unsigned char *rgb;
    int got = 0, failed = 0;
    jr2_tracker *tracker;
    video_in *in = video_open(j->input, error, sizeof error);
    if (!in) {
        cli_message("%s: %s", j->input, error);
        return -1;
    }
    if (jr2_tracker_create(j->ctx, &j->options, &tracker) != JR2_OK) {
        cli_message("%s", jr2_ctx_error(j->ctx));
        failed = -1;
    }
    j->started = cli_seconds();
    while (!failed && !(j->frames > 0 && (double)j->done >= j->frames) && (got = video_read(in, &rgb, error, sizeof error)) == 1)
        failed = take(j, tracker, rgb, video_about(in));
    if (got < 0) {
        cli_message("%s: %s", j->input, error);
        failed = -1;
    }
    jr2_tracker_free(tracker);
    video_close(in);
    return failed;
}

static int stream_motion(job *j, motion_file *file)
{
    jr2_motion *motion;
    jr2_motion_info info;
    const jr2_motion_frame *frame;
    int failed = 0;
    double first = 0;
    if (jr2_motion_open(j->ctx, motion_file_read, file, &motion) != JR2_OK) {
        cli_message("%s: %s", j->input, jr2_ctx_error(j->ctx));
        return -1;
    }
    JR2_INIT(info);
    jr2_motion_get_info(motion, &info);
    video_info about = {info.width, info.height, info.rate, 0};
    j->started = cli_seconds();
    while (!failed && !video_stopped() && !(j->frames > 0 && (double)j->done >= j->frames)) {
        int32_t status = jr2_motion_next(motion, &frame);
        if (status != JR2_OK) {
            cli_message("%s: %s", j->input, jr2_ctx_error(j->ctx));
            failed = -1;
        }
        if (!frame)
            break;
        if (j->done == 0)
            first = frame->time;
        if (!j->fast)
            wait_until(j->started + frame->time - first);
        failed = send_frame(j, frame->faces, NULL, frame->face_count < FACES ? frame->face_count : FACES, (long)frame->frame, frame->time, &about);
    }
    jr2_motion_free(motion);
    return failed;
}

static int run(job *j)
{
    for (int i = 0; i < FORMATS; i++)
        if (j->to[i].where && open_receiver(&j->to[i], i) != 0)
            return -1;
    char error[256];
    motion_file file;
    int kind = motion_file_open(&file, j->input, error, sizeof error), failed = -1;
    if (kind < 0)
        cli_message("%s: %s", j->input, error);
    else
        failed = kind ? stream_motion(j, &file) : stream_video(j);
    motion_file_close(&file);
    live_view_end(&j->screen);
    if (!j->quiet)
        fprintf(stderr, "%ld frames, %ld packets sent\n", j->done, j->packets);
    for (int i = 0; i < FORMATS; i++)
        if (j->to[i].failed > 0 && !j->quiet)
            cli_message("%s: %ld packets were not taken (nobody listens there, or the network is down)", j->to[i].where, j->to[i].failed);
    return failed;
}

int cmd_stream(int argc, char **argv)
{
    job *j = calloc(1, sizeof *j);
    int code = CLI_FAILED;
    if (!j) {
        cli_message("out of memory");
        return CLI_FAILED;
    }
    JR2_INIT(j->options);
    j->threads = 1;
    for (int i = 0; i < FORMATS; i++)
        j->to[i].socket = -1;
    int parsed = read_arguments(j, argc, argv);
    if (parsed > 0) {
        fputs(help, stdout);
        code = fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    } else if (parsed < 0) {
        code = CLI_USAGE;
    } else if (!(j->ctx = cli_open(j->model, j->threads, CLI_STILL))) {
        code = CLI_NO_MODEL;
    } else {
        video_catch_stop();
        code = run(j) == 0 ? CLI_OK : CLI_FAILED;
    }
    for (int i = 0; i < FORMATS; i++)
        if (j->to[i].socket >= 0)
            close(j->to[i].socket);
    jr2_ctx_free(j->ctx);
    free(j);
    return code;
}
