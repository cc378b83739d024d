/* int32 words in as many bits as the widest of a block takes: io.plumbline.verifier.encoding.PackedWords says how, and is what this equals.
 * Compiled once for each instruction set. */
#include "kernels.h"
#include <string.h>

#define ROW 64
#define ROWS 32
#define BLOCK_BYTES (ROW * ROWS)

/* A row is one vector or several, each of which goes through a block by itself. */
#if defined(__AVX512F__)
#define VECTOR 64
#elif defined(__AVX2__)
#define VECTOR 32
#else
#define VECTOR 16
#endif
typedef uint32_t Words __attribute__((vector_size(VECTOR), aligned(1), may_alias));
typedef int32_t Signed __attribute__((vector_size(VECTOR), aligned(1), may_alias));

/* Small for small magnitudes. */
#define FOLDED(at) ((Words)(*(const Signed *)(at) << 1 ^ *(const Signed *)(at) >> 31))

static inline int width_of(const uint8_t *in) {
    Words all = {0};
    for (int i = 0; i < BLOCK_BYTES; i += VECTOR) all |= FOLDED(in + i);
    uint32_t any = 0;
    for (int lane = 0; lane < VECTOR / 4; lane++) any |= all[lane];
    return any ? 32 - __builtin_clz(any) : 0;
}

static inline void pack_block(const uint8_t *in, int width, uint8_t *out) {
    for (int part = 0; part < ROW; part += VECTOR) {
        Words filled = {0};
        for (int row = 0; row < ROWS && width > 0; row++) {
            Words words = FOLDED(in + ROW * row + part);
            int shift = row * width & 31;
            filled |= words << shift;
            if (shift + width >= 32) {
                *(Words *)(out + ROW * (row * width >> 5) + part) = filled;
                filled = shift + width > 32 ? words >> (32 - shift) : (Words){0};
            }
        }
    }
}

static inline void unpack_block(const uint8_t *in, int width, uint8_t *out) {
    uint32_t mask = 0xFFFFFFFFu >> (32 - width);
    for (int part = 0; part < ROW; part += VECTOR)
        for (int row = 0; row < ROWS; row++) {
            const uint8_t *at = in + ROW * (row * width >> 5) + part;
            int shift = row * width & 31;
            Words words = *(const Words *)at >> shift;
            if (shift + width > 32) words |= *(const Words *)(at + ROW) << (32 - shift);
            words &= mask;
            *(Words *)(out + ROW * row + part) = words >> 1 ^ -(words & 1);
        }
}

/* Packs so many bytes; returns those written. */
FUNCTION(int, pack)(const uint8_t *in, int64_t at, int length, uint8_t *out, int64_t outAt) {
    in += at;
    out += outAt;
    uint8_t *to = out;
    for (; length >= BLOCK_BYTES; in += BLOCK_BYTES, length -= BLOCK_BYTES) {
        int width = width_of(in);
        *to++ = (uint8_t)width;
        pack_block(in, width, to);
        to += ROW * width;
    }
    memcpy(to, in, length);
    return (int)(to + length - out);
}

/* Unpacks into exactly `length` bytes; 0 where they are not packed to that many. */
FUNCTION(int, unpack)(const uint8_t *in, int64_t at, int packed, uint8_t *out, int64_t outAt, int length) {
    in += at;
    out += outAt;
    for (; length >= BLOCK_BYTES; out += BLOCK_BYTES, length -= BLOCK_BYTES) {
        if (packed < 1) return 0;
        int width = *in;
        int bytes = ROW * width;
        if (width > 32 || packed - 1 < bytes) return 0;
        if (width) unpack_block(in + 1, width, out);
        else memset(out, 0, BLOCK_BYTES);
        in += 1 + bytes;
        packed -= 1 + bytes;
    }
    if (packed != length) return 0;
    memcpy(out, in, length);
    return 1;
}
