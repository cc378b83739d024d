// A weight row of four bits. It stands in two places: its indices, 16 bytes a group of 32 weights, and its head, the sixteen codes and then a factor a
// group, filled up to whole 16 bytes.
#pragma once
#include "machine.cuh"

namespace int4rows {

constexpr int GROUP = 32;
constexpr int CODES = 16;

/// Bytes of a weight row's head.
__host__ __device__ constexpr int head_bytes(int k) { return CODES + (k / GROUP + 15) / 16 * 16; }

/// The codes of four indices, in the low halves of 16 bits.
__device__ __forceinline__ unsigned look_up(int4 codes, unsigned indices) {
    unsigned which = indices & 0x7777u;
    unsigned low = __byte_perm(codes.x, codes.y, which), high = __byte_perm(codes.z, codes.w, which);
    return __byte_perm(low, high, (indices >> 1 & 0x4444u) | 0x3210u);
}

}  // namespace int4rows
