// int8 products summed in int32: y[r][n] = sum_k x[r][k] * w[n][k]. Exact in any order, so tiles and warps may do as they like.
#include "exact.cuh"

namespace {

constexpr int WARPS = 4;

__device__ __forceinline__ int dot16(int4 a, int4 b, int sum) {
    sum = __dp4a(a.x, b.x, sum);
    sum = __dp4a(a.y, b.y, sum);
    sum = __dp4a(a.z, b.z, sum);
    return __dp4a(a.w, b.w, sum);
}

/// A warp a weight row against R inputs: the weights are read once, 16 bytes a lane.
template <int R>
__device__ __forceinline__ void gemv(const int8_t *x, const int8_t *w, int *y, int n, int k) {
    int lane = threadIdx.x & 31, row = blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= n) return;
    int sum[R] = {};
    const int8_t *weights = w + (size_t)row * k;
    if (k % 16 == 0) {
        for (int i = lane * 16; i < k; i += 32 * 16) {
            int4 a = __ldg(reinterpret_cast<const int4 *>(weights + i));
#pragma unroll
            for (int r = 0; r < R; r++) sum[r] = dot16(a, __ldg(reinterpret_cast<const int4 *>(x + (size_t)r * k + i)), sum[r]);
        }
    } else {
        for (int i = lane; i < k; i += 32) {
#pragma unroll
            for (int r = 0; r < R; r++) sum[r] += (int)weights[i] * (int)x[(size_t)r * k + i];
        }
    }
#pragma unroll
    for (int r = 0; r < R; r++) {
#pragma unroll
        for (int o = 16; o; o >>= 1) sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], o);
        if (lane == 0) y[(size_t)r * n + row] = sum[r];
    }
}

}  // namespace

/// For 1, 2, 4 and 8 rows of inputs. grid ceil(n / 4), 128 threads. k a multiple of 16 for full speed.
extern "C" __global__ void __launch_bounds__(128) gemv_1(const int8_t *x, const int8_t *w, int *y, int n, int k) { gemv<1>(x, w, y, n, k); }
EMU_KERNEL(gemv_1)
extern "C" __global__ void __launch_bounds__(128) gemv_2(const int8_t *x, const int8_t *w, int *y, int n, int k) { gemv<2>(x, w, y, n, k); }
EMU_KERNEL(gemv_2)
extern "C" __global__ void __launch_bounds__(128) gemv_4(const int8_t *x, const int8_t *w, int *y, int n, int k) { gemv<4>(x, w, y, n, k); }
EMU_KERNEL(gemv_4)
extern "C" __global__ void __launch_bounds__(128) gemv_8(const int8_t *x, const int8_t *w, int *y, int n, int k) { gemv<8>(x, w, y, n, k); }
EMU_KERNEL(gemv_8)

namespace {

constexpr int TILE = 64;
/// Bytes of a tile's row in shared memory: padded, so that the eight rows of a fragment fall into different banks.
constexpr int STRIDE = TILE + 16;

/// d += a * b, 16 x 32 times 32 x 8: the fragments of mma.m16n8k32.
__device__ __forceinline__ void mma(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#ifdef CUDA_EMU
    emu_mma_s8(d, a, b, d, __LINE__);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

/// 64 x 64 bytes of a row-major matrix into shared memory, zeros beyond its edges. 128 threads.
__device__ __forceinline__ void load_tile(const int8_t *m, int rows, int k, int row0, int k0, int8_t *tile) {
    for (int i = threadIdx.x; i < TILE * TILE / 16; i += blockDim.x) {
        int row = i / (TILE / 16), column = i % (TILE / 16) * 16;
        int4 piece = make_int4(0, 0, 0, 0);
        if (row0 + row < rows) {
            const int8_t *from = m + (size_t)(row0 + row) * k + k0 + column;
            if (k % 16 == 0) {
                if (k0 + column < k) piece = __ldg(reinterpret_cast<const int4 *>(from));
            } else {
                int8_t *bytes = reinterpret_cast<int8_t *>(&piece);
                for (int b = 0; b < 16 && k0 + column + b < k; b++) bytes[b] = from[b];
            }
        }
        *reinterpret_cast<int4 *>(tile + row * STRIDE + column) = piece;
    }
}

__device__ __forceinline__ unsigned word(const int8_t *tile, int row, int column) {
    return *reinterpret_cast<const unsigned *>(tile + row * STRIDE + column);
}

}  // namespace

/// Many rows on tensor cores. grid (ceil(n / 64), ceil(rows / 64)), 128 threads: four warps of 32 x 32 each.
extern "C" __global__ void __launch_bounds__(128) gemm_mma(const int8_t *x, int rows, const int8_t *w, int *y, int n, int k) {
    __shared__ __align__(16) int8_t a[TILE * STRIDE];
    __shared__ __align__(16) int8_t b[TILE * STRIDE];
    int warp = threadIdx.x / 32, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
    int row0 = blockIdx.y * TILE, n0 = blockIdx.x * TILE, wm = warp / 2 * 32, wn = warp % 2 * 32;
    int d[2][4][4] = {};
    for (int k0 = 0; k0 < k; k0 += TILE) {
        load_tile(x, rows, k, row0, k0, a);
        load_tile(w, n, k, n0, k0, b);
        __syncthreads();
        for (int kk = 0; kk < TILE; kk += 32) {
            unsigned fa[2][4], fb[4][2];
            for (int i = 0; i < 2; i++) {
                int r = wm + i * 16 + g, c = kk + t * 4;
                fa[i][0] = word(a, r, c);
                fa[i][1] = word(a, r + 8, c);
                fa[i][2] = word(a, r, c + 16);
                fa[i][3] = word(a, r + 8, c + 16);
            }
            for (int j = 0; j < 4; j++) {
                fb[j][0] = word(b, wn + j * 8 + g, kk + t * 4);
                fb[j][1] = word(b, wn + j * 8 + g, kk + t * 4 + 16);
            }
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 4; j++) mma(d[i][j], fa[i], fb[j]);
        }
        __syncthreads();
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 4; j++)
            for (int q = 0; q < 4; q++) {
                int row = row0 + wm + i * 16 + g + (q >= 2 ? 8 : 0), column = n0 + wn + j * 8 + t * 2 + (q & 1);
                if (row < rows && column < n) y[(size_t)row * n + column] = d[i][j][q];
            }
}
EMU_KERNEL(gemm_mma)
