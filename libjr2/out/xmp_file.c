/* SPDX-License-Identifier: MIT
 * Reading and writing the XMP packet of a file: PNG, an iTXt chunk after the header; JPEG, an APP1 segment after JFIF and Exif; MP4, a
 * uuid box at the top level. xmp_parts.c walks over the file. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "jr2/jr2.h"
#include "out/sink.h"
#include "out/xmp_parts.h"

#define JPEG_MAX 65535 /* bytes of a segment */

static void put_big(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

int32_t jr2i_xmp_file_read(jr2i_env *env, const char *path, int32_t *source)
{
    jr2i_source_file f;
    jr2i_next_part next = NULL;
    uint64_t at = 0;
    jr2i_part p;
    int32_t count = 0, done = 0;
    *source = JR2_SOURCE_NONE;
    int32_t status = jr2i_source_open(&f, env, path, 0, &next, &at);
    while (status == JR2_OK && !done) {
        status = jr2i_source_step(&f, next, &at, &p, &count, &done);
        if (status == JR2_OK && p.length > 0) {
            jr2i_bytes packet;
            status = jr2i_source_packet(&f, &p, &packet);
            int32_t found = status == JR2_OK ? jr2i_xmp_source(packet.data, packet.size) : JR2_SOURCE_NONE;
            jr2i_free(env, packet.data);
            if (found != JR2_SOURCE_NONE)
                *source = found;
        }
    }
    if (f.fd >= 0)
        close(f.fd);
    return status;
}

static int32_t copy(jr2i_source_file *f, uint64_t begin, uint64_t end, jr2i_sink *sink)
{
    uint8_t buffer[16384];
    int32_t status = JR2_OK;
    while (status == JR2_OK && begin < end && sink->status == JR2_OK) {
        size_t n = end - begin < sizeof buffer ? (size_t)(end - begin) : sizeof buffer;
        status = jr2i_source_get(f, begin, buffer, n);
        if (status == JR2_OK)
            jr2i_sink_put(sink, buffer, n);
        begin += n;
    }
    return status;
}

static void put_png(jr2i_sink *sink, const jr2i_bytes *packet)
{
    uint8_t head[8 + sizeof JR2I_PNG_KEYWORD + 4], tail[4];
    memset(head, 0, sizeof head); /* not packed, no language, no translated keyword */
    put_big(head, (uint32_t)(sizeof head - 8 + packet->size));
    memcpy(head + 4, "iTXt", 4);
    memcpy(head + 8, JR2I_PNG_KEYWORD, sizeof JR2I_PNG_KEYWORD);
    uLong crc = crc32(0, head + 4, sizeof head - 4);
    put_big(tail, (uint32_t)crc32(crc, packet->data, (uInt)packet->size));
    jr2i_sink_put(sink, head, sizeof head);
    jr2i_sink_put(sink, packet->data, packet->size);
    jr2i_sink_put(sink, tail, sizeof tail);
}

static void put_jpeg(jr2i_sink *sink, const jr2i_bytes *packet)
{
    uint32_t length = (uint32_t)(2 + sizeof JR2I_JPEG_KEYWORD + packet->size);
    uint8_t head[4] = {0xFF, 0xE1, (uint8_t)(length >> 8), (uint8_t)length};
    jr2i_sink_put(sink, head, sizeof head);
    jr2i_sink_put(sink, JR2I_JPEG_KEYWORD, sizeof JR2I_JPEG_KEYWORD);
    jr2i_sink_put(sink, packet->data, packet->size);
}

/* PNG and JPEG: everything but the packets there are, and the new one behind the parts that come first. */
static int32_t rewrite(jr2i_source_file *f, jr2i_next_part next, uint64_t start, const jr2i_bytes *packet)
{
    jr2i_file file;
    jr2i_sink sink;
    int32_t status = jr2i_file_open(f->env, f->path, &file);
    if (status != JR2_OK)
        return status;
    jr2i_sink_begin(&sink, f->env, jr2i_file_write, &file);
    uint64_t at = start;
    jr2i_part p;
    int32_t count = 0, done = 0, placed = 0;
    status = copy(f, 0, start, &sink);
    while (status == JR2_OK && !done) {
        status = jr2i_source_step(f, next, &at, &p, &count, &done);
        if (status == JR2_OK && !placed && !p.early) {
            (next == jr2i_next_png ? put_png : put_jpeg)(&sink, packet);
            placed = 1;
        }
        if (status == JR2_OK && p.length == 0)
            status = copy(f, p.begin, p.end, &sink);
    }
    int32_t written = jr2i_sink_end(&sink);
    return jr2i_file_close(f->env, &file, status != JR2_OK ? status : written);
}

static int32_t put(jr2i_source_file *f, uint64_t at, const void *data, size_t size)
{
    const uint8_t *p = data;
    while (size > 0) {
        ssize_t n = pwrite(f->fd, p, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return jr2i_fail(f->env, JR2_ERR_WRITE, "%.150s: %s", f->path, strerror(errno));
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return JR2_OK;
}

/* MP4: the new box goes to the end, where nothing refers to; only then the old ones become free space. A failure before that leaves
 * the file as it was. */
static int32_t append(jr2i_source_file *f, const jr2i_bytes *packet)
{
    uint8_t head[24];
    uint64_t at = 0;
    jr2i_part p;
    int32_t count = 0, done = 0, status = JR2_OK;
    memset(&p, 0, sizeof p);
    put_big(head, (uint32_t)(sizeof head + packet->size));
    memcpy(head + 4, "uuid", 4);
    memcpy(head + 8, jr2i_mp4_id, sizeof jr2i_mp4_id);
    while (status == JR2_OK && !done)
        status = jr2i_source_step(f, jr2i_next_mp4, &at, &p, &count, &done);
    if (status != JR2_OK)
        return status;
    if (p.open_end && p.end - p.begin > UINT32_MAX)
        return jr2i_source_damaged(f, "the last MP4 box has no length and is too large for one");
    status = put(f, f->size, head, sizeof head);
    if (status == JR2_OK)
        status = put(f, f->size + sizeof head, packet->data, packet->size);
    if (status == JR2_OK && fsync(f->fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        status = jr2i_fail(f->env, JR2_ERR_WRITE, "%.150s: %s", f->path, strerror(errno));
    if (status != JR2_OK) {
        if (ftruncate(f->fd, (off_t)f->size) != 0)
            return jr2i_fail(f->env, JR2_ERR_WRITE, "%.150s: %s, and the file could not be restored", f->path, strerror(errno));
        return status;
    }
    if (p.open_end) {
        uint8_t length[4];
        put_big(length, (uint32_t)(p.end - p.begin));
        status = put(f, p.begin, length, sizeof length);
    }
    for (at = 0, count = 0, done = 0; status == JR2_OK && !done;) {
        status = jr2i_source_step(f, jr2i_next_mp4, &at, &p, &count, &done);
        if (status == JR2_OK && p.length > 0)
            status = put(f, p.begin + 4, "free", 4);
    }
    return status;
}

int32_t jr2i_xmp_file_write(jr2i_env *env, const char *path, int32_t source)
{
    jr2i_source_file f;
    jr2i_next_part next = NULL;
    uint64_t start = 0, at;
    jr2i_part p;
    int32_t count = 0, done = 0;
    jr2i_bytes old, packet;
    memset(&old, 0, sizeof old);
    memset(&packet, 0, sizeof packet);
    int32_t status = source == JR2_SOURCE_TRAINED || source == JR2_SOURCE_COMPOSITE
                         ? jr2i_source_open(&f, env, path, 0, &next, &start)
                         : (f.fd = -1, jr2i_fail(env, JR2_ERR_ARGUMENT, "source %d cannot be written", (int)source));
    at = start;
    while (status == JR2_OK && !done) { /* the whole file must make sense before it is touched */
        status = jr2i_source_step(&f, next, &at, &p, &count, &done);
        if (status == JR2_OK && p.length > 0) { /* the last one counts, as in reading */
            jr2i_free(env, old.data);
            status = jr2i_source_packet(&f, &p, &old);
        }
    }
    if (status == JR2_OK)
        status = jr2i_xmp_packet(env, old.data, old.size, source, &packet);
    if (status == JR2_OK && next == jr2i_next_jpeg && packet.size > JPEG_MAX - 2 - sizeof JR2I_JPEG_KEYWORD)
        status = jr2i_source_damaged(&f, "its XMP packet has no room for more in a JPEG");
    if (status == JR2_OK && next == jr2i_next_mp4) {
        close(f.fd);
        status = jr2i_source_open(&f, env, path, 1, &next, &start);
        if (status == JR2_OK)
            status = append(&f, &packet);
    } else if (status == JR2_OK) {
        status = rewrite(&f, next, start, &packet);
    }
    if (f.fd >= 0)
        close(f.fd);
    jr2i_free(env, old.data);
    jr2i_free(env, packet.data);
    return status;
}
