// Attention of few rows over long contexts: keys are shared among many blocks. Maxima and sums of integers have no order, so blocks add what
// they find to the row's sums, and the bits do not depend on how keys were shared.
//
// Three kernels: scores of all keys and their largest; weights and sums; the output, quantized. A block takes up to 8 query heads that share
// a kv head, so that a page is read once for them.
#include "decode.cuh"
#include "machine.cuh"

using namespace decode;

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
        score_page<HEADS>(part, share, query, tid, [&](int t, int score, float key_scale, float value_scale) {
            int j = p * pages::TOKENS + t;
            if (j >= n) return;
            scores[(first + lane) * stride + j] = score;
            float z = mul(__int2float_rn(score), mul(c, key_scale));
            own_most = max_or_nan(own_most, z);
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
        m = lanes::largest<HEAD_LANES>(m);
        a = lanes::largest<HEAD_LANES>(a);
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
        Values<2> values;
        values.load(part, share.g, tid);
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
        values.add(share, size, tid, weights_high, weights_low, pages::TOKENS, sum_high, sum_low);
        if ((p + splits) * pages::TOKENS < n) part = cache.part(row, p + splits);
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < HEADS / 2; i++) {
        int h = 2 * i + tid / pages::TOKENS;
        // A warp's lanes have one head, so one of them adds for all: 64-bit sums in shared memory are compared and swapped, one after the other.
        unsigned long long sum = lanes::sum<32>(own_den[i]);
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
        a = lanes::largest<KEY_LANES>(a);
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
