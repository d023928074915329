/* SPDX-License-Identifier: MIT
 * See motion_file.h. A motion file starts with JR2M, or with an object that names its format. */
#include "motion_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "video.h"

/* What there is, so that a pipe's frames come as they are written; a stop looks like the end. */
static ssize_t read_some(int file, void *data, size_t size)
{
    ssize_t n;
    do
        n = video_stopped() ? 0 : read(file, data, size);
    while (n < 0 && errno == EINTR);
    return n;
}

int motion_file_open(motion_file *m, const char *path, char *error, size_t error_size)
{
    struct stat about;
    char text[sizeof m->head + 1];
    memset(m, 0, sizeof *m);
    m->file = -1;
    if (strcmp(path, "-") == 0 || strcmp(path, "camera") == 0 || strncmp(path, "camera:", 7) == 0 || (m->file = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return 0;
    for (ssize_t n = 1; n > 0 && m->held < sizeof m->head; m->held += n > 0 ? (size_t)n : 0)
        n = read_some(m->file, m->head + m->held, sizeof m->head - m->held);
    memcpy(text, m->head, m->held);
    text[m->held] = '\0';
    if ((m->held >= 4 && memcmp(text, "JR2M", 4) == 0) || (text[0] == '{' && strstr(text, "jr2.motion"))) {
        m->size = fstat(m->file, &about) == 0 && S_ISREG(about.st_mode) ? (int64_t)about.st_size : 0;
        return 1;
    }
    motion_file_close(m);
    if (text[0] != '{')
        return 0;
    snprintf(error, error_size, "JSON, but no motion file, whose first line names the format jr2.motion (jr2 track writes them)");
    return -1;
}

int64_t motion_file_read(void *user, void *data, size_t size)
{
    motion_file *m = user;
    ssize_t n = (ssize_t)(m->held - m->given < size ? m->held - m->given : size);
    if (n > 0) {
        memcpy(data, m->head + m->given, (size_t)n);
        m->given += (size_t)n;
    } else {
        n = read_some(m->file, data, size);
    }
    return n;
}

void motion_file_close(motion_file *m)
{
    if (m->file >= 0)
        close(m->file);
    m->file = -1;
}
