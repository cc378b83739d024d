// Products with weights of four bits for up to eight rows of the batch, on tensor cores of every kind: 16 weight rows a block, whose warps share k.
// Weights come straight from memory to the lanes that multiply them: looking codes up is most of what there is to do.
#include "int4.cuh"
#include "machine.cuh"
#include "products.cuh"

namespace gemm4 {

using products::After;
using products::Output;

constexpr int WARPS = 8;
constexpr int THREADS = 32 * WARPS;
/// Weight rows of a block, and rows of the batch.
constexpr int WEIGHTS = 16, ROWS = 8;
/// Blocks of four groups of two weight rows that a lane has on their way.
constexpr int AHEAD = 4;
static_assert(AHEAD % 2 == 0, "inputs go by turns");

template <After A>
__device__ __forceinline__ void run(const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int k, const Output &out) {
    let_next_begin();
    __shared__ int sums[WARPS][4 * 32];
    int warp = threadIdx.x / 32, lane = threadIdx.x & 31, g = lane / 4, t = lane % 4, all = (k + int4rows::BLOCK - 1) / int4rows::BLOCK;
    // This lane's two weight rows; one that is not there is another, and is not written.
    const int8_t *indices[2], *factors[2];
    int4 codes[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int n = products::weight_row<A>(out, blockIdx.x, WEIGHTS, g + 8 * half);
        size_t row = n < 0 ? 0 : n;
        const int8_t *head = heads + row * int4rows::head_bytes(k);
        indices[half] = w + row * int4rows::index_bytes(k) + 16 * t;
        factors[half] = head + int4rows::CODES;
        codes[half] = int4rows::biased(__ldg(reinterpret_cast<const int4 *>(head)));
    }
    int4 at[AHEAD][2];
    unsigned four[AHEAD][2];
    auto load = [&](int u, int block) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            at[u][half] = block < all ? __ldg(reinterpret_cast<const int4 *>(indices[half] + block * int4rows::BLOCK_BYTES)) : make_int4(0, 0, 0, 0);
            four[u][half] = block < all ? (unsigned)__ldg(reinterpret_cast<const int *>(factors[half]) + block) : 0;
        }
    };
    // No kernel writes weights, so they need not wait for the one before.
#pragma unroll
    for (int u = 0; u < AHEAD; u++) load(u, warp + u * WARPS);
    await_previous();
    // Thread 2 l + e puts together what lane l of each warp has of row 2 t + e of the batch. All that it needs is asked for before all sums are there.
    int e = threadIdx.x & 1, row = 2 * (threadIdx.x / 2 % 4) + e, n[2];
    bool mine[2];
    float in_scale = 0.0f, row_scale[2] = {}, old[2] = {};
#pragma unroll
    for (int half = 0; half < 2; half++) {
        n[half] = products::weight_row<A>(out, blockIdx.x, WEIGHTS, threadIdx.x / 8 + 8 * half);
        mine[half] = threadIdx.x < 64 && row < rows && n[half] >= 0;
        if (mine[half] && A != After::STORE) {
            in_scale = out.in_scale[row];
            row_scale[half] = out.row_scale[n[half]];
            if (A == After::RESIDUAL) old[half] = out.h[(size_t)row * out.n + n[half]];
        }
    }
    const int8_t *in = x + (size_t)(g < rows ? g : 0) * k + 4 * t;
    const unsigned bias[4] = {int4rows::MINUS_BIAS, int4rows::MINUS_BIAS, int4rows::MINUS_BIAS, int4rows::MINUS_BIAS};
    int sum[4] = {};
    // This lane's inputs of a block; the next one's are on their way while one is multiplied.
    auto inputs = [&](int block, unsigned (&b)[int4rows::TOGETHER][2]) {
#pragma unroll
        for (int s = 0; s < int4rows::TOGETHER; s++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                int from = block * int4rows::BLOCK + s * int4rows::GROUP + 16 * i;
                b[s][i] = g < rows && from < k ? *reinterpret_cast<const unsigned *>(in + from) : 0;
            }
    };
    unsigned b[2][int4rows::TOGETHER][2];
    inputs(warp, b[0]);
    for (int first = warp; first < all; first += AHEAD * WARPS) {
#pragma unroll
        for (int u = 0; u < AHEAD; u++) {
            int block = first + u * WARPS;
            inputs(block + WARPS, b[1 - u % 2]);
#pragma unroll
            for (int s = 0; s < int4rows::TOGETHER; s++) {
                unsigned a[4];
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    const int words[4] = {at[u][half].x, at[u][half].y, at[u][half].z, at[u][half].w};
                    a[half] = int4rows::look_up(codes[half], (unsigned)words[s]);
                    a[2 + half] = int4rows::look_up(codes[half], (unsigned)words[s] >> 16);
                }
                int d[4] = {0, 0, 0, 0};
                mma_ss(d, bias, b[u % 2][s]);
                mma_ss(d, a, b[u % 2][s]);
#pragma unroll
                for (int i = 0; i < 4; i++) sum[i] += int4rows::factor_of(four[u][i / 2], s) * d[i];
            }
            load(u, block + AHEAD * WARPS);
        }
    }
    *reinterpret_cast<int4 *>(&sums[warp][4 * lane]) = make_int4(sum[0], sum[1], sum[2], sum[3]);
    __syncthreads();
    if (threadIdx.x >= 64) return;
    int own[2] = {};
#pragma unroll
    for (int from = 0; from < WARPS; from++)
#pragma unroll
        for (int half = 0; half < 2; half++) own[half] += sums[from][threadIdx.x / 2 * 4 + 2 * half + e];
    if constexpr (A == After::GATE) {
        if (!mine[0]) return;
        unsigned known = products::known_most(out, row);
        float value = products::gated(own[0], own[1], in_scale, row_scale[0], row_scale[1]);
        out.h[(size_t)row * out.n + n[0]] = value;
        if (exact::magnitude(value) > known) atomicMax(&out.most[row], exact::magnitude(value));
    } else {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            if (!mine[half]) continue;
            size_t to = (size_t)row * out.n + n[half];
            if (A == After::STORE) out.y[to] = own[half];
            else out.h[to] = exact::add(old[half], exact::dequantize(own[half], in_scale, row_scale[half]));
        }
    }
}

}  // namespace gemm4

/// For up to eight rows. grid (ceil(columns / 16)), 256 threads; gate has 2 n columns, n rounded up to eights. k is a whole number of groups; indices and
/// heads stand at multiples of 16 bytes, inputs at multiples of 4.
extern "C" __global__ void __launch_bounds__(gemm4::THREADS, 2) gemm4_store(
    const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, int *y) {
    gemm4::run<products::After::STORE>(x, rows, w, heads, k, products::Output{y, nullptr, nullptr, nullptr, nullptr, n});
}
EMU_KERNEL(gemm4_store, gemm4::THREADS, 4096)
extern "C" __global__ void __launch_bounds__(gemm4::THREADS, 2) gemm4_residual(
    const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, const float *in_scale, const float *row_scale, float *h) {
    gemm4::run<products::After::RESIDUAL>(x, rows, w, heads, k, products::Output{nullptr, h, in_scale, row_scale, nullptr, n});
}
EMU_KERNEL(gemm4_residual, gemm4::THREADS, 4096)
extern "C" __global__ void __launch_bounds__(gemm4::THREADS, 2) gemm4_gate(
    const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, const float *in_scale, const float *row_scale, float *h, unsigned *most) {
    gemm4::run<products::After::GATE>(x, rows, w, heads, k, products::Output{nullptr, h, in_scale, row_scale, most, n});
}
EMU_KERNEL(gemm4_gate, gemm4::THREADS, 4096)
