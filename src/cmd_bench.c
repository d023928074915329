/* SPDX-License-Identifier: MIT
 * jr2 bench: times of the steps of a reconstruction or of a reenacted frame on this machine, through the public functions alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "picture.h"

static const char help[] =
    "usage: jr2 bench [FILE] [OPTION]...\n"
    "\n"
    "Times the reconstruction of a picture and following its face (without FILE: a grey one of 640 x 480 with the region of one face given).\n"
    "\n"
    "      --reenact     the reenactment of FILE by itself instead: from a decoded frame to the picture with its mark\n"
    "      --runs N      measured calls, 1 to 100000 [100]\n"
    "      --threads N   1 to 64 [1]\n"
    "      --model PATH  folder of the weights [beside the library]\n"
    "  -h, --help\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no weights.\n";

typedef struct bench {
    jr2_ctx *ctx;
    jr2_image image;
    int runs;
    double *times; /* (runs) seconds */
    double processor; /* seconds of all threads that the whole frames took */
} bench;

/* What is timed of a reenacted frame; those after WHOLE do ever less of it. */
enum { TRACK, WHOLE, UNMARKED, CROP, WARP, WAYS };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, double *times, int runs)
{
    qsort(times, (size_t)runs, sizeof *times, by_value);
    printf("%-34s %9.2f %9.2f %9.2f ms", what, 1e3 * times[runs / 2], 1e3 * times[0], 1e3 * times[(int)((double)(runs - 1) * 0.95)]);
}

/* Median, smallest and 95th percentile of one way of calling. */
static int measure(bench *b, const char *what, const jr2_reconstruct_options *options, int *faces)
{
    for (int i = -3; i < b->runs; i++) { /* three to warm up */
        jr2_result *result;
        double start = cli_seconds();
        if (jr2_reconstruct(b->ctx, &b->image, options, &result) != JR2_OK) {
            cli_message("%s: %s", what, jr2_ctx_error(b->ctx));
            return -1;
        }
        if (i >= 0)
            b->times[i] = cli_seconds() - start;
        *faces = jr2_result_count(result);
        jr2_result_free(result);
    }
    print_times(what, b->times, b->runs);
    printf("  %d %s\n", *faces, *faces == 1 ? "face" : "faces");
    return fflush(stdout);
}

/* The picture as every frame of a video, in which its largest face is followed. */
static int measure_tracker(bench *b)
{
    jr2_tracker *tracker = NULL;
    int32_t status = jr2_tracker_create(b->ctx, NULL, &tracker);
    int faces = 0;
    for (int i = -3; i < b->runs && status == JR2_OK; i++) { /* three to warm up: in the first the face is searched */
        jr2_result *result;
        double start = cli_seconds();
        if ((status = jr2_tracker_update(tracker, &b->image, (i + 3) / 30.0, &result)) != JR2_OK)
            break;
        if (i >= 0)
            b->times[i] = cli_seconds() - start;
        faces = jr2_result_count(result);
        jr2_result_free(result);
    }
    jr2_tracker_free(tracker);
    if (status != JR2_OK) {
        cli_message("tracker: %s", jr2_ctx_error(b->ctx));
        return -1;
    }
    print_times("follow it through a video", b->times, b->runs);
    printf("  %d %s, %.0f frames/s\n", faces, faces == 1 ? "face" : "faces", 1 / b->times[b->runs / 2]);
    return fflush(stdout);
}

/* One frame of every way; seconds go to times (WAYS). */
static int32_t reenact_once(bench *b, jr2_tracker *tracker, jr2_portrait *portrait, double at, const jr2_image *full,
                            const jr2_image *crop, double *times)
{
    jr2_result *result;
    jr2_motion_face driver;
    jr2_reenact_options options;
    const clock_t before = clock();
    double start = cli_seconds(), now;
    int32_t status = jr2_tracker_update(tracker, &b->image, at, &result);
    if (status != JR2_OK)
        return status;
    JR2_INIT(driver);
    JR2_INIT(options);
    times[TRACK] = cli_seconds() - start;
    for (int way = WHOLE; way < WAYS && status == JR2_OK; way++) {
        status = jr2_result_count(result) > 0 ? jr2_motion_from_face(jr2_result_face(result, 0), &driver) : JR2_ERR_NO_FACE;
        options.unmarked = way >= UNMARKED;
        options.output = way >= CROP;
        options.method = way >= WARP ? JR2_REENACT_WARP : JR2_REENACT_NETWORK;
        if (status == JR2_OK)
            status = jr2_reenact(b->ctx, portrait, &driver, &options, way >= CROP ? crop : full);
        now = cli_seconds();
        times[way] = now - start;
        if (way == WHOLE)
            b->processor += (double)(clock() - before) / CLOCKS_PER_SEC;
        start = now;
    }
    jr2_result_free(result);
    return status;
}

/* The parts that have no function of their own are the differences of ways, within one frame. */
static void print_reenactment(const bench *b, const double *times)
{
    static const struct {
        const char *name;
        int more, less;
    } parts[] = {{"whole frame", WHOLE, -1}, {"  track the driver", TRACK, -1}, {"  pose, flow and conditions", WARP, -1}, {"  network", CROP, WARP},
                 {"  paste into the picture", UNMARKED, CROP}, {"  mark", WHOLE, UNMARKED}};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        for (int i = 0; i < b->runs; i++) {
            const double *t = times + (size_t)i * WAYS;
            b->times[i] = t[parts[k].more] - (parts[k].less >= 0 ? t[parts[k].less] : 0);
            if (parts[k].more == WHOLE && parts[k].less >= 0)
                b->times[i] -= t[TRACK];
        }
        print_times(parts[k].name, b->times, b->runs);
        if (k == 0)
            printf("  %.1f frames/s; %.2f ms of processor time", 1 / b->times[b->runs / 2], 1e3 * b->processor / (b->runs + 3));
        printf("\n");
    }
}

static int run_reenact(bench *b)
{
    jr2_portrait *portrait = NULL;
    jr2_tracker *tracker = NULL;
    jr2_image full = b->image, crop;
    const size_t crop_bytes = (size_t)3 * JR2_CROP_SIDE * JR2_CROP_SIDE, bytes = (size_t)3 * (size_t)full.width * (size_t)full.height;
    unsigned char *pixels = malloc(bytes + crop_bytes);
    double *times = malloc((size_t)(b->runs + 3) * WAYS * sizeof *times), start = cli_seconds();
    int32_t status = pixels && times ? JR2_OK : JR2_ERR_NO_MEMORY;
    if (status == JR2_OK)
        status = jr2_portrait_create(b->ctx, &b->image, NULL, &portrait);
    if (status == JR2_OK)
        status = jr2_tracker_create(b->ctx, NULL, &tracker);
    printf("%s\n%d x %d, %d runs, portrait made in %.1f ms\n%-34s %9s %9s %9s\n", jr2_build_info(), (int)full.width, (int)full.height, b->runs,
           1e3 * (cli_seconds() - start), "", "median", "fastest", "95 %");
    full.pixels = pixels;
    full.stride = 0;
    crop = full;
    crop.pixels = pixels ? pixels + bytes : NULL;
    crop.width = crop.height = JR2_CROP_SIDE;
    for (int i = 0; i < b->runs + 3 && status == JR2_OK; i++) /* three to warm up */
        status = reenact_once(b, tracker, portrait, i / 30.0, &full, &crop, times + (size_t)i * WAYS);
    if (status == JR2_OK)
        print_reenactment(b, times + (size_t)3 * WAYS);
    else
        cli_message("reenactment: %s", jr2_ctx_error(b->ctx)[0] ? jr2_ctx_error(b->ctx) : jr2_status_text(status));
    jr2_tracker_free(tracker);
    jr2_portrait_free(portrait);
    free(times);
    free(pixels);
    return status == JR2_OK ? fflush(stdout) : -1;
}

static int run(bench *b)
{
    int faces = 0, one = 0;
    jr2_reconstruct_options options;
    jr2_region region = {(float)b->image.width * 0.5F, (float)b->image.height * 0.5F, (float)b->image.height * 0.5F, 0};
    printf("%s\n%d x %d, %d runs\n%-34s %9s %9s %9s\n", jr2_build_info(), (int)b->image.width, (int)b->image.height, b->runs, "", "median",
           "fastest", "95 %");
    JR2_INIT(options);
    if (jr2_model_has(jr2_ctx_model(b->ctx), JR2_PART_FIND)) {
        if (measure(b, "find + mesh", &options, &faces) != 0)
            return -1;
        options.texture_size = 1024;
        if (faces > 0 && measure(b, "find + mesh + texture", &options, &faces) != 0)
            return -1;
        options.texture_size = 0;
        jr2_result *result = NULL;
        if (faces > 0 && jr2_reconstruct(b->ctx, &b->image, &options, &result) == JR2_OK)
            jr2_face_region(jr2_result_face(result, 0), &region);
        jr2_result_free(result);
    }
    jr2_region loose = region;
    loose.size *= 1.3F;
    options.regions = &loose;
    options.region_count = 1;
    if (measure(b, "one loose region given, 2 passes", &options, &one) != 0)
        return -1;
    options.regions = &region;
    options.passes = 1;
    if (measure(b, "one region given, 1 pass", &options, &one) != 0)
        return -1;
    options.expression_source = JR2_EXPRESSION_COARSE;
    if (jr2_model_has(jr2_ctx_model(b->ctx), JR2_PART_EXPRESSION) && measure(b, "the same without expression net", &options, &one) != 0)
        return -1;
    return faces > 0 ? measure_tracker(b) : 0;
}

int cmd_bench(int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    const char *path = NULL, *file = NULL;
    int threads = 1, reenact = 0;
    bench b = {.runs = 100};
    picture photo = {NULL, 0, 0};
    char error[256];
    while (!args.failed && cli_next(&args)) {
        if (cli_is(&args, "-h", "--help")) {
            fputs(help, stdout);
            return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
        }
        if (cli_is(&args, NULL, "--model"))
            path = cli_text(&args);
        else if (cli_is(&args, NULL, "--runs"))
            b.runs = cli_integer(&args, 1, 100000);
        else if (cli_is(&args, NULL, "--threads"))
            threads = cli_integer(&args, 1, 64);
        else if (cli_is(&args, NULL, "--reenact"))
            reenact = 1;
        else if (args.name)
            cli_unknown(&args);
        else if (file) {
            cli_message("only one picture is timed");
            args.failed = 1;
        } else
            file = args.value;
    }
    if (reenact && !file && !args.failed) {
        cli_message("--reenact needs a picture with a face");
        args.failed = 1;
    }
    if (args.failed)
        return CLI_USAGE;
    if (file) {
        if (picture_read(file, &photo, error, sizeof error) != 0) {
            cli_message("%s: %s", file, error);
            return CLI_FAILED;
        }
    } else {
        photo.width = 640;
        photo.height = 480;
        photo.pixels = malloc(640 * 480 * 3);
        if (photo.pixels)
            memset(photo.pixels, 128, 640 * 480 * 3);
    }
    b.times = malloc((size_t)b.runs * sizeof *b.times);
    int code = CLI_FAILED;
    if (!b.times || !photo.pixels)
        cli_message("out of memory");
    else if (!(b.ctx = cli_open(path, threads, reenact ? 0 : CLI_STILL)))
        code = CLI_NO_MODEL;
    else {
        picture_image(&photo, &b.image);
        code = (reenact ? run_reenact(&b) : run(&b)) == 0 ? CLI_OK : CLI_FAILED;
    }
    jr2_ctx_free(b.ctx);
    free(b.times);
    picture_free(&photo);
    return code;
}
