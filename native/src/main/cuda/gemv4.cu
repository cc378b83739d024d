// Products with weights of four bits for a few rows by plain dot products, for GPUs whose tensor cores are not taken; more rows go eight at a time.
#include "gemv.cuh"
#include "int4.cuh"

namespace gemv {

/// M weight rows of four bits. A lane takes 16 bytes of indices, eight weights of each of four groups, then those 32 such pieces on.
template <int M>
struct Int4Rows {
    static constexpr int U = LOADS / M;
    const int8_t *indices[M];
    const int8_t *head[M];
    int4 codes[M];
    int4 at[U][M];
    unsigned factors[U][M];

    __device__ __forceinline__ Int4Rows(const int8_t *w, const int8_t *heads, int n, int apart, int k) {
#pragma unroll
        for (int m = 0; m < M; m++) {
            indices[m] = w + (size_t)(n + m * apart) * int4rows::index_bytes(k);
            head[m] = heads + (size_t)(n + m * apart) * int4rows::head_bytes(k);
        }
    }

    __device__ __forceinline__ void load(int k, int piece) {
#pragma unroll
        for (int u = 0; u < U; u++)
#pragma unroll
            for (int m = 0; m < M; m++) {
                int p = piece + u * 32;
                bool is_there = p < int4rows::index_bytes(k) / 16;
                at[u][m] = is_there ? __ldg(reinterpret_cast<const int4 *>(indices[m]) + p) : make_int4(0, 0, 0, 0);
                factors[u][m] = is_there ? (unsigned)__ldg(reinterpret_cast<const int *>(head[m] + int4rows::CODES) + p / 4) : 0;
            }
    }

    __device__ __forceinline__ void early(int k) {
#pragma unroll
        for (int m = 0; m < M; m++) codes[m] = int4rows::biased(__ldg(reinterpret_cast<const int4 *>(head[m])));
        load(k, threadIdx.x & 31);
    }

    template <int R>
    __device__ __forceinline__ void add(const int8_t *x, int k, int piece, int (&sum)[M][R]) const {
#pragma unroll
        for (int u = 0; u < U; u++) {
            int p = piece + u * 32;
#pragma unroll
            for (int s = 0; s < int4rows::TOGETHER; s++) {
                int from = p / 4 * int4rows::BLOCK + s * int4rows::GROUP + p % 4 * 4;
                if (from >= k) break;
                int first[M], second[M];
#pragma unroll
                for (int m = 0; m < M; m++) {
                    const int words[4] = {at[u][m].x, at[u][m].y, at[u][m].z, at[u][m].w};
                    first[m] = (int)int4rows::look_up(codes[m], (unsigned)words[s]);
                    second[m] = (int)int4rows::look_up(codes[m], (unsigned)words[s] >> 16);
                }
#pragma unroll
                for (int r = 0; r < R; r++) {
                    const int *in = reinterpret_cast<const int *>(x + (size_t)r * k + from);
                    int a = in[0], b = in[4], bias = __dp4a((int)int4rows::MINUS_BIAS, b, __dp4a((int)int4rows::MINUS_BIAS, a, 0));
#pragma unroll
                    for (int m = 0; m < M; m++)
                        sum[m][r] += int4rows::factor_of(factors[u][m], s) * __dp4a(second[m], b, __dp4a(first[m], a, bias));
                }
            }
        }
    }

    template <int R>
    __device__ __forceinline__ void multiply(const int8_t *x, int k, int (&sum)[M][R]) {
        int piece = threadIdx.x & 31;
        add(x, k, piece, sum);
        for (piece += U * 32; piece < int4rows::index_bytes(k) / 16; piece += U * 32) {
            load(k, piece);
            add(x, k, piece, sum);
        }
    }
};

template <int R, After A>
__device__ __forceinline__ void int4_rows(
    const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int k, const Output &out) {
    let_next_begin();
    int n = blockIdx.x * WARPS + threadIdx.x / 32;
    if (n < out.n) run<R, A>(x, rows, Int4Rows<ROWS<A>>(w, heads, n, out.n, k), k, out);
}

}  // namespace gemv

/// As gemv_*; k is a whole number of groups, and weights and inputs stand at multiples of 16 bytes.
#define GEMV4(R)                                                                                                              \
    extern "C" __global__ void __launch_bounds__(128) gemv4_store_##R(                                                        \
        const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, int *y) {                              \
        gemv::int4_rows<R, gemv::After::STORE>(x, rows, w, heads, k, gemv::Output{y, nullptr, nullptr, nullptr, nullptr, n}); \
    }                                                                                                                         \
    EMU_KERNEL(gemv4_store_##R, 128, 0)                                                                                       \
    extern "C" __global__ void __launch_bounds__(128) gemv4_residual_##R(                                                     \
        const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, const float *in_scale,                 \
        const float *row_scale, float *h) {                                                                                   \
        gemv::int4_rows<R, gemv::After::RESIDUAL>(                                                                            \
            x, rows, w, heads, k, gemv::Output{nullptr, h, in_scale, row_scale, nullptr, n});                                 \
    }                                                                                                                         \
    EMU_KERNEL(gemv4_residual_##R, 128, 0)                                                                                    \
    extern "C" __global__ void __launch_bounds__(128) gemv4_gate_##R(                                                         \
        const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, const float *in_scale,                 \
        const float *row_scale, float *h, unsigned *most) {                                                                   \
        gemv::int4_rows<R, gemv::After::GATE>(x, rows, w, heads, k, gemv::Output{nullptr, h, in_scale, row_scale, most, n});  \
    }                                                                                                                         \
    EMU_KERNEL(gemv4_gate_##R, 128, 0)

GEMV4(1)
GEMV4(2)
GEMV4(4)
GEMV4(8)
