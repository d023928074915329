/* SPDX-License-Identifier: MIT
 * Runs ffmpeg: frames come as YUV4MPEG2 (which tells size and rate in its header, also of a pipe), and go as raw RGB. */
#include "video.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ffmpeg_child.h"

#define SIDE_MAX 16384
#define WORDS 48

struct video_in {
    ffmpeg_child ffmpeg;
    video_info info;
    unsigned char *planes, *rgb;
    long frames;
};

struct video_out {
    ffmpeg_child ffmpeg;
    size_t frame_size;
    int broken;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    stopped = 1;
    signal(number, SIG_DFL);
}

void video_catch_stop(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = stop; /* without SA_RESTART: a waiting read returns */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int video_stopped(void)
{
    return stopped != 0;
}

/* Exactly size bytes: 1; 0: the end came first; -1: a stop. */
static int read_all(int fd, void *data, size_t size)
{
    unsigned char *p = data;
    while (size > 0) {
        ssize_t n = read(fd, p, size);
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            return 0;
        }
        if (stopped)
            return -1;
    }
    return 1;
}

/* A line without its end; what is too long is an error. */
static int read_line(int fd, char *line, size_t size)
{
    for (size_t n = 0; n + 1 < size; n++) {
        int got = read_all(fd, line + n, 1);
        if (got != 1)
            return got;
        if (line[n] == '\n') {
            line[n] = '\0';
            return 1;
        }
    }
    return 0;
}

/* "YUV4MPEG2 W640 H480 F25:1 ... C444 ...": 1 where it is as we asked for it. */
static int read_header(video_in *in)
{
    char line[256];
    long numerator = 0, denominator = 0;
    int is_444 = 0;
    if (read_line(in->ffmpeg.fd, line, sizeof line) != 1 || strncmp(line, "YUV4MPEG2 ", 10) != 0)
        return 0;
    for (char *save = NULL, *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (*word == 'W')
            in->info.width = (int)strtol(word + 1, NULL, 10);
        else if (*word == 'H')
            in->info.height = (int)strtol(word + 1, NULL, 10);
        else if (*word == 'F' && sscanf(word + 1, "%9ld:%9ld", &numerator, &denominator) != 2)
            numerator = 0;
        else if (*word == 'C')
            is_444 = strcmp(word, "C444") == 0;
    }
    in->info.rate = numerator > 0 && denominator > 0 ? (double)numerator / (double)denominator : 25;
    if (in->info.rate > 1000)
        in->info.rate = 25;
    return is_444 && in->info.width > 0 && in->info.height > 0 && in->info.width <= SIDE_MAX && in->info.height <= SIDE_MAX;
}

video_in *video_open(const char *path, char *error, size_t error_size)
{
    char *words[WORDS], device[64];
    int n = 0, camera = strcmp(path, "camera") == 0 || strncmp(path, "camera:", 7) == 0, pipe_in = strcmp(path, "-") == 0;
    video_in *in = calloc(1, sizeof *in);
    char *input = malloc(strlen(path) + 8);
    struct stat about;
    if (!in || !input) {
        snprintf(error, error_size, "out of memory");
        free(in);
        free(input);
        return NULL;
    }
    sprintf(input, "file:%s", path); /* keeps names with a colon or a dash from being anything else */
    in->info.live = camera;
    in->ffmpeg.fd = -1;
    if (camera)
        snprintf(device, sizeof device, "/dev/video%ld", path[6] ? strtol(path + 7, NULL, 10) : 0);
    if ((camera || !pipe_in) && stat(camera ? device : path, &about) != 0) {
        snprintf(error, error_size, "%s%s%s", camera ? device : "", camera ? ": " : "", strerror(errno));
        free(input);
        free(in);
        return NULL;
    }
    char *const first[] = {"ffmpeg", "-v", "error", "-nostdin"}, *const cam[] = {"-f", "v4l2", "-i", device},
               *const std[] = {"-i", "pipe:0"}, *const file[] = {"-protocol_whitelist", "file,pipe", "-i", input},
               *const frames[] = {"-map", "0:v:0", "-an", "-sn", "-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv444p", "-f",
                                  "yuv4mpegpipe", "-strict", "-1", "-"};
#define ADD(list) \
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) \
        words[n++] = list[i];
    ADD(first)
    if (camera) {
        ADD(cam)
    } else if (pipe_in) {
        ADD(std)
    } else {
        ADD(file)
    }
    if (camera) {
        words[n++] = "-vsync";
        words[n++] = "0";
    }
    ADD(frames)
    words[n] = NULL;
    int code = ffmpeg_start(&in->ffmpeg, words, 1, pipe_in);
    free(input);
    if (code != 0) {
        ffmpeg_not_started(code, error, error_size);
    } else if (!read_header(in)) {
        ffmpeg_finish(&in->ffmpeg, stopped);
        ffmpeg_last_words(&in->ffmpeg, stopped ? "stopped before the first frame" : pipe_in ? "not a video that ffmpeg can read from a pipe (an MP4 must have its index in front)"
                                : "not a video that ffmpeg can read", error, error_size);
        code = -1;
    } else {
        size_t size = (size_t)in->info.width * (size_t)in->info.height * 3;
        in->planes = malloc(size);
        in->rgb = malloc(size);
        if (in->planes && in->rgb)
            return in;
        snprintf(error, error_size, "out of memory");
    }
    video_close(in);
    return NULL;
}

double video_seconds(const char *path)
{
    char text[64];
    double seconds = 0;
    ffmpeg_child probe;
    char *input = malloc(strlen(path) + 8);
    if (!input)
        return 0;
    sprintf(input, "file:%s", path);
    char *const words[] = {"ffprobe", "-v", "error", "-protocol_whitelist", "file,pipe", "-show_entries", "format=duration", "-of", "csv=p=0", input, NULL};
    if (ffmpeg_start(&probe, words, 1, 0) == 0 && read_line(probe.fd, text, sizeof text) == 1) {
        seconds = strtod(text, NULL);
        seconds = seconds > 0 && seconds < 1e9 ? seconds : 0;
    }
    ffmpeg_clean(&probe);
    free(input);
    return seconds;
}

const video_info *video_about(const video_in *in)
{
    return &in->info;
}

static unsigned char byte(int v)
{
    v >>= 16;
    return (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* BT.601, limited range, to RGB; 16 bits of fraction. */
static void to_rgb(const video_in *in)
{
    size_t count = (size_t)in->info.width * (size_t)in->info.height;
    const unsigned char *y = in->planes, *u = y + count, *v = u + count;
    unsigned char *to = in->rgb;
    for (size_t i = 0; i < count; i++) {
        int luma = 76309 * (y[i] - 16) + 32768, cb = u[i] - 128, cr = v[i] - 128;
        to[3 * i] = byte(luma + 104597 * cr);
        to[3 * i + 1] = byte(luma - 25675 * cb - 53279 * cr);
        to[3 * i + 2] = byte(luma + 132201 * cb);
    }
}

int video_read(video_in *in, const unsigned char **rgb, char *error, size_t error_size)
{
    char line[256];
    size_t size = (size_t)in->info.width * (size_t)in->info.height * 3;
    *rgb = NULL;
    int got = stopped ? -1 : read_line(in->ffmpeg.fd, line, sizeof line);
    if (got == 1 && strncmp(line, "FRAME", 5) == 0)
        got = read_all(in->ffmpeg.fd, in->planes, size);
    else if (got == 1)
        got = 0;
    if (got == 1) {
        to_rgb(in);
        in->frames++;
        *rgb = in->rgb;
        return 1;
    }
    if (got < 0) /* a stop */
        return 0;
    if (ffmpeg_finish(&in->ffmpeg, 0) == 0)
        return 0;
    char what[64];
    snprintf(what, sizeof what, "ffmpeg failed after %ld frames", in->frames);
    ffmpeg_last_words(&in->ffmpeg, what, error, error_size);
    return -1;
}

void video_close(video_in *in)
{
    if (!in)
        return;
    ffmpeg_clean(&in->ffmpeg);
    free(in->planes);
    free(in->rgb);
    free(in);
}

video_out *video_create(const char *path, const video_info *info, const char *audio, char *error, size_t error_size)
{
    char size[32], rate[40];
    char *words[WORDS];
    int n = 0;
    video_out *out = calloc(1, sizeof *out);
    char *to = malloc(strlen(path) + 8), *sound = malloc((audio ? strlen(audio) : 0) + 8);
    if (!out || !to || !sound) {
        snprintf(error, error_size, "out of memory");
        free(out);
        free(to);
        free(sound);
        return NULL;
    }
    sprintf(to, "file:%s", path);
    sprintf(sound, "file:%s", audio ? audio : "");
    snprintf(size, sizeof size, "%dx%d", info->width, info->height);
    snprintf(rate, sizeof rate, "%.6f", info->rate);
    char *const input[] = {"ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "pipe:0"};
    /* Silence after the sound's end: -shortest is then the end of the pictures, never that of the sound. */
    char *const with[] = {"-i", sound, "-map", "0:v:0", "-map", "1:a:0?", "-af", "apad", "-shortest"};
    char *const output[] = {"-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-colorspace", "smpte170m", to};
    ADD(input)
    if (audio) {
        ADD(with)
    }
    ADD(output)
    words[n] = NULL;
    out->frame_size = (size_t)info->width * (size_t)info->height * 3;
    int code = ffmpeg_start(&out->ffmpeg, words, 0, 0);
    free(to);
    free(sound);
    if (code == 0)
        return out;
    ffmpeg_not_started(code, error, error_size);
    const size_t said = strlen(error);
    if (code == ENOENT && said < error_size)
        snprintf(error + said, error_size - said, "; a name ending in .png, or a folder for numbered PNGs, does without");
    ffmpeg_clean(&out->ffmpeg);
    free(out);
    return NULL;
}

int video_write(video_out *out, const unsigned char *rgb)
{
    size_t left = out->frame_size;
    while (left > 0 && !out->broken) {
        ssize_t n = write(out->ffmpeg.fd, rgb, left);
        if (n > 0) {
            rgb += n;
            left -= (size_t)n;
        } else if (n < 0 && errno != EINTR) { /* a stop does not tear a frame */
            out->broken = 1;
        }
    }
    return out->broken ? -1 : 0;
}

int video_finish(video_out *out, char *error, size_t error_size)
{
    if (!out)
        return 0;
    int failed = ffmpeg_finish(&out->ffmpeg, 0) != 0 || out->broken;
    if (failed)
        ffmpeg_last_words(&out->ffmpeg, "ffmpeg could not write the video", error, error_size);
    ffmpeg_clean(&out->ffmpeg);
    free(out);
    return failed ? -1 : 0;
}
