/* SPDX-License-Identifier: MIT
 * The inside of a portrait, shared by portrait.c (making one) and reenact.c (a frame). */
#ifndef JR2I_PORTRAIT_H
#define JR2I_PORTRAIT_H

#include "face/retarget.h"
#include "handles.h"
#include "image/crown.h"
#include "image/paste.h"
#include "nn/net_reenact.h"
#include "render/conditions.h"

#define JR2I_PORTRAIT_SIDE JR2I_REENACT_SIDE
#define JR2I_PORTRAIT_FACES 32 /* as many as jr2_reconstruct gives by default */

struct jr2_portrait {
    jr2_ctx *ctx;
    jr2_result *result;       /* every face of the picture */
    const jr2i_face_view *view; /* the one that moves */
    uint8_t *rgb;             /* (height,width,3) the picture */
    int32_t width, height;
    float faces[JR2I_PORTRAIT_FACES][3]; /* x, y, size, px: the one that moves, then the others */
    int32_t face_count;
    float left, top, step;    /* the crop: its corner in the picture and picture pixels a crop pixel */
    int32_t first_row;        /* of the crop that is the picture's */
    jr2i_crown crown;         /* of a head that the picture's upper border cuts */
    float back[4];            /* where a pixel of the driven head was: (x, y) -> (b[0] x - b[1] y + b[2], b[1] x + b[0] y + b[3]) */
    jr2i_condition_mesh mesh;
    jr2i_posed source, driven;
    struct {
        float turn[9], scale, from[2], to[2];
    } match;                  /* from the face camera of a pose to the one that shows the portrait where it is: see portrait.c */
    jr2i_act own;             /* as it is in the picture */
    jr2i_act shown;           /* by the last frame */
    jr2i_act driver, reference; /* scratch */
    jr2i_reenact_state *net;  /* NULL where the model has no network */
    float *memory;            /* all of the following, and what mesh and the poses point to */
    float *picture;           /* (3,side,side) 0..1 */
    float *before;            /* (side,side,4) 0..255, 0 */
    float *plate;             /* (side,side,4) 0..255: what lies behind the person, made up where it is hidden */
    float *made;              /* (side,side,4) 0..255, share of detail */
    float *from;              /* (side,side,2) */
    float *flow;              /* (2,side,side) */
    float *planes;            /* (JR2I_FRAME_MAPS,side/2,side/2) */
    float *hair;              /* (side,side) of crown */
    float *person;            /* template + identity */
    float *vertices, *head_scratch, *scratch;
    float *blend;             /* (side,side,JR2I_PASTE_BLEND) */
};

/* The face camera, in pixels of the crop, of a head in the picture with these vertices. Writes into p->made. */
void jr2i_portrait_camera(const jr2_portrait *p, const jr2i_act *act, const float *vertices, jr2i_face_camera *camera);

#endif
