/* BLAKE3 chunk chaining values, a chunk a lane: section 2.2 of the paper with vectors in place of words. Included by one file for each
 * vector width, which names V (a vector of LANES uint32), LANES, and load(m, at): 64 bytes of LANES chunks, 1 KiB apart, as 16 vectors. */
#pragma once
#include "kernels.h"
#include <string.h>

#define CHUNK_BYTES 1024
#define BLOCK_BYTES 64
#define CHUNK_START 1
#define CHUNK_END 2
#define PARENT 4
#define ROOT 8

/* How far before a block it is asked for; behind a chunk's end that is the chunk LANES further on. */
#define AHEAD_BYTES 256

static const uint32_t IV[8] = {
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
};

#define ROTATE(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

#define MIX(a, b, c, d, x, y) \
    a += b + (x); \
    d = ROTATE(d ^ a, 16); \
    c += d; \
    b = ROTATE(b ^ c, 12); \
    a += b + (y); \
    d = ROTATE(d ^ a, 8); \
    c += d; \
    b = ROTATE(b ^ c, 7)

#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    MIX(v0, v4, v8, v12, m[s0], m[s1]); \
    MIX(v1, v5, v9, v13, m[s2], m[s3]); \
    MIX(v2, v6, v10, v14, m[s4], m[s5]); \
    MIX(v3, v7, v11, v15, m[s6], m[s7]); \
    MIX(v0, v5, v10, v15, m[s8], m[s9]); \
    MIX(v1, v6, v11, v12, m[s10], m[s11]); \
    MIX(v2, v7, v8, v13, m[s12], m[s13]); \
    MIX(v3, v4, v9, v14, m[s14], m[s15])

static inline V all(uint32_t value) { return value - (V){0}; }

static inline void compress(V cv[8], const V m[16], V low, V high, uint32_t bytes, uint32_t flags) {
    V v0 = cv[0], v1 = cv[1], v2 = cv[2], v3 = cv[3], v4 = cv[4], v5 = cv[5], v6 = cv[6], v7 = cv[7];
    V v8 = all(IV[0]), v9 = all(IV[1]), v10 = all(IV[2]), v11 = all(IV[3]);
    V v12 = low, v13 = high, v14 = all(bytes), v15 = all(flags);
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    ROUND(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8);
    ROUND(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1);
    ROUND(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6);
    ROUND(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4);
    ROUND(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7);
    ROUND(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13);
    cv[0] = v0 ^ v8, cv[1] = v1 ^ v9, cv[2] = v2 ^ v10, cv[3] = v3 ^ v11;
    cv[4] = v4 ^ v12, cv[5] = v5 ^ v13, cv[6] = v6 ^ v14, cv[7] = v7 ^ v15;
}

/* Chaining values of count whole chunks: key of 8 words, an index for each chunk, 8 words out for each. */
#define CHUNKS(isa) \
    EXPORT void pl_chunks_##isa( \
        const uint32_t *key, int32_t flags, const uint8_t *in, int32_t count, const int64_t *indices, int64_t firstIndex, \
        uint32_t *cvs, int64_t firstCv) { \
        indices += firstIndex; \
        cvs += firstCv; \
        for (int c = 0; c < count; c += LANES) { \
            int here = count - c < LANES ? count - c : LANES; \
            const uint8_t *at[LANES]; \
            uint32_t lows[LANES], highs[LANES]; \
            for (int i = 0; i < LANES; i++) { \
                int chunk = c + (i < here ? i : here - 1); \
                at[i] = in + (int64_t)chunk * CHUNK_BYTES; \
                lows[i] = (uint32_t)indices[chunk]; \
                highs[i] = (uint32_t)((uint64_t)indices[chunk] >> 32); \
            } \
            V low, high, cv[8], m[16]; \
            memcpy(&low, lows, sizeof low); \
            memcpy(&high, highs, sizeof high); \
            for (int w = 0; w < 8; w++) cv[w] = all(key[w]); \
            for (int b = 0; b < CHUNK_BYTES; b += BLOCK_BYTES) { \
                /* As many streams as lanes are more than a processor foresees: from memory this is worth half as much speed again. */ \
                int ahead = b + AHEAD_BYTES < CHUNK_BYTES ? b + AHEAD_BYTES : (LANES - 1) * CHUNK_BYTES + b + AHEAD_BYTES; \
                for (int i = 0; i < LANES; i++) __builtin_prefetch(at[i] + ahead); \
                load(m, at, b); \
                int edges = (b == 0 ? CHUNK_START : 0) | (b == CHUNK_BYTES - BLOCK_BYTES ? CHUNK_END : 0); \
                compress(cv, m, low, high, BLOCK_BYTES, (uint32_t)(flags | edges)); \
            } \
            uint32_t words[8][LANES]; \
            memcpy(words, cv, sizeof words); \
            for (int i = 0; i < here; i++) \
                for (int w = 0; w < 8; w++) cvs[(int64_t)(c + i) * 8 + w] = words[w][i]; \
        } \
    }

/* Parents of neighbours: 16 words in (left, then right), 8 words out for each. out may be in. */
#define PARENTS(isa) \
    EXPORT void pl_parents_##isa( \
        const uint32_t *key, int32_t flags, const uint32_t *in, int64_t firstIn, int32_t count, uint32_t *out, int64_t firstOut) { \
        in += firstIn; \
        out += firstOut; \
        for (int p = 0; p < count; p += LANES) { \
            int here = count - p < LANES ? count - p : LANES; \
            const uint8_t *at[LANES]; \
            for (int i = 0; i < LANES; i++) at[i] = (const uint8_t *)(in + (int64_t)(p + (i < here ? i : here - 1)) * 16); \
            V cv[8], m[16]; \
            for (int w = 0; w < 8; w++) cv[w] = all(key[w]); \
            load(m, at, 0); \
            compress(cv, m, all(0), all(0), BLOCK_BYTES, (uint32_t)(flags | PARENT)); \
            uint32_t words[8][LANES]; \
            memcpy(words, cv, sizeof words); \
            for (int i = 0; i < here; i++) \
                for (int w = 0; w < 8; w++) out[(int64_t)(p + i) * 8 + w] = words[w][i]; \
        } \
    }

/* Hashes of count messages of as many bytes each, at most a chunk, one after the other: 8 words out for each. */
#define MESSAGES(isa) \
    EXPORT void pl_messages_##isa( \
        const uint32_t *key, int32_t flags, const uint8_t *in, int32_t count, int32_t bytes, uint32_t *hashes, int64_t first) { \
        hashes += first; \
        int blocks = bytes ? (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES : 1; \
        for (int p = 0; p < count; p += LANES) { \
            int here = count - p < LANES ? count - p : LANES; \
            const uint8_t *at[LANES], *from[LANES]; \
            uint8_t ends[LANES][BLOCK_BYTES]; \
            V cv[8], m[16]; \
            for (int i = 0; i < LANES; i++) at[i] = in + (int64_t)(p + (i < here ? i : here - 1)) * bytes; \
            for (int w = 0; w < 8; w++) cv[w] = all(key[w]); \
            for (int b = 0; b < blocks; b++) { \
                int length = bytes - b * BLOCK_BYTES < BLOCK_BYTES ? bytes - b * BLOCK_BYTES : BLOCK_BYTES; \
                if (length == BLOCK_BYTES) { \
                    load(m, at, b * BLOCK_BYTES); \
                } else { \
                    memset(ends, 0, sizeof ends); \
                    for (int i = 0; i < LANES; i++) { \
                        memcpy(ends[i], at[i] + b * BLOCK_BYTES, (size_t)length); \
                        from[i] = ends[i]; \
                    } \
                    load(m, from, 0); \
                } \
                int edges = (b == 0 ? CHUNK_START : 0) | (b == blocks - 1 ? CHUNK_END | ROOT : 0); \
                compress(cv, m, all(0), all(0), (uint32_t)length, (uint32_t)(flags | edges)); \
            } \
            uint32_t words[8][LANES]; \
            memcpy(words, cv, sizeof words); \
            for (int i = 0; i < here; i++) \
                for (int w = 0; w < 8; w++) hashes[(int64_t)(p + i) * 8 + w] = words[w][i]; \
        } \
    }
