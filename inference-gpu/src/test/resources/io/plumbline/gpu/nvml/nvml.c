/*
 * A stand-in for libnvidia-ml.so.1 with one GPU, as NVML's header declares the functions that are asked. NVML_FAKE in
 * the environment says what is the matter with it: nothing, "bad" for all that can be, "bare" for a GPU that tells
 * little, "init" for a library that does not begin; "ecc", "pending", "failed", "lost" and "busy" for one thing each.
 * Where it is @ and a path, the file there says so, and may say something else at the next call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct device *device_t;
typedef unsigned long long u64;
typedef struct { u64 total, free, used; } memory_t;
typedef struct { unsigned pid; u64 used; unsigned gpu, compute; } process_t;

#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define GPU_IS_LOST 15
#define UNKNOWN 999

/* The GPU, and a MIG instance on it. */
static const device_t GPU = (device_t)0x1000ul, INSTANCE = (device_t)0x2000ul;

static int is(const char *what) {
    const char *fake = getenv("NVML_FAKE");
    static __thread char text[32];
    if (fake && *fake == '@') {
        FILE *file = fopen(fake + 1, "r");
        if (!file) return 0;
        size_t n = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        text[n] = 0;
        fake = text;
    }
    return fake && !strcmp(fake, what);
}

static int tell(unsigned *value, unsigned good, unsigned bad) {
    if (is("bare")) return NOT_SUPPORTED;
    *value = is("bad") ? bad : good;
    return 0;
}

int nvmlInit_v2(void) { return is("init") ? 9 : 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : code == GPU_IS_LOST ? "GPU is lost" : code == UNKNOWN ? "Unknown Error" : "Not Supported"; }
int nvmlSystemGetDriverVersion(char *text, unsigned n) { snprintf(text, n, "%s", is("bad") ? "550.1" : "580.65.06"); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = is("bad") ? 12040 : 13010; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device) { *device = (device_t)(0x1000ul + index); return index ? 2 : 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, device_t *device) {
    if (is("lost")) return GPU_IS_LOST;
    *device = strcmp(uuid, "MIG-1234") ? GPU : INSTANCE;
    return *device == INSTANCE || !strcmp(uuid, "GPU-1234") ? 0 : NOT_FOUND;
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device_t instance, device_t *device) {
    *device = GPU;
    return instance == INSTANCE ? 0 : NOT_SUPPORTED;
}
int nvmlDeviceGetName(device_t d, char *text, unsigned n) { snprintf(text, n, "NVIDIA Stand-in"); return d == (device_t)0x1000ul ? 0 : 2; }
int nvmlDeviceGetUUID(device_t d, char *text, unsigned n) { snprintf(text, n, "GPU-1234"); return 0; }
int nvmlDeviceGetMigMode(device_t d, unsigned *now, unsigned *then) { *then = 0; return tell(now, 0, 1); }
int nvmlDeviceGetMemoryInfo(device_t d, memory_t *m) { m->total = 80ull << 30; m->used = 3ull << 20; m->free = m->total - m->used; return 0; }
int nvmlDeviceGetEccMode(device_t d, unsigned *now, unsigned *then) { *then = 1; return tell(now, 1, 1); }
int nvmlDeviceGetTotalEccErrors(device_t d, int type, int counter, u64 *count) {
    if (is("bare") || d != GPU) return NOT_SUPPORTED;
    if (is("busy")) return UNKNOWN;
    *count = is("ecc") && type == 1 && counter == 0 ? 2 : is("bad") ? 10 * (type + 1) + counter : 0;
    return 0;
}
int nvmlDeviceGetRemappedRows(device_t d, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    *uncorrected = 0;
    *failed = is("failed");
    *pending = is("bad") || is("pending");
    return tell(corrected, 0, 4);
}
int nvmlDeviceGetClockInfo(device_t d, int type, unsigned *mhz) { return tell(mhz, type == 1 ? 1980 : 2619, type == 1 ? 345 : 1593); }
int nvmlDeviceGetMaxClockInfo(device_t d, int type, unsigned *mhz) { *mhz = type == 1 ? 1980 : 2619; return 0; }
int nvmlDeviceGetPowerUsage(device_t d, unsigned *mw) { return tell(mw, 71000, 300000); }
int nvmlDeviceGetPowerManagementLimit(device_t d, unsigned *mw) { return tell(mw, 700000, 300000); }
int nvmlDeviceGetPowerManagementDefaultLimit(device_t d, unsigned *mw) { *mw = 700000; return 0; }
int nvmlDeviceGetCurrentClocksEventReasons(device_t d, u64 *reasons) {
    if (is("bare")) return NOT_SUPPORTED;
    *reasons = is("bad") ? 0x4 | 0x8 | 0x40 : 0x1;
    return 0;
}
int nvmlDeviceGetTemperature(device_t d, int sensor, unsigned *celsius) { *celsius = 34; return 0; }
int nvmlDeviceGetPersistenceMode(device_t d, unsigned *mode) { return tell(mode, 1, 0); }
int nvmlDeviceGetComputeMode(device_t d, unsigned *mode) { return tell(mode, 0, 2); }
int nvmlDeviceGetCurrPcieLinkGeneration(device_t d, unsigned *value) { return tell(value, 1, 4); }
int nvmlDeviceGetMaxPcieLinkGeneration(device_t d, unsigned *value) { *value = 5; return 0; }
int nvmlDeviceGetCurrPcieLinkWidth(device_t d, unsigned *value) { return tell(value, 16, 4); }
int nvmlDeviceGetMaxPcieLinkWidth(device_t d, unsigned *value) { *value = 16; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(device_t d, unsigned *count, process_t *infos) {
    if (is("bad")) {
        infos[0] = (process_t){4242, 7ull << 30, 0, 0};
        infos[1] = (process_t){4243, -1ull, 0, 0};
    }
    return tell(count, 0, 2);
}
