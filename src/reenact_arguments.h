/* SPDX-License-Identifier: MIT
 * What was asked of jr2 reenact. */
#ifndef JR2_REENACT_ARGUMENTS_H
#define JR2_REENACT_ARGUMENTS_H

#include "jr2/jr2.h"

enum { REFERENCE_REST = -1, REFERENCE_FIRST = -2 };

typedef struct reenact_arguments {
    const char *portrait, *drive, *output, *model, *audio; /* drive, model, audio may be NULL */
    const char **edits;  /* (edit_count) NAME=VALUE, */
    char *is_add;        /* (edit_count) of --add, else --set */
    int edit_count;
    int reference;       /* a frame's number or REFERENCE_* */
    int method;          /* JR2_REENACT_*; -1: not given */
    int face;            /* from 1; -1: all */
    int each, crop, quiet, threads;
    double fps, limit;   /* frames of the output; 0: the driver's; all */
    float focal;
    jr2_tracker_options tracking;
    jr2_reenact_options options; /* without reference, edits, method and output */
} reenact_arguments;

extern const char reenact_help[];

int reenact_arguments_begin(reenact_arguments *a, int argc); /* all is cleared and set to its default; 0, or -1 without memory */
int reenact_read_arguments(reenact_arguments *a, int argc, char **argv); /* 0; 1: help is wanted; -1 after a message */
void reenact_arguments_end(reenact_arguments *a);

#endif
