/* SPDX-License-Identifier: MIT
 * See frames_out.h. */
#include "frames_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encode_apng.h"
#include "save_file.h"
#include "video.h"

#define TEXT 512

struct frames_out {
    int kind, many, said, failed;
    int has_source;  /* the metadata goes into the file at its end */
    char *path;      /* of the file, or the pattern */
    char *name;      /* room for one file's name */
    size_t name_size;
    long done;
    video_out *video;
    apng *animation;
    char error[TEXT]; /* of a failed write */
};

static int ends_in(const char *path, const char *ending)
{
    const size_t a = strlen(path), b = strlen(ending);
    return a > b && strcasecmp(path + a - b, ending) == 0;
}

/* "frames/%05d.png": one number and nothing else that printf would read. */
static int is_pattern(const char *path)
{
    const char *p = strchr(path, '%');
    if (!p || strchr(p + 1, '%') || !ends_in(path, ".png"))
        return 0;
    p++;
    p += *p == '0';
    p += *p >= '1' && *p <= '9';
    return *p == 'd';
}

int frames_kind(const char *path)
{
    static const char *const videos[] = {".mp4", ".mov", ".mkv", ".webm"};
    struct stat about;
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < sizeof videos / sizeof *videos; i++)
        if (ends_in(path, videos[i]))
            return FRAMES_VIDEO;
    if (is_pattern(path) || (slash && slash[1] == '\0') || (stat(path, &about) == 0 && S_ISDIR(about.st_mode)))
        return FRAMES_SEQUENCE;
    if (strchr(path, '%'))
        return FRAMES_UNKNOWN;
    if (ends_in(path, ".png"))
        return FRAMES_PNG;
    return ends_in(path, ".jpg") || ends_in(path, ".jpeg") ? FRAMES_JPEG : FRAMES_UNKNOWN;
}

/* The pattern of a sequence, with its folder made. */
static int prepare_sequence(frames_out *f, const char *path)
{
    const size_t length = strlen(path);
    if (is_pattern(path))
        strcpy(f->path, path);
    else
        sprintf(f->path, "%s%s%%05d.png", path, length > 0 && path[length - 1] == '/' ? "" : "/");
    char *slash = strrchr(f->path, '/');
    if (!slash || slash == f->path)
        return 0;
    *slash = '\0';
    const int failed = strchr(f->path, '%') ? 0 : make_folder(f->path); /* a number in the folder's name: it has to be there */
    *slash = '/';
    return failed;
}

frames_out *frames_open(const char *path, const frames_out_options *options, char *error, size_t error_size)
{
    frames_out *f = calloc(1, sizeof *f);
    const size_t room = strlen(path) + 32;
    int ok = f != NULL;
    snprintf(error, error_size, "out of memory");
    if (ok) {
        f->path = malloc(room);
        f->name = malloc(room);
        f->name_size = room;
        ok = f->path && f->name;
    }
    if (ok) {
        f->kind = frames_kind(path);
        f->many = options->many;
        f->said = options->said;
        strcpy(f->path, path);
        if (f->kind == FRAMES_VIDEO) {
            const video_info info = {options->width, options->height, options->rate, 0};
            f->has_source = ends_in(path, ".mp4") || ends_in(path, ".mov");
            ok = (f->video = video_create(path, &info, options->sound, error, error_size)) != NULL;
        } else if (f->kind == FRAMES_PNG && f->many) {
            f->has_source = 1;
            ok = (f->animation = apng_create(path, options->rate, error, error_size)) != NULL;
        } else if (f->kind == FRAMES_SEQUENCE) {
            snprintf(error, error_size, "the folder cannot be made");
            ok = prepare_sequence(f, path) == 0;
        }
    }
    if (ok)
        return f;
    if (f) {
        free(f->path);
        free(f->name);
    }
    free(f);
    return NULL;
}

static int say_source(frames_out *f, const char *path)
{
    jr2_mark_options options;
    JR2_INIT(options);
    options.error = f->error;
    options.error_size = sizeof f->error;
    return jr2_source_write(path, JR2_SOURCE_COMPOSITE, &options) == JR2_OK ? 0 : -1;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void number_name(frames_out *f)
{
    if (f->kind == FRAMES_SEQUENCE)
        snprintf(f->name, f->name_size, f->path, (int)f->done); /* is_pattern has looked at it */
    else
        strcpy(f->name, f->path);
}
#pragma GCC diagnostic pop

int frames_write(frames_out *f, const picture *frame)
{
    int failed;
    if (f->video) {
        failed = video_write(f->video, frame->pixels);
    } else if (f->animation) {
        failed = apng_add(f->animation, frame, f->error, sizeof f->error);
    } else {
        number_name(f);
        failed = (f->kind == FRAMES_JPEG ? picture_write_jpeg : picture_write_png)(frame, f->name, f->error, sizeof f->error);
        if (!failed && f->said)
            failed = say_source(f, f->name);
    }
    f->failed |= failed != 0;
    f->done += !failed;
    return failed;
}

int frames_close(frames_out *f, char *error, size_t error_size)
{
    if (!f)
        return 0;
    int failed = f->failed;
    snprintf(error, error_size, "%s", f->error);
    if (f->video)
        failed = video_finish(f->video, error, error_size) != 0;
    else if (f->animation && apng_finish(f->animation, f->failed ? f->error : error, f->failed ? sizeof f->error : error_size) != 0)
        failed = 1;
    if (f->animation && f->done == 0)
        unlink(f->path); /* not a picture */
    if (!failed && f->has_source && f->said && f->done > 0 && say_source(f, f->path) != 0) {
        failed = 1;
        snprintf(error, error_size, "the metadata cannot be written: %s", f->error);
    }
    free(f->path);
    free(f->name);
    free(f);
    return failed ? -1 : 0;
}
