/* The gated delta rule of linear attention, compiled once for each instruction set: -DFORM=name. Columns of a head's matrix do not depend on
 * each other: a few at a time stay in the first cache while all tokens of a run go through them, and one pass over them ends a token and
 * begins the next. Every operation is that of ScalarMath.deltaRule, in its order. */
#include "kernels.h"

#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512 F;
#define F_LANES 16
#define F_LOAD(p) _mm512_loadu_ps(p)
#define F_STORE(p, v) _mm512_storeu_ps(p, v)
#define F_ALL(x) _mm512_set1_ps(x)
#define F_ADD_PRODUCT(a, b, c) _mm512_fmadd_ps(a, b, c)
#define F_MULTIPLY(a, b) _mm512_mul_ps(a, b)
#define F_SUBTRACT(a, b) _mm512_sub_ps(a, b)
#elif defined(__AVX2__)
#include <immintrin.h>
typedef __m256 F;
#define F_LANES 8
#define F_LOAD(p) _mm256_loadu_ps(p)
#define F_STORE(p, v) _mm256_storeu_ps(p, v)
#define F_ALL(x) _mm256_set1_ps(x)
#define F_ADD_PRODUCT(a, b, c) _mm256_fmadd_ps(a, b, c)
#define F_MULTIPLY(a, b) _mm256_mul_ps(a, b)
#define F_SUBTRACT(a, b) _mm256_sub_ps(a, b)
#else
#include <arm_neon.h>
typedef float32x4_t F;
#define F_LANES 4
#define F_LOAD(p) vld1q_f32(p)
#define F_STORE(p, v) vst1q_f32(p, v)
#define F_ALL(x) vdupq_n_f32(x)
#define F_ADD_PRODUCT(a, b, c) vfmaq_f32(c, a, b)
#define F_MULTIPLY(a, b) vmulq_f32(a, b)
#define F_SUBTRACT(a, b) vsubq_f32(a, b)
#endif

/* What a run's panels share. A token's queries, keys and values stand at x + token * xStride, its decay and rate at gates + token * gStride,
 * its outputs at out + token * oStride. */
typedef struct {
    const float *from;
    float *to;
    int keyDim, valueDim, tokens;
    const float *query, *key, *value;
    int64_t xStride;
    const float *decay, *rate;
    int64_t gStride;
    float *out;
    int64_t oStride;
} Run;

/* Vectors of columns that are taken at once: their panel of 128 rows fills 32 KiB with the widest vectors. */
#define WIDE 4

/* Floats may stand at any byte. */
typedef float __attribute__((aligned(1))) unaligned_float;

/* One pass over a panel: ends token t and, but for the last, begins the next one, whose decay and key it takes. The first token's own decay is
 * taken once more, for nothing was written before it. */
static inline __attribute__((always_inline)) void pass(
    const Run *r, int c, int t, const int wide, const int isFirst, const int isLast, const F *change, F *known, F *sum) {
    const int64_t row = r->valueDim;
    const float *from = (isFirst ? r->from : r->to) + c;
    float *to = r->to + c;
    const float *query = r->query + t * r->xStride, *key = r->key + t * r->xStride, *nextKey = key + (isLast ? 0 : r->xStride);
    F decay = F_ALL(r->decay[0]), nextDecay = F_ALL(r->decay[isLast ? 0 : (t + 1) * r->gStride]);
    for (int k = 0; k < r->keyDim; k++) {
        F ofQuery = F_ALL(query[k]), ofKey = F_ALL(key[k]), ofNext = F_ALL(nextKey[k]);
        ALL for (int i = 0; i < wide; i++) {
            int64_t at = k * row + i * F_LANES;
            F s = F_LOAD(from + at);
            if (isFirst) s = F_MULTIPLY(s, decay);
            s = F_ADD_PRODUCT(ofKey, change[i], s);
            sum[i] = F_ADD_PRODUCT(ofQuery, s, sum[i]);
            if (!isLast) {
                s = F_MULTIPLY(s, nextDecay);
                known[i] = F_ADD_PRODUCT(ofNext, s, known[i]);
            }
            F_STORE(to + at, s);
        }
    }
}

/* `wide` vectors of columns from column c on. */
static inline __attribute__((always_inline)) void panel(const Run *r, int c, const int wide) {
    F known[WIDE], change[WIDE], sum[WIDE];
    const int64_t row = r->valueDim;
    const float *from = r->from + c;
    F decay = F_ALL(r->decay[0]);
    ALL for (int i = 0; i < wide; i++) known[i] = F_ALL(0.0f);
    for (int k = 0; k < r->keyDim; k++) {
        F key = F_ALL(r->key[k]);
        ALL for (int i = 0; i < wide; i++)
            known[i] = F_ADD_PRODUCT(key, F_MULTIPLY(F_LOAD(from + k * row + i * F_LANES), decay), known[i]);
    }
    for (int t = 0; t < r->tokens; t++) {
        const float *value = r->value + t * r->xStride + c;
        F rate = F_ALL(r->rate[t * r->gStride]);
        ALL for (int i = 0; i < wide; i++) {
            change[i] = F_MULTIPLY(F_SUBTRACT(F_LOAD(value + i * F_LANES), known[i]), rate);
            known[i] = sum[i] = F_ALL(0.0f);
        }
        int isLast = t == r->tokens - 1;
        if (t == 0 && isLast) pass(r, c, t, wide, 1, 1, change, known, sum);
        else if (t == 0) pass(r, c, t, wide, 1, 0, change, known, sum);
        else if (isLast) pass(r, c, t, wide, 0, 1, change, known, sum);
        else pass(r, c, t, wide, 0, 0, change, known, sum);
        ALL for (int i = 0; i < wide; i++) F_STORE(r->out + t * r->oStride + c + i * F_LANES, sum[i]);
    }
}

/* One column that no vector holds. */
static void column(const Run *r, int c) {
    for (int t = 0; t < r->tokens; t++) {
        const unaligned_float *from = t == 0 ? r->from : r->to;
        unaligned_float *to = r->to;
        const float *query = r->query + t * r->xStride, *key = r->key + t * r->xStride;
        float decay = r->decay[t * r->gStride], known = 0, sum = 0;
        for (int k = 0; k < r->keyDim; k++) {
            int64_t at = (int64_t)k * r->valueDim + c;
            float s = from[at] * decay;
            known = __builtin_fmaf(key[k], s, known);
            to[at] = s;
        }
        float change = (r->value[t * r->xStride + c] - known) * r->rate[t * r->gStride];
        for (int k = 0; k < r->keyDim; k++) {
            int64_t at = (int64_t)k * r->valueDim + c;
            float s = __builtin_fmaf(key[k], change, to[at]);
            sum = __builtin_fmaf(query[k], s, sum);
            to[at] = s;
        }
        r->out[t * r->oStride + c] = sum;
    }
}

/* from and to are offsets in bytes; to may be from. */
FUNCTION(void, delta_rule)(
    const char *from, int64_t fromOffset, char *to, int64_t toOffset, int keyDim, int valueDim, int tokens, const float *x,
    int64_t qOffset, int64_t kOffset, int64_t vOffset, int64_t xStride, const float *decays, const float *rates, int64_t gOffset,
    int64_t gStride, float *out, int64_t oOffset, int64_t oStride) {
    Run run = {
        (const float *)(from + fromOffset), (float *)(to + toOffset), keyDim, valueDim, tokens, x + qOffset, x + kOffset, x + vOffset,
        xStride, decays + gOffset, rates + gOffset, gStride, out + oOffset, oStride};
    int c = 0;
    for (; c + WIDE * F_LANES <= valueDim; c += WIDE * F_LANES) panel(&run, c, WIDE);
    for (; c + F_LANES <= valueDim; c += F_LANES) panel(&run, c, 1);
    for (; c < valueDim; c++) column(&run, c);
}
