/* SPDX-License-Identifier: MIT
 * Command lines, messages and the clock of the program. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void cli_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("jr2: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int cli_next(cli_args *args)
{
    if (args->index >= args->argc)
        return 0;
    const char *word = args->argv[args->index++];
    args->name = NULL;
    args->value = word;
    if (args->only_operands || word[0] != '-' || word[1] == '\0')
        return 1;
    if (strcmp(word, "--") == 0) {
        args->only_operands = 1;
        return cli_next(args);
    }
    args->name = word;
    args->value = NULL;
    size_t length;
    const char *value;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        if (!equals)
            return 1;
        length = (size_t)(equals - word);
        value = equals + 1;
    } else {
        if (word[2] == '\0')
            return 1;
        length = 2; /* -oDIR */
        value = word + 2;
    }
    if (length >= sizeof args->buffer)
        return 1; /* too long to be ours: reported as unknown */
    memcpy(args->buffer, word, length);
    args->buffer[length] = '\0';
    args->name = args->buffer;
    args->value = value;
    return 1;
}

int cli_is(const cli_args *args, const char *short_name, const char *long_name)
{
    if (!args->name)
        return 0;
    return (short_name && strcmp(args->name, short_name) == 0) || strcmp(args->name, long_name) == 0;
}

const char *cli_text(cli_args *args)
{
    if (!args->value) {
        if (args->index >= args->argc) {
            cli_message("%s needs a value", args->name);
            args->failed = 1;
            return NULL;
        }
        args->value = args->argv[args->index++];
    }
    if (args->value[0] == '\0') {
        cli_message("the value of %s is empty", args->name);
        args->failed = 1;
        return NULL;
    }
    return args->value;
}

double cli_number(cli_args *args, double low, double high)
{
    const char *text = cli_text(args);
    if (!text)
        return 0;
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (*end != '\0' || end == text || !isfinite(number) || number < low || number > high) {
        cli_message("%s wants a number from %g to %g, not \"%s\"", args->name, low, high, text);
        args->failed = 1;
        return 0;
    }
    return number;
}

int cli_integer(cli_args *args, int low, int high)
{
    double number = cli_number(args, low, high);
    if (number != floor(number)) {
        cli_message("%s wants a whole number, not \"%s\"", args->name, args->value);
        args->failed = 1;
        return 0;
    }
    return (int)number;
}

int32_t cli_expression(cli_args *args)
{
    const char *text = cli_text(args);
    if (text && strcmp(text, "coarse") == 0)
        return JR2_EXPRESSION_COARSE;
    if (text && strcmp(text, "auto") != 0) {
        cli_message("%s wants auto or coarse, not \"%s\"", args->name, text);
        args->failed = 1;
    }
    return JR2_EXPRESSION_AUTO;
}

void cli_lag(cli_args *args, jr2_tracker_options *options)
{
    const float lag = (float)(cli_number(args, 0, 1000) / 1000);
    options->pose_lag = options->expression_lag = options->landmark_lag = lag > 0 ? lag : -1;
}

void cli_unknown(cli_args *args)
{
    cli_message("unknown option %s", args->name);
    args->failed = 1;
}

jr2_ctx *cli_open(const char *path, int threads, int32_t without)
{
    char error[512] = "";
    jr2_model *model;
    jr2_model_options model_options;
    JR2_INIT(model_options);
    model_options.without = without;
    model_options.error = error;
    model_options.error_size = sizeof error;
    int32_t status = jr2_model_open(path, &model_options, &model);
    jr2_ctx *ctx = NULL;
    if (status == JR2_OK) {
        jr2_config config;
        JR2_INIT(config);
        config.model = model;
        config.threads = threads;
        config.error = error;
        config.error_size = sizeof error;
        status = jr2_ctx_create(&config, &ctx);
        jr2_model_release(model);
    }
    if (status != JR2_OK)
        cli_message("cannot open the weights: %s (%s)", error[0] ? error : jr2_status_text(status), jr2_status_name(status));
    return ctx;
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
