// int8 products for a few rows: y[r][n] = sum_k x[r][k] * w[n][k]. A warp a weight row, so that weights are read once, at the speed of memory.
#include "machine.cuh"
#include "products.cuh"

using products::After;
using products::Output;

namespace {

constexpr int WARPS = 4;

__device__ __forceinline__ int dot16(int4 a, int4 b, int sum) {
    sum = __dp4a(a.x, b.x, sum);
    sum = __dp4a(a.y, b.y, sum);
    sum = __dp4a(a.z, b.z, sum);
    return __dp4a(a.w, b.w, sum);
}

/// Products of one weight row with R inputs, whole in every lane.
template <int R>
__device__ __forceinline__ void dots(const int8_t *x, const int8_t *weights, int k, int (&sum)[R]) {
    int lane = threadIdx.x & 31;
#pragma unroll
    for (int r = 0; r < R; r++) sum[r] = 0;
    if (k % 16 == 0) {
#pragma unroll 4
        for (int i = lane * 16; i < k; i += 32 * 16) {
            int4 a = __ldg(reinterpret_cast<const int4 *>(weights + i));
#pragma unroll
            for (int r = 0; r < R; r++) sum[r] = dot16(a, *reinterpret_cast<const int4 *>(x + (size_t)r * k + i), sum[r]);
        }
    } else {
        for (int i = lane; i < k; i += 32) {
#pragma unroll
            for (int r = 0; r < R; r++) sum[r] += (int)weights[i] * (int)x[(size_t)r * k + i];
        }
    }
#pragma unroll
    for (int r = 0; r < R; r++) {
#pragma unroll
        for (int o = 16; o; o >>= 1) sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], o);
    }
}

template <int R, After A>
__device__ __forceinline__ void gemv(const int8_t *x, int rows, const int8_t *w, int k, const Output &out) {
    int n = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x & 31;
    if (n >= out.n) return;
    int sum[R];
    dots<R>(x, w + (size_t)n * k, k, sum);
    if (A == After::GATE) {
        int up[R];
        dots<R>(x, w + (size_t)(out.n + n) * k, k, up);
#pragma unroll
        for (int r = 0; r < R; r++)
            if (lane == r && r < rows) atomicMax(&out.most[r], products::put_gated(out, r, n, sum[r], up[r]));
    } else {
#pragma unroll
        for (int r = 0; r < R; r++)
            if (lane == r && r < rows) products::put<A>(out, r, n, sum[r]);
    }
}

}  // namespace

/// For up to 1, 2, 4 and 8 rows: x holds that many, the last of them perhaps unused. grid ceil(n / 4), 128 threads.
#define GEMV(R)                                                                                                             \
    extern "C" __global__ void __launch_bounds__(128) gemv_store_##R(                                                       \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *y) {                                                 \
        gemv<R, After::STORE>(x, rows, w, k, Output{y, nullptr, nullptr, nullptr, nullptr, n});                             \
    }                                                                                                                       \
    EMU_KERNEL(gemv_store_##R, 128, 0)                                                                                      \
    extern "C" __global__ void __launch_bounds__(128) gemv_residual_##R(                                                    \
        const int8_t *x, int rows, const int8_t *w, int n, int k, const float *in_scale, const float *row_scale, float *h) { \
        gemv<R, After::RESIDUAL>(x, rows, w, k, Output{nullptr, h, in_scale, row_scale, nullptr, n});                       \
    }                                                                                                                       \
    EMU_KERNEL(gemv_residual_##R, 128, 0)                                                                                   \
    extern "C" __global__ void __launch_bounds__(128) gemv_gate_##R(                                                        \
        const int8_t *x, int rows, const int8_t *w, int n, int k, const float *in_scale, const float *row_scale, float *h,  \
        unsigned *most) {                                                                                                   \
        gemv<R, After::GATE>(x, rows, w, k, Output{nullptr, h, in_scale, row_scale, most, n});                              \
    }                                                                                                                       \
    EMU_KERNEL(gemv_gate_##R, 128, 0)

GEMV(1)
GEMV(2)
GEMV(4)
GEMV(8)
