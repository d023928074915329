/* SPDX-License-Identifier: MIT
 * Status codes of libjr2. Every fallible function returns one as int32_t; 0 is success and every error is negative.
 * Codes are grouped in tens, with gaps for additions; a code never changes its meaning or value. */
#ifndef JR2_STATUS_H
#define JR2_STATUS_H

/* X(name, value, short text) */
#define JR2_STATUS_LIST(X) \
    X(JR2_OK, 0, "success") \
    X(JR2_ERR_ARGUMENT, -1, "invalid argument") \
    X(JR2_ERR_STRUCT_SIZE, -2, "struct_size does not match any known version") \
    X(JR2_ERR_RANGE, -3, "value out of range or not finite") \
    X(JR2_ERR_NO_MEMORY, -10, "out of memory") \
    X(JR2_ERR_CANCELLED, -11, "cancelled by the caller") \
    X(JR2_ERR_THREAD, -12, "a thread could not be started") \
    X(JR2_ERR_INTERNAL, -13, "internal error") \
    X(JR2_ERR_OPEN, -20, "file cannot be opened") \
    X(JR2_ERR_READ, -21, "read failed") \
    X(JR2_ERR_WRITE, -22, "write failed") \
    X(JR2_ERR_TRUNCATED, -30, "data ends too early") \
    X(JR2_ERR_MAGIC, -31, "not a JR2W file") \
    X(JR2_ERR_VERSION, -32, "unsupported version") \
    X(JR2_ERR_CHECKSUM, -33, "checksum does not match") \
    X(JR2_ERR_FORMAT, -34, "malformed data") \
    X(JR2_ERR_TOPOLOGY, -35, "weights are not of the expected topology") \
    X(JR2_ERR_MISSING, -36, "a required tensor or part is missing") \
    X(JR2_ERR_IMAGE, -40, "invalid image description") \
    X(JR2_ERR_IMAGE_SIZE, -41, "image size is not supported") \
    X(JR2_ERR_IMAGE_FORMAT, -42, "unknown pixel format") \
    X(JR2_ERR_NO_FACE, -50, "no face was found") \
    X(JR2_ERR_NOT_FOUND, -51, "no such name or index") \
    X(JR2_ERR_BUFFER, -52, "the caller's buffer is too small")

enum {
#define JR2_STATUS_ENUM(name, value, text) name = value,
    JR2_STATUS_LIST(JR2_STATUS_ENUM)
#undef JR2_STATUS_ENUM
    JR2_STATUS_END_ = 1
};

#endif
