// What becomes of a tile's products on Hopper's tensor cores, whatever its weights are of, eight bits or four. Few
// rows leave too few tiles for all multiprocessors, so several blocks may share a tile's k; integer sums have no order, so each adds its own to the same
// tile in memory, and the last of them to come goes on from there.
#pragma once
#include "machine.cuh"
#include "products.cuh"
#include "wgmma.cuh"

namespace hopper {

using products::After;
using products::Output;

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

/// Which steps of TILE_K bytes of k are this block's.
struct Steps {
    int first, count;

    __device__ __forceinline__ explicit Steps(int k) {
        int all = (k + TILE_K - 1) / TILE_K, share = (all + gridDim.z - 1) / gridDim.z;
        first = blockIdx.z * share;
        count = min(all, first + share) - first;
    }
};

/// Sums of 64 * GROUPS weight rows by N rows of the batch, as wgmma leaves them: four warps have 64 weight rows.
template <int GROUPS, int N, After A>
struct Sums {
    static constexpr int THREADS = 128 * GROUPS;
    static constexpr int WEIGHTS = 64 * GROUPS;

    int rows;
    Output out;
    /// Sums of tiles that blocks share, and how many of those have come; null where none do. Zeros before and after.
    int *tiles;
    unsigned *arrived;

    /// What follows a block's last product. shared: of SHARED_BYTES at least, no longer read by this thread.
    __device__ __forceinline__ void finish(const int (&d)[N / 2], int8_t *shared, unsigned *is_last) const {
        if (gridDim.z == 1) {
            put(d, shared);
            return;
        }
        int *tile = tiles + (size_t)(blockIdx.y * gridDim.x + blockIdx.x) * N * WEIGHTS;
        if (is_last_to_add(d, tile, is_last)) put_columns<true>(tile);
    }

private:
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

public:
    static constexpr int SHARED_BYTES = N * PITCH * 4;

private:
    /// Sums go through shared memory, so that consecutive lanes have consecutive columns of a row, and a thread several rows of the same.
    __device__ __forceinline__ void put(const int (&d)[N / 2], int8_t *shared) const {
        int lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        int *sums = reinterpret_cast<int *>(shared);
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

}  // namespace hopper
