/* Which of the forms built into this library the processor runs. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

EXPORT int pl_has_avx512vnni(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
EXPORT int pl_has_avx512(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}
EXPORT int pl_has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#ifdef HAS_AVXVNNI
EXPORT int pl_has_avxvnni(void) {
    unsigned a, b, c, d;
    return pl_has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif
#elif defined(__aarch64__)
EXPORT int pl_has_neon(void) { return 1; }
#endif
