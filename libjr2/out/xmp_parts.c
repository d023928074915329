/* SPDX-License-Identifier: MIT
 * Walking over chunks, segments and boxes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "jr2/jr2.h"
#include "out/xmp_parts.h"

#define MAX_PARTS 1000000 /* a file of more chunks, segments or boxes is refused */

const uint8_t jr2i_mp4_id[16] = {0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC};

int32_t jr2i_source_damaged(jr2i_source_file *f, const char *what)
{
    return jr2i_fail(f->env, JR2_ERR_FORMAT, "%.150s: %s", f->path, what);
}

static int32_t cut(jr2i_source_file *f)
{
    return jr2i_fail(f->env, JR2_ERR_TRUNCATED, "%.150s: the file ends too early", f->path);
}

int32_t jr2i_source_get(jr2i_source_file *f, uint64_t at, void *to, size_t size)
{
    uint8_t *p = to;
    if (at > f->size || size > f->size - at)
        return cut(f);
    while (size > 0) {
        ssize_t n = pread(f->fd, p, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return jr2i_fail(f->env, JR2_ERR_READ, "%.150s: %s", f->path, strerror(errno));
        if (n == 0)
            return cut(f);
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return JR2_OK;
}

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int32_t jr2i_next_png(jr2i_source_file *f, uint64_t at, jr2i_part *p)
{
    uint8_t head[8], lead[sizeof JR2I_PNG_KEYWORD + 2];
    int32_t status = jr2i_source_get(f, at, head, sizeof head);
    if (status != JR2_OK)
        return status;
    uint64_t length = big(head);
    if (length > 0x7fffffff)
        return jr2i_source_damaged(f, "a PNG chunk has an impossible length");
    p->end = at + 12 + length;
    if (p->end > f->size)
        return cut(f);
    p->early = memcmp(head + 4, "IHDR", 4) == 0;
    p->last = memcmp(head + 4, "IEND", 4) == 0;
    if (at == 8 && !p->early)
        return jr2i_source_damaged(f, "the PNG does not begin with its header");
    if (memcmp(head + 4, "iTXt", 4) != 0 || length < sizeof lead + 2)
        return JR2_OK;
    if ((status = jr2i_source_get(f, at + 8, lead, sizeof lead)) != JR2_OK)
        return status;
    if (memcmp(lead, JR2I_PNG_KEYWORD, sizeof JR2I_PNG_KEYWORD) != 0)
        return JR2_OK;
    uint64_t text = at + 8 + sizeof lead, end = at + 8 + length;
    for (int zeros = 0; zeros < 2 && text < end; text++) { /* language and translated keyword */
        uint8_t c;
        if ((status = jr2i_source_get(f, text, &c, 1)) != JR2_OK)
            return status;
        zeros += c == 0;
        if (text > at + 8 + sizeof lead + 200)
            return JR2_OK;
    }
    p->packed = lead[sizeof JR2I_PNG_KEYWORD] != 0;
    p->text = text;
    p->length = end - text;
    return JR2_OK;
}

int32_t jr2i_next_jpeg(jr2i_source_file *f, uint64_t at, jr2i_part *p)
{
    uint8_t head[4], lead[sizeof JR2I_JPEG_KEYWORD];
    int32_t status = jr2i_source_get(f, at, head, 2);
    if (status != JR2_OK)
        return status;
    if (head[0] != 0xFF)
        return jr2i_source_damaged(f, "a JPEG segment is missing");
    if (head[1] == 0xFF || head[1] == 0x01 || (head[1] >= 0xD0 && head[1] <= 0xD7)) { /* a fill byte; markers alone */
        p->end = at + (head[1] == 0xFF ? 1 : 2);
        return JR2_OK;
    }
    if (head[1] == 0xD9 || head[1] == 0xDA || head[1] == 0xD8) { /* picture data: kept as it is */
        p->end = f->size;
        p->last = 1;
        return head[1] == 0xDA ? JR2_OK : jr2i_source_damaged(f, "the JPEG holds no picture");
    }
    if ((status = jr2i_source_get(f, at, head, 4)) != JR2_OK)
        return status;
    uint32_t length = (uint32_t)head[2] << 8 | head[3];
    if (length < 2)
        return jr2i_source_damaged(f, "a JPEG segment has an impossible length");
    p->end = at + 2 + length;
    if (p->end > f->size)
        return cut(f);
    p->early = head[1] == 0xE0;
    if (head[1] != 0xE1 || length < 2 + 6)
        return JR2_OK;
    size_t n = length - 2 < sizeof lead ? length - 2 : sizeof lead;
    if ((status = jr2i_source_get(f, at + 4, lead, n)) != JR2_OK)
        return status;
    p->early = memcmp(lead, "Exif\0", 6) == 0;
    if (n == sizeof lead && memcmp(lead, JR2I_JPEG_KEYWORD, sizeof lead) == 0) {
        p->text = at + 4 + sizeof lead;
        p->length = p->end - p->text;
    }
    return JR2_OK;
}

int32_t jr2i_next_mp4(jr2i_source_file *f, uint64_t at, jr2i_part *p)
{
    uint8_t head[16], id[16];
    int32_t status = jr2i_source_get(f, at, head, 8);
    if (status != JR2_OK)
        return status;
    uint64_t size = big(head), offset = 8;
    if (size == 1) {
        if ((status = jr2i_source_get(f, at + 8, head + 8, 8)) != JR2_OK)
            return status;
        size = (uint64_t)big(head + 8) << 32 | big(head + 12);
        offset = 16;
    } else if (size == 0) {
        size = f->size - at;
        p->open_end = 1;
    }
    if (size < offset)
        return jr2i_source_damaged(f, "an MP4 box has an impossible length");
    if (size > f->size - at)
        return cut(f);
    p->end = at + size;
    p->last = p->end == f->size;
    if (memcmp(head + 4, "uuid", 4) != 0 || size < offset + sizeof id)
        return JR2_OK;
    if ((status = jr2i_source_get(f, at + offset, id, sizeof id)) != JR2_OK)
        return status;
    if (memcmp(id, jr2i_mp4_id, sizeof id) == 0) {
        p->text = at + offset + sizeof id;
        p->length = p->end - p->text;
    }
    return JR2_OK;
}

int32_t jr2i_source_open(jr2i_source_file *f, jr2i_env *env, const char *path, int32_t writable, jr2i_next_part *next, uint64_t *start)
{
    struct stat about;
    uint8_t head[12];
    memset(f, 0, sizeof *f);
    f->env = env;
    f->path = path;
    f->fd = -1;
    if (!path || !*path)
        return jr2i_fail(env, JR2_ERR_ARGUMENT, "no path");
    f->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0)
        return jr2i_fail(env, JR2_ERR_OPEN, "%.150s: %s", path, strerror(errno));
    if (fstat(f->fd, &about) != 0 || !S_ISREG(about.st_mode))
        return jr2i_fail(env, JR2_ERR_OPEN, "%.150s: not a regular file", path);
    f->size = (uint64_t)about.st_size;
    size_t n = f->size < sizeof head ? (size_t)f->size : sizeof head;
    memset(head, 0, sizeof head);
    int32_t status = jr2i_source_get(f, 0, head, n);
    if (status != JR2_OK)
        return status;
    if (memcmp(head, JR2I_PNG_MAGIC, 8) == 0) {
        *next = jr2i_next_png;
        *start = 8;
    } else if (memcmp(head, "\xFF\xD8\xFF", 3) == 0) {
        *next = jr2i_next_jpeg;
        *start = 2;
    } else if (memcmp(head + 4, "ftyp", 4) == 0) {
        *next = jr2i_next_mp4;
        *start = 0;
    } else {
        return jr2i_source_damaged(f, "not a PNG, JPEG or MP4 file");
    }
    return JR2_OK;
}

/* The bytes of the packet of a part. One that is too large or cannot be unpacked is empty. */
int32_t jr2i_source_packet(jr2i_source_file *f, const jr2i_part *p, jr2i_bytes *packet)
{
    memset(packet, 0, sizeof *packet);
    packet->env = f->env;
    if (p->length == 0 || p->length > JR2I_XMP_MAX)
        return JR2_OK;
    uint8_t *data = jr2i_alloc(f->env, (size_t)p->length, 1);
    if (!data)
        return jr2i_no_memory(f->env, (size_t)p->length);
    int32_t status = jr2i_source_get(f, p->text, data, (size_t)p->length);
    packet->data = data;
    packet->size = packet->room = (size_t)p->length;
    if (status == JR2_OK && p->packed) {
        uLongf room = JR2I_XMP_MAX;
        packet->data = jr2i_alloc(f->env, JR2I_XMP_MAX, 1);
        int code = packet->data ? uncompress(packet->data, &room, data, (uLong)p->length) : Z_MEM_ERROR;
        packet->room = JR2I_XMP_MAX;
        packet->size = code == Z_OK ? (size_t)room : 0;
        if (code == Z_MEM_ERROR)
            status = jr2i_no_memory(f->env, JR2I_XMP_MAX);
        jr2i_free(f->env, data);
    }
    if (status != JR2_OK) {
        jr2i_free(f->env, packet->data);
        memset(packet, 0, sizeof *packet);
    }
    return status;
}

/* Goes over the parts from at: the next into p, JR2_OK; *done after the last. */
int32_t jr2i_source_step(jr2i_source_file *f, jr2i_next_part next, uint64_t *at, jr2i_part *p, int32_t *count, int32_t *done)
{
    memset(p, 0, sizeof *p);
    *done = 0;
    p->begin = *at;
    if (++*count > MAX_PARTS)
        return jr2i_source_damaged(f, "the file has too many parts");
    int32_t status = next(f, *at, p);
    *at = p->end;
    *done = p->last;
    return status;
}

