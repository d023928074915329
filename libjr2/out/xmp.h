/* SPDX-License-Identifier: MIT
 * How a picture or video came about, as metadata: the IPTC property DigitalSourceType in an XMP packet. xmp.c knows the packet,
 * xmp_file.c its place in PNG, JPEG and MP4 files. Everything else in a file and in a packet stays as it is. */
#ifndef JR2I_XMP_H
#define JR2I_XMP_H

#include "out/bytes.h"

#define JR2I_XMP_MAX ((size_t)1 << 20) /* bytes of the largest packet that is looked at */

/* JR2_SOURCE_* as the packet says. */
int32_t jr2i_xmp_source(const uint8_t *packet, size_t size);
/* A packet that says source and keeps what old says; old_size 0: a new one. An old packet that cannot be added to is dropped. */
int32_t jr2i_xmp_packet(jr2i_env *env, const uint8_t *old, size_t old_size, int32_t source, jr2i_bytes *out);

/* PNG, JPEG and MP4 (also MOV and M4A: ISO base media), told apart by content. Errors: JR2_ERR_OPEN, _READ, _WRITE, _TRUNCATED, _FORMAT (damaged,
 * or another kind of file), _NO_MEMORY. A PNG or JPEG is written anew and renamed; an MP4 gets a box at its end, in place. */
int32_t jr2i_xmp_file_read(jr2i_env *env, const char *path, int32_t *source);
int32_t jr2i_xmp_file_write(jr2i_env *env, const char *path, int32_t source);

#endif
