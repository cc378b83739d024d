/* AVX2, and the same with the products of AVX-VNNI where the compiler is told of it. Both take unsigned times signed bytes, so it is |w|
 * times x with w's sign. vpmaddubsw saturates: pairs stay below 2^15 for |x| <= 127. vpdpbusd sums four of them in 32 bits at once. */
#include "kernels.h"
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

static inline int32_t lanes(__m256i v) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    return _mm_cvtsi128_si32(sum);
}

#ifdef __AVXVNNI__
#define FORM_OF(kernel) kernel(avxvnni)
#define ADD_PRODUCTS(sum, w, x) _mm256_dpbusd_avx_epi32(sum, w, x)
#define ADD_PAIRS(sum, a, b) _mm256_dpwssd_avx_epi32(sum, a, b)
#else
#define FORM_OF(kernel) kernel(avx2)
#define ADD_PRODUCTS(sum, w, x) ADD_PAIRS(sum, _mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1))
#define ADD_PAIRS(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
#endif

/* Weight rows that stay in the first cache while all inputs pass. */
#define ROWS 8

#ifdef __AVXVNNI__
/* Weights are taken as w + 128, which is unsigned: sums of the inputs take it back, modulo 2^32. So nothing is done to the inputs, and a
 * product is one instruction. */
#define OFFSET 128

static int32_t sum_of(const int8_t *x, int k) {
    int32_t sum = 0;
    for (int i = 0; i < k; i++) sum += x[i];
    return sum;
}

static inline __m256i shifted(const int8_t *w) {
    _mm_prefetch((const char *)w + AHEAD, _MM_HINT_T0);
    return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)w), _mm256_set1_epi8((char)OFFSET));
}

#define DOT(M, N) \
    static inline void dot_##M##_##N( \
        const int8_t *x, const int32_t *sums, int k, const int8_t *w, int32_t *y, int64_t stride) { \
        __m256i acc[M][N]; \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) acc[m][n] = _mm256_setzero_si256(); \
        int whole = k & ~31; \
        for (int i = 0; i < whole; i += 32) { \
            __m256i weights[N]; \
            ALL for (int n = 0; n < N; n++) weights[n] = shifted(w + (int64_t)n * k + i); \
            ALL for (int m = 0; m < M; m++) { \
                __m256i in = _mm256_loadu_si256((const __m256i *)(x + (int64_t)m * k + i)); \
                ALL for (int n = 0; n < N; n++) acc[m][n] = ADD_PRODUCTS(acc[m][n], weights[n], in); \
            } \
        } \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) \
                y[m * stride + n] = lanes(acc[m][n]) - OFFSET * sums[m] + \
                                    dot_rest(x + (int64_t)m * k, w + (int64_t)n * k, whole, k); \
    }

DOT(4, 2)

/* One product alone, in several sums: one would wait for itself. */
static inline int32_t dot_alone(const int8_t *x, int32_t sum, int k, const int8_t *w) {
    __m256i acc[4];
    ALL for (int j = 0; j < 4; j++) acc[j] = _mm256_setzero_si256();
    int i = 0;
    for (; i + 128 <= k; i += 128)
        ALL for (int j = 0; j < 4; j++)
            acc[j] = ADD_PRODUCTS(
                acc[j], shifted(w + i + 32 * j), _mm256_loadu_si256((const __m256i *)(x + i + 32 * j)));
    for (; i + 32 <= k; i += 32)
        acc[0] = ADD_PRODUCTS(acc[0], shifted(w + i), _mm256_loadu_si256((const __m256i *)(x + i)));
    acc[0] = _mm256_add_epi32(_mm256_add_epi32(acc[0], acc[1]), _mm256_add_epi32(acc[2], acc[3]));
    return lanes(acc[0]) - OFFSET * sum + dot_rest(x, w, i, k);
}

FORM_OF(MULTIPLY) {
    y += offset;
    int32_t few[64], *sums = rows <= 64 ? few : malloc(sizeof(int32_t) * rows);
    for (int r = 0; sums && r < rows; r++) sums[r] = sum_of(x + (int64_t)r * k, k & ~31);
    for (int n0 = from; n0 < to; n0 += ROWS) {
        int end = n0 + ROWS < to ? n0 + ROWS : to;
        int r = 0;
        for (; sums && r + 4 <= rows; r += 4) {
            const int8_t *in = x + (int64_t)r * k;
            int n = n0;
            for (; n + 2 <= end; n += 2)
                dot_4_2(in, sums + r, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
            for (; n < end; n++)
                for (int m = r; m < r + 4; m++)
                    y[(int64_t)m * stride + n] = dot_alone(x + (int64_t)m * k, sums[m], k, w + (int64_t)n * k);
        }
        for (; r < rows; r++)
            for (int n = n0; n < end; n++) {
                const int8_t *in = x + (int64_t)r * k;
                y[(int64_t)r * stride + n] = dot_alone(in, sums ? sums[r] : sum_of(in, k & ~31), k, w + (int64_t)n * k);
            }
    }
    if (sums != few) free(sums);
}
#else
#define DOT(M, N) \
    static inline void dot_##M##_##N(const int8_t *x, int k, const int8_t *w, int32_t *y, int64_t stride) { \
        __m256i acc[M][N]; \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) acc[m][n] = _mm256_setzero_si256(); \
        int whole = k & ~31; \
        for (int i = 0; i < whole; i += 32) \
            ALL for (int n = 0; n < N; n++) { \
                const int8_t *at = w + (int64_t)n * k + i; \
                _mm_prefetch((const char *)at + AHEAD, _MM_HINT_T0); \
                __m256i weights = _mm256_loadu_si256((const __m256i *)at); \
                __m256i magnitude = _mm256_abs_epi8(weights); \
                ALL for (int m = 0; m < M; m++) { \
                    __m256i in = _mm256_loadu_si256((const __m256i *)(x + (int64_t)m * k + i)); \
                    acc[m][n] = ADD_PRODUCTS(acc[m][n], magnitude, _mm256_sign_epi8(in, weights)); \
                } \
            } \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) \
                y[m * stride + n] = lanes(acc[m][n]) + dot_rest(x + (int64_t)m * k, w + (int64_t)n * k, whole, k); \
    }

DOT(3, 2)
DOT(1, 1)

FORM_OF(MULTIPLY) {
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
        for (; r < rows; r++)
            for (int n = n0; n < end; n++)
                dot_1_1(x + (int64_t)r * k, k, w + (int64_t)n * k, y + (int64_t)r * stride + n, stride);
    }
}
#endif

/* Weights of four bits. Two groups stand in a vector of indices, each in 128 bits of it, and a row of inputs is laid out alike: what the
 * low halves of two groups multiply, then the high halves. Codes are shifted by this to be unsigned; sums of the inputs take it back. */
#define SHIFT 32

typedef struct {
    int8_t low[32], high[32];
} Pair;

/* Factors are taken 16 at a time. */
#define FACTORS 16
#define SPREAD(low, high) \
    (char)0x80, low, (char)0x80, low, (char)0x80, low, (char)0x80, low, (char)0x80, low, (char)0x80, low, (char)0x80, low, \
        (char)0x80, low, (char)0x80, high, (char)0x80, high, (char)0x80, high, (char)0x80, high, (char)0x80, high, \
        (char)0x80, high, (char)0x80, high, (char)0x80, high

/* Puts the factors of each pair of groups into the upper bytes of 16-bit lanes. */
static const char spread[FACTORS / 2][32] __attribute__((aligned(32))) = {
    {SPREAD(0, 1)}, {SPREAD(2, 3)},   {SPREAD(4, 5)},   {SPREAD(6, 7)},
    {SPREAD(8, 9)}, {SPREAD(10, 11)}, {SPREAD(12, 13)}, {SPREAD(14, 15)}};

static int pairs_of(int k) { return (k / GROUP + 1) / 2; }

/* Groups, and zeros up to a whole vector of factors. */
static int sums_of(int k) { return (k / GROUP + FACTORS - 1) / FACTORS * FACTORS; }

static void lay_out(const int8_t *x, int k, Pair *out, int16_t *sums) {
    int groups = k / GROUP;
    memset(out, 0, sizeof(Pair) * pairs_of(k));
    memset(sums, 0, sizeof(int16_t) * sums_of(k));
    for (int g = 0; g < groups; g++) {
        memcpy(out[g / 2].low + g % 2 * INDEX_BYTES, x + g * GROUP, INDEX_BYTES);
        memcpy(out[g / 2].high + g % 2 * INDEX_BYTES, x + g * GROUP + INDEX_BYTES, INDEX_BYTES);
        for (int j = 0; j < GROUP; j++) sums[g] += x[g * GROUP + j];
    }
}

static inline __m128i factors_at(const int8_t *factors, int left) {
    if (left >= FACTORS) return _mm_loadu_si128((const __m128i *)factors);
    int8_t some[FACTORS] = {0};
    memcpy(some, factors, left);
    return _mm_loadu_si128((const __m128i *)some);
}

/* The multiplication that widens to 32 bits takes the groups' factors on the way: four products, |sum| <= 4 * 127 * 63, fit 16 bits. */
#define DOT4(M) \
    static inline void dot4_##M( \
        const Pair *x, const int16_t *sums, int k, const uint8_t *w, __m256i codes, int32_t *y, int64_t stride) { \
        const __m256i half = _mm256_set1_epi8(15); \
        const int8_t *factors = (const int8_t *)w + k / 2; \
        int groups = k / GROUP; \
        __m256i acc[M]; \
        ALL for (int m = 0; m < M; m++) acc[m] = _mm256_setzero_si256(); \
        for (int from = 0; from < groups; from += FACTORS) { \
            __m256i all = _mm256_broadcastsi128_si256(factors_at(factors + from, groups - from)); \
            for (int i = 0; i < FACTORS && from + i < groups; i += 2) { \
                const uint8_t *at = w + (int64_t)(from + i) * INDEX_BYTES; \
                _mm_prefetch((const char *)at + AHEAD, _MM_HINT_T0); \
                __m256i both = from + i + 1 < groups \
                                   ? _mm256_loadu_si256((const __m256i *)at) \
                                   : _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)at)); \
                __m256i low = _mm256_shuffle_epi8(codes, _mm256_and_si256(both, half)); \
                __m256i high = _mm256_shuffle_epi8(codes, _mm256_and_si256(_mm256_srli_epi16(both, 4), half)); \
                __m256i factor = _mm256_srai_epi16( \
                    _mm256_shuffle_epi8(all, _mm256_load_si256((const __m256i *)spread[i / 2])), 8); \
                ALL for (int m = 0; m < M; m++) { \
                    const Pair *in = x + (int64_t)m * pairs_of(k) + (from + i) / 2; \
                    __m256i sum = _mm256_add_epi16( \
                        _mm256_maddubs_epi16(low, _mm256_load_si256((const __m256i *)in->low)), \
                        _mm256_maddubs_epi16(high, _mm256_load_si256((const __m256i *)in->high))); \
                    acc[m] = ADD_PAIRS(acc[m], sum, factor); \
                } \
            } \
        } \
        ALL for (int m = 0; m < M; m++) { \
            __m256i shift = _mm256_setzero_si256(); \
            for (int from = 0; from < groups; from += FACTORS) { \
                __m256i some = _mm256_cvtepi8_epi16(factors_at(factors + from, groups - from)); \
                const int16_t *of = sums + (int64_t)m * sums_of(k) + from; \
                shift = ADD_PAIRS(shift, some, _mm256_loadu_si256((const __m256i *)of)); \
            } \
            y[m * stride] = lanes(_mm256_sub_epi32(acc[m], _mm256_slli_epi32(shift, 5))); \
        } \
    }

DOT4(4)
DOT4(2)
DOT4(1)

FORM_OF(MULTIPLY4) {
    y += offset;
    int64_t pairs = pairs_of(k), sums = sums_of(k);
    Pair *inputs = aligned_alloc(32, sizeof(Pair) * pairs * rows + ((sizeof(int16_t) * sums * rows + 31) & ~(size_t)31));
    if (!inputs) {
        for (int n = from; n < to; n++)
            for (int r = 0; r < rows; r++)
                y[(int64_t)r * stride + n] = dot_groups(x + (int64_t)r * k, w + n * ROW_BYTES(k), codes, k);
        return;
    }
    int16_t *inputSums = (int16_t *)(inputs + pairs * rows);
    for (int r = 0; r < rows; r++) lay_out(x + (int64_t)r * k, k, inputs + r * pairs, inputSums + r * sums);
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_add_epi8(_mm_loadu_si128((const __m128i *)codes), _mm_set1_epi8(SHIFT)));
    for (int n0 = from; n0 < to; n0 += ROWS) {
        int end = n0 + ROWS < to ? n0 + ROWS : to;
        int r = 0;
#define TIMES4(M) \
    for (; r + M <= rows; r += M) \
        for (int n = n0; n < end; n++) \
            dot4_##M( \
                inputs + r * pairs, inputSums + r * sums, k, w + n * ROW_BYTES(k), table, y + (int64_t)r * stride + n, stride)
        TIMES4(4);
        TIMES4(2);
        TIMES4(1);
    }
    free(inputs);
}

FORM_OF(SCORES) {
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
                first = ADD_PAIRS(first, _mm256_loadu_si256(at), pair);
                second = ADD_PAIRS(second, _mm256_loadu_si256(at + 1), pair);
            }
            __m256i *out = (__m256i *)(s + (int64_t)i * sStride + b * KEY_BLOCK);
            _mm256_storeu_si256(out, first);
            _mm256_storeu_si256(out + 1, second);
        }
}

/* Two neighbouring values of every channel against two weights: even and odd bytes of each quad, widened to 16 bits. */
FORM_OF(VALUES) {
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
                sumHigh = ADD_PAIRS(sumHigh, even, PAIR(four[0] >> 8, four[2] >> 8));
                sumHigh = ADD_PAIRS(sumHigh, odd, PAIR(four[1] >> 8, four[3] >> 8));
                sumLow = ADD_PAIRS(sumLow, even, PAIR(four[0] & 255, four[2] & 255));
                sumLow = ADD_PAIRS(sumLow, odd, PAIR(four[1] & 255, four[3] & 255));
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
