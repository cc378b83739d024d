/* The float half of the numeric contract, compiled once for each instruction set: -DFORM=name. Plain loops that the compiler turns into
 * vectors; every operation is a correctly rounded one, nothing is contracted (-ffp-contract=off), and sums keep the contract's lane
 * order. Reads like ScalarMath.java; the constants are compared with Constants.java by a test. */
#include "kernels.h"
#include <math.h>
#include <string.h>

#define LANES 256
static const float TINY = 0x1p-100f;
static const float MAX_16 = 32384.0f;
static const float LOG2E = 0x1.715476p+0f;
static const float LN2_HI = 0x1.62e43p-1f;
static const float LN2_LO = -0x1.05c61p-29f;
static const float E2 = 0x1.fffffcp-2f;
static const float E3 = 0x1.555492p-3f;
static const float E4 = 0x1.5558f2p-5f;
static const float E5 = 0x1.1239e2p-7f;
static const float E6 = 0x1.6a2434p-10f;
static const float EXP_FLOOR = -87.0f;
static const float GELU = 0x1.988454p+0f;
static const float GELU_CUBED = 0x1.2444f2p-4f;
static const float SWIGLU_SLOPE = 0x1.b3b646p+0f;

static inline int32_t bits_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

static inline float float_of(int32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/* exp for x <= 0; 0 below EXP_FLOOR. */
static inline float exact_exp(float x) {
    float inside = x < EXP_FLOOR ? EXP_FLOOR : x;
    float n = rintf(inside * LOG2E);
    float r = __builtin_fmaf(n, -LN2_HI, inside);
    r = __builtin_fmaf(n, -LN2_LO, r);
    float p = __builtin_fmaf(E6, r, E5);
    p = __builtin_fmaf(p, r, E4);
    p = __builtin_fmaf(p, r, E3);
    p = __builtin_fmaf(p, r, E2);
    p = __builtin_fmaf(p, r, 1.0f);
    p = __builtin_fmaf(p, r, 1.0f);
    float value = p * float_of((int32_t)((uint32_t)((int32_t)n + 127) << 23));
    return x < EXP_FLOOR ? 0.0f : value;
}

/* Largest magnitude, or a NaN when the row holds a NaN or an infinity. Compared as integers: NaN > infinity > every number. */
static inline float largest(const float *x, int n) {
    int32_t most = 0;
    for (int k = 0; k < n; k++) {
        int32_t bits = bits_of(x[k]) & 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    return most >= 0x7F800000 ? NAN : float_of(most);
}

/* The scale; NaN when the row cannot be run exactly. */
FUNCTION(float, quantize_row)(const float *x, int64_t xOffset, int n, int8_t *q, int64_t qOffset) {
    x += xOffset;
    q += qOffset;
    float a = largest(x, n);
    if (a != a) return a;
    float inverse = a < TINY ? 0.0f : 127.0f / a;
    for (int k = 0; k < n; k++) q[k] = (int8_t)(int32_t)rintf(x[k] * inverse);
    return a < TINY ? 0.0f : a / 127.0f;
}

FUNCTION(float, quantize_12)(const float *x, int64_t xOffset, int n, int16_t *q, int64_t qOffset) {
    x += xOffset;
    q += qOffset;
    float a = largest(x, n);
    if (a != a) return a;
    float inverse = a < TINY ? 0.0f : 2047.0f / a;
    for (int k = 0; k < n; k++) q[k] = (int16_t)(int32_t)rintf(x[k] * inverse);
    return a < TINY ? 0.0f : a / 2047.0f;
}

/* In two digits of -127 to 127: 254 * high + low. */
FUNCTION(float, quantize_16)(
    const float *x, int64_t xOffset, int n, int8_t *high, int64_t highOffset, int8_t *low, int64_t lowOffset) {
    x += xOffset;
    high += highOffset;
    low += lowOffset;
    float a = largest(x, n);
    if (a != a) return a;
    float inverse = a < TINY ? 0.0f : MAX_16 / a;
    for (int k = 0; k < n; k++) {
        int32_t q = (int32_t)rintf(x[k] * inverse);
        /* Rounded down: what is divided is not negative. */
        int32_t digit = (q + 127 + 128 * 254) / 254 - 128;
        high[k] = (int8_t)digit;
        low[k] = (int8_t)(q - 254 * digit);
    }
    return a < TINY ? 0.0f : a / MAX_16;
}

static float lane_sum_squares(const float *x, int n) {
    float lane[LANES] = {0};
    int k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int j = 0; j < LANES; j++) lane[j] = __builtin_fmaf(x[k + j], x[k + j], lane[j]);
    for (int j = 0; k + j < n; j++) lane[j] = __builtin_fmaf(x[k + j], x[k + j], lane[j]);
    for (int w = LANES / 2; w >= 1; w /= 2)
        for (int j = 0; j < w; j++) lane[j] = lane[j] + lane[j + w];
    return lane[0];
}

/* y may be x. */
FUNCTION(void, rms_norm)(
    const float *x, int64_t xOffset, const float *gain, int n, float eps, float *y, int64_t yOffset) {
    x += xOffset;
    y += yOffset;
    float r = 1.0f / sqrtf(lane_sum_squares(x, n) / (float)n + eps);
    for (int k = 0; k < n; k++) y[k] = x[k] * r * gain[k];
}

/* bias may be null. */
FUNCTION(void, dequantize)(
    const int32_t *acc, int64_t aOffset, int n, float s, const float *rowScale, const float *bias, float *y, int64_t yOffset) {
    acc += aOffset;
    y += yOffset;
    if (bias)
        for (int k = 0; k < n; k++) y[k] = (float)acc[k] * (s * rowScale[k]) + bias[k];
    else
        for (int k = 0; k < n; k++) y[k] = (float)acc[k] * (s * rowScale[k]);
}

FUNCTION(void, add)(float *h, int64_t hOffset, const float *y, int64_t yOffset, int n) {
    h += hOffset;
    y += yOffset;
    for (int k = 0; k < n; k++) h[k] = h[k] + y[k];
}

FUNCTION(void, add_weighted)(float *h, int64_t hOffset, float weight, const float *y, int64_t yOffset, int n) {
    h += hOffset;
    y += yOffset;
    for (int k = 0; k < n; k++) h[k] = __builtin_fmaf(weight, y[k], h[k]);
}

FUNCTION(void, silu_mul)(
    const float *gate, int64_t gOffset, const float *up, int64_t uOffset, int n, float *out, int64_t oOffset) {
    gate += gOffset;
    up += uOffset;
    out += oOffset;
    for (int k = 0; k < n; k++) {
        float x = gate[k], e = exact_exp(-fabsf(x)), numerator = x >= 0 ? 1.0f : e;
        out[k] = x * (numerator / (1.0f + e)) * up[k];
    }
}

FUNCTION(void, sigmoid_mul)(float *x, int64_t xOffset, const float *gate, int64_t gOffset, int n) {
    x += xOffset;
    gate += gOffset;
    for (int k = 0; k < n; k++) {
        float g = gate[k], e = exact_exp(-fabsf(g)), numerator = g >= 0 ? 1.0f : e;
        x[k] = x[k] * (numerator / (1.0f + e));
    }
}

FUNCTION(void, multiply_add)(
    float *sum, int64_t sOffset, const float *x, int64_t xOffset, const float *w, int64_t wOffset, int n) {
    sum += sOffset;
    x += xOffset;
    w += wOffset;
    for (int k = 0; k < n; k++) sum[k] = __builtin_fmaf(x[k], w[k], sum[k]);
}

FUNCTION(void, gelu_mul)(
    const float *gate, int64_t gOffset, const float *up, int64_t uOffset, int n, float *out, int64_t oOffset) {
    gate += gOffset;
    up += uOffset;
    out += oOffset;
    for (int k = 0; k < n; k++) {
        float x = gate[k], u = x * __builtin_fmaf(x * x, GELU_CUBED, GELU);
        float e = exact_exp(-fabsf(u)), numerator = x >= 0 ? 1.0f : e;
        out[k] = x * (numerator / (1.0f + e)) * up[k];
    }
}

/* Comparisons keep what is no number. */
FUNCTION(void, clamped_swiglu)(
    const float *gate, int64_t gOffset, const float *up, int64_t uOffset, int n, float limit, float *out, int64_t oOffset) {
    gate += gOffset;
    up += uOffset;
    out += oOffset;
    for (int k = 0; k < n; k++) {
        float g = gate[k] > limit ? limit : gate[k], u = up[k] > limit ? limit : up[k];
        u = u < -limit ? -limit : u;
        float e = exact_exp(-fabsf(SWIGLU_SLOPE * g)), numerator = g >= 0 ? 1.0f : e;
        out[k] = g * (numerator / (1.0f + e)) * (u + 1.0f);
    }
}

FUNCTION(void, scale)(float *x, int64_t offset, int n, float factor) {
    x += offset;
    for (int k = 0; k < n; k++) x[k] = x[k] * factor;
}

/* cap * tanh(x / cap); slope is 2 / cap. */
static inline float capped(float x, float cap, float slope) {
    float e = exact_exp(-fabsf(x) * slope);
    return copysignf(cap * ((1.0f - e) / (1.0f + e)), x);
}

FUNCTION(void, softcap)(float *x, int64_t offset, int n, float cap) {
    x += offset;
    float slope = 2.0f / cap;
    for (int k = 0; k < n; k++) x[k] = capped(x[k], cap, slope);
}

/* quantize_row of silu(gate) * up from 2 n products: gate's, then up's. row is scratch for n floats. Returns the scale, or NaN. */
FUNCTION(float, gate)(
    const int32_t *acc, int64_t aOffset, int n, float s, const float *rowScale, float *row, int8_t *q, int64_t qOffset) {
    const int32_t *gate = acc + aOffset, *up = gate + n;
    q += qOffset;
    int32_t most = 0;
    for (int k = 0; k < n; k++) {
        float x = (float)gate[k] * (s * rowScale[k]), e = exact_exp(-fabsf(x)), numerator = x >= 0 ? 1.0f : e;
        float value = x * (numerator / (1.0f + e)) * ((float)up[k] * (s * rowScale[n + k]));
        row[k] = value;
        int32_t bits = bits_of(value) & 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    if (most >= 0x7F800000) return NAN;
    float a = float_of(most), inverse = a < TINY ? 0.0f : 127.0f / a;
    for (int k = 0; k < n; k++) q[k] = (int8_t)(int32_t)rintf(row[k] * inverse);
    return a < TINY ? 0.0f : a / 127.0f;
}

/* h += dequantized products. */
FUNCTION(void, add_products)(
    float *h, int64_t hOffset, const int32_t *acc, int64_t aOffset, int n, float s, const float *rowScale) {
    h += hOffset;
    acc += aOffset;
    for (int k = 0; k < n; k++) h[k] = h[k] + (float)acc[k] * (s * rowScale[k]);
}

FUNCTION(void, rope)(
    float *x, int64_t xOffset, int size, const float *cosines, const float *sines, int64_t tOffset) {
    int half = size / 2;
    float *restrict first = x + xOffset, *restrict second = x + xOffset + half;
    cosines += tOffset;
    sines += tOffset;
    for (int i = 0; i < half; i++) {
        float a = first[i], b = second[i], c = cosines[i], s = sines[i];
        first[i] = a * c - b * s;
        second[i] = b * c + a * s;
    }
}

/* Float maxima are not sums of anything: taken in 16 lanes. */
#define WIDE 16

/* cap is 0 where scores are not capped, sink -infinity where there is none; z is scratch for n floats. Returns the output's
 * factor; NaN when the scores cannot be run exactly. */
FUNCTION(float, attention_weights)(
    const int32_t *s, int64_t sOffset, int n, float c, float cap, float sink, const float *sk, int64_t kOffset,
    const float *sv, int64_t vOffset, int16_t *u, int64_t uOffset, float *z) {
    s += sOffset;
    sk += kOffset;
    sv += vOffset;
    u += uOffset;
    float most[WIDE], widest[WIDE];
    int32_t notANumber = 0;
    for (int j = 0; j < WIDE; j++) {
        most[j] = sink;
        widest[j] = 0;
    }
    for (int j = 0; j < n; j++) {
        z[j] = (float)s[j] * (c * sk[j]);
        notANumber |= z[j] != z[j];
    }
    if (cap != 0) {
        float slope = 2.0f / cap;
        for (int j = 0; j < n; j++) z[j] = capped(z[j], cap, slope);
    }
    int j = 0;
    for (; j + WIDE <= n; j += WIDE)
        for (int i = 0; i < WIDE; i++) {
            most[i] = z[j + i] > most[i] ? z[j + i] : most[i];
            widest[i] = sv[j + i] > widest[i] ? sv[j + i] : widest[i];
        }
    float max = sink, a = 0;
    for (int i = 0; i < WIDE; i++) {
        max = most[i] > max ? most[i] : max;
        a = widest[i] > a ? widest[i] : a;
    }
    for (; j < n; j++) {
        max = z[j] > max ? z[j] : max;
        a = sv[j] > a ? sv[j] : a;
    }
    if (notANumber || !(fabsf(max) <= __FLT_MAX__)) return NAN;
    int zero = a < TINY;
    float scale = zero ? 0.0f : 32767.0f / a;
    int64_t den = (int32_t)rintf(exact_exp(sink - max) * 0x1p24f);
    for (j = 0; j < n; j++) {
        float e = exact_exp(z[j] - max);
        den += (int32_t)rintf(e * 0x1p24f);
        u[j] = (int16_t)(int32_t)rintf(e * sv[j] * scale);
    }
    return zero ? 0.0f : a / 32767.0f / ((float)den * 0x1p-24f);
}

FUNCTION(void, attention_output)(
    const int32_t *high, const int32_t *low, int64_t offset, int n, float factor, float *out, int64_t oOffset) {
    high += offset;
    low += offset;
    out += oOffset;
    for (int i = 0; i < n; i++) out[i] = (float)(256 * (int64_t)high[i] + low[i]) * factor;
}
