/* SPDX-License-Identifier: MIT
 * The inside of graph.h: nodes, networks and states, shared by graph.c (building), net_pack.c (weights), net_plan.c
 * (arena), net_run.c, net_conv.c and net_grid.c (execution). */
#ifndef JR2I_NN_NET_H
#define JR2I_NN_NET_H

#include "graph.h"

#define JR2I_MAX_PACKED_BYTES ((size_t)1 << 30) /* of all packed weights of a network */

enum { JR2I_MAX_NODES = 512, JR2I_MAX_OUTPUTS = 16, JR2I_MAX_INPUTS = 16, JR2I_MAX_CHANNELS = 4096, JR2I_MAX_SIDE = 4096 };

typedef enum {
    JR2I_OP_INPUT,
    JR2I_OP_CONV, /* direct */
    JR2I_OP_WINO,
    JR2I_OP_FEW,
    JR2I_OP_DEPTHWISE,
    JR2I_OP_UPSAMPLE2,
    JR2I_OP_RESIZE2,
    JR2I_OP_SAMPLE,
    JR2I_OP_WARP,
    JR2I_OP_BEND,
    JR2I_OP_GATE,
    JR2I_OP_ADD,
    JR2I_OP_CONCAT,
    JR2I_OP_MAX_POOL2,
    JR2I_OP_MEAN,
    JR2I_OP_FLATTEN,
    JR2I_OP_LINEAR
} jr2i_op;

typedef enum { JR2I_BLOCKED, JR2I_PLANAR, JR2I_VECTOR } jr2i_form;

typedef struct jr2i_node {
    jr2i_op op;
    jr2i_form form;
    int32_t a, b; /* inputs; b: second operand, residual or grid; -1: none */
    int32_t channels; /* of a map; of a vector: its length, 0 when it depends on the size of the input */
    int32_t k, stride, act;
    int32_t in; /* channels or length that the weight wants */
    int32_t tile; /* Winograd */
    int32_t doubled; /* the input is doubled on the fly */
    int32_t dead; /* an upsampling folded into its reader */
    int32_t readers; /* nodes that read it, not counting outputs */
    int32_t is_output;
    int32_t needs_halo; /* some 3x3 reads it */
    int32_t panels;
    int32_t input; /* of an input: its number, and its usual size */
    int32_t height, width;
    int32_t kept; /* of an input */
    int32_t zeros; /* of a sampling */
    int32_t channel; /* of a gate */
    float unit; /* of a bending */
    float *weights, *bias; /* packed; owned by the network */
    int32_t streams; /* a convolution that waits for its weights more than it computes */
    uint16_t *halves; /* weights of a linear layer, or of one that streams, where halves hold them exactly; `weights` is NULL then */
    int32_t borrowed; /* weights and bias are those of a node before */
    char name[64];
} jr2i_node;

typedef struct jr2i_shape {
    int32_t height, width; /* 1 x length for a vector */
} jr2i_shape;

struct jr2i_net {
    const struct jr2i_kernels *kernels;
    int32_t use_gemm; /* no SIMD kernels: convolutions go through jr2i_gemm */
    int32_t node_count;
    jr2i_node *nodes;
    int32_t input_count;
    size_t packed_bytes;
    int32_t output_count;
    int32_t outputs[JR2I_MAX_OUTPUTS];
};

struct jr2i_graph {
    jr2i_env *env;
    const jr2i_jr2w *file;
    jr2i_net *net; /* under construction */
    int32_t status; /* of the first error; its text is kept here because env may be used for something else meanwhile */
    char error[256];
};

/* Where the result of a node lies for one input size. */
typedef struct jr2i_place {
    jr2i_shape shape;
    float *data; /* pixel (0, 0), or the vector */
    ptrdiff_t row, block; /* floats; block: between channel blocks or planes */
    int32_t rows, pitch; /* of the memory, in pixels, halo included */
    int32_t last; /* the last node that reads it */
    int32_t placed; /* has its memory, in planning */
    int32_t inside; /* the concatenation in whose memory it lies, or -1 */
    int32_t filled; /* of a kept input */
    size_t at, size; /* in the arena, floats */
    ptrdiff_t *offsets; /* of a direct convolution */
    int32_t chunks;
    float *output; /* planar copy for jr2i_net_output, NULL if it is no output or needs none */
} jr2i_place;

struct jr2i_net_state {
    int32_t max_threads;
    jr2i_place *places; /* one a node */
    jr2i_shape *shapes; /* one a node: planning room */
    void *arena;
    size_t capacity; /* bytes */
    float *scratch; /* max_threads parts */
    size_t scratch_size; /* floats of a part */
    int32_t planned;
};

static inline int32_t jr2i_round_up(int32_t n, int32_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Sizes of all results for an input of height x width into shapes; checks what depends on them. */
int32_t jr2i_net_shapes(jr2i_env *env, const jr2i_net *net, int32_t height, int32_t width, jr2i_shape *shapes);

/* Folds, chooses the algorithms for the usual size and packs all weights (net_pack.c). */
int32_t jr2i_net_pack(jr2i_env *env, jr2i_net *net, const jr2i_jr2w *file);

/* Winograd works through this many tiles at a time (net_plan.c). */
int32_t jr2i_wino_tiles(const jr2i_node *node);
/* And transforms the weights of this many rows of points of a panel at a time, where they are halves. */
int32_t jr2i_wino_rows(const jr2i_node *node);
/* Most output channels of a panel. */
int32_t jr2i_panel_width(const jr2i_node *node);

/* Output pixels of one gemm of the portable convolution. */
enum { JR2I_GEMM_PIXELS = 64 };

#endif
