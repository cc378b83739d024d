// The numeric contract on a GPU: only operations that every IEEE machine rounds the same way, each by name, so that nothing is
// contracted, flushed or approximated. Reads like ScalarMath.java; a test compares the constants with Constants.java.
#pragma once
#include <cstdint>
#include "lanes.cuh"

#ifndef CUDA_EMU
/// For the emulator, which knows neither: most threads a block, as in __launch_bounds__, and bytes of static shared memory, as ptxas says.
#define EMU_KERNEL(name, threads, shared)
#define DYN_SHARED(T, name) \
    extern __shared__ __align__(16) unsigned char name##_raw[]; \
    T *name = reinterpret_cast<T *>(name##_raw)
#endif

namespace exact {

constexpr int LANES = 256;
constexpr int THREADS = 256;
constexpr float TINY = 0x1p-100f;
constexpr float LOG2E = 0x1.715476p+0f;
constexpr float LN2_HI = 0x1.62e43p-1f;
constexpr float LN2_LO = -0x1.05c61p-29f;
constexpr float E2 = 0x1.fffffcp-2f;
constexpr float E3 = 0x1.555492p-3f;
constexpr float E4 = 0x1.5558f2p-5f;
constexpr float E5 = 0x1.1239e2p-7f;
constexpr float E6 = 0x1.6a2434p-10f;
constexpr float EXP_FLOOR = -87.0f;

/// A row that cannot be run exactly sets this in a kernel's status word: it held a NaN or an infinity.
constexpr int NOT_FINITE = 1;

__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float sub(float a, float b) { return __fsub_rn(a, b); }
__device__ __forceinline__ float div(float a, float b) { return __fdiv_rn(a, b); }

/// Added to a number of magnitude up to 2^22 it leaves that number, rounded to the nearest integer, ties to even, in the low bits: half the
/// conversions between floats and integers that a GPU is slow at.
constexpr float TO_INTEGER = 0x1.8p23f;

/// exp from EXP_FLOOR to 0.
__device__ __forceinline__ float exp_from_floor(float x) {
    float shifted = add(mul(x, LOG2E), TO_INTEGER);
    float n = sub(shifted, TO_INTEGER);
    float r = __fmaf_rn(n, -LN2_HI, x);
    r = __fmaf_rn(n, -LN2_LO, r);
    float p = __fmaf_rn(E6, r, E5);
    p = __fmaf_rn(p, r, E4);
    p = __fmaf_rn(p, r, E3);
    p = __fmaf_rn(p, r, E2);
    p = __fmaf_rn(p, r, 1.0f);
    p = __fmaf_rn(p, r, 1.0f);
    // The other bits of `shifted` leave by the shift.
    return mul(p, __int_as_float((int)(((unsigned)__float_as_int(shifted) << 23) + (127u << 23))));
}

/// exp for x <= 0; 0 below EXP_FLOOR, where the rest is computed for nothing, for a branch would cost more.
__device__ __forceinline__ float exp(float x) {
    float above = exp_from_floor(x);
    return x < EXP_FLOOR ? 0.0f : above;
}

/// n / (1 + e) as div gives it, for e from 0 to 1 and n of e or 1: a chord of the reciprocal, two of Halley's steps, and the quotient corrected by
/// its remainder. div has a branch, and so a thread one quotient at a time; of these it has many. A test tries every e.
__device__ __forceinline__ float div_by_one_plus(float n, float e) {
    float d = add(1.0f, e), y = __fmaf_rn(d, -0.5f, 1.5f);
#pragma unroll
    for (int i = 0; i < 2; i++) {
        float left = __fmaf_rn(-d, y, 1.0f);
        y = __fmaf_rn(__fmaf_rn(left, left, left), y, y);
    }
    float q = mul(n, y);
    return __fmaf_rn(__fmaf_rn(-d, q, n), y, q);
}

__device__ __forceinline__ float silu(float x) {
    float e = exp(-fabsf(x));
    return mul(x, div_by_one_plus(x >= 0 ? 1.0f : e, e));
}

/// (float) acc * (s * w), and the bias where there is one.
__device__ __forceinline__ float dequantize(int acc, float s, float w) { return mul(__int2float_rn(acc), mul(s, w)); }

/// Largest of all threads' magnitudes, as the bits of a float: NaN stands above infinity, infinity above every number. Blocks of whole warps;
/// shared: a word a warp.
__device__ __forceinline__ unsigned block_max(unsigned bits, unsigned *shared) {
    bits = lanes::largest<32>(bits);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = bits;
    __syncthreads();
    unsigned most = shared[0];
    for (unsigned w = 1; w < blockDim.x / 32; w++) most = shared[w] > most ? shared[w] : most;
    __syncthreads();
    return most;
}

/// Sum of a block of LANES threads' numbers in the contract's lane order, lane j by thread j. Lane i takes lane i + w for w of 128, 64, ... 1: each
/// warp does all of it from what the others left, so that one barrier is enough.
__device__ __forceinline__ float block_sum(float sum, float *lane) {
    lane[threadIdx.x] = sum;
    __syncthreads();
    const float *own = lane + threadIdx.x % 32;
    sum = add(add(add(own[0], own[128]), add(own[64], own[192])), add(add(own[32], own[160]), add(own[96], own[224])));
#pragma unroll
    for (int w = 16; w; w >>= 1) sum = add(sum, lanes::other(sum, w));
    // Lane 0 alone has added in that order.
    sum = __int_as_float(__shfl_sync(0xffffffffu, __float_as_int(sum), 0));
    __syncthreads();
    return sum;
}

/// Sum of squares in that order.
__device__ __forceinline__ float block_sum_squares(const float *x, int n, float *lane) {
    float sum = 0.0f;
#pragma unroll 8
    for (int k = threadIdx.x; k < n; k += LANES) sum = __fmaf_rn(x[k], x[k], sum);
    return block_sum(sum, lane);
}

/// What a row is multiplied by before it is rounded, and its scale, from its largest magnitude.
struct Quantization {
    float inverse, scale;

    /// tells: one thread of those that have the row, to say that it cannot be run exactly.
    __device__ __forceinline__ Quantization(unsigned largest_bits, float levels, bool tells, int *status) {
        float a = __int_as_float((int)largest_bits);
        if (largest_bits >= 0x7F800000u && tells) atomicMax(status, NOT_FINITE);
        bool zero = a < TINY;
        inverse = zero ? 0.0f : div(levels, a);
        scale = zero ? 0.0f : div(a, levels);
    }
};

__device__ __forceinline__ unsigned magnitude(float x) { return (unsigned)__float_as_int(x) & 0x7FFFFFFFu; }

}  // namespace exact
