// All kernels as one program.
#include "attention_decode.cu"
#include "attention_prefill.cu"
#include "attention_short.cu"
#include "gemm.cu"
#include "gemv.cu"
#include "probe.cu"
#include "rows.cu"
#include "trace.cu"
