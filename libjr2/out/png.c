/* SPDX-License-Identifier: MIT
 * PNG encoder (ISO/IEC 15948): per row the filter whose output has the least sum of magnitudes, deflate by zlib. */
#include "out/png.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "out/bytes.h"

#define CHUNK 32768

typedef struct encoder {
    jr2i_sink *sink;
    uint8_t *rows;    /* five filtered rows and the zero row above the picture */
    uint8_t *packed;  /* (CHUNK) */
    z_stream stream;
} encoder;

static void big_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_chunk(jr2i_sink *sink, const char *type, const uint8_t *data, size_t size)
{
    uint8_t head[8], tail[4];
    big_u32(head, (uint32_t)size);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (size > 0)
        crc = crc32(crc, data, (uInt)size);
    big_u32(tail, (uint32_t)crc);
    jr2i_sink_put(sink, head, 8);
    jr2i_sink_put(sink, data, size);
    jr2i_sink_put(sink, tail, 4);
}

static int paeth(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* The row after filter type 0..4 into out (1 + size); returns the sum of magnitudes. */
static uint64_t filter(int type, const uint8_t *row, const uint8_t *above, int32_t size, int32_t step, uint8_t *out)
{
    uint64_t sum = 0;
    out[0] = (uint8_t)type;
    for (int32_t i = 0; i < size; i++) {
        int a = i >= step ? row[i - step] : 0, b = above[i], c = i >= step ? above[i - step] : 0;
        int guess = type == 0 ? 0 : type == 1 ? a : type == 2 ? b : type == 3 ? (a + b) / 2 : paeth(a, b, c);
        uint8_t d = (uint8_t)(row[i] - guess);
        out[1 + i] = d;
        sum += d < 128 ? d : 256u - d;
    }
    return sum;
}

static int deflate_bytes(encoder *e, const uint8_t *data, size_t size, int how)
{
    e->stream.next_in = (Bytef *)(uintptr_t)data;
    e->stream.avail_in = (uInt)size;
    for (;;) {
        int code = deflate(&e->stream, how);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return 0;
        if (e->stream.avail_out == 0 || code == Z_STREAM_END) {
            put_chunk(e->sink, "IDAT", e->packed, CHUNK - e->stream.avail_out);
            e->stream.next_out = e->packed;
            e->stream.avail_out = CHUNK;
        }
        if (code == Z_STREAM_END || (how == Z_NO_FLUSH && e->stream.avail_in == 0 && e->stream.avail_out > 0))
            return 1;
    }
}

static voidpf zlib_alloc(voidpf user, uInt items, uInt size)
{
    return jr2i_alloc(user, items, size);
}

static void zlib_free(voidpf user, voidpf pointer)
{
    jr2i_free(user, pointer);
}

void jr2i_png_put(jr2i_sink *sink, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
    size_t row = (size_t)width * (size_t)channels;
    encoder e;
    memset(&e, 0, sizeof e);
    e.sink = sink;
    e.rows = jr2i_calloc(sink->env, 5 * (row + 1) + row, 1);
    e.packed = jr2i_alloc(sink->env, CHUNK, 1);
    e.stream.zalloc = zlib_alloc;
    e.stream.zfree = zlib_free;
    e.stream.opaque = sink->env;
    if (!e.rows || !e.packed || deflateInit(&e.stream, 6) != Z_OK) {
        jr2i_sink_fail(sink, jr2i_no_memory(sink->env, 6 * row + CHUNK));
        jr2i_free(sink->env, e.rows);
        jr2i_free(sink->env, e.packed);
        return;
    }
    e.stream.next_out = e.packed;
    e.stream.avail_out = CHUNK;
    uint8_t header[13] = {0};
    big_u32(header, (uint32_t)width);
    big_u32(header + 4, (uint32_t)height);
    header[8] = 8;
    header[9] = channels == 3 ? 2 : 0;
    jr2i_sink_put(sink, signature, sizeof signature);
    put_chunk(sink, "IHDR", header, sizeof header);
    static const uint8_t srgb[1] = {0};
    put_chunk(sink, "sRGB", srgb, 1);
    int ok = 1;
    for (int32_t y = 0; y < height && ok && sink->status == JR2_OK; y++) {
        const uint8_t *now = pixels + (size_t)y * row;
        const uint8_t *above = y > 0 ? now - row : e.rows + 5 * (row + 1);
        int best = 0;
        uint64_t least = UINT64_MAX;
        for (int type = 0; type < 5; type++) {
            uint64_t sum = filter(type, now, above, (int32_t)row, channels, e.rows + (size_t)type * (row + 1));
            if (sum < least) {
                least = sum;
                best = type;
            }
        }
        ok = deflate_bytes(&e, e.rows + (size_t)best * (row + 1), row + 1, Z_NO_FLUSH);
    }
    ok = ok && deflate_bytes(&e, NULL, 0, Z_FINISH);
    deflateEnd(&e.stream);
    if (!ok)
        jr2i_sink_fail(sink, jr2i_fail(sink->env, JR2_ERR_INTERNAL, "PNG: deflate failed"));
    put_chunk(sink, "IEND", NULL, 0);
    jr2i_free(sink->env, e.rows);
    jr2i_free(sink->env, e.packed);
}

int32_t jr2i_png_encode(jr2i_env *env, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, uint8_t **data,
                        size_t *size)
{
    jr2i_bytes bytes = {env, NULL, 0, 0};
    jr2i_sink sink;
    *data = NULL;
    *size = 0;
    jr2i_sink_begin(&sink, env, jr2i_bytes_write, &bytes);
    jr2i_png_put(&sink, pixels, width, height, channels);
    int32_t status = jr2i_sink_end(&sink);
    if (status != JR2_OK) {
        jr2i_free(env, bytes.data);
        return status == JR2_ERR_WRITE ? jr2i_no_memory(env, bytes.room) : status;
    }
    *data = bytes.data;
    *size = bytes.size;
    return JR2_OK;
}
