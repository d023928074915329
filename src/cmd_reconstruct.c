/* SPDX-License-Identifier: MIT
 * jr2 reconstruct: pictures in; JSON, GLB, OBJ, PLY and overlay files out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "picture.h"
#include "save_file.h"

static const char help[] =
    "usage: jr2 reconstruct FILE... [-o FOLDER] [OPTION]...\n"
    "\n"
    "Writes for every picture a.jpg: FOLDER/a.json (the numbers of every face), FOLDER/a.glb (the head of the largest face, textured\n"
    "and rigged; a-2.glb, a-3.glb for smaller ones) and FOLDER/a.png (the picture with the faces drawn in). FILE - is the standard\n"
    "input, its files are named stdin. Pictures: JPEG (turned as its Exif data says) and PNG.\n"
    "\n"
    "  -o, --output FOLDER      where the files go; made if it is not there [.]\n"
    "      --only LIST          which files: json,glb,obj,ply,png [json,glb,png]\n"
    "      --max-faces N        the N largest faces of a picture, 1 to 256 [32]\n"
    "      --min-confidence P   what the face finder has to be sure of, 0.01 to 1 [0.5]\n"
    "      --min-size PX        smallest face, in pixels [16]\n"
    "      --focal PX           the camera's focal length in pixels [1.1 x the longer side]\n"
    "      --expression SOURCE  auto: the expression network, where the weights have one; coarse: without it, faster [auto]\n"
    "      --texture SIZE       side of the texture in pixels, 64 to 4096, 0: none [1024]\n"
    "      --model PATH         folder of the weights [beside the library]\n"
    "      --threads N          1 to 64 [1]\n"
    "  -q, --quiet              print nothing but errors\n"
    "  -h, --help\n"
    "\n"
    "A picture without a face is no failure: its JSON has an empty list, and a line says so.\n"
    "Exit codes: 0 done, 1 some input failed (the others were done), 2 wrong usage, 3 no weights.\n";

enum { JSON, GLB, OBJ, PLY, PNG, KINDS };
static const char *const kind_name[KINDS] = {"json", "glb", "obj", "ply", "png"};
static const int32_t kind_format[KINDS] = {JR2_EXPORT_JSON, JR2_EXPORT_GLB, JR2_EXPORT_OBJ, JR2_EXPORT_PLY, JR2_EXPORT_OVERLAY};

typedef struct job {
    const char **inputs; /* (count) */
    char **names;        /* (count) names of the outputs without folder and ending */
    int count;
    const char *folder, *model;
    int wanted[KINDS];
    int threads, quiet, texture;
    jr2_reconstruct_options options;
} job;

static int read_kinds(job *j, const char *list)
{
    memset(j->wanted, 0, sizeof j->wanted);
    while (*list) {
        size_t length = strcspn(list, ",");
        int found = 0;
        for (int k = 0; k < KINDS; k++)
            if (strlen(kind_name[k]) == length && strncmp(kind_name[k], list, length) == 0)
                found = j->wanted[k] = 1;
        if (!found) {
            cli_message("--only knows json, glb, obj, ply and png, not \"%.*s\"", (int)length, list);
            return -1;
        }
        list += length + (list[length] == ',');
    }
    return 0;
}

/* "dir/a.jpg" -> "a"; a name that an input before has taken gets "_2", "_3"... */
static char *output_name(const job *j, int index)
{
    const char *path = j->inputs[index];
    if (strcmp(path, "-") == 0)
        path = "stdin";
    const char *slash = strrchr(path, '/');
    const char *start = slash ? slash + 1 : path;
    const char *dot = strrchr(start, '.');
    int length = dot && dot != start ? (int)(dot - start) : (int)strlen(start);
    for (int number = 1;; number++) {
        char suffix[16] = "";
        if (number > 1)
            snprintf(suffix, sizeof suffix, "_%d", number);
        size_t size = (size_t)length + strlen(suffix) + 1;
        char *name = malloc(size);
        if (!name)
            return NULL;
        snprintf(name, size, "%.*s%s", length, start, suffix);
        int taken = 0;
        for (int i = 0; i < index; i++)
            taken |= strcmp(j->names[i], name) == 0;
        if (!taken)
            return name;
        free(name);
    }
}

/* What stands between a folder and a name. */
static const char *slash_after(const char *folder)
{
    const size_t length = strlen(folder);
    return length > 0 && folder[length - 1] == '/' ? "" : "/";
}

static int export_one(const job *j, jr2_ctx *ctx, const jr2_result *result, const jr2_image *image, int kind, int face, const char *name)
{
    char ending[32];
    if (face > 0)
        snprintf(ending, sizeof ending, "-%d.%s", face + 1, kind_name[kind]);
    else
        snprintf(ending, sizeof ending, ".%s", kind_name[kind]);
    size_t size = strlen(j->folder) + strlen(name) + strlen(ending) + 2;
    char *path = malloc(size);
    if (!path) {
        cli_message("out of memory");
        return -1;
    }
    snprintf(path, size, "%s%s%s%s", j->folder, slash_after(j->folder), name, ending);
    jr2_export_options options;
    JR2_INIT(options);
    options.image = image;
    options.name = name;
    int32_t status = jr2_export_file(ctx, result, face, kind_format[kind], &options, path);
    if (status != JR2_OK)
        cli_message("%s: %s", path, jr2_ctx_error(ctx));
    free(path);
    return status == JR2_OK ? 0 : -1;
}

static int reconstruct_one(const job *j, jr2_ctx *ctx, int index)
{
    const char *input = j->inputs[index], *shown = strcmp(input, "-") == 0 ? "standard input" : input;
    char error[256];
    picture photo;
    jr2_image image;
    jr2_result *result;
    double start = cli_seconds();
    if (picture_read(input, &photo, error, sizeof error) != 0) {
        cli_message("%s: %s", shown, error);
        return -1;
    }
    picture_image(&photo, &image);
    int failed = 0;
    if (jr2_reconstruct(ctx, &image, &j->options, &result) != JR2_OK) {
        cli_message("%s: %s", shown, jr2_ctx_error(ctx));
        failed = -1;
    } else {
        int faces = jr2_result_count(result);
        for (int k = 0; k < KINDS; k++) {
            int copies = k == JSON || k == PNG ? 1 : faces;
            for (int f = 0; j->wanted[k] && f < copies; f++)
                failed |= export_one(j, ctx, result, &image, k, f, j->names[index]);
        }
        if (faces == 0)
            cli_message("%s: no face was found", shown);
        else if (!j->quiet && !failed)
            fprintf(stderr, "[%d/%d] %s: %d %s, %.0f ms -> %s%s%s.*\n", index + 1, j->count, shown, faces, faces == 1 ? "face" : "faces",
                    1e3 * (cli_seconds() - start), j->folder, slash_after(j->folder), j->names[index]);
    }
    jr2_result_free(result);
    picture_free(&photo);
    return failed;
}

static int read_arguments(job *j, int argc, char **argv)
{
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    const char *text;
    while (!args.failed && cli_next(&args)) {
        if (!args.name)
            j->inputs[j->count++] = args.value;
        else if (cli_is(&args, "-h", "--help"))
            return 1;
        else if (cli_is(&args, "-o", "--output")) {
            if ((text = cli_text(&args)))
                j->folder = text;
        } else if (cli_is(&args, NULL, "--only")) {
            if ((text = cli_text(&args)) && read_kinds(j, text) != 0)
                args.failed = 1;
        } else if (cli_is(&args, NULL, "--model"))
            j->model = cli_text(&args);
        else if (cli_is(&args, NULL, "--max-faces"))
            j->options.max_faces = cli_integer(&args, 1, 256);
        else if (cli_is(&args, NULL, "--min-confidence"))
            j->options.min_confidence = (float)cli_number(&args, 0.01, 1);
        else if (cli_is(&args, NULL, "--min-size"))
            j->options.min_size = (float)cli_number(&args, 1, JR2_IMAGE_MAX);
        else if (cli_is(&args, NULL, "--focal"))
            j->options.focal_px = (float)cli_number(&args, 1, 1e6);
        else if (cli_is(&args, NULL, "--expression"))
            j->options.expression_source = cli_expression(&args);
        else if (cli_is(&args, NULL, "--texture"))
            j->texture = cli_integer(&args, 0, 4096);
        else if (cli_is(&args, NULL, "--threads"))
            j->threads = cli_integer(&args, 1, 64);
        else if (cli_is(&args, "-q", "--quiet"))
            j->quiet = 1;
        else
            cli_unknown(&args);
    }
    if (!args.failed && j->texture > 0 && j->texture < 64) {
        cli_message("--texture wants 0 or a number from 64 to 4096, not %d", j->texture);
        args.failed = 1;
    }
    if (!args.failed && j->count == 0) {
        cli_message("no picture was given");
        args.failed = 1;
    }
    if (args.failed)
        fputs("jr2 reconstruct --help tells how it is used\n", stderr);
    return args.failed ? -1 : 0;
}

static int run(job *j)
{
    int failed = 0;
    for (int i = 0; i < j->count; i++)
        if (!(j->names[i] = output_name(j, i))) {
            cli_message("out of memory");
            return CLI_FAILED;
        }
    jr2_ctx *ctx = cli_open(j->model, j->threads, CLI_STILL);
    if (!ctx)
        return CLI_NO_MODEL;
    if (make_folder(j->folder) != 0)
        failed = -1;
    else
        for (int i = 0; i < j->count; i++)
            failed |= reconstruct_one(j, ctx, i);
    jr2_ctx_free(ctx);
    return failed ? CLI_FAILED : CLI_OK;
}

int cmd_reconstruct(int argc, char **argv)
{
    job j;
    memset(&j, 0, sizeof j);
    JR2_INIT(j.options);
    j.options.thorough = 1;
    j.folder = ".";
    j.threads = 1;
    j.texture = 1024;
    j.wanted[JSON] = j.wanted[GLB] = j.wanted[PNG] = 1;
    j.inputs = calloc((size_t)argc, sizeof *j.inputs);
    j.names = calloc((size_t)argc, sizeof *j.names);
    int code = CLI_FAILED;
    if (!j.inputs || !j.names) {
        cli_message("out of memory");
    } else {
        int parsed = read_arguments(&j, argc, argv);
        j.options.texture_size = j.wanted[GLB] || j.wanted[OBJ] ? j.texture : 0;
        if (parsed > 0) {
            fputs(help, stdout);
            code = fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
        } else
            code = parsed < 0 ? CLI_USAGE : run(&j);
    }
    for (int i = 0; j.names && i < j.count; i++)
        free(j.names[i]);
    free(j.names);
    free((void *)j.inputs);
    return code;
}
