/* SPDX-License-Identifier: MIT
 * Runs ffmpeg and reads the PPM pictures that it writes to a pipe. Nothing goes through a shell. */
#include "sample_frames.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int sample_frames_needed(const char *path)
{
    unsigned char head[8] = {0};
    FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "rb");
    if (!file)
        return 0;
    size_t n = fread(head, 1, sizeof head, file);
    fclose(file);
    return n > 0 && memcmp(head, "\xFF\xD8\xFF", 3) != 0 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) != 0;
}

/* Starts ffmpeg with its output in *from. 0 or an errno. */
static int start(const char *input, int max, pid_t *child, FILE **from)
{
    char count[16];
    int ends[2];
    snprintf(count, sizeof count, "%d", max);
    char *const words[] = {"ffmpeg", "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-t", "60", "-i", (char *)(uintptr_t)input,
                           "-map", "0:v:0", "-vf", "fps=2:round=up", "-frames:v", count, "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "-",
                           NULL};
    if (pipe(ends) != 0)
        return errno;
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code == 0) {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        posix_spawn_file_actions_addclose(&actions, ends[1]);
        code = posix_spawnp(child, "ffmpeg", &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    *from = code == 0 ? fdopen(ends[0], "rb") : NULL;
    if (!*from)
        close(ends[0]);
    if (code == 0 && !*from) {
        kill(*child, SIGKILL);
        waitpid(*child, NULL, 0);
        code = ENOMEM;
    }
    return code;
}

/* One PPM picture: 1; 0 at the end or where it is cut off; -1 with a message. */
static int read_frame(FILE *from, picture *out, char *error, size_t error_size)
{
    unsigned long width, height;
    memset(out, 0, sizeof *out);
    if (fscanf(from, "P6 %6lu %6lu 255", &width, &height) != 2 || fgetc(from) == EOF)
        return 0;
    if (picture_allocate(out, width, height, error, error_size) != 0)
        return -1;
    if (fread(out->pixels, 3, (size_t)width * (size_t)height, from) == (size_t)width * (size_t)height)
        return 1;
    picture_free(out);
    return 0;
}

int sample_frames(const char *path, int max, picture *frames, char *error, size_t error_size)
{
    pid_t child;
    FILE *from;
    size_t size = strlen(path) + 6;
    char *input = malloc(size); /* "file:" keeps names with a colon or a dash from being anything else */
    if (!input) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    snprintf(input, size, "file:%s", path);
    int code = start(input, max, &child, &from), count = 0, got = 1;
    free(input);
    if (code != 0) {
        snprintf(error, error_size, "videos need the ffmpeg program: %s", strerror(code));
        return -1;
    }
    while (count < max && (got = read_frame(from, &frames[count], error, error_size)) == 1) {
        if (count > 0 && (frames[count].width != frames[0].width || frames[count].height != frames[0].height)) {
            picture_free(&frames[count]);
            break;
        }
        count++;
    }
    fclose(from);
    kill(child, SIGKILL); /* if it still runs, nobody reads it any more */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (got >= 0 && count == 0)
        snprintf(error, error_size, "not a picture (JPEG, PNG) or a video that ffmpeg can read");
    if (got >= 0 && count > 0)
        return count;
    while (count > 0)
        picture_free(&frames[--count]);
    return -1;
}
