// Hopper's own tensor instruction, beside what it means: four warps multiply 64 rows of A by n rows of B, both in shared memory, while they go on.
#pragma once
#include <cstdint>

/// Bytes of k that a row of a tile has. Rows follow each other; of the eight pieces of 16 bytes in row r, piece c stands at place c ^ (r & 7), so that
/// the eight rows of a core matrix fall into different banks (the tensor core's 128-byte swizzle). A tile begins where 1,024 divides the address.
constexpr int TILE_K = 128;

/// Where a tile may begin, in shared memory that has 1,024 bytes more than tiles take.
__device__ __forceinline__ int8_t *aligned(int8_t *shared) {
    return shared + (1024 - (reinterpret_cast<uintptr_t>(shared) & 1023)) % 1024;
}

/// Where piece c of row r stands in a tile, in bytes.
__device__ __forceinline__ int tile_at(int r, int c) { return r * TILE_K + (c ^ (r & 7)) * 16; }

#ifndef CUDA_EMU

using Tile = unsigned long long;

/// The tile at an address, from its first byte of k.
__device__ __forceinline__ Tile tile_of(const int8_t *at) {
    unsigned long long address = (unsigned)__cvta_generic_to_shared(at);
    return (address & 0x3FFFF) >> 4 | 1ull << 16 | (unsigned long long)(8 * TILE_K >> 4) << 32 | 1ull << 62;
}

/// The same tile from a later byte of k, a multiple of 32 below TILE_K.
__device__ __forceinline__ Tile from_k(Tile tile, int k) { return tile + (k >> 4); }

/// What ordinary stores and copies wrote to shared memory is seen by the tensor cores after this and a barrier.
__device__ __forceinline__ void publish_tiles() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Before the first of a run of products, and where their sums were touched in between.
__device__ __forceinline__ void begin_wgmma() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/// Ends a group of products; wait_wgmma<N> waits until all but the last N groups are done.
__device__ __forceinline__ void commit_wgmma() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N>
__device__ __forceinline__ void wait_wgmma() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

/// Has the compiler put sums into their registers here, and not between the products that add to them: those it would take one by one.
template <int N>
__device__ __forceinline__ void hold(int (&d)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) asm volatile("" : "+r"(d[i])::"memory");
}

#define FOUR(i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define SIXTEEN(i) FOUR(i), FOUR(i + 4), FOUR(i + 8), FOUR(i + 12)
#define OUT_FOUR(i) "=r"(d[i]), "=r"(d[i + 1]), "=r"(d[i + 2]), "=r"(d[i + 3])
#define OUT_SIXTEEN(i) OUT_FOUR(i), OUT_FOUR(i + 4), OUT_FOUR(i + 8), OUT_FOUR(i + 12)

// The sums of an instruction of 8 to 256 columns.
#define SUMS_8 "{%0, %1, %2, %3}"
#define SUMS_16 "{%0, %1, %2, %3, %4, %5, %6, %7}"
#define TO_15 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define TO_31 TO_15 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define TO_63 \
    TO_31     \
        ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47" \
        ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define TO_127 \
    TO_63      \
        ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79" \
        ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95" \
        ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111" \
        ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define SUMS_32 "{" TO_15 "}"
#define SUMS_64 "{" TO_31 "}"
#define SUMS_128 "{" TO_63 "}"
#define SUMS_256 "{" TO_127 "}"

/// d += A * B, 64 x 32 times 32 x N, by four warps. Lane 4 g + t of warp w has in d[4 j + 2 half + e] row 16 w + 8 half + g and column
/// 8 j + 2 t + e.
template <int N>
__device__ __forceinline__ void wgmma(int (&d)[N / 2], Tile a, Tile b);
/// d = A * B: the first of a sum.
template <int N>
__device__ __forceinline__ void wgmma_first(int (&d)[N / 2], Tile a, Tile b);

// FACTORS: where the operands behind the sums stand; ADDS: 1, or 0 for the first of a sum.
#define BY_TILES(NAME, N, FACTORS, ADDS, ...)                                                               \
    template <>                                                                                             \
    __device__ __forceinline__ void NAME<N>(int (&d)[N / 2], Tile a, Tile b) {                              \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k32.s32.s8.s8 " SUMS_##N ", " FACTORS ", " ADDS ";" \
                     : __VA_ARGS__                                                                          \
                     : "l"(a), "l"(b));                                                                     \
    }
BY_TILES(wgmma, 8, "%4, %5", "1", FOUR(0))
BY_TILES(wgmma, 16, "%8, %9", "1", FOUR(0), FOUR(4))
BY_TILES(wgmma, 32, "%16, %17", "1", SIXTEEN(0))
BY_TILES(wgmma, 64, "%32, %33", "1", SIXTEEN(0), SIXTEEN(16))
BY_TILES(wgmma, 128, "%64, %65", "1", SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48))
BY_TILES(
    wgmma, 256, "%128, %129", "1", SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48), SIXTEEN(64), SIXTEEN(80), SIXTEEN(96), SIXTEEN(112))
BY_TILES(wgmma_first, 32, "%16, %17", "0", OUT_SIXTEEN(0))
BY_TILES(wgmma_first, 64, "%32, %33", "0", OUT_SIXTEEN(0), OUT_SIXTEEN(16))

/// d += A * B with A in registers, which keep it until the product is waited for: lane 4 g + t of warp w has in a[2 i + half] row 16 w + 8 half + g
/// and bytes 16 i + 4 t to 16 i + 4 t + 3 of k.
template <int N>
__device__ __forceinline__ void wgmma(int (&d)[N / 2], const unsigned (&a)[4], Tile b);
/// The same with A unsigned.
template <int N>
__device__ __forceinline__ void wgmma_us(int (&d)[N / 2], const unsigned (&a)[4], Tile b);
/// d = A * B.
template <int N>
__device__ __forceinline__ void wgmma_first(int (&d)[N / 2], const unsigned (&a)[4], Tile b);

#define BY_REGISTERS(NAME, N, KIND, FACTORS, ADDS, ...)                                                        \
    template <>                                                                                                \
    __device__ __forceinline__ void NAME<N>(int (&d)[N / 2], const unsigned (&a)[4], Tile b) {                 \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k32.s32." KIND ".s8 " SUMS_##N ", " FACTORS ", " ADDS ";" \
                     : __VA_ARGS__                                                                             \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                                    \
    }
BY_REGISTERS(wgmma, 16, "s8", "{%8, %9, %10, %11}, %12", "1", FOUR(0), FOUR(4))
BY_REGISTERS(wgmma, 32, "s8", "{%16, %17, %18, %19}, %20", "1", SIXTEEN(0))
BY_REGISTERS(wgmma, 64, "s8", "{%32, %33, %34, %35}, %36", "1", SIXTEEN(0), SIXTEEN(16))
BY_REGISTERS(wgmma, 128, "s8", "{%64, %65, %66, %67}, %68", "1", SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48))
BY_REGISTERS(wgmma_us, 32, "u8", "{%16, %17, %18, %19}, %20", "1", SIXTEEN(0))
BY_REGISTERS(wgmma_us, 64, "u8", "{%32, %33, %34, %35}, %36", "1", SIXTEEN(0), SIXTEEN(16))
BY_REGISTERS(wgmma_us, 128, "u8", "{%64, %65, %66, %67}, %68", "1", SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48))
BY_REGISTERS(wgmma_first, 16, "s8", "{%8, %9, %10, %11}, %12", "0", OUT_FOUR(0), OUT_FOUR(4))
BY_REGISTERS(wgmma_first, 32, "s8", "{%16, %17, %18, %19}, %20", "0", OUT_SIXTEEN(0))

#undef BY_REGISTERS
#undef BY_TILES
#undef SUMS_8
#undef SUMS_16
#undef SUMS_32
#undef SUMS_64
#undef SUMS_128
#undef SUMS_256
#undef TO_15
#undef TO_31
#undef TO_63
#undef TO_127
#undef OUT_SIXTEEN
#undef OUT_FOUR
#undef SIXTEEN
#undef FOUR

#endif
