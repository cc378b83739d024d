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
#ifdef HAS_AMX
int pl_may_use_amx(void);

EXPORT int pl_has_amx(void) {
    unsigned a, b, c, d, low, high;
    if (!pl_has_avx512vnni() || !__builtin_cpu_supports("avx512vbmi") || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        (d >> 24 & 3) != 3)
        return 0;
    /* The system saves tiles, their shapes and what they hold; then it may be asked for them. */
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3) == 3 && pl_may_use_amx();
}
#endif
#ifdef HAS_AVXVNNI
EXPORT int pl_has_avxvnni(void) {
    unsigned a, b, c, d;
    return pl_has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif
#elif defined(__aarch64__)
EXPORT int pl_has_neon(void) { return 1; }
#endif
