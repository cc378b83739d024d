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
    /// Bytes of a row's indices in a step, and groups.
    static constexpr int INDEX_BYTES = TILE_K / 2, TILE_GROUPS = TILE_K / int4rows::GROUP;
    static constexpr int STAGE = N * TILE_K + WEIGHTS * INDEX_BYTES;
    static_assert(Tail::SHARED_BYTES <= STAGES * STAGE, "sums stand where the stages stood");
    /// For few rows of the batch codes are multiplied, and each group's products then by its factor. For many that would be more work than to multiply
    /// weights by their factors first: those have 13 bits, which are two planes of bytes, 256 high + low.
    static constexpr bool IN_PLANES = N > 32;
    /// Steps that are asked for ahead: with planes a step's last products are on their way when the next step begins.
    static constexpr int AHEAD = STAGES - 1 - IN_PLANES;

    const int8_t *x, *w, *heads;
    int k;
    Tail tail;

    /// Where piece c of 16 bytes of row r's indices stands, in bytes: eight rows fall into different banks.
    static __device__ __forceinline__ int piece_at(int r, int c) { return r * INDEX_BYTES + (c ^ (r >> 1 & 3)) * 16; }

    /// The two weight rows that a lane has of what an instruction takes: 8 apart.
    struct Lane {
        const int8_t *factors[2];
        int4 codes[2];
        int row, t;

        __device__ __forceinline__ Lane(const Gemm4 &gemm, int first_step) : row(threadIdx.x / 32 * 16 + (threadIdx.x & 31) / 4), t(threadIdx.x & 3) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int n = products::weight_row<A>(gemm.tail.out, blockIdx.y, WEIGHTS, row + 8 * half);
                // A row that is not there has factors of another and no weights: its codes are zeros.
                const int8_t *head = gemm.heads + (size_t)(n < 0 ? 0 : n) * int4rows::head_bytes(gemm.k);
                codes[half] = n < 0 ? make_int4(0, 0, 0, 0) : __ldg(reinterpret_cast<const int4 *>(head));
                factors[half] = head + int4rows::CODES + first_step * TILE_GROUPS;
            }
        }

        /// Factors of a step's groups, a byte each; 0 beyond the last group, up to which heads are filled up.
        __device__ __forceinline__ unsigned factors_of(int half, int s) const {
            return (unsigned)__ldg(reinterpret_cast<const int *>(factors[half] + s * TILE_GROUPS));
        }

        /// This lane's eight indices of a group: those of weights 4 t to 4 t + 3 low, of 16 + 4 t to 16 + 4 t + 3 high in their bytes.
        __device__ __forceinline__ unsigned indices(const int8_t *stage, int half, int group) const {
            return *reinterpret_cast<const unsigned *>(stage + piece_at(row + 8 * half, group) + 4 * t);
        }
    };

    /// Codes of a lane's weights of a group.
    static __device__ __forceinline__ void codes_of(const Lane &lane, const int8_t *stage, int group, unsigned (&a)[4]) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            unsigned which = lane.indices(stage, half, group);
            unsigned even = int4rows::look_up(lane.codes[half], which), odd = int4rows::look_up(lane.codes[half], which >> 16);
            a[half] = __byte_perm(even, odd, 0x6420);
            a[2 + half] = __byte_perm(even, odd, 0x7531);
        }
    }

    /// A lane's weights of a group times its factor, in planes. Codes were made 128 more, so that two of them are one number of 32 bits that one
    /// multiplication takes; what is added takes both back, and adds 2^15 to the low half, so that it borrows nothing from the high one.
    static __device__ __forceinline__ void planes_of(
        const Lane &lane, const int8_t *stage, int group, const unsigned (&factors)[2], unsigned (&high)[4], unsigned (&low)[4]) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            unsigned which = lane.indices(stage, half, group), factor = (unsigned)(int)(int8_t)(factors[half] >> 8 * group);
            unsigned back = 0x8000u - factor * 0x00800080u;
            unsigned even = int4rows::look_up(lane.codes[half], which), odd = int4rows::look_up(lane.codes[half], which >> 16);
#pragma unroll
            for (int i = 0; i < 2; i++) {
                unsigned first = (even >> 8 * i & 0x00FF00FFu) * factor + back, second = (odd >> 8 * i & 0x00FF00FFu) * factor + back;
                low[2 * i + half] = __byte_perm(first, second, 0x6420);
                high[2 * i + half] = __byte_perm(first, second, 0x7531) ^ 0x00800080u;
            }
        }
    }

    __device__ __forceinline__ void run(int8_t *shared, unsigned *is_last) const {
        let_next_begin();
        int8_t *stages = aligned(shared);
        BatchRows<N, Tail::THREADS> batch(x, tail.rows, k);
        constexpr int ROWS = Tail::THREADS / TILE_GROUPS, COPIES = WEIGHTS / ROWS;
        static_assert(ROWS % 8 == 0, "a thread's piece has the same place in all of its rows");
        int first = threadIdx.x / TILE_GROUPS, piece = threadIdx.x % TILE_GROUPS, at = N * TILE_K + piece_at(first, piece);
        const int8_t *from[COPIES];
#pragma unroll
        for (int i = 0; i < COPIES; i++) {
            int row = products::weight_row<A>(tail.out, blockIdx.y, WEIGHTS, first + i * ROWS);
            from[i] = row < 0 ? nullptr : w + (size_t)row * (k / 2) + piece * 16;
        }
        Steps own(k);
        int steps = own.count;
        auto load_weights = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + at;
            int k0 = (own.first + s) * TILE_K;
            bool inside = k0 + piece * int4rows::GROUP < k;
#pragma unroll
            for (int i = 0; i < COPIES; i++)
                copy_async(stage + i * ROWS * INDEX_BYTES, inside && from[i] ? from[i] + k0 / 2 : w, inside && from[i]);
        };
        auto load_rows = [&](int s) { batch.load(stages + s % STAGES * STAGE, (own.first + s) * TILE_K); };
        // No kernel writes weights, so they need not wait for the one before.
        for (int s = 0; s < AHEAD; s++)
            if (s < steps) load_weights(s);
        Lane lane(*this, own.first);
        // A block beyond the last step has none.
        unsigned next[2] = {steps > 0 ? lane.factors_of(0, 0) : 0, steps > 0 ? lane.factors_of(1, 0) : 0};
        await_previous();
        for (int s = 0; s < AHEAD; s++) {
            if (s < steps) load_rows(s);
            commit_async();
        }
        // Factors of the next step are on their way while this one's are used.
        unsigned factors[2];
        auto arrive = [&](int s) {
            wait_async<AHEAD - 1>();
            publish_tiles();
            __syncthreads();
            int after = min(s + 1, steps - 1);
#pragma unroll
            for (int half = 0; half < 2; half++) {
                factors[half] = next[half];
                next[half] = lane.factors_of(half, after);
            }
        };
        auto load_later = [&](int s) {
            if (s + AHEAD < steps) {
                load_weights(s + AHEAD);
                load_rows(s + AHEAD);
            }
            commit_async();
        };
        int d[N / 2];
#pragma unroll
        for (int i = 0; i < N / 2; i++) d[i] = 0;
        if constexpr (IN_PLANES) {
#pragma unroll
            for (int half = 0; half < 2; half++)
                lane.codes[half] = make_int4(
                    lane.codes[half].x ^ 0x80808080, lane.codes[half].y ^ 0x80808080, lane.codes[half].z ^ 0x80808080,
                    lane.codes[half].w ^ 0x80808080);
            int sums[N / 2];
#pragma unroll
            for (int i = 0; i < N / 2; i++) sums[i] = 0;
            unsigned high[2][4], low[2][4];
            for (int s = 0; s < steps; s++) {
                arrive(s);
                load_later(s);
                const int8_t *stage = stages + s % STAGES * STAGE, *indices = stage + N * TILE_K;
                Tile b = tile_of(stage);
#pragma unroll
                for (int group = 0; group < TILE_GROUPS; group++) {
                    // While these weights are made, those before are multiplied.
                    planes_of(lane, indices, group, factors, high[group % 2], low[group % 2]);
                    begin_wgmma();
                    wgmma<N>(sums, high[group % 2], from_k(b, group * int4rows::GROUP));
                    wgmma_us<N>(d, low[group % 2], from_k(b, group * int4rows::GROUP));
                    commit_wgmma();
                    wait_wgmma<1>();
                }
            }
            wait_wgmma<0>();
#pragma unroll
            for (int i = 0; i < N / 2; i++) d[i] += sums[i] * 256;
        } else {
            unsigned a[TILE_GROUPS][4];
            int products[TILE_GROUPS][N / 2];
            for (int s = 0; s < steps; s++) {
                arrive(s);
                load_later(s);
                const int8_t *stage = stages + s % STAGES * STAGE, *indices = stage + N * TILE_K;
                Tile b = tile_of(stage);
#pragma unroll
                for (int group = 0; group < TILE_GROUPS; group++) codes_of(lane, indices, group, a[group]);
                begin_wgmma();
#pragma unroll
                for (int group = 0; group < TILE_GROUPS; group++) wgmma_first<N>(products[group], a[group], from_k(b, group * int4rows::GROUP));
                commit_wgmma();
                wait_wgmma<0>();
#pragma unroll
                for (int group = 0; group < TILE_GROUPS; group++)
#pragma unroll
                    for (int i = 0; i < N / 2; i++) d[i] += (int)(int8_t)(factors[i / 2 % 2] >> 8 * group) * products[group][i];
            }
        }
        // Others may still read the last stage's indices.
        __syncthreads();
        tail.finish(d, stages, is_last);
    }
};

}  // namespace hopper

/// As hopper_*, see gemm_hopper.cu; weights as gemv4_* takes them. k is a whole number of groups. Shared: 1,024 + STAGES * (64 * GROUPS * 64 + N * 128)
/// bytes.
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

HOPPER4(1, 8, 6, 4)
HOPPER4(1, 16, 6, 4)
HOPPER4(1, 32, 5, 4)
HOPPER4(2, 64, 4, 2)
HOPPER4(2, 128, 4, 1)
