// The element-wise half of a layer, a block of 256 threads a row (or a head of a row).
#include "exact.cuh"

using namespace exact;

/// x = quantizeRow(rmsNorm(h, gain)); scale of each row. grid rows.
extern "C" __global__ void __launch_bounds__(THREADS) norm_quantize(
    const float *h, const float *gain, int hidden, float eps, int8_t *x, float *scale, int *status) {
    __shared__ float lane[LANES];
    __shared__ unsigned bits[THREADS];
    const float *row = h + (size_t)blockIdx.x * hidden;
    float mean = add(div(block_sum_squares(row, hidden, lane), (float)hidden), eps);
    float r = div(1.0f, __fsqrt_rn(mean));
    unsigned most = 0;
    for (int k = threadIdx.x; k < hidden; k += THREADS) {
        unsigned m = magnitude(mul(mul(row[k], r), gain[k]));
        most = m > most ? m : most;
    }
    Quantization q(block_max(most, bits), 127.0f, status);
    for (int k = threadIdx.x; k < hidden; k += THREADS)
        x[(size_t)blockIdx.x * hidden + k] = (int8_t)(int)rintf(mul(mul(mul(row[k], r), gain[k]), q.inverse));
    if (threadIdx.x == 0) scale[blockIdx.x] = q.scale;
}
EMU_KERNEL(norm_quantize)

/// x = quantizeRow(in). grid rows.
extern "C" __global__ void __launch_bounds__(THREADS) quantize_rows(
    const float *in, int n, int8_t *x, float *scale, int *status) {
    __shared__ unsigned bits[THREADS];
    const float *row = in + (size_t)blockIdx.x * n;
    unsigned most = 0;
    for (int k = threadIdx.x; k < n; k += THREADS) {
        unsigned m = magnitude(row[k]);
        most = m > most ? m : most;
    }
    Quantization q(block_max(most, bits), 127.0f, status);
    for (int k = threadIdx.x; k < n; k += THREADS) x[(size_t)blockIdx.x * n + k] = (int8_t)(int)rintf(mul(row[k], q.inverse));
    if (threadIdx.x == 0) scale[blockIdx.x] = q.scale;
}
EMU_KERNEL(quantize_rows)

/// From the fused qkv products to integer heads: bias, qk-norm, rope, 12 bits for queries and keys, 8 for values.
/// grid (heads + 2 * kvHeads, rows), a head of at most 256 channels a block. bias, query_gain and key_gain may be null.
extern "C" __global__ void __launch_bounds__(THREADS) split_heads(
    const int *y, const float *in_scale, const float *row_scale, const float *bias, const float *query_gain, const float *key_gain,
    float eps, const float *cos, const float *sin, const int *positions, int heads, int kv_heads, int size, int16_t *q, float *sq,
    int16_t *k, float *sk, int8_t *v, float *sv, int *status) {
    __shared__ float lane[LANES];
    __shared__ float head[LANES];
    __shared__ unsigned bits[THREADS];
    int row = blockIdx.y, index = blockIdx.x, width = (heads + 2 * kv_heads) * size;
    int i = threadIdx.x;
    bool mine = i < size;
    float value = 0.0f;
    if (mine) {
        int n = index * size + i;
        value = dequantize(y[(size_t)row * width + n], in_scale[row], row_scale[n]);
        if (bias) value = add(value, bias[n]);
    }
    bool rotated = index < heads + kv_heads;
    const float *gain = index < heads ? query_gain : rotated ? key_gain : nullptr;
    head[i] = value;
    __syncthreads();
    if (gain) {
        float r = div(1.0f, __fsqrt_rn(add(div(block_sum_squares(head, size, lane), (float)size), eps)));
        if (mine) head[i] = mul(mul(head[i], r), gain[i]);
        __syncthreads();
    }
    if (mine) value = head[i];
    if (rotated && mine) {
        int half = size / 2, pair = i < half ? i : i - half;
        float c = cos[(size_t)positions[row] * half + pair], s = sin[(size_t)positions[row] * half + pair];
        float a = head[pair], b = head[half + pair];
        value = i < half ? sub(mul(a, c), mul(b, s)) : add(mul(b, c), mul(a, s));
    }
    unsigned most = block_max(mine ? magnitude(value) : 0u, bits);
    Quantization quantized(most, rotated ? 2047.0f : 127.0f, status);
    if (mine) {
        int rounded = (int)rintf(mul(value, quantized.inverse));
        if (index < heads) q[((size_t)row * heads + index) * size + i] = (int16_t)rounded;
        else if (rotated) k[((size_t)row * kv_heads + index - heads) * size + i] = (int16_t)rounded;
        else v[((size_t)row * kv_heads + index - heads - kv_heads) * size + i] = (int8_t)rounded;
    }
    if (i == 0) {
        if (index < heads) sq[row * heads + index] = quantized.scale;
        else if (rotated) sk[row * kv_heads + index - heads] = quantized.scale;
        else sv[row * kv_heads + index - heads - kv_heads] = quantized.scale;
    }
}
EMU_KERNEL(split_heads)

/// h += dequantized products. grid (ceil(n / 256), rows).
extern "C" __global__ void __launch_bounds__(THREADS) add_residual(
    float *h, const int *y, const float *in_scale, const float *row_scale, int n) {
    int k = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
    if (k >= n) return;
    size_t at = (size_t)row * n + k;
    h[at] = add(h[at], dequantize(y[at], in_scale[row], row_scale[k]));
}
EMU_KERNEL(add_residual)

/// x = quantizeRow(silu(gate) * up) from the 2 * mlp products. grid rows; shared: mlp floats.
extern "C" __global__ void __launch_bounds__(THREADS) gate_quantize(
    const int *y, const float *in_scale, const float *row_scale, int mlp, int8_t *x, float *scale, int *status) {
    DYN_SHARED(float, product);
    __shared__ unsigned bits[THREADS];
    int row = blockIdx.x;
    const int *products = y + (size_t)row * 2 * mlp;
    float s = in_scale[row];
    unsigned most = 0;
    for (int k = threadIdx.x; k < mlp; k += THREADS) {
        float gate = dequantize(products[k], s, row_scale[k]);
        float up = dequantize(products[mlp + k], s, row_scale[mlp + k]);
        product[k] = mul(silu(gate), up);
        unsigned m = magnitude(product[k]);
        most = m > most ? m : most;
    }
    Quantization q(block_max(most, bits), 127.0f, status);
    for (int k = threadIdx.x; k < mlp; k += THREADS)
        x[(size_t)row * mlp + k] = (int8_t)(int)rintf(mul(product[k], q.inverse));
    if (threadIdx.x == 0) scale[row] = q.scale;
}
EMU_KERNEL(gate_quantize)

/// Logits, and the largest with the lowest id on a tie. grid rows. best may be null.
extern "C" __global__ void __launch_bounds__(THREADS) logits_argmax(
    const int *y, const float *in_scale, const float *row_scale, int vocab, float *logits, int *best) {
    __shared__ float value[THREADS];
    __shared__ int id[THREADS];
    int row = blockIdx.x, own = -1;
    float most = 0.0f;
    for (int n = threadIdx.x; n < vocab; n += THREADS) {
        float z = dequantize(y[(size_t)row * vocab + n], in_scale[row], row_scale[n]);
        logits[(size_t)row * vocab + n] = z;
        if (own < 0 || z > most) {
            most = z;
            own = n;
        }
    }
    value[threadIdx.x] = most;
    id[threadIdx.x] = own;
    __syncthreads();
    for (int w = THREADS / 2; w > 0; w /= 2) {
        int other = threadIdx.x + w;
        if ((int)threadIdx.x < w && id[other] >= 0 &&
            (value[other] > value[threadIdx.x] || (value[other] == value[threadIdx.x] && id[other] < id[threadIdx.x]))) {
            value[threadIdx.x] = value[other];
            id[threadIdx.x] = id[other];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0 && best) best[row] = id[0];
}
EMU_KERNEL(logits_argmax)
