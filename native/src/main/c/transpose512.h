#pragma once
#include <immintrin.h>

/* Turns 16 rows of 64 bytes into 16 vectors, each with 4 neighbouring bytes of all 16 rows. */
static inline void transpose(__m512i a[16]) {
    __m512i b[16];
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        __m512i p = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88), q = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
        __m512i r = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88), s = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
        b[i] = _mm512_shuffle_i32x4(p, r, 0x88);
        b[i + 8] = _mm512_shuffle_i32x4(p, r, 0xdd);
        b[i + 4] = _mm512_shuffle_i32x4(q, s, 0x88);
        b[i + 12] = _mm512_shuffle_i32x4(q, s, 0xdd);
    }
    for (int i = 0; i < 16; i++) a[i] = b[i];
}
