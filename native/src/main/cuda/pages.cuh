// Pages of keys and values: 64 tokens of every layer, one layer's part after the other. A layer's part holds
//   keys, high bits   int8 [kvHead][token][D]     key >> 4, so that tensor cores and dp2a take 12-bit keys as two planes of bytes
//   keys, low bits    int8 [kvHead][token][D]     key & 15
//   values            int8 [kvHead][D][token]     tokens together: they are what attention sums over
//   key scales        f32  [kvHead][token]
//   value scales      f32  [kvHead][token]
#pragma once
#include <cstddef>
#include <cstdint>

namespace pages {

constexpr int TOKENS = 64;

struct Part {
    uint8_t *at;
    int kv_heads, size;

    __device__ __forceinline__ size_t plane() const { return (size_t)kv_heads * TOKENS * size; }
    __device__ __forceinline__ int8_t *high(int g) const { return reinterpret_cast<int8_t *>(at) + (size_t)g * TOKENS * size; }
    __device__ __forceinline__ int8_t *low(int g) const { return high(g) + plane(); }
    __device__ __forceinline__ int8_t *values(int g) const { return high(g) + 2 * plane(); }
    __device__ __forceinline__ float *key_scales(int g) const { return reinterpret_cast<float *>(at + 3 * plane()) + g * TOKENS; }
    __device__ __forceinline__ float *value_scales(int g) const { return key_scales(g) + kv_heads * TOKENS; }

    /// Channel i of a token's key of 12 bits, or of its value.
    __device__ __forceinline__ void put_key(int g, int slot, int i, int key) const {
        high(g)[slot * size + i] = (int8_t)(key >> 4);
        low(g)[slot * size + i] = (int8_t)(key & 15);
    }
    __device__ __forceinline__ void put_value(int g, int slot, int i, int value) const { values(g)[i * TOKENS + slot] = (int8_t)value; }
};

/// What attention knows of the cache: every row's list of pages, and where in a page this layer's part begins.
struct Cache {
    uint8_t *const *const *tables;
    long long layer;
    int kv_heads, size;

    /// Lists are uploaded before a step and written by no kernel, so this need not wait for the kernel before.
    __device__ __forceinline__ Part part(int row, int page) const {
        auto list = reinterpret_cast<const unsigned long long *>(__ldg(reinterpret_cast<const unsigned long long *>(tables + row)));
        return Part{reinterpret_cast<uint8_t *>(__ldg(list + page)) + layer, kv_heads, size};
    }
};

}  // namespace pages
