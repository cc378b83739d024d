// CUDA on a CPU, for tests: one fiber a CUDA thread, all fibers of a block on one OS thread, switched at barriers and warp collectives.
// Include before a kernel's source and compile as C++20 with -ffp-contract=off -fsanitize=alignment. Not modelled: TMA, memory ordering
// between blocks. A missing barrier shows as a result that depends on the order of threads, which launches can be given; an asynchronous copy
// arrives, and an asynchronous product is computed, when it is waited for and not before; an address that is not a multiple of what is read there stops the launch.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#define CUDA_EMU 1
#define __global__
#define __device__
#define __host__
#define __noinline__ __attribute__((__noinline__))
#define __forceinline__ inline __attribute__((always_inline))
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define DYN_SHARED(T, name) T *name = static_cast<T *>(emu::dynamic_shared())

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
static inline int4 make_int4(int a, int b, int c, int d) { return {a, b, c, d}; }

namespace emu {

enum class Collective { SHUFFLE, SYNC, MMA_SS, MMA_US, MATRICES, QUADS };

struct Thread {
    uint3 thread, block;
    dim3 block_size, grid_size;
    unsigned lane;
};

extern thread_local Thread *current;
void *dynamic_shared();
void barrier(int line);
/// Every live lane of `mask` gives `n` words and gets `m` back, once all have arrived.
void warp(Collective what, unsigned mask, const uint32_t *in, int n, uint32_t *out, int m, int line);

using Call = void (*)(void **arguments);

struct Parameter {
    size_t size;
    bool is_pointer;
};

/// A kernel by name: its parameters, most threads a block, and bytes of static shared memory.
struct Kernel {
    Call call;
    std::vector<Parameter> parameters;
    unsigned most_threads, static_shared;
    Kernel() = default;
    Kernel(const char *name, Call call, std::vector<Parameter> parameters, unsigned most_threads, unsigned static_shared);
};
/// For copies that arrive late: 16 bytes, or zeros where from is null.
void copy_async(void *to, const void *from);
void commit_async();
void wait_async(unsigned but_last);
/// For products that are computed late: what this thread has of `n` columns. The first of a sum replaces what d held.
void wgmma(int n, bool is_first, int *d, const int8_t *a, const int8_t *b);
/// With A in registers, which are read late too.
void wgmma_registers(int n, bool is_first, bool is_unsigned, int *d, const unsigned *a, const int8_t *b, int line);
void commit_wgmma();
void wait_wgmma(unsigned but_last);
/// Brings nothing, but reads there.
void bring_to_l2(const void *from);
/// The kernel before has ended by now: here one after the other runs.
void await_previous();
const Kernel *find(const std::string &name);
/// Runs a whole grid; empty when all went well, else why not. Order 0 forward, 1 backward, else shuffled. overlaps: the kernel may begin before
/// the one before it has ended, and must wait for it.
std::string launch(const std::string &name, dim3 grid, dim3 block, unsigned shared, void **arguments, uint64_t order, bool overlaps);

template <auto F, class... A, size_t... I>
void apply(void (*)(A...), void **a, std::index_sequence<I...>) {
    F(*reinterpret_cast<std::remove_reference_t<A> *>(a[I])...);
}
template <auto F>
void call(void **a) {
    [&]<class... A>(void (*p)(A...)) { apply<F>(p, a, std::index_sequence_for<A...>{}); }(F);
}
template <class... A>
std::vector<Parameter> parameters(void (*)(A...)) {
    return {Parameter{sizeof(A), std::is_pointer_v<A>}...};
}

}  // namespace emu

#define EMU_KERNEL(name, threads, shared) \
    static emu::Kernel emu_kernel_##name(#name, &emu::call<&name>, emu::parameters(&name), threads, shared);

#define threadIdx (emu::current->thread)
#define blockIdx (emu::current->block)
#define blockDim (emu::current->block_size)
#define gridDim (emu::current->grid_size)
#define __syncthreads() emu::barrier(__LINE__)
#define __shfl_xor_sync(mask, v, x) emu_shuffle(mask, v, emu::current->lane ^ (x), __LINE__)
#define __shfl_sync(mask, v, from) emu_shuffle(mask, v, from, __LINE__)

#define __syncwarp() emu_sync_warp(__LINE__)

static inline void emu_sync_warp(int line) { emu::warp(emu::Collective::SYNC, 0xffffffffu, nullptr, 0, nullptr, 0, line); }

static inline int emu_shuffle(unsigned mask, int v, unsigned from, int line) {
    uint32_t in[2] = {(uint32_t)v, from}, out;
    emu::warp(emu::Collective::SHUFFLE, mask, in, 2, &out, 1, line);
    return (int)out;
}

/// mma.sync.aligned.m16n8k32.row.col.s32.{s8,u8}.s8.s32
static inline void emu_mma(emu::Collective what, int *d, const unsigned *a, const unsigned *b, int line) {
    uint32_t in[10];
    memcpy(in, a, 16);
    memcpy(in + 4, b, 8);
    memcpy(in + 6, d, 16);
    emu::warp(what, 0xffffffffu, in, 10, reinterpret_cast<uint32_t *>(d), 4, line);
}
#define mma_ss(d, a, b) emu_mma(emu::Collective::MMA_SS, d, a, b, __LINE__)
#define mma_us(d, a, b) emu_mma(emu::Collective::MMA_US, d, a, b, __LINE__)

/// ldmatrix.sync.aligned.m8n8.x4
static inline void emu_load_matrices(unsigned *f, const int8_t *row, int line) {
    uint32_t in[2];
    memcpy(in, &row, 8);
    emu::warp(emu::Collective::MATRICES, 0xffffffffu, in, 2, f, 4, line);
}
#define load_matrices(f, row) emu_load_matrices(f, row, __LINE__)

static inline void copy_async(void *to, const void *from, bool valid) { emu::copy_async(to, valid ? from : nullptr); }
static inline void commit_async() { emu::commit_async(); }
template <int N>
static inline void wait_async() {
    emu::wait_async(N);
}

static inline int thread_anew() { return (int)emu::current->thread.x; }
static inline void let_next_begin() {}
static inline void bring_to_l2(const void *from) { emu::bring_to_l2(from); }
static inline void await_previous() { emu::await_previous(); }

using Tile = const int8_t *;
static inline Tile tile_of(const int8_t *at) { return at; }
static inline Tile from_k(Tile tile, int k) { return tile + k; }
static inline void publish_tiles() {}
static inline void begin_wgmma() {}
template <int N>
static inline void hold(int (&)[N]) {}
static inline void commit_wgmma() { emu::commit_wgmma(); }
template <int N>
static inline void wait_wgmma() {
    emu::wait_wgmma(N);
}
template <int N>
static inline void wgmma(int (&d)[N / 2], Tile a, Tile b) {
    emu::wgmma(N, false, d, a, b);
}
template <int N>
static inline void wgmma_first(int (&d)[N / 2], Tile a, Tile b) {
    emu::wgmma(N, true, d, a, b);
}
#define wgmma_by_registers(name, is_first, is_unsigned)                                  \
    template <int N>                                                                     \
    static inline void name(int (&d)[N / 2], const unsigned (&a)[4], Tile b) {           \
        emu::wgmma_registers(N, is_first, is_unsigned, d, a, b, __LINE__);               \
    }
wgmma_by_registers(wgmma, false, false)
wgmma_by_registers(wgmma_us, false, true)
wgmma_by_registers(wgmma_first, true, false)
#undef wgmma_by_registers

static inline int dp4a_us(unsigned a, int b, int c) {
    for (int i = 0; i < 4; i++) c = (int)((unsigned)c + (unsigned)((int)(uint8_t)(a >> (8 * i)) * (int)(int8_t)(b >> (8 * i))));
    return c;
}
static inline int __dp2a_lo(int a, int b, int c) {
    return (int)((unsigned)c + (unsigned)((int16_t)a * (int8_t)b) + (unsigned)((int16_t)(a >> 16) * (int8_t)(b >> 8)));
}
static inline int __dp2a_hi(int a, int b, int c) { return __dp2a_lo(a, b >> 16, c); }
static inline int __dp4a(int a, int b, int c) {
    for (int i = 0; i < 4; i++) c = (int)((unsigned)c + (unsigned)((int)(int8_t)(a >> (8 * i)) * (int)(int8_t)(b >> (8 * i))));
    return c;
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned n) {
    n &= 31;
    return n ? low >> n | high << (32 - n) : low;
}
/// Bytes of a, then of b, counted from 0: those that the digits of `which` name.
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned which) {
    uint64_t both = (uint64_t)b << 32 | a;
    unsigned out = 0;
    for (int i = 0; i < 4; i++) out |= (unsigned)(both >> 8 * (which >> 4 * i & 7) & 255) << 8 * i;
    return out;
}
static inline unsigned permute(unsigned a, unsigned b, unsigned which) {
    unsigned out = 0;
    for (int i = 0; i < 4; i++) {
        unsigned byte = __byte_perm(a, b, which >> 4 * i) & 255;
        out |= (which >> 4 * i & 8 ? (byte & 128 ? 255 : 0) : byte) << 8 * i;
    }
    return out;
}
static inline float max_or_nan(float a, float b) { return a != a || b != b ? NAN : a > b ? a : b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __int2float_rn(int a) { return (float)a; }
static inline float __ll2float_rn(long long a) { return (float)a; }
static inline float __int_as_float(int a) {
    float f;
    memcpy(&f, &a, 4);
    return f;
}
static inline int __float_as_int(float a) {
    int i;
    memcpy(&i, &a, 4);
    return i;
}
template <class T>
static inline T __ldg(const T *p) {
    return *p;
}
template <class T>
static inline T __ldcg(const T *p) {
    return *p;
}
template <class T>
static inline T __ldca(const T *p) {
    return *p;
}
static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
template <class T>
static inline T atomicAdd(T *p, T v) {
    return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}
template <class T>
static inline T atomicMax(T *p, T v) {
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (old < v && !__atomic_compare_exchange_n(p, &old, v, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return old;
}
static inline void add_blindly(int *to, int value) { atomicAdd(to, value); }
static inline int __ffs(int a) { return __builtin_ffs(a); }
static inline int __clz(int a) { return a ? __builtin_clz((unsigned)a) : 32; }
static inline int min(int a, int b) { return a < b ? a : b; }
