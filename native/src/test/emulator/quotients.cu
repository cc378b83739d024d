// Quotients as the kernels take them, beside division.
#include "../../main/cuda/exact.cuh"

/// Counts, of `count` numbers from 0 on by their bits, `step` apart, those whose quotients differ from division's.
extern "C" __global__ void wrong_quotients(unsigned count, unsigned step, int *wrong) {
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
        float e = __int_as_float((int)(i * step)), one = exact::add(1.0f, e);
        bool same = __float_as_int(exact::div_by_one_plus(e, e)) == __float_as_int(exact::div(e, one)) &&
                    __float_as_int(exact::div_by_one_plus(1.0f, e)) == __float_as_int(exact::div(1.0f, one));
        if (!same) atomicAdd(wrong, 1);
    }
}
EMU_KERNEL(wrong_quotients, 256, 0)
