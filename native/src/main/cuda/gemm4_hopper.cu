// Products with weights of four bits on Hopper's tensor cores, as gemm_hopper.cu has those of eight: indices come to shared memory, and each lane makes
// what an instruction takes of its weights in its own registers. A group of 32 weights is the 32 bytes of k that one instruction takes.
#include "int4.cuh"
#include "tile_hopper.cuh"

namespace hopper {

/// A block computes 64 * GROUPS weight rows by N rows of the batch.
template <int GROUPS, int N, int STAGES, After A>
struct Gemm4 {
    using Tail = Sums<GROUPS, N, A>;
    static constexpr int WEIGHTS = Tail::WEIGHTS;
    static constexpr int TOGETHER = int4rows::TOGETHER, INDEX_BYTES = int4rows::BLOCK_BYTES;
    static_assert(TILE_K == int4rows::BLOCK, "a step takes the groups whose indices stand together");
    static constexpr int STAGE = N * TILE_K + WEIGHTS * INDEX_BYTES;
    static_assert(Tail::SHARED_BYTES <= STAGES * STAGE, "sums stand where the stages stood");
    /// Factors come 16 bytes a row at once, behind the stages: those of FACTOR_STEPS steps. Of what is asked for ahead, they are in three places at most.
    static constexpr int FACTOR_STEPS = 4, FACTOR_PLACES = 4, FACTORS = WEIGHTS * 16;
    static_assert(STAGES <= FACTOR_STEPS + 2, "the places of factors that are still read are not filled again");
    /// For few rows of the batch codes are multiplied, and each group's products then by its factor. For many that would be more work than to multiply
    /// weights by their factors first: those have 13 bits, which are two planes of bytes, 256 high + low.
    static constexpr bool IN_PLANES = N > 32;
    /// Groups that are made and multiplied at once, of those planes: as many as there are registers for.
    static constexpr int AT_ONCE = N > 64 ? 2 : 1;
    /// Steps that are asked for ahead: with planes a step's last products are on their way when the next step begins.
    static constexpr int AHEAD = STAGES - 1 - IN_PLANES;

    const int8_t *x, *w, *heads;
    int k;
    Tail tail;

    /// A lane's weights of a group times its factor, in planes, of one weight row. What is added takes the codes' bias back, and adds 2^15 to the low
    /// half of the number that two products are in, so that it borrows nothing from the high one.
    static __device__ __forceinline__ void planes_of(int4 codes, unsigned word, int factor, int half, unsigned (&high)[4], unsigned (&low)[4]) {
        unsigned back = 0x8000u - (unsigned)factor * (int4rows::BIAS * 0x10001u);
#pragma unroll
        for (int i = 0; i < 2; i++) {
            unsigned four = int4rows::look_up(codes, word >> 16 * i);
            unsigned even = (four & 0x00FF00FFu) * (unsigned)factor + back, odd = __byte_perm(four, 0, 0x4341) * (unsigned)factor + back;
            low[2 * i + half] = __byte_perm(even, odd, 0x6240);
            high[2 * i + half] = __byte_perm(even, odd, 0x7351) ^ 0x00008080u;
        }
    }

    __device__ __forceinline__ void run(int8_t *shared, unsigned *is_last) const {
        let_next_begin();
        int8_t *stages = aligned(shared), *factor_places = stages + STAGES * STAGE;
        // A thread copies the same piece of rows that are as many apart as it takes.
        constexpr int ROWS = Tail::THREADS / 4, COPIES = WEIGHTS / ROWS, X_ROWS = Tail::THREADS / 8, X_COPIES = (N + X_ROWS - 1) / X_ROWS;
        int first = threadIdx.x / 4, piece = threadIdx.x % 4, x_first = threadIdx.x / 8, x_piece = threadIdx.x % 8;
        const int8_t *from[COPIES], *x_from[X_COPIES], *factors_from = nullptr;
#pragma unroll
        for (int i = 0; i < COPIES; i++) {
            int row = products::weight_row<A>(tail.out, blockIdx.y, WEIGHTS, first + i * ROWS);
            from[i] = row < 0 ? nullptr : w + (size_t)row * int4rows::index_bytes(k) + piece * 16;
        }
#pragma unroll
        for (int i = 0; i < X_COPIES; i++) {
            int row = blockIdx.x * N + x_first + i * X_ROWS;
            x_from[i] = row < tail.rows ? x + (size_t)row * k + x_piece * 16 : nullptr;
        }
        if ((int)threadIdx.x < WEIGHTS) {
            int row = products::weight_row<A>(tail.out, blockIdx.y, WEIGHTS, threadIdx.x);
            if (row >= 0) factors_from = heads + (size_t)row * int4rows::head_bytes(k) + int4rows::CODES;
        }
        Steps own(k);
        int steps = own.count;
        auto load_weights = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + N * TILE_K + threadIdx.x * 16;
            int step = own.first + s;
#pragma unroll
            for (int i = 0; i < COPIES; i++) copy_async(stage + i * ROWS * INDEX_BYTES, from[i] ? from[i] + step * INDEX_BYTES : w, from[i]);
            if ((s == 0 || step % FACTOR_STEPS == 0) && (int)threadIdx.x < WEIGHTS) {
                int place = step / FACTOR_STEPS;
                copy_async(
                    factor_places + place % FACTOR_PLACES * FACTORS + threadIdx.x * 16, factors_from ? factors_from + place * 16 : w, factors_from);
            }
        };
        auto load_rows = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + tile_at(x_first, x_piece);
            int k0 = (own.first + s) * TILE_K;
            bool inside = k0 + x_piece * 16 < k;
#pragma unroll
            for (int i = 0; i < X_COPIES; i++)
                if (N % X_ROWS == 0 || x_first + i * X_ROWS < N)
                    copy_async(stage + i * X_ROWS * TILE_K, inside && x_from[i] ? x_from[i] + k0 : w, inside && x_from[i]);
        };
        // No kernel writes weights, so they need not wait for the one before.
        for (int s = 0; s < AHEAD; s++)
            if (s < steps) load_weights(s);
        // The two weight rows, 8 apart, that a lane has of what an instruction takes. Of one that is not there all factors are 0.
        int row = threadIdx.x / 32 * 16 + (threadIdx.x & 31) / 4, t = threadIdx.x & 3;
        int4 codes[2];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int n = products::weight_row<A>(tail.out, blockIdx.y, WEIGHTS, row + 8 * half);
            codes[half] = int4rows::biased(__ldg(reinterpret_cast<const int4 *>(heads + (size_t)(n < 0 ? 0 : n) * int4rows::head_bytes(k))));
        }
        await_previous();
        for (int s = 0; s < AHEAD; s++) {
            if (s < steps) load_rows(s);
            commit_async();
        }
        int4 words[2];
        unsigned factors[2];
        auto arrive = [&](int s) {
            wait_async<AHEAD - 1>();
            publish_tiles();
            __syncthreads();
            if (s + AHEAD < steps) {
                load_weights(s + AHEAD);
                load_rows(s + AHEAD);
            }
            commit_async();
            int step = own.first + s;
            const int8_t *indices = stages + s % STAGES * STAGE + N * TILE_K + row * INDEX_BYTES + t * 16;
            const int8_t *place = factor_places + step / FACTOR_STEPS % FACTOR_PLACES * FACTORS + row * 16 + step % FACTOR_STEPS * TOGETHER;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                words[half] = *reinterpret_cast<const int4 *>(indices + 8 * half * INDEX_BYTES);
                factors[half] = *reinterpret_cast<const unsigned *>(place + 8 * half * 16);
            }
        };
        auto word_of = [&](int half, int group) {
            const int all[4] = {words[half].x, words[half].y, words[half].z, words[half].w};
            return (unsigned)all[group];
        };
        int d[N / 2];
#pragma unroll
        for (int i = 0; i < N / 2; i++) d[i] = 0;
        if constexpr (IN_PLANES) {
            int sums[N / 2];
#pragma unroll
            for (int i = 0; i < N / 2; i++) sums[i] = 0;
            unsigned high[2][AT_ONCE][4], low[2][AT_ONCE][4];
            for (int s = 0; s < steps; s++) {
                arrive(s);
                Tile b = tile_of(stages + s % STAGES * STAGE);
#pragma unroll
                for (int turn = 0; turn < TOGETHER / AT_ONCE; turn++) {
                    // While these weights are made, those before are multiplied.
#pragma unroll
                    for (int i = 0; i < AT_ONCE; i++)
#pragma unroll
                        for (int half = 0; half < 2; half++) {
                            int group = turn * AT_ONCE + i;
                            planes_of(
                                codes[half], word_of(half, group), int4rows::factor_of(factors[half], group), half, high[turn % 2][i],
                                low[turn % 2][i]);
                        }
                    begin_wgmma();
#pragma unroll
                    for (int i = 0; i < AT_ONCE; i++) {
                        Tile at = from_k(b, (turn * AT_ONCE + i) * int4rows::GROUP);
                        wgmma<N>(sums, high[turn % 2][i], at);
                        wgmma_us<N>(d, low[turn % 2][i], at);
                    }
                    commit_wgmma();
                    wait_wgmma<1>();
                }
            }
            wait_wgmma<0>();
#pragma unroll
            for (int i = 0; i < N / 2; i++) d[i] += sums[i] * 256;
        } else {
            const unsigned bias[4] = {int4rows::MINUS_BIAS, int4rows::MINUS_BIAS, int4rows::MINUS_BIAS, int4rows::MINUS_BIAS};
            unsigned a[TOGETHER][4];
            int products[TOGETHER][N / 2];
            for (int s = 0; s < steps; s++) {
                arrive(s);
                Tile b = tile_of(stages + s % STAGES * STAGE);
                // What the bias adds is taken away first, by the tensor cores, while codes are looked up.
                begin_wgmma();
#pragma unroll
                for (int group = 0; group < TOGETHER; group++) wgmma_first<N>(products[group], bias, from_k(b, group * int4rows::GROUP));
                commit_wgmma();
#pragma unroll
                for (int group = 0; group < TOGETHER; group++)
#pragma unroll
                    for (int half = 0; half < 2; half++)
#pragma unroll
                        for (int i = 0; i < 2; i++) a[group][2 * i + half] = int4rows::look_up(codes[half], word_of(half, group) >> 16 * i);
                begin_wgmma();
#pragma unroll
                for (int group = 0; group < TOGETHER; group++) wgmma<N>(products[group], a[group], from_k(b, group * int4rows::GROUP));
                commit_wgmma();
                wait_wgmma<0>();
#pragma unroll
                for (int group = 0; group < TOGETHER; group++)
#pragma unroll
                    for (int i = 0; i < N / 2; i++) d[i] += int4rows::factor_of(factors[i / 2 % 2], group) * products[group][i];
            }
        }
        // Others may still read the last stage's indices.
        __syncthreads();
        tail.finish(d, stages, is_last);
    }
};

}  // namespace hopper

/// As hopper_*, see gemm_hopper.cu; weights as int4.cuh says. k is a whole number of groups. Shared: 1,024 + STAGES * (64 * GROUPS * 64 + N * 128) +
/// 4 * 64 * GROUPS * 16 bytes.
#define HOPPER4(GROUPS, N, STAGES, RESIDENT)                                                                              \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS, RESIDENT) hopper4_store_##N(                               \
        const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, int *tiles, unsigned *arrived,     \
        int *y) {                                                                                                         \
        DYN_SHARED(int8_t, shared);                                                                                       \
        __shared__ unsigned is_last;                                                                                      \
        hopper::Gemm4<GROUPS, N, STAGES, products::After::STORE>{                                                         \
            x, w, heads, k, {rows, {y, nullptr, nullptr, nullptr, nullptr, n}, tiles, arrived}}.run(shared, &is_last);    \
    }                                                                                                                     \
    EMU_KERNEL(hopper4_store_##N, 128 * GROUPS, 16)                                                                       \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS, RESIDENT) hopper4_residual_##N(                            \
        const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, int *tiles, unsigned *arrived,     \
        const float *in_scale, const float *row_scale, float *h) {                                                        \
        DYN_SHARED(int8_t, shared);                                                                                       \
        __shared__ unsigned is_last;                                                                                      \
        hopper::Gemm4<GROUPS, N, STAGES, products::After::RESIDUAL>{                                                      \
            x, w, heads, k, {rows, {nullptr, h, in_scale, row_scale, nullptr, n}, tiles, arrived}}.run(shared, &is_last); \
    }                                                                                                                     \
    EMU_KERNEL(hopper4_residual_##N, 128 * GROUPS, 16)                                                                    \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS, RESIDENT) hopper4_gate_##N(                                \
        const int8_t *x, int rows, const int8_t *w, const int8_t *heads, int n, int k, int *tiles, unsigned *arrived,     \
        const float *in_scale, const float *row_scale, float *h, unsigned *most) {                                        \
        DYN_SHARED(int8_t, shared);                                                                                       \
        __shared__ unsigned is_last;                                                                                      \
        hopper::Gemm4<GROUPS, N, STAGES, products::After::GATE>{                                                          \
            x, w, heads, k, {rows, {nullptr, h, in_scale, row_scale, most, n}, tiles, arrived}}.run(shared, &is_last);    \
    }                                                                                                                     \
    EMU_KERNEL(hopper4_gate_##N, 128 * GROUPS, 16)

HOPPER4(1, 16, 6, 4)
HOPPER4(1, 32, 5, 3)
HOPPER4(2, 64, 4, 2)
HOPPER4(2, 128, 4, 1)
