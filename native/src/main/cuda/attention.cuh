// What becomes of one score of a prompt's attention, whichever instruction computed it.
#pragma once
#include "exact.cuh"
#include "machine.cuh"

namespace attention {

using namespace exact;

/// A score as a number.
__device__ __forceinline__ float scaled(int score, float factor, float key_scale) {
    return mul(__int2float_rn(score), mul(factor, key_scale));
}

/// First pass: the largest score of a row, and the largest scale of a value that it sees. No branch for keys that it does not see: a warp would go
/// both ways one after the other.
__device__ __forceinline__ void see(int score, float factor, float key_scale, float value_scale, bool is_seen, float &most, float &scale) {
    float with = max_or_nan(most, scaled(score, factor, key_scale)), with_scale = fmaxf(scale, value_scale);
    most = is_seen ? with : most;
    scale = is_seen ? with_scale : scale;
}

/// Second pass: a key's weight from 0 to 1, before the scale of its value. A score so small that the contract makes the weight 0 gets the weight
/// of EXP_FLOOR, below 2^-125: rounded to either kind of integer below, that is 0 too.
__device__ __forceinline__ float weigh(int score, float factor, float key_scale, float most) {
    return exp_from_floor(fmaxf(sub(scaled(score, factor, key_scale), most), EXP_FLOOR));
}

/// A weight's part of the denominator, weight * 2^24 rounded to the nearest integer, ties to even, and COUNTED_0 beside. Floats from 1/2 to 1 are
/// 2^-24 apart: what is below 1/2 is rounded as 1/2 is added to it, what is above has nothing to round, and bits say how far from 1/2 both are. A
/// conversion would take as long as eight of these instructions.
constexpr unsigned COUNTED_0 = 2 * 0x3F000000u;
__device__ __forceinline__ unsigned counted(float weight) {
    return (unsigned)__float_as_int(add(fminf(weight, 0.5f), 0.5f)) + (unsigned)__float_as_int(fmaxf(weight, 0.5f));
}

/// 15 bits of a weight with the scale of its value, in the lower half of a word.
__device__ __forceinline__ unsigned with_value(float weight, float value_scale, float to_weights) {
    return (unsigned)__float_as_int(add(mul(mul(weight, value_scale), to_weights), TO_INTEGER));
}

/// Of two such words: low bytes in the lower half, high bytes in the upper one.
__device__ __forceinline__ unsigned by_plane(unsigned a, unsigned b) { return __byte_perm(a, b, 0x5140); }

}  // namespace attention
