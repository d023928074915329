/* SPDX-License-Identifier: MIT
 * Lines and dots on an RGB picture, anti-aliased: what the overlay is made of. */
#ifndef JR2I_DRAW_H
#define JR2I_DRAW_H

#include <stdint.h>

typedef struct jr2i_canvas {
    uint8_t *pixels; /* (height,width,3) */
    int32_t width, height;
} jr2i_canvas;

/* Coordinates in pixels, centres at + 0.5; what lies outside of the canvas, or is not finite, is not drawn. opacity 0..1. */
void jr2i_draw_dot(const jr2i_canvas *canvas, float x, float y, float radius, const uint8_t rgb[3], float opacity);
void jr2i_draw_line(const jr2i_canvas *canvas, float x0, float y0, float x1, float y1, float thickness, const uint8_t rgb[3],
                    float opacity);

#endif
