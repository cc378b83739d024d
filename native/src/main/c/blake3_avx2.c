#include <stdint.h>
typedef uint32_t V __attribute__((vector_size(32)));
#define LANES 8
#include "blake3.h"
#include <immintrin.h>

/* 8 words of 8 chunks: word w of chunk i goes to lane i of vector w. */
static inline void transpose8(V m[8], const uint8_t *at[LANES], int offset) {
    __m256i a[8], b[8];
    for (int i = 0; i < 8; i++) a[i] = _mm256_loadu_si256((const __m256i *)(at[i] + offset));
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        a[i] = _mm256_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm256_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm256_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        m[i] = (V)_mm256_permute2x128_si256(a[i], a[i + 4], 0x20);
        m[i + 4] = (V)_mm256_permute2x128_si256(a[i], a[i + 4], 0x31);
    }
}

static inline void load(V m[16], const uint8_t *at[LANES], int offset) {
    transpose8(m, at, offset);
    transpose8(m + 8, at, offset + 32);
}

CHUNKS(avx2)
PARENTS(avx2)
MESSAGES(avx2)
