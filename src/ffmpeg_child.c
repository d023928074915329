/* SPDX-License-Identifier: MIT
 * See ffmpeg_child.h. */
#include "ffmpeg_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int ffmpeg_start(ffmpeg_child *c, char *const *words, int reading, int keep_input)
{
    int ends[2], code;
    c->fd = -1;
    c->pid = 0;
    if (!(c->errors = tmpfile()))
        return errno;
    if (pipe(ends) != 0)
        return errno;
    fcntl(ends[reading ? 0 : 1], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    if (reading) {
        if (!keep_input)
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    } else {
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&actions, fileno(c->errors), 2);
    posix_spawn_file_actions_addclose(&actions, ends[reading ? 1 : 0]);
    code = posix_spawnp(&c->pid, words[0], &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[reading ? 1 : 0]);
    if (code != 0) {
        c->pid = 0;
        close(ends[reading ? 0 : 1]);
        return code;
    }
    c->fd = ends[reading ? 0 : 1];
    return 0;
}

int ffmpeg_finish(ffmpeg_child *c, int kill_it)
{
    int status = 0;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    if (c->pid == 0)
        return 0;
    if (kill_it)
        kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    c->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void ffmpeg_last_words(ffmpeg_child *c, const char *fallback, char *error, size_t size)
{
    char line[400], last[400] = "";
    if (c->errors) {
        rewind(c->errors);
        while (fgets(line, sizeof line, c->errors)) {
            line[strcspn(line, "\r\n")] = '\0';
            if (*line)
                memcpy(last, line, sizeof last);
        }
    }
    snprintf(error, size, "%s%s%s", fallback, *last ? ": " : "", last);
}

void ffmpeg_clean(ffmpeg_child *c)
{
    ffmpeg_finish(c, 1);
    if (c->errors)
        fclose(c->errors);
    c->errors = NULL;
}

void ffmpeg_not_started(int code, char *error, size_t size)
{
    if (code == ENOENT)
        snprintf(error, size, "videos need the ffmpeg program, which is not installed (or not in PATH)");
    else
        snprintf(error, size, "ffmpeg cannot be started: %s", strerror(code));
}
