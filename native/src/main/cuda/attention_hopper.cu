// Attention of many rows on Hopper's tensor cores: as in attention_prefill.cu, with the products of 64 rows by one instruction of four warps. A block
// is two such groups of warps, each with rows of its own, that share pages of keys and values. A group goes on while the tensor cores work for it:
// they compute the scores of the keys that come next, and add up the values of those before, while it makes maxima or weights of the ones between.
// Weights stay in the registers that they were made in, for keys lie in shared memory in the order that makes them factors there.
#include "attention.cuh"
#include "machine.cuh"
#include "pages.cuh"
#include "wgmma.cuh"

using namespace exact;

namespace {

/// Heads of at most D channels, 64 or 128.
template <int D>
struct HopperAttention {
    static constexpr int GROUPS = 2, THREADS = GROUPS * 128;
    /// Of a group.
    static constexpr int ROWS = 64;
    static constexpr int KEYS = pages::TOKENS;
    static constexpr int TILE = 64 * TILE_K;
    /// Two planes of 64 rows: of 128 channels a tile each, of 64 side by side in one.
    static constexpr int PLANES = D == 128 ? 2 * TILE : TILE;
    /// Channels in two halves side by side, 64 tokens each.
    static constexpr int HALF = D / 2;
    static constexpr int VALUES = HALF * TILE_K;
    /// Pages in shared memory: two that products are taken of, one before them that is let go, one after them that arrives.
    static constexpr int PAGES = 4;
    static constexpr int BUFFER = PLANES + VALUES;
    /// Keys whose weights are made at a time, as many as a product of weights with values takes.
    static constexpr int STEP = 32;

    /// This group's queries in two planes; the pages of all.
    int8_t *query, *buffers;
    /// Of the pages' keys and values.
    float *scales;

    __device__ __forceinline__ int8_t *keys(int p) const { return buffers + p % PAGES * BUFFER; }
    __device__ __forceinline__ int8_t *values(int p) const { return keys(p) + PLANES; }
    __device__ __forceinline__ float *key_scales(int p) const { return scales + p % PAGES * 2 * KEYS; }
    __device__ __forceinline__ float *value_scales(int p) const { return key_scales(p) + KEYS; }

    /// Where 16 bytes of a plane stand: piece c of row r.
    __device__ __forceinline__ static int plane_at(int plane, int r, int c) {
        return D == 128 ? plane * TILE + tile_at(r, c) : tile_at(r, plane * 4 + c);
    }
    /// A plane's tile from row `first`, a multiple of 8, and from byte kk.
    __device__ __forceinline__ static Tile plane(const int8_t *at, int which, int first, int kk) {
        const int8_t *from = at + first * TILE_K;
        return D == 128 ? from_k(tile_of(from + which * TILE), kk) : from_k(tile_of(from), which * 64 + kk);
    }

    /// The row of a page's planes that has a key. Of 16 scores of a row, lane t of four gets columns 2 t, 2 t + 1, 8 + 2 t and 9 + 2 t; as a factor
    /// it gives columns 4 t to 4 t + 3: so those are the keys whose scores it gets.
    __device__ __forceinline__ static int row_of(int key) { return (key & ~15) | (key >> 1 & 1) << 3 | (key >> 2 & 3) << 1 | (key & 1); }

    /// Asks for page p, with its values or without.
    __device__ __forceinline__ void load(const pages::Part &part, int g, int p, bool with_values) const {
        // Else the compiler keeps places that take it a few instructions to find, in registers that it has not.
        int thread = thread_anew();
        // A thread copies one piece of rows that are a multiple of 16 apart: its place in all of them is the same.
        constexpr int PIECES = D / 16, ROWS_AT_ONCE = THREADS / PIECES;
        int row = thread / PIECES, c = thread % PIECES;
        bool valid = c * 16 < part.size;
        int from = valid ? row * part.size + c * 16 : 0, step = valid ? ROWS_AT_ONCE * part.size : 0;
#pragma unroll
        for (int which = 0; which < 2; which++) {
            const int8_t *rows = which ? part.low(g) : part.high(g);
            int8_t *to = keys(p) + plane_at(which, row_of(row), c);
#pragma unroll
            for (int i = 0; i < KEYS / ROWS_AT_ONCE; i++) copy_async(to + i * ROWS_AT_ONCE * TILE_K, rows + from + i * step, valid);
        }
        if (with_values)
#pragma unroll
            for (int i = 0; i < D * 4 / THREADS; i++) {
                int channel = thread / 4 + i * (THREADS / 4), token = thread % 4;
                bool exists = channel < part.size;
                copy_async(values(p) + tile_at(channel % HALF, channel / HALF * 4 + token),
                           part.values(g) + (exists ? channel * KEYS + token * 16 : 0), exists);
            }
        // One warp, as a whole: its keys' scales and its values' stand side by side.
        int i = thread * 4;
        if (thread < 32) copy_async(key_scales(p) + i, i < KEYS ? part.key_scales(g) + i : part.value_scales(g) + i - KEYS, true);
    }

    /// Products of planes of 64 rows with N keys, once they are waited for: lane's rows g and g + 8 of a warp's 16, keys as row_of says.
    template <int N>
    struct Planes {
        int hh[N / 2], mixed[N / 2], ll[N / 2];

        __device__ __forceinline__ int score(int i) const { return (int)(256u * (unsigned)hh[i] + 16u * (unsigned)mixed[i] + (unsigned)ll[i]); }
    };

    /// s becomes, or is increased by, what planes of queries and keys give.
    template <int N, bool IS_FIRST>
    __device__ __forceinline__ void multiply(int query_plane, const int8_t *key, int key_plane, int first, int (&s)[N / 2]) const {
#pragma unroll
        for (int kk = 0; kk < D; kk += 32) {
            Tile a = plane(query, query_plane, 0, kk), b = plane(key, key_plane, first, kk);
            if (IS_FIRST && kk == 0) wgmma_first<N>(s, a, b);
            else wgmma<N>(s, a, b);
        }
    }

    /// Starts a group of products: all scores of N keys of page p from `first`.
    template <int N>
    __device__ __forceinline__ void start_scores(int p, int first, Planes<N> &s) const {
        const int8_t *key = keys(p);
        begin_wgmma();
        multiply<N, true>(0, key, 0, first, s.hh);
        multiply<N, true>(0, key, 1, first, s.mixed);
        multiply<N, true>(1, key, 1, first, s.ll);
        multiply<N, false>(1, key, 0, first, s.mixed);
        commit_wgmma();
    }

    /// Four scales, of the keys that this lane has of 16 from `at`.
    struct Scales {
        float of[4];
        __device__ __forceinline__ explicit Scales(const float *at) {
            float4 all = *reinterpret_cast<const float4 *>(at + threadIdx.x % 4 * 4);
            of[0] = all.x, of[1] = all.y, of[2] = all.z, of[3] = all.w;
        }
    };

    /// A lane's two rows.
    struct Rows {
        /// Keys that a row sees.
        int n[2];
        float factor[2], most[2], scale[2], to_weights[2];
        unsigned long long den[2];
    };

    /// First pass, page p: its scores are there. largest: of scales that all rows see.
    template <bool ALL_SEEN>
    __device__ __forceinline__ void see(int p, const Planes<KEYS> &s, Rows &rows, float &largest) const {
#pragma unroll
        for (int m = 0; m < KEYS / 16; m++) {
            Scales key(key_scales(p) + m * 16), value(value_scales(p) + m * 16);
#pragma unroll
            for (int r = 0; r < 2; r++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    int score = s.score(4 * (2 * m + i / 2) + 2 * r + i % 2);
                    if (ALL_SEEN) rows.most[r] = max_or_nan(rows.most[r], attention::scaled(score, rows.factor[r], key.of[i]));
                    else {
                        bool is_seen = p * KEYS + m * 16 + (int)threadIdx.x % 4 * 4 + i < rows.n[r];
                        attention::see(score, rows.factor[r], key.of[i], value.of[i], is_seen, rows.most[r], rows.scale[r]);
                    }
                }
        }
        // A lane looks at two of them for all.
        if (ALL_SEEN) {
            float2 two = *reinterpret_cast<const float2 *>(value_scales(p) + threadIdx.x % 32 * 2);
            largest = fmaxf(largest, fmaxf(two.x, two.y));
        }
    }

    /// Two planes of weights of 32 keys, as factors.
    struct Weights {
        unsigned high[4], low[4];
    };

    /// Second pass, 32 keys of page p from `first`: weights of their scores.
    template <bool ALL_SEEN>
    __device__ __forceinline__ void weigh(int p, int first, const int (&s)[STEP / 2], Rows &rows, Weights &weights) const {
        // Eight numbers of at most 2^24 a row, beside what counting adds to each.
        unsigned counted[2] = {0u - 8 * attention::COUNTED_0, 0u - 8 * attention::COUNTED_0};
#pragma unroll
        for (int m = 0; m < STEP / 16; m++) {
            Scales key(key_scales(p) + first + m * 16), value(value_scales(p) + first + m * 16);
#pragma unroll
            for (int r = 0; r < 2; r++) {
                unsigned u[4];
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float weight = attention::weigh(s[4 * (2 * m + i / 2) + 2 * r + i % 2], rows.factor[r], key.of[i], rows.most[r]);
                    bool is_seen = ALL_SEEN || p * KEYS + first + m * 16 + (int)threadIdx.x % 4 * 4 + i < rows.n[r];
                    weight = is_seen ? weight : 0.0f;
                    counted[r] += attention::counted(weight);
                    u[i] = attention::with_value(weight, is_seen ? value.of[i] : 0.0f, rows.to_weights[r]);
                }
                unsigned two = attention::by_plane(u[0], u[1]), others = attention::by_plane(u[2], u[3]);
                weights.low[2 * m + r] = __byte_perm(two, others, 0x5410);
                weights.high[2 * m + r] = __byte_perm(two, others, 0x7632);
            }
        }
#pragma unroll
        for (int r = 0; r < 2; r++) rows.den[r] += counted[r];
    }

    /// Sums of values by weights, of both halves of the channels.
    struct Sums {
        int high[2][HALF / 2], low[2][HALF / 2];
    };

    /// Starts a group of products: adds the values of 32 keys of page p from `first`, weighed.
    __device__ __forceinline__ void start_values(int p, int first, const Weights &weights, Sums &sums) const {
        Tile b = tile_of(values(p));
        begin_wgmma();
#pragma unroll
        for (int half = 0; half < 2; half++) {
            wgmma<HALF>(sums.high[half], weights.high, from_k(b, half * KEYS + first));
            wgmma_us<HALF>(sums.low[half], weights.low, from_k(b, half * KEYS + first));
        }
        commit_wgmma();
    }

    __device__ __forceinline__ void run(
        const int16_t *q, const float *sq, const pages::Cache &cache, const int *positions, float inverse_root, int heads, int first,
        int count, float *out, int *status) const {
        int g = blockIdx.x, size = cache.size, shared = heads / cache.kv_heads;
        int own = threadIdx.x / 128 * ROWS, warp = threadIdx.x / 32 % 4, lane = threadIdx.x & 31, t = lane & 3;
        // A thread splits 16 channels at a time into planes.
        for (int i = threadIdx.x % 128; i < ROWS * (D / 16); i += 128) {
            int m = i / (D / 16), c = i % (D / 16), token = (own + m) / shared;
            uint4 high = {0, 0, 0, 0}, low = high;
            if (token < count && c * 16 < size) {
                const uint4 *from = reinterpret_cast<const uint4 *>(
                    q + ((size_t)(first + token) * heads + g * shared + (own + m) % shared) * size + c * 16);
                uint4 a = from[0], b = from[1];
                high = {high_plane(a.x, a.y), high_plane(a.z, a.w), high_plane(b.x, b.y), high_plane(b.z, b.w)};
                low = {low_plane(a.x, a.y), low_plane(a.z, a.w), low_plane(b.x, b.y), low_plane(b.z, b.w)};
            }
            *reinterpret_cast<uint4 *>(query + plane_at(0, m, c)) = high;
            *reinterpret_cast<uint4 *>(query + plane_at(1, m, c)) = low;
        }
        // Where a row of the tile is among those of all tokens and heads; tokens beyond the tile's have none.
        auto row_at = [&](int m) { return m / shared < count ? (first + m / shared) * heads + g * shared + m % shared : -1; };
        Rows rows;
#pragma unroll
        for (int r = 0; r < 2; r++) {
            int m = own + warp * 16 + lane / 4 + r * 8, at = row_at(m);
            rows.n[r] = at >= 0 ? positions[first + m / shared] + 1 : 0;
            rows.factor[r] = at >= 0 ? mul(sq[at], inverse_root) : 0.0f;
            rows.most[r] = -INFINITY;
            rows.scale[r] = 0.0f;
            rows.den[r] = 0;
        }
        int context = positions[first + count - 1] + 1, all = (context + KEYS - 1) / KEYS;
        // Pages whose keys are seen by all of this group's rows: nothing need be asked there.
        int full = (positions[first + min(own / shared, count - 1)] + 1) / KEYS;
        uint8_t *const *list = cache.tables[first];
        auto part = [&](uint8_t *at) { return pages::Part{at + cache.layer, cache.kv_heads, size}; };
        uint8_t *next;
        // The page after the next is asked for once all have let go of the one before, whose place it takes; where it is, sooner.
        auto begin = [&](bool with_values) {
            load(part(list[0]), g, 0, with_values);
            commit_async();
            next = list[min(1, all - 1)];
            arrive();
            if (1 < all) load(part(next), g, 1, with_values);
            commit_async();
            next = list[min(2, all - 1)];
        };
        auto advance = [&](int p, bool with_values) {
            arrive();
            if (p + 2 < all) load(part(next), g, p + 2, with_values);
            commit_async();
            next = list[min(p + 3, all - 1)];
        };
        // First pass. Behind the last page the last one's products are taken once more for nothing, for products in a branch would come one by one.
        {
            float largest = 0.0f;
            Planes<KEYS> even, odd;
            auto step = [&](int p, Planes<KEYS> &now, Planes<KEYS> &after) {
                wait_wgmma<0>();
                advance(p, false);
                start_scores<KEYS>(min(p + 1, all - 1), 0, after);
                if (p < full) see<true>(p, now, rows, largest);
                else see<false>(p, now, rows, largest);
            };
            begin(false);
            start_scores<KEYS>(0, 0, even);
            for (int p = 0; p < all; p += 2) {
                step(p, even, odd);
                step(p + 1, odd, even);
            }
            wait_wgmma<0>();
#pragma unroll
            for (int o = 16; o; o >>= 1) largest = fmaxf(largest, __int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(largest), o)));
#pragma unroll
            for (int r = 0; r < 2; r++) {
                rows.most[r] = lanes::largest<4>(rows.most[r]);
                rows.scale[r] = lanes::largest<4>(fmaxf(rows.scale[r], largest));
                if (rows.n[r] && !(fabsf(rows.most[r]) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
                rows.to_weights[r] = rows.scale[r] < TINY ? 0.0f : div(32767.0f, rows.scale[r]);
            }
        }
        // Before the first page comes again.
        __syncthreads();
        // Second pass.
        Sums sums;
#pragma unroll
        for (int half = 0; half < 2; half++)
#pragma unroll
            for (int i = 0; i < HALF / 2; i++) sums.high[half][i] = sums.low[half][i] = 0;
#pragma unroll
        for (int half = 0; half < 2; half++) hold(sums.high[half]), hold(sums.low[half]);
        // Before the first weights there are none.
        Weights weights[2] = {};
        Planes<STEP> planes;
        begin(true);
        start_scores<STEP>(0, 0, planes);
        for (int p = 0; p < all; p++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                wait_wgmma<0>();
                int s[STEP / 2];
#pragma unroll
                for (int i = 0; i < STEP / 2; i++) s[i] = planes.score(i);
                // While the weights of these keys are made, the scores of the next ones are, and the values of those before are added.
                if (half) start_scores<STEP>(min(p + 1, all - 1), 0, planes);
                else start_scores<STEP>(p, STEP, planes);
                start_values(half ? p : p + PAGES - 1, half ? 0 : STEP, weights[1 - half], sums);
                if (!half) advance(p, true);
                if (p < full) weigh<true>(p, half * STEP, s, rows, weights[half]);
                else weigh<false>(p, half * STEP, s, rows, weights[half]);
            }
        }
        start_values(all - 1, STEP, weights[1], sums);
        wait_wgmma<0>();
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float d = mul(__ll2float_rn((long long)lanes::sum<4>(rows.den[r])), 0x1p-24f);
            if (!rows.n[r]) continue;
            int m = thread_anew() / 32 * 16 + lane / 4 + r * 8, at = row_at(m);
            float scale = rows.scale[r], to_output = scale < TINY ? 0.0f : div(div(scale, 32767.0f), d);
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int j = 0; j < HALF / 8; j++)
#pragma unroll
                    for (int e = 0; e < 2; e++) {
                        int c = half * HALF + j * 8 + t * 2 + e, i = 4 * j + 2 * r + e;
                        long long sum = 256LL * sums.high[half][i] + sums.low[half][i];
                        if (c < size) out[(size_t)at * size + c] = mul(__ll2float_rn(sum), to_output);
                    }
        }
    }

private:
    /// Of four 12-bit numbers, two a word: what is left without the last four bits, and these.
    __device__ __forceinline__ static unsigned high_plane(unsigned a, unsigned b) { return __byte_perm(a >> 4, b >> 4, 0x6420); }
    __device__ __forceinline__ static unsigned low_plane(unsigned a, unsigned b) { return __byte_perm(a, b, 0x6420) & 0x0F0F0F0Fu; }

    /// Waits until all threads have come here, and what they asked for is there, and seen by the tensor cores.
    __device__ __forceinline__ static void arrive() {
        wait_async<0>();
        publish_tiles();
        __syncthreads();
    }
};

}  // namespace

/// out[row][head][D]. grid (kvHeads, tiles), 256 threads; a tile is up to 128 / shared consecutive tokens of one sequence, from batch row tile_first.
/// The heads' size is a multiple of 16, D that size rounded up to 64 or 128. Shared memory: 1,024 bytes, 256 * D of queries, and four pages of
/// 192 * D bytes each.
#define ATTEND_HOPPER(D)                                                                                                               \
    extern "C" __global__ void __launch_bounds__(256, 1) attend_hopper_##D(                                                            \
        const int16_t *q, const float *sq, uint8_t *const *const *tables, long long layer, const int *positions, float inverse_root,   \
        int heads, int kv_heads, int size, const int *tile_first, const int *tile_count, float *out, int *status) {                    \
        follow_previous();                                                                                                             \
        DYN_SHARED(int8_t, shared);                                                                                                    \
        using T = HopperAttention<D>;                                                                                                  \
        __shared__ __align__(16) float scales[T::PAGES * 2 * T::KEYS];                                                                 \
        int8_t *tiles = aligned(shared);                                                                                               \
        /* The last tiles have most to do, so they come first. */                                                                      \
        int tile = gridDim.y - 1 - blockIdx.y;                                                                                         \
        /* All lanes have the same, but only so does the compiler know it, and takes uniform registers for where tiles begin. */       \
        int group = __shfl_sync(0xffffffffu, (int)threadIdx.x / 128, 0);                                                               \
        T{tiles + group * T::PLANES, tiles + T::GROUPS * T::PLANES, scales}.run(                                                       \
            q, sq, pages::Cache{tables, layer, kv_heads, size}, positions, inverse_root, heads, tile_first[tile], tile_count[tile],    \
            out, status);                                                                                                              \
    }                                                                                                                                  \
    EMU_KERNEL(attend_hopper_##D, 256, 2048)

ATTEND_HOPPER(64)
ATTEND_HOPPER(128)
