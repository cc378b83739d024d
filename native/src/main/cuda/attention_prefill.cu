// Attention of many rows on tensor cores: a tile of consecutive tokens and the query heads that share a kv head, 64 rows in all, against page
// after page. Two passes over the keys: the largest score, then weights and sums. 12-bit factors are two planes of bytes, so a score is four
// exact int8 products: 256 hh + 16 (hl + lh) + ll; a 15-bit weight is two more.
#include "attention.cuh"
#include "machine.cuh"
#include "pages.cuh"

using namespace exact;

namespace {

constexpr int TILE_THREADS = 128;
constexpr int ROWS = 64;
constexpr int KEYS = pages::TOKENS;
/// Bytes of a row of 64 tokens in shared memory.
constexpr int TOKEN_STRIDE = KEYS + 16;

/// Heads of at most D channels, D a multiple of 32.
template <int D>
struct Tile {
    static constexpr int STRIDE = D + 16;
    static constexpr int PLANE = ROWS * STRIDE;
    static constexpr int WEIGHTS = ROWS * TOKEN_STRIDE;
    static constexpr int VALUES = D * TOKEN_STRIDE;
    /// Pages in shared memory: the next one arrives while one is worked on, where there is room for two.
    static constexpr int BUFFERS = D <= 128 ? 2 : 1;
    /// Two planes of keys, values, and their scales.
    static constexpr int BUFFER = 2 * PLANE + VALUES + 2 * KEYS * 4;

    /// Two planes of queries and of weights; pages.
    int8_t *query, *weights, *buffers;

    __device__ __forceinline__ int8_t *keys(int p) const { return buffers + p % BUFFERS * BUFFER; }
    __device__ __forceinline__ int8_t *values(int p) const { return keys(p) + 2 * PLANE; }
    __device__ __forceinline__ float *key_scales(int p) const { return reinterpret_cast<float *>(values(p) + VALUES); }
    __device__ __forceinline__ float *value_scales(int p) const { return key_scales(p) + KEYS; }

    /// Scores of this warp's 16 rows with 32 keys from `from`: lane's rows g and g + 8, columns t * 2 and t * 2 + 1 of each 8.
    __device__ __forceinline__ void scores(const int8_t *key, int from, int size, int (&s)[4][4]) const {
        int warp = threadIdx.x / 32, lane = threadIdx.x & 31, matrix = lane / 8, r = lane % 8;
        // A: rows 0 to 7 and 8 to 15 of the first 16 bytes, then of the next. B: both halves of the high plane, then of the low one.
        const int8_t *a = query + (warp * 16 + matrix % 2 * 8 + r) * STRIDE + matrix / 2 * 16;
        const int8_t *b = key + matrix / 2 * PLANE + (from + r) * STRIDE + matrix % 2 * 16;
        int hh[4][4], mixed[4][4], ll[4][4];
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int q = 0; q < 4; q++) hh[j][q] = mixed[j][q] = ll[j][q] = 0;
#pragma unroll
        for (int kk = 0; kk < D; kk += 32) {
            if (kk >= size) continue;
            unsigned high[4], low[4];
            load_matrices(high, a + kk);
            load_matrices(low, a + PLANE + kk);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                unsigned both[4];
                load_matrices(both, b + j * 8 * STRIDE + kk);
                unsigned key_high[2] = {both[0], both[1]}, key_low[2] = {both[2], both[3]};
                mma_ss(hh[j], high, key_high);
                mma_ss(mixed[j], high, key_low);
                mma_ss(mixed[j], low, key_high);
                mma_ss(ll[j], low, key_low);
            }
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int q = 0; q < 4; q++)
                s[j][q] = (int)(256u * (unsigned)hh[j][q] + 16u * (unsigned)mixed[j][q] + (unsigned)ll[j][q]);
    }

    /// Asks for `rows` rows of `bytes` bytes, `width` of them with room: zeros behind each row's end, where 16 divides it.
    __device__ __forceinline__ static void load_rows(int8_t *to, int stride, int width, const int8_t *from, int rows, int bytes) {
        if (bytes % 16 == 0) {
            for (int i = threadIdx.x; i < rows * (width / 16); i += TILE_THREADS) {
                int row = i / (width / 16), c = i % (width / 16) * 16;
                copy_async(to + row * stride + c, c < bytes ? from + (size_t)row * bytes + c : from, c < bytes);
            }
        } else {
            for (int i = threadIdx.x; i < rows * bytes; i += TILE_THREADS) to[i / bytes * stride + i % bytes] = from[i];
        }
    }

    /// Asks for page p of kv head g, with its values or without.
    __device__ __forceinline__ void load(const pages::Part &part, int g, int p, bool with_values) const {
        load_rows(keys(p), STRIDE, D, part.high(g), KEYS, part.size);
        load_rows(keys(p) + PLANE, STRIDE, D, part.low(g), KEYS, part.size);
        if (with_values) load_rows(values(p), TOKEN_STRIDE, KEYS, part.values(g), part.size, KEYS);
        int i = threadIdx.x * 4 % KEYS;
        if (threadIdx.x < KEYS / 4) copy_async(key_scales(p) + i, part.key_scales(g) + i, true);
        else if (threadIdx.x < KEYS / 2) copy_async(value_scales(p) + i, part.value_scales(g) + i, true);
    }

    /// Calls work(p) for every page of a context once it is there.
    template <class Work>
    __device__ __forceinline__ void over_pages(
        uint8_t *const *list, const pages::Cache &cache, int g, int count, bool with_values, const Work &work) const {
        // A page's address is asked for before the page itself is.
        uint8_t *ahead = list[0];
        for (int p = 0; p < BUFFERS - 1 && p < count; p++) {
            load(pages::Part{ahead + cache.layer, cache.kv_heads, cache.size}, g, p, with_values);
            ahead = list[min(p + 1, count - 1)];
            commit_async();
        }
        for (int p = 0; p < count; p++) {
            int next = p + BUFFERS - 1;
            if (next < count) load(pages::Part{ahead + cache.layer, cache.kv_heads, cache.size}, g, next, with_values);
            ahead = list[min(next + 1, count - 1)];
            commit_async();
            wait_async<BUFFERS - 1>();
            __syncthreads();
            work(p);
            __syncthreads();
        }
    }

    __device__ __forceinline__ void run(
        const int16_t *q, const float *sq, const pages::Cache &cache, const int *positions, float inverse_root, int heads, int first,
        int count, float *out, int *status) const {
        int g = blockIdx.x, kv_heads = cache.kv_heads, size = cache.size, shared = heads / kv_heads;
        int warp = threadIdx.x / 32, lane = threadIdx.x & 31, group = lane >> 2, t = lane & 3;
        for (int i = threadIdx.x; i < ROWS * D; i += TILE_THREADS) {
            int m = i / D, c = i % D, token = m / shared, value = 0;
            if (token < count && c < size) value = q[((size_t)(first + token) * heads + g * shared + m % shared) * size + c];
            query[m * STRIDE + c] = (int8_t)(value >> 4);
            query[PLANE + m * STRIDE + c] = (int8_t)(value & 15);
        }
        // This lane's two rows.
        int n[2], at[2];
        float factor[2], most[2] = {-INFINITY, -INFINITY}, scale[2] = {0.0f, 0.0f};
#pragma unroll
        for (int r = 0; r < 2; r++) {
            int m = warp * 16 + group + r * 8, token = m / shared;
            bool mine = token < count;
            at[r] = mine ? (first + token) * heads + g * shared + m % shared : -1;
            n[r] = mine ? positions[first + token] + 1 : 0;
            factor[r] = mine ? mul(sq[at[r]], inverse_root) : 0.0f;
        }
        int context = positions[first + count - 1] + 1, all = (context + KEYS - 1) / KEYS;
        uint8_t *const *list = cache.tables[first];
        over_pages(list, cache, g, all, false, [&](int p) {
            const float *key_scale = key_scales(p), *value_scale = value_scales(p);
#pragma unroll 1
            for (int from = 0; from < KEYS; from += 32) {
                int s[4][4];
                scores(keys(p), from, size, s);
#pragma unroll
                for (int j = 0; j < 4; j++)
#pragma unroll
                    for (int e = 0; e < 4; e++) {
                        int r = e / 2, in_page = from + j * 8 + t * 2 + e % 2;
                        attention::see(s[j][e], factor[r], key_scale[in_page], value_scale[in_page], p * KEYS + in_page < n[r], most[r], scale[r]);
                    }
            }
        });
        float to_weights[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
            most[r] = lanes::largest<4>(most[r]);
            scale[r] = lanes::largest<4>(scale[r]);
            if (n[r] && !(fabsf(most[r]) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
            to_weights[r] = scale[r] < TINY ? 0.0f : div(32767.0f, scale[r]);
        }
        unsigned long long den[2] = {0, 0};
        int high[D / 8][4], low[D / 8][4];
#pragma unroll
        for (int j = 0; j < D / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) high[j][e] = low[j][e] = 0;
        over_pages(list, cache, g, all, true, [&](int p) {
            const float *key_scale = key_scales(p), *value_scale = value_scales(p);
            // Sixteen numbers of at most 2^24 a page, beside what counting adds to each.
            unsigned page_den[2] = {0u - 16 * attention::COUNTED_0, 0u - 16 * attention::COUNTED_0};
#pragma unroll 1
            for (int from = 0; from < KEYS; from += 32) {
                int s[4][4];
                scores(keys(p), from, size, s);
#pragma unroll
                for (int j = 0; j < 4; j++)
#pragma unroll
                    for (int r = 0; r < 2; r++) {
                        unsigned u[2];
#pragma unroll
                        for (int e = 0; e < 2; e++) {
                            int in_page = from + j * 8 + t * 2 + e;
                            bool is_seen = p * KEYS + in_page < n[r];
                            float weight = attention::weigh(s[j][2 * r + e], factor[r], key_scale[in_page], most[r]);
                            weight = is_seen ? weight : 0.0f;
                            page_den[r] += attention::counted(weight);
                            u[e] = attention::with_value(weight, is_seen ? value_scale[in_page] : 0.0f, to_weights[r]);
                        }
                        unsigned planes = attention::by_plane(u[0], u[1]);
                        int8_t *to = weights + (warp * 16 + group + r * 8) * TOKEN_STRIDE + from + j * 8 + t * 2;
                        *reinterpret_cast<uint16_t *>(to) = (uint16_t)(planes >> 16);
                        *reinterpret_cast<uint16_t *>(to + WEIGHTS) = (uint16_t)planes;
                    }
            }
#pragma unroll
            for (int r = 0; r < 2; r++) den[r] += page_den[r];
            __syncwarp();
            int matrix = lane / 8, r = lane % 8;
            const int8_t *a = weights + (warp * 16 + matrix % 2 * 8 + r) * TOKEN_STRIDE + matrix / 2 * 16;
            const int8_t *b = values(p) + r * TOKEN_STRIDE + matrix * 16;
            unsigned fh[2][4], fl[2][4];
#pragma unroll
            for (int half = 0; half < 2; half++) {
                load_matrices(fh[half], a + half * 32);
                load_matrices(fl[half], a + WEIGHTS + half * 32);
            }
#pragma unroll
            for (int j = 0; j < D / 8; j++) {
                if (j * 8 >= size) continue;
                unsigned fv[4];
                load_matrices(fv, b + j * 8 * TOKEN_STRIDE);
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    unsigned v[2] = {fv[2 * half], fv[2 * half + 1]};
                    mma_ss(high[j], fh[half], v);
                    mma_us(low[j], fl[half], v);
                }
            }
        });
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float d = mul(__ll2float_rn((long long)lanes::sum<4>(den[r])), 0x1p-24f);
            if (!n[r]) continue;
            float to_output = scale[r] < TINY ? 0.0f : div(div(scale[r], 32767.0f), d);
#pragma unroll
            for (int j = 0; j < D / 8; j++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    int c = j * 8 + t * 2 + e;
                    long long sum = 256LL * high[j][r * 2 + e] + low[j][r * 2 + e];
                    if (c < size) out[(size_t)at[r] * size + c] = mul(__ll2float_rn(sum), to_output);
                }
        }
    }
};

template <int D>
__device__ __forceinline__ void attend(
    int8_t *shared, const int16_t *q, const float *sq, const pages::Cache &cache, const int *positions, float inverse_root, int heads,
    const int *tile_first, const int *tile_count, float *out, int *status) {
    using T = Tile<D>;
    // The last tiles have most to do, so they come first.
    int tile = gridDim.y - 1 - blockIdx.y;
    T{shared, shared + 2 * T::PLANE, shared + 2 * T::PLANE + 2 * T::WEIGHTS}.run(
        q, sq, cache, positions, inverse_root, heads, tile_first[tile], tile_count[tile], out, status);
}

}  // namespace

/// out[row][head][D]. grid (kvHeads, tiles), 128 threads; a tile is up to 64 / shared consecutive tokens of one sequence, from batch row
/// tile_first. Shared memory: 128 * (D + 16) + 10,240 bytes, and for each page that it holds, two up to 128 channels and one beyond,
/// 128 * (D + 16) + 80 * D + 512 bytes; D is the heads' size rounded up to 64, 128 or 256. At most 64 query heads a kv head.
#define ATTEND(D)                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(TILE_THREADS) attend_tiles_##D(                                                           \
        const int16_t *q, const float *sq, uint8_t *const *const *tables, long long layer, const int *positions, float inverse_root,  \
        int heads, int kv_heads, int size, const int *tile_first, const int *tile_count, float *out, int *status) {                   \
        follow_previous();                                                                                                            \
        DYN_SHARED(int8_t, shared);                                                                                                   \
        attend<D>(shared, q, sq, pages::Cache{tables, layer, kv_heads, size}, positions, inverse_root, heads, tile_first, tile_count, \
                  out, status);                                                                                                       \
    }                                                                                                                                 \
    EMU_KERNEL(attend_tiles_##D, TILE_THREADS, 0)

ATTEND(64)
ATTEND(128)
ATTEND(256)
