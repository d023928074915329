/* SPDX-License-Identifier: MIT
 * The finder: every face of a picture, as face frames with a score. Its network comes from nn/net_find.h. */
#ifndef JR2I_FIND_H
#define JR2I_FIND_H

#include "base/threads.h"
#include "face/frame.h"
#include "image/view.h"
#include "nn/net_find.h"

typedef struct jr2i_found {
    jr2i_frame frame; /* image px */
    float score;      /* 0..1 */
} jr2i_found;

typedef struct jr2i_finder jr2i_finder; /* scratch of one thread */

#define JR2I_FIND_SIDE_MAX 1280

/* threads: the most that a pool given to jr2i_finder_run has. net must outlive the finder. */
int32_t jr2i_finder_create(jr2i_env *env, const jr2i_net *net, int32_t threads, jr2i_finder **out);
void jr2i_finder_free(const jr2i_env *env, jr2i_finder *finder); /* NULL is fine */

/* side: px of the picture's longer side as the network sees it, a multiple of 32 in 96..JR2I_FIND_SIDE_MAX, first
 * JR2I_FIND_SIDE. Faces that are about 32 px or more of it are found reliably, many down to 20: a side of 640 halves the smallest face
 * at four times the cost. */
int32_t jr2i_finder_set_side(jr2i_env *env, jr2i_finder *finder, int32_t side);
/* retry 1: a picture in which nothing was found, and which has more pixels to offer, is searched once more with twice the
 * side, at four times the cost; 0: never (the default). */
void jr2i_finder_set_retry(jr2i_finder *finder, int32_t retry);

/* Fills found (max entries, best score first) with the faces of at least min_score, and *count. Faces beyond max are left out.
 * pool: NULL for one thread; the results are the same for any. Allocates when a picture needs more scratch than any before it,
 * which only wider pictures do. JR2_ERR_NO_MEMORY, JR2_ERR_CANCELLED. */
int32_t jr2i_finder_run(jr2i_env *env, jr2i_finder *finder, jr2i_pool *pool, const jr2i_view *view, float min_score,
                        jr2i_found *found, int32_t max, int32_t *count);

/* The parts of a run, for tests. Input of the network for a picture at the given side: size of the reduced picture and of the
 * padded input. */
void jr2i_find_size(const jr2i_view *view, int32_t side, int32_t *width, int32_t *height, int32_t *padded_width,
                    int32_t *padded_height);
/* Intersection over union of the discs of two frames. */
float jr2i_find_overlap(const jr2i_frame *a, const jr2i_frame *b);

#endif
