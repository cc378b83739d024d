// What this GPU can do at most, to compare with: reading memory, and int8 products on tensor cores from registers. What Hopper's own
// instruction does stands in hopper.cu.
#include "exact.cuh"
#include "machine.cuh"

namespace {

/// Loads of 16 bytes that a thread has on their way at once: 1,024 threads a multiprocessor then ask for 128 KB, several times what the
/// latency of memory needs. The bound of 4 blocks a multiprocessor gives the compiler the registers to hold them.
constexpr int READS = 8;

}  // namespace

/// Reads n times 16 bytes; a word a thread is written, so that nothing is left out. Any grid, 256 threads.
extern "C" __global__ void __launch_bounds__(256, 4) probe_read(const int4 *from, long long n, int *out) {
    int found = 0;
    long long step = (long long)gridDim.x * blockDim.x, i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    // No test stands between the loads: all are asked for before the first is used.
    for (; i + (READS - 1) * step < n; i += READS * step) {
        int4 v[READS];
#pragma unroll
        for (int r = 0; r < READS; r++) v[r] = __ldg(from + i + r * step);
#pragma unroll
        for (int r = 0; r < READS; r++) found ^= v[r].x ^ v[r].y ^ v[r].z ^ v[r].w;
    }
    for (; i < n; i += step) {
        int4 v = __ldg(from + i);
        found ^= v.x ^ v.y ^ v.z ^ v.w;
    }
    out[blockIdx.x * blockDim.x + threadIdx.x] = found;
}
EMU_KERNEL(probe_read, 256, 0)

/// rounds times 8 products of 16 x 32 by 32 x 8 a warp, of factors that look random: what a multiplier draws depends on them. Any grid,
/// 128 threads.
extern "C" __global__ void __launch_bounds__(128) probe_mma(int rounds, int *out) {
    int d[8][4] = {};
    unsigned seed = threadIdx.x * 2654435761u + 12345u, a[4], b[2];
    for (int i = 0; i < 4; i++) a[i] = seed = seed * 1664525u + 1013904223u;
    for (int i = 0; i < 2; i++) b[i] = seed = seed * 1664525u + 1013904223u;
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < 8; i++) mma_ss(d[i], a, b);
    }
    int found = 0;
    for (int i = 0; i < 8; i++)
        for (int q = 0; q < 4; q++) found ^= d[i][q];
    out[blockIdx.x * blockDim.x + threadIdx.x] = found;
}
EMU_KERNEL(probe_mma, 128, 0)
