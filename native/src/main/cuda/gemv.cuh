// Products for a few rows, y[r][n] = sum_k x[r][k] * w[n][k], a warp a weight row, so that weights are read once, at the speed of memory. What a weight
// row is read and multiplied by is Rows': int8 or four bits.
#pragma once
#include "machine.cuh"
#include "products.cuh"

namespace gemv {

using products::After;
using products::Output;

constexpr int WARPS = 4;
/// Loads of 16 bytes of weights that a lane has on their way at once.
constexpr int LOADS = 8;

__device__ __forceinline__ int dot16(int4 a, int4 b, int sum) {
    sum = __dp4a(a.x, b.x, sum);
    sum = __dp4a(a.y, b.y, sum);
    sum = __dp4a(a.z, b.z, sum);
    return __dp4a(a.w, b.w, sum);
}

/// Weight rows that a warp multiplies: two where a gate's and an up's become one output.
template <After A>
constexpr int ROWS = A == After::GATE ? 2 : 1;

/// weights: of rows n and, for GATE, n + out.n. Its early() reads weights alone; multiply(x, k, sum) adds this lane's products with R inputs, those with
/// early's weights too.
template <int R, After A, class Rows>
__device__ __forceinline__ void run(const int8_t *x, int rows, Rows weights, int k, const Output &out) {
    constexpr int M = ROWS<A>;
    int n = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x & 31;
    // No kernel writes weights, so the first of them need not wait for the one before: what it takes to end is not lost to memory.
    weights.early(k);
    await_previous();
    // All that the sums are put together with is asked for by the lane that will need it, before all sums are there.
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
    weights.multiply(x, k, sum);
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int r = 0; r < R; r++) sum[m][r] = lanes::sum<32>(sum[m][r]);
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

}  // namespace gemv
