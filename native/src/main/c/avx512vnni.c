/* AVX-512 with VNNI. vpdpbusd takes unsigned times signed bytes: weights are shifted into 0..255 by flipping their top bit, and
 * 128 * sum(x) is taken away at the end. */
#include "kernels.h"
#include "transpose512.h"
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

/* From this many rows on, weights are packed so that no lane sums remain to be added up. */
#define PACKED_ROWS 12
/* Weight rows in a panel, inputs in a tile, and bytes of the inner dimension that stay in the second cache. */
#define PANEL 32
#define TILE 12
#define INNER 2048

/* acc += u * s, as assembly: given the intrinsic, GCC up to 13 copies accumulators about and loses two fifths of the speed. */
static inline void multiply_add(__m512i *acc, __m512i u, __m512i s) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*acc) : "v"(u), "v"(s));
}

/* Four bytes in all lanes, by the load itself: a broadcast inside the product, or from a register, is slower. */
static inline __m512i four_of(const void *four) {
    __m512i v;
    __asm__("vpbroadcastd %1, %0" : "=v"(v) : "m"(*(const int32_t(*))four));
    return v;
}

static inline void multiply_add_pairs(__m512i *acc, __m512i k, __m512i q) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*acc) : "v"(k), "v"(q));
}

static inline __m512i shifted(const int8_t *w) {
    return _mm512_xor_si512(_mm512_loadu_si512(w), _mm512_set1_epi8((char)0x80));
}

static int32_t sum_of(const int8_t *x, int k) {
    __m512i sum = _mm512_setzero_si512();
    const __m512i ones = _mm512_set1_epi8(1);
    int i = 0;
    for (; i + 64 <= k; i += 64) sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(x + i));
    int32_t total = _mm512_reduce_add_epi32(sum);
    for (; i < k; i++) total += x[i];
    return total;
}

/* A few rows: M inputs against N weight rows at a time, streaming the weights once. */
#define DOT(M, N) \
    static inline void dot_##M##_##N( \
        const int8_t *x, int k, const int8_t *w, const int32_t *sums, int32_t *y, int64_t stride) { \
        __m512i acc[M][N]; \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) acc[m][n] = _mm512_setzero_si512(); \
        int whole = k & ~63; \
        for (int i = 0; i < whole; i += 64) { \
            __m512i in[M]; \
            ALL for (int m = 0; m < M; m++) in[m] = _mm512_loadu_si512(x + (int64_t)m * k + i); \
            ALL for (int n = 0; n < N; n++) { \
                const int8_t *row = w + (int64_t)n * k + i; \
                _mm_prefetch((const char *)row + AHEAD, _MM_HINT_T0); \
                __m512i weights = shifted(row); \
                ALL for (int m = 0; m < M; m++) multiply_add(&acc[m][n], weights, in[m]); \
            } \
        } \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) \
                y[m * stride + n] = _mm512_reduce_add_epi32(acc[m][n]) - 128 * sums[m] + \
                                    dot_rest(x + (int64_t)m * k, w + (int64_t)n * k, whole, k); \
    }

DOT(1, 4)
DOT(2, 4)
DOT(3, 4)
DOT(4, 4)
DOT(1, 1)

static void few_rows(
    const int8_t *x, int rows, int k, const int8_t *w, int from, int to, int32_t *y, int64_t stride) {
    int32_t sums[PACKED_ROWS];
    for (int r = 0; r < rows; r++) sums[r] = sum_of(x + (int64_t)r * k, k & ~63);
    int n = from;
    /* One row of inputs waits for memory alone, and memory is read fastest in one stream. */
    for (; rows > 1 && n + 4 <= to; n += 4) {
        const int8_t *base = w + (int64_t)n * k;
        int r = 0;
        for (; r + 4 <= rows; r += 4) dot_4_4(x + (int64_t)r * k, k, base, sums + r, y + r * stride + n, stride);
        const int8_t *rest = x + (int64_t)r * k;
        switch (rows - r) {
            case 1: dot_1_4(rest, k, base, sums + r, y + r * stride + n, stride); break;
            case 2: dot_2_4(rest, k, base, sums + r, y + r * stride + n, stride); break;
            case 3: dot_3_4(rest, k, base, sums + r, y + r * stride + n, stride); break;
        }
    }
    for (; n < to; n++)
        for (int r = 0; r < rows; r++)
            dot_1_1(x + (int64_t)r * k, k, w + (int64_t)n * k, sums + r, y + r * stride + n, stride);
}

/* Packs `inner` bytes (a multiple of 4, zero-filled from `have` on) of up to 32 weight rows as [inner / 4][32][4], shifted to unsigned. */
static void pack(const int8_t *w, int64_t k, int rows, int have, int inner, int8_t *panel) {
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    for (int half = 0; half < PANEL; half += 16) {
        for (int i = 0; i < inner; i += 64) {
            int width = have - i < 64 ? have - i : 64;
            __mmask64 mask = width >= 64 ? ~0ULL : width <= 0 ? 0 : (1ULL << width) - 1;
            __m512i a[16];
            for (int r = 0; r < 16; r++)
                a[r] = half + r < rows ? _mm512_maskz_loadu_epi8(mask, w + (half + r) * k + i) : _mm512_setzero_si512();
            transpose(a);
            int groups = inner - i < 64 ? (inner - i) / 4 : 16;
            for (int g = 0; g < groups; g++)
                _mm512_store_si512(panel + (int64_t)(i / 4 + g) * PANEL * 4 + half * 4, _mm512_xor_si512(a[g], flip));
        }
    }
}

/* Packs M rows of inputs as [inner / 4][M][4]: a tile's inputs of one step stand side by side. */
static void pack_inputs(const int8_t *x, int64_t k, int m, int have, int8_t *out) {
    for (int r = 0; r < m; r++) {
        const int8_t *row = x + r * k;
        int8_t *to = out + r * 4;
        int i = 0;
        for (; i + 4 <= have; i += 4) memcpy(to + (int64_t)i * m, row + i, 4);
        if (i < have) {
            int32_t last = 0;
            memcpy(&last, row + i, have - i);
            memcpy(to + (int64_t)i * m, &last, 4);
        }
    }
}

/* Sums of a panel's rows are set, or added to those there. */
static inline void put_panel(const __m512i acc[2], int32_t *y, __mmask16 low, __mmask16 high, int add) {
    __m512i first = acc[0], second = acc[1];
    if (add) {
        first = _mm512_add_epi32(first, _mm512_maskz_loadu_epi32(low, y));
        second = _mm512_add_epi32(second, _mm512_maskz_loadu_epi32(high, y + 16));
    }
    _mm512_mask_storeu_epi32(y, low, first);
    _mm512_mask_storeu_epi32(y + 16, high, second);
}

/* M rows of packed inputs against a packed panel; adds to y or sets it. */
#define PANEL_TIMES(M) \
    static void panel_times_##M( \
        const int8_t *x, int inner, const int8_t *panel, const int32_t *sums, int32_t *y, int64_t stride, __mmask16 low, \
        __mmask16 high, int add) { \
        __m512i acc[M][2]; \
        ALL for (int m = 0; m < M; m++) { \
            __m512i start = _mm512_set1_epi32(-128 * sums[m]); \
            acc[m][0] = start; \
            acc[m][1] = start; \
        } \
        for (int i = 0; i < inner; i += 4) { \
            __m512i w0 = _mm512_load_si512(panel); \
            __m512i w1 = _mm512_load_si512(panel + 64); \
            panel += PANEL * 4; \
            ALL for (int m = 0; m < M; m++) { \
                __m512i in = four_of(x + m * 4); \
                multiply_add(&acc[m][0], w0, in); \
                multiply_add(&acc[m][1], w1, in); \
            } \
            x += M * 4; \
        } \
        ALL for (int m = 0; m < M; m++) put_panel(acc[m], y + m * stride, low, high, add); \
    }

PANEL_TIMES(12)
PANEL_TIMES(6)
PANEL_TIMES(3)
PANEL_TIMES(1)

static void many_rows(
    const int8_t *x, int rows, int k, const int8_t *w, int from, int to, int32_t *y, int64_t stride) {
    int8_t *panel = aligned_alloc(64, PANEL * INNER);
    int8_t *inputs = aligned_alloc(64, ((size_t)rows * INNER + 63) & ~(size_t)63);
    int32_t *sums = malloc(sizeof(int32_t) * rows);
    if (!panel || !inputs || !sums) {
        free(panel);
        free(inputs);
        free(sums);
        for (int r = 0; r < rows; r++) few_rows(x + (int64_t)r * k, 1, k, w, from, to, y + r * stride, stride);
        return;
    }
/* Rows in tiles of 12, what is left in smaller ones. */
#define TILES(M, DO) \
    for (; r + M <= rows; r += M) DO
    for (int start = 0; start < k; start += INNER) {
        int have = k - start < INNER ? k - start : INNER;
        int inner = (have + 3) & ~3;
        for (int r = 0; r < rows; r++) sums[r] = sum_of(x + (int64_t)r * k + start, have);
        int r = 0;
#define PACK(M) TILES(M, pack_inputs(x + (int64_t)r * k + start, k, M, have, inputs + (int64_t)r * inner))
        PACK(12);
        PACK(6);
        PACK(3);
        PACK(1);
        for (int n = from; n < to; n += PANEL) {
            int count = to - n < PANEL ? to - n : PANEL;
            __mmask16 low = count >= 16 ? 0xFFFF : (1u << count) - 1;
            __mmask16 high = count >= 32 ? 0xFFFF : count > 16 ? (1u << (count - 16)) - 1 : 0;
            pack(w + (int64_t)n * k + start, k, count, have, inner, panel);
            r = 0;
#define TIMES(M) \
    TILES(M, panel_times_##M(inputs + (int64_t)r * inner, inner, panel, sums + r, y + r * stride + n, stride, low, high, start > 0))
            TIMES(12);
            TIMES(6);
            TIMES(3);
            TIMES(1);
        }
    }
    free(sums);
    free(inputs);
    free(panel);
}

MULTIPLY(avx512vnni) {
    y += offset;
    if (rows < PACKED_ROWS) few_rows(x, rows, k, w, from, to, y, stride);
    else many_rows(x, rows, k, w, from, to, y, stride);
}

/* Weights of four bits. Codes are shifted by this to be unsigned; sums of the inputs take it back. */
#define SHIFT 32

static inline __m512i shifted_codes(const int8_t *codes) {
    return _mm512_broadcast_i32x4(_mm_add_epi8(_mm_loadu_si128((const __m128i *)codes), _mm_set1_epi8(SHIFT)));
}

/* Four groups stand in a vector of indices, each in 128 bits of it. A row of inputs is laid out alike: what the low halves of four groups
 * multiply, then the high halves; and the start of each lane's sum, which takes the shift back. */
typedef struct {
    int8_t low[64], high[64];
    int32_t start[16];
} Block;

static void lay_out(const int8_t *x, int k, Block *out) {
    for (int i = 0; i < k; i += 4 * GROUP, out++) {
        memset(out, 0, 2 * 64);
        for (int g = 0; g < 4 && i + g * GROUP < k; g++) {
            memcpy(out->low + g * INDEX_BYTES, x + i + g * GROUP, INDEX_BYTES);
            memcpy(out->high + g * INDEX_BYTES, x + i + g * GROUP + INDEX_BYTES, INDEX_BYTES);
        }
        const __m512i shift = _mm512_set1_epi8(SHIFT);
        __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), shift, _mm512_load_si512(out->low));
        sum = _mm512_dpbusd_epi32(sum, shift, _mm512_load_si512(out->high));
        _mm512_store_si512(out->start, _mm512_sub_epi32(_mm512_setzero_si512(), sum));
    }
}

/* A lane's sum of eight products is of 16 bits, |sum| <= 8 * 127 * 31, so that one instruction takes it times its group's factor and adds:
 * the factor stands in the lane's low half, 0 in its high half: spread as the upper byte of the half, then shifted down with its sign. */
#define DOT4(M, N) \
    static inline void dot4_##M##_##N( \
        const Block *x, int blocks, int k, const uint8_t *w, __m512i codes, int32_t *y, int64_t stride) { \
        const __m512i half = _mm512_set1_epi8(15); \
        const __m512i spread = _mm512_set_epi32( \
            0x80800380, 0x80800380, 0x80800380, 0x80800380, 0x80800280, 0x80800280, 0x80800280, 0x80800280, 0x80800180, \
            0x80800180, 0x80800180, 0x80800180, 0x80800080, 0x80800080, 0x80800080, 0x80800080); \
        __m512i acc[M][N]; \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) acc[m][n] = _mm512_setzero_si512(); \
        for (int b = 0; b < blocks; b++) { \
            int groups = k / GROUP - 4 * b < 4 ? k / GROUP - 4 * b : 4; \
            __mmask16 mask = groups == 4 ? 0xFFFF : (1u << 4 * groups) - 1; \
            ALL for (int n = 0; n < N; n++) { \
                const uint8_t *row = w + n * ROW_BYTES(k); \
                const uint8_t *at = row + (int64_t)b * 64; \
                _mm_prefetch((const char *)at + AHEAD, _MM_HINT_T0); \
                int32_t four = 0; \
                if (groups == 4) memcpy(&four, row + k / 2 + 4 * b, 4); \
                else memcpy(&four, row + k / 2 + 4 * b, groups); \
                __m512i both = _mm512_maskz_loadu_epi32(mask, at); \
                __m512i low = _mm512_shuffle_epi8(codes, _mm512_and_si512(both, half)); \
                __m512i high = _mm512_shuffle_epi8(codes, _mm512_and_si512(_mm512_srli_epi16(both, 4), half)); \
                __m512i factor = _mm512_srai_epi16(_mm512_shuffle_epi8(_mm512_set1_epi32(four), spread), 8); \
                ALL for (int m = 0; m < M; m++) { \
                    const Block *in = x + (int64_t)m * blocks + b; \
                    __m512i sum = _mm512_load_si512(in->start); \
                    multiply_add(&sum, low, _mm512_load_si512(in->low)); \
                    multiply_add(&sum, high, _mm512_load_si512(in->high)); \
                    multiply_add_pairs(&acc[m][n], sum, factor); \
                } \
            } \
        } \
        ALL for (int m = 0; m < M; m++) \
            ALL for (int n = 0; n < N; n++) y[m * stride + n] = _mm512_reduce_add_epi32(acc[m][n]); \
    }

DOT4(1, 2)
DOT4(2, 2)
DOT4(4, 2)
DOT4(1, 1)

static void few_rows4(
    const Block *x, int rows, int k, const uint8_t *w, __m512i codes, int from, int to, int32_t *y, int64_t stride) {
    int blocks = (k + 4 * GROUP - 1) / (4 * GROUP);
    int n = from;
    for (; rows > 1 && n + 2 <= to; n += 2) {
        const uint8_t *base = w + n * ROW_BYTES(k);
        int r = 0;
#define TIMES4(M) \
    for (; r + M <= rows; r += M) \
        dot4_##M##_2(x + (int64_t)r * blocks, blocks, k, base, codes, y + (int64_t)r * stride + n, stride)
        TIMES4(4);
        TIMES4(2);
        TIMES4(1);
    }
    for (; n < to; n++)
        for (int r = 0; r < rows; r++)
            dot4_1_1(
                x + (int64_t)r * blocks, blocks, k, w + n * ROW_BYTES(k), codes, y + (int64_t)r * stride + n, stride);
}

/* Packs the codes of `inner` weights from `start` of up to 32 rows as [inner / 4][32][4], shifted to unsigned, and the factors of their
 * groups as [inner / 32][32]. */
static void pack4(
    const uint8_t *w, int k, int rows, int start, int inner, __m512i codes, int8_t *panel, int32_t *factors) {
    const __m256i mask = _mm256_set1_epi8(15);
    for (int half = 0; half < PANEL; half += 16) {
        for (int i = 0; i < inner; i += 64) {
            int groups = inner - i < 64 ? (inner - i) / GROUP : 2;
            __m512i a[16];
            for (int r = 0; r < 16; r++) {
                a[r] = _mm512_setzero_si512();
                if (half + r >= rows) continue;
                const uint8_t *at = w + (half + r) * ROW_BYTES(k) + (start + i) / 2;
                __m256i both = groups == 2 ? _mm256_loadu_si256((const __m256i *)at)
                                           : _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at));
                __m512i index = _mm512_inserti64x4(
                    _mm512_castsi256_si512(_mm256_and_si256(both, mask)),
                    _mm256_and_si256(_mm256_srli_epi16(both, 4), mask), 1);
                /* From low, low, high, high to the order of weights. */
                a[r] = _mm512_shuffle_epi8(codes, _mm512_shuffle_i64x2(index, index, 0xD8));
            }
            transpose(a);
            for (int g = 0; g < 8 * groups; g++)
                _mm512_store_si512(panel + (int64_t)(i / 4 + g) * PANEL * 4 + half * 4, a[g]);
        }
    }
    for (int r = 0; r < PANEL; r++)
        for (int g = 0; g < inner / GROUP; g++)
            factors[g * PANEL + r] = r < rows ? (int8_t)w[r * ROW_BYTES(k) + k / 2 + start / GROUP + g] : 0;
}

/* M rows of packed inputs against a packed panel, a group at a time; adds to y or sets it.
 * starts: what takes the shift back, [inner / 32][M]. */
#define PANEL_TIMES4(M) \
    static void panel_times4_##M( \
        const int8_t *x, int inner, const int8_t *panel, const int32_t *factors, const int32_t *starts, int32_t *y, \
        int64_t stride, __mmask16 low, __mmask16 high, int add) { \
        __m512i acc[M][2]; \
        ALL for (int m = 0; m < M; m++) acc[m][0] = acc[m][1] = _mm512_setzero_si512(); \
        for (int i = 0; i < inner; i += GROUP) { \
            __m512i sum[M][2]; \
            ALL for (int m = 0; m < M; m++) sum[m][0] = sum[m][1] = four_of(starts + m); \
            for (int step = 0; step < GROUP / 4; step++) { \
                __m512i w0 = _mm512_load_si512(panel); \
                __m512i w1 = _mm512_load_si512(panel + 64); \
                panel += PANEL * 4; \
                ALL for (int m = 0; m < M; m++) { \
                    __m512i in = four_of(x + m * 4); \
                    multiply_add(&sum[m][0], w0, in); \
                    multiply_add(&sum[m][1], w1, in); \
                } \
                x += M * 4; \
            } \
            __m512i f0 = _mm512_load_si512(factors), f1 = _mm512_load_si512(factors + 16); \
            ALL for (int m = 0; m < M; m++) { \
                acc[m][0] = _mm512_add_epi32(acc[m][0], _mm512_mullo_epi32(sum[m][0], f0)); \
                acc[m][1] = _mm512_add_epi32(acc[m][1], _mm512_mullo_epi32(sum[m][1], f1)); \
            } \
            factors += PANEL; \
            starts += M; \
        } \
        ALL for (int m = 0; m < M; m++) put_panel(acc[m], y + m * stride, low, high, add); \
    }

PANEL_TIMES4(6)
PANEL_TIMES4(3)
PANEL_TIMES4(1)

/* What takes the shift back of M rows' groups. */
static void group_starts(const int8_t *x, int64_t k, int m, int inner, int32_t *starts) {
    const __m256i shift = _mm256_set1_epi8(SHIFT);
    for (int g = 0; g < inner / GROUP; g++)
        for (int r = 0; r < m; r++) {
            __m256i in = _mm256_loadu_si256((const __m256i *)(x + r * k + g * GROUP));
            __m256i sum = _mm256_dpbusd_epi32(_mm256_setzero_si256(), shift, in);
            __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
            four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
            four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
            starts[g * m + r] = -_mm_cvtsi128_si32(four);
        }
}

static void many_rows4(
    const int8_t *x, int rows, int k, const uint8_t *w, __m512i codes, int from, int to, int32_t *y, int64_t stride,
    int8_t *memory) {
    int8_t *panel = memory;
    int32_t *factors = (int32_t *)(panel + PANEL * INNER);
    int32_t *starts = factors + INNER / GROUP * PANEL;
    int8_t *inputs = (int8_t *)(starts + (int64_t)rows * (INNER / GROUP));
    for (int start = 0; start < k; start += INNER) {
        int inner = k - start < INNER ? k - start : INNER;
        int groups = inner / GROUP;
        int r = 0;
#define PACK4(M) \
    TILES(M, { \
        const int8_t *at = x + (int64_t)r * k + start; \
        pack_inputs(at, k, M, inner, inputs + (int64_t)r * inner); \
        group_starts(at, k, M, inner, starts + (int64_t)r * groups); \
    })
        PACK4(6);
        PACK4(3);
        PACK4(1);
        for (int n = from; n < to; n += PANEL) {
            int count = to - n < PANEL ? to - n : PANEL;
            __mmask16 low = count >= 16 ? 0xFFFF : (1u << count) - 1;
            __mmask16 high = count >= 32 ? 0xFFFF : count > 16 ? (1u << (count - 16)) - 1 : 0;
            pack4(w + n * ROW_BYTES(k), k, count, start, inner, codes, panel, factors);
            r = 0;
#define PANEL4(M) \
    TILES( \
        M, panel_times4_##M( \
               inputs + (int64_t)r * inner, inner, panel, factors, starts + (int64_t)r * groups, y + r * stride + n, \
               stride, low, high, start > 0))
            PANEL4(6);
            PANEL4(3);
            PANEL4(1);
        }
    }
}

MULTIPLY4(avx512vnni) {
    y += offset;
    int blocks = (k + 4 * GROUP - 1) / (4 * GROUP);
    int isMany = rows >= PACKED_ROWS;
    size_t bytes = isMany ? PANEL * INNER + INNER / GROUP * (PANEL + (size_t)rows) * 4 + (size_t)rows * INNER
                          : (size_t)rows * blocks * sizeof(Block);
    int8_t *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    if (!memory) {
        for (int n = from; n < to; n++)
            for (int r = 0; r < rows; r++)
                y[(int64_t)r * stride + n] = dot_groups(x + (int64_t)r * k, w + n * ROW_BYTES(k), codes, k);
        return;
    }
    if (isMany) many_rows4(x, rows, k, w, shifted_codes(codes), from, to, y, stride, memory);
    else {
        for (int r = 0; r < rows; r++) lay_out(x + (int64_t)r * k, k, (Block *)memory + (int64_t)r * blocks);
        few_rows4((Block *)memory, rows, k, w, shifted_codes(codes), from, to, y, stride);
    }
    free(memory);
}

/* Q queries against one block of 16 keys: a lane a key, two channels a step. */
#define SCORE_BLOCK(Q) \
    static inline void score_block_##Q( \
        const int16_t *q, int64_t qStride, const int16_t *keys, int size, int32_t *s, int64_t sStride) { \
        __m512i acc[Q]; \
        ALL for (int i = 0; i < Q; i++) acc[i] = _mm512_setzero_si512(); \
        for (int c = 0; c < size; c += 2) { \
            __m512i k = _mm512_loadu_si512(keys + (int64_t)c * KEY_BLOCK); \
            ALL for (int i = 0; i < Q; i++) multiply_add_pairs(&acc[i], k, four_of(q + i * qStride + c)); \
        } \
        ALL for (int i = 0; i < Q; i++) _mm512_storeu_si512(s + i * sStride, acc[i]); \
    }

SCORE_BLOCK(8)
SCORE_BLOCK(4)
SCORE_BLOCK(2)
SCORE_BLOCK(1)

SCORES(avx512vnni) {
    q += qOffset;
    s += sOffset;
    for (int b = 0; b < blocks; b++) {
        const int16_t *block = keys + (int64_t)b * KEY_BLOCK * size;
        int i = 0;
#define BLOCK(Q) \
    for (; i + Q <= queries; i += Q) \
        score_block_##Q(q + (int64_t)i * qStride, qStride, block, size, s + (int64_t)i * sStride + b * KEY_BLOCK, sStride)
        BLOCK(8);
        BLOCK(4);
        BLOCK(2);
        BLOCK(1);
#undef BLOCK
    }
}

/* The low and the high bytes of four weights each, as the four bytes of an int. */
static inline int32_t low_bytes(const int16_t *u) {
    uint64_t four;
    memcpy(&four, u, 8);
    return (int32_t)((four & 0xFF) | (four >> 8 & 0xFF00) | (four >> 16 & 0xFF0000) | (four >> 24 & 0xFF000000));
}

static inline int32_t high_bytes(const int16_t *u) {
    uint64_t four;
    memcpy(&four, u, 8);
    four >>= 8;
    return (int32_t)((four & 0xFF) | (four >> 8 & 0xFF00) | (four >> 16 & 0xFF0000) | (four >> 24 & 0xFF000000));
}

/* Weights of one tile of queries over one page, as bytes. */
#define MOST_QUADS 64

#define VALUE_BLOCK(Q) \
    static inline void value_block_##Q( \
        int32_t (*lows)[MOST_QUADS], int32_t (*highs)[MOST_QUADS], const int8_t *values, int size, int quads, int32_t *high, \
        int32_t *low, int64_t stride, __mmask16 mask) { \
        __m512i sumHigh[Q], sumLow[Q]; \
        ALL for (int i = 0; i < Q; i++) { \
            sumHigh[i] = _mm512_maskz_loadu_epi32(mask, high + i * stride); \
            sumLow[i] = _mm512_maskz_loadu_epi32(mask, low + i * stride); \
        } \
        for (int t = 0; t < quads; t++) { \
            __m512i v = _mm512_maskz_loadu_epi32(mask, values + (int64_t)t * VALUE_QUAD * size); \
            ALL for (int i = 0; i < Q; i++) { \
                multiply_add(&sumHigh[i], four_of(&highs[i][t]), v); \
                multiply_add(&sumLow[i], four_of(&lows[i][t]), v); \
            } \
        } \
        ALL for (int i = 0; i < Q; i++) { \
            _mm512_mask_storeu_epi32(high + i * stride, mask, sumHigh[i]); \
            _mm512_mask_storeu_epi32(low + i * stride, mask, sumLow[i]); \
        } \
    }

VALUE_BLOCK(4)
VALUE_BLOCK(1)

VALUES(avx512vnni) {
    u += uOffset;
    high += offset;
    low += offset;
    int32_t lows[4][MOST_QUADS], highs[4][MOST_QUADS];
    for (int i = 0; i < queries;) {
        int tile = queries - i >= 4 ? 4 : 1;
        for (int first = 0; first < quads; first += MOST_QUADS) {
            int count = quads - first < MOST_QUADS ? quads - first : MOST_QUADS;
            for (int a = 0; a < tile; a++)
                for (int t = 0; t < count; t++) {
                    const int16_t *four = u + (int64_t)(i + a) * uStride + (first + t) * VALUE_QUAD;
                    lows[a][t] = low_bytes(four);
                    highs[a][t] = high_bytes(four);
                }
            for (int c = 0; c < size; c += 16) {
                __mmask16 mask = size - c >= 16 ? 0xFFFF : (1u << (size - c)) - 1;
                const int8_t *block = values + (int64_t)first * VALUE_QUAD * size + c * VALUE_QUAD;
                int64_t at = (int64_t)i * stride + c;
                if (tile == 4) value_block_4(lows, highs, block, size, count, high + at, low + at, stride, mask);
                else value_block_1(lows, highs, block, size, count, high + at, low + at, stride, mask);
            }
        }
        i += tile;
    }
}
