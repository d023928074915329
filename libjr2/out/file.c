/* SPDX-License-Identifier: MIT
 * Files that appear whole or not at all: written beside their place and renamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out/sink.h"

#define ATTEMPTS 100

static int32_t open_failed(jr2i_env *env, const char *path)
{
    return jr2i_fail(env, JR2_ERR_OPEN, "%.150s: %s", path, strerror(errno));
}

int32_t jr2i_file_open(jr2i_env *env, const char *path, jr2i_file *file)
{
    struct stat info;
    memset(file, 0, sizeof *file);
    file->fd = -1;
    if (!path || !*path)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "no path to write to");
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return open_failed(env, path);
    }
    size_t length = strlen(path);
    file->path = jr2i_alloc(env, length + 1, 1);
    file->temporary = jr2i_alloc(env, length + 32, 1);
    if (!file->path || !file->temporary) {
        jr2i_file_close(env, file, JR2_ERR_NO_MEMORY);
        return jr2i_no_memory(env, length + 32);
    }
    memcpy(file->path, path, length + 1);
    file->direct = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    if (file->direct) {
        file->fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        for (int i = 0; i < ATTEMPTS; i++) { /* a name that nobody has; a symbolic link is not followed */
            snprintf(file->temporary, length + 32, "%s.%ld-%d.tmp", path, (long)getpid(), i);
            file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (file->fd >= 0 || errno != EEXIST)
                break;
        }
    }
    if (file->fd < 0) {
        int32_t status = open_failed(env, path);
        jr2i_free(env, file->path);
        jr2i_free(env, file->temporary);
        file->path = file->temporary = NULL;
        return status;
    }
    return JR2_OK;
}

int32_t jr2i_file_write(void *user, const void *data, size_t size)
{
    jr2i_file *file = user;
    const char *p = data;
    while (size > 0 && file->code == 0) {
        ssize_t n = write(file->fd, p, size);
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            file->code = errno ? errno : EIO;
        }
    }
    return file->code;
}

int32_t jr2i_file_close(jr2i_env *env, jr2i_file *file, int32_t status)
{
    if (file->fd >= 0) {
        /* A full disk may show only now. */
        if (status == JR2_OK && !file->direct && fsync(file->fd) != 0 && errno != EINVAL && errno != ENOTSUP && file->code == 0)
            file->code = errno;
        if (close(file->fd) != 0 && errno != EINTR && file->code == 0)
            file->code = errno;
        if (file->code)
            status = jr2i_fail(env, JR2_ERR_WRITE, "%.150s: %s", file->path, strerror(file->code));
        if (status == JR2_OK && !file->direct && rename(file->temporary, file->path) != 0)
            status = jr2i_fail(env, JR2_ERR_WRITE, "%.150s: %s", file->path, strerror(errno));
        if (status != JR2_OK && !file->direct)
            unlink(file->temporary);
    }
    jr2i_free(env, file->path);
    jr2i_free(env, file->temporary);
    memset(file, 0, sizeof *file);
    file->fd = -1;
    return status;
}
