/* SPDX-License-Identifier: MIT
 * See save_file.h. */
#include "save_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

int save_file(const char *path, const void *data, size_t size, char *error, size_t error_size)
{
    size_t length = strlen(path) + 32;
    char *temporary = malloc(length);
    FILE *file = NULL;
    if (temporary) {
        snprintf(temporary, length, "%s.%ld.tmp", path, (long)getpid());
        file = fopen(temporary, "wbx");
    }
    int ok = file != NULL;
    if (ok) {
        ok = fwrite(data, 1, size, file) == size;
        ok = fflush(file) == 0 && ok;
        ok = fclose(file) == 0 && ok;
        ok = ok && rename(temporary, path) == 0;
    }
    if (!ok) {
        snprintf(error, error_size, "%s", temporary ? strerror(errno) : "out of memory");
        if (file)
            unlink(temporary);
    }
    free(temporary);
    return ok ? 0 : -1;
}

int make_folder(const char *path)
{
    struct stat about;
    char *part = malloc(strlen(path) + 1);
    if (!part) {
        cli_message("out of memory");
        return -1;
    }
    strcpy(part, path);
    for (char *p = part + 1; *part && *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(part, 0777);
            *p = '/';
        }
    int failed = mkdir(part, 0777) != 0 && errno != EEXIST;
    if (!failed && stat(part, &about) == 0 && !S_ISDIR(about.st_mode)) {
        errno = ENOTDIR;
        failed = 1;
    }
    free(part);
    if (failed)
        cli_message("cannot make the folder %s: %s", path, strerror(errno));
    return failed ? -1 : 0;
}
