#include <stdint.h>
typedef uint32_t V __attribute__((vector_size(64)));
#define LANES 16
#include "blake3.h"
#include "transpose512.h"

static inline void load(V m[16], const uint8_t *at[LANES], int offset) {
    __m512i rows[16];
    for (int i = 0; i < 16; i++) rows[i] = _mm512_loadu_si512(at[i] + offset);
    transpose(rows);
    for (int w = 0; w < 16; w++) m[w] = (V)rows[w];
}

CHUNKS(avx512)
PARENTS(avx512)
MESSAGES(avx512)
