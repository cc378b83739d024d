// Attention over paged keys and values: integer scores, the contract's softmax into 15-bit weights, integer sums. Maxima and sums of
// integers have no order, so keys may be shared among threads in any way.
//
// A page holds 64 tokens of one layer: keys int16 [kvHead][token][D], values int8 [kvHead][token][D], key scales f32 [kvHead][token], value
// scales f32 [kvHead][token].
#include "exact.cuh"

using namespace exact;

namespace {

constexpr int PAGE = 64;
constexpr int BLOCK = 128;

__device__ __forceinline__ const int16_t *keys(const uint8_t *page, int g, int size) {
    return reinterpret_cast<const int16_t *>(page) + (size_t)g * PAGE * size;
}

__device__ __forceinline__ const int8_t *values(const uint8_t *page, int g, int kv_heads, int size) {
    return reinterpret_cast<const int8_t *>(page) + (size_t)kv_heads * PAGE * size * 2 + (size_t)g * PAGE * size;
}

__device__ __forceinline__ const float *key_scales(const uint8_t *page, int g, int kv_heads, int size) {
    return reinterpret_cast<const float *>(page + (size_t)kv_heads * PAGE * size * 3) + g * PAGE;
}

__device__ __forceinline__ const float *value_scales(const uint8_t *page, int g, int kv_heads, int size) {
    return key_scales(page, g, kv_heads, size) + kv_heads * PAGE;
}

}  // namespace

/// Writes new rows into their pages. grid rows, 128 threads. pages[row] is the page that row's token lives in, slots[row] its place there.
extern "C" __global__ void __launch_bounds__(128) store_rows(
    const int16_t *k, const int8_t *v, const float *sk, const float *sv, uint8_t *const *pages, const int *slots, int kv_heads, int size) {
    int row = blockIdx.x, slot = slots[row];
    uint8_t *page = pages[row];
    for (int i = threadIdx.x; i < kv_heads * size; i += blockDim.x) {
        int g = i / size, c = i % size;
        const_cast<int16_t *>(keys(page, g, size))[slot * size + c] = k[(size_t)row * kv_heads * size + i];
        const_cast<int8_t *>(values(page, g, kv_heads, size))[slot * size + c] = v[(size_t)row * kv_heads * size + i];
    }
    for (int g = threadIdx.x; g < kv_heads; g += blockDim.x) {
        const_cast<float *>(key_scales(page, g, kv_heads, size))[slot] = sk[row * kv_heads + g];
        const_cast<float *>(value_scales(page, g, kv_heads, size))[slot] = sv[row * kv_heads + g];
    }
}
EMU_KERNEL(store_rows)

/// One query head of one row. grid (heads, rows), 128 threads, a head of at most 256 channels.
/// tables[row] lists the pages of the row's sequence; positions[row] is its token; scores and weights are scratch of `stride` a head and row.
extern "C" __global__ void __launch_bounds__(128) attend(
    const int16_t *q, const float *sq, const uint8_t *const *const *tables, const int *positions, float inverse_root, int heads,
    int kv_heads, int size, int *scores, int16_t *weights, int stride, float *out, int *status) {
    __shared__ int16_t query[256];
    __shared__ float most[BLOCK];
    __shared__ float scale[BLOCK];
    __shared__ unsigned long long dens[BLOCK];
    __shared__ int high[256];
    __shared__ int low[256];
    int head = blockIdx.x, row = blockIdx.y, g = head / (heads / kv_heads), n = positions[row] + 1, tid = threadIdx.x;
    const uint8_t *const *pages = tables[row];
    int *s = scores + ((size_t)row * heads + head) * stride;
    int16_t *u = weights + ((size_t)row * heads + head) * stride;
    for (int i = tid; i < size; i += BLOCK) {
        query[i] = q[((size_t)row * heads + head) * size + i];
        high[i] = 0;
        low[i] = 0;
    }
    __syncthreads();
    float c = mul(sq[row * heads + head], inverse_root);
    float own_most = -INFINITY, own_scale = 0.0f;
    for (int j = tid; j < n; j += BLOCK) {
        const uint8_t *page = pages[j / PAGE];
        const int16_t *key = keys(page, g, size) + (j % PAGE) * size;
        int sum = 0;
        for (int i = 0; i < size; i++) sum += (int)query[i] * (int)key[i];
        s[j] = sum;
        float z = mul(__int2float_rn(sum), mul(c, key_scales(page, g, kv_heads, size)[j % PAGE]));
        float v = value_scales(page, g, kv_heads, size)[j % PAGE];
        own_most = z > own_most ? z : own_most;
        own_scale = v > own_scale ? v : own_scale;
    }
    most[tid] = own_most;
    scale[tid] = own_scale;
    __syncthreads();
    for (int w = BLOCK / 2; w > 0; w /= 2) {
        if (tid < w) {
            most[tid] = most[tid + w] > most[tid] ? most[tid + w] : most[tid];
            scale[tid] = scale[tid + w] > scale[tid] ? scale[tid + w] : scale[tid];
        }
        __syncthreads();
    }
    float max = most[0], a = scale[0];
    if (tid == 0 && !(fabsf(max) <= 3.402823466e+38f)) atomicMax(status, NOT_FINITE);
    bool zero = a < TINY;
    float to_weights = zero ? 0.0f : div(32767.0f, a);
    unsigned long long den = 0;
    for (int j = tid; j < n; j += BLOCK) {
        const uint8_t *page = pages[j / PAGE];
        float z = mul(__int2float_rn(s[j]), mul(c, key_scales(page, g, kv_heads, size)[j % PAGE]));
        float e = exact::exp(sub(z, max));
        den += (unsigned long long)(long long)rintf(mul(e, 0x1p24f));
        u[j] = (int16_t)(int)rintf(mul(mul(e, value_scales(page, g, kv_heads, size)[j % PAGE]), to_weights));
    }
    dens[tid] = den;
    __syncthreads();
    for (int w = BLOCK / 2; w > 0; w /= 2) {
        if (tid < w) dens[tid] += dens[tid + w];
        __syncthreads();
    }
    // Threads in groups of up to `size`, each channel a thread; groups share the keys among themselves.
    int lanes = size < BLOCK ? size : BLOCK, groups = BLOCK / lanes, group = tid / lanes;
    for (int i = tid % lanes; i < size && group < groups; i += lanes) {
        int sum_high = 0, sum_low = 0;
        for (int j = group; j < n; j += groups) {
            int v = values(pages[j / PAGE], g, kv_heads, size)[(j % PAGE) * size + i], weight = u[j];
            sum_high += (weight >> 8) * v;
            sum_low += (weight & 255) * v;
        }
        atomicAdd(&high[i], sum_high);
        atomicAdd(&low[i], sum_low);
    }
    __syncthreads();
    float factor = zero ? 0.0f : div(div(a, 32767.0f), mul(__ll2float_rn((long long)dens[0]), 0x1p-24f));
    for (int i = tid; i < size; i += BLOCK) {
        long long sum = 256LL * high[i] + low[i];
        out[((size_t)row * heads + head) * size + i] = mul(__ll2float_rn(sum), factor);
    }
}
EMU_KERNEL(attend)
