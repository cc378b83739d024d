/* Sums of products in Z/2^64, compiled once for each instruction set: -DFORM=name. Wrap-around is intended: it is the ring, and unsigned
 * arithmetic has it. */
#include "kernels.h"

#define DOT(name, X, S, TERM) \
    FUNCTION(int64_t, name)(const X *x, int64_t xOffset, const S *s, int64_t sOffset, int n) { \
        x += xOffset; \
        s += sOffset; \
        uint64_t sum = 0; \
        for (int k = 0; k < n; k++) sum += TERM; \
        return (int64_t)sum; \
    }

DOT(dot_i8_i64, int8_t, int64_t, (uint64_t)(int64_t)x[k] * (uint64_t)s[k])
DOT(dot_i16_i64, int16_t, int64_t, (uint64_t)(int64_t)x[k] * (uint64_t)s[k])
DOT(dot_i32_i32, int32_t, int32_t, (uint64_t)((int64_t)x[k] * s[k]))
DOT(dot_i8_i32, int8_t, int32_t, (uint64_t)((int64_t)x[k] * s[k]))
/* The high and the low byte of each weight. */
DOT(dot_high_i64, int16_t, int64_t, (uint64_t)(int64_t)(x[k] >> 8) * (uint64_t)s[k])
DOT(dot_low_i64, int16_t, int64_t, (uint64_t)(int64_t)(x[k] & 0xFF) * (uint64_t)s[k])

#define ACCUMULATE(name, W) \
    FUNCTION(void, name)(const W *w, int64_t wOffset, int n, int r, int64_t *s, int64_t sOffset) { \
        w += wOffset; \
        uint64_t *sums = (uint64_t *)s + sOffset; \
        for (int k = 0; k < n; k++) sums[k] += (uint64_t)((int64_t)r * w[k]); \
    }

ACCUMULATE(accumulate_i8, int8_t)
ACCUMULATE(accumulate_i16, int16_t)
