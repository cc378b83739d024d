// int8 products on Hopper's tensor cores. Weight rows are the 64 rows that an instruction takes, the batch's rows its columns, of which there may be
// as few as eight: no row is padded to a tile. Few rows leave too few tiles for all multiprocessors, so several blocks may share a tile's k; integer
// sums have no order, so each adds its own to the same tile in memory, and the last of them to come goes on from there.
#include "machine.cuh"
#include "products.cuh"
#include "wgmma.cuh"

using products::After;
using products::Output;

namespace {

/// V neighbouring words, 16 bytes at once where there are four.
template <int V, class T>
__device__ __forceinline__ void load_vector(T (&to)[V], const T *from) {
    if (V == 4) {
        int4 all = *reinterpret_cast<const int4 *>(from);
        memcpy(to, &all, sizeof to);
    } else {
        to[0] = from[0];
    }
}
/// The same of sums; SHARED: of what other blocks have written while this one ran.
template <int V, bool SHARED>
__device__ __forceinline__ void load_sums(int (&to)[V], const int *from) {
    if (!SHARED) {
        load_vector<V>(to, from);
    } else if (V == 4) {
        int4 all = __ldcg(reinterpret_cast<const int4 *>(from));
        memcpy(to, &all, sizeof to);
    } else {
        to[0] = __ldcg(from);
    }
}
template <int V, class T>
__device__ __forceinline__ void store_vector(T *to, const T (&from)[V]) {
    if (V == 4) {
        int4 all;
        memcpy(&all, from, sizeof from);
        *reinterpret_cast<int4 *>(to) = all;
    } else {
        to[0] = from[0];
    }
}

/// A block computes 64 * GROUPS weight rows by N rows of the batch; four warps have 64 weight rows.
template <int GROUPS, int N, int STAGES, After A>
struct HopperGemm {
    static constexpr int THREADS = 128 * GROUPS;
    static constexpr int WEIGHTS = 64 * GROUPS;
    static constexpr int STAGE = (WEIGHTS + N) * TILE_K;
    /// Steps that are asked for ahead. Where products take long, the one before is still on its way when the next begins, and its stage is not
    /// free yet; where memory does, every stage counts.
    static constexpr int BEHIND = N > 64 ? 1 : 0;
    static constexpr int AHEAD = STAGES - 1 - BEHIND;
    /// Rows that the block's threads copy 128 bytes of at once.
    static constexpr int ROWS = THREADS / 8;

    const int8_t *x, *w;
    int rows, k;
    Output out;
    /// Sums of tiles that blocks share, and how many of those have come; null where none do. Zeros before and after.
    int *tiles;
    unsigned *arrived;

    __device__ __forceinline__ void run(int8_t *shared, unsigned *is_last) const {
        let_next_begin();
        int8_t *stages = aligned(shared);
        int first = threadIdx.x / 8, piece = threadIdx.x % 8;
        // A thread copies the same piece of rows that are ROWS apart, a multiple of 8: its place in all of them is the same.
        int at = tile_at(first, piece);
        constexpr int W_COPIES = WEIGHTS / ROWS, X_COPIES = (N + ROWS - 1) / ROWS;
        const int8_t *from[W_COPIES + X_COPIES];
#pragma unroll
        for (int i = 0; i < W_COPIES; i++) {
            int row = products::weight_row<A>(out, blockIdx.y, WEIGHTS, first + i * ROWS);
            from[i] = row < 0 ? nullptr : w + (size_t)row * k + piece * 16;
        }
#pragma unroll
        for (int i = 0; i < X_COPIES; i++) {
            int row = blockIdx.x * N + first + i * ROWS;
            from[W_COPIES + i] = row < rows ? x + (size_t)row * k + piece * 16 : nullptr;
        }
        int all = (k + TILE_K - 1) / TILE_K, share = (all + gridDim.z - 1) / gridDim.z;
        int step0 = blockIdx.z * share, steps = min(all, step0 + share) - step0;
        auto load_weights = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + at;
            int k0 = (step0 + s) * TILE_K;
            bool inside = k0 + piece * 16 < k;
#pragma unroll
            for (int i = 0; i < W_COPIES; i++) copy_async(stage + i * ROWS * TILE_K, inside && from[i] ? from[i] + k0 : w, inside && from[i]);
        };
        auto load_rows = [&](int s) {
            int8_t *stage = stages + s % STAGES * STAGE + at;
            int k0 = (step0 + s) * TILE_K;
            bool inside = k0 + piece * 16 < k;
#pragma unroll
            for (int i = 0; i < X_COPIES; i++) {
                const int8_t *source = from[W_COPIES + i];
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
        if (gridDim.z == 1) {
            put(d, stages);
            return;
        }
        int *tile = tiles + (size_t)(blockIdx.y * gridDim.x + blockIdx.x) * N * WEIGHTS;
        if (is_last_to_add(d, tile, is_last)) put_columns<true>(tile);
    }

    /// Adds this block's sums to those of the others that share its tile, which begins as zeros. Whether all are there now: then what follows is
    /// this block's to do.
    __device__ __forceinline__ bool is_last_to_add(const int (&d)[N / 2], int *tile, unsigned *is_last) const {
        int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3, left = rows - blockIdx.x * N;
        int *mine = tile + t * 2 * WEIGHTS + (int)threadIdx.x / 32 * 16 + g;
        // The eight lanes of a row fill a sector. Sums of rows that are not there are zeros.
#pragma unroll
        for (int j = 0; j < N / 8; j++)
            if (j * 8 < left)
#pragma unroll
                for (int q = 0; q < 4; q++) add_blindly(mine + (j * 8 + (q & 1)) * WEIGHTS + q / 2 * 8, d[4 * j + q]);
        __threadfence();
        __syncthreads();
        unsigned *count = arrived + blockIdx.y * gridDim.x + blockIdx.x;
        if (threadIdx.x == 0) *is_last = atomicAdd(count, 1u) == gridDim.z - 1;
        __syncthreads();
        if (!*is_last) return false;
        __threadfence();
        if (threadIdx.x == 0) *count = 0;
        return true;
    }

    /// Words of a row of sums in shared memory: the eight lanes and four rows of a store fall into different banks.
    static constexpr int PITCH = WEIGHTS + 4;
    static_assert(N * PITCH * 4 <= STAGES * STAGE, "sums stand where the stages stood");

    /// Sums go through shared memory, so that consecutive lanes have consecutive columns of a row, and a thread several rows of the same.
    __device__ __forceinline__ void put(const int (&d)[N / 2], int8_t *stages) const {
        int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        int *sums = reinterpret_cast<int *>(stages);
        // The tensor cores of all warps have read the last stage.
        __syncthreads();
#pragma unroll
        for (int j = 0; j < N / 8; j++)
#pragma unroll
            for (int q = 0; q < 4; q++)
                sums[(j * 8 + t * 2 + (q & 1)) * PITCH + (int)threadIdx.x / 32 * 16 + g + q / 2 * 8] = d[4 * j + q];
        __syncthreads();
        put_columns<false>(sums);
    }

    /// SHARED: sums are those of several blocks, in memory that is left as zeros for the next kernel; else this block's, in shared memory.
    template <bool SHARED>
    __device__ __forceinline__ void put_columns(int *sums) const {
        if (out.n % 4 == 0) put_rows<4, SHARED>(sums);
        else put_rows<1, SHARED>(sums);
    }

    /// V columns a thread.
    template <int V, bool SHARED>
    __device__ __forceinline__ void put_rows(int *sums) const {
        constexpr bool GATE = A == After::GATE;
        constexpr int COLUMNS = GATE ? WEIGHTS / 2 : WEIGHTS, LANES_A_ROW = COLUMNS / V, STRIDE = THREADS / LANES_A_ROW;
        constexpr int MOST_AT_ONCE = (GATE ? 4 : 8) * (N > 128 ? 2 : 1), ALL = N / STRIDE < 1 ? 1 : N / STRIDE;
        constexpr int ROWS_AT_ONCE = ALL < MOST_AT_ONCE ? ALL : MOST_AT_ONCE, ROW = SHARED ? WEIGHTS : PITCH;
        static_assert(N < STRIDE || N % (ROWS_AT_ONCE * STRIDE) == 0, "all rows that a thread takes at once are in the tile");
        int column = threadIdx.x % LANES_A_ROW * V, n = blockIdx.y * COLUMNS + column, row0 = blockIdx.x * N;
        int *from = sums + (GATE ? column / 8 * 16 + column % 8 : column);
        bool inside = n < out.n;
        // Threads behind the last column or row read the last one's and write nothing: no branch keeps others from being on their way.
        int column_read = inside ? n : 0;
        float row_scale[GATE ? 2 : 1][V];
        if (A != After::STORE) load_vector<V>(row_scale[0], out.row_scale + column_read);
        if (GATE) load_vector<V>(row_scale[GATE ? 1 : 0], out.row_scale + out.n + column_read);
        for (int first = threadIdx.x / LANES_A_ROW; first < N; first += ROWS_AT_ONCE * STRIDE) {
            // All that these rows need is asked for before the first is written.
            float scale[ROWS_AT_ONCE], old[ROWS_AT_ONCE][V];
            unsigned most[ROWS_AT_ONCE];
            int acc[ROWS_AT_ONCE][V], up[ROWS_AT_ONCE][V];
#pragma unroll
            for (int r = 0; r < ROWS_AT_ONCE; r++) {
                int in_tile = first + r * STRIDE, row = min(row0 + in_tile, rows - 1);
                if (A != After::STORE) scale[r] = out.in_scale[row];
                if (GATE) most[r] = products::known_most(out, row);
                if (A == After::RESIDUAL) load_vector<V>(old[r], out.h + (size_t)row * out.n + column_read);
                load_sums<V, SHARED>(acc[r], from + in_tile * ROW);
                if (GATE) load_sums<V, SHARED>(up[r], from + in_tile * ROW + 8);
            }
#pragma unroll
            for (int r = 0; r < ROWS_AT_ONCE; r++) {
                int in_tile = first + r * STRIDE, row = row0 + in_tile;
                bool valid = inside && row < rows;
                size_t at = (size_t)row * out.n + n;
                if (SHARED && valid) {
                    int zeros[V] = {};
                    store_vector<V>(from + in_tile * ROW, zeros);
                    if (GATE) store_vector<V>(from + in_tile * ROW + 8, zeros);
                }
                if (A == After::STORE) {
                    if (valid) store_vector<V>(out.y + at, acc[r]);
                } else if (A == After::RESIDUAL) {
#pragma unroll
                    for (int v = 0; v < V; v++)
                        old[r][v] = exact::add(old[r][v], exact::dequantize(acc[r][v], scale[r], row_scale[0][v]));
                    if (valid) store_vector<V>(out.h + at, old[r]);
                } else {
                    float gated[V];
                    unsigned largest = 0;
#pragma unroll
                    for (int v = 0; v < V; v++) {
                        gated[v] = products::gated(acc[r][v], up[r][v], scale[r], row_scale[0][v], row_scale[GATE ? 1 : 0][v]);
                        unsigned m = exact::magnitude(gated[v]);
                        largest = m > largest ? m : largest;
                    }
                    if (valid) store_vector<V>(out.h + at, gated);
                    else largest = 0;
                    constexpr int WIDTH = LANES_A_ROW < 32 ? LANES_A_ROW : 32;
                    largest = lanes::largest<WIDTH>(largest);
                    // Most rows' maxima are raised by few of their blocks: the others need not queue for it.
                    if (valid && threadIdx.x % WIDTH == 0 && largest > most[r]) atomicMax(&out.most[row], largest);
                }
            }
        }
    }
};

}  // namespace

/// For up to N rows a tile. grid (ceil(rows / N), ceil(columns / (64 * GROUPS)), blocks that share a tile's k), 128 * GROUPS threads; gate has 2 n
/// columns. k is a multiple of 16. Shared: 1,024 + STAGES * (64 * GROUPS + N) * 128 bytes. tiles: a zero for every sum of every tile, and arrived:
/// one for every tile, all of which are zero again afterwards; both null where grid.z is 1.
#define HOPPER(GROUPS, N, STAGES)                                                                                                    \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS) hopper_store_##N(                                                     \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *tiles, unsigned *arrived, int *y) {                           \
        DYN_SHARED(int8_t, shared);                                                                                                  \
        __shared__ unsigned is_last;                                                                                                 \
        HopperGemm<GROUPS, N, STAGES, After::STORE>{                                                                                 \
            x, w, rows, k, Output{y, nullptr, nullptr, nullptr, nullptr, n}, tiles, arrived}.run(shared, &is_last);                  \
    }                                                                                                                                \
    EMU_KERNEL(hopper_store_##N, 128 * GROUPS, 16)                                                                                    \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS) hopper_residual_##N(                                                  \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *tiles, unsigned *arrived, const float *in_scale,              \
        const float *row_scale, float *h) {                                                                                          \
        DYN_SHARED(int8_t, shared);                                                                                                  \
        __shared__ unsigned is_last;                                                                                                 \
        HopperGemm<GROUPS, N, STAGES, After::RESIDUAL>{                                                                              \
            x, w, rows, k, Output{nullptr, h, in_scale, row_scale, nullptr, n}, tiles, arrived}.run(shared, &is_last);               \
    }                                                                                                                                \
    EMU_KERNEL(hopper_residual_##N, 128 * GROUPS, 16)                                                                                 \
    extern "C" __global__ void __launch_bounds__(128 * GROUPS) hopper_gate_##N(                                                      \
        const int8_t *x, int rows, const int8_t *w, int n, int k, int *tiles, unsigned *arrived, const float *in_scale,              \
        const float *row_scale, float *h, unsigned *most) {                                                                          \
        DYN_SHARED(int8_t, shared);                                                                                                  \
        __shared__ unsigned is_last;                                                                                                 \
        HopperGemm<GROUPS, N, STAGES, After::GATE>{                                                                                  \
            x, w, rows, k, Output{nullptr, h, in_scale, row_scale, most, n}, tiles, arrived}.run(shared, &is_last);                  \
    }                                                                                                                                \
    EMU_KERNEL(hopper_gate_##N, 128 * GROUPS, 16)

HOPPER(1, 8, 6)
HOPPER(1, 16, 5)
HOPPER(1, 32, 4)
HOPPER(2, 64, 4)
HOPPER(2, 128, 3)
HOPPER(2, 256, 4)
