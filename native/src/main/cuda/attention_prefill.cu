// Attention of many rows on tensor cores: a tile of consecutive tokens and the query heads that share a kv head, 64 rows in all, against page
// after page. Two passes over the keys: the largest score, then weights and sums. 12-bit factors are two planes of bytes, so a score is four
// exact int8 products: 256 hh + 16 (hl + lh) + ll; a 15-bit weight is two more.
#include "exact.cuh"
#include "machine.cuh"
#include "pages.cuh"

using namespace exact;

namespace {

constexpr int ROWS = 64;
constexpr int KEYS = pages::TOKENS;
/// Bytes of a row of 64 tokens in shared memory.
constexpr int TOKEN_STRIDE = KEYS + 16;

__device__ __forceinline__ void fragment_a(unsigned (&f)[4], const int8_t *at, int stride) {
    f[0] = *reinterpret_cast<const unsigned *>(at);
    f[1] = *reinterpret_cast<const unsigned *>(at + 8 * stride);
    f[2] = *reinterpret_cast<const unsigned *>(at + 16);
    f[3] = *reinterpret_cast<const unsigned *>(at + 8 * stride + 16);
}

__device__ __forceinline__ void fragment_b(unsigned (&f)[2], const int8_t *at) {
    f[0] = *reinterpret_cast<const unsigned *>(at);
    f[1] = *reinterpret_cast<const unsigned *>(at + 16);
}

/// rows of `size` bytes into shared memory at `stride`, by the whole block.
__device__ __forceinline__ void load_rows(int8_t *to, int stride, const int8_t *from, int rows, int size) {
    if (size % 16 == 0) {
        int pieces = size / 16;
        for (int i = threadIdx.x; i < rows * pieces; i += blockDim.x)
            *reinterpret_cast<int4 *>(to + i / pieces * stride + i % pieces * 16) =
                *reinterpret_cast<const int4 *>(from + (size_t)(i / pieces) * size + i % pieces * 16);
    } else {
        for (int i = threadIdx.x; i < rows * size; i += blockDim.x) to[i / size * stride + i % size] = from[i];
    }
}

__device__ __forceinline__ float quad_max(float v) {
#pragma unroll
    for (int o = 1; o <= 2; o <<= 1) {
        float other = __int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(v), o));
        v = other > v || other != other ? other : v;
    }
    return v;
}

__device__ __forceinline__ unsigned long long quad_sum(unsigned long long v) {
#pragma unroll
    for (int o = 1; o <= 2; o <<= 1) {
        unsigned low = (unsigned)__shfl_xor_sync(0xffffffffu, (int)(unsigned)v, o);
        unsigned high = (unsigned)__shfl_xor_sync(0xffffffffu, (int)(unsigned)(v >> 32), o);
        v += (unsigned long long)high << 32 | low;
    }
    return v;
}

/// Heads of at most D channels, D a multiple of 32.
template <int D>
struct Tile {
    static constexpr int STRIDE = D + 16;
    static constexpr int PLANE = ROWS * STRIDE;
    static constexpr int WEIGHTS = ROWS * TOKEN_STRIDE;

    /// Two planes of queries, of keys and of weights; values.
    int8_t *query, *key, *weights, *value;
    float *key_scale, *value_scale;

    /// Scores of this warp's 16 rows with 32 keys from `from`: lane's rows g and g + 8, columns t * 2 and t * 2 + 1 of each 8.
    __device__ __forceinline__ void scores(int from, int size, int (&s)[4][4]) const {
        int warp = threadIdx.x / 32, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
        int hh[4][4], mixed[4][4], ll[4][4];
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int q = 0; q < 4; q++) hh[j][q] = mixed[j][q] = ll[j][q] = 0;
#pragma unroll
        for (int kk = 0; kk < D; kk += 32) {
            if (kk >= size) continue;
            unsigned high[4], low[4];
            const int8_t *a = query + (warp * 16 + g) * STRIDE + kk + t * 4;
            fragment_a(high, a, STRIDE);
            fragment_a(low, a + PLANE, STRIDE);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                unsigned key_high[2], key_low[2];
                const int8_t *b = key + (from + j * 8 + g) * STRIDE + kk + t * 4;
                fragment_b(key_high, b);
                fragment_b(key_low, b + PLANE);
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

    __device__ __forceinline__ void load_keys(const pages::Part &part, int g) const {
        load_rows(key, STRIDE, part.high(g), KEYS, part.size);
        load_rows(key + PLANE, STRIDE, part.low(g), KEYS, part.size);
        if (threadIdx.x < KEYS) {
            key_scale[threadIdx.x] = part.key_scales(g)[threadIdx.x];
            value_scale[threadIdx.x] = part.value_scales(g)[threadIdx.x];
        }
    }

    __device__ __forceinline__ void run(
        const int16_t *q, const float *sq, const pages::Cache &cache, const int *positions, float inverse_root, int heads, int first,
        int count, float *out, int *status) const {
        int g = blockIdx.x, kv_heads = cache.kv_heads, size = cache.size, shared = heads / kv_heads;
        int warp = threadIdx.x / 32, lane = threadIdx.x & 31, group = lane >> 2, t = lane & 3;
        for (int i = threadIdx.x; i < ROWS * D; i += blockDim.x) {
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
        int context = positions[first + count - 1] + 1;
        for (int p = 0; p * KEYS < context; p++) {
            __syncthreads();
            load_keys(cache.part(first, p), g);
            __syncthreads();
#pragma unroll 1
            for (int from = 0; from < KEYS; from += 32) {
                int s[4][4];
                scores(from, size, s);
#pragma unroll
                for (int j = 0; j < 4; j++)
#pragma unroll
                    for (int e = 0; e < 4; e++) {
                        int r = e / 2, in_page = from + j * 8 + t * 2 + e % 2;
                        if (p * KEYS + in_page >= n[r]) continue;
                        float z = mul(__int2float_rn(s[j][e]), mul(factor[r], key_scale[in_page]));
                        most[r] = z > most[r] || z != z ? z : most[r];
                        scale[r] = value_scale[in_page] > scale[r] ? value_scale[in_page] : scale[r];
                    }
            }
        }
        float to_weights[2];
#pragma unroll
        for (int r = 0; r < 2; r++) {
            most[r] = quad_max(most[r]);
            scale[r] = quad_max(scale[r]);
            if (n[r] && !(fabsf(most[r]) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
            to_weights[r] = scale[r] < TINY ? 0.0f : div(32767.0f, scale[r]);
        }
        unsigned long long den[2] = {0, 0};
        int high[D / 8][4], low[D / 8][4];
#pragma unroll
        for (int j = 0; j < D / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) high[j][e] = low[j][e] = 0;
        for (int p = 0; p * KEYS < context; p++) {
            pages::Part part = cache.part(first, p);
            __syncthreads();
            load_keys(part, g);
            load_rows(value, TOKEN_STRIDE, part.values(g), size, KEYS);
            __syncthreads();
#pragma unroll 1
            for (int from = 0; from < KEYS; from += 32) {
                int s[4][4];
                scores(from, size, s);
#pragma unroll
                for (int j = 0; j < 4; j++)
#pragma unroll
                    for (int e = 0; e < 4; e++) {
                        int r = e / 2, in_page = from + j * 8 + t * 2 + e % 2, u = 0;
                        if (p * KEYS + in_page < n[r]) {
                            float z = mul(__int2float_rn(s[j][e]), mul(factor[r], key_scale[in_page]));
                            float weight = exact::exp(sub(z, most[r]));
                            den[r] += (unsigned long long)(long long)rintf(mul(weight, 0x1p24f));
                            u = (int)rintf(mul(mul(weight, value_scale[in_page]), to_weights[r]));
                        }
                        int8_t *to = weights + (warp * 16 + group + r * 8) * TOKEN_STRIDE + in_page;
                        to[0] = (int8_t)(u >> 8);
                        to[WEIGHTS] = (int8_t)(u & 255);
                    }
            }
            __syncwarp();
#pragma unroll
            for (int kk = 0; kk < KEYS; kk += 32) {
                unsigned fh[4], fl[4];
                const int8_t *a = weights + (warp * 16 + group) * TOKEN_STRIDE + kk + t * 4;
                fragment_a(fh, a, TOKEN_STRIDE);
                fragment_a(fl, a + WEIGHTS, TOKEN_STRIDE);
#pragma unroll
                for (int j = 0; j < D / 8; j++) {
                    if (j * 8 >= size) continue;
                    unsigned fv[2];
                    fragment_b(fv, value + (j * 8 + group) * TOKEN_STRIDE + kk + t * 4);
                    mma_ss(high[j], fh, fv);
                    mma_us(low[j], fl, fv);
                }
            }
        }
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float d = mul(__ll2float_rn((long long)quad_sum(den[r])), 0x1p-24f);
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
    int8_t *shared, float *scales, const int16_t *q, const float *sq, const pages::Cache &cache, const int *positions, float inverse_root,
    int heads, const int *tile_first, const int *tile_count, float *out, int *status) {
    using T = Tile<D>;
    int8_t *weights = shared + 4 * T::PLANE;
    T{shared, shared + 2 * T::PLANE, weights, weights + 2 * T::WEIGHTS, scales, scales + KEYS}.run(
        q, sq, cache, positions, inverse_root, heads, tile_first[blockIdx.y], tile_count[blockIdx.y], out, status);
}

}  // namespace

/// out[row][head][D]. grid (kvHeads, tiles), 128 threads; a tile is up to 64 / shared consecutive tokens of one sequence, from batch row
/// tile_first. Shared memory: 256 * (D + 16) + 10,240 + 80 * D bytes, D the heads' size rounded up to 64, 128 or 256; at most 64 query heads a kv head.
#define ATTEND(D)                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(128) attend_tiles_##D(                                                               \
        const int16_t *q, const float *sq, uint8_t *const *const *tables, long long layer, const int *positions, float inverse_root,  \
        int heads, int kv_heads, int size, const int *tile_first, const int *tile_count, float *out, int *status) {                   \
        DYN_SHARED(int8_t, shared);                                                                                                   \
        __shared__ float scales[2 * KEYS];                                                                                            \
        attend<D>(shared, scales, q, sq, pages::Cache{tables, layer, kv_heads, size}, positions, inverse_root, heads, tile_first,     \
                  tile_count, out, status);                                                                                           \
    }                                                                                                                                 \
    EMU_KERNEL(attend_tiles_##D, 128, 512)

ATTEND(64)
ATTEND(128)
ATTEND(256)
