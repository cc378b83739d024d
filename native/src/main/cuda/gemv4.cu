// Products with weights of four bits for a few rows, or for more, eight at a time. A weight row stands in two places: its indices, 16 bytes a group of 32
// weights, and its head, the sixteen codes and then a factor a group, filled up to whole 16 bytes.
#include "gemv.cuh"
#include "int4.cuh"

namespace gemv {

using namespace int4rows;

/// A group's codes in the order of its weights: a byte of indices has weight j low and weight 16 + j high.
__device__ __forceinline__ void spread(int4 codes, int4 indices, int4 &first, int4 &second) {
    const int words[4] = {indices.x, indices.y, indices.z, indices.w};
    int *to[2][4] = {{&first.x, &first.y, &first.z, &first.w}, {&second.x, &second.y, &second.z, &second.w}};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        unsigned a = look_up(codes, (unsigned)words[i]), b = look_up(codes, (unsigned)words[i] >> 16);
        *to[0][i] = (int)__byte_perm(a, b, 0x6420);
        *to[1][i] = (int)__byte_perm(a, b, 0x7531);
    }
}

/// M weight rows of four bits. A lane takes a group, then the one 32 groups on.
template <int M>
struct Int4Rows {
    static constexpr int U = LOADS / M;
    const int8_t *indices[M];
    const int8_t *head[M];
    int4 codes[M];
    int4 at[U][M];
    int factor[U][M];

    __device__ __forceinline__ Int4Rows(const int8_t *w, const int8_t *heads, int n, int apart, int k) {
#pragma unroll
        for (int m = 0; m < M; m++) {
            indices[m] = w + (size_t)(n + m * apart) * (k / 2);
            head[m] = heads + (size_t)(n + m * apart) * head_bytes(k);
        }
    }

    __device__ __forceinline__ void load(int k, int g) {
#pragma unroll
        for (int u = 0; u < U; u++)
#pragma unroll
            for (int m = 0; m < M; m++) {
                bool is_there = g + u * 32 < k / GROUP;
                at[u][m] = is_there ? __ldg(reinterpret_cast<const int4 *>(indices[m]) + g + u * 32) : make_int4(0, 0, 0, 0);
                factor[u][m] = is_there ? __ldg(head[m] + CODES + g + u * 32) : 0;
            }
    }

    __device__ __forceinline__ void early(int k) {
#pragma unroll
        for (int m = 0; m < M; m++) codes[m] = __ldg(reinterpret_cast<const int4 *>(head[m]));
        load(k, threadIdx.x & 31);
    }

    template <int R>
    __device__ __forceinline__ void add(const int8_t *x, int k, int g, int (&sum)[M][R]) const {
#pragma unroll
        for (int u = 0; u < U; u++) {
            if (g + u * 32 >= k / GROUP) break;
            int4 first[M], second[M];
#pragma unroll
            for (int m = 0; m < M; m++) spread(codes[m], at[u][m], first[m], second[m]);
#pragma unroll
            for (int r = 0; r < R; r++) {
                const int4 *in = reinterpret_cast<const int4 *>(x + (size_t)r * k) + 2 * (g + u * 32);
                int4 a = in[0], b = in[1];
#pragma unroll
                for (int m = 0; m < M; m++) sum[m][r] += factor[u][m] * dot16(second[m], b, dot16(first[m], a, 0));
            }
        }
    }

    template <int R>
    __device__ __forceinline__ void multiply(const int8_t *x, int k, int (&sum)[M][R]) {
        int g = threadIdx.x & 31;
        add(x, k, g, sum);
        for (g += U * 32; g < k / GROUP; g += U * 32) {
            load(k, g);
            add(x, k, g, sum);
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
