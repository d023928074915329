/* SPDX-License-Identifier: MIT
 * libFuzzer target: any bytes as a picture file of the program, with its Exif orientation. */
#define MAX_PIXELS ((size_t)1 << 20) /* a few bytes may declare a huge picture: right, but slow */
#include "../../src/decode_jpeg.c"
#include "../../src/decode_png.c"
#include "../../src/exif.c"
#include "../../src/picture.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[256];
    picture p;
    picture_decode(data, size, &p, error, sizeof error);
    picture_free(&p);
    return 0;
}
