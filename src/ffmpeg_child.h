/* SPDX-License-Identifier: MIT
 * The ffmpeg program as a child process with a pipe; no shell. */
#ifndef JR2_FFMPEG_CHILD_H
#define JR2_FFMPEG_CHILD_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct ffmpeg_child {
    pid_t pid;    /* 0: none, or waited for */
    int fd;       /* our end of its pipe; -1: closed */
    FILE *errors; /* what it said, a file without a name */
} ffmpeg_child;

/* Starts words[0], with a pipe as its standard output (reading 1) or input (0); keep_input: reading, it keeps our standard input. In a group
 * of its own: Ctrl-C is ours alone. 0 or an errno. */
int ffmpeg_start(ffmpeg_child *c, char *const *words, int reading, int keep_input);
/* Closes our end and waits; the exit status, or -1 where it did not end by itself. */
int ffmpeg_finish(ffmpeg_child *c, int kill_it);
void ffmpeg_clean(ffmpeg_child *c); /* ends it at once and frees what it holds */

/* Texts for error: the fallback and the last line that ffmpeg said; and for what ffmpeg_start returned. */
void ffmpeg_last_words(ffmpeg_child *c, const char *fallback, char *error, size_t size);
void ffmpeg_not_started(int code, char *error, size_t size);

#endif
