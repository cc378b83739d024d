/* Integer kernels of exact inference: sums of int8 and int16 products in int32. Every form gives the same integers; which runs is a
 * matter of speed. Layouts are those of io.plumbline.inference.kernels.IntKernels. */
#pragma once
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

/* A function of a source that is compiled once for each instruction set, with -DFORM=name. */
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define FUNCTION(type, name) EXPORT type JOIN(pl_##name, FORM)

/* A loop of constant length over accumulators: unrolled, so that they stay in registers. */
#define ALL _Pragma("GCC unroll 16")

/* Bytes ahead that weights are asked for: they come from memory once a product, one row after the other, and the processor's own looking
 * ahead begins anew with each page. */
#define AHEAD 8192

/* Keys stand in blocks of 16 tokens, pairs of channels together; values in quads of 4 tokens. */
#define KEY_BLOCK 16
#define VALUE_QUAD 4

/* y[r * stride + n] = sum_k x[r][k] * w[n][k] for rows r < rows and weight rows from <= n < to. x in [-127, 127]. */
#define MULTIPLY(isa) \
    EXPORT void pl_multiply_##isa( \
        const int8_t *x, int rows, int k, const int8_t *w, int from, int to, int32_t *y, int64_t offset, int stride)

/* The same with weights of four bits in groups of 32: a row is k / 2 bytes of indices, then k / 32 factors, an int8 each. Byte j of a group's 16 has
 * weight j in its low half and weight 16 + j in its high half; an element is factor * codes[index], |codes| <= 31. */
#define GROUP 32
#define INDEX_BYTES (GROUP / 2)
#define ROW_BYTES(k) ((int64_t)(k) / GROUP * (INDEX_BYTES + 1))
#define MULTIPLY4(isa) \
    EXPORT void pl_multiply4_##isa( \
        const int8_t *x, int rows, int k, const uint8_t *w, const int8_t *codes, int from, int to, int32_t *y, \
        int64_t offset, int stride)

/* s[i * sStride + b * 16 + j] = q_i . key j of block b, for queries i and blocks b; size channels. */
#define SCORES(isa) \
    EXPORT void pl_scores_##isa( \
        const int16_t *q, int64_t qOffset, int qStride, int queries, const int16_t *keys, int size, int blocks, int32_t *s, \
        int64_t sOffset, int sStride)

/* high[i] += sum_j (u_ij >> 8) * v_j, low[i] += sum_j (u_ij & 255) * v_j over quads of 4 tokens; 0 <= u < 2^15. */
#define VALUES(isa) \
    EXPORT void pl_values_##isa( \
        const int16_t *u, int64_t uOffset, int uStride, int queries, const int8_t *values, int size, int quads, \
        int32_t *high, int32_t *low, int64_t offset, int stride)

/* The parts of a matrix product that no vector fills. */
static inline int32_t dot_rest(const int8_t *x, const int8_t *w, int from, int k) {
    int32_t sum = 0;
    for (int i = from; i < k; i++) sum += x[i] * w[i];
    return sum;
}

/* One row of four bits, as its format says it. */
static inline int32_t dot_groups(const int8_t *x, const uint8_t *w, const int8_t *codes, int k) {
    int32_t sum = 0;
    for (int g = 0; g < k / GROUP; g++) {
        int32_t part = 0;
        for (int j = 0; j < INDEX_BYTES; j++) {
            uint8_t both = w[g * INDEX_BYTES + j];
            part += x[g * GROUP + j] * codes[both & 15] + x[g * GROUP + INDEX_BYTES + j] * codes[both >> 4];
        }
        sum += (int8_t)w[k / 2 + g] * part;
    }
    return sum;
}
