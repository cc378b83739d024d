// All kernels as one program.
#include "attention.cu"
#include "gemm.cu"
#include "rows.cu"
#include "trace.cu"
