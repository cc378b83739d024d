// What Hopper's tensor cores do at most in int8: wgmma, both factors from shared memory, which neither mma.sync (about three fifths of it) nor any
// other card has. Compiled for sm_90a alone, as a file of its own: there is no PTX of it that serves later cards. Only measured so far: our
// products go through mma.sync.
#include <cstdint>

namespace {

/// A tile of A is 64 rows, of B 256 columns, each 32 bytes of k: 8 rows of 16 bytes are a core matrix, 128 bytes one after the other.
constexpr int CORE = 128;
constexpr int A_BYTES = 64 * 32;
constexpr int B_BYTES = 256 * 32;

/// Describes a tile without swizzle: the second half of k lies one core matrix on, the next eight rows two.
__device__ __forceinline__ unsigned long long descriptor(const void *tile) {
    unsigned long long address = (unsigned)__cvta_generic_to_shared(tile);
    return (address & 0x3FFFF) >> 4 | (unsigned long long)(CORE >> 4) << 16 | (unsigned long long)(2 * CORE >> 4) << 32;
}

#define FOUR(i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define SIXTEEN(i) FOUR(i), FOUR(i + 4), FOUR(i + 8), FOUR(i + 12)

/// d += A * B, 64 x 32 times 32 x 256, by four warps.
__device__ __forceinline__ void multiply(int (&d)[128], unsigned long long a, unsigned long long b) {
    asm volatile(
        "wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
        "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
        "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
        "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
        "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
        "%128, %129, 1;"
        : SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48), SIXTEEN(64), SIXTEEN(80), SIXTEEN(96), SIXTEEN(112)
        : "l"(a), "l"(b));
}

}  // namespace

/// rounds times 8 products of 64 x 32 by 32 x 256 for every four warps. Any grid, 256 threads: each four warps have tiles of their own.
extern "C" __global__ void __launch_bounds__(256) probe_wgmma(int rounds, int *out) {
    __shared__ __align__(128) uint8_t tiles[2][A_BYTES + B_BYTES];
    unsigned seed = threadIdx.x * 2654435761u + 12345u;
    for (int i = threadIdx.x; i < (int)sizeof(tiles); i += 256) {
        seed = seed * 1664525u + 1013904223u;
        reinterpret_cast<uint8_t *>(tiles)[i] = (uint8_t)(seed >> 24);
    }
    // What ordinary stores wrote is read by the asynchronous unit.
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    const uint8_t *own = tiles[threadIdx.x / 128];
    unsigned long long a = descriptor(own), b = descriptor(own + A_BYTES);
    int d[128];
#pragma unroll
    for (int i = 0; i < 128; i++) d[i] = 0;
    for (int r = 0; r < rounds; r++) {
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (int i = 0; i < 8; i++) multiply(d, a, b);
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    }
    int found = 0;
#pragma unroll
    for (int i = 0; i < 128; i++) found ^= d[i];
    out[blockIdx.x * blockDim.x + threadIdx.x] = found;
}
