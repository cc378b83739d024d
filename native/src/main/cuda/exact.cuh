// The numeric contract on a GPU: only operations that every IEEE machine rounds the same way, each by name, so that nothing is
// contracted, flushed or approximated. Reads like ScalarMath.java; a test compares the constants with Constants.java.
#pragma once
#include <cstdint>

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

/// exp for x <= 0; 0 below EXP_FLOOR.
__device__ __forceinline__ float exp(float x) {
    if (x < EXP_FLOOR) return 0.0f;
    float n = rintf(mul(x, LOG2E));
    float r = __fmaf_rn(n, -LN2_HI, x);
    r = __fmaf_rn(n, -LN2_LO, r);
    float p = __fmaf_rn(E6, r, E5);
    p = __fmaf_rn(p, r, E4);
    p = __fmaf_rn(p, r, E3);
    p = __fmaf_rn(p, r, E2);
    p = __fmaf_rn(p, r, 1.0f);
    p = __fmaf_rn(p, r, 1.0f);
    return mul(p, __int_as_float(((int)n + 127) << 23));
}

__device__ __forceinline__ float silu(float x) {
    float e = exp(-fabsf(x));
    return x >= 0 ? mul(x, div(1.0f, add(1.0f, e))) : mul(x, div(e, add(1.0f, e)));
}

/// (float) acc * (s * w), and the bias where there is one.
__device__ __forceinline__ float dequantize(int acc, float s, float w) { return mul(__int2float_rn(acc), mul(s, w)); }

/// Largest of all threads' magnitudes, as the bits of a float: NaN stands above infinity, infinity above every number.
__device__ __forceinline__ unsigned block_max(unsigned bits, unsigned *shared) {
    shared[threadIdx.x] = bits;
    __syncthreads();
    for (unsigned w = blockDim.x / 2; w > 0; w /= 2) {
        if (threadIdx.x < w && shared[threadIdx.x + w] > shared[threadIdx.x]) shared[threadIdx.x] = shared[threadIdx.x + w];
        __syncthreads();
    }
    unsigned most = shared[0];
    __syncthreads();
    return most;
}

/// Sum of squares in the contract's lane order, lane j by thread j; a block of LANES threads.
__device__ __forceinline__ float block_sum_squares(const float *x, int n, float *lane) {
    float sum = 0.0f;
    for (int k = threadIdx.x; k < n; k += LANES) sum = __fmaf_rn(x[k], x[k], sum);
    lane[threadIdx.x] = sum;
    __syncthreads();
    for (int w = LANES / 2; w >= 1; w /= 2) {
        if ((int)threadIdx.x < w) lane[threadIdx.x] = add(lane[threadIdx.x], lane[threadIdx.x + w]);
        __syncthreads();
    }
    float all = lane[0];
    __syncthreads();
    return all;
}

/// What a row is multiplied by before it is rounded, and its scale, from its largest magnitude.
struct Quantization {
    float inverse, scale;

    __device__ __forceinline__ Quantization(unsigned largest_bits, float levels, int *status) {
        float a = __int_as_float((int)largest_bits);
        if (largest_bits >= 0x7F800000u && threadIdx.x == 0) atomicMax(status, NOT_FINITE);
        bool zero = a < TINY;
        inverse = zero ? 0.0f : div(levels, a);
        scale = zero ? 0.0f : div(a, levels);
    }
};

__device__ __forceinline__ unsigned magnitude(float x) { return (unsigned)__float_as_int(x) & 0x7FFFFFFFu; }

}  // namespace exact
