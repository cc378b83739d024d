// int8 products on Hopper's tensor cores. Weight rows are the 64 rows that an instruction takes, the batch's rows its columns, of which there may be as
// few as eight: no row is padded to a tile.
#include "tile_hopper.cuh"

namespace hopper {

/// A block computes 64 * GROUPS weight rows by N rows of the batch.
template <int GROUPS, int N, int STAGES, After A>
struct Gemm {
    using Tail = Sums<GROUPS, N, A>;
    static constexpr int WEIGHTS = Tail::WEIGHTS;
    static constexpr int STAGE = (WEIGHTS + N) * TILE_K;
    static_assert(Tail::SHARED_BYTES <= STAGES * STAGE, "sums stand where the stages stood");
    /// Steps that are asked for ahead. Where products take long, the one before is still on its way when the next begins, and its stage is not
    /// free yet; where memory does, every stage counts.
    static constexpr int BEHIND = N > 64 ? 1 : 0;
    static constexpr int AHEAD = STAGES - 1 - BEHIND;

    const int8_t *x, *w;
    int k;
    Tail tail;

    __device__ __forceinline__ void run(int8_t *shared, unsigned *is_last) const {
        let_next_begin();
        int8_t *stages = aligned(shared);
        
        constexpr int ROWS = Tail::THREADS / 8, COPIES = WEIGHTS / ROWS;
        int first = threadIdx.x / 8, piece = threadIdx.x % 8, at = tile_at(first, piece);
        constexpr int X_COPIES = (N + ROWS - 1) / ROWS;
        const int8_t *from[COPIES + X_COPIES];
#pragma unroll
        for (int i = 0; i < COPIES; i++) {
            int row = products::weight_row<A>(tail.out, blockIdx.y, WEIGHTS, first + i * ROWS);
            from[i] = row < 0 ? nullptr : w + (size_t)row * k + piece * 16;
        }
#pragma unroll
        for (int i = 0; i < X_COPIES; i++) {
            int row = blockIdx.x * N + first + i * ROWS;
            from[COPIES + i] = row < tail.rows ? x + (size_t)row * k + piece * 16 : nullptr;
        }
        Steps own(k);
        int steps = own.count;
        auto load_weights = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + at;
            int k0 = (own.first + s) * TILE_K;
            bool inside = k0 + piece * 16 < k;
#pragma unroll
            for (int i = 0; i < COPIES; i++) copy_async(stage + i * ROWS * TILE_K, inside && from[i] ? from[i] + k0 : w, inside && from[i]);
        };
        auto load_rows = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + at;
            int k0 = (own.first + s) * TILE_K;
            bool inside = k0 + piece * 16 < k;
#pragma unroll
            for (int i = 0; i < X_COPIES; i++) {
                const int8_t *source = from[COPIES + i];
                if (N % ROWS == 0 || first + i * ROWS < N)
                    copy_async(stage + (WEIGHTS + i * ROWS) * TILE_K, inside && source ? source + k0 : w, inside && source);
            }
        };
        int d[N / 2];
#pragma unroll
        for (int i = 0; i < N / 2; i++) d[i] = 0;
        // A stage is filled again when all warps' products of it are done, which the barrier of a later step says.
        for (int s = 0; s < AHEAD; s++)
            if (s < steps) load_weights(s);
        // No kernel writes weights, so they need not wait for the one before.
        await_previous();
        for (int s = 0; s < AHEAD; s++) {
            if (s < steps) load_rows(s);
            commit_async();
        }
        int group = threadIdx.x / 128;
        for (int s = 0; s < steps; s++) {
            wait_async<AHEAD - 1>();
            publish_tiles();
            __syncthreads();
            const int8_t *stage = stages + s % STAGES * STAGE;
            Tile a = tile_of(stage + group * 64 * TILE_K), b = tile_of(stage + WEIGHTS * TILE_K);
            begin_wgmma();
#pragma unroll
            for (int kk = 0; kk < TILE_K; kk += 32) wgmma<N>(d, from_k(a, kk), from_k(b, kk));
            commit_wgmma();
            if (s + AHEAD < steps) {
                load_weights(s + AHEAD);
                load_rows(s + AHEAD);
            }
            commit_async();
            wait_wgmma<BEHIND>();
        }
        wait_wgmma<0>();
        tail.finish(d, stages, is_last);
    }
};

}  // namespace hopper

/// For up to N rows a tile. grid (ceil(rows / N), ceil(columns / (64 * GROUPS)), blocks that share a tile's k), 128 * GROUPS threads; gate has 2 n
/// columns. k is a multiple of 16. Shared: 1,024 + STAGES * (64 * GROUPS + N) * 128 bytes. tiles: a zero for every sum of every tile, and arrived:
/// one for every tile, all of which are zero again afterwards; both null where grid.z is 1.
#define HOPPER(GROUPS, N, STAGES)                                                                                  \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS) hopper_store_##N(                                   \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *tiles, unsigned *arrived,                   \
        int *y) {                                                                                                  \
        DYN_SHARED(int8_t, shared);                                                                                \
        __shared__ unsigned is_last;                                                                               \
        hopper::Gemm<GROUPS, N, STAGES, products::After::STORE>{                                                   \
            x, w, k, {rows, {y, nullptr, nullptr, nullptr, nullptr, n}, tiles, arrived}}.run(shared, &is_last);    \
    }                                                                                                              \
    EMU_KERNEL(hopper_store_##N, 128 * GROUPS, 16)                                                                 \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS) hopper_residual_##N(                                \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *tiles, unsigned *arrived,                   \
        const float *in_scale, const float *row_scale, float *h) {                                                 \
        DYN_SHARED(int8_t, shared);                                                                                \
        __shared__ unsigned is_last;                                                                               \
        hopper::Gemm<GROUPS, N, STAGES, products::After::RESIDUAL>{                                                \
            x, w, k, {rows, {nullptr, h, in_scale, row_scale, nullptr, n}, tiles, arrived}}.run(shared, &is_last); \
    }                                                                                                              \
    EMU_KERNEL(hopper_residual_##N, 128 * GROUPS, 16)                                                              \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS) hopper_gate_##N(                                    \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *tiles, unsigned *arrived,                   \
        const float *in_scale, const float *row_scale, float *h, unsigned *most) {                                 \
        DYN_SHARED(int8_t, shared);                                                                                \
        __shared__ unsigned is_last;                                                                               \
        hopper::Gemm<GROUPS, N, STAGES, products::After::GATE>{                                                    \
            x, w, k, {rows, {nullptr, h, in_scale, row_scale, most, n}, tiles, arrived}}.run(shared, &is_last);    \
    }                                                                                                              \
    EMU_KERNEL(hopper_gate_##N, 128 * GROUPS, 16)

HOPPER(1, 8, 6)
HOPPER(1, 16, 5)
HOPPER(1, 32, 4)
HOPPER(2, 64, 4)
HOPPER(2, 128, 3)
HOPPER(2, 256, 4)
