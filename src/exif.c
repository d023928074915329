/* SPDX-License-Identifier: MIT
 * Walks over the segments of a JPEG file to the Exif one (APP1) and over the first directory of the TIFF structure in it.
 * Source: Exif 2.32 (JEITA CP-3451), 4.5 and 4.6. */
#include "exif.h"

#include <stdint.h>
#include <string.h>

static uint32_t read_number(const unsigned char *p, int bytes, int big)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)p[i] << 8 * (big ? bytes - 1 - i : i);
    return value;
}

/* tiff: from the byte order mark on. */
static int tiff_orientation(const unsigned char *tiff, size_t size)
{
    if (size < 8)
        return 1;
    int big;
    if (memcmp(tiff, "II*\0", 4) == 0)
        big = 0;
    else if (memcmp(tiff, "MM\0*", 4) == 0)
        big = 1;
    else
        return 1;
    uint32_t directory = read_number(tiff + 4, 4, big);
    if (directory < 8 || directory > size - 2)
        return 1;
    uint32_t entries = read_number(tiff + directory, 2, big);
    size_t available = (size - directory - 2) / 12;
    for (uint32_t i = 0; i < entries && i < available; i++) {
        const unsigned char *entry = tiff + directory + 2 + 12 * (size_t)i;
        if (read_number(entry, 2, big) != 0x0112)
            continue;
        uint32_t type = read_number(entry + 2, 2, big);
        uint32_t count = read_number(entry + 4, 4, big);
        uint32_t value = read_number(entry + 8, 2, big);
        return type == 3 && count == 1 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int exif_orientation(const unsigned char *data, size_t size)
{
    if (size < 4 || data[0] != 0xFF || data[1] != 0xD8)
        return 1;
    size_t at = 2;
    while (size - at >= 4 && data[at] == 0xFF) {
        unsigned marker = data[at + 1];
        if (marker == 0xFF) { /* fill byte */
            at++;
            continue;
        }
        if (marker == 0xDA || marker == 0xD9) /* the pixels begin, or the end */
            return 1;
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) { /* markers without a segment */
            at += 2;
            continue;
        }
        size_t length = read_number(data + at + 2, 2, 1);
        if (length < 2 || length > size - at - 2)
            return 1;
        if (marker == 0xE1 && length >= 8 && memcmp(data + at + 4, "Exif\0\0", 6) == 0)
            return tiff_orientation(data + at + 10, length - 8);
        at += 2 + length;
    }
    return 1;
}
