/* SPDX-License-Identifier: MIT
 * See motion_file.h. A motion file starts with JR2M, or with an object that names its format. */
#include "motion_file.h"

#include <string.h>
#include <sys/stat.h>

int motion_file_open(motion_file *m, const char *path, char *error, size_t error_size)
{
    struct stat about;
    char text[sizeof m->head + 1];
    memset(m, 0, sizeof *m);
    if (strcmp(path, "-") == 0 || strcmp(path, "camera") == 0 || strncmp(path, "camera:", 7) == 0 || !(m->file = fopen(path, "rb")))
        return 0;
    m->held = fread(m->head, 1, sizeof m->head, m->file);
    memcpy(text, m->head, m->held);
    text[m->held] = '\0';
    if ((m->held >= 4 && memcmp(text, "JR2M", 4) == 0) || (text[0] == '{' && strstr(text, "jr2.motion"))) {
        m->size = fstat(fileno(m->file), &about) == 0 && S_ISREG(about.st_mode) ? (int64_t)about.st_size : 0;
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
    size_t n = m->held - m->given < size ? m->held - m->given : size;
    if (n > 0) {
        memcpy(data, m->head + m->given, n);
        m->given += n;
    } else if ((n = fread(data, 1, size, m->file)) == 0 && ferror(m->file)) {
        return -1;
    }
    m->read += (int64_t)n;
    return (int64_t)n;
}

void motion_file_close(motion_file *m)
{
    if (m->file)
        fclose(m->file);
    m->file = NULL;
}
