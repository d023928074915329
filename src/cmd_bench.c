/* SPDX-License-Identifier: MIT
 * jr2 bench: times of the steps on this machine, through the public functions alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "picture.h"

static const char help[] =
    "usage: jr2 bench [FILE] [OPTION]...\n"
    "\n"
    "Times the reconstruction of a picture (without FILE: a grey one of 640 x 480 with the region of one face given).\n"
    "\n"
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
} bench;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
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
    qsort(b->times, (size_t)b->runs, sizeof *b->times, by_value);
    printf("%-34s %9.2f %9.2f %9.2f ms  %d %s\n", what, 1e3 * b->times[b->runs / 2], 1e3 * b->times[0],
           1e3 * b->times[(int)((double)(b->runs - 1) * 0.95)], *faces, *faces == 1 ? "face" : "faces");
    return fflush(stdout);
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
        if (measure(b, "find + 2 passes + mesh", &options, &faces) != 0)
            return -1;
        options.texture_size = 1024;
        if (faces > 0 && measure(b, "find + 2 passes + mesh + texture", &options, &faces) != 0)
            return -1;
        options.texture_size = 0;
        jr2_result *result = NULL;
        if (faces > 0 && jr2_reconstruct(b->ctx, &b->image, &options, &result) == JR2_OK)
            jr2_face_region(jr2_result_face(result, 0), &region);
        jr2_result_free(result);
    }
    options.regions = &region;
    options.region_count = 1;
    if (measure(b, "one region given, 2 passes + mesh", &options, &one) != 0)
        return -1;
    options.passes = 1;
    if (measure(b, "one region given, 1 pass + mesh", &options, &one) != 0)
        return -1;
    options.expression_source = JR2_EXPRESSION_COARSE;
    return jr2_model_has(jr2_ctx_model(b->ctx), JR2_PART_EXPRESSION) ? measure(b, "the same without expression net", &options, &one) : 0;
}

int cmd_bench(int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    const char *path = NULL, *file = NULL;
    int threads = 1;
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
        else if (args.name)
            cli_unknown(&args);
        else if (file) {
            cli_message("only one picture is timed");
            args.failed = 1;
        } else
            file = args.value;
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
    else if (!(b.ctx = cli_open(path, threads)))
        code = CLI_NO_MODEL;
    else {
        picture_image(&photo, &b.image);
        code = run(&b) == 0 ? CLI_OK : CLI_FAILED;
    }
    jr2_ctx_free(b.ctx);
    free(b.times);
    picture_free(&photo);
    return code;
}
