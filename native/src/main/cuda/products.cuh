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

/// Writes one gated value and returns its magnitude's bits.
__device__ __noinline__ unsigned put_gated(const Output &out, int row, int column, int gate, int up) {
    float s = out.in_scale[row];
    float value = exact::mul(exact::silu(exact::dequantize(gate, s, out.row_scale[column])),
                             exact::dequantize(up, s, out.row_scale[out.n + column]));
    out.h[(size_t)row * out.n + column] = value;
    return exact::magnitude(value);
}

}  // namespace products
