// What becomes of an int8 product once it is summed: stored, added to the residual, or gated.
#pragma once
#include "exact.cuh"

namespace products {

/// n columns of outputs. STORE writes y; RESIDUAL adds to h; GATE takes columns n (gate) and n + mlp (up) and writes silu(gate) * up.
enum class After { STORE, RESIDUAL, GATE };

struct Output {
    int *y;                  // [rows][n], STORE
    float *h;                // [rows][n], RESIDUAL; [rows][mlp], GATE
    const float *in_scale;   // of rows
    const float *row_scale;  // of weight rows
    unsigned *most;          // [rows], GATE: the largest magnitude's bits
    int n;                   // columns: weight rows, or mlp for GATE
};

template <After A>
__device__ __forceinline__ void put(const Output &out, int row, int column, int acc) {
    size_t at = (size_t)row * out.n + column;
    if (A == After::STORE) out.y[at] = acc;
    else out.h[at] = exact::add(out.h[at], exact::dequantize(acc, out.in_scale[row], out.row_scale[column]));
}

/// silu of a gate's product times an up's.
__device__ __forceinline__ float gated(int gate, int up, float in_scale, float gate_scale, float up_scale) {
    return exact::mul(exact::silu(exact::dequantize(gate, in_scale, gate_scale)), exact::dequantize(up, in_scale, up_scale));
}

/// Writes one gated value and returns its magnitude's bits.
inline __device__ __noinline__ unsigned put_gated(const Output &out, int row, int column, int gate, int up) {
    float value = gated(gate, up, out.in_scale[row], out.row_scale[column], out.row_scale[out.n + column]);
    out.h[(size_t)row * out.n + column] = value;
    return exact::magnitude(value);
}

/// A row's largest magnitude so far, or an earlier one: it only grows, so whoever finds more than that, and only he, has to raise it.
__device__ __forceinline__ unsigned known_most(const Output &out, int row) {
    return *reinterpret_cast<volatile const unsigned *>(&out.most[row]);
}

/// Which weight row stands in row i of the `block`th tile of `tile` weight rows, -1 beyond the last. For GATE eight gate rows and their eight up rows
/// alternate, so that both products of a column end in one thread.
template <After A>
__device__ __forceinline__ int weight_row(const Output &out, int block, int tile, int i) {
    if (A != After::GATE) {
        int n = block * tile + i;
        return n < out.n ? n : -1;
    }
    int n = block * (tile / 2) + i / 16 * 8 + i % 8;
    return n < out.n ? n + (i / 8 % 2 ? out.n : 0) : -1;
}

}  // namespace products
