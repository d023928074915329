/* SPDX-License-Identifier: MIT
 * Networks: a builder that describes a network over the tensors of a JR2W file, the immutable network it makes (weights
 * packed once, shared between threads), and the state of one thread (an arena planned once; a run allocates nothing).
 * It is no training code and knows no file format but the loader's.
 *
 *     jr2i_graph *g;
 *     jr2i_graph_create(env, file, &g);
 *     int32_t x = jr2i_graph_input(g, 3, 128, 128);
 *     x = jr2i_graph_conv(g, x, "stem", 2, JR2I_ACT_RELU, -1);
 *     ...
 *     jr2i_graph_output(g, x);
 *     jr2i_net *net;
 *     jr2i_graph_finish(env, g, &net); // frees g and reports the first error of all the calls above
 *     jr2i_net_state *state;
 *     jr2i_net_state_create(env, net, 128, 128, 1, &state);
 *     jr2i_net_run(env, net, state, pool, pixels);
 *     const float *y = jr2i_net_output(net, state, 0, &channels, &height, &width);
 */
#ifndef JR2I_NN_GRAPH_H
#define JR2I_NN_GRAPH_H

#include "base/env.h"
#include "base/threads.h"
#include "kernels/kernels.h" /* JR2I_ACT_... */
#include "tensor/jr2w.h"

typedef struct jr2i_graph jr2i_graph;
typedef struct jr2i_net jr2i_net;
typedef struct jr2i_net_state jr2i_net_state;

/* ---- building: each call returns the id of its result, or -1 after an error; passing -1 on is fine ---- */

/* `file` must live until jr2i_graph_finish or jr2i_graph_abandon. */
int32_t jr2i_graph_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_graph **out);
void jr2i_graph_abandon(const jr2i_env *env, jr2i_graph *g); /* NULL is fine */

/* An input: planar fp32 (C, H, W). height and width are the usual size, by which algorithms are picked; a state may be
 * made for any other size. That size is the first input's; a further input keeps its proportion to the first. */
int32_t jr2i_graph_input(jr2i_graph *g, int32_t channels, int32_t height, int32_t width);
/* An input, declared before anything else, that runs do not touch: jr2i_net_set_input fills it, NULL stands for it in a run. */
void jr2i_graph_keep(jr2i_graph *g, int32_t input);
/* A further input that is a vector: its length is the same for any size of the first. */
int32_t jr2i_graph_input_vector(jr2i_graph *g, int32_t length);

/* act(conv(in) + bias + residual) with "name.weight" (OC,IC,K,K), K 1 or 3, padding K/2, and "name.bias" (OC).
 * stride 1 or 2 (size rounds up). residual: id of the result's shape or -1. A weight (OC,1,3,3) over more than one input
 * channel with OC = channels of `in` is a depthwise convolution. Layers of one name share their packed weights where they
 * run by the same algorithm. */
int32_t jr2i_graph_conv(jr2i_graph *g, int32_t in, const char *name, int32_t stride, int32_t act, int32_t residual);
int32_t jr2i_graph_upsample2(jr2i_graph *g, int32_t in); /* nearest; folded into a 3x3 convolution that alone reads it */
int32_t jr2i_graph_resize2(jr2i_graph *g, int32_t in); /* twice the size, bilinear, pixel centres at halves */
/* in sampled bilinearly at (x, y) = channels 0 and 1 of `grid`, in pixels of `in` with centres at integers; the result has
 * the size of the grid. zeros: outside is 0; otherwise the border repeats. */
int32_t jr2i_graph_sample(jr2i_graph *g, int32_t in, int32_t grid, int32_t zeros);
/* A grid bent by channels 0 to 2 of h, a map enlarged bilinearly to its size: p + (1 + h[2]) (grid - p) + unit (h[0], h[1]), p being
 * the pixel's own place. Two channels; it may only be read as a grid or as an output. */
int32_t jr2i_graph_bend(jr2i_graph *g, int32_t grid, int32_t h, float unit);
/* The planes of `in`, an input of at most 8 channels, sampled as above with the border repeated. They stay planar: only a concatenation
 * of planes, jr2i_graph_conv_planes and an output may read them. */
int32_t jr2i_graph_warp(jr2i_graph *g, int32_t in, int32_t grid);
/* A 3x3 convolution, stride 1, over the channels of `in` and then those of `planes` (warped ones, or a concatenation that begins with
 * such) to at most 4 channels, which can only be an output. */
int32_t jr2i_graph_conv_planes(jr2i_graph *g, int32_t in, int32_t planes, const char *name, int32_t act);
int32_t jr2i_graph_gate(jr2i_graph *g, int32_t in, int32_t map, int32_t channel); /* in times sigmoid of one channel of map */
int32_t jr2i_graph_add(jr2i_graph *g, int32_t a, int32_t b, int32_t act);
/* Channels of a, a multiple of 16, then of b; or two vectors of any length; or warped planes and an input of at most 8 channels. */
int32_t jr2i_graph_concat(jr2i_graph *g, int32_t a, int32_t b);
int32_t jr2i_graph_max_pool2(jr2i_graph *g, int32_t in); /* 2x2, stride 2; an odd last row or column is a window of one */
int32_t jr2i_graph_global_pool(jr2i_graph *g, int32_t in); /* mean over H, W: a vector of C */
int32_t jr2i_graph_flatten(jr2i_graph *g, int32_t in); /* a vector in C, H, W order */
/* act(W x + bias) with "name.weight" (OUT,IN) and "name.bias" (OUT) over a vector. */
int32_t jr2i_graph_linear(jr2i_graph *g, int32_t in, const char *name, int32_t act);
void jr2i_graph_output(jr2i_graph *g, int32_t id); /* outputs are numbered from 0 in call order */

/* Channels (or vector length, -1 when it depends on the input size) of a result; 0 for -1. */
int32_t jr2i_graph_channels(const jr2i_graph *g, int32_t id);

/* Makes the network and frees g in any case. The first error of building is reported here. */
int32_t jr2i_graph_finish(jr2i_env *env, jr2i_graph *g, jr2i_net **out);
void jr2i_net_free(const jr2i_env *env, jr2i_net *net); /* NULL is fine */

/* ---- running ---- */

/* Scratch for inputs of height x width (1..4096 each) and up to max_threads threads. */
int32_t jr2i_net_state_create(jr2i_env *env, const jr2i_net *net, int32_t height, int32_t width, int32_t max_threads,
                              jr2i_net_state **out);
/* Replans for another size; allocates only when that needs more memory than any size before. After a failure the state
 * can only be resized again or freed. */
int32_t jr2i_net_state_resize(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, int32_t height, int32_t width);
void jr2i_net_state_free(const jr2i_env *env, jr2i_net_state *state);
size_t jr2i_net_state_bytes(const jr2i_net_state *state);

/* input: planar (C, H, W), contiguous. pool: NULL runs on the calling thread. The results are the same bits for any
 * number of threads. Fails only when cancelled. */
int32_t jr2i_net_run(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, jr2i_pool *pool, const float *input);
/* The same for a network with several inputs, in the order of their declaration; NULL for those that are kept. */
int32_t jr2i_net_run_inputs(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, jr2i_pool *pool, const float *const *inputs);
/* Fills a kept input, (C, H, W), until it is filled anew or the state gets another size. */
int32_t jr2i_net_set_input(jr2i_env *env, const jr2i_net *net, jr2i_net_state *state, int32_t index, const float *input);
/* Output `index` after a run: planar (C, H, W) or a vector (C, 1, 1); NULL for an unknown index. Valid until the next
 * run. Any of the size pointers may be NULL. */
const float *jr2i_net_output(const jr2i_net *net, const jr2i_net_state *state, int32_t index, int32_t *channels,
                             int32_t *height, int32_t *width);
int32_t jr2i_net_outputs(const jr2i_net *net);
int32_t jr2i_net_input_channels(const jr2i_net *net, int32_t index); /* or its length, of a vector; 0 where there is none */

#endif
