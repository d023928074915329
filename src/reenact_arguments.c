/* SPDX-License-Identifier: MIT
 * The command line of jr2 reenact. */
#include "reenact_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "frames_out.h"

const char reenact_help[] =
    "usage: jr2 reenact PORTRAIT [--drive DRIVER] -o OUT [OPTION]...\n"
    "\n"
    "Moves the face of a portrait as a driver's face moves, or by hand (--yaw 20 --set mouthSmileLeft=0.8). The portrait is a JPEG or PNG, or the first\n"
    "frame of a video. DRIVER is a video (any that ffmpeg reads; - is one on the standard input), camera[:N], a picture, or a motion file\n"
    "(jr2 track); without one a single picture is made. OUT by its name: .mp4 .mov .mkv .webm (needs ffmpeg), a FOLDER/ or a pattern frames/%05d.png of\n"
    "numbered PNGs, .png (several frames: an animated PNG), .jpg. Ctrl-C ends it; what is done is kept and plays.\n"
    "\n"
    "  -d, --drive DRIVER           who or what moves the portrait\n"
    "  -o, --output OUT             where the frames go\n"
    "      --motion KIND            relative: the driver's changes since the reference are added to the portrait's own state; absolute: pose, place\n"
    "                               and expression as they are [relative]\n"
    "      --reference N|rest       the driver's frame that looks like the portrait as it is, from 0; rest: a face at rest, looking straight [the\n"
    "                               first frame with a face, but with its mouth and lids at rest; rest for a picture]\n"
    "      --method METHOD          network, or warp: the picture's own pixels alone [network, where the weights have one]\n"
    "      --yaw, --pitch, --roll DEGREES   added to the head's rotation\n"
    "      --set NAME=VALUE         an expression, 0 to 1, whatever drives; ARKit's names or the head model's; again for others\n"
    "      --add NAME=VALUE         the same, -1 to 1, on top of what drives\n"
    "      --expression-gain G      0 to 4, blinks are not scaled [1]\n"
    "      --pose-gain G            0 to 4 [1]\n"
    "      --eye-lock S             0 to 1: how much lids and gaze stay the portrait's [0]\n"
    "      --lip-lock S             0 to 1: likewise mouth and jaw [0]\n"
    "      --limit-yaw, --limit-pitch, --limit-roll DEGREES   farthest from the portrait's own pose, 0: no limit [60, 40, 60]\n"
    "      --limit-shift S          farthest from its own place, in sides of the crop, 0: no limit [0.3]\n"
    "      --face N|all             which face of the portrait, the largest is 1 [1]\n"
    "      --each                   with --face all: by size, each by its own face of the driver\n"
    "      --crop                   only the square of 256 x 256 pixels around the face\n"
    "      --fps RATE               frames a second of the output, 0.1 to 240 [the driver's, else 25]\n"
    "      --frames N               stop after so many [all]\n"
    "      --audio SOUND            driver, source (the portrait's, if it is a video), none, or a file [the driver's]\n"
    "      --lag MS                 lag of the tracker's filters for slow motion, 0 (no filter) to 1000 [50]\n"
    "      --focal PX               focal length of both cameras in pixels [1.1 x the longer side of each picture]\n"
    "      --expression SOURCE      auto: the expression network, where the weights have one; coarse: without it, faster [auto]\n"
    "      --unmarked               leaves out the mark and the metadata of synthetic media (docs/mark.md): telling viewers is then up to you\n"
    "      --model, --weights PATH  folder of the weights [beside the library]\n"
    "      --threads N              1 to 64 [1]\n"
    "  -q, --quiet                  print nothing but errors\n"
    "  -h, --help\n"
    "\n"
    "Ask the people whose pictures you move. Exit codes: 0 done, 1 failed (frames before it are written), 2 wrong usage, 3 no weights.\n";

static int32_t read_choice(cli_args *args, const char *first, const char *second)
{
    const char *text = cli_text(args);
    if (text && strcmp(text, first) != 0 && strcmp(text, second) != 0) {
        cli_message("%s wants %s or %s, not \"%s\"", args->name, first, second, text);
        args->failed = 1;
    }
    return text && strcmp(text, second) == 0;
}

/* A number for a field in which 0 is the default: 0 itself becomes -1. */
static float read_field(cli_args *args, double low, double high)
{
    const double value = cli_number(args, low, high);
    return value == 0 ? -1 : (float)value;
}

static int read_numbered(cli_args *args, const char *word, int instead, int low)
{
    const char *text = cli_text(args);
    return text && strcmp(text, word) == 0 ? instead : cli_integer(args, low, 1000000000);
}

static int read_how(reenact_arguments *a, cli_args *args)
{
    jr2_reenact_options *o = &a->options;
    if (cli_is(args, NULL, "--motion"))
        o->motion = read_choice(args, "relative", "absolute");
    else if (cli_is(args, NULL, "--reference"))
        a->reference = read_numbered(args, "rest", -1, 0);
    else if (cli_is(args, NULL, "--method"))
        a->method = read_choice(args, "network", "warp");
    else if (cli_is(args, NULL, "--yaw"))
        o->angles[0] = (float)cli_number(args, -180, 180);
    else if (cli_is(args, NULL, "--pitch"))
        o->angles[1] = (float)cli_number(args, -180, 180);
    else if (cli_is(args, NULL, "--roll"))
        o->angles[2] = (float)cli_number(args, -180, 180);
    else if (cli_is(args, NULL, "--set") || cli_is(args, NULL, "--add")) {
        a->is_add[a->edit_count] = cli_is(args, NULL, "--add") != 0;
        if ((a->edits[a->edit_count] = cli_text(args)))
            a->edit_count++;
    } else if (cli_is(args, NULL, "--expression-gain"))
        o->expression_gain = read_field(args, 0, 4);
    else if (cli_is(args, NULL, "--pose-gain"))
        o->pose_gain = read_field(args, 0, 4);
    else if (cli_is(args, NULL, "--eye-lock"))
        o->eye_lock = read_field(args, 0, 1);
    else if (cli_is(args, NULL, "--lip-lock"))
        o->lip_lock = read_field(args, 0, 1);
    else if (cli_is(args, NULL, "--limit-yaw"))
        o->limit_yaw = read_field(args, 0, 360);
    else if (cli_is(args, NULL, "--limit-pitch"))
        o->limit_pitch = read_field(args, 0, 360);
    else if (cli_is(args, NULL, "--limit-roll"))
        o->limit_roll = read_field(args, 0, 360);
    else if (cli_is(args, NULL, "--limit-shift"))
        o->limit_shift = read_field(args, 0, 100);
    else if (cli_is(args, NULL, "--crop"))
        a->crop = 1;
    else if (cli_is(args, NULL, "--unmarked"))
        o->unmarked = 1;
    else
        return 0;
    return 1;
}

static int read_option(reenact_arguments *a, cli_args *args)
{
    if (read_how(a, args))
        return 1;
    if (cli_is(args, "-d", "--drive"))
        a->drive = cli_text(args);
    else if (cli_is(args, "-o", "--output"))
        a->output = cli_text(args);
    else if (cli_is(args, NULL, "--face"))
        a->face = read_numbered(args, "all", -1, 1);
    else if (cli_is(args, NULL, "--each"))
        a->each = 1;
    else if (cli_is(args, NULL, "--fps"))
        a->fps = cli_number(args, 0.1, 240);
    else if (cli_is(args, NULL, "--frames"))
        a->limit = cli_integer(args, 1, 1000000000);
    else if (cli_is(args, NULL, "--audio"))
        a->audio = cli_text(args);
    else if (cli_is(args, NULL, "--lag"))
        cli_lag(args, &a->tracking);
    else if (cli_is(args, NULL, "--focal"))
        a->focal = a->tracking.focal_px = (float)cli_number(args, 1, 1e6);
    else if (cli_is(args, NULL, "--expression"))
        a->tracking.expression_source = cli_expression(args);
    else if (cli_is(args, NULL, "--model") || cli_is(args, NULL, "--weights"))
        a->model = cli_text(args);
    else if (cli_is(args, NULL, "--threads"))
        a->threads = cli_integer(args, 1, 64);
    else if (cli_is(args, "-q", "--quiet"))
        a->quiet = 1;
    else
        return 0;
    return 1;
}

/* What is wrong with the arguments as a whole, or NULL. */
static const char *complaint(const reenact_arguments *a)
{
    const float *angles = a->options.angles;
    if (!a->portrait)
        return "no portrait was given";
    if (!a->output)
        return "-o is missing: where do the frames go?";
    if (frames_kind(a->output) == FRAMES_UNKNOWN)
        return "-o wants a name ending in .mp4, .mov, .mkv, .webm, .png or .jpg, a FOLDER/, or a pattern such as frames/%05d.png";
    if (!a->drive && a->edit_count == 0 && angles[0] == 0 && angles[1] == 0 && angles[2] == 0)
        return "nothing moves the portrait: give --drive, or --yaw, --pitch, --roll, --set or --add";
    if (a->drive && strcmp(a->drive, "-") == 0 && strcmp(a->portrait, "-") == 0)
        return "portrait and driver cannot both be the standard input";
    if (a->face < 0 && a->crop)
        return "--crop shows one face: it does not go with --face all";
    if (a->each && a->face >= 0)
        return "--each goes with --face all";
    if (a->face < 0 && !a->each && a->drive && a->options.motion == JR2_REENACT_ABSOLUTE)
        return "--motion absolute puts one face in the driver's place: with --face all it needs --each";
    if (a->reference >= 0 && a->drive && (strcmp(a->drive, "-") == 0 || strcmp(a->drive, "camera") == 0 || strncmp(a->drive, "camera:", 7) == 0))
        return "--reference wants a file, which can be read twice";
    return NULL;
}

int reenact_read_arguments(reenact_arguments *a, int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    while (!args.failed && cli_next(&args)) {
        if (!args.name && !a->portrait)
            a->portrait = args.value;
        else if (!args.name) {
            cli_message("only one portrait is moved");
            args.failed = 1;
        } else if (cli_is(&args, "-h", "--help"))
            return 1;
        else if (!read_option(a, &args))
            cli_unknown(&args);
    }
    const char *wrong = args.failed ? NULL : complaint(a);
    if (wrong)
        cli_message("%s", wrong);
    if (!args.failed && !wrong)
        return 0;
    fputs("jr2 reenact --help tells how it is used\n", stderr);
    return -1;
}

int reenact_arguments_begin(reenact_arguments *a, int argc)
{
    JR2_INIT(a->tracking);
    JR2_INIT(a->options);
    a->reference = REFERENCE_FIRST;
    a->method = -1;
    a->face = a->threads = 1;
    a->edits = calloc((size_t)argc + 1, sizeof *a->edits);
    a->is_add = calloc((size_t)argc + 1, 1);
    return a->edits && a->is_add ? 0 : -1;
}

void reenact_arguments_end(reenact_arguments *a)
{
    free(a->edits);
    free(a->is_add);
}
