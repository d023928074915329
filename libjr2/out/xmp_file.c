/* SPDX-License-Identifier: MIT
 * Where the XMP packet stands in a file: PNG, an iTXt chunk after the header; JPEG, an APP1 segment after JFIF and Exif; MP4, a uuid
 * box at the top level. One walk over the parts serves reading and writing; nothing but the packet is held in memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "jr2/jr2.h"
#include "out/sink.h"
#include "out/xmp.h"

#define MAX_PARTS 1000000 /* a file of more chunks, segments or boxes is refused */
#define JPEG_MAX 65535    /* of a segment */

static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10};
static const char png_keyword[18] = "XML:com.adobe.xmp"; /* with its zero */
static const char jpeg_keyword[29] = "http://ns.adobe.com/xap/1.0/";
static const uint8_t mp4_id[16] = {0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC};

typedef struct source_file {
    jr2i_env *env;
    const char *path;
    int fd;
    uint64_t size;
} source_file;

/* A chunk, segment or box, and the packet if it is one. */
typedef struct part {
    uint64_t begin, end;   /* in the file */
    uint64_t text, length; /* the packet in the file; length 0: none */
    int32_t packed;        /* by zlib */
    int32_t early;         /* PNG header; JFIF and Exif segments: stands before the packet */
    int32_t last;          /* what comes after it is not looked at */
    int32_t open_end;      /* a box without a length */
} part;

typedef int32_t (*next_fn)(source_file *f, uint64_t at, part *p);

static int32_t damaged(source_file *f, const char *what)
{
    return jr2i_fail(f->env, JR2_ERR_FORMAT, "%.150s: %s", f->path, what);
}

static int32_t cut(source_file *f)
{
    return jr2i_fail(f->env, JR2_ERR_TRUNCATED, "%.150s: the file ends too early", f->path);
}

static int32_t get(source_file *f, uint64_t at, void *to, size_t size)
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

static void put_big(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int32_t next_png(source_file *f, uint64_t at, part *p)
{
    uint8_t head[8], lead[sizeof png_keyword + 2];
    int32_t status = get(f, at, head, sizeof head);
    if (status != JR2_OK)
        return status;
    uint64_t length = big(head);
    if (length > 0x7fffffff)
        return damaged(f, "a PNG chunk has an impossible length");
    p->end = at + 12 + length;
    if (p->end > f->size)
        return cut(f);
    p->early = memcmp(head + 4, "IHDR", 4) == 0;
    p->last = memcmp(head + 4, "IEND", 4) == 0;
    if (at == sizeof png_magic && !p->early)
        return damaged(f, "the PNG does not begin with its header");
    if (memcmp(head + 4, "iTXt", 4) != 0 || length < sizeof lead + 2)
        return JR2_OK;
    if ((status = get(f, at + 8, lead, sizeof lead)) != JR2_OK)
        return status;
    if (memcmp(lead, png_keyword, sizeof png_keyword) != 0)
        return JR2_OK;
    uint64_t text = at + 8 + sizeof lead, end = at + 8 + length;
    for (int zeros = 0; zeros < 2 && text < end; text++) { /* language and translated keyword */
        uint8_t c;
        if ((status = get(f, text, &c, 1)) != JR2_OK)
            return status;
        zeros += c == 0;
        if (text > at + 8 + sizeof lead + 200)
            return JR2_OK;
    }
    p->packed = lead[sizeof png_keyword] != 0;
    p->text = text;
    p->length = end - text;
    return JR2_OK;
}

static int32_t next_jpeg(source_file *f, uint64_t at, part *p)
{
    uint8_t head[4], lead[sizeof jpeg_keyword];
    int32_t status = get(f, at, head, 2);
    if (status != JR2_OK)
        return status;
    if (head[0] != 0xFF)
        return damaged(f, "a JPEG segment is missing");
    if (head[1] == 0xFF || head[1] == 0x01 || (head[1] >= 0xD0 && head[1] <= 0xD7)) { /* a fill byte; markers alone */
        p->end = at + (head[1] == 0xFF ? 1 : 2);
        return JR2_OK;
    }
    if (head[1] == 0xD9 || head[1] == 0xDA || head[1] == 0xD8) { /* picture data: kept as it is */
        p->end = f->size;
        p->last = 1;
        return head[1] == 0xDA ? JR2_OK : damaged(f, "the JPEG holds no picture");
    }
    if ((status = get(f, at, head, 4)) != JR2_OK)
        return status;
    uint32_t length = (uint32_t)head[2] << 8 | head[3];
    if (length < 2)
        return damaged(f, "a JPEG segment has an impossible length");
    p->end = at + 2 + length;
    if (p->end > f->size)
        return cut(f);
    p->early = head[1] == 0xE0;
    if (head[1] != 0xE1 || length < 2 + 6)
        return JR2_OK;
    size_t n = length - 2 < sizeof lead ? length - 2 : sizeof lead;
    if ((status = get(f, at + 4, lead, n)) != JR2_OK)
        return status;
    p->early = memcmp(lead, "Exif\0", 6) == 0;
    if (n == sizeof lead && memcmp(lead, jpeg_keyword, sizeof lead) == 0) {
        p->text = at + 4 + sizeof lead;
        p->length = p->end - p->text;
    }
    return JR2_OK;
}

static int32_t next_mp4(source_file *f, uint64_t at, part *p)
{
    uint8_t head[16], id[16];
    int32_t status = get(f, at, head, 8);
    if (status != JR2_OK)
        return status;
    uint64_t size = big(head), offset = 8;
    if (size == 1) {
        if ((status = get(f, at + 8, head + 8, 8)) != JR2_OK)
            return status;
        size = (uint64_t)big(head + 8) << 32 | big(head + 12);
        offset = 16;
    } else if (size == 0) {
        size = f->size - at;
        p->open_end = 1;
    }
    if (size < offset)
        return damaged(f, "an MP4 box has an impossible length");
    if (size > f->size - at)
        return cut(f);
    p->end = at + size;
    p->last = p->end == f->size;
    if (memcmp(head + 4, "uuid", 4) != 0 || size < offset + sizeof id)
        return JR2_OK;
    if ((status = get(f, at + offset, id, sizeof id)) != JR2_OK)
        return status;
    if (memcmp(id, mp4_id, sizeof id) == 0) {
        p->text = at + offset + sizeof id;
        p->length = p->end - p->text;
    }
    return JR2_OK;
}

static int32_t open_source(source_file *f, jr2i_env *env, const char *path, int32_t writable, next_fn *next, uint64_t *start)
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
    int32_t status = get(f, 0, head, n);
    if (status != JR2_OK)
        return status;
    if (memcmp(head, png_magic, sizeof png_magic) == 0) {
        *next = next_png;
        *start = sizeof png_magic;
    } else if (memcmp(head, "\xFF\xD8\xFF", 3) == 0) {
        *next = next_jpeg;
        *start = 2;
    } else if (memcmp(head + 4, "ftyp", 4) == 0) {
        *next = next_mp4;
        *start = 0;
    } else {
        return damaged(f, "not a PNG, JPEG or MP4 file");
    }
    return JR2_OK;
}

/* The bytes of the packet of a part. One that is too large or cannot be unpacked is empty. */
static int32_t load(source_file *f, const part *p, jr2i_bytes *packet)
{
    memset(packet, 0, sizeof *packet);
    packet->env = f->env;
    if (p->length == 0 || p->length > JR2I_XMP_MAX)
        return JR2_OK;
    uint8_t *data = jr2i_alloc(f->env, (size_t)p->length, 1);
    if (!data)
        return jr2i_no_memory(f->env, (size_t)p->length);
    int32_t status = get(f, p->text, data, (size_t)p->length);
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
static int32_t step(source_file *f, next_fn next, uint64_t *at, part *p, int32_t *count, int32_t *done)
{
    memset(p, 0, sizeof *p);
    *done = 0;
    p->begin = *at;
    if (++*count > MAX_PARTS)
        return damaged(f, "the file has too many parts");
    int32_t status = next(f, *at, p);
    *at = p->end;
    *done = p->last;
    return status;
}

int32_t jr2i_xmp_file_read(jr2i_env *env, const char *path, int32_t *source)
{
    source_file f;
    next_fn next = NULL;
    uint64_t at = 0;
    part p;
    int32_t count = 0, done = 0;
    *source = JR2_SOURCE_NONE;
    int32_t status = open_source(&f, env, path, 0, &next, &at);
    while (status == JR2_OK && !done) {
        status = step(&f, next, &at, &p, &count, &done);
        if (status == JR2_OK && p.length > 0) {
            jr2i_bytes packet;
            status = load(&f, &p, &packet);
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

static int32_t copy(source_file *f, uint64_t begin, uint64_t end, jr2i_sink *sink)
{
    uint8_t buffer[16384];
    int32_t status = JR2_OK;
    while (status == JR2_OK && begin < end && sink->status == JR2_OK) {
        size_t n = end - begin < sizeof buffer ? (size_t)(end - begin) : sizeof buffer;
        status = get(f, begin, buffer, n);
        if (status == JR2_OK)
            jr2i_sink_put(sink, buffer, n);
        begin += n;
    }
    return status;
}

static void put_png(jr2i_sink *sink, const jr2i_bytes *packet)
{
    uint8_t head[8 + sizeof png_keyword + 4], tail[4];
    memset(head, 0, sizeof head); /* not packed, no language, no translated keyword */
    put_big(head, (uint32_t)(sizeof head - 8 + packet->size));
    memcpy(head + 4, "iTXt", 4);
    memcpy(head + 8, png_keyword, sizeof png_keyword);
    uLong crc = crc32(0, head + 4, sizeof head - 4);
    put_big(tail, (uint32_t)crc32(crc, packet->data, (uInt)packet->size));
    jr2i_sink_put(sink, head, sizeof head);
    jr2i_sink_put(sink, packet->data, packet->size);
    jr2i_sink_put(sink, tail, sizeof tail);
}

static void put_jpeg(jr2i_sink *sink, const jr2i_bytes *packet)
{
    uint32_t length = (uint32_t)(2 + sizeof jpeg_keyword + packet->size);
    uint8_t head[4] = {0xFF, 0xE1, (uint8_t)(length >> 8), (uint8_t)length};
    jr2i_sink_put(sink, head, sizeof head);
    jr2i_sink_put(sink, jpeg_keyword, sizeof jpeg_keyword);
    jr2i_sink_put(sink, packet->data, packet->size);
}

/* PNG and JPEG: everything but the packets there are, and the new one behind the parts that come first. */
static int32_t rewrite(source_file *f, next_fn next, uint64_t start, const jr2i_bytes *packet)
{
    jr2i_file file;
    jr2i_sink sink;
    int32_t status = jr2i_file_open(f->env, f->path, &file);
    if (status != JR2_OK)
        return status;
    jr2i_sink_begin(&sink, f->env, jr2i_file_write, &file);
    uint64_t at = start;
    part p;
    int32_t count = 0, done = 0, placed = 0;
    status = copy(f, 0, start, &sink);
    while (status == JR2_OK && !done) {
        status = step(f, next, &at, &p, &count, &done);
        if (status == JR2_OK && !placed && !p.early) {
            (next == next_png ? put_png : put_jpeg)(&sink, packet);
            placed = 1;
        }
        if (status == JR2_OK && p.length == 0)
            status = copy(f, p.begin, p.end, &sink);
    }
    int32_t written = jr2i_sink_end(&sink);
    return jr2i_file_close(f->env, &file, status != JR2_OK ? status : written);
}

static int32_t put(source_file *f, uint64_t at, const void *data, size_t size)
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
static int32_t append(source_file *f, const jr2i_bytes *packet)
{
    uint8_t head[24];
    uint64_t at = 0;
    part p;
    int32_t count = 0, done = 0, status = JR2_OK;
    memset(&p, 0, sizeof p);
    put_big(head, (uint32_t)(sizeof head + packet->size));
    memcpy(head + 4, "uuid", 4);
    memcpy(head + 8, mp4_id, sizeof mp4_id);
    while (status == JR2_OK && !done)
        status = step(f, next_mp4, &at, &p, &count, &done);
    if (status != JR2_OK)
        return status;
    if (p.open_end && p.end - p.begin > UINT32_MAX)
        return damaged(f, "the last MP4 box has no length and is too large for one");
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
        status = step(f, next_mp4, &at, &p, &count, &done);
        if (status == JR2_OK && p.length > 0)
            status = put(f, p.begin + 4, "free", 4);
    }
    return status;
}

int32_t jr2i_xmp_file_write(jr2i_env *env, const char *path, int32_t source)
{
    source_file f;
    next_fn next = NULL;
    uint64_t start = 0, at;
    part p;
    int32_t count = 0, done = 0;
    jr2i_bytes old, packet;
    memset(&old, 0, sizeof old);
    memset(&packet, 0, sizeof packet);
    int32_t status = source == JR2_SOURCE_TRAINED || source == JR2_SOURCE_COMPOSITE
                         ? open_source(&f, env, path, 0, &next, &start)
                         : (f.fd = -1, jr2i_fail(env, JR2_ERR_ARGUMENT, "source %d cannot be written", (int)source));
    at = start;
    while (status == JR2_OK && !done) { /* the whole file must make sense before it is touched */
        status = step(&f, next, &at, &p, &count, &done);
        if (status == JR2_OK && p.length > 0) { /* the last one counts, as in reading */
            jr2i_free(env, old.data);
            status = load(&f, &p, &old);
        }
    }
    if (status == JR2_OK)
        status = jr2i_xmp_packet(env, old.data, old.size, source, &packet);
    if (status == JR2_OK && next == next_jpeg && packet.size > JPEG_MAX - 2 - sizeof jpeg_keyword)
        status = damaged(&f, "its XMP packet has no room for more in a JPEG");
    if (status == JR2_OK && next == next_mp4) {
        close(f.fd);
        status = open_source(&f, env, path, 1, &next, &start);
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
