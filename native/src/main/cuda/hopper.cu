// What Hopper alone runs, compiled for sm_90a as a program of its own: there is no PTX of its tensor instruction that serves later cards.
#include "attention_hopper.cu"
#include "gemm4_hopper.cu"
#include "gemm_hopper.cu"

/// What Hopper's tensor cores do at most in int8, both factors from shared memory: mma.sync does two thirds of it. rounds times 8 products of
/// 64 x 32 by 32 x 256 for every four warps. Any grid, 256 threads: each four warps have tiles of their own.
extern "C" __global__ void __launch_bounds__(256) probe_wgmma(int rounds, int *out) {
    constexpr int A_BYTES = 64 * TILE_K, B_BYTES = 256 * TILE_K;
    follow_previous();
    DYN_SHARED(int8_t, shared);
    int8_t *tiles = aligned(shared);
    unsigned seed = threadIdx.x * 2654435761u + 12345u;
    for (int i = threadIdx.x; i < 2 * (A_BYTES + B_BYTES); i += 256) {
        seed = seed * 1664525u + 1013904223u;
        tiles[i] = (int8_t)(seed >> 24);
    }
    publish_tiles();
    __syncthreads();
    const int8_t *own = tiles + threadIdx.x / 128 * (A_BYTES + B_BYTES);
    Tile a = tile_of(own), b = tile_of(own + A_BYTES);
    int d[128];
#pragma unroll
    for (int i = 0; i < 128; i++) d[i] = 0;
    for (int r = 0; r < rounds; r++) {
        begin_wgmma();
#pragma unroll
        for (int i = 0; i < 8; i++) wgmma<256>(d, from_k(a, i % 4 * 32), from_k(b, i % 4 * 32));
        commit_wgmma();
        wait_wgmma<0>();
    }
    int found = 0;
#pragma unroll
    for (int i = 0; i < 128; i++) found ^= d[i];
    out[blockIdx.x * blockDim.x + threadIdx.x] = found;
}
EMU_KERNEL(probe_wgmma, 256, 0)
