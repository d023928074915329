/* SPDX-License-Identifier: MIT
 * What the reenactment network is told about geometry: a mesh in two poses, the source's and the driven one, becomes a dense flow
 * (where in the source picture is the surface point that this pixel shows?), how well the source saw it, and maps of position, normal
 * and part. Training calls these same functions (training/reenact/geometry.py), so that both agree bit for bit. Plain memory of the
 * caller, no allocation, no error: what the rasteriser cannot draw is not there.
 *
 * All maps are planar fp32 (plane, row, column) of side x side pixels, the centre of pixel (i, j) at (i + 0.5, j + 0.5), pixels of the
 * square crop that both poses are given in. */
#ifndef JR2I_CONDITIONS_H
#define JR2I_CONDITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/threads.h"
#include "face/camera.h"

typedef struct jr2i_condition_mesh {
    int32_t vertex_count, triangle_count;
    const int32_t *triangles; /* (T,3) counter-clockwise from outside: jr2i_condition_triangles */
    const uint8_t *part;      /* (T) as in the head model */
    const float *code;        /* (V,3) jr2i_condition_code */
    const float *share;       /* (V) jr2i_condition_share */
} jr2i_condition_mesh;

/* A mesh in one pose and what is seen of it. The memory is the caller's. */
typedef struct jr2i_posed {
    int32_t side;         /* a multiple of 32 */
    float *screen;        /* (V,3) px, px, cm (smaller is nearer) */
    float *inv_w;         /* (V) */
    float *normal;        /* (V,3) unit, camera axes */
    int32_t *triangle_id; /* (side,side) -1: nothing */
    float *barycentric;   /* (side,side,3) */
    float *depth;         /* (side,side) cm */
    /* (side/4,side/4) cells, 0..1: where the picture that this mesh was seen in shows the person, with hair and shoulders, and not what lies behind;
     * NULL: not known. Only of a source. */
    const float *silhouette;
} jr2i_posed;

#define JR2I_SILHOUETTE_BEHIND 0.1f /* below it what lies behind the person is seen */
/* The silhouette at pixel (x, y): bilinear between the cells' centres, 1 where it is not known. */
float jr2i_posed_silhouette(const jr2i_posed *posed, float x, float y);

/* Maps of one pose: where the mesh is not, all are 0. */
enum {
    JR2I_MAP_CODE,                        /* 3: position code */
    JR2I_MAP_NORMAL = 3,                  /* 3: camera axes (x right, y up, z towards the viewer) */
    JR2I_MAP_INSIDE = 6,                  /* 1 on the mesh */
    JR2I_MAP_LIPS, JR2I_MAP_TEETH,        /* 1 on the part */
    JR2I_MAP_MOUTH,                       /* mouth socket, gums, tongue */
    JR2I_MAP_EYE_WHITE, JR2I_MAP_IRIS,
    JR2I_MAPS,                            /* 12: what the source encoder reads beside the picture */
    JR2I_MAP_VISIBLE = JR2I_MAPS,         /* cosine under which the source saw the point, 0 where it did not */
    JR2I_MAP_FLOW,                        /* 2: displacement x 8 / side, also outside of the mesh */
    JR2I_MAP_SOURCE_INSIDE = JR2I_MAP_FLOW + 2, /* the source's mesh at this very pixel: background is missing there */
    JR2I_FRAME_MAPS                       /* 16: what the network reads a frame */
};

/* Position codes of the template's vertices: each axis about -1..1. */
void jr2i_condition_code(const float *vertices, int32_t count, float *code);

/* Neck and shoulders do not turn with the head: triangles with a corner below the chin (template, cm) are left out of everything.
 * Writes those that stay, (n,3) and (n), and returns n; out may be where in is. */
#define JR2I_CONDITION_LOWEST (-10.0f)
int32_t jr2i_condition_triangles(const float *vertices, const int32_t *triangles, const uint8_t *part, int32_t count,
                                 int32_t *out_triangles, uint8_t *out_part);

/* How much of the skin's surface each vertex stands for, cm^2, (V): a third of the triangles around it, of those that stay. */
void jr2i_condition_share(const float *vertices, const int32_t *triangles, const uint8_t *part, int32_t count, int32_t vertex_count, float *share);

/* vertices (V,3) in head space through the face camera into posed: screen, normals, and what is seen. */
void jr2i_posed_make(const jr2i_condition_mesh *mesh, const float *vertices, const jr2i_face_camera *camera, jr2i_pool *pool, jr2i_posed *posed);

/* planes (JR2I_MAPS, side, side) */
void jr2i_condition_maps(const jr2i_condition_mesh *mesh, const jr2i_posed *posed, float *planes);

/* flow (2,side,side): source pixel minus driven pixel of the same surface point, exact on the mesh, 0 outside of it.
 * visible (side,side): cosine of the angle under which the source saw that point; 0 where another part of the mesh hid it, where it
 * faced away, lay outside of the crop or beside the silhouette (there the mesh is larger than the person). */
void jr2i_condition_flow(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *flow,
                         float *visible);

/* Everything of a frame: flow (2,side,side), outside of the mesh and near its outline that of extend.h, planes (JR2I_FRAME_MAPS, side/2, side/2), each the mean of 2 x 2 pixels.
 * scratch: jr2i_condition_frame_scratch floats. */
size_t jr2i_condition_frame_scratch(int32_t side);
void jr2i_condition_frame(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch,
                          float *flow, float *planes);

/* The same in three steps. The first and the last are done row by row, by any number of threads: rows first to end - 1 (multiples of 4), of all of
 * which the first step is done before jr2i_condition_spread, which is done once before the last. */
void jr2i_condition_begin(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch, float *flow,
                          float *planes, int32_t first, int32_t end);
void jr2i_condition_spread(const jr2i_condition_mesh *mesh, const jr2i_posed *driven, const jr2i_posed *source, float *scratch);
void jr2i_condition_end(const jr2i_posed *source, const float *scratch, float *flow, float *planes, int32_t first, int32_t end);

/* (side/4,side/4) in scratch, after jr2i_condition_spread: how much of a cell shows what lies behind the person and was hidden by it in the source, 0..1. */
const float *jr2i_condition_revealed(const float *scratch, int32_t side);

/* planes (count,side,side) -> (count,side/2,side/2), means of 2 x 2. */
void jr2i_condition_halve(const float *planes, int32_t count, int32_t side, float *out);

#endif
