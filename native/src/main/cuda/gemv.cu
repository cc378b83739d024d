// int8 products for a few rows: y[r][n] = sum_k x[r][k] * w[n][k]. A warp a weight row, so that weights are read once, at the speed of memory.
#include "machine.cuh"
#include "products.cuh"

using products::After;
using products::Output;

namespace {

constexpr int WARPS = 4;
/// Loads of 16 bytes of weights that a lane has on their way at once.
constexpr int LOADS = 8;

__device__ __forceinline__ int dot16(int4 a, int4 b, int sum) {
    sum = __dp4a(a.x, b.x, sum);
    sum = __dp4a(a.y, b.y, sum);
    sum = __dp4a(a.z, b.z, sum);
    return __dp4a(a.w, b.w, sum);
}

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

/// Products of M weight rows with R inputs, whole in every lane, from byte `i` on, a lane's own.
template <int R, int M>
__device__ __forceinline__ void dots(const int8_t *x, const int8_t *const (&weights)[M], int k, int i, int (&sum)[M][R]) {
    int lane = threadIdx.x & 31;
    if (k % 16 == 0) {
        Weights<M> next;
        for (; i + (Weights<M>::U - 1) * STEP < k; i += Weights<M>::U * STEP) {
            next.load(weights, i);
            next.multiply(x, k, i, sum);
        }
        for (; i < k; i += STEP) {
#pragma unroll
            for (int m = 0; m < M; m++) {
                int4 a = __ldg(reinterpret_cast<const int4 *>(weights[m] + i));
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
                for (int r = 0; r < R; r++) sum[m][r] += (int)weights[m][b] * (int)x[(size_t)r * k + b];
        }
    }
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int r = 0; r < R; r++) sum[m][r] = lanes::sum<32>(sum[m][r]);
}

template <int R, After A>
__device__ __forceinline__ void gemv(const int8_t *x, int rows, const int8_t *w, int k, const Output &out) {
    let_next_begin();
    int n = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x & 31;
    if (n >= out.n) return;
    constexpr int M = A == After::GATE ? 2 : 1;
    const int8_t *weights[M];
#pragma unroll
    for (int m = 0; m < M; m++) weights[m] = w + (size_t)(m * out.n + n) * k;
    // No kernel writes weights, so the first of them need not wait for the one before: what it takes to end is not lost to memory.
    Weights<M> early;
    int i = lane * 16;
    bool is_early = k % 16 == 0 && k >= Weights<M>::U * STEP;
    if (is_early) early.load(weights, i);
    await_previous();
    // What becomes of the sums is asked for by the lane that will need it, before all sums are there.
    bool mine = lane < rows && lane < R;
    size_t at = (size_t)lane * out.n + n;
    float in_scale = 0.0f, row_scale = 0.0f, up_scale = 0.0f, old = 0.0f;
    if (mine && A != After::STORE) {
        in_scale = out.in_scale[lane];
        row_scale = out.row_scale[n];
        if (A == After::GATE) up_scale = out.row_scale[out.n + n];
        else old = out.h[at];
    }
    int sum[M][R];
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int r = 0; r < R; r++) sum[m][r] = 0;
    if (is_early) {
        early.multiply(x, k, i, sum);
        i += Weights<M>::U * STEP;
    }
    dots<R, M>(x, weights, k, i, sum);
    if (!mine) return;
    int own = 0, up = 0;
#pragma unroll
    for (int r = 0; r < R; r++)
        if (lane == r) {
            own = sum[0][r];
            up = sum[M - 1][r];
        }
    if (A == After::STORE) {
        out.y[at] = own;
    } else if (A == After::RESIDUAL) {
        out.h[at] = exact::add(old, exact::dequantize(own, in_scale, row_scale));
    } else {
        unsigned known = products::known_most(out, lane);
        float value = products::gated(own, up, in_scale, row_scale, up_scale);
        out.h[at] = value;
        if (exact::magnitude(value) > known) atomicMax(&out.most[lane], exact::magnitude(value));
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
