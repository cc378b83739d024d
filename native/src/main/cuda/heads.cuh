// One head of a row, from the fused qkv products to integers: bias, qk-norm, rope, 12 bits for queries and keys, 8 for values.
#pragma once
#include "exact.cuh"

namespace heads {

using namespace exact;

/// Sum of squares in the contract's lane order, of up to LANES values by one warp: lane l has value 32 i + l in v[i], zeros behind the last.
template <int N>
__device__ __forceinline__ float warp_sum_squares(const float (&v)[N]) {
    float p[LANES / 32];
#pragma unroll
    for (int i = 0; i < LANES / 32; i++) p[i] = i < N ? __fmaf_rn(v[i < N ? i : 0], v[i < N ? i : 0], 0.0f) : 0.0f;
    float sum = add(add(add(p[0], p[4]), add(p[2], p[6])), add(add(p[1], p[5]), add(p[3], p[7])));
#pragma unroll
    for (int w = 16; w; w >>= 1) sum = add(sum, lanes::other(sum, w));
    return __int_as_float(__shfl_sync(0xffffffffu, __float_as_int(sum), 0));
}

/// All that a batch's heads are made from, of at most 32 * CHANNELS channels, CHANNELS of them a lane's. bias, query_gain and key_gain may be null.
template <int CHANNELS>
struct Source {
    const int *y;             // [rows][(heads + 2 * kv_heads) * size]
    const float *in_scale;    // of rows
    const float *row_scale;   // of weight rows
    const float *bias, *query_gain, *key_gain;
    float eps;
    const float *cos, *sin;   // [positions][size / 2]
    int heads, kv_heads, size;

    __device__ __forceinline__ bool is_query(int index) const { return index < heads; }
    __device__ __forceinline__ bool is_rotated(int index) const { return index < heads + kv_heads; }

    /// Factors of a lane's channels of a head, and the position's rotation.
    struct Constants {
        float row_scale[CHANNELS], bias[CHANNELS], gain[CHANNELS], cos[CHANNELS], sin[CHANNELS];
    };

    /// No kernel writes any of these, so they need not wait for the one before.
    __device__ __forceinline__ Constants constants(int position, int index) const {
        Constants c;
        const float *gains = is_query(index) ? query_gain : is_rotated(index) ? key_gain : nullptr;
        int lane = threadIdx.x % 32, half = size / 2;
#pragma unroll
        for (int j = 0; j < CHANNELS; j++) {
            int i = 32 * j + lane, n = index * size + i, pair = i < half ? i : i - half;
            if (i >= size) continue;
            c.row_scale[j] = __ldg(row_scale + n);
            if (bias) c.bias[j] = __ldg(bias + n);
            if (gains) c.gain[j] = __ldg(gains + i);
            if (!is_rotated(index)) continue;
            c.cos[j] = __ldg(cos + (size_t)position * half + pair);
            c.sin[j] = __ldg(sin + (size_t)position * half + pair);
        }
        return c;
    }

    /// Head `index` of a row by one warp, queries first, then keys, then values: lane l gets channel 32 i + l in rounded[i], each lane the scale.
    /// room: 32 * CHANNELS floats of shared memory, the warp's own.
    __device__ __forceinline__ float split(
        const Constants &c, int row, int index, float *room, int (&rounded)[CHANNELS], int *status) const {
        int lane = threadIdx.x % 32, half = size / 2, products[CHANNELS];
        const int *from = y + ((size_t)row * (heads + 2 * kv_heads) + index) * size;
        float scale = in_scale[row], value[CHANNELS];
#pragma unroll
        for (int j = 0; j < CHANNELS; j++) products[j] = 32 * j + lane < size ? from[32 * j + lane] : 0;
#pragma unroll
        for (int j = 0; j < CHANNELS; j++) {
            value[j] = 0.0f;
            if (32 * j + lane >= size) continue;
            value[j] = dequantize(products[j], scale, c.row_scale[j]);
            if (bias) value[j] = add(value[j], c.bias[j]);
        }
        bool rotated = is_rotated(index);
        if (is_query(index) ? query_gain : rotated ? key_gain : nullptr) {
            float r = div(1.0f, __fsqrt_rn(add(div(warp_sum_squares(value), (float)size), eps)));
#pragma unroll
            for (int j = 0; j < CHANNELS; j++)
                if (32 * j + lane < size) value[j] = mul(mul(value[j], r), c.gain[j]);
        }
        if (rotated) {
            // A warp may come here again with its next head.
            __syncwarp();
#pragma unroll
            for (int j = 0; j < CHANNELS; j++)
                if (32 * j + lane < size) room[32 * j + lane] = value[j];
            __syncwarp();
#pragma unroll
            for (int j = 0; j < CHANNELS; j++) {
                int i = 32 * j + lane, pair = i < half ? i : i - half;
                if (i >= size) continue;
                float a = room[pair], b = room[half + pair];
                value[j] = i < half ? sub(mul(a, c.cos[j]), mul(b, c.sin[j])) : add(mul(b, c.cos[j]), mul(a, c.sin[j]));
            }
        }
        unsigned most = 0;
#pragma unroll
        for (int j = 0; j < CHANNELS; j++) {
            unsigned m = magnitude(value[j]);
            most = m > most ? m : most;
        }
        Quantization quantized(lanes::largest<32>(most), rotated ? 2047.0f : 127.0f, lane == 0, status);
#pragma unroll
        for (int j = 0; j < CHANNELS; j++) rounded[j] = (int)rintf(mul(value[j], quantized.inverse));
        return quantized.scale;
    }
};

}  // namespace heads
