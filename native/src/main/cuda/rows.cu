// The element-wise half of a layer, a block of 256 threads a row (or a head of a row).
#include "exact.cuh"
#include "heads.cuh"
#include "machine.cuh"
#include "pages.cuh"

using namespace exact;

namespace {

/// binary16 to binary32, exactly.
__device__ __forceinline__ float half_to_float(unsigned h) {
    unsigned sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3FFu;
    if (exponent == 31) return __int_as_float((int)(sign | 0x7F800000u | mantissa << 13));
    if (exponent) return __int_as_float((int)(sign | (exponent + 112) << 23 | mantissa << 13));
    float small = mul(__int2float_rn((int)mantissa), 0x1p-24f);
    return sign ? -small : small;
}

}  // namespace

/// First residuals. grid rows. The table holds vocab * hidden values of type 0: f32, 1: bf16, 2: f16.
extern "C" __global__ void __launch_bounds__(THREADS) embed_rows(const int *tokens, const uint8_t *table, int type, int hidden, float *h) {
    follow_previous();
    size_t from = (size_t)tokens[blockIdx.x] * hidden, to = (size_t)blockIdx.x * hidden;
    // The table is no kernel's to write, so many of its values are on their way at once.
    if (type == 0) {
#pragma unroll 8
        for (int i = threadIdx.x; i < hidden; i += THREADS) h[to + i] = __ldg(reinterpret_cast<const float *>(table) + from + i);
    } else {
#pragma unroll 8
        for (int i = threadIdx.x; i < hidden; i += THREADS) {
            unsigned bits = __ldg(reinterpret_cast<const unsigned short *>(table) + from + i);
            h[to + i] = type == 1 ? __int_as_float((int)(bits << 16)) : half_to_float(bits);
        }
    }
}
EMU_KERNEL(embed_rows, THREADS, 0)

namespace {

/// Values that a thread of norm_quantize keeps: of rows of up to 4,096. More would leave too few blocks a multiprocessor.
constexpr int HELD = 16;

/// Values of a row that a thread keeps in registers, so that they are read once.
template <int N>
struct NormedRow {
    float value[N], gain[N];

    /// No kernel writes gains, so they need not wait for the one before.
    __device__ __forceinline__ void load_gains(const float *from, int hidden) {
#pragma unroll
        for (int i = 0; i < N; i++) {
            int k = i * THREADS + threadIdx.x;
            gain[i] = k < hidden ? __ldg(from + k) : 0.0f;
        }
    }

    __device__ __forceinline__ void quantize(
        const float *row, int hidden, float eps, float *lane, unsigned *bits, int8_t *x, float *scale, int *status) {
#pragma unroll
        for (int i = 0; i < N; i++) {
            int k = i * THREADS + threadIdx.x;
            value[i] = k < hidden ? row[k] : 0.0f;
        }
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < N; i++)
            if (i * THREADS + (int)threadIdx.x < hidden) sum = __fmaf_rn(value[i], value[i], sum);
        float mean = add(div(block_sum(sum, lane), (float)hidden), eps);
        float r = div(1.0f, __fsqrt_rn(mean));
        unsigned most = 0;
#pragma unroll
        for (int i = 0; i < N; i++) {
            value[i] = mul(mul(value[i], r), gain[i]);
            unsigned m = i * THREADS + (int)threadIdx.x < hidden ? magnitude(value[i]) : 0u;
            most = m > most ? m : most;
        }
        Quantization q(block_max(most, bits), 127.0f, threadIdx.x == 0, status);
#pragma unroll
        for (int i = 0; i < N; i++) {
            int k = i * THREADS + threadIdx.x;
            if (k < hidden) x[k] = (int8_t)(int)rintf(mul(value[i], q.inverse));
        }
        if (threadIdx.x == 0) *scale = q.scale;
    }
};

}  // namespace

/// x = quantizeRow(rmsNorm(h, gain)); scale of each row. grid rows. Row r is row index[r] of h, or r where index is null. Clears zero_words
/// words a row in `zero` for the kernels that follow.
extern "C" __global__ void __launch_bounds__(THREADS) norm_quantize(
    const float *h, const int *index, const float *gain, int hidden, float eps, int8_t *x, float *scale, unsigned *zero, int zero_words,
    int *status) {
    let_next_begin();
    __shared__ float lane[LANES];
    __shared__ unsigned bits[THREADS / 32];
    x += (size_t)blockIdx.x * hidden;
    scale += blockIdx.x;
    auto begin = [&] {
        await_previous();
        if ((int)threadIdx.x < zero_words) zero[blockIdx.x * zero_words + threadIdx.x] = 0;
        return h + (size_t)(index ? index[blockIdx.x] : blockIdx.x) * hidden;
    };
    if (hidden <= HELD * THREADS) {
        NormedRow<HELD> held;
        held.load_gains(gain, hidden);
        held.quantize(begin(), hidden, eps, lane, bits, x, scale, status);
        return;
    }
    const float *row = begin();
    float mean = add(div(block_sum_squares(row, hidden, lane), (float)hidden), eps);
    float r = div(1.0f, __fsqrt_rn(mean));
    unsigned most = 0;
#pragma unroll 8
    for (int k = threadIdx.x; k < hidden; k += THREADS) {
        unsigned m = magnitude(mul(mul(row[k], r), __ldg(gain + k)));
        most = m > most ? m : most;
    }
    Quantization q(block_max(most, bits), 127.0f, threadIdx.x == 0, status);
#pragma unroll 8
    for (int k = threadIdx.x; k < hidden; k += THREADS)
        x[k] = (int8_t)(int)rintf(mul(mul(mul(__ldca(row + k), r), __ldg(gain + k)), q.inverse));
    if (threadIdx.x == 0) *scale = q.scale;
}
EMU_KERNEL(norm_quantize, THREADS, 1056)

/// x = quantizeRow(in). grid rows.
extern "C" __global__ void __launch_bounds__(THREADS) quantize_rows(
    const float *in, int n, int8_t *x, float *scale, int *status) {
    follow_previous();
    __shared__ unsigned bits[THREADS / 32];
    const float *row = in + (size_t)blockIdx.x * n;
    unsigned most = 0;
#pragma unroll 8
    for (int k = threadIdx.x; k < n; k += THREADS) {
        unsigned m = magnitude(row[k]);
        most = m > most ? m : most;
    }
    Quantization q(block_max(most, bits), 127.0f, threadIdx.x == 0, status);
#pragma unroll 8
    for (int k = threadIdx.x; k < n; k += THREADS)
        x[(size_t)blockIdx.x * n + k] = (int8_t)(int)rintf(mul(__ldca(row + k), q.inverse));
    if (threadIdx.x == 0) scale[blockIdx.x] = q.scale;
}
EMU_KERNEL(quantize_rows, THREADS, 32)

/// The same where each row's largest magnitude is known: many blocks a row. grid (ceil(n / 1024), rows).
extern "C" __global__ void __launch_bounds__(THREADS) quantize_known(
    const float *in, const unsigned *most, int n, int8_t *x, float *scale, int *status) {
    follow_previous();
    int row = blockIdx.y, end = min(n, (int)(blockIdx.x + 1) * 4 * THREADS), k = (blockIdx.x * THREADS + threadIdx.x) * 4;
    const float *from = in + (size_t)row * n;
    int8_t *to = x + (size_t)row * n;
    // Asked for before the row's largest magnitude has come: else a block waits for memory twice.
    bool whole = n % 4 == 0;
    int4 four{0, 0, 0, 0};
    if (whole && k < end) four = *reinterpret_cast<const int4 *>(from + k);
    Quantization q(most[row], 127.0f, threadIdx.x == 0, status);
    if (whole) {
        if (k < end) {
            int words[4] = {four.x, four.y, four.z, four.w};
            unsigned all = 0;
#pragma unroll
            for (int i = 0; i < 4; i++) all |= (unsigned)((int)rintf(mul(__int_as_float(words[i]), q.inverse)) & 255) << 8 * i;
            *reinterpret_cast<unsigned *>(to + k) = all;
        }
    } else {
        for (int i = blockIdx.x * 4 * THREADS + threadIdx.x; i < end; i += THREADS) to[i] = (int8_t)(int)rintf(mul(from[i], q.inverse));
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) scale[row] = q.scale;
}
EMU_KERNEL(quantize_known, THREADS, 0)

namespace {

/// Heads that a block of split_heads takes, a warp each.
constexpr int SPLIT = THREADS / 32;

template <int CHANNELS>
__device__ __forceinline__ void split_heads(
    const int *y, const float *in_scale, const float *row_scale, const float *bias, const float *query_gain, const float *key_gain,
    float eps, const float *cos, const float *sin, const int *positions, int heads, int kv_heads, int size, int16_t *q, float *sq,
    int16_t *k, float *sk, int8_t *v, float *sv, uint8_t *const *const *tables, long long layer, int *status) {
    let_next_begin();
    __shared__ float rooms[SPLIT][32 * CHANNELS];
    int row = blockIdx.y, index = blockIdx.x * SPLIT + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (index >= heads + 2 * kv_heads) return;
    heads::Source<CHANNELS> source{y, in_scale, row_scale, bias, query_gain, key_gain, eps, cos, sin, heads, kv_heads, size};
    // Positions and pages are uploaded before a step.
    int position = __ldg(positions + row), rounded[CHANNELS];
    bool is_query = source.is_query(index), rotated = source.is_rotated(index);
    pages::Part part = is_query ? pages::Part{} : pages::Cache{tables, layer, kv_heads, size}.part(row, position / pages::TOKENS);
    auto constants = source.constants(position, index);
    await_previous();
    float scale = source.split(constants, row, index, rooms[threadIdx.x / 32], rounded, status);
    int g = index - heads - (rotated ? 0 : kv_heads), slot = position % pages::TOKENS;
#pragma unroll
    for (int j = 0; j < CHANNELS; j++) {
        int i = 32 * j + lane;
        if (i >= size) continue;
        size_t at = ((size_t)row * kv_heads + g) * size + i;
        if (is_query) {
            q[((size_t)row * heads + index) * size + i] = (int16_t)rounded[j];
        } else if (rotated) {
            k[at] = (int16_t)rounded[j];
            part.put_key(g, slot, i, rounded[j]);
        } else {
            v[at] = (int8_t)rounded[j];
            part.put_value(g, slot, i, rounded[j]);
        }
    }
    if (lane) return;
    if (is_query) sq[row * heads + index] = scale;
    else if (rotated) sk[row * kv_heads + g] = part.key_scales(g)[slot] = scale;
    else sv[row * kv_heads + g] = part.value_scales(g)[slot] = scale;
}

}  // namespace

/// From the fused qkv products to integer heads of at most D channels, see heads.cuh; keys and values also go to their pages. grid (ceil((heads + 2 *
/// kvHeads) / 8), rows), 256 threads, a head a warp. bias, query_gain and key_gain may be null.
#define SPLIT_HEADS(D)                                                                                                            \
    extern "C" __global__ void __launch_bounds__(THREADS) split_heads_##D(                                                        \
        const int *y, const float *in_scale, const float *row_scale, const float *bias, const float *query_gain,                  \
        const float *key_gain, float eps, const float *cos, const float *sin, const int *positions, int heads, int kv_heads,      \
        int size, int16_t *q, float *sq, int16_t *k, float *sk, int8_t *v, float *sv, uint8_t *const *const *tables,              \
        long long layer, int *status) {                                                                                           \
        split_heads<D / 32>(                                                                                                      \
            y, in_scale, row_scale, bias, query_gain, key_gain, eps, cos, sin, positions, heads, kv_heads, size, q, sq, k, sk, v, \
            sv, tables, layer, status);                                                                                           \
    }                                                                                                                             \
    EMU_KERNEL(split_heads_##D, THREADS, 32 * D)

SPLIT_HEADS(128)
SPLIT_HEADS(256)

namespace {

/// Order of floats as order of unsigned integers, -0 with 0.
__device__ __forceinline__ unsigned ordered(float z) {
    unsigned bits = (unsigned)__float_as_int(add(z, 0.0f));
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

}  // namespace

/// Logits, where they are wanted, and the largest, with the lowest id on a tie: best is its order in the high half and ~id in the low one,
/// cleared before. grid (ceil(vocab / 1024), rows). logits may be null.
extern "C" __global__ void __launch_bounds__(THREADS) find_logits(
    const int *y, const float *in_scale, const float *row_scale, int vocab, float *logits, unsigned long long *best, int *status) {
    follow_previous();
    __shared__ unsigned long long keys[THREADS];
    int row = blockIdx.y, end = min(vocab, (int)(blockIdx.x + 1) * 4 * THREADS);
    unsigned long long most = 0;
    for (int n = blockIdx.x * 4 * THREADS + threadIdx.x; n < end; n += THREADS) {
        float z = dequantize(y[(size_t)row * vocab + n], in_scale[row], row_scale[n]);
        if (magnitude(z) >= 0x7F800000u) atomicMax(status, NOT_FINITE);
        if (logits) logits[(size_t)row * vocab + n] = z;
        unsigned long long key = (unsigned long long)ordered(z) << 32 | (unsigned)~n;
        most = key > most ? key : most;
    }
    keys[threadIdx.x] = most;
    __syncthreads();
    for (int w = THREADS / 2; w > 0; w /= 2) {
        if ((int)threadIdx.x < w && keys[threadIdx.x + w] > keys[threadIdx.x]) keys[threadIdx.x] = keys[threadIdx.x + w];
        __syncthreads();
    }
    if (threadIdx.x == 0) atomicMax(&best[row], keys[0]);
}
EMU_KERNEL(find_logits, THREADS, 2048)

/// Each row's answer: the best token where asked is negative, else that token; its logit; and the last `tail` numbers of its residual, which is
/// row index[r] of h. grid rows, 128 threads.
extern "C" __global__ void __launch_bounds__(128) answer_rows(
    const int *y, const float *in_scale, const float *row_scale, int vocab, const int *asked, const unsigned long long *best, const float *h,
    const int *index, int hidden, int tail, int *token, float *logit, float *tails) {
    follow_previous();
    int row = blockIdx.x;
    const float *end = h + (size_t)(index[row] + 1) * hidden - tail;
    for (int i = threadIdx.x; i < tail; i += blockDim.x) tails[row * tail + i] = end[i];
    if (threadIdx.x) return;
    int id = asked[row] >= 0 ? asked[row] : (int)~(unsigned)best[row];
    token[row] = id;
    logit[row] = dequantize(y[(size_t)row * vocab + id], in_scale[row], row_scale[id]);
}
EMU_KERNEL(answer_rows, 128, 0)
