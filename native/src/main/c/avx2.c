/* AVX2. vpmaddubsw takes unsigned times signed bytes and saturates: |w| * (x with w's sign) stays below 2^15 in pairs, for |x| <= 127. */
#include "kernels.h"
#include <immintrin.h>
#include <string.h>

static inline int32_t lanes(__m256i v) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    return _mm_cvtsi128_si32(sum);
}

#define DOT(M, N) \
    static inline void dot_##M##_##N(const int8_t *x, int k, const int8_t *w, int32_t *y, int64_t stride) { \
        const __m256i ones = _mm256_set1_epi16(1); \
        __m256i acc[M][N]; \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) acc[m][n] = _mm256_setzero_si256(); \
        int whole = k & ~31; \
        for (int i = 0; i < whole; i += 32) \
            ALL for (int n = 0; n < N; n++) { \
                __m256i weights = _mm256_loadu_si256((const __m256i *)(w + (int64_t)n * k + i)); \
                __m256i magnitude = _mm256_abs_epi8(weights); \
                ALL for (int m = 0; m < M; m++) { \
                    __m256i in = _mm256_loadu_si256((const __m256i *)(x + (int64_t)m * k + i)); \
                    __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(in, weights)); \
                    acc[m][n] = _mm256_add_epi32(acc[m][n], _mm256_madd_epi16(pairs, ones)); \
                } \
            } \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) \
                y[m * stride + n] = lanes(acc[m][n]) + dot_rest(x + (int64_t)m * k, w + (int64_t)n * k, whole, k); \
    }

DOT(1, 4)
DOT(3, 2)
DOT(1, 1)

/* Weight rows that stay in the first cache while all inputs pass. */
#define ROWS 8

MULTIPLY(avx2) {
    y += offset;
    for (int n0 = from; n0 < to; n0 += ROWS) {
        int end = n0 + ROWS < to ? n0 + ROWS : to;
        int r = 0;
        for (; r + 3 <= rows; r += 3) {
            int n = n0;
            for (; n + 2 <= end; n += 2)
                dot_3_2(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
            for (; n < end; n++)
                for (int m = r; m < r + 3; m++)
                    dot_1_1(x + (int64_t)m * k, k, w + (int64_t)n * k, y + (int64_t)m * stride + n, stride);
        }
        for (; r < rows; r++) {
            int n = n0;
            for (; n + 4 <= end; n += 4)
                dot_1_4(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
            for (; n < end; n++) dot_1_1(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
        }
    }
}

/* A group is one vector: the low halves of its indices, then the high ones. The multiplication that widens pairs to 32 bits takes the
 * group's factor on the way: |pair| <= 2 * 127 * 31. */
#define DOT4(M) \
    static inline void dot4_##M(const int8_t *x, int k, const uint8_t *w, __m256i codes, int32_t *y, int64_t stride) { \
        const __m128i half = _mm_set1_epi8(15); \
        const int8_t *factors = (const int8_t *)w + k / 2; \
        __m256i acc[M]; \
        ALL for (int m = 0; m < M; m++) acc[m] = _mm256_setzero_si256(); \
        for (int g = 0; g < k / GROUP; g++) { \
            __m128i both = _mm_loadu_si128((const __m128i *)(w + (int64_t)g * INDEX_BYTES)); \
            __m256i index = _mm256_set_m128i(_mm_and_si128(_mm_srli_epi16(both, 4), half), _mm_and_si128(both, half)); \
            __m256i weights = _mm256_shuffle_epi8(codes, index); \
            __m256i magnitude = _mm256_abs_epi8(weights); \
            __m256i factor = _mm256_set1_epi16(factors[g]); \
            ALL for (int m = 0; m < M; m++) { \
                __m256i in = _mm256_loadu_si256((const __m256i *)(x + (int64_t)m * k + g * GROUP)); \
                __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(in, weights)); \
                acc[m] = _mm256_add_epi32(acc[m], _mm256_madd_epi16(pairs, factor)); \
            } \
        } \
        ALL for (int m = 0; m < M; m++) y[m * stride] = lanes(acc[m]); \
    }

DOT4(6)
DOT4(2)
DOT4(1)

MULTIPLY4(avx2) {
    y += offset;
    const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)codes));
    for (int n = from; n < to; n++) {
        const uint8_t *row = w + n * ROW_BYTES(k);
        int r = 0;
#define TIMES4(M) \
    for (; r + M <= rows; r += M) dot4_##M(x + (int64_t)r * k, k, row, table, y + (int64_t)r * stride + n, stride)
        TIMES4(6);
        TIMES4(2);
        TIMES4(1);
    }
}

SCORES(avx2) {
    q += qOffset;
    s += sOffset;
    for (int b = 0; b < blocks; b++)
        for (int i = 0; i < queries; i++) {
            const int16_t *keysOf = keys + (int64_t)b * KEY_BLOCK * size;
            const int16_t *query = q + (int64_t)i * qStride;
            __m256i first = _mm256_setzero_si256(), second = _mm256_setzero_si256();
            for (int c = 0; c < size; c += 2) {
                int32_t two;
                memcpy(&two, query + c, 4);
                __m256i pair = _mm256_set1_epi32(two);
                const __m256i *at = (const __m256i *)(keysOf + (int64_t)c * KEY_BLOCK);
                first = _mm256_add_epi32(first, _mm256_madd_epi16(_mm256_loadu_si256(at), pair));
                second = _mm256_add_epi32(second, _mm256_madd_epi16(_mm256_loadu_si256(at + 1), pair));
            }
            __m256i *out = (__m256i *)(s + (int64_t)i * sStride + b * KEY_BLOCK);
            _mm256_storeu_si256(out, first);
            _mm256_storeu_si256(out + 1, second);
        }
}

/* Two neighbouring values of every channel against two weights: even and odd bytes of each quad, widened to 16 bits. */
VALUES(avx2) {
    u += uOffset;
    high += offset;
    low += offset;
    for (int i = 0; i < queries; i++) {
        const int16_t *weights = u + (int64_t)i * uStride;
        int32_t *toHigh = high + (int64_t)i * stride, *toLow = low + (int64_t)i * stride;
        int c = 0;
        for (; c + 8 <= size; c += 8) {
            __m256i sumHigh = _mm256_loadu_si256((const __m256i *)(toHigh + c));
            __m256i sumLow = _mm256_loadu_si256((const __m256i *)(toLow + c));
            for (int t = 0; t < quads; t++) {
                __m256i v = _mm256_loadu_si256((const __m256i *)(values + (int64_t)t * VALUE_QUAD * size + c * VALUE_QUAD));
                __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8), odd = _mm256_srai_epi16(v, 8);
                const int16_t *four = weights + t * VALUE_QUAD;
#define PAIR(a, b) _mm256_set1_epi32((int32_t)((uint32_t)(a) & 0xFFFF) | (int32_t)((uint32_t)(b) << 16))
                sumHigh = _mm256_add_epi32(sumHigh, _mm256_madd_epi16(even, PAIR(four[0] >> 8, four[2] >> 8)));
                sumHigh = _mm256_add_epi32(sumHigh, _mm256_madd_epi16(odd, PAIR(four[1] >> 8, four[3] >> 8)));
                sumLow = _mm256_add_epi32(sumLow, _mm256_madd_epi16(even, PAIR(four[0] & 255, four[2] & 255)));
                sumLow = _mm256_add_epi32(sumLow, _mm256_madd_epi16(odd, PAIR(four[1] & 255, four[3] & 255)));
#undef PAIR
            }
            _mm256_storeu_si256((__m256i *)(toHigh + c), sumHigh);
            _mm256_storeu_si256((__m256i *)(toLow + c), sumLow);
        }
        for (; c < size; c++)
            for (int j = 0; j < quads * VALUE_QUAD; j++) {
                int v = values[(int64_t)(j / VALUE_QUAD) * VALUE_QUAD * size + c * VALUE_QUAD + j % VALUE_QUAD];
                toHigh[c] += (weights[j] >> 8) * v;
                toLow[c] += (weights[j] & 255) * v;
            }
    }
}
