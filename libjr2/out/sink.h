/* SPDX-License-Identifier: MIT
 * Where exported bytes go: a caller's callback behind a small buffer, or a file that appears only when it is complete. The first
 * failure sticks; writers check once, at the end. */
#ifndef JR2I_SINK_H
#define JR2I_SINK_H

#include "base/env.h"

typedef struct jr2i_sink {
    jr2i_env *env;
    int32_t (*write)(void *user, const void *data, size_t size); /* non-zero: failed */
    void *user;
    int32_t status;  /* of the first failure */
    uint64_t size;   /* bytes put so far */
    uint32_t used;
    uint8_t buffer[4096];
} jr2i_sink;

void jr2i_sink_begin(jr2i_sink *sink, jr2i_env *env, int32_t (*write)(void *user, const void *data, size_t size), void *user);
void jr2i_sink_put(jr2i_sink *sink, const void *data, size_t size);
void jr2i_sink_text(jr2i_sink *sink, const char *text);
void jr2i_sink_u32(jr2i_sink *sink, uint32_t value); /* little endian */
void jr2i_sink_f32(jr2i_sink *sink, float value);
/* Decimal text with at most so many digits (0..9) after the point, which is a point in every locale; 0 for NaN and infinities;
 * beyond +-9e8 the limit. */
void jr2i_sink_number(jr2i_sink *sink, double value, int32_t decimals);
void jr2i_sink_float(jr2i_sink *sink, float value);         /* text that reads back as the same float: 9 digits and an exponent */
void jr2i_sink_quoted(jr2i_sink *sink, const char *text);   /* a JSON string; what is not UTF-8 becomes '?' */
void jr2i_sink_integer(jr2i_sink *sink, int64_t value);
void jr2i_sink_fail(jr2i_sink *sink, int32_t status); /* the error text must be set */
int32_t jr2i_sink_end(jr2i_sink *sink);               /* flushes */

/* A file under a temporary name in the same folder; commit renames it. Special files (devices, pipes) are written directly. */
typedef struct jr2i_file {
    int fd;
    int32_t direct;
    int32_t code; /* errno of a failed write */
    char *path, *temporary;
} jr2i_file;

int32_t jr2i_file_open(jr2i_env *env, const char *path, jr2i_file *file);
int32_t jr2i_file_write(void *user /* jr2i_file */, const void *data, size_t size); /* as the sink's write */
/* status: that of the sink. Keeps the file when it is JR2_OK, else removes it; frees what open took. Returns the first error, a failed
 * write with the system's reason. */
int32_t jr2i_file_close(jr2i_env *env, jr2i_file *file, int32_t status);

#endif
