// Attention of few rows over long contexts: keys are shared among many blocks. Maxima and sums of integers have no order, so blocks add what
// they find to the row's sums, and the bits do not depend on how keys were shared.
//
// Three kernels: scores of all keys and their largest; weights and sums; the output, quantized. A block takes up to 8 query heads that share
// a kv head, so that a page is read once for them. Of short contexts a block takes all keys, and everything from the qkv products to the output is
// one kernel.
#include "exact.cuh"
#include "heads.cuh"
#include "machine.cuh"
#include "pages.cuh"

using namespace exact;

namespace {

constexpr int BLOCK = 128;
constexpr int HEADS = 8;
/// Lanes that share a key.
constexpr int KEY_LANES = 8;
/// Keys that a block takes at once, and how often for a page.
constexpr int KEYS_AT_ONCE = BLOCK / KEY_LANES;
constexpr int TURNS = pages::TOKENS / KEYS_AT_ONCE;
/// Threads of a block for each of its heads.
constexpr int HEAD_LANES = BLOCK / HEADS;

/// Which query heads a block takes: blockIdx.y counts groups of up to 8 heads that share a kv head.
struct Share {
    int g, head, count;

    __device__ __forceinline__ Share(int heads, int kv_heads) {
        int shared = heads / kv_heads, parts = (shared + HEADS - 1) / HEADS;
        g = blockIdx.y / parts;
        int first = blockIdx.y % parts * HEADS;
        head = g * shared + first;
        count = min(HEADS, shared - first);
    }
};

__device__ __forceinline__ unsigned long long shuffle_xor(unsigned long long v, int o) {
    unsigned low = (unsigned)__shfl_xor_sync(0xffffffffu, (int)(unsigned)v, o);
    unsigned high = (unsigned)__shfl_xor_sync(0xffffffffu, (int)(unsigned)(v >> 32), o);
    return (unsigned long long)high << 32 | low;
}

__device__ __forceinline__ unsigned long long warp_sum(unsigned long long v) {
#pragma unroll
    for (int o = 16; o; o >>= 1) v += shuffle_xor(v, o);
    return v;
}

/// Scores of a page's keys with a block's heads, by BLOCK threads, 8 lanes a key: lane h of a key's lanes is given that of head h, and the key's
/// scale and its value's. found(key in the page, score, key scale, value scale). query: [HEADS][size] in shared memory.
template <class Found>
__device__ __forceinline__ void score_page(const pages::Part &part, const Share &share, const int16_t *query, int tid, Found found) {
    int lane = tid % KEY_LANES, size = part.size;
    // All of a thread's keys of the page are on their way at once.
    float key_scale[TURNS], value_scale[TURNS];
#pragma unroll
    for (int u = 0; u < TURNS; u++) {
        key_scale[u] = part.key_scales(share.g)[tid / KEY_LANES + u * KEYS_AT_ONCE];
        value_scale[u] = part.value_scales(share.g)[tid / KEY_LANES + u * KEYS_AT_ONCE];
    }
    int sums[TURNS][HEADS];
#pragma unroll
    for (int u = 0; u < TURNS; u++)
#pragma unroll
        for (int h = 0; h < HEADS; h++) sums[u][h] = 0;
    const int8_t *key_high = part.high(share.g) + tid / KEY_LANES * size, *key_low = part.low(share.g) + tid / KEY_LANES * size;
    if (size % 16 == 0) {
        for (int i = lane * 16; i < size; i += KEY_LANES * 16) {
            int4 a[TURNS], b[TURNS];
#pragma unroll
            for (int u = 0; u < TURNS; u++) {
                a[u] = *reinterpret_cast<const int4 *>(key_high + u * KEYS_AT_ONCE * size + i);
                b[u] = *reinterpret_cast<const int4 *>(key_low + u * KEYS_AT_ONCE * size + i);
            }
#pragma unroll
            for (int h = 0; h < HEADS; h++) {
                if (h >= share.count) continue;
                const int *pairs = reinterpret_cast<const int *>(query + h * size + i);
#pragma unroll
                for (int u = 0; u < TURNS; u++) {
                    int words[8] = {a[u].x, a[u].y, a[u].z, a[u].w, b[u].x, b[u].y, b[u].z, b[u].w}, sum_high = 0;
#pragma unroll
                    for (int w = 0; w < 4; w++) {
                        sum_high = __dp2a_lo(pairs[2 * w], words[w], sum_high);
                        sum_high = __dp2a_hi(pairs[2 * w + 1], words[w], sum_high);
                        sums[u][h] = __dp2a_lo(pairs[2 * w], words[4 + w], sums[u][h]);
                        sums[u][h] = __dp2a_hi(pairs[2 * w + 1], words[4 + w], sums[u][h]);
                    }
                    sums[u][h] += 16 * sum_high;
                }
            }
        }
    } else {
        for (int i = lane; i < size; i += KEY_LANES)
#pragma unroll
            for (int u = 0; u < TURNS; u++) {
                int key = key_high[u * KEYS_AT_ONCE * size + i] * 16 + key_low[u * KEYS_AT_ONCE * size + i];
#pragma unroll
                for (int h = 0; h < HEADS; h++)
                    if (h < share.count) sums[u][h] += query[h * size + i] * key;
            }
    }
#pragma unroll
    for (int u = 0; u < TURNS; u++) {
        int mine = 0;
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
            if (h >= share.count) continue;
#pragma unroll
            for (int o = KEY_LANES / 2; o; o >>= 1) sums[u][h] += __shfl_xor_sync(0xffffffffu, sums[u][h], o);
            if (lane == h) mine = sums[u][h];
        }
        if (lane < share.count) found(tid / KEY_LANES + u * KEYS_AT_ONCE, mine, key_scale[u], value_scale[u]);
    }
}

/// The larger; NaN where either is.
__device__ __forceinline__ float larger(float a, float b) { return a > b || a != a ? a : b; }

}  // namespace

/// scores[row][head][j]; largest score and value scale of each block's share, [row][head][split]: blocks without a page
/// leave none. Clears den and the sums.
/// grid (splits, kvHeads * ceil(shared / 8), rows), 128 threads, heads of at most 256 channels.
extern "C" __global__ void __launch_bounds__(128) attend_scores(
    const int16_t *q, const float *sq, uint8_t *const *const *tables, long long layer, const int *positions, float inverse_root, int heads,
    int kv_heads, int size, int *scores, int stride, float *most, float *most_scale, unsigned long long *den, int *high, int *low) {
    follow_previous();
    __shared__ __align__(16) int16_t query[HEADS * 256];
    __shared__ float found[BLOCK];
    __shared__ float found_scale[BLOCK];
    Share share(heads, kv_heads);
    int row = blockIdx.z, split = blockIdx.x, splits = gridDim.x, tid = threadIdx.x, n = positions[row] + 1;
    if (split * pages::TOKENS >= n) return;
    size_t first = (size_t)row * heads + share.head;
    pages::Cache cache{tables, layer, kv_heads, size};
    pages::Part part = cache.part(row, split);
    for (int i = tid; i < share.count * size; i += BLOCK) {
        query[i] = q[first * size + i];
        if (split == 0) high[first * size + i] = low[first * size + i] = 0;
    }
    if (split == 0 && tid < share.count) den[first + tid] = 0;
    int lane = tid % KEY_LANES, own = min(lane, share.count - 1);
    float c = mul(sq[first + own], inverse_root);
    float own_most = -INFINITY, own_scale = 0.0f;
    __syncthreads();
    for (int p = split; p * pages::TOKENS < n; p += splits) {
        score_page(part, share, query, tid, [&](int t, int score, float key_scale, float value_scale) {
            int j = p * pages::TOKENS + t;
            if (j >= n) return;
            scores[(first + lane) * stride + j] = score;
            float z = mul(__int2float_rn(score), mul(c, key_scale));
            own_most = z > own_most || z != z ? z : own_most;
            own_scale = value_scale > own_scale ? value_scale : own_scale;
        });
        if ((p + splits) * pages::TOKENS < n) part = cache.part(row, p + splits);
    }
    found[tid] = own_most;
    found_scale[tid] = own_scale;
    __syncthreads();
    if (tid < share.count) {
        for (int i = tid + KEY_LANES; i < BLOCK; i += KEY_LANES) {
            own_most = found[i] > own_most || found[i] != found[i] ? found[i] : own_most;
            own_scale = found_scale[i] > own_scale ? found_scale[i] : own_scale;
        }
        most[(first + tid) * splits + split] = own_most;
        most_scale[(first + tid) * splits + split] = own_scale;
    }
}
EMU_KERNEL(attend_scores, 128, 5120)

/// Sums over a block's share of the keys: the softmax's denominator, and values by 15-bit weights in halves. Launched like attend_scores.
extern "C" __global__ void __launch_bounds__(128) attend_values(
    const float *sq, uint8_t *const *const *tables, long long layer, const int *positions, float inverse_root, int heads, int kv_heads,
    int size, const int *scores, int stride, const float *most, const float *most_scale, unsigned long long *den, int *high, int *low,
    int *status) {
    follow_previous();
    __shared__ __align__(16) uint8_t weights_high[HEADS * pages::TOKENS];
    __shared__ __align__(16) uint8_t weights_low[HEADS * pages::TOKENS];
    __shared__ float max[HEADS];
    __shared__ float factor[HEADS];
    __shared__ float to_weights[HEADS];
    __shared__ unsigned long long dens[HEADS];
    Share share(heads, kv_heads);
    int row = blockIdx.z, split = blockIdx.x, splits = gridDim.x, tid = threadIdx.x, n = positions[row] + 1;
    if (split * pages::TOKENS >= n) return;
    size_t first = (size_t)row * heads + share.head;
    pages::Cache cache{tables, layer, kv_heads, size};
    pages::Part part = cache.part(row, split);
    // Sixteen lanes a head; splits beyond the context's pages found nothing.
    {
        int h = tid / HEAD_LANES, used = min(splits, (n + pages::TOKENS - 1) / pages::TOKENS);
        float m = -INFINITY, a = 0.0f;
        if (h < share.count)
            for (int s = tid % HEAD_LANES; s < used; s += HEAD_LANES) {
                float other = most[(first + h) * splits + s], scale = most_scale[(first + h) * splits + s];
                m = other > m || other != other ? other : m;
                a = scale > a ? scale : a;
            }
#pragma unroll
        for (int o = HEAD_LANES / 2; o; o >>= 1) {
            m = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(m), o)), m);
            a = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(a), o)), a);
        }
        if (tid % HEAD_LANES == 0 && h < share.count) {
            if (!(fabsf(m) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
            max[h] = m;
            to_weights[h] = a < TINY ? 0.0f : div(32767.0f, a);
            factor[h] = mul(sq[first + h], inverse_root);
            dens[h] = 0;
        }
    }
    __syncthreads();
    int sum_high[2][HEADS], sum_low[2][HEADS];
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int h = 0; h < HEADS; h++) sum_high[i][h] = sum_low[i][h] = 0;
    unsigned long long own_den[HEADS / 2];
#pragma unroll
    for (int i = 0; i < HEADS / 2; i++) own_den[i] = 0;
    for (int p = split; p * pages::TOKENS < n; p += splits) {
        int t = tid % pages::TOKENS, j = p * pages::TOKENS + t;
        // Values are on their way while their weights are computed.
        int4 values[2][4];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int channel = tid + i * BLOCK;
            if (channel >= size) continue;
            const int4 *from = reinterpret_cast<const int4 *>(part.values(share.g) + channel * pages::TOKENS);
#pragma unroll
            for (int quarter = 0; quarter < 4; quarter++) values[i][quarter] = from[quarter];
        }
#pragma unroll
        for (int i = 0; i < HEADS / 2; i++) {
            int h = 2 * i + tid / pages::TOKENS, u = 0;
            if (h >= share.count) continue;
            if (j < n) {
                float z = mul(__int2float_rn(scores[(first + h) * stride + j]), mul(factor[h], part.key_scales(share.g)[t]));
                float e = exact::exp(sub(z, max[h]));
                own_den[i] += (unsigned long long)(long long)rintf(mul(e, 0x1p24f));
                u = (int)rintf(mul(mul(e, part.value_scales(share.g)[t]), to_weights[h]));
            }
            weights_high[h * pages::TOKENS + t] = (uint8_t)(u >> 8);
            weights_low[h * pages::TOKENS + t] = (uint8_t)(u & 255);
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int channel = tid + i * BLOCK;
            if (channel >= size) continue;
#pragma unroll
            for (int quarter = 0; quarter < 4; quarter++) {
                int4 v = values[i][quarter];
                int words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
                for (int h = 0; h < HEADS; h++) {
                    if (h >= share.count) continue;
                    const unsigned *u = reinterpret_cast<const unsigned *>(weights_high + h * pages::TOKENS + quarter * 16);
                    const unsigned *l = reinterpret_cast<const unsigned *>(weights_low + h * pages::TOKENS + quarter * 16);
#pragma unroll
                    for (int w = 0; w < 4; w++) {
                        sum_high[i][h] = dp4a_us(u[w], words[w], sum_high[i][h]);
                        sum_low[i][h] = dp4a_us(l[w], words[w], sum_low[i][h]);
                    }
                }
            }
        }
        if ((p + splits) * pages::TOKENS < n) part = cache.part(row, p + splits);
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < HEADS / 2; i++) {
        int h = 2 * i + tid / pages::TOKENS;
        // A warp's lanes have one head, so one of them adds for all: 64-bit sums in shared memory are compared and swapped, one after the other.
        unsigned long long sum = warp_sum(own_den[i]);
        if (h < share.count && tid % 32 == 0) atomicAdd(&dens[h], sum);
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
        int channel = tid + i * BLOCK;
        if (channel >= size) continue;
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
            if (h >= share.count) continue;
            atomicAdd(&high[(first + h) * size + channel], sum_high[i][h]);
            atomicAdd(&low[(first + h) * size + channel], sum_low[i][h]);
        }
    }
    __syncthreads();
    if (tid < share.count) atomicAdd(&den[first + tid], dens[tid]);
}
EMU_KERNEL(attend_values, 128, 1184)

/// x = quantizeRow of all heads' outputs. grid rows, 256 threads; shared: a float a head.
extern "C" __global__ void __launch_bounds__(THREADS) attend_finish(
    const float *most_scale, int splits, const int *positions, const unsigned long long *den, const int *high, const int *low, int heads,
    int size, int8_t *x, float *scale, int *status) {
    follow_previous();
    DYN_SHARED(float, factor);
    __shared__ unsigned bits[THREADS / 32];
    int row = blockIdx.x;
    size_t first = (size_t)row * heads;
    int used = min(splits, positions[row] / pages::TOKENS + 1);
    // Eight lanes a head.
    for (int head = threadIdx.x / KEY_LANES; head < (heads + 3) / 4 * 4; head += THREADS / KEY_LANES) {
        float a = 0.0f;
        if (head < heads)
            for (int s = threadIdx.x % KEY_LANES; s < used; s += KEY_LANES) {
                float other = most_scale[(first + head) * splits + s];
                a = other > a ? other : a;
            }
#pragma unroll
        for (int o = KEY_LANES / 2; o; o >>= 1) a = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(a), o)), a);
        if (head < heads && threadIdx.x % KEY_LANES == 0)
            factor[head] = a < TINY ? 0.0f : div(div(a, 32767.0f), mul(__ll2float_rn((long long)den[first + head]), 0x1p-24f));
    }
    __syncthreads();
    unsigned largest = 0;
#pragma unroll 8
    for (int i = threadIdx.x; i < heads * size; i += THREADS) {
        size_t at = first * size + i;
        unsigned m = magnitude(mul(__ll2float_rn(256LL * high[at] + low[at]), factor[i / size]));
        largest = m > largest ? m : largest;
    }
    Quantization q(block_max(largest, bits), 127.0f, threadIdx.x == 0, status);
#pragma unroll 8
    for (int i = threadIdx.x; i < heads * size; i += THREADS) {
        size_t at = first * size + i;
        x[at] = (int8_t)(int)rintf(mul(mul(__ll2float_rn(256LL * __ldca(high + at) + __ldca(low + at)), factor[i / size]), q.inverse));
    }
    if (threadIdx.x == 0) scale[row] = q.scale;
}
EMU_KERNEL(attend_finish, THREADS, 32)

namespace {

/// Keys that a block of attend_short has at most, and its threads.
constexpr int SHORT = 1024;
constexpr int SHORT_THREADS = 512;
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

/// Values of a page that a thread sums up: its channels, all tokens.
struct Values {
    int4 at[2][4];

    __device__ __forceinline__ void load(const pages::Part &part, int g, int tid) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int channel = tid + i * BLOCK;
            if (channel >= part.size) continue;
            const int4 *from = reinterpret_cast<const int4 *>(part.values(g) + channel * pages::TOKENS);
#pragma unroll
            for (int quarter = 0; quarter < 4; quarter++) at[i][quarter] = from[quarter];
        }
    }
};

}  // namespace

/// Attention of rows that decode, from the fused qkv products to the output and its largest magnitude, for contexts of at most 1,024 keys, this row's
/// among them: a block has all of them. Keys and values go to their pages and, where `records` is not null, to the rows' records with the residuals h,
/// `record` bytes each, `stride` apart. `most` is cleared before. grid (1, kvHeads * ceil(shared / 8), rows), 256 or 512 threads; heads of at most 256 channels, a
/// multiple of 16; a multiple of 4 residuals. Shared: 4,096 bytes a head of a block, at least 1,024 a warp.
extern "C" __global__ void __launch_bounds__(SHORT_THREADS) attend_short(
    const int *y, const float *in_scale, const float *row_scale, const float *bias, const float *query_gain, const float *key_gain,
    float eps, const float *cos, const float *sin, uint8_t *const *const *tables, long long layer, const int *positions,
    float inverse_root, int heads, int kv_heads, int size, const float *h, int hidden, int record, long long stride,
    uint8_t *records, float *out, unsigned *most, int *status) {
    DYN_SHARED(float, z);
    __shared__ __align__(16) int16_t query[HEADS * 256];
    __shared__ __align__(16) uint8_t weights_high[HEADS * SHORT];
    __shared__ __align__(16) uint8_t weights_low[HEADS * SHORT];
    __shared__ float value_scale[SHORT];
    __shared__ int sum_high[HEADS * 256];
    __shared__ int sum_low[HEADS * 256];
    __shared__ unsigned dens[HEADS * SHORT / 32];
    __shared__ float found[SHORT_WARPS][HEADS];
    __shared__ float found_scale[SHORT_WARPS][HEADS];
    __shared__ float factor[HEADS];
    __shared__ float max[HEADS];
    __shared__ float to_weights[HEADS];
    __shared__ float scale[HEADS];
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
    heads::Source source{y, in_scale, row_scale, bias, query_gain, key_gain, eps, cos, sin, heads, kv_heads, size};
    auto index = [&](int i) { return i < share.count ? share.head + i : heads + share.g + (i == share.count ? 0 : kv_heads); };
    heads::Source::Constants constants;
    if (warp < share.count + 2) constants = source.constants(position, index(warp));
    // Weights have driven keys and values out of the cache since the last step.
    for (int p = 0; p < all; p++) bring_page(cache.part(row, p), share.g);
    await_previous();
    for (int i = threadIdx.x; i < share.count * size; i += blockDim.x) sum_high[i] = sum_low[i] = 0;
    for (int i = warp; i < share.count + 2; i += warps) {
        bool is_query = i < share.count, is_key = i == share.count;
        int rounded[heads::CHANNELS];
        if (i != warp) constants = source.constants(position, index(i));
        float own = source.split(constants, row, index(i), z + warp * LANES, rounded, status);
#pragma unroll
        for (int j = 0; j < heads::CHANNELS; j++) {
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
        score_page(cache.part(row, p), share, query, tid, [&](int t, int score, float key_scale, float scale_of_value) {
            int j = p * pages::TOKENS + t;
            if (j >= n) return;
            float own = mul(__int2float_rn(score), mul(c, key_scale));
            z[lane * SHORT + j] = own;
            if (lane == 0) value_scale[j] = scale_of_value;
            own_most = own > own_most || own != own ? own : own_most;
            own_scale = scale_of_value > own_scale ? scale_of_value : own_scale;
        });
#pragma unroll
    for (int o = 16; o >= KEY_LANES; o >>= 1) {
        own_most = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(own_most), o)), own_most);
        own_scale = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(own_scale), o)), own_scale);
    }
    if (in_warp < KEY_LANES) {
        found[warp][in_warp] = own_most;
        found_scale[warp][in_warp] = own_scale;
    }
    // Values are on their way while their weights are computed.
    Values values;
    if (group < all) values.load(cache.part(row, group), share.g, tid);
    __syncthreads();
    int head = threadIdx.x / HEAD_LANES, part = threadIdx.x % HEAD_LANES;
    if (threadIdx.x < BLOCK) {
        float m = head < share.count && part < warps ? found[part][head] : -INFINITY;
        float a = head < share.count && part < warps ? found_scale[part][head] : 0.0f;
#pragma unroll
        for (int o = HEAD_LANES / 2; o; o >>= 1) {
            m = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(m), o)), m);
            a = larger(__int_as_float(__shfl_xor_sync(0xffffffffu, __float_as_int(a), o)), a);
        }
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
#pragma unroll
        for (int o = 16; o; o >>= 1) den += (unsigned)__shfl_xor_sync(0xffffffffu, (int)den, o);
        if (in_warp == 0) dens[i / 32] = den;
    }
    __syncthreads();
    int high[2][HEADS], low[2][HEADS];
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int h = 0; h < HEADS; h++) high[i][h] = low[i][h] = 0;
    for (int p = group; p < all; p += groups) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            if (tid + i * BLOCK >= size) continue;
#pragma unroll
            for (int quarter = 0; quarter < 4; quarter++) {
                int4 v = values.at[i][quarter];
                int words[4] = {v.x, v.y, v.z, v.w}, from = p * pages::TOKENS + quarter * 16;
#pragma unroll
                for (int h = 0; h < HEADS; h++) {
                    if (h >= share.count) continue;
                    const unsigned *u = reinterpret_cast<const unsigned *>(weights_high + h * SHORT + from);
                    const unsigned *l = reinterpret_cast<const unsigned *>(weights_low + h * SHORT + from);
#pragma unroll
                    for (int w = 0; w < 4; w++) {
                        high[i][h] = dp4a_us(u[w], words[w], high[i][h]);
                        low[i][h] = dp4a_us(l[w], words[w], low[i][h]);
                    }
                }
            }
        }
        if (p + groups < all) values.load(cache.part(row, p + groups), share.g, tid);
    }
    if (group < all)
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int channel = tid + i * BLOCK;
            if (channel >= size) continue;
#pragma unroll
            for (int h = 0; h < HEADS; h++) {
                if (h >= share.count) continue;
                atomicAdd(&sum_high[h * size + channel], high[i][h]);
                atomicAdd(&sum_low[h * size + channel], low[i][h]);
            }
        }
    if (threadIdx.x < BLOCK) {
        unsigned long long den = 0;
        if (head < share.count)
            for (int i = part; i < padded / 32; i += HEAD_LANES) den += dens[head * (padded / 32) + i];
#pragma unroll
        for (int o = HEAD_LANES / 2; o; o >>= 1) den += shuffle_xor(den, o);
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
EMU_KERNEL(attend_short, SHORT_THREADS, 43200)
