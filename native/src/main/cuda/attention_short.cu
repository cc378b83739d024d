// Attention of rows that decode over short contexts: a block has all keys of a row's kv head, and everything from the qkv products to the output
// is one kernel. A step has one every layer, and nothing else runs meanwhile, so what it waits for counts: whatever no kernel of the step writes is
// asked for before the products before it are done.
#include "decode.cuh"
#include "heads.cuh"
#include "machine.cuh"

using namespace decode;

namespace {

/// Keys that a block has at most, and its threads.
constexpr int SHORT = 1024;
constexpr int SHORT_THREADS = 384;
constexpr int SHORT_WARPS = SHORT_THREADS / 32;

/// Where a row's record of a layer has what one kv head gives, see TraceLayout.java. All parts begin where 16 divides the address.
struct Record {
    uint8_t *at;
    int hidden, kv_heads, size;

    __device__ __forceinline__ int16_t *keys(int g) const { return reinterpret_cast<int16_t *>(at + 4 * hidden) + g * size; }
    __device__ __forceinline__ int8_t *values(int g) const {
        return reinterpret_cast<int8_t *>(at + 4 * hidden + 2 * kv_heads * size) + g * size;
    }
    __device__ __forceinline__ float *key_scales() const { return reinterpret_cast<float *>(at + 4 * hidden + 3 * kv_heads * size); }
    __device__ __forceinline__ float *value_scales() const { return key_scales() + kv_heads; }

    /// Copies the row's residual and clears what stands behind the scales; all blocks of the row share that.
    __device__ __forceinline__ void begin(const float *h, int bytes) const {
        int thread = blockIdx.y * blockDim.x + threadIdx.x, threads = gridDim.y * blockDim.x;
        for (int i = thread; i < hidden / 4; i += threads) reinterpret_cast<int4 *>(at)[i] = reinterpret_cast<const int4 *>(h)[i];
        unsigned *end = reinterpret_cast<unsigned *>(at + bytes);
        for (unsigned *word = reinterpret_cast<unsigned *>(value_scales() + kv_heads) + thread; word < end; word += threads) *word = 0;
    }
};

/// Has a page's keys, values and scales of one kv head brought into the L2 cache, by all threads of a block.
__device__ __forceinline__ void bring_page(const pages::Part &part, int g) {
    constexpr int LINE = 128;
    int plane = part.size * pages::TOKENS / LINE;
    for (int i = threadIdx.x; i < 3 * plane + 2; i += blockDim.x) {
        const int8_t *from = i < plane ? part.high(g) : i < 2 * plane ? part.low(g) : part.values(g);
        if (i < 3 * plane) bring_to_l2(from + i % plane * LINE);
        else bring_to_l2(i == 3 * plane ? part.key_scales(g) : part.value_scales(g));
    }
}

/// For blocks of at most H heads of at most C * BLOCK channels.
template <int H, int C>
__device__ __forceinline__ void attend_short(
    const int *y, const float *in_scale, const float *row_scale, const float *bias, const float *query_gain, const float *key_gain,
    float eps, const float *cos, const float *sin, uint8_t *const *const *tables, long long layer, const int *positions,
    float inverse_root, int heads, int kv_heads, int size, const float *h, int hidden, int record, long long stride, uint8_t *records,
    float *out, unsigned *most, int *status) {
    DYN_SHARED(float, z);
    __shared__ __align__(16) int16_t query[H * C * BLOCK];
    __shared__ __align__(16) uint8_t weights_high[H * SHORT];
    __shared__ __align__(16) uint8_t weights_low[H * SHORT];
    __shared__ float value_scale[SHORT];
    __shared__ int sum_high[H * C * BLOCK];
    __shared__ int sum_low[H * C * BLOCK];
    __shared__ unsigned dens[H * SHORT / 32];
    __shared__ float found[SHORT_WARPS][HEADS];
    __shared__ float found_scale[SHORT_WARPS][HEADS];
    __shared__ float factor[H];
    __shared__ float max[H];
    __shared__ float to_weights[H];
    __shared__ float scale[H];
    __shared__ unsigned bits[SHORT_WARPS];
    Share share(heads, kv_heads);
    // Positions and lists of pages are uploaded before a step, so they need not wait for the kernel before.
    int row = blockIdx.z, position = __ldg(positions + row), n = position + 1, all = position / pages::TOKENS + 1, slot = position % pages::TOKENS;
    int warp = threadIdx.x / 32, in_warp = threadIdx.x % 32, warps = blockDim.x / 32;
    pages::Cache cache{tables, layer, kv_heads, size};
    pages::Part last = cache.part(row, all - 1);
    // Heads that share a kv head among several blocks: each of them needs the key and the value, the first tells them.
    bool tells = records && share.head == share.g * (heads / kv_heads);
    Record to{records + (size_t)row * stride, hidden, kv_heads, size};
    using Source = heads::Source<4 * C>;
    Source source{y, in_scale, row_scale, bias, query_gain, key_gain, eps, cos, sin, heads, kv_heads, size};
    auto index = [&](int i) { return i < share.count ? share.head + i : heads + share.g + (i == share.count ? 0 : kv_heads); };
    typename Source::Constants constants;
    if (warp < share.count + 2) constants = source.constants(position, index(warp));
    // Weights have driven keys and values out of the cache since the last step.
    for (int p = 0; p < all; p++) bring_page(cache.part(row, p), share.g);
    await_previous();
    for (int i = threadIdx.x; i < share.count * size; i += blockDim.x) sum_high[i] = sum_low[i] = 0;
    for (int i = warp; i < share.count + 2; i += warps) {
        bool is_query = i < share.count, is_key = i == share.count;
        int rounded[4 * C];
        if (i != warp) constants = source.constants(position, index(i));
        float own = source.split(constants, row, index(i), z + warp * C * BLOCK, rounded, status);
#pragma unroll
        for (int j = 0; j < 4 * C; j++) {
            int channel = 32 * j + in_warp;
            if (channel >= size) continue;
            if (is_query) {
                query[i * size + channel] = (int16_t)rounded[j];
            } else if (is_key) {
                last.put_key(share.g, slot, channel, rounded[j]);
                if (tells) to.keys(share.g)[channel] = (int16_t)rounded[j];
            } else {
                last.put_value(share.g, slot, channel, rounded[j]);
                if (tells) to.values(share.g)[channel] = (int8_t)rounded[j];
            }
        }
        if (in_warp) continue;
        if (is_query) {
            factor[i] = mul(own, inverse_root);
        } else if (is_key) {
            last.key_scales(share.g)[slot] = own;
            if (tells) to.key_scales()[share.g] = own;
        } else {
            last.value_scales(share.g)[slot] = own;
            if (tells) to.value_scales()[share.g] = own;
        }
    }
    __syncthreads();
    // Now, not before: what products ask for as they begin, all of their multiprocessors at once, would stand before this row.
    let_next_begin();
    if (records) to.begin(h + (size_t)row * hidden, record);
    // Groups of BLOCK threads take pages in turn.
    int group = threadIdx.x / BLOCK, groups = blockDim.x / BLOCK, tid = threadIdx.x % BLOCK, lane = tid % KEY_LANES;
    float c = factor[min(lane, share.count - 1)], own_most = -INFINITY, own_scale = 0.0f;
    for (int p = group; p < all; p += groups)
        score_page<H>(cache.part(row, p), share, query, tid, [&](int t, int score, float key_scale, float scale_of_value) {
            int j = p * pages::TOKENS + t;
            if (j >= n) return;
            float own = mul(__int2float_rn(score), mul(c, key_scale));
            z[lane * SHORT + j] = own;
            if (lane == 0) value_scale[j] = scale_of_value;
            own_most = max_or_nan(own_most, own);
            own_scale = scale_of_value > own_scale ? scale_of_value : own_scale;
        });
    own_most = lanes::largest<32, KEY_LANES>(own_most);
    own_scale = lanes::largest<32, KEY_LANES>(own_scale);
    if (in_warp < KEY_LANES) {
        found[warp][in_warp] = own_most;
        found_scale[warp][in_warp] = own_scale;
    }
    // Values are on their way while their weights are computed.
    Values<C> values;
    if (group < all) values.load(cache.part(row, group), share.g, tid);
    __syncthreads();
    int head = threadIdx.x / HEAD_LANES, part = threadIdx.x % HEAD_LANES;
    if (threadIdx.x < BLOCK) {
        float m = head < share.count && part < warps ? found[part][head] : -INFINITY;
        float a = head < share.count && part < warps ? found_scale[part][head] : 0.0f;
        m = lanes::largest<HEAD_LANES>(m);
        a = lanes::largest<HEAD_LANES>(a);
        if (part == 0 && head < share.count) {
            if (!(fabsf(m) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
            max[head] = m;
            scale[head] = a;
            to_weights[head] = a < TINY ? 0.0f : div(32767.0f, a);
        }
    }
    __syncthreads();
    // A warp has keys of one head, for 32 divides a head's.
    int padded = all * pages::TOKENS;
    for (int i = threadIdx.x; i < share.count * padded; i += blockDim.x) {
        int h = i / padded, j = i % padded, u = 0;
        unsigned den = 0;
        if (j < n) {
            float e = exact::exp(sub(z[h * SHORT + j], max[h]));
            den = (unsigned)(int)rintf(mul(e, 0x1p24f));
            u = (int)rintf(mul(mul(e, value_scale[j]), to_weights[h]));
        }
        weights_high[h * SHORT + j] = (uint8_t)(u >> 8);
        weights_low[h * SHORT + j] = (uint8_t)(u & 255);
        // At most 2^24 each.
        den = lanes::sum<32>(den);
        if (in_warp == 0) dens[i / 32] = den;
    }
    __syncthreads();
    int high[C][H], low[C][H];
#pragma unroll
    for (int i = 0; i < C; i++)
#pragma unroll
        for (int h = 0; h < H; h++) high[i][h] = low[i][h] = 0;
    for (int p = group; p < all; p += groups) {
        values.add(share, size, tid, weights_high + p * pages::TOKENS, weights_low + p * pages::TOKENS, SHORT, high, low);
        if (p + groups < all) values.load(cache.part(row, p + groups), share.g, tid);
    }
    if (group < all)
#pragma unroll
        for (int i = 0; i < C; i++) {
            int channel = tid + i * BLOCK;
            if (channel >= size) continue;
#pragma unroll
            for (int h = 0; h < H; h++) {
                if (h >= share.count) continue;
                atomicAdd(&sum_high[h * size + channel], high[i][h]);
                atomicAdd(&sum_low[h * size + channel], low[i][h]);
            }
        }
    if (threadIdx.x < BLOCK) {
        unsigned long long den = 0;
        if (head < share.count)
            for (int i = part; i < padded / 32; i += HEAD_LANES) den += dens[head * (padded / 32) + i];
        den = lanes::sum<HEAD_LANES>(den);
        if (part == 0 && head < share.count)
            factor[head] = scale[head] < TINY ? 0.0f : div(div(scale[head], 32767.0f), mul(__ll2float_rn((long long)den), 0x1p-24f));
    }
    __syncthreads();
    unsigned largest = 0;
    for (int i = threadIdx.x; i < share.count * size; i += blockDim.x) {
        float value = mul(__ll2float_rn(256LL * sum_high[i] + sum_low[i]), factor[i / size]);
        out[((size_t)row * heads + share.head) * size + i] = value;
        unsigned m = magnitude(value);
        largest = m > largest ? m : largest;
    }
    largest = block_max(largest, bits);
    if (threadIdx.x == 0) atomicMax(&most[row], largest);
}

}  // namespace

/// Attention of rows that decode, from the fused qkv products to the output and its largest magnitude, for contexts of at most 1,024 keys, this
/// row's among them. Keys and values go to their pages and, where `records` is not null, to the rows' records with the residuals h, `record` bytes
/// each, `stride` apart. `most` is cleared before. grid (1, kvHeads * ceil(shared / 8), rows), 256 or 384 threads; at most H heads a block, of at
/// most 128 * C channels, a multiple of 16; a multiple of 4 residuals. Shared: 4,096 bytes a head of a block, at least 1,024 a warp.
#define ATTEND_SHORT(NAME, H, C, BLOCKS, SHARED)                                                                             \
    extern "C" __global__ void __launch_bounds__(SHORT_THREADS, BLOCKS) NAME(                                                \
        const int *y, const float *in_scale, const float *row_scale, const float *bias, const float *query_gain,             \
        const float *key_gain, float eps, const float *cos, const float *sin, uint8_t *const *const *tables,                 \
        long long layer, const int *positions, float inverse_root, int heads, int kv_heads, int size, const float *h,        \
        int hidden, int record, long long stride, uint8_t *records, float *out, unsigned *most, int *status) {               \
        attend_short<H, C>(                                                                                                  \
            y, in_scale, row_scale, bias, query_gain, key_gain, eps, cos, sin, tables, layer, positions, inverse_root,       \
            heads, kv_heads, size, h, hidden, record, stride, records, out, most, status);                                   \
    }                                                                                                                        \
    EMU_KERNEL(NAME, SHORT_THREADS, SHARED)

ATTEND_SHORT(attend_short_4, 4, 1, 2, 18800)
ATTEND_SHORT(attend_short_8, 8, 2, 1, 42928)
