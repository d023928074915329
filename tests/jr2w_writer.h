/* SPDX-License-Identifier: MIT
 * A minimal JR2W writer for tests: builds a container in memory, so that tests can then damage it. Raw tensors only;
 * packed ones come from a file that Python wrote. Aborts when memory runs out: it is a test. */
#ifndef JR2_TESTS_JR2W_WRITER_H
#define JR2_TESTS_JR2W_WRITER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct writer {
    uint8_t *table, *data;
    size_t count, size; /* entries; bytes of data */
} writer;

static inline void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static inline void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

static inline void writer_add(writer *w, const char *name, uint32_t dtype, uint32_t ndim, const int32_t *dims, const void *bytes)
{
    static const size_t sizes[4] = { 4, 2, 4, 1 };
    size_t raw = sizes[dtype];
    w->table = realloc(w->table, (w->count + 1) * 128);
    if (!w->table)
        abort();
    uint8_t *e = w->table + w->count++ * 128;
    memset(e, 0, 128);
    memcpy(e, name, strlen(name));
    put32(e + 64, dtype);
    put32(e + 68, ndim);
    for (uint32_t i = 0; i < 6; i++) {
        put32(e + 72 + 4 * i, i < ndim ? (uint32_t)dims[i] : 1);
        raw *= i < ndim ? (size_t)dims[i] : 1;
    }
    size_t at = (w->size + 63) / 64 * 64;
    w->data = realloc(w->data, at + raw + 64);
    if (!w->data)
        abort();
    memset(w->data + w->size, 0, at - w->size);
    memcpy(w->data + at, bytes, raw);
    w->size = at + raw;
    put32(e + 100, (uint32_t)crc32(0, w->data + at, (uInt)raw));
    put64(e + 104, at); /* relative to the data until writer_finish */
    put64(e + 112, raw);
    put64(e + 120, raw);
}

/* Recomputes both checksums of the header, for tests that alter a table on purpose. */
static inline void writer_seal(uint8_t *file, size_t count)
{
    put32(file + 44, (uint32_t)crc32(0, file + 64, (uInt)(count * 128)));
    put32(file + 60, (uint32_t)crc32(0, file, 60));
}

/* The whole container in memory to be freed by the caller; resets w. */
static inline uint8_t *writer_finish(writer *w, const char *topology, size_t *size)
{
    size_t start = (64 + w->count * 128 + 63) / 64 * 64;
    uint8_t *file = calloc(1, start + w->size + 1);
    if (!file)
        abort();
    memcpy(file, "JR2W", 4);
    put32(file + 4, 1);
    memcpy(file + 8, topology, strlen(topology));
    put32(file + 40, (uint32_t)w->count);
    *size = w->count ? start + w->size : 64;
    put64(file + 48, *size);
    for (size_t i = 0; i < w->count; i++) {
        uint8_t *e = w->table + i * 128;
        uint64_t at = 0;
        for (int k = 7; k >= 0; k--)
            at = at << 8 | e[104 + k];
        put64(e + 104, at + start);
    }
    if (w->count)
        memcpy(file + 64, w->table, w->count * 128);
    if (w->size)
        memcpy(file + start, w->data, w->size);
    writer_seal(file, w->count);
    free(w->table);
    free(w->data);
    memset(w, 0, sizeof *w);
    return file;
}

#endif
