/* SPDX-License-Identifier: MIT
 * The reenactment network (topology "jr2.reenact.2"): the silhouette of the person and an encoder, which look at the source once, and the part
 * that runs for each driven frame. training/reenact/network.py specifies it; what the maps mean is in render/conditions.h. Widths and numbers of
 * blocks are those of the file. */
#ifndef JR2I_NET_REENACT_H
#define JR2I_NET_REENACT_H

#include "nn/graph.h"

#define JR2I_REENACT_TOPOLOGY "jr2.reenact.2"
#define JR2I_REENACT_SIDE 256       /* px: the crop */
#define JR2I_REENACT_SOURCE_MAPS 16 /* picture 2v - 1 (3), maps of the source's pose (12), 1 where the picture is real */
#define JR2I_REENACT_INSIDE 9       /* of the source's: where the mesh is */
#define JR2I_REENACT_FRAME_MAPS 16  /* at half the side; the one at JR2I_REENACT_VISIBLE is what the source saw */
#define JR2I_REENACT_VISIBLE 12

typedef struct jr2i_net_reenact {
    jr2i_net *silhouette, *encoder, *frame;
} jr2i_net_reenact;

/* Builds it over an open file; the file may be closed afterwards. JR2_ERR_TOPOLOGY, JR2_ERR_MISSING, JR2_ERR_FORMAT, JR2_ERR_NO_MEMORY. */
int32_t jr2i_net_reenact_create(jr2i_env *env, const jr2i_jr2w *file, jr2i_net_reenact **out);
void jr2i_net_reenact_free(const jr2i_env *env, jr2i_net_reenact *net); /* NULL is fine */

/* One source and the scratch of one thread. */
typedef struct jr2i_reenact_state jr2i_reenact_state;

typedef struct jr2i_reenact_picture {
    const float *warped;  /* (4,side,side) 0..1: the source pulled along the flow, RGB; the fourth plane is of no use here */
    const float *painted; /* (4,side,side) 0..1: what the network painted, RGB, and the share of warped in the picture */
    const float *grid;    /* (2,side,side) where warped comes from: x, y in pixels of the source, centres at integers */
} jr2i_reenact_picture;

/* maps (JR2I_REENACT_SOURCE_MAPS,side,side) of the source. */
int32_t jr2i_reenact_state_create(jr2i_env *env, const jr2i_net_reenact *net, int32_t max_threads, jr2i_pool *pool, const float *maps,
                                  jr2i_reenact_state **out);
void jr2i_reenact_state_free(const jr2i_env *env, jr2i_reenact_state *state); /* NULL is fine */
/* (side/4,side/4), 0..1: where the source shows the person, with hair and shoulders, and not what lies behind. Of the state. */
const float *jr2i_reenact_silhouette(const jr2i_reenact_state *state);
/* flow (2,side,side) px, planes (JR2I_REENACT_FRAME_MAPS,side/2,side/2): those of jr2i_condition_frame. picture is valid until the next
 * run. Allocates nothing. */
int32_t jr2i_reenact_run(jr2i_env *env, const jr2i_net_reenact *net, jr2i_reenact_state *state, jr2i_pool *pool, const float *flow,
                         const float *planes, jr2i_reenact_picture *picture);

#endif
