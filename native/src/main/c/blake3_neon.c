#include <stdint.h>
typedef uint32_t V __attribute__((vector_size(16)));
#define LANES 4
#include "blake3.h"

static inline void load(V m[16], const uint8_t *at[LANES], int offset) {
    uint32_t words[16][LANES];
    for (int i = 0; i < LANES; i++)
        for (int w = 0; w < 16; w++) memcpy(&words[w][i], at[i] + offset + 4 * w, 4);
    memcpy(m, words, sizeof words);
}

CHUNKS(neon)
PARENTS(neon)
MESSAGES(neon)
