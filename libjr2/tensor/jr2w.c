/* SPDX-License-Identifier: MIT
 * JR2W container: header and table, validated once at opening (jr2w_read.c reads tensors). The rules are
 * strict so that every byte of a file is accounted for: entries lie in table order, gaps are shorter than 64 bytes and
 * zero, and nothing follows the last tensor. */
#include "jr2w.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { HEADER_SIZE = 64, ENTRY_SIZE = 128, ALIGNMENT = 64 };

struct jr2i_jr2w {
    const uint8_t *data;
    size_t size;
    uint8_t *owned; /* NULL when borrowed */
    char topology[33];
    int32_t count;
    jr2i_tensor_info *tensors;
};

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t read_u64(const uint8_t *p)
{
    return (uint64_t)read_u32(p) | (uint64_t)read_u32(p + 4) << 32;
}

static uint32_t checksum(const uint8_t *data, size_t size)
{
    return (uint32_t)crc32_z(0, data, size);
}

static size_t element_size(int32_t dtype)
{
    static const uint8_t sizes[4] = { 4, 2, 4, 1 };
    return sizes[dtype];
}

/* A zero-padded name of printable ASCII without spaces: at least one byte, and a terminating zero when `terminated`. */
static int valid_name(const uint8_t *field, size_t size, int terminated)
{
    size_t n = 0;
    while (n < size && field[n] != 0) {
        if (field[n] <= 0x20 || field[n] >= 0x7f)
            return 0;
        n++;
    }
    if (n == 0 || (terminated && n == size))
        return 0;
    for (size_t i = n; i < size; i++)
        if (field[i] != 0)
            return 0;
    return 1;
}

static int32_t check_header(jr2i_env *env, const uint8_t *p, size_t size)
{
    if (size < 4)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "JR2W: %zu bytes are less than a header", size);
    if (memcmp(p, "JR2W", 4) != 0)
        return jr2i_fail(env, JR2_ERR_MAGIC, "JR2W: wrong magic");
    if (size < HEADER_SIZE)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "JR2W: %zu bytes are less than a header", size);
    if (read_u32(p + 4) != 1)
        return jr2i_fail(env, JR2_ERR_VERSION, "JR2W: version %u, this reader knows 1", (unsigned)read_u32(p + 4));
    if (read_u32(p + 60) != checksum(p, 60))
        return jr2i_fail(env, JR2_ERR_CHECKSUM, "JR2W: damaged header");
    if (read_u32(p + 56) != 0)
        return jr2i_fail(env, JR2_ERR_VERSION, "JR2W: unknown flags 0x%x", (unsigned)read_u32(p + 56));
    if (!valid_name(p + 8, 32, 0))
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: malformed topology name");
    uint64_t file_size = read_u64(p + 48);
    if (file_size > size)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "JR2W: %zu bytes of %llu", size, (unsigned long long)file_size);
    if (file_size < size)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %llu bytes after the end", (unsigned long long)(size - file_size));
    uint32_t count = read_u32(p + 40);
    if (count > JR2I_JR2W_MAX_TENSORS)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %u tensors, the limit is %d", (unsigned)count, JR2I_JR2W_MAX_TENSORS);
    if ((size - HEADER_SIZE) / ENTRY_SIZE < count)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "JR2W: the table does not fit");
    if (read_u32(p + 44) != checksum(p + HEADER_SIZE, (size_t)count * ENTRY_SIZE))
        return jr2i_fail(env, JR2_ERR_CHECKSUM, "JR2W: damaged table");
    return JR2_OK;
}

/* Fills *t from the entry at p; *end is where the previous part of the file ended and moves on. */
static int32_t parse_entry(jr2i_env *env, const jr2i_jr2w *file, const uint8_t *p, jr2i_tensor_info *t, size_t *end,
                           uint64_t *raw_total)
{
    if (!valid_name(p, 64, 1))
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: malformed tensor name");
    memcpy(t->name, p, 64);
    uint32_t dtype = read_u32(p + 64), ndim = read_u32(p + 68), packing = read_u32(p + 96);
    if (dtype > JR2I_U8)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: unknown type %u", t->name, (unsigned)dtype);
    if (ndim < 1 || ndim > JR2I_MAX_DIMS)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: %u dimensions", t->name, (unsigned)ndim);
    if (packing > 1)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: unknown packing %u", t->name, (unsigned)packing);
    t->dtype = (int32_t)dtype;
    t->ndim = (int32_t)ndim;
    t->packing = (int32_t)packing;
    t->crc = read_u32(p + 100);
    uint64_t raw = element_size(t->dtype);
    for (uint32_t i = 0; i < JR2I_MAX_DIMS; i++) {
        uint32_t d = read_u32(p + 72 + 4 * i);
        if (d == 0 || d > INT32_MAX || (i >= ndim && d != 1))
            return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: dimension %u is %u", t->name, (unsigned)i, (unsigned)d);
        t->dims[i] = (int32_t)d;
        raw *= d; /* < 2^30 * 2^31 */
        if (raw > JR2I_JR2W_MAX_BYTES)
            return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: more than 1 GiB", t->name);
    }
    uint64_t offset = read_u64(p + 104), stored = read_u64(p + 112);
    if (read_u64(p + 120) != raw)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: size does not match the shape", t->name);
    *raw_total += raw;
    if (*raw_total > JR2I_JR2W_MAX_BYTES)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: more than 1 GiB of tensors");
    if (packing == 0 && stored != raw)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: stored size does not match", t->name);
    if (packing == 1 && (stored == 0 || raw / 1040 > stored)) /* deflate cannot do better than 1032 : 1 */
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: impossible packed size", t->name);
    if (offset % ALIGNMENT != 0 || offset < *end || offset - *end >= ALIGNMENT)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: misplaced", t->name);
    if (offset > file->size || stored > file->size - offset)
        return jr2i_fail(env, JR2_ERR_TRUNCATED, "JR2W: %s: reaches past the end", t->name);
    for (size_t i = *end; i < offset; i++)
        if (file->data[i] != 0)
            return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %s: padding is not zero", t->name);
    t->offset = (size_t)offset;
    t->stored_size = (size_t)stored;
    t->raw_size = (size_t)raw;
    t->count = (size_t)raw / element_size(t->dtype);
    *end = (size_t)(offset + stored);
    return JR2_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int32_t check_unique(jr2i_env *env, const jr2i_jr2w *file)
{
    const char **names = jr2i_alloc(env, (size_t)file->count, sizeof *names);
    if (!names)
        return jr2i_no_memory(env, (size_t)file->count * sizeof *names);
    for (int32_t i = 0; i < file->count; i++)
        names[i] = file->tensors[i].name;
    qsort(names, (size_t)file->count, sizeof *names, compare_names);
    int32_t status = JR2_OK;
    for (int32_t i = 1; i < file->count && status == JR2_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: two tensors are named %s", names[i]);
    jr2i_free(env, names);
    return status;
}

static int32_t parse(jr2i_env *env, jr2i_jr2w *file)
{
    int32_t status = check_header(env, file->data, file->size);
    if (status != JR2_OK)
        return status;
    memcpy(file->topology, file->data + 8, 32);
    file->count = (int32_t)read_u32(file->data + 40);
    file->tensors = jr2i_calloc(env, (size_t)file->count, sizeof *file->tensors);
    if (!file->tensors)
        return jr2i_no_memory(env, (size_t)file->count * sizeof *file->tensors);
    size_t end = HEADER_SIZE + (size_t)file->count * ENTRY_SIZE;
    uint64_t raw_total = 0;
    for (int32_t i = 0; i < file->count; i++) {
        status = parse_entry(env, file, file->data + HEADER_SIZE + (size_t)i * ENTRY_SIZE, &file->tensors[i], &end, &raw_total);
        if (status != JR2_OK)
            return status;
    }
    if (end != file->size)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: %zu bytes that belong to no tensor", file->size - end);
    return check_unique(env, file);
}

/* Takes over `owned` (may be NULL) also when it fails. */
static int32_t open_block(jr2i_env *env, const uint8_t *data, size_t size, uint8_t *owned, jr2i_jr2w **out)
{
    jr2i_jr2w *file = jr2i_calloc(env, 1, sizeof *file);
    if (!file) {
        jr2i_free(env, owned);
        return jr2i_no_memory(env, sizeof *file);
    }
    file->data = data;
    file->size = size;
    file->owned = owned;
    int32_t status = parse(env, file);
    if (status != JR2_OK) {
        jr2i_jr2w_close(env, file);
        return status;
    }
    *out = file;
    return JR2_OK;
}

int32_t jr2i_jr2w_open_memory(jr2i_env *env, const void *data, size_t size, int32_t copy, jr2i_jr2w **out)
{
    *out = NULL;
    if (!data)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "JR2W: no data");
    if (size > JR2I_JR2W_MAX_BYTES)
        return jr2i_fail(env, JR2_ERR_FORMAT, "JR2W: larger than 1 GiB");
    if (!copy)
        return open_block(env, data, size, NULL, out);
    uint8_t *block = jr2i_alloc(env, size, 1);
    if (!block)
        return jr2i_no_memory(env, size);
    memcpy(block, data, size);
    return open_block(env, block, size, block, out);
}

static int32_t read_stream(jr2i_env *env, FILE *f, const char *path, uint8_t **block, size_t *size)
{
    if (fseek(f, 0, SEEK_END) != 0)
        return jr2i_fail(env, JR2_ERR_READ, "%.150s: %s", path, strerror(errno));
    long end = ftell(f);
    if (end < 0 || fseek(f, 0, SEEK_SET) != 0)
        return jr2i_fail(env, JR2_ERR_READ, "%.150s: %s", path, strerror(errno));
    if ((unsigned long)end > JR2I_JR2W_MAX_BYTES) /* also what a folder or a pipe answers */
        return jr2i_fail(env, JR2_ERR_FORMAT, "%.150s: not a JR2W file: larger than 1 GiB", path);
    uint8_t *p = jr2i_alloc(env, (size_t)end, 1);
    if (!p)
        return jr2i_no_memory(env, (size_t)end);
    errno = 0;
    if (fread(p, 1, (size_t)end, f) != (size_t)end) {
        jr2i_free(env, p);
        return jr2i_fail(env, JR2_ERR_READ, "%.150s: %s", path, errno ? strerror(errno) : "it shrank while being read");
    }
    *block = p;
    *size = (size_t)end;
    return JR2_OK;
}

int32_t jr2i_jr2w_open_file(jr2i_env *env, const char *path, jr2i_jr2w **out)
{
    *out = NULL;
    if (!path)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "JR2W: no path");
    FILE *f = fopen(path, "rb");
    if (!f)
        return jr2i_fail(env, JR2_ERR_OPEN, "%.150s: %s", path, strerror(errno));
    uint8_t *block = NULL;
    size_t size = 0;
    int32_t status = read_stream(env, f, path, &block, &size);
    fclose(f);
    return status == JR2_OK ? open_block(env, block, size, block, out) : status;
}

void jr2i_jr2w_close(const jr2i_env *env, jr2i_jr2w *file)
{
    if (!file)
        return;
    jr2i_free(env, file->tensors);
    jr2i_free(env, file->owned);
    jr2i_free(env, file);
}

const char *jr2i_jr2w_topology(const jr2i_jr2w *file)
{
    return file->topology;
}

int32_t jr2i_jr2w_expect(jr2i_env *env, const jr2i_jr2w *file, const char *topology)
{
    if (strcmp(file->topology, topology) != 0)
        return jr2i_fail(env, JR2_ERR_TOPOLOGY, "the weights are \"%s\", \"%s\" is needed", file->topology, topology);
    return JR2_OK;
}

int32_t jr2i_jr2w_count(const jr2i_jr2w *file)
{
    return file->count;
}

const jr2i_tensor_info *jr2i_jr2w_at(const jr2i_jr2w *file, int32_t index)
{
    return index >= 0 && index < file->count ? &file->tensors[index] : NULL;
}

const jr2i_tensor_info *jr2i_jr2w_find(const jr2i_jr2w *file, const char *name)
{
    for (int32_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

int32_t jr2i_jr2w_stored(jr2i_env *env, const jr2i_jr2w *file, const jr2i_tensor_info *t, const uint8_t **out)
{
    *out = NULL;
    if (checksum(file->data + t->offset, t->stored_size) != t->crc)
        return jr2i_fail(env, JR2_ERR_CHECKSUM, "JR2W: damaged tensor %s", t->name);
    *out = file->data + t->offset;
    return JR2_OK;
}
