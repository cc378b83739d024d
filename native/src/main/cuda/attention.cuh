// What becomes of one score of a prompt's attention, whichever instruction computed it.
#pragma once
#include "exact.cuh"

namespace attention {

using namespace exact;

/// The largest of four neighbouring lanes; NaN where one is.
__device__ __forceinline__ float quad_max(float v) {
#pragma unroll
    for (int o = 1; o <= 2; o <<= 1) {
        float other = __int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(v), o));
        v = other > v || other != other ? other : v;
    }
    return v;
}

/// The sum of four neighbouring lanes.
__device__ __forceinline__ unsigned long long quad_sum(unsigned long long v) {
#pragma unroll
    for (int o = 1; o <= 2; o <<= 1) {
        unsigned low = (unsigned)__shfl_xor_sync(0xffffffffu, (int)(unsigned)v, o);
        unsigned high = (unsigned)__shfl_xor_sync(0xffffffffu, (int)(unsigned)(v >> 32), o);
        v += (unsigned long long)high << 32 | low;
    }
    return v;
}

/// First pass: the largest score of a row, and the largest scale of a value that it sees. No branch for keys that it does not see: a warp would go
/// both ways one after the other.
__device__ __forceinline__ void see(int score, float factor, float key_scale, float value_scale, bool is_seen, float &most, float &scale) {
    float z = mul(__int2float_rn(score), mul(factor, key_scale));
    most = is_seen && (z > most || z != z) ? z : most;
    scale = is_seen && value_scale > scale ? value_scale : scale;
}

/// Second pass: 15-bit weights of two neighbouring keys, in halves.
struct Pair {
    uint16_t high = 0, low = 0;

    /// Takes key e of the two; returns what it adds to the denominator, at most 2^24.
    __device__ __forceinline__ unsigned weigh(
        int e, int score, float factor, float key_scale, float value_scale, bool is_seen, float most, float to_weights) {
        float z = mul(__int2float_rn(score), mul(factor, key_scale));
        float weight = exact::exp(sub(z, most));
        weight = is_seen ? weight : 0.0f;
        unsigned u = is_seen ? (unsigned)__float_as_int(add(mul(mul(weight, value_scale), to_weights), TO_INTEGER)) : 0u;
        high |= (uint16_t)((u >> 8 & 127) << 8 * e);
        low |= (uint16_t)((u & 255) << 8 * e);
        return (unsigned)(int)rintf(mul(weight, 0x1p24f));
    }
};

}  // namespace attention
