/* SPDX-License-Identifier: MIT
 * Runs the library's finder over pictures that evaluate.py sends: a pipe, not a program for users.
 *   gcc -O2 -Iinclude -Ilibjr2 training/find/find_tool.c build/libjr2.a -lopenblas -lz -lm -pthread -ldl -o build/find_tool
 *   find_tool WEIGHTS MIN_SCORE [SIDE [RETRY]]
 * Standard input: i32 width, i32 height, RGB rows; again and again. Standard output: i32 count, count x 5 floats (x, y, size,
 * roll, score); a count of -1 after an error. With MIN_SCORE "time": ms a run on pictures of some sizes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "face/find.h"

#define MAX 256

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int timing(jr2i_env *env, jr2i_finder *finder)
{
    static const int sizes[][2] = {{160, 120}, {320, 240}, {640, 480}, {1920, 1080}, {4000, 3000}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int w = sizes[k][0], h = sizes[k][1];
        uint8_t *pixels = malloc((size_t)w * (size_t)h * 3);
        jr2i_found found[MAX];
        int32_t count;
        double best = 1e9;
        if (!pixels)
            return 1;
        for (size_t i = 0; i < (size_t)w * (size_t)h * 3; i++)
            pixels[i] = (uint8_t)(i * 2654435761u >> 24);
        jr2i_view view = jr2i_view_rgb(pixels, w, h);
        for (int r = 0; r < 100; r++) {
            double t = now();
            if (jr2i_finder_run(env, finder, NULL, &view, 0.5f, found, MAX, &count))
                return 1;
            t = now() - t;
            best = t < best ? t : best;
        }
        printf("%d x %d: %.3f ms\n", w, h, best);
        free(pixels);
    }
    return 0;
}

int main(int argc, char **argv)
{
    jr2i_env env = {0};
    jr2i_jr2w *file = NULL;
    jr2i_net *net = NULL;
    jr2i_finder *finder = NULL;
    if (argc < 3)
        return 2;
    if (jr2i_jr2w_open_file(&env, argv[1], &file) || jr2i_net_find_create(&env, file, &net) ||
        jr2i_finder_create(&env, net, 1, &finder) ||
        (argc > 3 && jr2i_finder_set_side(&env, finder, atoi(argv[3])))) {
        fprintf(stderr, "%s\n", env.error);
        return 1;
    }
    jr2i_jr2w_close(&env, file);
    jr2i_finder_set_retry(finder, argc > 4 && atoi(argv[4]));
    if (!strcmp(argv[2], "time"))
        return timing(&env, finder);
    int32_t size[2];
    while (fread(size, 4, 2, stdin) == 2) {
        size_t bytes = (size_t)size[0] * (size_t)size[1] * 3;
        uint8_t *pixels = malloc(bytes);
        jr2i_found found[MAX];
        int32_t count = -1;
        if (!pixels || fread(pixels, 1, bytes, stdin) != bytes)
            return 1;
        jr2i_view view = jr2i_view_rgb(pixels, size[0], size[1]);
        if (jr2i_finder_run(&env, finder, NULL, &view, (float)atof(argv[2]), found, MAX, &count))
            count = -1;
        fwrite(&count, 4, 1, stdout);
        for (int32_t i = 0; i < count; i++) {
            float v[5] = {found[i].frame.x, found[i].frame.y, found[i].frame.size, found[i].frame.roll, found[i].score};
            fwrite(v, 4, 5, stdout);
        }
        fflush(stdout);
        free(pixels);
    }
    jr2i_finder_free(&env, finder);
    jr2i_net_free(&env, net);
    return 0;
}
