/* SPDX-License-Identifier: MIT
 * PNG encoder over zlib: 8 bits, RGB or grey, adaptive row filters. */
#ifndef JR2I_PNG_H
#define JR2I_PNG_H

#include "out/sink.h"

/* pixels (height,width,channels), channels 1 or 3. Streams into the sink; does not end it. */
void jr2i_png_put(jr2i_sink *sink, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels);
/* The same into memory: *data is freed with jr2i_free. */
int32_t jr2i_png_encode(jr2i_env *env, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, uint8_t **data,
                        size_t *size);

#endif
