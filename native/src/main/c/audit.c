/* An auditor's inner loops with AVX-512: claimed products against secret sums, and all heads of a token's attention. What they compute is what
 * MatrixKey.java and CellAudit.java say; other processors run those. Sums wrap in Z/2^64: it is the ring. */
#include "kernels.h"
#include <immintrin.h>
#include <math.h>

#define TILE 4
#define DIGITS 3

static inline int64_t sum64(__m512i v) { return _mm512_reduce_add_epi64(v); }

/* differences[t] = sum_k x_t[k] s[k] - sum_n y_t[n] r[n], for `tokens` rows, a constant of at most TILE, two secrets at a time: s[2][k], r[2][n],
 * differences[2][TILE]. */
static inline __attribute__((always_inline)) void tile(
    const int8_t *x, const int32_t *y, const int tokens, const int64_t *s, int k, const int32_t *r, int n, int64_t (*differences)[TILE]) {
    __m512i sum[2][TILE], upper[2][TILE];
    ALL for (int i = 0; i < 2; i++)
        ALL for (int t = 0; t < tokens; t++) sum[i][t] = upper[i][t] = _mm512_setzero_si512();
    const __m512i half = _mm512_set1_epi64(0x80000000LL);
    /* s = high 2^32 + low with low signed: x is a byte, so both products fit 64 bits. */
    int i = 0;
    for (; i + 8 <= k; i += 8) {
        __m512i s0 = _mm512_loadu_si512(s + i), s1 = _mm512_loadu_si512(s + k + i);
        __m512i h0 = _mm512_srli_epi64(_mm512_add_epi64(s0, half), 32), h1 = _mm512_srli_epi64(_mm512_add_epi64(s1, half), 32);
        ALL for (int t = 0; t < tokens; t++) {
            __m512i v = _mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)(x + (int64_t)t * k + i)));
            sum[0][t] = _mm512_add_epi64(sum[0][t], _mm512_mul_epi32(v, s0));
            sum[1][t] = _mm512_add_epi64(sum[1][t], _mm512_mul_epi32(v, s1));
            upper[0][t] = _mm512_add_epi64(upper[0][t], _mm512_mul_epi32(v, h0));
            upper[1][t] = _mm512_add_epi64(upper[1][t], _mm512_mul_epi32(v, h1));
        }
    }
    for (int t = 0; t < tokens; t++)
        for (int round = 0; round < 2; round++) {
            uint64_t total = (uint64_t)sum64(sum[round][t]) + ((uint64_t)sum64(upper[round][t]) << 32);
            for (int j = i; j < k; j++) total += (uint64_t)(int64_t)x[(int64_t)t * k + j] * (uint64_t)s[(int64_t)round * k + j];
            differences[round][t] = (int64_t)total;
        }
    ALL for (int a = 0; a < 2; a++)
        ALL for (int t = 0; t < tokens; t++) sum[a][t] = upper[a][t] = _mm512_setzero_si512();
    i = 0;
    for (; i + 16 <= n; i += 16) {
        __m512i r0 = _mm512_loadu_si512(r + i), r1 = _mm512_loadu_si512(r + n + i);
        __m512i o0 = _mm512_srli_epi64(r0, 32), o1 = _mm512_srli_epi64(r1, 32);
        ALL for (int t = 0; t < tokens; t++) {
            __m512i v = _mm512_loadu_si512(y + (int64_t)t * n + i), odd = _mm512_srli_epi64(v, 32);
            sum[0][t] = _mm512_add_epi64(sum[0][t], _mm512_mul_epi32(v, r0));
            sum[1][t] = _mm512_add_epi64(sum[1][t], _mm512_mul_epi32(v, r1));
            upper[0][t] = _mm512_add_epi64(upper[0][t], _mm512_mul_epi32(odd, o0));
            upper[1][t] = _mm512_add_epi64(upper[1][t], _mm512_mul_epi32(odd, o1));
        }
    }
    for (int t = 0; t < tokens; t++)
        for (int round = 0; round < 2; round++) {
            uint64_t total = (uint64_t)sum64(sum[round][t]) + (uint64_t)sum64(upper[round][t]);
            for (int j = i; j < n; j++) total += (uint64_t)((int64_t)y[(int64_t)t * n + j] * r[(int64_t)round * n + j]);
            differences[round][t] -= (int64_t)total;
        }
}

/* The first of `tokens` rows whose products y are not those of x, by secrets s[rounds][k] and r[rounds][n]; -1 when all hold. rounds is even. */
EXPORT int pl_first_false_avx512(
    const int8_t *x, const int32_t *y, int tokens, const int64_t *s, int k, const int32_t *r, int n, int rounds) {
    for (int from = 0; from < tokens; from += TILE) {
        int count = tokens - from < TILE ? tokens - from : TILE, wrong[TILE] = {0};
        for (int round = 0; round < rounds; round += 2) {
            int64_t differences[2][TILE];
            const int8_t *inputs = x + (int64_t)from * k;
            const int32_t *products = y + (int64_t)from * n, *secrets = r + (int64_t)round * n;
            const int64_t *sums = s + (int64_t)round * k;
            switch (count) {
                case 1: tile(inputs, products, 1, sums, k, secrets, n, differences); break;
                case 2: tile(inputs, products, 2, sums, k, secrets, n, differences); break;
                case 3: tile(inputs, products, 3, sums, k, secrets, n, differences); break;
                default: tile(inputs, products, 4, sums, k, secrets, n, differences);
            }
            for (int t = 0; t < count; t++) wrong[t] |= differences[0][t] != 0 || differences[1][t] != 0;
        }
        for (int t = 0; t < count; t++)
            if (wrong[t]) return from + t;
    }
    return -1;
}

/* exp of the numeric contract, as math.c has it. rint by adding and taking away 1.5 * 2^23, whose low bits then hold the integer. */
static inline __m512 exp16(__m512 x) {
    const __m512 floor = _mm512_set1_ps(-87.0f), one = _mm512_set1_ps(1.0f), magic = _mm512_set1_ps(0x1.8p23f);
    __mmask16 above = _mm512_cmp_ps_mask(x, floor, _CMP_GE_OQ);
    __m512 inside = _mm512_max_ps(x, floor);
    __m512 shifted = _mm512_add_ps(_mm512_mul_ps(inside, _mm512_set1_ps(0x1.715476p+0f)), magic);
    __m512 n = _mm512_sub_ps(shifted, magic);
    __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0x1.62e43p-1f), inside);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(0x1.05c61p-29f), r);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.6a2434p-10f), r, _mm512_set1_ps(0x1.1239e2p-7f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.5558f2p-5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.555492p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.fffffcp-2f));
    p = _mm512_fmadd_ps(p, r, one);
    p = _mm512_fmadd_ps(p, r, one);
    __m512i scale = _mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(shifted), 23), _mm512_set1_epi32(0x3F800000));
    return _mm512_maskz_mul_ps(above, p, _mm512_castsi512_ps(scale));
}

static inline __mmask16 first(int n) { return n >= 16 ? (__mmask16)0xFFFF : (__mmask16)((1u << n) - 1); }

static inline int64_t sum32(__m512i v) {
    return sum64(_mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(v)), _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(v, 1))));
}

#define BLOCK 1024

/* Weights of a block's keys, in halves of 16 bits each, and the sum of exp in 2^-24ths. The last vector is filled with zeros. */
static __attribute__((noinline)) int64_t weigh(
    const float *z, const float *sv, int n, float max, float scale, uint16_t *upper, uint16_t *lower) {
    const __m512 peak = _mm512_set1_ps(max), factor = _mm512_set1_ps(scale), fixed = _mm512_set1_ps(0x1p24f);
    const __m512i byte = _mm512_set1_epi16(255);
    __m512i dens = _mm512_setzero_si512();
    /* z ends in -infinity up to a whole pair of vectors, and value scales in what there is room for. */
    for (int j = 0; j < n; j += 32) {
        __m512i u[2];
        ALL for (int i = 0; i < 2; i++) {
            __m512 e = exp16(_mm512_sub_ps(_mm512_loadu_ps(z + j + 16 * i), peak));
            dens = _mm512_add_epi32(dens, _mm512_cvtps_epi32(_mm512_mul_ps(e, fixed)));
            u[i] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_mul_ps(e, _mm512_loadu_ps(sv + j + 16 * i)), factor));
        }
        __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(u[0])), _mm512_cvtepi32_epi16(u[1]), 1);
        _mm512_store_si512(upper + j, _mm512_srli_epi16(both, 8));
        _mm512_store_si512(lower + j, _mm512_and_si512(both, byte));
    }
    return sum32(dens);
}

/* Adds a block's halves times the digits of value dots: int32 holds 32 times two products of 8 and 16 bits. */
static __attribute__((noinline)) void sum_halves(
    const uint16_t *upper, const uint16_t *lower, const int16_t *digits, int64_t stride, int n, int64_t (*total)[DIGITS]) {
    __m512i high[DIGITS], low[DIGITS];
    ALL for (int d = 0; d < DIGITS; d++) high[d] = low[d] = _mm512_setzero_si512();
    for (int j = 0; j < n; j += 32) {
        __m512i up = _mm512_load_si512(upper + j), down = _mm512_load_si512(lower + j);
        ALL for (int d = 0; d < DIGITS; d++) {
            __m512i plane = _mm512_loadu_si512(digits + d * stride + j);
            high[d] = _mm512_add_epi32(high[d], _mm512_madd_epi16(up, plane));
            low[d] = _mm512_add_epi32(low[d], _mm512_madd_epi16(down, plane));
        }
    }
    for (int d = 0; d < DIGITS; d++) {
        total[0][d] += sum32(high[d]);
        total[1][d] += sum32(low[d]);
    }
}

/* One head. sums: high and low for each round. Returns the output's factor, or NaN; false in *holds when the scores are not query times keys. */
static float head(
    const int32_t *s, int n, float c, float sink, const float *sk, const float *sv, const int32_t *r, int64_t rStride,
    const int64_t *expected,
    const int16_t *digits, int64_t round_stride, int64_t stride, float *z, int64_t (*sums)[2], int *holds) {
    __m512i even[2], odd[2];
    even[0] = even[1] = odd[0] = odd[1] = _mm512_setzero_si512();
    __m512 most = _mm512_set1_ps(sink), widest = _mm512_setzero_ps();
    __mmask16 unordered = sink != sink;
    const __m512 query = _mm512_set1_ps(c);
#define SCORES_AT(j, in, load_ints, load_floats)                                                                                    \
    do {                                                                                                                           \
        __m512i v = load_ints(in, s + (j)), v_odd = _mm512_srli_epi64(v, 32);                                                      \
        ALL for (int round = 0; round < 2; round++) {                                                                              \
            __m512i secret = load_ints(in, r + round * rStride + (j));                                                             \
            even[round] = _mm512_add_epi64(even[round], _mm512_mul_epi32(v, secret));                                              \
            odd[round] = _mm512_add_epi64(odd[round], _mm512_mul_epi32(v_odd, _mm512_srli_epi64(secret, 32)));                     \
        }                                                                                                                          \
        __m512 score = _mm512_mul_ps(_mm512_cvtepi32_ps(v), _mm512_mul_ps(query, load_floats(in, sk + (j))));                      \
        unordered |= _mm512_mask_cmp_ps_mask(in, score, score, _CMP_UNORD_Q);                                                      \
        score = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), in, score);                                                          \
        _mm512_storeu_ps(z + (j), score);                                                                                          \
        most = _mm512_max_ps(most, score);                                                                                         \
        widest = _mm512_max_ps(widest, load_floats(in, sv + (j)));                                                                 \
    } while (0)
#define WHOLE_INTS(in, at) _mm512_loadu_si512(at)
#define WHOLE_FLOATS(in, at) _mm512_loadu_ps(at)
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        /* The next head's scores stand behind these, and come from afar. */
        _mm_prefetch((const char *)(s + n + j), _MM_HINT_T0);
        SCORES_AT(j, (__mmask16)0xFFFF, WHOLE_INTS, WHOLE_FLOATS);
    }
    if (j < n) {
        SCORES_AT(j, first(n - j), _mm512_maskz_loadu_epi32, _mm512_maskz_loadu_ps);
        j += 16;
    }
    if (j % 32) _mm512_storeu_ps(z + j, _mm512_set1_ps(-INFINITY));
    *holds = 1;
    for (int round = 0; round < 2; round++)
        *holds &= sum64(_mm512_add_epi64(even[round], odd[round])) == expected[round];
    float max = _mm512_reduce_max_ps(most), a = _mm512_reduce_max_ps(widest);
    if (unordered || !(fabsf(max) <= __FLT_MAX__)) return NAN;
    int zero = a < 0x1p-100f;
    float scale = zero ? 0.0f : 32767.0f / a;
    int64_t den = (int32_t)rintf(_mm512_cvtss_f32(exp16(_mm512_set1_ps(sink - max))) * 0x1p24f), total[2][2][DIGITS] = {0};
    _Alignas(64) uint16_t upper[BLOCK], lower[BLOCK];
    for (int block = 0; block < n; block += BLOCK) {
        int count = n - block < BLOCK ? n - block : BLOCK;
        den += weigh(z + block, sv + block, count, max, scale, upper, lower);
        for (int round = 0; round < 2; round++)
            sum_halves(upper, lower, digits + round * round_stride + block, stride, count, total[round]);
    }
    for (int round = 0; round < 2; round++)
        for (int part = 0; part < 2; part++)
            sums[round][part] = (int64_t)((uint64_t)total[round][part][0] + ((uint64_t)total[round][part][1] << 16) +
                                          ((uint64_t)total[round][part][2] << 32));
    return zero ? 0.0f : a / 32767.0f / ((float)den * 0x1p-24f);
}

/* All heads of one token with its n keys. Everything is laid out as LayerCheck.java and NativeAttentionCheck.java have it: keySum[2][kvHead][size], r[2][capacity],
 * sk and sv [kvHead][capacity], digits[2][kvHead][DIGITS][capacity], secrets[2][size], sinks[heads] or null.
 * Writes heads * size outputs. Returns -1 when all holds;
 * else head * 4 + 1: scores, 2: sums, 3: not a number. z is scratch of capacity floats; capacity is a multiple of 32. Fastest where
 * all but the opening stands at whole cache lines. */
EXPORT int pl_attention_avx512(
    const int8_t *opening, int64_t scoresAt, int64_t highAt, int64_t lowAt, int n, int heads, int kvHeads, int size, const int16_t *q,
    const float *sq, float attentionScale, const int64_t *keySum, const int32_t *r, int capacity, const float *sk, const float *sv,
    const int16_t *digits, const int32_t *secrets, const float *sinks, float *z, float *out) {
    const int32_t *scores = (const int32_t *)(opening + scoresAt), *high = (const int32_t *)(opening + highAt);
    const int32_t *low = (const int32_t *)(opening + lowAt);
    int shared = heads / kvHeads;
    for (int h = 0; h < heads; h++) {
        int g = h / shared, holds;
        int64_t expected[2], sums[2][2];
        for (int round = 0; round < 2; round++) {
            const int64_t *keys = keySum + ((int64_t)round * kvHeads + g) * size;
            uint64_t sum = 0;
            for (int i = 0; i < size; i++) sum += (uint64_t)(int64_t)q[h * size + i] * (uint64_t)keys[i];
            expected[round] = (int64_t)sum;
        }
        float sink = sinks ? sinks[h] : -INFINITY;
        float factor = head(scores + (int64_t)h * n, n, sq[h] * attentionScale, sink, sk + (int64_t)g * capacity,
                            sv + (int64_t)g * capacity, r, capacity, expected, digits + (int64_t)g * DIGITS * capacity,
                            (int64_t)kvHeads * DIGITS * capacity, capacity, z, sums, &holds);
        if (!holds) return h * 4 + 1;
        if (factor != factor) return h * 4 + 3;
        const int32_t *o_high = high + h * size, *o_low = low + h * size;
        for (int round = 0; round < 2; round++) {
            uint64_t sum_high = 0, sum_low = 0;
            for (int i = 0; i < size; i++) {
                sum_high += (uint64_t)((int64_t)o_high[i] * secrets[round * size + i]);
                sum_low += (uint64_t)((int64_t)o_low[i] * secrets[round * size + i]);
            }
            if ((int64_t)sum_high != sums[round][0] || (int64_t)sum_low != sums[round][1]) return h * 4 + 2;
        }
        for (int i = 0; i < size; i++) out[h * size + i] = (float)(256 * (int64_t)o_high[i] + o_low[i]) * factor;
    }
    return -1;
}

/* Takes keys from .. to into what attention of later tokens needs: keySum[2][kvHeads][size] += r[round][key] * k, and of each key's values
 * the dots with both rounds' secrets, as DIGITS signed 16-bit digits. k and v are [key][kvHeads * size]; r[2][capacity], secrets[2][size],
 * digits[2][kvHeads][DIGITS][capacity]. size is a multiple of 8. */
EXPORT void pl_extend_avx512(
    const int16_t *k, const int8_t *v, int from, int to, int kvHeads, int size, const int32_t *r, int capacity, const int32_t *secrets,
    int64_t *keySum, int16_t *digits) {
    int64_t width = (int64_t)kvHeads * size;
    /* Sums of 32 channels stay in registers over all keys. */
    for (int64_t c = 0; c < width; c += 32) {
        int parts = width - c < 32 ? (int)(width - c) / 8 : 4;
        __m512i sum[2][4];
        for (int round = 0; round < 2; round++)
            for (int p = 0; p < parts; p++) sum[round][p] = _mm512_loadu_si512(keySum + round * width + c + 8 * p);
        if (parts == 4) {
            for (int j = from; j < to; j++) {
                __m512i r0 = _mm512_set1_epi64(r[j]), r1 = _mm512_set1_epi64(r[capacity + j]);
                ALL for (int p = 0; p < 4; p++) {
                    __m512i key = _mm512_cvtepi16_epi64(_mm_loadu_si128((const __m128i *)(k + j * width + c + 8 * p)));
                    sum[0][p] = _mm512_add_epi64(sum[0][p], _mm512_mul_epi32(key, r0));
                    sum[1][p] = _mm512_add_epi64(sum[1][p], _mm512_mul_epi32(key, r1));
                }
            }
        } else {
            for (int j = from; j < to; j++) {
                __m512i r0 = _mm512_set1_epi64(r[j]), r1 = _mm512_set1_epi64(r[capacity + j]);
                for (int p = 0; p < parts; p++) {
                    __m512i key = _mm512_cvtepi16_epi64(_mm_loadu_si128((const __m128i *)(k + j * width + c + 8 * p)));
                    sum[0][p] = _mm512_add_epi64(sum[0][p], _mm512_mul_epi32(key, r0));
                    sum[1][p] = _mm512_add_epi64(sum[1][p], _mm512_mul_epi32(key, r1));
                }
            }
        }
        for (int round = 0; round < 2; round++)
            for (int p = 0; p < parts; p++) _mm512_storeu_si512(keySum + round * width + c + 8 * p, sum[round][p]);
    }
    for (int j = from; j < to; j++) {
        for (int g = 0; g < kvHeads; g++) {
            const int8_t *values = v + j * width + (int64_t)g * size;
            __m512i dot[2];
            dot[0] = dot[1] = _mm512_setzero_si512();
            for (int c = 0; c < size; c += 8) {
                __m512i value = _mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)(values + c)));
                ALL for (int round = 0; round < 2; round++) {
                    __m512i secret = _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)(secrets + round * size + c)));
                    dot[round] = _mm512_add_epi64(dot[round], _mm512_mul_epi32(value, secret));
                }
            }
            for (int round = 0; round < 2; round++) {
                int64_t rest = sum64(dot[round]);
                int16_t *to_digits = digits + ((int64_t)round * kvHeads + g) * DIGITS * capacity + j;
                for (int d = 0; d < DIGITS; d++) {
                    int16_t digit = (int16_t)rest;
                    to_digits[(int64_t)d * capacity] = digit;
                    rest = (rest - digit) >> 16;
                }
            }
        }
    }
}

/* The first of n key rows in which an element is beyond 12 bits, or a value -128; -1 where there is none. width elements a row. */
EXPORT int pl_first_bad_row_avx512(const int16_t *k, const int8_t *v, int from, int to, int width) {
    const __m512i most = _mm512_set1_epi16(2047), least = _mm512_set1_epi16(-2047), lowest = _mm512_set1_epi8(-128);
    for (int j = from; j < to; j++) {
        const int16_t *keys = k + (int64_t)j * width;
        const int8_t *values = v + (int64_t)j * width;
        uint64_t bad = 0;
        for (int c = 0; c < width; c += 64) {
            int left = width - c;
            __mmask64 bytes = left >= 64 ? ~0ULL : (1ULL << left) - 1;
            bad |= _mm512_mask_cmpeq_epi8_mask(bytes, _mm512_maskz_loadu_epi8(bytes, values + c), lowest);
            for (int half = 0; half < 2 && left > 32 * half; half++) {
                int rest = left - 32 * half;
                __mmask32 words = rest >= 32 ? 0xFFFFFFFFu : (1u << rest) - 1;
                __m512i key = _mm512_maskz_loadu_epi16(words, keys + c + 32 * half);
                bad |= _mm512_cmpgt_epi16_mask(key, most) | _mm512_cmplt_epi16_mask(key, least);
            }
        }
        if (bad) return j;
    }
    return -1;
}

/* s[round][i] += sum over rows of r[round][row] * w[row][i], two rounds: r[2] stand rStride apart, s[2] k apart. */
EXPORT void pl_accumulate_rows_avx512(
    const int8_t *w, int64_t wOffset, int rows, int k, const int32_t *r, int64_t rOffset, int64_t rStride, int64_t *s) {
    w += wOffset;
    r += rOffset;
    int i = 0;
    /* A cache line of each row at a time: used once and whole. */
    for (; i + 64 <= k; i += 64) {
        __m512i sum[2][8];
        ALL for (int a = 0; a < 2; a++)
            ALL for (int part = 0; part < 8; part++) sum[a][part] = _mm512_loadu_si512(s + (int64_t)a * k + i + 8 * part);
        for (int row = 0; row < rows; row++) {
            const int8_t *at = w + (int64_t)row * k + i;
            __m512i r0 = _mm512_set1_epi64(r[row]), r1 = _mm512_set1_epi64(r[rStride + row]);
            ALL for (int part = 0; part < 8; part++) {
                __m512i v = _mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)(at + 8 * part)));
                sum[0][part] = _mm512_add_epi64(sum[0][part], _mm512_mul_epi32(v, r0));
                sum[1][part] = _mm512_add_epi64(sum[1][part], _mm512_mul_epi32(v, r1));
            }
        }
        ALL for (int a = 0; a < 2; a++)
            ALL for (int part = 0; part < 8; part++) _mm512_storeu_si512(s + (int64_t)a * k + i + 8 * part, sum[a][part]);
    }
    for (; i < k; i++)
        for (int row = 0; row < rows; row++)
            for (int a = 0; a < 2; a++)
                s[(int64_t)a * k + i] = (int64_t)((uint64_t)s[(int64_t)a * k + i] + (uint64_t)((int64_t)r[a * rStride + row] * w[(int64_t)row * k + i]));
}
