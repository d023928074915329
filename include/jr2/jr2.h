/* SPDX-License-Identifier: MIT
 * libjr2: a photo becomes an animatable 3D head. This header is the manual.
 *
 *     jr2_ctx *ctx;
 *     jr2_result *result;
 *     jr2_image image;
 *     JR2_INIT(image);
 *     image.pixels = pixels; image.width = w; image.height = h; image.stride = 3 * w; image.format = JR2_PIXEL_RGB8;
 *     if (jr2_ctx_create(NULL, &ctx) == JR2_OK && jr2_reconstruct(ctx, &image, NULL, &result) == JR2_OK) {
 *         if (jr2_result_count(result) > 0)
 *             jr2_export_file(ctx, result, 0, JR2_EXPORT_GLB, NULL, "head.glb");
 *         jr2_result_free(result);
 *     }
 *     jr2_ctx_free(ctx);
 *
 * Handles
 *   jr2_model   weights: immutable, reference-counted, shared by any number of threads.
 *   jr2_ctx     the scratch memory of one thread; not to be used by two threads at once. Keeps a reference to its model.
 *   jr2_result  the faces of one image; immutable, any thread may read it, outlives the ctx that made it.
 *   jr2_face    one face of a result, borrowed from it.
 *
 * Rules that hold everywhere
 *   - A fallible function returns an int32_t status: JR2_OK (0) or a negative code of jr2/status.h. Out-parameters that
 *     receive a handle are set to NULL first. Handles may be freed as NULL. Nothing aborts, prints or changes a global.
 *   - Structs that callers fill start with struct_size; JR2_INIT(s) clears one and sets it. Every field's zero is its default.
 *     Larger structs of later versions are told apart by struct_size, so that old programs keep running.
 *   - Text is UTF-8. Paths go to the C library as they are.
 *   - Arrays that an accessor returns belong to the result or the model and live as long as it does.
 *   - With deterministic mode (the default) the same input gives the same output for every thread count on the same
 *     machine. Between instruction sets (see jr2_build_info) results differ in the last digits.
 *
 * Coordinates
 *   image   pixels, x right, y down, (0,0) the top left corner of the first pixel; its centre is (0.5, 0.5).
 *   head    centimetres, right handed, x towards the person's left (the image's right when facing us), y up, z out of the
 *           face; the origin is that of the head model, near the head's centre of rotation.
 *   camera  centimetres, right handed, x right, y up, z towards the viewer: what is seen has negative z (as in OpenGL).
 *   A point X of head space is p = M * X in camera space (M: jr2_face_matrix) and lies in the image at
 *   x = cx - f * p.x / p.z, y = cy + f * p.y / p.z (f, cx, cy: jr2_face_camera).
 *   yaw > 0: the nose points to the image's right; pitch > 0: up; roll > 0: the head is tilted clockwise in the image.
 *   "Left" and "right" in names are the person's own. */
#ifndef JR2_JR2_H
#define JR2_JR2_H

#include <stdint.h>
#include <string.h>

#include "status.h"

#if defined(JR2_STATIC)
#define JR2_API
#elif defined(_WIN32) && defined(JR2_BUILD)
#define JR2_API __declspec(dllexport)
#elif defined(_WIN32)
#define JR2_API __declspec(dllimport)
#elif defined(__GNUC__)
#define JR2_API __attribute__((visibility("default")))
#else
#define JR2_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- Version ------------------------------------------------------------------------------------------------------- */

#define JR2_VERSION_MAJOR 0
#define JR2_VERSION_MINOR 1
#define JR2_VERSION_PATCH 0
#define JR2_VERSION (JR2_VERSION_MAJOR * 10000 + JR2_VERSION_MINOR * 100 + JR2_VERSION_PATCH)

JR2_API int32_t jr2_version(void);            /* JR2_VERSION of the library that runs */
JR2_API const char *jr2_version_string(void); /* "0.1.0" */
/* One line on the build and the machine: version, matrix library, instruction set in use. Static text. */
JR2_API const char *jr2_build_info(void);

/* --- Status -------------------------------------------------------------------------------------------------------- */

JR2_API const char *jr2_status_name(int32_t status); /* "JR2_ERR_CHECKSUM"; "JR2_ERR_UNKNOWN" for other numbers */
JR2_API const char *jr2_status_text(int32_t status); /* "checksum does not match"; never NULL */

/* --- Structs ------------------------------------------------------------------------------------------------------- */

/* Clears a struct of this header and sets its struct_size: jr2_config config; JR2_INIT(config); */
#define JR2_INIT(s) (memset(&(s), 0, sizeof(s)), (void)((s).struct_size = (uint32_t)sizeof(s)))

/* Memory aligned to alignment (a power of two, at most 64), or NULL. Called from one thread at a time per handle. */
typedef void *(*jr2_alloc_fn)(void *user, size_t size, size_t alignment);
typedef void (*jr2_release_fn)(void *user, void *pointer); /* pointer is never NULL */
/* One line of text without a newline. level: JR2_LOG_*. */
typedef void (*jr2_log_fn)(void *user, int32_t level, const char *text);
/* Asked between the steps of long work, at least once a face; non-zero stops it with JR2_ERR_CANCELLED. */
typedef int32_t (*jr2_cancel_fn)(void *user);
/* Receives size bytes of an export, in order; non-zero stops it with JR2_ERR_WRITE. */
typedef int32_t (*jr2_write_fn)(void *user, const void *data, size_t size);

#define JR2_LOG_WARNING 1
#define JR2_LOG_INFO 2

/* --- Model --------------------------------------------------------------------------------------------------------- */

typedef struct jr2_model jr2_model;

typedef struct jr2_model_options {
    uint32_t struct_size;
    int32_t without;         /* parts of a folder that are not opened, to save their memory: the sum of 1 << JR2_PART_*; 0: all are */
    char *error;             /* receives the text of a failure, zero-terminated; NULL: not wanted */
    size_t error_size;       /* bytes that error holds */
    jr2_alloc_fn alloc;      /* NULL: the C library; alloc and release come together */
    jr2_release_fn release;
    void *alloc_user;
} jr2_model_options;

typedef struct jr2_blob {
    const void *data; /* a whole JR2W file */
    size_t size;      /* bytes */
} jr2_blob;

/* Opens the weights. path is a folder that holds head.jr2w, find.jr2w, coarse.jr2w, expression.jr2w, reenact.jr2w (those that exist are
 * taken, at least one must), or one JR2W file; NULL searches beside the library: <folder of libjr2>/../share/jr2 (or ../../share/jr2), the
 * weights/ folder of a build tree, then the DATADIR of the build. options may be NULL. What a model lacks shows as
 * JR2_ERR_MISSING in the functions that need it (see jr2_model_has). The files are read and closed before it returns. Release
 * with jr2_model_release.
 * Errors: JR2_ERR_OPEN, _READ, _TRUNCATED, _MAGIC, _VERSION, _CHECKSUM, _FORMAT, _TOPOLOGY, _MISSING, _NO_MEMORY. */
JR2_API int32_t jr2_model_open(const char *path, const jr2_model_options *options, jr2_model **model);
/* The same from memory; each blob's topology string says which part it is, a part given twice is JR2_ERR_ARGUMENT. The bytes need
 * to live no longer than the call. */
JR2_API int32_t jr2_model_open_memory(const jr2_blob *blobs, int32_t blob_count, const jr2_model_options *options,
                                      jr2_model **model);
JR2_API jr2_model *jr2_model_retain(jr2_model *model); /* one more owner; returns model; thread-safe */
JR2_API void jr2_model_release(jr2_model *model);      /* frees with the last owner; NULL is fine; thread-safe */

#define JR2_PART_HEAD 1   /* the 3D head model */
#define JR2_PART_FIND 2   /* the face finder */
#define JR2_PART_COARSE 3 /* the reconstruction network */
#define JR2_PART_EXPRESSION 4 /* the expression network, which looks closer at eyes and mouth */
#define JR2_PART_REENACT 5 /* the reenactment network */
JR2_API int32_t jr2_model_has(const jr2_model *model, int32_t part); /* 1 or 0 */

/* Sizes of the head model; 0 without JR2_PART_HEAD. Numbers of the default model in brackets. */
#define JR2_COUNT_VERTICES 1     /* [about 7,000] */
#define JR2_COUNT_TRIANGLES 2    /* [about 13,500] */
#define JR2_COUNT_UV 3           /* texture coordinates */
#define JR2_COUNT_IDENTITY 4     /* [100] */
#define JR2_COUNT_EXPRESSION 5   /* [53] */
#define JR2_COUNT_ALBEDO 6       /* [40] */
#define JR2_COUNT_JOINTS 7       /* [5] */
#define JR2_COUNT_LANDMARKS68 8  /* 68 or 0 */
#define JR2_COUNT_LANDMARKS478 9 /* 478 or 0 */
JR2_API int32_t jr2_model_count(const jr2_model *model, int32_t what);

/* The fixed parts of every mesh of this model. count (may be NULL) receives the number of rows. NULL without a head. */
JR2_API const int32_t *jr2_model_triangles(const jr2_model *model, int32_t *count);    /* (T,3) vertices, counter-clockwise
                                                                                          seen from outside */
JR2_API const int32_t *jr2_model_triangles_uv(const jr2_model *model, int32_t *count); /* (T,3) rows of the uv */
JR2_API const float *jr2_model_uv(const jr2_model *model, int32_t *count);             /* (U,2) 0..1, v up from the bottom */
/* (T) 0 face skin, 1 back of the head and neck, 2 mouth socket, 3 eye sockets, 4 gums and tongue, 5 teeth, 6 eye whites,
 * 7 iris and pupil, 8 lips */
JR2_API const uint8_t *jr2_model_parts(const jr2_model *model, int32_t *count);
/* "browDown_L" ...; NULL for an index outside of 0..JR2_COUNT_EXPRESSION-1. */
JR2_API const char *jr2_model_expression_name(const jr2_model *model, int32_t index);

/* --- Names of ARKit ------------------------------------------------------------------------------------------------ */

#define JR2_ARKIT_COUNT 52
JR2_API const char *jr2_arkit_name(int32_t index);    /* Apple's order, "eyeBlinkLeft" first; NULL outside of 0..51 */
JR2_API int32_t jr2_arkit_index(const char *name);    /* JR2_ERR_NOT_FOUND for another name */

/* --- Context ------------------------------------------------------------------------------------------------------- */

typedef struct jr2_ctx jr2_ctx;

typedef struct jr2_config {
    uint32_t struct_size;
    int32_t threads;          /* 0 or 1: only the calling thread; at most 64 */
    int32_t relaxed;          /* 1: results may differ in the last digits with the thread count; 0: deterministic */
    int32_t reserved;
    jr2_model *model;         /* NULL: jr2_model_open(NULL, ...) for this ctx */
    jr2_alloc_fn alloc;       /* for the ctx and the results it makes; NULL: the C library */
    jr2_release_fn release;   /* must stay callable as long as results live */
    void *alloc_user;
    jr2_log_fn log;           /* NULL: silent */
    void *log_user;
    jr2_cancel_fn cancel;     /* NULL: never */
    void *cancel_user;
    char *error;              /* as in jr2_model_options: text for a failing jr2_ctx_create */
    size_t error_size;
} jr2_config;

/* config may be NULL: all defaults. Adds an owner to config->model. Free with jr2_ctx_free. */
JR2_API int32_t jr2_ctx_create(const jr2_config *config, jr2_ctx **ctx);
JR2_API void jr2_ctx_free(jr2_ctx *ctx);
/* Text of the ctx's last failure, "" if none yet; valid until the next call with this ctx. "" for NULL. */
JR2_API const char *jr2_ctx_error(const jr2_ctx *ctx);
JR2_API jr2_model *jr2_ctx_model(const jr2_ctx *ctx); /* borrowed */

/* --- Images -------------------------------------------------------------------------------------------------------- */

#define JR2_PIXEL_RGB8 1
#define JR2_PIXEL_RGBA8 2 /* alpha is ignored */
#define JR2_PIXEL_BGR8 3
#define JR2_PIXEL_BGRA8 4
#define JR2_PIXEL_GRAY8 5

#define JR2_IMAGE_MAX 32768 /* pixels a side */

typedef struct jr2_image {
    uint32_t struct_size;
    int32_t format;      /* JR2_PIXEL_* */
    int32_t width;       /* 1..JR2_IMAGE_MAX */
    int32_t height;
    const void *pixels;  /* first byte of the top row; only read, only during a call */
    int64_t stride;      /* bytes from one row to the row below it, at least a row's length or, for pictures stored bottom
                            up, negative; 0: rows without gaps */
} jr2_image;

/* --- Reconstruction ------------------------------------------------------------------------------------------------ */

/* Where a face is, as the networks see it: with the points turned by -roll, the box around the 468 surface landmarks has
 * this centre (turned back) and its longer side is size. */
typedef struct jr2_region {
    float x, y; /* centre, image pixels */
    float size; /* pixels */
    float roll; /* degrees, clockwise positive */
} jr2_region;

/* What tells the expression. */
#define JR2_EXPRESSION_AUTO 0   /* the expression network, where the model has one; else the reconstruction network */
#define JR2_EXPRESSION_COARSE 1 /* the reconstruction network alone, which is faster */

typedef struct jr2_reconstruct_options {
    uint32_t struct_size;
    int32_t max_faces;         /* 0: 32; the largest ones are kept; at most 256 */
    float min_confidence;      /* finder's score, 0..1; 0: 0.5 */
    float min_size;            /* size of a region in pixels; 0: 16 */
    float focal_px;            /* focal length in pixels; 0: 1.1 * the longer side */
    int32_t passes;            /* how often the network looks at a face at most, each time with a better crop, until the crop hardly changes;
                                  0: 2; 4 is the most */
    int32_t texture_size;      /* side of the square texture, 64..4096; 0: no texture */
    int32_t region_count;      /* regions given: the finder is not asked and confidence is 1 */
    const jr2_region *regions; /* e.g. jr2_face_region of the frame before */
    int32_t find_side;         /* the finder sees the image with this longer side, a multiple of 32 in 96..1280; 0: 320. Faces from
                                  about a twentieth of the longer side are found; twice the side halves that at four times the cost */
    int32_t thorough;          /* 1: an image in which nothing was found is searched once more with twice the side; 0: not */
    int32_t expression_source; /* JR2_EXPRESSION_* */
    int32_t reserved;
} jr2_reconstruct_options;

typedef struct jr2_result jr2_result;
typedef struct jr2_face jr2_face;

/* Every face of the image, the largest first. options may be NULL. An image without a face is a success with a count of 0.
 * After the first call with images of a size, only the result itself is allocated.
 * Errors: JR2_ERR_ARGUMENT, _STRUCT_SIZE, _RANGE, _IMAGE, _IMAGE_SIZE, _IMAGE_FORMAT, _MISSING, _NO_MEMORY, _CANCELLED. */
JR2_API int32_t jr2_reconstruct(jr2_ctx *ctx, const jr2_image *image, const jr2_reconstruct_options *options,
                                jr2_result **result);
JR2_API void jr2_result_free(jr2_result *result);
JR2_API int32_t jr2_result_count(const jr2_result *result);                         /* faces; 0 for NULL */
JR2_API const jr2_face *jr2_result_face(const jr2_result *result, int32_t index);   /* NULL outside of 0..count-1 */
JR2_API void jr2_result_image_size(const jr2_result *result, int32_t *width, int32_t *height);
JR2_API jr2_model *jr2_result_model(const jr2_result *result); /* borrowed */

/* What a face holds. Arrays live as long as the result; count (may be NULL) receives the number of rows. */
JR2_API float jr2_face_confidence(const jr2_face *face);              /* 0..1 */
JR2_API const float *jr2_face_box(const jr2_face *face);              /* (4) x, y, width, height of the 68 landmarks' box, px */
JR2_API void jr2_face_region(const jr2_face *face, jr2_region *region);
JR2_API const float *jr2_face_landmarks68(const jr2_face *face, int32_t *count);  /* (68,2) px, Multi-PIE order */
JR2_API const float *jr2_face_landmarks478(const jr2_face *face, int32_t *count); /* (478,2) px, MediaPipe order */
JR2_API const float *jr2_face_arkit(const jr2_face *face, int32_t *count);        /* (52) 0..1; tongueOut is always 0 */
JR2_API const float *jr2_face_expression(const jr2_face *face, int32_t *count);   /* (53) 0..1 */
/* (53) 0..1: the absolute error that the expression network expects of each coefficient; NULL and count 0 where it was not asked, and
 * for a tracker's face that is not seen. */
JR2_API const float *jr2_face_expression_error(const jr2_face *face, int32_t *count);
JR2_API const float *jr2_face_identity(const jr2_face *face, int32_t *count);     /* (100) of unit variance */
JR2_API const float *jr2_face_albedo(const jr2_face *face, int32_t *count);       /* (40) of unit variance, or count 0 */
JR2_API const float *jr2_face_light(const jr2_face *face, int32_t *count);        /* (27) spherical harmonics of order 2 in camera
                                                                                     axes: 9 basis functions x linear R, G, B */
JR2_API const float *jr2_face_angles(const jr2_face *face);      /* (3) yaw, pitch, roll in degrees */
JR2_API const float *jr2_face_matrix(const jr2_face *face);      /* (16) head to camera, column-major, cm */
JR2_API const float *jr2_face_translation(const jr2_face *face); /* (3) the last column of it: x, y, z in cm */
JR2_API const float *jr2_face_camera(const jr2_face *face);      /* (3) focal length, cx, cy in px */
JR2_API const float *jr2_face_gaze(const jr2_face *face);        /* (4) left yaw, left pitch, right yaw, right pitch; degrees in head
                                                                    space, yaw > 0 to the person's left, pitch > 0 up */
JR2_API const float *jr2_face_vertices(const jr2_face *face, int32_t *count); /* (V,3) head space, cm, with expression */
JR2_API const float *jr2_face_normals(const jr2_face *face, int32_t *count);  /* (V,3) head space, length 1 */
/* (size,size,3) sRGB, 8 bits, top row first (uv v = 1); NULL if options->texture_size was 0. */
JR2_API const uint8_t *jr2_face_texture(const jr2_face *face, int32_t *size);

/* --- The head model by itself -------------------------------------------------------------------------------------- */

typedef struct jr2_head_parameters {
    uint32_t struct_size;
    int32_t identity_count;     /* 0..JR2_COUNT_IDENTITY; the rest is 0 */
    const float *identity;      /* (identity_count) */
    const float *expression;    /* (expression_count) */
    int32_t expression_count;   /* 0..JR2_COUNT_EXPRESSION; the rest is 0 */
    int32_t reserved;
    const float *matrix;        /* (16) column-major, applied last, rigid; NULL: none (head space) */
} jr2_head_parameters;

typedef struct jr2_head_mesh {
    uint32_t struct_size;
    int32_t reserved;
    float *vertices;     /* (V,3) cm; any of these may be NULL */
    float *normals;      /* (V,3) length 1 */
    float *landmarks68;  /* (68,3) cm */
    float *landmarks478; /* (478,3) cm */
} jr2_head_mesh;

/* Evaluates the head model into the caller's buffers. Values that are not finite are JR2_ERR_RANGE. */
JR2_API int32_t jr2_head_evaluate(jr2_ctx *ctx, const jr2_head_parameters *parameters, const jr2_head_mesh *mesh);
/* 52 ARKit coefficients to the model's expression vector (JR2_COUNT_EXPRESSION floats) and back. */
JR2_API int32_t jr2_head_from_arkit(jr2_ctx *ctx, const float *arkit, float *expression);
JR2_API int32_t jr2_head_to_arkit(jr2_ctx *ctx, const float *expression, float *arkit);

/* --- Export -------------------------------------------------------------------------------------------------------- */

#define JR2_EXPORT_JSON 1    /* the whole result ("jr2.reconstruction", docs/formats.md); face is ignored */
#define JR2_EXPORT_GLB 2     /* skinned, morph targets named by ARKit, textured if there is a texture */
#define JR2_EXPORT_OBJ 3     /* mesh with uv; jr2_export_file also writes the .mtl and the .png beside it */
#define JR2_EXPORT_PLY 4     /* binary mesh */
#define JR2_EXPORT_OVERLAY 5 /* PNG of options->image with every face's mesh and landmarks; face is ignored */
#define JR2_EXPORT_TEXTURE 6 /* PNG of the texture */

typedef struct jr2_export_options {
    uint32_t struct_size;
    int32_t reserved;
    const jr2_image *image; /* for JR2_EXPORT_OVERLAY: the picture that was reconstructed */
    const char *name;       /* GLB, OBJ: the head's name; NULL: "head" */
} jr2_export_options;

/* Writes one face (index into the result) through a callback. JR2_ERR_NO_FACE where the result has none,
 * JR2_ERR_NOT_FOUND for another index, JR2_ERR_MISSING for JR2_EXPORT_TEXTURE without a texture. options may be NULL. */
JR2_API int32_t jr2_export(jr2_ctx *ctx, const jr2_result *result, int32_t face, int32_t format,
                           const jr2_export_options *options, jr2_write_fn write, void *user);
/* The same into a file: written under a temporary name in the same folder, then renamed, so that a failure leaves what was
 * there before. Special files (/dev/stdout) are written directly. Errors: JR2_ERR_OPEN, JR2_ERR_WRITE. */
JR2_API int32_t jr2_export_file(jr2_ctx *ctx, const jr2_result *result, int32_t face, int32_t format,
                                const jr2_export_options *options, const char *path);

#ifdef __cplusplus
}
#endif

#include "stream.h"
#include "provenance.h"
#include "track.h"
#include "reenact.h"

#endif
