/* SPDX-License-Identifier: MIT
 * The jr2 program: picks the sub-command. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char help[] =
    "jr2 turns photos of faces into animatable 3D heads.\n"
    "\n"
    "usage: jr2 COMMAND [OPTION]...\n"
    "\n"
    "  reconstruct FILE... -o FOLDER   a 3D head, its numbers and an overlay for every picture\n"
    "  reenact PORTRAIT --drive X -o F  a portrait that moves as a video, a motion file or by hand\n"
    "  track VIDEO|camera -o FILE      pose, gaze and expression of every frame\n"
    "  stream VIDEO|camera|MOTION ...  the same, live to avatar programs\n"
    "  info                            version, machine and weights\n"
    "  mark [--check] FILE...          marks pictures as synthetic media, and looks for the mark\n"
    "  bench [FILE]                    how long each step takes on this machine\n"
    "\n"
    "jr2 COMMAND --help tells more. jr2 --version prints the version.\n"
    "Exit codes: 0 done, 1 some input failed, 2 wrong usage, 3 no weights.\n";

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"reconstruct", cmd_reconstruct}, {"info", cmd_info}, {"bench", cmd_bench}, {"mark", cmd_mark},
                    {"reenact", cmd_reenact}, {"stream", cmd_stream}, {"track", cmd_track}};
    if (argc < 2) {
        fputs(help, stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("jr2 %s\n", jr2_version_string());
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    cli_message("unknown command \"%s\"; jr2 --help lists them", argv[1]);
    return CLI_USAGE;
}
