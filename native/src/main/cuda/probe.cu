// What this GPU can do at most, to compare with: reading memory, and int8 products on tensor cores from registers.
#include "exact.cuh"
#include "machine.cuh"

/// Reads n times 16 bytes; a word a thread is written, so that nothing is left out. Any grid, 256 threads.
extern "C" __global__ void __launch_bounds__(256) probe_read(const int4 *from, long long n, int *out) {
    int found = 0;
    long long step = (long long)gridDim.x * blockDim.x;
#pragma unroll 8
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
        int4 v = __ldg(from + i);
        found ^= v.x ^ v.y ^ v.z ^ v.w;
    }
    out[blockIdx.x * blockDim.x + threadIdx.x] = found;
}
EMU_KERNEL(probe_read)

/// rounds times 8 products of 16 x 32 by 32 x 8 a warp. Any grid, 128 threads.
extern "C" __global__ void __launch_bounds__(128) probe_mma(int rounds, int *out) {
    int d[8][4] = {};
    unsigned a[4] = {threadIdx.x, threadIdx.x * 3, threadIdx.x * 5, threadIdx.x * 7}, b[2] = {threadIdx.x * 11, threadIdx.x * 13};
    for (int r = 0; r < rounds; r++) {
#pragma unroll
        for (int i = 0; i < 8; i++) mma_ss(d[i], a, b);
    }
    int found = 0;
    for (int i = 0; i < 8; i++)
        for (int q = 0; q < 4; q++) found ^= d[i][q];
    out[blockIdx.x * blockDim.x + threadIdx.x] = found;
}
EMU_KERNEL(probe_mma)
