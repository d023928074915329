/* SPDX-License-Identifier: MIT
 * Running the full convolutions (net_conv.c) and the grids (net_grid.c) of a network; what net_run.c hands to them. */
#ifndef JR2I_NN_NET_CONV_H
#define JR2I_NN_NET_CONV_H

#include "net.h"

/* Direct convolutions of fewer bytes of weights than this do all panels for a few rows, then the next rows. */
#define JR2I_PANELS_INSIDE 600000

/* One node being run. */
typedef struct jr2i_run {
    const jr2i_net *net;
    jr2i_net_state *state;
    jr2i_pool *pool;
    const jr2i_kernels *kernels;
    const jr2i_node *node;
    jr2i_place *y, *a, *b; /* b: NULL when there is none */
    int32_t threads;
} jr2i_run;

/* A 16-channel block of a map. */
static inline jr2i_plane jr2i_block_of(const jr2i_place *p, int32_t block)
{
    return (jr2i_plane){ p->data + block * p->block, p->row, p->shape.height, p->shape.width };
}

void jr2i_run_grid(jr2i_run *r);
void jr2i_run_conv(const jr2i_run *r); /* direct */
void jr2i_run_wino(const jr2i_run *r);

#endif
