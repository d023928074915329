/* SPDX-License-Identifier: MIT
 * Growing bytes. */
#include "out/bytes.h"

#include <string.h>

int32_t jr2i_bytes_write(void *user, const void *data, size_t size)
{
    jr2i_bytes *bytes = user;
    if (size > bytes->room - bytes->size) {
        size_t room = 2 * bytes->room + size + 65536;
        uint8_t *larger = jr2i_alloc(bytes->env, room, 1);
        if (!larger)
            return jr2i_no_memory(bytes->env, room);
        if (bytes->size)
            memcpy(larger, bytes->data, bytes->size);
        jr2i_free(bytes->env, bytes->data);
        bytes->data = larger;
        bytes->room = room;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return 0;
}
