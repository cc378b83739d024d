// Weights of four bits. A row stands in two places. Its indices: 64 bytes for every four groups of 32 weights, in the order in which lanes multiply them.
// Byte 16 t + 4 s of them begins the word for lane t of the s-th group: the indices of weights 4 t to 4 t + 3, the first lowest, and above them those of
// 16 + 4 t to 16 + 4 t + 3. And its head: the sixteen codes and then a factor a group, filled up to whole 16 bytes with zeros.
#pragma once
#include "machine.cuh"

namespace int4rows {

constexpr int GROUP = 32;
constexpr int CODES = 16;
/// Groups whose indices stand together, their weights, and bytes.
constexpr int TOGETHER = 4, BLOCK = TOGETHER * GROUP, BLOCK_BYTES = BLOCK / 2;

/// Bytes of a weight row's indices, and of its head.
__host__ __device__ constexpr int index_bytes(int k) { return (k + BLOCK - 1) / BLOCK * BLOCK_BYTES; }
__host__ __device__ constexpr int head_bytes(int k) { return CODES + (k / GROUP + 15) / 16 * 16; }

/// What is added to codes so that none is negative: a look-up that is not meant gives 0 then.
constexpr int BIAS = 64;
/// Four times its negative.
constexpr unsigned MINUS_BIAS = 0xC0C0C0C0u;

/// A row's codes, -64 to 63, with the bias.
__device__ __forceinline__ int4 biased(int4 codes) {
    auto add = [](int four) { return (four & 0x7F7F7F7F) ^ 0x40404040; };
    return make_int4(add(codes.x), add(codes.y), add(codes.z), add(codes.w));
}

/// The biased codes of the indices in the low 16 bits. A byte is taken from eight by an index below 8; any other asks for the sign of one, which is 0.
__device__ __forceinline__ unsigned look_up(int4 codes, unsigned indices) {
    return permute(codes.x, codes.y, indices) | permute(codes.z, codes.w, indices ^ 0x8888u);
}

/// A group's factor, of those of four groups.
__device__ __forceinline__ int factor_of(unsigned four, int group) { return (int)(int8_t)(four >> 8 * group); }

}  // namespace int4rows
