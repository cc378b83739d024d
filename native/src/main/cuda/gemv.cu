// int8 products for a few rows.
#include "gemv.cuh"

namespace gemv {

/// Bytes of a weight row that a warp asks for at once, 16 a lane.
constexpr int STEP = 32 * 16;

/// Weights that a lane has on their way: U times 16 bytes of M rows.
template <int M>
struct Weights {
    static constexpr int U = LOADS / M;
    int4 at[U][M];

    /// No test stands between these loads: all are asked for before the first is used.
    __device__ __forceinline__ void load(const int8_t *const (&rows)[M], int i) {
#pragma unroll
        for (int u = 0; u < U; u++)
#pragma unroll
            for (int m = 0; m < M; m++) at[u][m] = __ldg(reinterpret_cast<const int4 *>(rows[m] + i + u * STEP));
    }

    template <int R>
    __device__ __forceinline__ void multiply(const int8_t *x, int k, int i, int (&sum)[M][R]) const {
#pragma unroll
        for (int u = 0; u < U; u++)
#pragma unroll
            for (int r = 0; r < R; r++) {
                int4 b = *reinterpret_cast<const int4 *>(x + (size_t)r * k + i + u * STEP);
#pragma unroll
                for (int m = 0; m < M; m++) sum[m][r] = dot16(at[u][m], b, sum[m][r]);
            }
    }
};

/// M weight rows of int8.
template <int M>
struct Int8Rows {
    const int8_t *at[M];
    Weights<M> first;
    bool is_early;

    __device__ __forceinline__ Int8Rows(const int8_t *w, int n, int apart, int k) {
#pragma unroll
        for (int m = 0; m < M; m++) at[m] = w + (size_t)(n + m * apart) * k;
    }

    __device__ __forceinline__ void early(int k) {
        is_early = k % 16 == 0 && k >= Weights<M>::U * STEP;
        if (is_early) first.load(at, (threadIdx.x & 31) * 16);
    }

    template <int R>
    __device__ __forceinline__ void multiply(const int8_t *x, int k, int (&sum)[M][R]) const {
        int lane = threadIdx.x & 31, i = lane * 16;
        if (is_early) {
            first.multiply(x, k, i, sum);
            i += Weights<M>::U * STEP;
        }
        if (k % 16 == 0) {
            Weights<M> next;
            for (; i + (Weights<M>::U - 1) * STEP < k; i += Weights<M>::U * STEP) {
                next.load(at, i);
                next.multiply(x, k, i, sum);
            }
            for (; i < k; i += STEP) {
#pragma unroll
                for (int m = 0; m < M; m++) {
                    int4 a = __ldg(reinterpret_cast<const int4 *>(at[m] + i));
#pragma unroll
                    for (int r = 0; r < R; r++)
                        sum[m][r] = dot16(a, *reinterpret_cast<const int4 *>(x + (size_t)r * k + i), sum[m][r]);
                }
            }
        } else {
            for (int b = lane; b < k; b += 32) {
#pragma unroll
                for (int m = 0; m < M; m++)
#pragma unroll
                    for (int r = 0; r < R; r++) sum[m][r] += (int)at[m][b] * (int)x[(size_t)r * k + b];
            }
        }
    }
};

template <int R, After A>
__device__ __forceinline__ void int8(const int8_t *x, int rows, const int8_t *w, int k, const Output &out) {
    let_next_begin();
    int n = blockIdx.x * WARPS + threadIdx.x / 32;
    if (n < out.n) run<R, A>(x, rows, Int8Rows<ROWS<A>>(w, n, out.n, k), k, out);
}

}  // namespace gemv

/// For up to 1, 2, 4 and 8 rows: x holds that many, the last of them perhaps unused. grid ceil(n / 4), 128 threads.
#define GEMV(R)                                                                                                             \
    extern "C" __global__ void __launch_bounds__(128) gemv_store_##R(                                                       \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *y) {                                                 \
        gemv::int8<R, gemv::After::STORE>(x, rows, w, k, gemv::Output{y, nullptr, nullptr, nullptr, nullptr, n});                             \
    }                                                                                                                       \
    EMU_KERNEL(gemv_store_##R, 128, 0)                                                                                      \
    extern "C" __global__ void __launch_bounds__(128) gemv_residual_##R(                                                    \
        const int8_t *x, int rows, const int8_t *w, int n, int k, const float *in_scale, const float *row_scale, float *h) { \
        gemv::int8<R, gemv::After::RESIDUAL>(x, rows, w, k, gemv::Output{nullptr, h, in_scale, row_scale, nullptr, n});                       \
    }                                                                                                                       \
    EMU_KERNEL(gemv_residual_##R, 128, 0)                                                                                   \
    extern "C" __global__ void __launch_bounds__(128) gemv_gate_##R(                                                        \
        const int8_t *x, int rows, const int8_t *w, int n, int k, const float *in_scale, const float *row_scale, float *h,  \
        unsigned *most) {                                                                                                   \
        gemv::int8<R, gemv::After::GATE>(x, rows, w, k, gemv::Output{nullptr, h, in_scale, row_scale, most, n});                              \
    }                                                                                                                       \
    EMU_KERNEL(gemv_gate_##R, 128, 0)

GEMV(1)
GEMV(2)
GEMV(4)
GEMV(8)
