/* SPDX-License-Identifier: MIT
 * What the files of the jr2 program share: exit codes, the sub-commands, messages and the reading of options. */
#ifndef JR2_CLI_H
#define JR2_CLI_H

#include <stddef.h>
#include <stdint.h>

#include "jr2/jr2.h"

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,  /* an input could not be read, understood or written; the others were done */
    CLI_USAGE = 2,   /* the command line is wrong; nothing was done */
    CLI_NO_MODEL = 3 /* the weights cannot be opened; nothing was done */
};

int cmd_reconstruct(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_mark(int argc, char **argv);
int cmd_reenact(int argc, char **argv);
int cmd_stream(int argc, char **argv);
int cmd_track(int argc, char **argv);

/* "jr2: ..." on stderr, with a newline. */
void cli_message(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/* Walks over a command line: options may stand before, between and after operands; "--" ends them; "--name=value" and
 * "--name value" are the same. */
typedef struct cli_args {
    int argc;
    char **argv;
    int index;          /* next to read */
    int only_operands;  /* after "--" */
    const char *name;   /* of the present option, "-o" or "--only"; NULL: an operand */
    const char *value;  /* inline value of the present option, or NULL; the operand itself */
    char buffer[64];    /* holds name where a value is attached */
    int failed;         /* a message was printed */
} cli_args;

int cli_next(cli_args *args);                         /* 1: name and value are set; 0: the end */
int cli_is(const cli_args *args, const char *short_name, const char *long_name); /* short_name may be NULL */
const char *cli_text(cli_args *args);                 /* the option's value; NULL (and failed) where there is none */
int cli_integer(cli_args *args, int low, int high);   /* 0 and failed where it is not such a number */
double cli_number(cli_args *args, double low, double high);
int32_t cli_expression(cli_args *args);               /* "auto" or "coarse": JR2_EXPRESSION_* */
void cli_lag(cli_args *args, jr2_tracker_options *options); /* of all filters, in milliseconds */
void cli_unknown(cli_args *args);                     /* says that the option is not known */

/* Opens a ctx for the program's options; on failure prints why and returns NULL. path NULL: the default search. without: as in
 * jr2_model_options. */
jr2_ctx *cli_open(const char *path, int threads, int32_t without);
#define CLI_STILL (1 << JR2_PART_REENACT) /* nothing is reenacted */

double cli_seconds(void); /* of a steady clock */

#endif
