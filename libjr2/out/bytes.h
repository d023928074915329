/* SPDX-License-Identifier: MIT
 * Bytes in memory that grow as a sink writes them: for formats whose lengths stand before their data. */
#ifndef JR2I_BYTES_H
#define JR2I_BYTES_H

#include "base/env.h"

typedef struct jr2i_bytes {
    jr2i_env *env;
    uint8_t *data; /* jr2i_free */
    size_t size, room;
} jr2i_bytes;

/* A sink's write; user is the jr2i_bytes. Non-zero and the error text where memory ran out. */
int32_t jr2i_bytes_write(void *user, const void *data, size_t size);

#endif
