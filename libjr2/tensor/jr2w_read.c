/* SPDX-License-Identifier: MIT
 * JR2W container: finding tensors by name and shape, unpacking them and converting halves. What jr2w.c let through has
 * sizes that fit; here the bytes themselves are checked. */
#include "jr2w.h"

#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "half.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "JR2W tensors are little endian; a big-endian reader would have to swap them"
#endif

int32_t jr2i_jr2w_get(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim, const int32_t *dims,
                      const jr2i_tensor_info **out)
{
    *out = NULL;
    const jr2i_tensor_info *t = jr2i_jr2w_find(file, name);
    if (!t)
        return jr2i_fail(env, JR2_ERR_MISSING, "%s has no tensor %s", jr2i_jr2w_topology(file), name);
    int same = t->ndim == ndim;
    for (int32_t i = 0; same && i < ndim; i++)
        same = dims[i] == 0 || dims[i] == t->dims[i];
    if (!same)
        return jr2i_fail(env, JR2_ERR_FORMAT, "%s: tensor %s has an unexpected shape", jr2i_jr2w_topology(file), name);
    *out = t;
    return JR2_OK;
}

static void *zlib_alloc(void *env, unsigned count, unsigned size)
{
    return jr2i_alloc(env, count, size);
}

static void zlib_free(void *env, void *pointer)
{
    jr2i_free(env, pointer);
}

static int32_t unpack(jr2i_env *env, const jr2i_tensor_info *t, const uint8_t *stored, void *out)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    z.zalloc = zlib_alloc;
    z.zfree = zlib_free;
    z.opaque = env;
    z.next_in = stored;
    z.avail_in = (unsigned)t->stored_size; /* both are at most 2^30 */
    z.next_out = out;
    z.avail_out = (unsigned)t->raw_size;
    if (inflateInit(&z) != Z_OK)
        return jr2i_fail(env, JR2_ERR_NO_MEMORY, "no memory to unpack tensor %s", t->name);
    int result = inflate(&z, Z_FINISH);
    int complete = result == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
    inflateEnd(&z);
    if (result == Z_MEM_ERROR)
        return jr2i_fail(env, JR2_ERR_NO_MEMORY, "no memory to unpack tensor %s", t->name);
    return complete ? JR2_OK : jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: tensor %s does not unpack to its size", t->name);
}

/* The tensor's bytes, unpacked, into out (raw_size bytes). */
static int32_t read_raw(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, void *out)
{
    const uint8_t *stored;
    int32_t status = jr2i_jr2w_stored(env, file, t, &stored);
    if (status != JR2_OK)
        return status;
    if (t->packing == 1)
        return unpack(env, t, stored, out);
    memcpy(out, stored, t->raw_size);
    return JR2_OK;
}

static int32_t check_request(jr2i_env *env, const jr2i_tensor_info *t, int right_type, size_t count)
{
    if (!right_type)
        return jr2i_fail(env, JR2_ERR_FORMAT, "tensor %s has an unexpected type", t->name);
    if (count != t->count)
        return jr2i_fail(env, JR2_ERR_FORMAT, "tensor %s has %zu elements, not %zu", t->name, t->count, count);
    return JR2_OK;
}

static int32_t check_finite(jr2i_env *env, const jr2i_tensor_info *t, const float *values)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < t->count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        bad |= (uint32_t)((bits & 0x7f800000) == 0x7f800000);
    }
    return bad ? jr2i_fail(env, JR2_ERR_FORMAT, "tensor %s holds a value that is not finite", t->name) : JR2_OK;
}

int32_t jr2i_jr2w_read_f32(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, float *out, size_t count)
{
    int32_t status = check_request(env, t, t->dtype == JR2I_F32 || t->dtype == JR2I_F16, count);
    if (status != JR2_OK)
        return status;
    /* Halves are unpacked into the second half of the room and widened from the front: no second buffer. */
    int is_half = t->dtype == JR2I_F16;
    uint8_t *raw = (uint8_t *)out + (is_half ? t->raw_size : 0);
    status = read_raw(env, file, t, raw);
    if (status != JR2_OK)
        return status;
    if (is_half)
        for (size_t i = 0; i < count; i++) {
            uint16_t half;
            memcpy(&half, raw + 2 * i, 2);
            out[i] = jr2i_half_to_float(half);
        }
    return check_finite(env, t, out);
}

int32_t jr2i_jr2w_read_i32(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, int32_t *out, size_t count)
{
    int32_t status = check_request(env, t, t->dtype == JR2I_I32, count);
    return status == JR2_OK ? read_raw(env, file, t, out) : status;
}

int32_t jr2i_jr2w_read_u8(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, uint8_t *out, size_t count)
{
    int32_t status = check_request(env, t, t->dtype == JR2I_U8, count);
    return status == JR2_OK ? read_raw(env, file, t, out) : status;
}

#define DEFINE_LOAD(suffix, type)                                                                                         \
    int32_t jr2i_jr2w_load_##suffix(jr2i_env *env, const jr2i_jr2w *file, const char *name, int32_t ndim,                 \
                                    const int32_t *dims, type **out)                                                      \
    {                                                                                                                     \
        *out = NULL;                                                                                                      \
        const jr2i_tensor_info *t;                                                                                        \
        int32_t status = jr2i_jr2w_get(env, file, name, ndim, dims, &t);                                                  \
        if (status != JR2_OK)                                                                                             \
            return status;                                                                                                \
        type *values = jr2i_alloc(env, t->count, sizeof *values);                                                         \
        if (!values)                                                                                                      \
            return jr2i_no_memory(env, t->count * sizeof *values);                                                        \
        status = jr2i_jr2w_read_##suffix(env, file, t, values, t->count);                                                 \
        if (status != JR2_OK) {                                                                                           \
            jr2i_free(env, values);                                                                                       \
            return status;                                                                                                \
        }                                                                                                                 \
        *out = values;                                                                                                    \
        return JR2_OK;                                                                                                    \
    }

DEFINE_LOAD(f32, float)
DEFINE_LOAD(i32, int32_t)
DEFINE_LOAD(u8, uint8_t)

int32_t jr2i_jr2w_load_text(jr2i_env *env, const jr2i_jr2w *file, const char *name, char **out)
{
    *out = NULL;
    const int32_t any = 0;
    const jr2i_tensor_info *t;
    int32_t status = jr2i_jr2w_get(env, file, name, 1, &any, &t);
    if (status != JR2_OK)
        return status;
    char *text = jr2i_alloc(env, t->count + 1, 1);
    if (!text)
        return jr2i_no_memory(env, t->count + 1);
    status = jr2i_jr2w_read_u8(env, file, t, (uint8_t *)text, t->count);
    text[t->count] = 0;
    if (status == JR2_OK && memchr(text, 0, t->count))
        status = jr2i_fail(env, JR2_ERR_FORMAT, "text %s holds a zero byte", name);
    if (status != JR2_OK) {
        jr2i_free(env, text);
        return status;
    }
    *out = text;
    return JR2_OK;
}

int32_t jr2i_jr2w_view(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, const void **out)
{
    *out = NULL;
    if (t->packing != 0 || t->dtype == JR2I_F16)
        return JR2_OK;
    const uint8_t *stored;
    int32_t status = jr2i_jr2w_stored(env, file, t, &stored);
    if (status == JR2_OK && (uintptr_t)stored % (t->dtype == JR2I_U8 ? 1 : 4) == 0) /* borrowed memory may lie anywhere */
        *out = stored;
    return status;
}
