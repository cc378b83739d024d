// Attention of many rows on Hopper's tensor cores: as in attention_prefill.cu, with the products of 64 rows by one instruction of four warps. Eight
// warps have a tile: four of them one half of a page's keys, then one half of the channels, so that what a thread holds leaves room for two blocks.
#include "attention.cuh"
#include "machine.cuh"
#include "pages.cuh"
#include "wgmma.cuh"

using namespace exact;

namespace {

/// Heads of at most D channels, 64 or 128.
template <int D>
struct HopperAttention {
    static constexpr int THREADS = 256;
    static constexpr int ROWS = 64;
    static constexpr int KEYS = pages::TOKENS;
    static constexpr int TILE = 64 * TILE_K;
    /// Two planes of 64 rows: of 128 channels a tile each, of 64 side by side in one.
    static constexpr int PLANES = D == 128 ? 2 * TILE : TILE;
    /// Channels in two halves side by side, 64 tokens each.
    static constexpr int VALUES = D / 2 * TILE_K;
    static constexpr int BUFFER = PLANES + VALUES;
    static constexpr int HALF_KEYS = KEYS / 2, HALF = D / 2;

    static_assert(2 * BUFFER <= 4 * PLANES, "two whole pages stand where four pages' keys stood");

    /// Queries in two planes; weights, their two planes side by side; pages.
    int8_t *query, *weights, *buffers;
    /// Of the pages' keys and values.
    float *scales;
    /// Largest scores, scales and sums of the other four warps' rows.
    float (*others)[2][ROWS];
    unsigned long long (*other_den)[ROWS];

    /// A page in shared memory.
    struct Page {
        int8_t *keys, *values;
        float *key_scales, *value_scales;
    };
    /// Without values, for the first pass: one of four.
    __device__ __forceinline__ Page keys_only(int p) const {
        float *scale = scales + p % 4 * 2 * KEYS;
        return Page{buffers + p % 4 * PLANES, nullptr, scale, scale + KEYS};
    }
    /// With values, for the second pass: one of two.
    __device__ __forceinline__ Page whole(int p) const {
        float *scale = scales + p % 2 * 2 * KEYS;
        int8_t *at = buffers + p % 2 * BUFFER;
        return Page{at, at + PLANES, scale, scale + KEYS};
    }

    /// Where 16 bytes of a plane stand: piece c of row r.
    __device__ __forceinline__ static int plane_at(int plane, int r, int c) {
        return D == 128 ? plane * TILE + tile_at(r, c) : tile_at(r, plane * 4 + c);
    }
    /// A plane's tile from row `first`, a multiple of 8, and from byte kk.
    __device__ __forceinline__ static Tile plane(const int8_t *at, int which, int first, int kk) {
        const int8_t *from = at + first * TILE_K;
        return D == 128 ? from_k(tile_of(from + which * TILE), kk) : from_k(tile_of(from), which * 64 + kk);
    }

    __device__ __forceinline__ void load(const pages::Part &part, int g, const Page &page) const {
        // A thread copies one piece of rows that are a multiple of 8 apart: its place in all of them is the same.
        constexpr int PIECES = D / 16, ROWS_AT_ONCE = THREADS / PIECES;
        int row = threadIdx.x / PIECES, c = threadIdx.x % PIECES;
        bool valid = c * 16 < part.size;
        int from = valid ? row * part.size + c * 16 : 0, step = valid ? ROWS_AT_ONCE * part.size : 0;
#pragma unroll
        for (int which = 0; which < 2; which++) {
            const int8_t *rows = which ? part.low(g) : part.high(g);
            int8_t *to = page.keys + plane_at(which, row, c);
#pragma unroll
            for (int i = 0; i < KEYS / ROWS_AT_ONCE; i++) copy_async(to + i * ROWS_AT_ONCE * TILE_K, rows + from + i * step, valid);
        }
        if (page.values)
#pragma unroll
            for (int i = 0; i < D * 4 / THREADS; i++) {
                int channel = threadIdx.x / 4 + i * (THREADS / 4), token = threadIdx.x % 4;
                bool exists = channel < part.size;
                copy_async(page.values + tile_at(channel % HALF, channel / HALF * 4 + token),
                           part.values(g) + (exists ? channel * KEYS + token * 16 : 0), exists);
            }
        int i = threadIdx.x * 4 % KEYS;
        if (threadIdx.x < KEYS / 4) copy_async(page.key_scales + i, part.key_scales(g) + i, true);
        else if (threadIdx.x < KEYS / 2) copy_async(page.value_scales + i, part.value_scales(g) + i, true);
    }

    /// Adds to s what planes of queries and keys give, once it is waited for.
    template <int N>
    __device__ __forceinline__ void add_products(const Page &page, int query_plane, int key_plane, int first, int (&s)[N / 2]) const {
#pragma unroll
        for (int kk = 0; kk < D; kk += 32) wgmma<N>(s, plane(query, query_plane, 0, kk), plane(page.keys, key_plane, first, kk));
    }

    __device__ __forceinline__ static void end_products() {
        commit_wgmma();
        wait_wgmma<0>();
    }

    /// Scores of 64 rows with all keys of a page: lane's rows g and g + 8 of a warp's 16, columns t * 2 and t * 2 + 1 of each 8.
    __device__ __forceinline__ void all_scores(const Page &page, int (&s)[KEYS / 2]) const {
        int mixed[KEYS / 2], ll[KEYS / 2];
#pragma unroll
        for (int i = 0; i < KEYS / 2; i++) s[i] = mixed[i] = ll[i] = 0;
        begin_wgmma();
        add_products<KEYS>(page, 0, 0, 0, s);
        add_products<KEYS>(page, 0, 1, 0, mixed);
        add_products<KEYS>(page, 1, 1, 0, ll);
        add_products<KEYS>(page, 1, 0, 0, mixed);
        end_products();
#pragma unroll
        for (int i = 0; i < KEYS / 2; i++) s[i] = (int)(256u * (unsigned)s[i] + 16u * (unsigned)mixed[i] + (unsigned)ll[i]);
    }

    /// The same with this half's 32 keys. The products of the high planes are shifted before the others are added: beside the sums of values, three
    /// by themselves would leave no room for two blocks.
    __device__ __forceinline__ void half_scores(const Page &page, int half, int (&s)[HALF_KEYS / 2]) const {
        int first = half * HALF_KEYS;
#pragma unroll
        for (int i = 0; i < HALF_KEYS / 2; i++) s[i] = 0;
        begin_wgmma();
        add_products<HALF_KEYS>(page, 0, 0, first, s);
        end_products();
#pragma unroll
        for (int i = 0; i < HALF_KEYS / 2; i++) s[i] = (int)((unsigned)s[i] << 4);
        begin_wgmma();
        add_products<HALF_KEYS>(page, 0, 1, first, s);
        add_products<HALF_KEYS>(page, 1, 0, first, s);
        end_products();
#pragma unroll
        for (int i = 0; i < HALF_KEYS / 2; i++) s[i] = (int)((unsigned)s[i] << 4);
        begin_wgmma();
        add_products<HALF_KEYS>(page, 1, 1, first, s);
        end_products();
    }

    __device__ __forceinline__ void run(
        const int16_t *q, const float *sq, const pages::Cache &cache, const int *positions, float inverse_root, int heads, int first,
        int count, float *out, int *status) const {
        int g = blockIdx.x, size = cache.size, shared = heads / cache.kv_heads;
        int half = threadIdx.x / 128, warp = threadIdx.x / 32 % 4, lane = threadIdx.x & 31, group = lane >> 2, t = lane & 3;
        for (int i = threadIdx.x; i < ROWS * D; i += THREADS) {
            int m = i / D, c = i % D, token = m / shared, value = 0;
            if (token < count && c < size) value = q[((size_t)(first + token) * heads + g * shared + m % shared) * size + c];
            query[plane_at(0, m, c / 16) + c % 16] = (int8_t)(value >> 4);
            query[plane_at(1, m, c / 16) + c % 16] = (int8_t)(value & 15);
        }
        // This lane's two rows.
        int n[2], at[2], own[2];
        float factor[2], most[2] = {-INFINITY, -INFINITY}, scale[2] = {0.0f, 0.0f};
#pragma unroll
        for (int r = 0; r < 2; r++) {
            own[r] = warp * 16 + group + r * 8;
            int token = own[r] / shared;
            bool mine = token < count;
            at[r] = mine ? (first + token) * heads + g * shared + own[r] % shared : -1;
            n[r] = mine ? positions[first + token] + 1 : 0;
            factor[r] = mine ? mul(sq[at[r]], inverse_root) : 0.0f;
        }
        int context = positions[first + count - 1] + 1, all = (context + KEYS - 1) / KEYS;
        uint8_t *const *list = cache.tables[first];
        auto part = [&](uint8_t *at) { return pages::Part{at + cache.layer, cache.kv_heads, size}; };
        // First pass: four warps take every other page. The next two arrive meanwhile; where they are is asked for before they are.
        load(part(list[0]), g, keys_only(0));
        if (all > 1) load(part(list[1]), g, keys_only(1));
        commit_async();
        uint8_t *ahead[2] = {list[min(2, all - 1)], list[min(3, all - 1)]};
        for (int p = 0; p < all; p += 2) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                if (p + 2 + i < all) load(part(ahead[i]), g, keys_only(p + 2 + i));
                ahead[i] = list[min(p + 4 + i, all - 1)];
            }
            commit_async();
            wait_async<1>();
            publish_tiles();
            __syncthreads();
            // Behind the last page nothing is seen: warps that have none do the last one's products for nothing, for products in a branch would come
            // one by one.
            int own_page = p + half;
            Page page = keys_only(min(own_page, all - 1));
            int s[KEYS / 2];
            all_scores(page, s);
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    int r = e / 2, in_page = j * 8 + t * 2 + e % 2;
                    attention::see(
                        s[4 * j + e], factor[r], page.key_scales[in_page], page.value_scales[in_page], own_page * KEYS + in_page < n[r], most[r],
                        scale[r]);
                }
            __syncthreads();
        }
        float to_weights[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
            most[r] = attention::quad_max(most[r]);
            scale[r] = attention::quad_max(scale[r]);
            if (t == 0) {
                others[half][0][own[r]] = most[r];
                others[half][1][own[r]] = scale[r];
            }
        }
        __syncthreads();
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float other = others[1 - half][0][own[r]], other_scale = others[1 - half][1][own[r]];
            most[r] = other > most[r] || other != other ? other : most[r];
            scale[r] = other_scale > scale[r] ? other_scale : scale[r];
            if (n[r] && !(fabsf(most[r]) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
            to_weights[r] = scale[r] < TINY ? 0.0f : div(32767.0f, scale[r]);
        }
        unsigned long long den[2] = {0, 0};
        int high[HALF / 2], low[HALF / 2];
#pragma unroll
        for (int i = 0; i < HALF / 2; i++) high[i] = low[i] = 0;
        // Second pass: four warps take half of a page's keys, then half of the channels.
        load(part(list[0]), g, whole(0));
        commit_async();
        uint8_t *next = list[min(1, all - 1)];
        for (int p = 0; p < all; p++) {
            if (p + 1 < all) load(part(next), g, whole(p + 1));
            next = list[min(p + 2, all - 1)];
            commit_async();
            wait_async<1>();
            publish_tiles();
            __syncthreads();
            Page page = whole(p);
            // Eight numbers of at most 2^24 a page, beside what counting adds to each.
            unsigned page_den[2] = {0u - 8 * attention::COUNTED_0, 0u - 8 * attention::COUNTED_0};
            int s[HALF_KEYS / 2];
            half_scores(page, half, s);
#pragma unroll
            for (int j = 0; j < HALF_KEYS / 8; j++)
#pragma unroll
                for (int r = 0; r < 2; r++) {
                    int in_page = half * HALF_KEYS + j * 8 + t * 2;
                    unsigned u[2];
#pragma unroll
                    for (int e = 0; e < 2; e++) {
                        bool is_seen = p * KEYS + in_page + e < n[r];
                        float weight = attention::weigh(s[4 * j + 2 * r + e], factor[r], page.key_scales[in_page + e], most[r]);
                        weight = is_seen ? weight : 0.0f;
                        page_den[r] += attention::counted(weight);
                        u[e] = attention::with_value(weight, is_seen ? page.value_scales[in_page + e] : 0.0f, to_weights[r]);
                    }
                    unsigned planes = attention::by_plane(u[0], u[1]);
                    *reinterpret_cast<uint16_t *>(weights + tile_at(own[r], in_page / 16) + in_page % 16) = (uint16_t)(planes >> 16);
                    *reinterpret_cast<uint16_t *>(weights + tile_at(own[r], 4 + in_page / 16) + in_page % 16) = (uint16_t)planes;
                }
#pragma unroll
            for (int r = 0; r < 2; r++) den[r] += page_den[r];
            publish_tiles();
            __syncthreads();
            begin_wgmma();
            Tile a = tile_of(weights), b = tile_of(page.values);
#pragma unroll
            for (int kk = 0; kk < KEYS; kk += 32) {
                wgmma<HALF>(high, from_k(a, kk), from_k(b, half * KEYS + kk));
                wgmma_us<HALF>(low, from_k(a, KEYS + kk), from_k(b, half * KEYS + kk));
            }
            end_products();
            __syncthreads();
        }
#pragma unroll
        for (int r = 0; r < 2; r++) {
            den[r] = attention::quad_sum(den[r]);
            if (t == 0) other_den[half][own[r]] = den[r];
        }
        __syncthreads();
#pragma unroll
        for (int r = 0; r < 2; r++) {
            if (!n[r]) continue;
            float d = mul(__ll2float_rn((long long)(den[r] + other_den[1 - half][own[r]])), 0x1p-24f);
            float to_output = scale[r] < TINY ? 0.0f : div(div(scale[r], 32767.0f), d);
#pragma unroll
            for (int j = 0; j < HALF / 8; j++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    int c = half * HALF + j * 8 + t * 2 + e;
                    long long sum = 256LL * high[4 * j + 2 * r + e] + low[4 * j + 2 * r + e];
                    if (c < size) out[(size_t)at[r] * size + c] = mul(__ll2float_rn(sum), to_output);
                }
        }
    }
};

}  // namespace

/// out[row][head][D]. grid (kvHeads, tiles), 256 threads; tiles as those of attend_tiles. The heads' size is a multiple of 16, D that size rounded up
/// to 64 or 128. Shared memory: 1,024 bytes, queries and four pages of keys of 128 * D bytes each, and 8,192 of weights; two pages with their values
/// take less.
#define ATTEND_HOPPER(D)                                                                                                               \
    extern "C" __global__ void __launch_bounds__(256, 2) attend_hopper_##D(                                                            \
        const int16_t *q, const float *sq, uint8_t *const *const *tables, long long layer, const int *positions, float inverse_root,   \
        int heads, int kv_heads, int size, const int *tile_first, const int *tile_count, float *out, int *status) {                    \
        follow_previous();                                                                                                             \
        DYN_SHARED(int8_t, shared);                                                                                                    \
        __shared__ __align__(16) float scales[4 * 2 * pages::TOKENS];                                                                  \
        __shared__ float others[2][2][64];                                                                                             \
        __shared__ unsigned long long other_den[2][64];                                                                                \
        using T = HopperAttention<D>;                                                                                                  \
        int8_t *tiles = aligned(shared);                                                                                               \
        /* The last tiles have most to do, so they come first. */                                                                      \
        int tile = gridDim.y - 1 - blockIdx.y;                                                                                         \
        T{tiles, tiles + T::PLANES, tiles + T::PLANES + T::TILE, scales, others, other_den}.run(                                       \
            q, sq, pages::Cache{tables, layer, kv_heads, size}, positions, inverse_root, heads, tile_first[tile], tile_count[tile],    \
            out, status);                                                                                                              \
    }                                                                                                                                  \
    EMU_KERNEL(attend_hopper_##D, 256, 4096)

ATTEND_HOPPER(64)
ATTEND_HOPPER(128)
