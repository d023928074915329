/* SPDX-License-Identifier: MIT
 * Times a network of libjr2 and writes what it answers, for training/bench_ort.py. `make time_network` builds it.
 *
 *   time_network FILE HEIGHT WIDTH THREADS INPUTS OUTPUT
 *
 * FILE: weights of any topology. INPUTS: float32, one input after the other, planar; of the reenactment network the maps of the source, then
 * flow and planes of a frame, of which only the frame's part is timed, with the blending of its two pictures. Prints the median and the least
 * time of a run in ms; OUTPUT receives the outputs one after the other, float32. Exit code 1: an error, which it prints; 2: wrong use. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nn/net_coarse.h"
#include "nn/net_expression.h"
#include "nn/net_find.h"
#include "nn/net_reenact.h"

enum { MAX_INPUTS = 8, MAX_RUNS = 3000, LEAST_RUNS = 20, SIDE = JR2I_REENACT_SIDE, PIXELS = SIDE * SIDE };
static const double seconds = 1.5;

typedef struct timed {
    jr2i_env env;
    jr2i_jr2w *file;
    jr2i_pool *pool;
    float *values; /* all inputs */
    const float *input[MAX_INPUTS];
    jr2i_net *net; /* any topology but the reenactment's */
    jr2i_net_state *state;
    jr2i_net_reenact *reenact;
    jr2i_reenact_state *reenact_state;
    float *picture; /* (3,SIDE,SIDE) */
} timed;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Inputs of these sizes, and nothing more, from a file. */
static int32_t read_inputs(timed *t, const char *name, int count, const size_t *sizes)
{
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += sizes[i];
    FILE *f = fopen(name, "rb");
    t->values = malloc((total + 1) * sizeof *t->values);
    const int good = f && t->values && fread(t->values, sizeof *t->values, total + 1, f) == total;
    if (f)
        fclose(f);
    if (!good)
        return jr2i_fail(&t->env, JR2_ERR_READ, "%s does not hold %zu numbers", name, total);
    const float *at = t->values;
    for (int i = 0; i < count; at += sizes[i++])
        t->input[i] = at;
    return JR2_OK;
}

static int32_t open_reenact(timed *t, int32_t threads, const char *inputs)
{
    const size_t sizes[3] = { JR2I_REENACT_SOURCE_MAPS * PIXELS, 2 * PIXELS, JR2I_REENACT_FRAME_MAPS * PIXELS / 4 };
    int32_t status = jr2i_net_reenact_create(&t->env, t->file, &t->reenact);
    if (status == JR2_OK)
        status = read_inputs(t, inputs, 3, sizes);
    if (status == JR2_OK)
        status = jr2i_reenact_state_create(&t->env, t->reenact, threads, t->pool, t->input[0], &t->reenact_state);
    t->picture = malloc(3 * PIXELS * sizeof *t->picture);
    return status == JR2_OK && !t->picture ? JR2_ERR_NO_MEMORY : status;
}

static int32_t open_net(timed *t, const char *topology, int32_t height, int32_t width, int32_t threads, const char *inputs)
{
    int32_t status;
    if (strcmp(topology, "jr2.find.1") == 0)
        status = jr2i_net_find_create(&t->env, t->file, &t->net);
    else if (strcmp(topology, JR2I_EXPRESSION_TOPOLOGY) == 0)
        status = jr2i_net_expression_create(&t->env, t->file, &t->net);
    else
        status = jr2i_net_coarse_create(&t->env, t->file, &t->net);
    if (status == JR2_OK)
        status = jr2i_net_state_create(&t->env, t->net, height, width, threads, &t->state);
    size_t sizes[MAX_INPUTS];
    int count = 0;
    for (int32_t c; status == JR2_OK && count < MAX_INPUTS && (c = jr2i_net_input_channels(t->net, count)) > 0; count++)
        sizes[count] = (size_t)c * (c == 3 ? (size_t)height * (size_t)width : 1); /* anything but a picture is a vector */
    return status == JR2_OK ? read_inputs(t, inputs, count, sizes) : status;
}

static int32_t run(timed *t)
{
    if (t->net)
        return jr2i_net_run_inputs(&t->env, t->net, t->state, t->pool, t->input);
    jr2i_reenact_picture p;
    int32_t status = jr2i_reenact_run(&t->env, t->reenact, t->reenact_state, t->pool, t->input[1], t->input[2], &p);
    for (size_t i = 0; status == JR2_OK && i < 3 * PIXELS; i++) {
        const float share = p.painted[3 * PIXELS + i % PIXELS];
        t->picture[i] = share * p.warped[i] + (1 - share) * p.painted[i];
    }
    return status;
}

static int32_t write_outputs(timed *t, const char *name)
{
    FILE *f = fopen(name, "wb");
    int good = f != NULL;
    if (good && t->picture)
        good = fwrite(t->picture, sizeof *t->picture, 3 * PIXELS, f) == 3 * PIXELS;
    for (int32_t i = 0; good && t->net && i < jr2i_net_outputs(t->net); i++) {
        int32_t c, h, w;
        const float *y = jr2i_net_output(t->net, t->state, i, &c, &h, &w);
        const size_t count = (size_t)c * (size_t)h * (size_t)w;
        good = fwrite(y, sizeof *y, count, f) == count;
    }
    if (f && fclose(f) != 0)
        good = 0;
    return good ? JR2_OK : jr2i_fail(&t->env, JR2_ERR_WRITE, "cannot write %s", name);
}

static void close_all(timed *t)
{
    free(t->picture);
    free(t->values);
    jr2i_reenact_state_free(&t->env, t->reenact_state);
    jr2i_net_reenact_free(&t->env, t->reenact);
    jr2i_net_state_free(&t->env, t->state);
    jr2i_net_free(&t->env, t->net);
    jr2i_pool_free(&t->env, t->pool);
    jr2i_jr2w_close(&t->env, t->file);
}

int main(int argc, char **argv)
{
    static double times[MAX_RUNS];
    static timed t;
    if (argc != 7) {
        fprintf(stderr, "use: time_network FILE HEIGHT WIDTH THREADS INPUTS OUTPUT\n");
        return 2;
    }
    const int32_t threads = atoi(argv[4]);
    int32_t status = jr2i_jr2w_open_file(&t.env, argv[1], &t.file);
    if (status == JR2_OK)
        status = jr2i_pool_create(&t.env, threads, &t.pool);
    if (status == JR2_OK) {
        const char *topology = jr2i_jr2w_topology(t.file);
        status = strcmp(topology, JR2I_REENACT_TOPOLOGY) == 0 ? open_reenact(&t, threads, argv[5])
                                                              : open_net(&t, topology, atoi(argv[2]), atoi(argv[3]), threads, argv[5]);
    }
    int n = 0;
    for (double start = now(); status == JR2_OK && n < MAX_RUNS && (n < LEAST_RUNS || now() - start < seconds); n++) {
        double begin = now();
        status = run(&t);
        times[n] = 1e3 * (now() - begin);
    }
    if (status == JR2_OK)
        status = write_outputs(&t, argv[6]);
    if (status == JR2_OK) {
        qsort(times, (size_t)n, sizeof *times, by_value);
        printf("%.4f %.4f\n", times[n / 2], times[0]);
    } else
        fprintf(stderr, "time_network: %s\n", t.env.error[0] ? t.env.error : "out of memory");
    close_all(&t);
    return status != JR2_OK;
}
