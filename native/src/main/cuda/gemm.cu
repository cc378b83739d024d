// int8 products for many rows on tensor cores, in tiles that move through shared memory ahead of their use.
#include "machine.cuh"
#include "products.cuh"

using products::After;
using products::Output;

namespace {

constexpr int STAGES = 4;

/// A block computes BM rows by BN columns, each of its 4 warps WM by WN, BK bytes of k a step.
template <int BM, int BN, int WM, int WN, int BK, After A>
struct Gemm {
    static constexpr int THREADS = 128;
    /// Bytes of a row in shared memory: padded, so that the eight rows of a fragment fall into different banks.
    static constexpr int STRIDE = BK + 16;
    static constexpr int STAGE = (BM + BN) * STRIDE;
    static constexpr int TM = WM / 16, TN = WN / 8;
    static_assert((BM / WM) * (BN / WN) == 4, "four warps");

    const int8_t *x, *w;
    int rows, k;
    Output out;

    /// 16 bytes of a row from column c; zeros beyond k, and for no row at all.
    __device__ __forceinline__ void piece(int8_t *to, const int8_t *m, int row, int c) const {
        bool valid = row >= 0 && c < k;
        if (k % 16 == 0) {
            copy_async(to, valid ? m + (size_t)row * k + c : m, valid);
        } else {
            for (int b = 0; b < 16; b++) to[b] = valid && c + b < k ? m[(size_t)row * k + c + b] : (int8_t)0;
        }
    }

    __device__ __forceinline__ void load(int8_t *stage, int k0) const {
        constexpr int PIECES = BK / 16;
        for (int i = threadIdx.x; i < BM * PIECES; i += THREADS) {
            int row = blockIdx.x * BM + i / PIECES, c = i % PIECES * 16;
            piece(stage + i / PIECES * STRIDE + c, x, row < rows ? row : -1, k0 + c);
        }
        for (int i = threadIdx.x; i < BN * PIECES; i += THREADS) {
            int c = i % PIECES * 16;
            piece(stage + (BM + i / PIECES) * STRIDE + c, w, products::weight_row<A>(out, blockIdx.y, BN, i / PIECES), k0 + c);
        }
    }

    __device__ __forceinline__ void run(int8_t *shared, unsigned *block_most) const {
        int warp = threadIdx.x / 32, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        int wm = warp / (BN / WN) * WM, wn = warp % (BN / WN) * WN;
        int d[TM][TN][4];
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++)
#pragma unroll
                for (int q = 0; q < 4; q++) d[i][j][q] = 0;
        int steps = (k + BK - 1) / BK;
        for (int s = 0; s < STAGES - 1; s++) {
            if (s < steps) load(shared + s * STAGE, s * BK);
            commit_async();
        }
        for (int s = 0; s < steps; s++) {
            wait_async<STAGES - 2>();
            __syncthreads();
            int next = s + STAGES - 1;
            if (next < steps) load(shared + next % STAGES * STAGE, next * BK);
            commit_async();
            const int8_t *a = shared + s % STAGES * STAGE, *b = a + BM * STRIDE;
#pragma unroll
            for (int kk = 0; kk < BK; kk += 32) {
                unsigned fa[TM][4];
#pragma unroll
                for (int i = 0; i < TM; i++) {
                    const int8_t *at = a + (wm + i * 16 + g) * STRIDE + kk + t * 4;
                    fa[i][0] = *reinterpret_cast<const unsigned *>(at);
                    fa[i][1] = *reinterpret_cast<const unsigned *>(at + 8 * STRIDE);
                    fa[i][2] = *reinterpret_cast<const unsigned *>(at + 16);
                    fa[i][3] = *reinterpret_cast<const unsigned *>(at + 8 * STRIDE + 16);
                }
#pragma unroll
                for (int j = 0; j < TN; j++) {
                    const int8_t *at = b + (wn + j * 8 + g) * STRIDE + kk + t * 4;
                    unsigned fb[2] = {*reinterpret_cast<const unsigned *>(at), *reinterpret_cast<const unsigned *>(at + 16)};
#pragma unroll
                    for (int i = 0; i < TM; i++) mma_ss(d[i][j], fa[i], fb);
                }
            }
        }
        int row0 = blockIdx.x * BM + wm;
        if (A == After::GATE) {
            for (int i = (int)threadIdx.x; i < BM; i += THREADS) block_most[i] = 0;
            __syncthreads();
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    int in_warp = i * 16 + g + half * 8, row = row0 + in_warp;
                    unsigned most = 0;
#pragma unroll
                    for (int j = 0; j < TN; j += 2)
#pragma unroll
                        for (int q = 0; q < 2; q++) {
                            int column = blockIdx.y * (BN / 2) + (wn + j * 8) / 2 + t * 2 + q;
                            if (row >= rows || column >= out.n) continue;
                            unsigned m = products::put_gated(out, row, column, d[i][j][half * 2 + q], d[i][j + 1][half * 2 + q]);
                            most = m > most ? m : most;
                        }
                    atomicMax(&block_most[wm + in_warp], most);
                }
            __syncthreads();
            for (int i = (int)threadIdx.x; i < BM; i += THREADS)
                if ((int)blockIdx.x * BM + i < rows && block_most[i] > products::known_most(out, blockIdx.x * BM + i))
                    atomicMax(&out.most[blockIdx.x * BM + i], block_most[i]);
        } else {
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int j = 0; j < TN; j++)
#pragma unroll
                    for (int q = 0; q < 4; q++) {
                        int row = row0 + i * 16 + g + (q >= 2 ? 8 : 0), column = blockIdx.y * BN + wn + j * 8 + t * 2 + (q & 1);
                        if (row < rows && column < out.n) products::put < A == After::GATE ? After::STORE : A > (out, row, column, d[i][j][q]);
                    }
        }
    }
};

template <After A>
using Wide = Gemm<128, 128, 64, 64, 64, A>;
template <After A>
using Narrow = Gemm<64, 32, 16, 32, 128, A>;

}  // namespace

/// wide: tiles of 128 by 128, shared memory 4 * 256 * 80 bytes; narrow: of 64 by 32, so that many blocks share the weights of few rows,
/// 4 * 96 * 144 bytes. grid (ceil(rows / BM), ceil(columns / BN)), 128 threads; gate has 2 n columns. Blocks that run together then share their
/// columns: all rows of x, which the second-level cache holds, go by while the weights, which it does not hold, are read once.
#define GEMM(NAME, TILE)                                                                                                            \
    extern "C" __global__ void __launch_bounds__(128) gemm_store_##NAME(                                                            \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *y) {                                                         \
        follow_previous();                                                                                                          \
        DYN_SHARED(int8_t, shared);                                                                                                 \
        TILE<After::STORE>{x, w, rows, k, Output{y, nullptr, nullptr, nullptr, nullptr, n}}.run(shared, nullptr);                   \
    }                                                                                                                               \
    EMU_KERNEL(gemm_store_##NAME, 128, 0)                                                                                           \
    extern "C" __global__ void __launch_bounds__(128) gemm_residual_##NAME(                                                         \
        const int8_t *x, int rows, const int8_t *w, int n, int k, const float *in_scale, const float *row_scale, float *h) {        \
        follow_previous();                                                                                                          \
        DYN_SHARED(int8_t, shared);                                                                                                 \
        TILE<After::RESIDUAL>{x, w, rows, k, Output{nullptr, h, in_scale, row_scale, nullptr, n}}.run(shared, nullptr);             \
    }                                                                                                                               \
    EMU_KERNEL(gemm_residual_##NAME, 128, 0)                                                                                        \
    extern "C" __global__ void __launch_bounds__(128) gemm_gate_##NAME(                                                             \
        const int8_t *x, int rows, const int8_t *w, int n, int k, const float *in_scale, const float *row_scale, float *h,          \
        unsigned *most) {                                                                                                           \
        follow_previous();                                                                                                          \
        DYN_SHARED(int8_t, shared);                                                                                                 \
        __shared__ unsigned block_most[128];                                                                                        \
        TILE<After::GATE>{x, w, rows, k, Output{nullptr, h, in_scale, row_scale, most, n}}.run(shared, block_most);                 \
    }                                                                                                                               \
    EMU_KERNEL(gemm_gate_##NAME, 128, 512)

GEMM(wide, Wide)
GEMM(narrow, Narrow)
