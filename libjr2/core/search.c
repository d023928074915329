/* SPDX-License-Identifier: MIT
 * Where the weights are when the caller does not say: beside the library, in a build tree, where the build was told. */
#define _GNU_SOURCE /* dladdr, realpath */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handles.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* Folder of the file that holds this code, without a slash at the end: the shared library or, linked statically, the program. */
static int32_t own_folder(char folder[PATH_MAX])
{
    Dl_info info;
    const char *name = dladdr((void *)(size_t)&jr2_version, &info) ? info.dli_fname : NULL;
    if (!name || !strchr(name, '/')) /* a program found through PATH has only its name there */
        name = "/proc/self/exe";
    if (!realpath(name, folder))
        return 0;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return 0;
    *slash = '\0';
    return 1;
}

void jr2i_search_weights(int32_t (*try_folder)(void *user, const char *folder), void *user)
{
    static const char *const beside[] = {"../share/jr2", "../../share/jr2", "../weights", "../../weights"};
    char folder[PATH_MAX], path[PATH_MAX + 32];
    if (own_folder(folder))
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, beside[i]);
            if (try_folder(user, path))
                return;
        }
#ifdef JR2_DATADIR
    try_folder(user, JR2_DATADIR);
#endif
}
