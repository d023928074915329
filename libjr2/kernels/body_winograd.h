/* SPDX-License-Identifier: MIT
 * Kernel body: Winograd transforms of F(4x4, 3x3) and F(2x2, 3x3); the products are register tiles of body_conv.h.
 * The matrices stand in winograd_c.c. */

enum { WINO_MAX_BLOCKS = 256 };

INLINE void input6(vf o[6], vf d0, vf d1, vf d2, vf d3, vf d4, vf d5)
{
    const vf two = V_SET1(2.0f), four = V_SET1(4.0f), five = V_SET1(-5.0f), minus = V_SET1(-4.0f);
    o[0] = V_FMA(four, d0, V_FMA(five, d2, d4));
    vf p = V_FMA(minus, d2, d4), q = V_FMA(minus, d1, d3);
    o[1] = V_ADD(p, q);
    o[2] = V_SUB(p, q);
    vf r = V_SUB(d4, d2), s = V_MUL(two, V_SUB(d3, d1));
    o[3] = V_ADD(r, s);
    o[4] = V_SUB(r, s);
    o[5] = V_FMA(four, d1, V_FMA(five, d3, d5));
}

INLINE void output6(vf o[4], vf m0, vf m1, vf m2, vf m3, vf m4, vf m5)
{
    vf a = V_ADD(m1, m2), b = V_SUB(m1, m2), c = V_ADD(m3, m4), d = V_SUB(m3, m4);
    o[0] = V_ADD(V_ADD(m0, a), c);
    o[1] = V_FMA(V_SET1(2.0f), d, b);
    o[2] = V_FMA(V_SET1(4.0f), c, a);
    o[3] = V_ADD(V_FMA(V_SET1(8.0f), d, b), m5);
}

INLINE void input4(vf o[4], vf d0, vf d1, vf d2, vf d3)
{
    o[0] = V_SUB(d0, d2);
    o[1] = V_ADD(d1, d2);
    o[2] = V_SUB(d2, d1);
    o[3] = V_SUB(d1, d3);
}

/* x: top left pixel of the patch; one vector of lanes. */
INLINE void input_tile4(const float *x, ptrdiff_t row, float *v, ptrdiff_t point)
{
    vf e[6][6];
    UNROLL for (int j = 0; j < 6; j++) {
        const float *p = x + j * JR2I_LANES;
        vf o[6];
        input6(o, V_LOAD(p), V_LOAD(p + row), V_LOAD(p + 2 * row), V_LOAD(p + 3 * row), V_LOAD(p + 4 * row), V_LOAD(p + 5 * row));
        UNROLL for (int i = 0; i < 6; i++)
            e[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < 6; i++) {
        vf o[6];
        input6(o, e[i][0], e[i][1], e[i][2], e[i][3], e[i][4], e[i][5]);
        UNROLL for (int j = 0; j < 6; j++)
            V_STORE(v + (i * 6 + j) * point, o[j]);
    }
}

/* The doubled patch has rows and columns a b b c c d, so that index 2 of each transform is b * 4 - b * 4 - c + c = 0. */
INLINE void input_tile_up(const float *x, ptrdiff_t row, float *v, ptrdiff_t point)
{
    vf e[6][4];
    UNROLL for (int j = 0; j < 4; j++) {
        const float *p = x + j * JR2I_LANES;
        vf a = V_LOAD(p), b = V_LOAD(p + row), c = V_LOAD(p + 2 * row), d = V_LOAD(p + 3 * row), o[6];
        input6(o, a, b, b, c, c, d);
        UNROLL for (int i = 0; i < 6; i++)
            e[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < 6; i++)
        if (i != 2) {
            vf o[6];
            input6(o, e[i][0], e[i][1], e[i][1], e[i][2], e[i][2], e[i][3]);
            UNROLL for (int j = 0; j < 6; j++)
                if (j != 2)
                    V_STORE(v + (i * 6 + j) * point, o[j]);
        }
}

INLINE void input_tile2(const float *x, ptrdiff_t row, float *v, ptrdiff_t point)
{
    vf e[4][4];
    UNROLL for (int j = 0; j < 4; j++) {
        const float *p = x + j * JR2I_LANES;
        vf o[4];
        input4(o, V_LOAD(p), V_LOAD(p + row), V_LOAD(p + 2 * row), V_LOAD(p + 3 * row));
        UNROLL for (int i = 0; i < 4; i++)
            e[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < 4; i++) {
        vf o[4];
        input4(o, e[i][0], e[i][1], e[i][2], e[i][3]);
        UNROLL for (int j = 0; j < 4; j++)
            V_STORE(v + (i * 4 + j) * point, o[j]);
    }
}

static void KERNEL(wino_input)(const jr2i_wino *q, int32_t in_block, int32_t tile0, int32_t n, float *v)
{
    const ptrdiff_t point = jr2i_wino_stride(q->in_blocks, n);
    const float *x = q->x + in_block * q->x_block;
    v += (ptrdiff_t)in_block * n * JR2I_LANES;
    int32_t ty = tile0 / q->tiles_x, tx = tile0 % q->tiles_x;
    for (int32_t t = 0; t < n; t++, v += JR2I_LANES) {
        for (int l = 0; l < JR2I_LANES; l += VL) {
            if (q->upsample)
                input_tile_up(x + (ty * 2 - 1) * q->x_row + (tx * 2 - 1) * JR2I_LANES + l, q->x_row, v + l, point);
            else if (q->tile == 4)
                input_tile4(x + (ty * 4 - 1) * q->x_row + (tx * 4 - 1) * JR2I_LANES + l, q->x_row, v + l, point);
            else
                input_tile2(x + (ty * 2 - 1) * q->x_row + (tx * 2 - 1) * JR2I_LANES + l, q->x_row, v + l, point);
        }
        if (++tx == q->tiles_x) {
            tx = 0;
            ty++;
        }
    }
}

/* G: rows of a filter's column, or columns of a row. */
INLINE void weights6(vf o[6], vf g0, vf g1, vf g2)
{
    const vf ends = V_MUL(V_ADD(g0, g2), V_SET1(-1 / 6.0f)), middle = V_MUL(g1, V_SET1(1 / 6.0f));
    const vf far = V_FMA(g0, V_SET1(1 / 24.0f), V_MUL(g2, V_SET1(1 / 6.0f))), half = V_MUL(g1, V_SET1(1 / 12.0f));
    o[0] = V_MUL(g0, V_SET1(0.25f));
    o[1] = V_SUB(ends, middle);
    o[2] = V_ADD(ends, middle);
    o[3] = V_ADD(far, half);
    o[4] = V_SUB(far, half);
    o[5] = g2;
}

INLINE void weights4(vf o[4], vf g0, vf g1, vf g2)
{
    const vf ends = V_MUL(V_ADD(g0, g2), V_SET1(0.5f)), middle = V_MUL(g1, V_SET1(0.5f));
    o[0] = g0;
    o[1] = V_ADD(ends, middle);
    o[2] = V_SUB(ends, middle);
    o[3] = g2;
}

INLINE void wino_weights_of(const int size, const uint16_t *halves, int32_t in, int32_t width, int32_t row0, int32_t row1, float *to)
{
    const ptrdiff_t point = jr2i_wino_stride(in / JR2I_LANES, width);
    for (int32_t c = 0; c < in; c++, halves += 9 * width, to += width)
        for (int32_t o = 0; o < width; o += VL) {
            if (row0 == 0)
                fetch_ahead(halves + 9 * o, 9 * VL * sizeof *halves);
            vf column[3][6];
            UNROLL for (int j = 0; j < 3; j++) {
                const uint16_t *g = halves + j * width + o;
                const vf g0 = V_LOAD_HALF(g), g1 = V_LOAD_HALF(g + 3 * width), g2 = V_LOAD_HALF(g + 6 * width);
                if (size == 6)
                    weights6(column[j], g0, g1, g2);
                else
                    weights4(column[j], g0, g1, g2);
            }
            float *p = to + o;
            UNROLL for (int i = 0; i < size; i++) {
                vf row[6];
                if (i < row0 || i >= row1)
                    continue;
                if (size == 6)
                    weights6(row, column[0][i], column[1][i], column[2][i]);
                else
                    weights4(row, column[0][i], column[1][i], column[2][i]);
                UNROLL for (int j = 0; j < size; j++, p += point)
                    V_STORE(p, row[j]);
            }
        }
}

static void KERNEL(wino_weights)(const uint16_t *halves, int32_t tile, int32_t in, int32_t width, int32_t row0, int32_t row1, float *to)
{
    if (tile == 4)
        wino_weights_of(6, halves, in, width, row0, row1, to);
    else
        wino_weights_of(4, halves, in, width, row0, row1, to);
}

static void KERNEL(wino_multiply)(const jr2i_wino *q, int32_t panel, int32_t point, int32_t n, const float *weights, const float *v, float *m)
{
    static const float no_bias[PANEL_BLOCKS * JR2I_LANES] = { 0 };
    if (q->upsample && (point / 6 == 2 || point % 6 == 2))
        return;
    ptrdiff_t offset[WINO_MAX_BLOCKS];
    for (int32_t i = 0; i < q->in_blocks; i++)
        offset[i] = (ptrdiff_t)i * n * JR2I_LANES;
    const tile_shape shape = { offset, JR2I_LANES, (ptrdiff_t)n * JR2I_LANES, q->in_blocks, JR2I_LANES, 1.0f };
    const int32_t block0 = jr2i_panel_start(q->out_blocks, q->panels, panel);
    const int32_t blocks = jr2i_panel_start(q->out_blocks, q->panels, panel + 1) - block0;
    v += point * jr2i_wino_stride(q->in_blocks, n);
    m += point * jr2i_wino_stride(q->out_blocks, n);
    tile_row(&shape, blocks, n, v, weights, no_bias, m + (ptrdiff_t)block0 * n * JR2I_LANES, NULL);
}

/* Adds bias and residual and stores; the activation is max(x, slope * x) here and the rest later. */
INLINE void finish_pixel(vf x, vf bias, vf slope, float *y, const float *residual)
{
    x = V_ADD(x, bias);
    if (residual)
        x = V_ADD(x, V_LOAD(residual));
    V_STORE(y, V_MAX(V_MUL(x, slope), x));
}

INLINE void output_tile4(const float *m, ptrdiff_t point, const int up, vf bias, vf slope, float *y, const float *residual, ptrdiff_t row)
{
    vf e[4][6];
    UNROLL for (int j = 0; j < 6; j++) {
        if (up && j == 2) {
            UNROLL for (int i = 0; i < 4; i++)
                e[i][j] = V_ZERO();
            continue;
        }
        const float *p = m + j * point;
        vf o[4];
        output6(o, V_LOAD(p), V_LOAD(p + 6 * point), up ? V_ZERO() : V_LOAD(p + 12 * point), V_LOAD(p + 18 * point),
                V_LOAD(p + 24 * point), V_LOAD(p + 30 * point));
        UNROLL for (int i = 0; i < 4; i++)
            e[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < 4; i++) {
        vf o[4];
        output6(o, e[i][0], e[i][1], e[i][2], e[i][3], e[i][4], e[i][5]);
        UNROLL for (int j = 0; j < 4; j++)
            finish_pixel(o[j], bias, slope, y + i * row + j * JR2I_LANES, residual ? residual + i * row + j * JR2I_LANES : NULL);
    }
}

INLINE void output_tile2(const float *m, ptrdiff_t point, vf bias, vf slope, float *y, const float *residual, ptrdiff_t row)
{
    vf e[2][4];
    UNROLL for (int j = 0; j < 4; j++) {
        const float *p = m + j * point;
        vf m1 = V_LOAD(p + 4 * point), m2 = V_LOAD(p + 8 * point);
        e[0][j] = V_ADD(V_LOAD(p), V_ADD(m1, m2));
        e[1][j] = V_SUB(V_SUB(m1, m2), V_LOAD(p + 12 * point));
    }
    UNROLL for (int i = 0; i < 2; i++) {
        const ptrdiff_t at = i * row;
        finish_pixel(V_ADD(e[i][0], V_ADD(e[i][1], e[i][2])), bias, slope, y + at, residual ? residual + at : NULL);
        finish_pixel(V_SUB(V_SUB(e[i][1], e[i][2]), e[i][3]), bias, slope, y + at + JR2I_LANES,
                     residual ? residual + at + JR2I_LANES : NULL);
    }
}

static void KERNEL(wino_output)(const jr2i_wino *q, int32_t out_block, int32_t tile0, int32_t n, const float *m)
{
    const ptrdiff_t point = jr2i_wino_stride(q->out_blocks, n);
    const vf slope = V_SET1(jr2i_act_slope(q->act));
    m += (ptrdiff_t)out_block * n * JR2I_LANES;
    int32_t ty = tile0 / q->tiles_x, tx = tile0 % q->tiles_x;
    for (int32_t t = 0; t < n; t++, m += JR2I_LANES) {
        const ptrdiff_t at = out_block * q->y_block + ty * q->tile * q->y_row + tx * q->tile * JR2I_LANES;
        float *y = q->y + at;
        const float *residual = q->residual ? q->residual + at : NULL;
        for (int l = 0; l < JR2I_LANES; l += VL) {
            const vf bias = V_LOAD(q->bias + out_block * JR2I_LANES + l);
            const float *res = residual ? residual + l : NULL;
            if (q->upsample)
                output_tile4(m + l, point, 1, bias, slope, y + l, res, q->y_row);
            else if (q->tile == 4)
                output_tile4(m + l, point, 0, bias, slope, y + l, res, q->y_row);
            else
                output_tile2(m + l, point, bias, slope, y + l, res, q->y_row);
        }
        if (!act_is_slope(q->act))
            for (int32_t i = 0; i < q->tile; i++)
                act_row(y + i * q->y_row, (ptrdiff_t)q->tile * JR2I_LANES, q->act);
        if (++tx == q->tiles_x) {
            tx = 0;
            ty++;
        }
    }
}
