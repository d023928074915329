/* SPDX-License-Identifier: MIT
 * Kernel body: depthwise convolution and the kernels that work pixel by pixel. */

/* P output pixels of one vector of lanes; S the stride. */
INLINE void depthwise_pixels(const int P, const int S, const float *x, ptrdiff_t row, const float *w, vf bias, vf slope, float *y)
{
    vf sum[4]; /* constant sizes, whatever P and S */
    UNROLL for (int p = 0; p < P; p++)
        sum[p] = bias;
    for (int ky = 0; ky < 3; ky++) {
        const float *a = x + (ky - 1) * row - JR2I_LANES;
        vf w0 = V_LOAD(w), w1 = V_LOAD(w + JR2I_LANES), w2 = V_LOAD(w + 2 * JR2I_LANES), in[10];
        w += 3 * JR2I_LANES;
        UNROLL for (int i = 0; i < (P - 1) * S + 3; i++)
            in[i] = V_LOAD(a + i * JR2I_LANES);
        UNROLL for (int p = 0; p < P; p++) {
            sum[p] = V_FMA(in[p * S], w0, sum[p]);
            sum[p] = V_FMA(in[p * S + 1], w1, sum[p]);
            sum[p] = V_FMA(in[p * S + 2], w2, sum[p]);
        }
    }
    UNROLL for (int p = 0; p < P; p++)
        V_STORE(y + p * JR2I_LANES, V_MAX(V_MUL(sum[p], slope), sum[p]));
}

INLINE void depthwise_row(const int S, const jr2i_depthwise *q, const float *x, const float *w, const float *bias, float *y)
{
    const vf slope = V_SET1(jr2i_act_slope(q->act));
    for (int l = 0; l < JR2I_LANES; l += VL) {
        const vf b = V_LOAD(bias + l);
        int32_t i = 0;
        for (; i + 4 <= q->width; i += 4)
            depthwise_pixels(4, S, x + i * S * JR2I_LANES + l, q->x_row, w + l, b, slope, y + i * JR2I_LANES + l);
        for (; i < q->width; i++)
            depthwise_pixels(1, S, x + i * S * JR2I_LANES + l, q->x_row, w + l, b, slope, y + i * JR2I_LANES + l);
    }
}

static void KERNEL(depthwise)(const jr2i_depthwise *q, int32_t block, int32_t row0, int32_t row1)
{
    const float *w = q->weights + (ptrdiff_t)block * 9 * JR2I_LANES, *bias = q->bias + block * JR2I_LANES;
    for (int32_t r = row0; r < row1; r++) {
        const float *x = q->x + block * q->x_block + (ptrdiff_t)r * q->stride * q->x_row;
        float *y = q->y + block * q->y_block + r * q->y_row;
        if (q->stride == 1)
            depthwise_row(1, q, x, w, bias, y);
        else
            depthwise_row(2, q, x, w, bias, y);
        if (!act_is_slope(q->act))
            act_row(y, (ptrdiff_t)q->width * JR2I_LANES, q->act);
    }
}

static void KERNEL(add)(const jr2i_plane *a, const float *b, ptrdiff_t b_row, float *y, ptrdiff_t y_row, int32_t act)
{
    const vf slope = V_SET1(jr2i_act_slope(act));
    for (int32_t r = 0; r < a->height; r++) {
        const float *pa = a->p + r * a->row, *pb = b + r * b_row;
        float *py = y + r * y_row;
        for (ptrdiff_t i = 0; i < (ptrdiff_t)a->width * JR2I_LANES; i += VL) {
            vf x = V_ADD(V_LOAD(pa + i), V_LOAD(pb + i));
            V_STORE(py + i, V_MAX(V_MUL(x, slope), x));
        }
        if (!act_is_slope(act))
            act_row(py, (ptrdiff_t)a->width * JR2I_LANES, act);
    }
}

static void KERNEL(upsample2)(const jr2i_plane *x, float *y, ptrdiff_t y_row)
{
    for (int32_t r = 0; r < x->height; r++) {
        const float *p = x->p + r * x->row;
        float *top = y + 2 * r * y_row, *bottom = top + y_row;
        for (int32_t i = 0; i < x->width; i++)
            for (int l = 0; l < JR2I_LANES; l += VL) {
                vf v = V_LOAD(p + i * JR2I_LANES + l);
                V_STORE(top + i * 2 * JR2I_LANES + l, v);
                V_STORE(top + (i * 2 + 1) * JR2I_LANES + l, v);
                V_STORE(bottom + i * 2 * JR2I_LANES + l, v);
                V_STORE(bottom + (i * 2 + 1) * JR2I_LANES + l, v);
            }
    }
}

static void KERNEL(max_pool2)(const jr2i_plane *x, float *y, ptrdiff_t y_row)
{
    for (int32_t r = 0; r < x->height; r += 2) {
        const float *top = x->p + r * x->row, *bottom = r + 1 < x->height ? top + x->row : top;
        float *py = y + r / 2 * y_row;
        for (int32_t i = 0; i < x->width; i += 2) {
            const ptrdiff_t left = (ptrdiff_t)i * JR2I_LANES, right = i + 1 < x->width ? left + JR2I_LANES : left;
            for (int l = 0; l < JR2I_LANES; l += VL)
                V_STORE(py + left / 2 + l, V_MAX(V_MAX(V_LOAD(top + left + l), V_LOAD(top + right + l)),
                                                 V_MAX(V_LOAD(bottom + left + l), V_LOAD(bottom + right + l))));
        }
    }
}

static void KERNEL(mean)(const jr2i_plane *x, float *y)
{
    const vf scale = V_SET1(1.0f / ((float)x->height * (float)x->width));
    for (int l = 0; l < JR2I_LANES; l += VL) {
        vf even = V_ZERO(), odd = V_ZERO();
        for (int32_t r = 0; r < x->height; r++) {
            const float *p = x->p + r * x->row + l;
            int32_t i = 0;
            for (; i + 2 <= x->width; i += 2) {
                even = V_ADD(even, V_LOAD(p + i * JR2I_LANES));
                odd = V_ADD(odd, V_LOAD(p + (i + 1) * JR2I_LANES));
            }
            if (i < x->width)
                even = V_ADD(even, V_LOAD(p + i * JR2I_LANES));
        }
        V_STORE(y + l, V_MUL(V_ADD(even, odd), scale));
    }
}

/* A coordinate brought between the bounds, NaN to the lower, cut into whole and fraction. */
INLINE int32_t sample_split(float u, float low, float high, float *fraction)
{
    u = u > low ? u : low;
    u = u < high ? u : high;
    const int32_t whole = (int32_t)(u + 1.0f) - 1; /* u >= -1: truncation after the shift is the floor */
    const float f = u - (float)whole;
    *fraction = f;
    return whole;
}

static void KERNEL(sample)(const jr2i_plane *x, const float *coords, int32_t n, int32_t zeros, float *y)
{
    const float low = zeros ? -1.0f : 0.0f, add = zeros ? 0.0f : -1.0f;
    for (int32_t k = 0; k < n; k++, y += JR2I_LANES) {
        float f[2], weight[2][2];
        const int32_t x0 = sample_split(coords[2 * k], low, (float)x->width + add, &f[0]);
        const int32_t y0 = sample_split(coords[2 * k + 1], low, (float)x->height + add, &f[1]);
        weight[0][0] = (1 - f[0]) * (1 - f[1]);
        weight[0][1] = f[0] * (1 - f[1]);
        weight[1][0] = (1 - f[0]) * f[1];
        weight[1][1] = f[0] * f[1];
        vf sum[NV];
        UNROLL for (int v = 0; v < NV; v++)
            sum[v] = V_ZERO();
        for (int j = 0; j < 2; j++)
            for (int i = 0; i < 2; i++) {
                const int32_t px = x0 + i, py = y0 + j;
                if (px < 0 || px >= x->width || py < 0 || py >= x->height)
                    continue;
                const float *p = x->p + py * x->row + px * JR2I_LANES;
                UNROLL for (int v = 0; v < NV; v++)
                    sum[v] = V_FMA(V_SET1(weight[j][i]), V_LOAD(p + v * VL), sum[v]);
            }
        UNROLL for (int v = 0; v < NV; v++)
            V_STORE(y + v * VL, sum[v]);
    }
}

const jr2i_kernels KERNEL(kernels) = {
    .name = JR2I_VEC_TEXT,
    .panel_blocks = PANEL_BLOCKS,
    .conv = KERNEL(conv),
    .wino_input = KERNEL(wino_input),
    .wino_multiply = KERNEL(wino_multiply),
    .wino_output = KERNEL(wino_output),
    .widen = KERNEL(widen),
    .wino_weights = KERNEL(wino_weights),
    .conv_few = KERNEL(conv_few),
    .depthwise = KERNEL(depthwise),
    .linear = KERNEL(linear),
    .linear_half = KERNEL(linear_half),
    .add_blocks = KERNEL(add_blocks),
    .add_blocks_half = KERNEL(add_blocks_half),
    .add = KERNEL(add),
    .upsample2 = KERNEL(upsample2),
    .max_pool2 = KERNEL(max_pool2),
    .mean = KERNEL(mean),
    .sample = KERNEL(sample),
};
