// The instructions that CUDA C++ has no portable name for, each beside what it means, so that the emulator can give it that meaning.
#pragma once
#include <cstdint>

#ifndef CUDA_EMU

/// Where a kernel is launched so that it may begin before the one before it in its stream has ended (compute capability 9.0 and later): lets the next
/// one begin likewise, once all blocks of this one have come here.
__device__ __forceinline__ void let_next_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/// Waits until the kernel before has ended and what it wrote can be seen: before anything is read that a kernel writes, and before anything is
/// written. What a kernel writes is never read by __ldg, which takes it for constant while the grid lives.
__device__ __forceinline__ void await_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Has the line of 128 bytes at an address brought into the L2 cache, while the thread goes on. What is read later is what stands there then.
__device__ __forceinline__ void bring_to_l2(const void *from) { asm volatile("prefetch.global.L2 [%0];" ::"l"(from)); }

/// The larger of both; NaN where one is.
__device__ __forceinline__ float max_or_nan(float a, float b) {
    float c;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
    return c;
}

/// threadIdx.x, read again: what follows from it is found again too, rather than kept.
__device__ __forceinline__ int thread_anew() {
    int thread;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    return thread;
}

/// Four bytes, each of the eight of a (0 to 3) and b (4 to 7) that its four bits of `which` name; where their highest is set, eight times that byte's
/// sign. __byte_perm promises nothing of that bit.
__device__ __forceinline__ unsigned permute(unsigned a, unsigned b, unsigned which) {
    unsigned bytes;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(bytes) : "r"(a), "r"(b), "r"(which));
    return bytes;
}

/// Sum of four products of unsigned bytes of a with signed bytes of b.
__device__ __forceinline__ int dp4a_us(unsigned a, int b, int sum) {
    asm("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/// d += a * b, 16 x 32 times 32 x 8, by one warp: the fragments of mma.m16n8k32.
__device__ __forceinline__ void mma_ss(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// The same with a unsigned.
__device__ __forceinline__ void mma_us(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Four matrices of 8 rows by 16 bytes in shared memory, by one warp: lane 8 i + r says where row r of matrix i is, and lane 4 g + t gets bytes
/// 4 t to 4 t + 3 of row g of each: the fragments of mma.
__device__ __forceinline__ void load_matrices(unsigned (&f)[4], const int8_t *row) {
    unsigned address = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
                 : "r"(address)
                 : "memory");
}

/// 16 bytes to shared memory while the thread goes on; zeros where not valid. The compiler is told that these change memory: else it may move
/// reads of shared memory across them.
__device__ __forceinline__ void copy_async(void *to, const void *from, bool valid) {
    unsigned address = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(valid ? 16 : 0) : "memory");
}

/// Adds to a word in memory that other blocks add to as well, and does not wait for what it was.
__device__ __forceinline__ void add_blindly(int *to, int value) {
    asm volatile("red.global.add.u32 [%0], %1;" ::"l"(__cvta_generic_to_global(to)), "r"(value) : "memory");
}

/// Ends a group of copies; wait_async<N> waits until all but the last N groups have arrived.
__device__ __forceinline__ void commit_async() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
__device__ __forceinline__ void wait_async() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

#endif

/// Both, where a kernel has nothing to do before.
__device__ __forceinline__ void follow_previous() {
    let_next_begin();
    await_previous();
}
