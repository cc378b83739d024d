// Common to the kernels for rows that decode: which heads a block takes, the scores of a page, and sums of its values.
#pragma once
#include "exact.cuh"
#include "machine.cuh"
#include "pages.cuh"

namespace decode {

using namespace exact;

constexpr int BLOCK = 128;
constexpr int HEADS = 8;
/// Lanes that share a key.
constexpr int KEY_LANES = 8;
/// Keys that a block takes at once, and how often for a page.
constexpr int KEYS_AT_ONCE = BLOCK / KEY_LANES;
constexpr int TURNS = pages::TOKENS / KEYS_AT_ONCE;
/// Threads of a block for each of its heads.
constexpr int HEAD_LANES = BLOCK / HEADS;

/// Which query heads a block takes: blockIdx.y counts groups of up to 8 heads that share a kv head.
struct Share {
    int g, head, count;

    __device__ __forceinline__ Share(int heads, int kv_heads) {
        int shared = heads / kv_heads, parts = (shared + HEADS - 1) / HEADS;
        g = blockIdx.y / parts;
        int first = blockIdx.y % parts * HEADS;
        head = g * shared + first;
        count = min(HEADS, shared - first);
    }
};

/// Scores of a page's keys with a block's heads, by BLOCK threads, 8 lanes a key: lane h of a key's lanes is given that of head h, and the key's
/// scale and its value's. found(key in the page, score, key scale, value scale). query: [heads][size] in shared memory, of at most H heads.
template <int H, class Found>
__device__ __forceinline__ void score_page(const pages::Part &part, const Share &share, const int16_t *query, int tid, Found found) {
    int lane = tid % KEY_LANES, size = part.size;
    // All of a thread's keys of the page are on their way at once.
    float key_scale[TURNS], value_scale[TURNS];
#pragma unroll
    for (int u = 0; u < TURNS; u++) {
        key_scale[u] = part.key_scales(share.g)[tid / KEY_LANES + u * KEYS_AT_ONCE];
        value_scale[u] = part.value_scales(share.g)[tid / KEY_LANES + u * KEYS_AT_ONCE];
    }
    int sums[TURNS][H];
#pragma unroll
    for (int u = 0; u < TURNS; u++)
#pragma unroll
        for (int h = 0; h < H; h++) sums[u][h] = 0;
    const int8_t *key_high = part.high(share.g) + tid / KEY_LANES * size, *key_low = part.low(share.g) + tid / KEY_LANES * size;
    if (size % 16 == 0) {
        for (int i = lane * 16; i < size; i += KEY_LANES * 16) {
            int4 a[TURNS], b[TURNS];
#pragma unroll
            for (int u = 0; u < TURNS; u++) {
                a[u] = *reinterpret_cast<const int4 *>(key_high + u * KEYS_AT_ONCE * size + i);
                b[u] = *reinterpret_cast<const int4 *>(key_low + u * KEYS_AT_ONCE * size + i);
            }
#pragma unroll
            for (int h = 0; h < H; h++) {
                if (h >= share.count) continue;
                const int *pairs = reinterpret_cast<const int *>(query + h * size + i);
#pragma unroll
                for (int u = 0; u < TURNS; u++) {
                    int words[8] = {a[u].x, a[u].y, a[u].z, a[u].w, b[u].x, b[u].y, b[u].z, b[u].w}, sum_high = 0;
#pragma unroll
                    for (int w = 0; w < 4; w++) {
                        sum_high = __dp2a_lo(pairs[2 * w], words[w], sum_high);
                        sum_high = __dp2a_hi(pairs[2 * w + 1], words[w], sum_high);
                        sums[u][h] = __dp2a_lo(pairs[2 * w], words[4 + w], sums[u][h]);
                        sums[u][h] = __dp2a_hi(pairs[2 * w + 1], words[4 + w], sums[u][h]);
                    }
                    sums[u][h] += 16 * sum_high;
                }
            }
        }
    } else {
        for (int i = lane; i < size; i += KEY_LANES)
#pragma unroll
            for (int u = 0; u < TURNS; u++) {
                int key = key_high[u * KEYS_AT_ONCE * size + i] * 16 + key_low[u * KEYS_AT_ONCE * size + i];
#pragma unroll
                for (int h = 0; h < H; h++)
                    if (h < share.count) sums[u][h] += query[h * size + i] * key;
            }
    }
#pragma unroll
    for (int u = 0; u < TURNS; u++) {
        int mine = 0;
#pragma unroll
        for (int h = 0; h < H; h++) {
            if (h >= share.count) continue;
            int sum = lanes::sum<KEY_LANES>(sums[u][h]);
            if (lane == h) mine = sum;
        }
        if (lane < share.count) found(tid / KEY_LANES + u * KEYS_AT_ONCE, mine, key_scale[u], value_scale[u]);
    }
}

/// Values of a page that a thread of BLOCK sums up: its C channels, BLOCK apart, all tokens.
template <int C>
struct Values {
    int4 at[C][4];

    __device__ __forceinline__ void load(const pages::Part &part, int g, int tid) {
#pragma unroll
        for (int i = 0; i < C; i++) {
            int channel = tid + i * BLOCK;
            if (channel >= part.size) continue;
            const int4 *from = reinterpret_cast<const int4 *>(part.values(g) + channel * pages::TOKENS);
#pragma unroll
            for (int quarter = 0; quarter < 4; quarter++) at[i][quarter] = from[quarter];
        }
    }

    /// Adds them, weighed for at most H heads by the page's weights in halves; a head's stand `stride` after those of the one before.
    template <int H>
    __device__ __forceinline__ void add(
        const Share &share, int size, int tid, const uint8_t *weights_high, const uint8_t *weights_low, int stride, int (&high)[C][H],
        int (&low)[C][H]) const {
#pragma unroll
        for (int i = 0; i < C; i++) {
            if (tid + i * BLOCK >= size) continue;
#pragma unroll
            for (int quarter = 0; quarter < 4; quarter++) {
                int4 v = at[i][quarter];
                int words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
                for (int h = 0; h < H; h++) {
                    if (h >= share.count) continue;
                    const unsigned *u = reinterpret_cast<const unsigned *>(weights_high + h * stride + quarter * 16);
                    const unsigned *l = reinterpret_cast<const unsigned *>(weights_low + h * stride + quarter * 16);
#pragma unroll
                    for (int w = 0; w < 4; w++) {
                        high[i][h] = dp4a_us(u[w], words[w], high[i][h]);
                        low[i][h] = dp4a_us(l[w], words[w], low[i][h]);
                    }
                }
            }
        }
    }
};

}  // namespace decode
