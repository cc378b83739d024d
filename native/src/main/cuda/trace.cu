// The trace on the device: records laid out as TraceLayout.java has them, hashed by BLAKE3 chunk by chunk; only chaining values leave.
#include <cstdint>
#include "exact.cuh"

namespace {

constexpr int CHUNK = 1024;

__device__ __forceinline__ unsigned rotate(unsigned x, int n) { return __funnelshift_r(x, x, n); }

__device__ __forceinline__ void mix(unsigned &a, unsigned &b, unsigned &c, unsigned &d, unsigned x, unsigned y) {
    a = a + b + x;
    d = rotate(d ^ a, 16);
    c = c + d;
    b = rotate(b ^ c, 12);
    a = a + b + y;
    d = rotate(d ^ a, 8);
    c = c + d;
    b = rotate(b ^ c, 7);
}

__device__ void compress(unsigned (&cv)[8], unsigned (&m)[16], unsigned long long counter, unsigned flags) {
    unsigned v[16] = {cv[0], cv[1], cv[2], cv[3], cv[4], cv[5], cv[6], cv[7], 0x6A09E667u, 0xBB67AE85u, 0x3C6EF372u, 0xA54FF53Au,
                      (unsigned)counter, (unsigned)(counter >> 32), 64u, flags};
#pragma unroll
    for (int round = 0; round < 7; round++) {
        mix(v[0], v[4], v[8], v[12], m[0], m[1]);
        mix(v[1], v[5], v[9], v[13], m[2], m[3]);
        mix(v[2], v[6], v[10], v[14], m[4], m[5]);
        mix(v[3], v[7], v[11], v[15], m[6], m[7]);
        mix(v[0], v[5], v[10], v[15], m[8], m[9]);
        mix(v[1], v[6], v[11], v[12], m[10], m[11]);
        mix(v[2], v[7], v[8], v[13], m[12], m[13]);
        mix(v[3], v[4], v[9], v[14], m[14], m[15]);
        unsigned p[16] = {m[2], m[6], m[3], m[10], m[7], m[0], m[4], m[13], m[1], m[11], m[12], m[5], m[9], m[14], m[15], m[8]};
#pragma unroll
        for (int i = 0; i < 16; i++) m[i] = p[i];
    }
#pragma unroll
    for (int i = 0; i < 8; i++) cv[i] = v[i] ^ v[i + 8];
}

}  // namespace

/// Records (token, layer) of a batch's rows, zero-padded to `record` bytes each. grid rows, 128 threads.
extern "C" __global__ void __launch_bounds__(128) trace_records(
    const float *h, const int16_t *k, const int8_t *v, const float *sk, const float *sv, int hidden, int kv_dim, int kv_heads, int record,
    uint8_t *out) {
    int row = blockIdx.x;
    uint8_t *to = out + (size_t)row * record;
    for (int i = threadIdx.x; i < record; i += blockDim.x) {
        int at = i;
        uint8_t byte = 0;
        if (at < 4 * hidden) byte = reinterpret_cast<const uint8_t *>(h + (size_t)row * hidden)[at];
        else if ((at -= 4 * hidden) < 2 * kv_dim) byte = reinterpret_cast<const uint8_t *>(k + (size_t)row * kv_dim)[at];
        else if ((at -= 2 * kv_dim) < kv_dim) byte = reinterpret_cast<const uint8_t *>(v + (size_t)row * kv_dim)[at];
        else if ((at -= kv_dim) < 4 * kv_heads) byte = reinterpret_cast<const uint8_t *>(sk + (size_t)row * kv_heads)[at];
        else if ((at -= 4 * kv_heads) < 4 * kv_heads) byte = reinterpret_cast<const uint8_t *>(sv + (size_t)row * kv_heads)[at];
        to[i] = byte;
    }
}
EMU_KERNEL(trace_records)

/// Chaining values of whole chunks under a key of 8 words; a thread a chunk, each with its own index in the trace. grid ceil(count / 128).
extern "C" __global__ void __launch_bounds__(128) hash_chunks(
    const unsigned *data, int count, const unsigned *key, unsigned flags, const long long *indices, unsigned *cvs) {
    int chunk = blockIdx.x * blockDim.x + threadIdx.x;
    if (chunk >= count) return;
    unsigned cv[8];
#pragma unroll
    for (int i = 0; i < 8; i++) cv[i] = key[i];
    const uint4 *blocks = reinterpret_cast<const uint4 *>(data + (size_t)chunk * (CHUNK / 4));
    for (int b = 0; b < 16; b++) {
        unsigned m[16];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint4 four = __ldg(blocks + b * 4 + i);
            m[4 * i] = four.x;
            m[4 * i + 1] = four.y;
            m[4 * i + 2] = four.z;
            m[4 * i + 3] = four.w;
        }
        compress(cv, m, (unsigned long long)indices[chunk], flags | (b == 0 ? 1u : 0u) | (b == 15 ? 2u : 0u));
    }
#pragma unroll
    for (int i = 0; i < 8; i++) cvs[(size_t)chunk * 8 + i] = cv[i];
}
EMU_KERNEL(hash_chunks)
