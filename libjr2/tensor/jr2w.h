/* SPDX-License-Identifier: MIT
 * Reader of the JR2W container: named tensors in one file (docs/jr2w.md). It reads any byte string without harm: each
 * size, offset, name and checksum is checked before it is used. It does not write and knows nothing of networks. */
#ifndef JR2I_TENSOR_JR2W_H
#define JR2I_TENSOR_JR2W_H

#include "base/env.h"

enum { JR2I_F32 = 0, JR2I_F16 = 1, JR2I_I32 = 2, JR2I_U8 = 3 };

#define JR2I_MAX_DIMS 6
#define JR2I_JR2W_MAX_TENSORS 4096
#define JR2I_JR2W_MAX_BYTES ((uint64_t)1 << 30) /* of the file, and of all tensors unpacked */

/* One tensor of a container; lives as long as the container. */
typedef struct jr2i_tensor_info {
    char name[64];
    int32_t dtype;
    int32_t ndim; /* 1..6 */
    int32_t dims[JR2I_MAX_DIMS]; /* each >= 1; those from ndim on are 1 */
    int32_t packing; /* 0 raw, 1 zlib */
    uint32_t crc;
    size_t count; /* product of dims */
    size_t offset, stored_size, raw_size; /* bytes */
} jr2i_tensor_info;

typedef struct jr2i_jr2w jr2i_jr2w;

/* Parses `data`. copy = 0: borrows it, the caller keeps it unchanged until close; copy = 1: takes a copy. */
int32_t jr2i_jr2w_open_memory(jr2i_env *env, const void *data, size_t size, int32_t copy, jr2i_jr2w **out);
/* Reads the whole file (a mapping would turn a file that shrinks later into a SIGBUS in the embedder). */
int32_t jr2i_jr2w_open_file(jr2i_env *env, const char *path, jr2i_jr2w **out);
void jr2i_jr2w_close(const jr2i_env *env, jr2i_jr2w *file); /* NULL is fine */

const char *jr2i_jr2w_topology(const jr2i_jr2w *file); /* "jr2.head.1" */
int32_t jr2i_jr2w_expect(jr2i_env *env, const jr2i_jr2w *file, const char *topology); /* or JR2_ERR_TOPOLOGY */
int32_t jr2i_jr2w_count(const jr2i_jr2w *file);
const jr2i_tensor_info *jr2i_jr2w_at(const jr2i_jr2w *file, int32_t index);
const jr2i_tensor_info *jr2i_jr2w_find(const jr2i_jr2w *file, const char *name); /* NULL if there is none */

/* The tensor `name` with the wanted shape: dims[i] = 0 takes any size. JR2_ERR_MISSING or JR2_ERR_FORMAT otherwise. */
int32_t jr2i_jr2w_get(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim, const int32_t *dims,
                      const jr2i_tensor_info **out);

/* The bytes of a tensor as they are stored (packed or raw), after its checksum. */
int32_t jr2i_jr2w_stored(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, const uint8_t **out);

/* Copies a tensor out, after its checksum: f32 and f16 -> float (all finite, else JR2_ERR_FORMAT), i32 -> int32_t,
 * u8 -> uint8_t. `count` is the room in elements and must equal the tensor's. */
int32_t jr2i_jr2w_read_f32(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, float *out, size_t count);
int32_t jr2i_jr2w_read_i32(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, int32_t *out, size_t count);
int32_t jr2i_jr2w_read_u8(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, uint8_t *out, size_t count);

/* get + allocate (jr2i_free) + read in one. text: a u8 tensor with a terminating zero added; no zero inside. */
int32_t jr2i_jr2w_load_f32(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim, const int32_t *dims,
                           float **out);
int32_t jr2i_jr2w_load_i32(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim, const int32_t *dims,
                           int32_t **out);
int32_t jr2i_jr2w_load_u8(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim, const int32_t *dims,
                          uint8_t **out);
int32_t jr2i_jr2w_load_text(jr2i_env *env, const jr2i_jr2w *file, const char *name, char **out);

/* Zero-copy view of a raw (not packed) f32, i32 or u8 tensor, checksum checked; NULL in *out when it is packed or f16.
 * Lives as long as the container (and the borrowed memory). */
int32_t jr2i_jr2w_view(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, const void **out);

#endif
