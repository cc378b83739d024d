// Lanes of a warp together: what lanes that differ in some bits of their number have, and what becomes of it. All lanes of a warp come here.
#pragma once
#include "machine.cuh"

namespace lanes {

/// The same of the lane whose number differs in the bits of o.
__device__ __forceinline__ int other(int v, int o) { return __shfl_xor_sync(0xffffffffu, v, o); }
__device__ __forceinline__ unsigned other(unsigned v, int o) { return (unsigned)other((int)v, o); }
__device__ __forceinline__ float other(float v, int o) { return __int_as_float(other(__float_as_int(v), o)); }
__device__ __forceinline__ unsigned long long other(unsigned long long v, int o) {
    unsigned low = other((unsigned)v, o), high = other((unsigned)(v >> 32), o);
    return (unsigned long long)high << 32 | low;
}

__device__ __forceinline__ float larger(float a, float b) { return max_or_nan(a, b); }
__device__ __forceinline__ unsigned larger(unsigned a, unsigned b) { return b > a ? b : a; }

/// The largest of N neighbouring lanes, or of those of them that are LEAST apart; of floats NaN where one is.
template <int N, int LEAST = 1, class T>
__device__ __forceinline__ T largest(T v) {
#pragma unroll
    for (int o = LEAST; o < N; o <<= 1) v = larger(v, other(v, o));
    return v;
}

/// The sum of N neighbouring lanes' integers.
template <int N, class T>
__device__ __forceinline__ T sum(T v) {
#pragma unroll
    for (int o = 1; o < N; o <<= 1) v += other(v, o);
    return v;
}

}  // namespace lanes
