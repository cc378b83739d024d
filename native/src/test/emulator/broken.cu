// Kernels with faults, to see that the emulator finds them.
#include "../../main/cuda/exact.cuh"

/// Without the barrier that it needs: reads what another thread may not have written yet.
extern "C" __global__ void broken_race(int *out) {
    __shared__ int values[64];
    values[threadIdx.x] = 0;
    __syncthreads();
    values[threadIdx.x] = threadIdx.x + 1;
    out[threadIdx.x] = values[63 - threadIdx.x];
}
EMU_KERNEL(broken_race)

/// Half of the block never reaches the barrier.
extern "C" __global__ void broken_barrier(int *out) {
    if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
    else __syncthreads();
}
EMU_KERNEL(broken_barrier)
