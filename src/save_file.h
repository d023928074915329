/* SPDX-License-Identifier: MIT
 * Whole files and folders for the program's outputs. */
#ifndef JR2_SAVE_FILE_H
#define JR2_SAVE_FILE_H

#include <stddef.h>

/* Writes a file under a temporary name beside it and renames it. 0, or -1 with a message: then the file is as it was. */
int save_file(const char *path, const void *data, size_t size, char *error, size_t error_size);

/* Makes a folder and those above it, unless it is there. 0, or -1 after a message on stderr. */
int make_folder(const char *path);

#endif
