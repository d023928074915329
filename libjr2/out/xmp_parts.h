/* SPDX-License-Identifier: MIT
 * The parts of a PNG (chunks), JPEG (segments) or MP4 (boxes) file one after the other, and the XMP packet if one is among them. Every
 * length is checked against the file's size; nothing but a packet is held in memory. */
#ifndef JR2I_XMP_PARTS_H
#define JR2I_XMP_PARTS_H

#include "out/xmp.h"

#define JR2I_PNG_MAGIC "\x89PNG\r\n\x1a\n"             /* 8 bytes */
#define JR2I_PNG_KEYWORD "XML:com.adobe.xmp"             /* with its zero */
#define JR2I_JPEG_KEYWORD "http://ns.adobe.com/xap/1.0/" /* with its zero */
extern const uint8_t jr2i_mp4_id[16];                    /* of the uuid box */

typedef struct jr2i_source_file {
    jr2i_env *env;
    const char *path;
    int fd;
    uint64_t size;
} jr2i_source_file;

/* A chunk, segment or box, and the packet if it is one. */
typedef struct jr2i_part {
    uint64_t begin, end;   /* in the file */
    uint64_t text, length; /* the packet in the file; length 0: none */
    int32_t packed;        /* by zlib */
    int32_t early;         /* PNG header; JFIF and Exif segments: stands before the packet */
    int32_t last;          /* what comes after it is not looked at */
    int32_t open_end;      /* a box without a length */
} jr2i_part;

/* Reads the part that begins at a place of the file into a cleared part whose begin is set. */
typedef int32_t (*jr2i_next_part)(jr2i_source_file *f, uint64_t at, jr2i_part *p);
int32_t jr2i_next_png(jr2i_source_file *f, uint64_t at, jr2i_part *p);
int32_t jr2i_next_jpeg(jr2i_source_file *f, uint64_t at, jr2i_part *p);
int32_t jr2i_next_mp4(jr2i_source_file *f, uint64_t at, jr2i_part *p);

/* Opens a regular file; *next walks over it from *start. f->fd is -1 or to be closed, whatever is returned. */
int32_t jr2i_source_open(jr2i_source_file *f, jr2i_env *env, const char *path, int32_t writable, jr2i_next_part *next, uint64_t *start);
int32_t jr2i_source_get(jr2i_source_file *f, uint64_t at, void *to, size_t size);
/* The next part, from *at, which moves on; *done with the last one. count begins with 0. */
int32_t jr2i_source_step(jr2i_source_file *f, jr2i_next_part next, uint64_t *at, jr2i_part *p, int32_t *count, int32_t *done);
/* The bytes of the packet of a part, unpacked. One that is too large or cannot be unpacked is empty. */
int32_t jr2i_source_packet(jr2i_source_file *f, const jr2i_part *p, jr2i_bytes *packet);
int32_t jr2i_source_damaged(jr2i_source_file *f, const char *what); /* JR2_ERR_FORMAT and the text */

#endif
