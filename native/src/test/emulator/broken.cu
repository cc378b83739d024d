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
EMU_KERNEL(broken_race, 64, 256)

/// Half of the block never reaches the barrier.
extern "C" __global__ void broken_barrier(int *out) {
    if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
    else __syncthreads();
}
EMU_KERNEL(broken_barrier, 32, 0)

/// Reads 16 bytes from where only 4 may be read.
extern "C" __global__ void broken_alignment(const uint8_t *in, int *out) {
    out[threadIdx.x] = reinterpret_cast<const int4 *>(in + 4)->x;
}
EMU_KERNEL(broken_alignment, 32, 0)

/// Uses what was copied without waiting for it.
extern "C" __global__ void broken_wait(const int4 *in, int *out, int wait) {
    __shared__ int4 here[32];
    copy_async(&here[threadIdx.x], in + threadIdx.x, true);
    commit_async();
    if (wait) wait_async<0>();
    else wait_async<1>();
    __syncthreads();
    out[threadIdx.x] = here[31 - threadIdx.x].x;
}
EMU_KERNEL(broken_wait, 32, 512)

/// Writes one word more than the dynamic shared memory that it is launched with holds.
extern "C" __global__ void broken_shared(int *out, int words) {
    DYN_SHARED(int, shared);
    if (threadIdx.x == 0) shared[words] = 1;
    out[threadIdx.x] = (int)threadIdx.x;
}
EMU_KERNEL(broken_shared, 32, 0)

/// As gemm_gate and attend_tiles have it: static shared memory beside dynamic.
extern "C" __global__ void static_and_dynamic(int *out) {
    __shared__ int values[128];
    DYN_SHARED(int, shared);
    values[threadIdx.x] = shared[threadIdx.x] = (int)threadIdx.x;
    out[threadIdx.x] = values[threadIdx.x] + shared[threadIdx.x];
}
EMU_KERNEL(static_and_dynamic, 32, 512)
