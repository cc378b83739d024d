/* NEON, as every 64-bit ARM processor has it; with the dot product instructions where the compiler was told of them. */
#include "kernels.h"
#include <arm_neon.h>

static inline int32x4_t add_products(int32x4_t sum, int8x16_t a, int8x16_t b) {
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(sum, a, b);
#else

    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sum, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
#endif
}

#define DOT(M, N) \
    static inline void dot_##M##_##N(const int8_t *x, int k, const int8_t *w, int32_t *y, int64_t stride) { \
        int32x4_t acc[M][N]; \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) acc[m][n] = vdupq_n_s32(0); \
        int whole = k & ~15; \
        for (int i = 0; i < whole; i += 16) { \
            int8x16_t in[M]; \
            ALL for (int m = 0; m < M; m++) in[m] = vld1q_s8(x + (int64_t)m * k + i); \
            ALL for (int n = 0; n < N; n++) { \
                int8x16_t weights = vld1q_s8(w + (int64_t)n * k + i); \
                ALL for (int m = 0; m < M; m++) acc[m][n] = add_products(acc[m][n], weights, in[m]); \
            } \
        } \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) \
                y[m * stride + n] = \
                    vaddvq_s32(acc[m][n]) + dot_rest(x + (int64_t)m * k, w + (int64_t)n * k, whole, k); \
    }

DOT(4, 4)
DOT(1, 4)
DOT(1, 1)

MULTIPLY(neon) {
    y += offset;
    int n = from;
    for (; n + 4 <= to; n += 4) {
        int r = 0;
        for (; r + 4 <= rows; r += 4)
            dot_4_4(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
        for (; r < rows; r++) dot_1_4(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
    }
    for (; n < to; n++)
        for (int r = 0; r < rows; r++)
            dot_1_1(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
}

#define DOT4(M) \
    static inline void dot4_##M(const int8_t *x, int k, const uint8_t *w, int8x16_t codes, int32_t *y, int64_t stride) { \
        const int8_t *factors = (const int8_t *)w + k / 2; \
        int32x4_t acc[M]; \
        ALL for (int m = 0; m < M; m++) acc[m] = vdupq_n_s32(0); \
        for (int g = 0; g < k / GROUP; g++) { \
            uint8x16_t both = vld1q_u8(w + (int64_t)g * INDEX_BYTES); \
            int8x16_t low = vqtbl1q_s8(codes, vandq_u8(both, vdupq_n_u8(15))); \
            int8x16_t high = vqtbl1q_s8(codes, vshrq_n_u8(both, 4)); \
            ALL for (int m = 0; m < M; m++) { \
                const int8_t *in = x + (int64_t)m * k + g * GROUP; \
                int32x4_t sum = add_products(vdupq_n_s32(0), low, vld1q_s8(in)); \
                sum = add_products(sum, high, vld1q_s8(in + INDEX_BYTES)); \
                acc[m] = vmlaq_n_s32(acc[m], sum, factors[g]); \
            } \
        } \
        ALL for (int m = 0; m < M; m++) y[m * stride] = vaddvq_s32(acc[m]); \
    }

DOT4(4)
DOT4(1)

MULTIPLY4(neon) {
    y += offset;
    const int8x16_t table = vld1q_s8(codes);
    for (int n = from; n < to; n++) {
        const uint8_t *row = w + n * ROW_BYTES(k);
        int r = 0;
        for (; r + 4 <= rows; r += 4) dot4_4(x + (int64_t)r * k, k, row, table, y + (int64_t)r * stride + n, stride);
        for (; r < rows; r++) dot4_1(x + (int64_t)r * k, k, row, table, y + (int64_t)r * stride + n, stride);
    }
}

SCORES(neon) {
    q += qOffset;
    s += sOffset;
    for (int b = 0; b < blocks; b++)
        for (int i = 0; i < queries; i++) {
            const int16_t *query = q + (int64_t)i * qStride;
            int32x4_t acc[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
            for (int c = 0; c < size; c += 2) {
                const int16_t *at = keys + (int64_t)b * KEY_BLOCK * size + (int64_t)c * KEY_BLOCK;
                for (int j = 0; j < 4; j++) {
                    int16x4x2_t pair = vld2_s16(at + j * 8);
                    acc[j] = vmlal_n_s16(acc[j], pair.val[0], query[c]);
                    acc[j] = vmlal_n_s16(acc[j], pair.val[1], query[c + 1]);
                }
            }
            for (int j = 0; j < 4; j++) vst1q_s32(s + (int64_t)i * sStride + b * KEY_BLOCK + j * 4, acc[j]);
        }
}

VALUES(neon) {
    u += uOffset;
    high += offset;
    low += offset;
    for (int i = 0; i < queries; i++) {
        const int16_t *weights = u + (int64_t)i * uStride;
        int32_t *toHigh = high + (int64_t)i * stride, *toLow = low + (int64_t)i * stride;
        int c = 0;
        for (; c + 8 <= size; c += 8) {
            int32x4_t high0 = vld1q_s32(toHigh + c), high1 = vld1q_s32(toHigh + c + 4);
            int32x4_t low0 = vld1q_s32(toLow + c), low1 = vld1q_s32(toLow + c + 4);
            for (int t = 0; t < quads; t++) {
                int8x8x4_t v = vld4_s8(values + (int64_t)t * VALUE_QUAD * size + c * VALUE_QUAD);
                for (int j = 0; j < 4; j++) {
                    int16x8_t wide = vmovl_s8(v.val[j]);
                    int16_t weight = weights[t * VALUE_QUAD + j];
                    high0 = vmlal_n_s16(high0, vget_low_s16(wide), weight >> 8);
                    high1 = vmlal_n_s16(high1, vget_high_s16(wide), weight >> 8);
                    low0 = vmlal_n_s16(low0, vget_low_s16(wide), weight & 255);
                    low1 = vmlal_n_s16(low1, vget_high_s16(wide), weight & 255);
                }
            }
            vst1q_s32(toHigh + c, high0);
            vst1q_s32(toHigh + c + 4, high1);
            vst1q_s32(toLow + c, low0);
            vst1q_s32(toLow + c + 4, low1);
        }
        for (; c < size; c++)
            for (int j = 0; j < quads * VALUE_QUAD; j++) {
                int v = values[(int64_t)(j / VALUE_QUAD) * VALUE_QUAD * size + c * VALUE_QUAD + j % VALUE_QUAD];
                toHigh[c] += (weights[j] >> 8) * v;
                toLow[c] += (weights[j] & 255) * v;
            }
    }
}
