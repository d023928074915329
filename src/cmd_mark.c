/* SPDX-License-Identifier: MIT
 * jr2 mark: marks a picture as synthetic media, or looks for marks in pictures and videos. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "picture.h"
#include "sample_frames.h"

#define CLI_UNMARKED 4
#define FRAMES 16 /* of a video that are looked at */

static const char help[] =
    "usage: jr2 mark --check FILE...\n"
    "       jr2 mark FILE -o OUT.png [--source KIND] [--rectangle LEFT,TOP,WIDTH,HEIGHT]\n"
    "       jr2 mark --metadata FILE... [--source KIND]\n"
    "\n"
    "Synthetic media carries two marks: one in the pixels that cannot be seen, and metadata that says how it was made (XMP, the IPTC\n"
    "property DigitalSourceType). A missing mark proves nothing: both can be removed.\n"
    "\n"
    "  --check          says for each picture (PNG, JPEG) or video which marks it carries; videos need the ffmpeg program\n"
    "  -o OUT.png       marks the picture and writes it as PNG, with the metadata\n"
    "  --metadata       writes only the metadata into existing PNG, JPEG or MP4 files\n"
    "  --source KIND    trained: made by a trained model; composite: a real picture of which a model changed a part\n"
    "                   (default); none: no metadata\n"
    "  --rectangle R    marks only this part, in pixels\n"
    "\n"
    "Exit codes: 0 done, and with --check every file carries a mark; 1 some file failed; 2 wrong usage; 4 some file has no mark.\n";

static int failed(const char *file, const char *error, int32_t status)
{
    cli_message("%s: %s", file, error[0] ? error : jr2_status_text(status));
    return CLI_FAILED;
}

static int check_pixels(const char *file, jr2_mark_report *report)
{
    char error[256] = "";
    picture pictures[FRAMES];
    jr2_image images[FRAMES];
    jr2_mark_options options;
    JR2_INIT(options);
    options.error = error;
    options.error_size = sizeof error;
    JR2_INIT(*report);
    int count = 1;
    if (sample_frames_needed(file))
        count = sample_frames(file, FRAMES, pictures, error, sizeof error);
    else if (picture_read(file, &pictures[0], error, sizeof error) != 0)
        count = -1;
    if (count < 0)
        return failed(file, error, JR2_ERR_READ);
    for (int i = 0; i < count; i++)
        picture_image(&pictures[i], &images[i]);
    int32_t status = jr2_mark_check(images, count, &options, report);
    if (status == JR2_ERR_IMAGE_SIZE) /* too small to tell */
        status = JR2_OK;
    for (int i = 0; i < count; i++)
        picture_free(&pictures[i]);
    return status == JR2_OK ? CLI_OK : failed(file, error, status);
}

static int check(const char *file)
{
    static const char *const kinds[] = {"none", "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "other"};
    char error[256] = "", pixels[96];
    jr2_mark_report report;
    jr2_mark_options options;
    JR2_INIT(options);
    options.error = error;
    options.error_size = sizeof error;
    int code = check_pixels(file, &report);
    if (code != CLI_OK)
        return code;
    int32_t source = JR2_SOURCE_NONE, status = strcmp(file, "-") == 0 ? JR2_OK : jr2_source_read(file, &options, &source);
    /* A file of another kind holds no metadata that we know; damage after the picture was decoded is not this program's matter. */
    if (status != JR2_OK && status != JR2_ERR_FORMAT && status != JR2_ERR_TRUNCATED)
        return failed(file, error, status);
    if (report.threshold == 0)
        snprintf(pixels, sizeof pixels, "pixels too few");
    else if (report.marked)
        snprintf(pixels, sizeof pixels, "pixels marked (score %.1f of %.1f, size x %.2f%s)", report.score, report.threshold,
                 0.5 * (report.scale_x + report.scale_y), report.mirrored ? ", mirrored" : "");
    else
        snprintf(pixels, sizeof pixels, "pixels not marked (score %.1f of %.1f)", report.score, report.threshold);
    printf("%s: %s, metadata %s\n", file, pixels, kinds[source]);
    return report.marked || source == JR2_SOURCE_TRAINED || source == JR2_SOURCE_COMPOSITE ? CLI_OK : CLI_UNMARKED;
}

static int mark(const char *file, const char *out, int source, const jr2_mark_options *rectangle)
{
    char error[256] = "";
    picture p;
    jr2_image image;
    jr2_mark_options options = *rectangle;
    options.error = error;
    options.error_size = sizeof error;
    if (picture_read(file, &p, error, sizeof error) != 0)
        return failed(file, error, JR2_ERR_READ);
    picture_image(&p, &image);
    int32_t status = jr2_mark_embed(&image, &options);
    int code = status == JR2_OK ? CLI_OK : failed(file, error, status);
    if (code == CLI_OK && picture_write_png(&p, out, error, sizeof error) != 0)
        code = failed(out, error, JR2_ERR_WRITE);
    picture_free(&p);
    if (code == CLI_OK && source != JR2_SOURCE_NONE && (status = jr2_source_write(out, source, &options)) != JR2_OK)
        code = failed(out, error, status);
    return code;
}

static int metadata(const char *file, int source)
{
    char error[256] = "";
    jr2_mark_options options;
    JR2_INIT(options);
    options.error = error;
    options.error_size = sizeof error;
    int32_t status = jr2_source_write(file, source, &options);
    return status == JR2_OK ? CLI_OK : failed(file, error, status);
}

static void read_rectangle(cli_args *args, jr2_mark_options *options)
{
    const char *text = cli_text(args);
    int n = 0;
    if (!text)
        return;
    int left, top, width, height;
    if (strlen(text) > 40 || sscanf(text, "%6d,%6d,%6d,%6d%n", &left, &top, &width, &height, &n) != 4 || text[n] != '\0' || width < 1 ||
        height < 1) {
        cli_message("%s wants LEFT,TOP,WIDTH,HEIGHT in pixels, not \"%s\"", args->name, text);
        args->failed = 1;
        return;
    }
    options->left = left;
    options->top = top;
    options->width = width;
    options->height = height;
}

static int read_source(cli_args *args)
{
    const char *text = cli_text(args);
    if (!text)
        return JR2_SOURCE_NONE;
    if (strcmp(text, "trained") == 0)
        return JR2_SOURCE_TRAINED;
    if (strcmp(text, "composite") == 0)
        return JR2_SOURCE_COMPOSITE;
    if (strcmp(text, "none") != 0) {
        cli_message("%s is trained, composite or none, not \"%s\"", args->name, text);
        args->failed = 1;
    }
    return JR2_SOURCE_NONE;
}

int cmd_mark(int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    int checking = 0, only_metadata = 0, source = JR2_SOURCE_COMPOSITE, count = 0, worst = CLI_OK;
    const char *out = NULL;
    const char **files = malloc(sizeof *files * (size_t)argc);
    jr2_mark_options options;
    JR2_INIT(options);
    if (!files) {
        cli_message("out of memory");
        return CLI_FAILED;
    }
    while (!args.failed && cli_next(&args)) {
        if (cli_is(&args, "-h", "--help")) {
            fputs(help, stdout);
            free(files);
            return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
        }
        if (cli_is(&args, NULL, "--check"))
            checking = 1;
        else if (cli_is(&args, NULL, "--metadata"))
            only_metadata = 1;
        else if (cli_is(&args, "-o", "--output"))
            out = cli_text(&args);
        else if (cli_is(&args, NULL, "--source"))
            source = read_source(&args);
        else if (cli_is(&args, NULL, "--rectangle"))
            read_rectangle(&args, &options);
        else if (args.name)
            cli_unknown(&args);
        else
            files[count++] = args.value;
    }
    if (!args.failed && checking + only_metadata + (out != NULL) != 1) {
        cli_message("exactly one of --check, --metadata and -o OUT.png is needed; jr2 mark --help tells more");
        args.failed = 1;
    } else if (!args.failed && (count == 0 || (out && count > 1))) {
        cli_message(count == 0 ? "no file is given" : "-o takes one file");
        args.failed = 1;
    } else if (!args.failed && only_metadata && source == JR2_SOURCE_NONE) {
        cli_message("--metadata writes trained or composite");
        args.failed = 1;
    }
    for (int i = 0; i < count && !args.failed; i++) {
        int code = checking ? check(files[i]) : only_metadata ? metadata(files[i], source) : mark(files[i], out, source, &options);
        if (code == CLI_FAILED || worst == CLI_OK)
            worst = code;
    }
    free(files);
    if (args.failed)
        return CLI_USAGE;
    return fflush(stdout) == 0 ? worst : CLI_FAILED;
}
