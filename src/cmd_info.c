/* SPDX-License-Identifier: MIT
 * jr2 info: what runs here. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char help[] =
    "usage: jr2 info [--model PATH]\n"
    "\n"
    "Prints the version, the instruction set in use and what the weights hold.\n"
    "Exit codes: 0 done, 2 wrong usage, 3 no weights.\n";

int cmd_info(int argc, char **argv)
{
    static const struct {
        int32_t id;
        const char *name;
    } parts[] = {{JR2_PART_HEAD, "head"}, {JR2_PART_FIND, "find"}, {JR2_PART_COARSE, "coarse"}, {JR2_PART_EXPRESSION, "expression"},
                 {JR2_PART_REENACT, "reenact"}},
      counts[] = {{JR2_COUNT_VERTICES, "vertices"},     {JR2_COUNT_TRIANGLES, "triangles"}, {JR2_COUNT_UV, "texture coordinates"},
                  {JR2_COUNT_IDENTITY, "identity"},     {JR2_COUNT_EXPRESSION, "expression"}, {JR2_COUNT_ALBEDO, "albedo"},
                  {JR2_COUNT_JOINTS, "joints"}};
    cli_args args = {.argc = argc, .argv = argv, .index = 1};
    const char *path = NULL;
    while (!args.failed && cli_next(&args)) {
        if (cli_is(&args, "-h", "--help")) {
            fputs(help, stdout);
            return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
        }
        if (cli_is(&args, NULL, "--model"))
            path = cli_text(&args);
        else if (args.name)
            cli_unknown(&args);
        else {
            cli_message("jr2 info takes no file");
            args.failed = 1;
        }
    }
    if (args.failed)
        return CLI_USAGE;
    printf("%s\n", jr2_build_info());
    fflush(stdout);
    jr2_ctx *ctx = cli_open(path, 1, 0);
    if (!ctx)
        return CLI_NO_MODEL;
    const jr2_model *model = jr2_ctx_model(ctx);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        printf("%-20s %s\n", parts[i].name, jr2_model_has(model, parts[i].id) ? "yes" : "no");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        printf("%-20s %d\n", counts[i].name, (int)jr2_model_count(model, counts[i].id));
    jr2_ctx_free(ctx);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
