/* SPDX-License-Identifier: MIT
 * Kernel body: activations. Included after a vec_*.h. */

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define NV (JR2I_LANES / VL) /* vectors of a channel block */
#define JR2I_CONCAT_(a, b) jr2i_##a##_##b
#define JR2I_CONCAT(a, b) JR2I_CONCAT_(a, b)
#define KERNEL(name) JR2I_CONCAT(name, JR2I_VEC_NAME)

/* e^x to about one unit in the last place, for |x| up to 87; beyond, the value at 87. */
INLINE vf v_exp(vf x)
{
    x = V_MIN(V_MAX(x, V_SET1(-87.0f)), V_SET1(87.0f));
    vf n = V_ROUND(V_MUL(x, V_SET1(1.44269504f)));
    vf f = V_FMA(n, V_SET1(-0.693145752f), x); /* ln 2 in two parts */
    f = V_FMA(n, V_SET1(-1.42860677e-6f), f);
    vf p = V_SET1(1.0f / 720);
    p = V_FMA(p, f, V_SET1(1.0f / 120));
    p = V_FMA(p, f, V_SET1(1.0f / 24));
    p = V_FMA(p, f, V_SET1(1.0f / 6));
    p = V_FMA(p, f, V_SET1(0.5f));
    p = V_FMA(p, f, V_SET1(1.0f));
    p = V_FMA(p, f, V_SET1(1.0f));
    return V_SCALE2(p, n);
}

INLINE vf v_act(vf x, int32_t act)
{
    switch (act) {
    case JR2I_ACT_RELU:
        return V_MAX(x, V_ZERO());
    case JR2I_ACT_LEAKY:
        return V_MAX(V_MUL(x, V_SET1(0.1f)), x);
    case JR2I_ACT_SILU:
        return V_DIV(x, V_ADD(V_SET1(1.0f), v_exp(V_SUB(V_ZERO(), x))));
    case JR2I_ACT_SIGMOID:
        return V_DIV(V_SET1(1.0f), V_ADD(V_SET1(1.0f), v_exp(V_SUB(V_ZERO(), x))));
    default:
        return x;
    }
}

/* In place over n floats, a multiple of 16. */
static void act_row(float *p, ptrdiff_t n, int32_t act)
{
    if (act == JR2I_ACT_SILU)
        for (ptrdiff_t i = 0; i < n; i += VL)
            V_STORE(p + i, v_act(V_LOAD(p + i), JR2I_ACT_SILU));
    else if (act == JR2I_ACT_SIGMOID)
        for (ptrdiff_t i = 0; i < n; i += VL)
            V_STORE(p + i, v_act(V_LOAD(p + i), JR2I_ACT_SIGMOID));
}

/* Whether max(x, slope * x) is the whole activation. */
INLINE int act_is_slope(int32_t act)
{
    return act <= JR2I_ACT_LEAKY;
}
