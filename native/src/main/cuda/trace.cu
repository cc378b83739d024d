// The trace on the device: records laid out as TraceLayout.java has them, hashed by BLAKE3 chunk by chunk; only chaining values leave.
#include <cstdint>
#include "exact.cuh"
#include "machine.cuh"

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

namespace {

/// Pieces of 16 bytes that a thread of trace_records copies, all on their way at once.
constexpr int PIECES = 4;

/// A row of each array, in the order of a record.
struct Parts {
    const uint8_t *from[5];
    int bytes[5];

    /// Of row `row` of a batch, and how long they are together.
    __device__ __forceinline__ Parts(
        size_t row, const float *h, const int16_t *k, const int8_t *v, const float *sk, const float *sv, int hidden, int kv_dim, int kv_heads)
        : from{reinterpret_cast<const uint8_t *>(h + row * hidden), reinterpret_cast<const uint8_t *>(k + row * kv_dim),
               reinterpret_cast<const uint8_t *>(v + row * kv_dim), reinterpret_cast<const uint8_t *>(sk + row * kv_heads),
               reinterpret_cast<const uint8_t *>(sv + row * kv_heads)},
          bytes{4 * hidden, 2 * kv_dim, kv_dim, 4 * kv_heads, 4 * kv_heads} {}
    __device__ __forceinline__ int length() const { return bytes[0] + bytes[1] + bytes[2] + bytes[3] + bytes[4]; }

    /// Where the `count` bytes from `at` stand together and 16 divides their address; else null.
    __device__ __forceinline__ const uint4 *whole(int at, int count) const {
        const uint8_t *found = nullptr;
#pragma unroll
        for (int i = 0; i < 5; i++) {
            if (at >= 0 && at + count <= bytes[i] && reinterpret_cast<uintptr_t>(from[i] + at) % 16 == 0) found = from[i] + at;
            at -= bytes[i];
        }
        return reinterpret_cast<const uint4 *>(found);
    }

    /// The byte at `at`; zero behind all parts.
    __device__ __forceinline__ unsigned byte(int at) const {
#pragma unroll
        for (int i = 0; i < 5; i++) {
            if (at < bytes[i]) return from[i][at];
            at -= bytes[i];
        }
        return 0;
    }

    /// The 16 bytes from `at`, one by one: where parts meet, and in rows that no 16 divides.
    __device__ __noinline__ uint4 gathered(int at) const {
        unsigned words[4] = {0, 0, 0, 0};
        if (at >= length()) return uint4{0, 0, 0, 0};
        for (int b = 0; b < 16; b++) words[b / 4] |= byte(at + b) << b % 4 * 8;
        return uint4{words[0], words[1], words[2], words[3]};
    }
};

}  // namespace

/// Records (token, layer) of a batch's rows, zero-padded to `record` bytes each, which 16 divides. grid (ceil(record / 8192), rows), 128 threads.
extern "C" __global__ void __launch_bounds__(128) trace_records(
    const float *h, const int16_t *k, const int8_t *v, const float *sk, const float *sv, int hidden, int kv_dim, int kv_heads, int record,
    uint8_t *out) {
    follow_previous();
    size_t row = blockIdx.y;
    Parts parts(row, h, k, v, sk, sv, hidden, kv_dim, kv_heads);
    int first = (blockIdx.x * PIECES * 128 + threadIdx.x) * 16;
    const uint4 *from[PIECES];
    uint4 piece[PIECES];
#pragma unroll
    for (int i = 0; i < PIECES; i++) from[i] = parts.whole(first + i * 128 * 16, 16);
#pragma unroll
    for (int i = 0; i < PIECES; i++) piece[i] = from[i] ? __ldcg(from[i]) : uint4{0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
        int at = first + i * 128 * 16;
        if (at >= record) return;
        if (!from[i]) piece[i] = parts.gathered(at);
        *reinterpret_cast<uint4 *>(out + row * record + at) = piece[i];
    }
}
EMU_KERNEL(trace_records, 128, 0)

/// Final records (token, L) as they are where nothing was chosen, `stride` bytes apart. grid rows, 128 threads.
extern "C" __global__ void __launch_bounds__(128) final_records(
    const float *h, const int *tokens, int hidden, int record, long long stride, uint8_t *out) {
    follow_previous();
    unsigned *to = reinterpret_cast<unsigned *>(out + blockIdx.x * stride);
    for (int i = threadIdx.x; i < record / 4; i += blockDim.x) {
        unsigned word = 0;
        if (i < hidden) word = (unsigned)__float_as_int(h[(size_t)blockIdx.x * hidden + i]);
        else if (i == hidden) word = (unsigned)tokens[blockIdx.x];
        else if (i == hidden + 1) word = 0xFFFFFFFFu;
        to[i] = word;
    }
}
EMU_KERNEL(final_records, 128, 0)

namespace {

/// Which chunk of which row a thread has, and where its chaining value goes.
struct Chunk {
    int row, chunk;
    unsigned *cv;
    unsigned long long index;

    __device__ __forceinline__ Chunk(int rows, int chunks, const int *positions, int step_chunks, int first, unsigned *cvs) {
        int thread = blockIdx.x * blockDim.x + threadIdx.x;
        row = thread / chunks;
        chunk = thread % chunks;
        if (row >= rows) return;
        cv = cvs + ((size_t)row * step_chunks + first + chunk) * 8;
        index = 1 + (unsigned long long)positions[row] * step_chunks + first + chunk;
    }

    /// load(b, four) gives a block's 64 bytes; those of the next are on their way while one is hashed.
    template <class Load>
    __device__ __forceinline__ void hash(const unsigned *key, unsigned flags, Load load) const {
        unsigned h[8];
#pragma unroll
        for (int i = 0; i < 8; i++) h[i] = key[i];
        uint4 next[4];
        load(0, next);
#pragma unroll 1
        for (int b = 0; b < CHUNK / 64; b++) {
            unsigned m[16];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                m[4 * i] = next[i].x;
                m[4 * i + 1] = next[i].y;
                m[4 * i + 2] = next[i].z;
                m[4 * i + 3] = next[i].w;
            }
            if (b < CHUNK / 64 - 1) load(b + 1, next);
            compress(h, m, index, flags | (b == 0 ? 1u : 0u) | (b == CHUNK / 64 - 1 ? 2u : 0u));
        }
#pragma unroll
        for (int i = 0; i < 8; i++) cv[i] = h[i];
    }
};

}  // namespace

/// Chaining values of one record a row, `chunks` KiB each, under a key of 8 words; a thread a chunk. They go to cvs[row][step_chunks] from
/// `first`, and say their own index in the trace, whose first chunk is a header. grid ceil(rows * chunks / 128).
extern "C" __global__ void __launch_bounds__(128) hash_records(
    const uint4 *records, int rows, int chunks, const int *positions, int step_chunks, int first, const unsigned *key, unsigned flags,
    unsigned *cvs) {
    follow_previous();
    Chunk mine(rows, chunks, positions, step_chunks, first, cvs);
    if (mine.row >= rows) return;
    const uint4 *blocks = records + ((size_t)mine.row * chunks + mine.chunk) * (CHUNK / 16);
    mine.hash(key, flags, [&](int b, uint4(&four)[4]) {
#pragma unroll
        for (int i = 0; i < 4; i++) four[i] = __ldcg(blocks + b * 4 + i);
    });
}
EMU_KERNEL(hash_records, 128, 0)

/// The same of records (token, layer) that trace_records would lay out, read where their parts are. grid ceil(rows * chunks / 128).
extern "C" __global__ void __launch_bounds__(128) hash_rows(
    const float *h, const int16_t *k, const int8_t *v, const float *sk, const float *sv, int hidden, int kv_dim, int kv_heads, int rows,
    int chunks, const int *positions, int step_chunks, int first, const unsigned *key, unsigned flags, unsigned *cvs) {
    follow_previous();
    Chunk mine(rows, chunks, positions, step_chunks, first, cvs);
    if (mine.row >= rows) return;
    Parts parts(mine.row, h, k, v, sk, sv, hidden, kv_dim, kv_heads);
    mine.hash(key, flags, [&](int b, uint4(&four)[4]) {
        int at = mine.chunk * CHUNK + b * 64;
        const uint4 *from = parts.whole(at, 64);
        if (from) {
#pragma unroll
            for (int i = 0; i < 4; i++) four[i] = __ldcg(from + i);
            return;
        }
        bool padding = at >= parts.length();
#pragma unroll
        for (int i = 0; i < 4; i++) four[i] = padding ? uint4{0, 0, 0, 0} : parts.gathered(at + i * 16);
    });
}
EMU_KERNEL(hash_rows, 128, 0)

/// A row's chaining values as its digest: the whole subtrees of all but the last tail_chunks chunks, at most 64 chunks each, from left to
/// right, then those chunks. A warp a subtree. grid (digest_words / 8, rows), 32 threads. See Subtrees.java.
extern "C" __global__ void __launch_bounds__(32) reduce_subtrees(
    const unsigned *cvs, const int *positions, int step_chunks, int tail_chunks, const unsigned *key, unsigned flags, int digest_words,
    unsigned *digests) {
    follow_previous();
    __shared__ __align__(16) unsigned values[64][8];
    int row = blockIdx.y, body = step_chunks - tail_chunks;
    long long from = 1 + (long long)positions[row] * step_chunks, at = from, to = from + body;
    int level = 0, index = 0;
    for (; at < to; at += 1LL << level, index++) {
        // As many as end where at's lowest bit says, up to 64, and as are left.
        level = min(__ffs((int)(at & 63) | 64) - 1, 31 - __clz((int)(to - at)));
        if (index == (int)blockIdx.x) break;
    }
    int lane = threadIdx.x;
    const unsigned *row_cvs = cvs + (size_t)row * step_chunks * 8;
    unsigned *out = digests + (size_t)row * digest_words + blockIdx.x * 8;
    if (at >= to) {
        int tail = (int)blockIdx.x - index;
        if (tail < tail_chunks && lane < 8) out[lane] = row_cvs[(body + tail) * 8 + lane];
        return;
    }
    int count = 1 << level;
    const uint4 *leaves = reinterpret_cast<const uint4 *>(row_cvs + (at - from) * 8);
    uint4 piece[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (lane + 32 * i < count * 2) piece[i] = __ldcg(leaves + lane + 32 * i);
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (lane + 32 * i < count * 2) reinterpret_cast<uint4 *>(values)[lane + 32 * i] = piece[i];
    __syncthreads();
    for (int n = count / 2; n > 0; n /= 2) {
        unsigned cv[8], m[16];
        if (lane < n) {
#pragma unroll
            for (int i = 0; i < 8; i++) {
                cv[i] = key[i];
                m[i] = values[2 * lane][i];
                m[8 + i] = values[2 * lane + 1][i];
            }
            compress(cv, m, 0, flags | 4u);
        }
        __syncthreads();
        if (lane < n)
#pragma unroll
            for (int i = 0; i < 8; i++) values[lane][i] = cv[i];
        __syncthreads();
    }
    if (lane < 8) out[lane] = values[0][lane];
}
EMU_KERNEL(reduce_subtrees, 32, 2048)
