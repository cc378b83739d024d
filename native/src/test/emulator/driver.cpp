// The part of the CUDA driver that Plumbline calls, over the emulator: built as libcuda.so.1, so that the code that drives a GPU runs on hosts
// without one, the real bindings included. Written from the driver's public documentation.
//
// Work is done as late as the driver's rules allow: a stream runs when someone waits for it, a graph's nodes in an order drawn anew each time.
// A wait that is missing, or a buffer used again too early, shows as a wrong result. Memory is filled with noise when allocated and has guards
// that are checked when it is freed, and what was freed is noise again. What is not modelled fails with CUDA_ERROR_NOT_SUPPORTED rather than pass.
// Where NVIDIA's driver may or may not let something pass, this one refuses it: handles that were destroyed, host memory that is not pinned,
// calls that a capture forbids, a kernel first loaded in one, launches beyond what a kernel declares or the smallest supported GPU has.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <strings.h>
#include "emulator.h"
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

enum Error {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
    CAPTURE_UNJOINED = 904,
};

constexpr size_t GUARD = 256;
constexpr size_t DEFAULT_MEMORY = 1ull << 30;
/// Of the GPUs that are supported, those with least: compute capability 8.6, 8.9 and 12.0; and Hopper's, for kernels that run there alone.
constexpr int OPT_IN_SHARED = 101376;
constexpr int OPT_IN_HOPPER = 232448;
constexpr int DEFAULT_SHARED = 49152;
constexpr unsigned MOST_THREADS = 1024;
/// A device's handle is not its ordinal.
constexpr int DEVICE = 77;
/// Freed memory that is kept, as noise, so that what still uses it is found.
constexpr size_t QUARANTINE = 64ull << 20;
constexpr unsigned WITHOUT_TIMING = 2;

struct Node {
    std::function<int()> run;
    std::set<size_t> after;
};

struct Graph {
    std::vector<Node> nodes;
    bool is_invalid = false;
};

struct Stream {
    std::deque<std::function<int()>> pending;
    uint64_t queued = 0, done = 0;
    Graph *capture = nullptr;
    bool is_origin = false;
    /// What was put there last is a kernel, and nothing else is waited for.
    bool after_kernel = false;
    std::set<size_t> last;
};

struct Event {
    Stream *stream = nullptr;
    uint64_t at = 0;
    Graph *capture = nullptr;
    std::set<size_t> nodes;
    bool has_time = true;
    bool has_run = false;
    std::chrono::steady_clock::time_point time;
};

struct Function {
    std::string name;
    const emu::Kernel *kernel;
    /// Dynamic shared memory: what is left of the default, until more is opted in to.
    int most_shared;
    bool is_loaded = false;
};

/// As the driver lays them out.
constexpr int PROGRAMMATIC_STREAM_SERIALIZATION = 6;
struct LaunchAttribute {
    int id, pad;
    int value;
    char rest[60];
};
struct LaunchConfig {
    unsigned grid[3], block[3], shared;
    void *stream;
    const LaunchAttribute *attributes;
    unsigned count;
};

struct Freed {
    char *at;
    size_t bytes;
};

std::recursive_mutex lock;
std::map<uintptr_t, size_t> allocations;
std::map<uintptr_t, size_t> pinned;
std::set<Stream *> streams;
std::set<Event *> events;
std::set<Graph *> executables;
std::deque<Freed> freed;
size_t in_use = 0, in_quarantine = 0;
int retained = 0, modules = 0, driver_version = 13000, major = 8;
/// Calls that create something until one fails, or -1.
int64_t until_failure = -1;
uint64_t launches = 0, order = 0, kernels_run = 0, graphs_run = 0;
int broken = SUCCESS;
thread_local bool has_context = false;
/// The capture that this thread began; some calls are not allowed meanwhile.
thread_local Graph *capturing = nullptr;

size_t memory() {
    const char *given = getenv("EMULATED_GPU_BYTES");
    return given ? strtoull(given, nullptr, 10) : DEFAULT_MEMORY;
}

/// The one MIG instance that this host has, on its first GPU.
const char *MIG = "MIG-00112233-4455-6677-8899-aabbccddeeff";

/// The instance that the process asked for alone, as NVIDIA's driver takes it; null where it asked for none.
const char *instance() {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return visible && !strncmp(visible, "MIG-", 4) ? visible : nullptr;
}

/// EMULATED_GPUS of them, or one; the instance alone where one is asked for.
int devices() {
    if (!memory()) return 0;
    if (instance()) return strcasecmp(instance(), MIG) == 0;
    const char *given = getenv("EMULATED_GPUS");
    return given ? atoi(given) : 1;
}
bool is_device(int handle) { return handle >= DEVICE && handle < DEVICE + devices(); }

int opt_in() { return major == 9 ? OPT_IN_HOPPER : OPT_IN_SHARED; }

int fail(int code, const std::string &why) {
    fprintf(stderr, "emulated GPU: %s\n", why.c_str());
    return code;
}

/// For calls that need a current context and that a capture of this thread forbids.
int allowed(const char *call) {
    if (broken) return broken;
    if (!has_context) return fail(INVALID_CONTEXT, std::string(call) + ": this thread has no current context");
    if (!capturing) return SUCCESS;
    capturing->is_invalid = true;
    return fail(CAPTURE_UNSUPPORTED, std::string(call) + " while this thread captures a stream");
}

/// The same for calls that create something, and may be told to fail.
int creates(const char *call) {
    int code = allowed(call);
    if (code != SUCCESS) return code;
    if (until_failure == 0) return OUT_OF_MEMORY;
    if (until_failure > 0) until_failure--;
    return SUCCESS;
}

template <class T>
int live(const std::set<T *> &all, void *one, const char *call) {
    if (all.count(static_cast<T *>(one))) return SUCCESS;
    return fail(INVALID_HANDLE, std::string(call) + ": a handle that was destroyed, or never made");
}

int advance(Stream *s, uint64_t to) {
    while (s->done < to && broken == SUCCESS) {
        auto run = std::move(s->pending.front());
        s->pending.pop_front();
        s->done++;
        int code = run();
        if (code != SUCCESS) broken = code;
    }
    return broken;
}

int enqueue(Stream *s, std::function<int()> run) {
    if (broken) return broken;
    if (!has_context) return fail(INVALID_CONTEXT, "this thread has no current context");
    s->after_kernel = false;
    if (s->capture) {
        s->capture->nodes.push_back({std::move(run), s->last});
        s->last = {s->capture->nodes.size() - 1};
        return SUCCESS;
    }
    s->pending.push_back(std::move(run));
    s->queued++;
    return SUCCESS;
}

/// Whether [p, p + n) lies in one allocation.
bool inside(const std::map<uintptr_t, size_t> &all, uintptr_t p, size_t n) {
    auto it = all.upper_bound(p);
    if (it == all.begin()) return false;
    --it;
    return p + n <= it->first + it->second;
}

/// A copy or fill, looked at when it is asked for and again when it runs. Host memory must be pinned: else it would not be asynchronous.
int transfer(void *stream, uintptr_t device, const void *host, size_t n, const char *call, std::function<void()> run) {
    int code = live(streams, stream, call);
    if (code != SUCCESS) return code;
    std::string what = call;
    auto good = [=] {
        if (!inside(allocations, device, n)) return fail(INVALID_VALUE, what + " leaves its allocation on the device");
        if (host && n && !inside(pinned, (uintptr_t)host, n)) return fail(INVALID_VALUE, what + " leaves pinned host memory");
        return (int)SUCCESS;
    };
    code = good();
    if (code != SUCCESS) return code;
    return enqueue(static_cast<Stream *>(stream), [=] {
        int now = good();
        if (now == SUCCESS) run();
        return now == SUCCESS ? SUCCESS : ILLEGAL_ADDRESS;
    });
}

int run_graph(const Graph &graph) {
    std::vector<size_t> waiting(graph.nodes.size());
    for (size_t i = 0; i < waiting.size(); i++) waiting[i] = i;
    std::mt19937_64 random(++launches);
    std::set<size_t> done;
    graphs_run++;
    while (!waiting.empty()) {
        // The latest of the ready ones, or any of them: what nobody waits for comes as late as may be.
        std::vector<size_t> ready;
        for (size_t i : waiting)
            if (std::includes(done.begin(), done.end(), graph.nodes[i].after.begin(), graph.nodes[i].after.end())) ready.push_back(i);
        size_t chosen = launches % 2 ? ready.back() : ready[random() % ready.size()];
        int code = graph.nodes[chosen].run();
        if (code != SUCCESS) return code;
        done.insert(chosen);
        waiting.erase(std::find(waiting.begin(), waiting.end(), chosen));
    }
    return SUCCESS;
}

}  // namespace

#define LOCKED std::lock_guard<std::recursive_mutex> guard(lock)

/// For tests: the order of threads within blocks; kernels and graphs run so far.
EXPORT void emu_set_order(uint64_t value) { order = value; }
EXPORT void emu_forget_failure() {
    broken = SUCCESS;
    until_failure = -1;
}
/// After n more calls that create something, all of them fail for want of memory.
EXPORT void emu_fail_after(uint64_t n) { until_failure = (int64_t)n; }
EXPORT void emu_set_driver_version(uint64_t version) { driver_version = (int)version; }
EXPORT void emu_set_capability(uint64_t value) { major = (int)value; }
/// What was created and not given back.
EXPORT uint64_t emu_live() {
    return allocations.size() + pinned.size() + streams.size() + events.size() + executables.size() + retained + modules;
}
/// What the sources declare of a kernel, to compare with what the compiler says.
EXPORT uint64_t emu_static_shared(const char *name) { return emu::find(name) ? emu::find(name)->static_shared : UINT64_MAX; }
EXPORT uint64_t emu_most_threads(const char *name) { return emu::find(name) ? emu::find(name)->most_threads : UINT64_MAX; }
EXPORT uint64_t emu_kernels_run() { return kernels_run; }
EXPORT uint64_t emu_graphs_run() { return graphs_run; }
EXPORT uint64_t emu_bytes_in_use() { return in_use; }

EXPORT int cuInit(unsigned) { return SUCCESS; }
EXPORT int cuDriverGetVersion(int *version) {
    *version = driver_version;
    return SUCCESS;
}
EXPORT int cuDeviceGetCount(int *count) {
    *count = devices();
    return SUCCESS;
}
EXPORT int cuDeviceGet(int *device, int index) {
    *device = DEVICE + index;
    return is_device(*device) ? SUCCESS : INVALID_DEVICE;
}
EXPORT int cuDeviceGetName(char *name, int length, int device) {
    if (!is_device(device)) return INVALID_DEVICE;
    snprintf(name, length, instance() ? "emulated GPU MIG 1g.2gb" : "emulated GPU");
    return SUCCESS;
}
EXPORT int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
    if (!is_device(device)) return fail(INVALID_DEVICE, "the UUID of no device: handles are not ordinals");
    for (int i = 0; i < 16; i++) uuid[i] = 0x11 * i;
    if (!instance()) uuid[15] = device - DEVICE;
    return SUCCESS;
}
EXPORT int cuDeviceGetPCIBusId(char *bus, int length, int device) {
    if (!is_device(device)) return fail(INVALID_DEVICE, "the bus of no device: handles are not ordinals");
    snprintf(bus, length, "0000:%02X:00.0", 0x1A + (device - DEVICE));
    return SUCCESS;
}
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = memory();
    return SUCCESS;
}
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device) {
    if (!is_device(device)) return fail(INVALID_DEVICE, "an attribute of no device: handles are not ordinals");
    switch (attribute) {
        case 16: *value = 4; return SUCCESS;               // multiprocessors
        case 75: *value = major; return SUCCESS;           // compute capability
        case 76: *value = major == 8 ? 9 : 0; return SUCCESS;
        case 97: *value = opt_in(); return SUCCESS;   // shared memory a block may opt in to
        default: return fail(NOT_SUPPORTED, "device attribute " + std::to_string(attribute));
    }
}
EXPORT int cuDevicePrimaryCtxRetain(void **context, int device) {
    LOCKED;
    if (!is_device(device)) return fail(INVALID_DEVICE, "a context of no device: handles are not ordinals");
    retained++;
    *context = &lock;
    return SUCCESS;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
    LOCKED;
    if (!is_device(device)) return fail(INVALID_DEVICE, "a context of no device: handles are not ordinals");
    if (!retained) return fail(INVALID_CONTEXT, "a context given back more often than it was retained");
    retained--;
    return SUCCESS;
}
EXPORT int cuCtxSetCurrent(void *context) {
    if (context && !retained) return fail(INVALID_CONTEXT, "a context that was given back");
    has_context = context != nullptr;
    return SUCCESS;
}
EXPORT int cuModuleLoadData(void **module, const void *image) {
    LOCKED;
    if (!image) return INVALID_VALUE;
    int code = creates("cuModuleLoadData");
    if (code != SUCCESS) return code;
    modules++;
    *module = const_cast<void *>(image);
    return SUCCESS;
}
EXPORT int cuModuleUnload(void *) {
    LOCKED;
    int code = allowed("cuModuleUnload");
    if (code != SUCCESS) return code;
    modules--;
    return SUCCESS;
}
EXPORT int cuModuleGetFunction(void **function, void *, const char *name) {
    LOCKED;
    int code = allowed("cuModuleGetFunction");
    if (code != SUCCESS) return code;
    const emu::Kernel *kernel = emu::find(name);
    if (!kernel) return NOT_FOUND;
    *function = new Function{name, kernel, DEFAULT_SHARED - (int)kernel->static_shared};
    return SUCCESS;
}
EXPORT int cuFuncLoad(void *function) {
    LOCKED;
    int code = allowed("cuFuncLoad");
    if (code != SUCCESS) return code;
    static_cast<Function *>(function)->is_loaded = true;
    return SUCCESS;
}
EXPORT int cuFuncGetAttribute(int *value, int attribute, void *function) {
    const Function *f = static_cast<Function *>(function);
    switch (attribute) {
        case 0: *value = (int)f->kernel->most_threads; return SUCCESS;
        case 1: *value = (int)f->kernel->static_shared; return SUCCESS;
        case 8: *value = f->most_shared; return SUCCESS;
        default: return fail(NOT_SUPPORTED, "function attribute " + std::to_string(attribute));
    }
}
EXPORT int cuFuncSetAttribute(void *function, int attribute, int value) {
    LOCKED;
    int code = allowed("cuFuncSetAttribute");
    if (code != SUCCESS) return code;
    if (attribute != 8) return fail(NOT_SUPPORTED, "function attribute " + std::to_string(attribute));
    Function *f = static_cast<Function *>(function);
    // "The sum of this value and the function attribute CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES cannot exceed the device attribute
    // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN."
    if (value < 0 || value + (int)f->kernel->static_shared > opt_in())
        return fail(INVALID_VALUE, f->name + ": " + std::to_string(value) + " bytes of dynamic and " + std::to_string(f->kernel->static_shared) +
                                       " of static shared memory are more than the " + std::to_string(opt_in()) + " of a block");
    f->most_shared = value;
    return SUCCESS;
}
EXPORT int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    *total = memory();
    *free_bytes = memory() - in_use;
    return SUCCESS;
}
EXPORT int cuMemAlloc_v2(uint64_t *p, size_t n) {
    LOCKED;
    if (n == 0) return INVALID_VALUE;
    int code = creates("cuMemAlloc");
    if (code != SUCCESS) return code;
    if (in_use + n > memory()) return OUT_OF_MEMORY;
    char *at = static_cast<char *>(aligned_alloc(256, (n + 255) / 256 * 256 + 2 * GUARD));
    memset(at, 0xA5, (n + 255) / 256 * 256 + 2 * GUARD);
    at += GUARD;
    allocations[(uintptr_t)at] = n;
    in_use += n;
    *p = (uint64_t)at;
    return SUCCESS;
}
/// Gives the oldest freed memory back to the host, unless something wrote there meanwhile.
static void leave_quarantine() {
    Freed oldest = freed.front();
    freed.pop_front();
    in_quarantine -= oldest.bytes;
    if (!std::all_of(oldest.at, oldest.at + oldest.bytes, [](char c) { return c == (char)0xA5; }))
        broken = fail(ILLEGAL_ADDRESS, "something wrote to memory that was freed");
    free(oldest.at);
}
EXPORT int cuMemFree_v2(uint64_t p) {
    LOCKED;
    int code = allowed("cuMemFree");
    if (code != SUCCESS) return code;
    for (Stream *s : streams) advance(s, s->queued);
    auto it = allocations.find(p);
    if (it == allocations.end()) return fail(INVALID_VALUE, "freed what was not allocated");
    char *at = reinterpret_cast<char *>(p);
    size_t bytes = (it->second + 255) / 256 * 256;
    auto noise = [](char c) { return c == (char)0xA5; };
    if (!std::all_of(at - GUARD, at, noise)) broken = fail(LAUNCH_FAILED, "something wrote before an allocation");
    if (!std::all_of(at + it->second, at + bytes + GUARD, noise))
        broken = fail(LAUNCH_FAILED, "something wrote behind an allocation of " + std::to_string(it->second) + " bytes");
    in_use -= it->second;
    allocations.erase(it);
    memset(at - GUARD, 0xA5, bytes + 2 * GUARD);
    freed.push_back({at - GUARD, bytes + 2 * GUARD});
    in_quarantine += bytes + 2 * GUARD;
    while (in_quarantine > QUARANTINE) leave_quarantine();
    return broken;
}
/// For tests: looks at all memory that was freed.
EXPORT uint64_t emu_empty_quarantine() {
    LOCKED;
    while (!freed.empty()) leave_quarantine();
    return broken;
}
EXPORT int cuMemHostAlloc(void **p, size_t n, unsigned) {
    LOCKED;
    if (n == 0) return INVALID_VALUE;
    int code = creates("cuMemHostAlloc");
    if (code != SUCCESS) return code;
    *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
    if (!*p) return OUT_OF_MEMORY;
    memset(*p, 0xA5, n);
    pinned[(uintptr_t)*p] = n;
    return SUCCESS;
}
EXPORT int cuMemFreeHost(void *p) {
    LOCKED;
    int code = allowed("cuMemFreeHost");
    if (code != SUCCESS) return code;
    for (Stream *s : streams) advance(s, s->queued);
    if (!pinned.erase((uintptr_t)p)) return fail(INVALID_VALUE, "freed host memory that was not pinned");
    free(p);
    return broken;
}
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n, void *stream) {
    LOCKED;
    return transfer(stream, to, from, n, "a copy to the device", [=] { memcpy(reinterpret_cast<void *>(to), from, n); });
}
EXPORT int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n, void *stream) {
    LOCKED;
    return transfer(stream, from, to, n, "a copy from the device", [=] { memcpy(to, reinterpret_cast<void *>(from), n); });
}
EXPORT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t n, void *stream) {
    LOCKED;
    return transfer(stream, to, nullptr, n, "a fill", [=] { memset(reinterpret_cast<void *>(to), value, n); });
}
EXPORT int cuStreamCreate(void **stream, unsigned) {
    LOCKED;
    int code = creates("cuStreamCreate");
    if (code != SUCCESS) return code;
    Stream *s = new Stream();
    streams.insert(s);
    *stream = s;
    return SUCCESS;
}
EXPORT int cuStreamCreateWithPriority(void **stream, unsigned flags, int) { return cuStreamCreate(stream, flags); }
EXPORT int cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return allowed("cuCtxGetStreamPriorityRange");
}
EXPORT int cuStreamDestroy_v2(void *stream) {
    LOCKED;
    int code = live(streams, stream, "cuStreamDestroy");
    if (code != SUCCESS) return code;
    Stream *s = static_cast<Stream *>(stream);
    if (s->capture) return fail(CAPTURE_UNSUPPORTED, "a stream that is being captured cannot be destroyed");
    for (Stream *other : streams)
        if (!other->capture) advance(other, other->queued);
    for (Event *e : events)
        if (e->stream == s) e->stream = nullptr;
    streams.erase(s);
    delete s;
    return SUCCESS;
}
EXPORT int cuStreamSynchronize(void *stream) {
    LOCKED;
    int code = live(streams, stream, "cuStreamSynchronize");
    if (code != SUCCESS) return code;
    Stream *s = static_cast<Stream *>(stream);
    if (s->capture) s->capture->is_invalid = true;
    if (s->capture) return fail(CAPTURE_UNSUPPORTED, "a stream that is being captured cannot be waited for");
    code = allowed("cuStreamSynchronize");
    return code != SUCCESS ? code : advance(s, s->queued);
}
EXPORT int cuStreamWaitEvent(void *stream, void *event, unsigned) {
    LOCKED;
    int code = live(streams, stream, "cuStreamWaitEvent");
    if (code == SUCCESS) code = live(events, event, "cuStreamWaitEvent");
    if (code != SUCCESS) return code;
    Stream *s = static_cast<Stream *>(stream);
    Event *e = static_cast<Event *>(event);
    if (e->capture) {
        if (s->capture && s->capture != e->capture) return fail(CAPTURE_UNSUPPORTED, "two captures cannot be joined");
        s->capture = e->capture;
        s->after_kernel = false;
        s->last.insert(e->nodes.begin(), e->nodes.end());
        return SUCCESS;
    }
    if (!e->stream) return SUCCESS;
    if (s->capture) return fail(CAPTURE_UNSUPPORTED, "a capture cannot wait for what is outside it");
    Stream *other = e->stream;
    uint64_t at = e->at;
    return enqueue(s, [=] { return advance(other, at); });
}
EXPORT int cuEventCreate(void **event, unsigned flags) {
    LOCKED;
    int code = creates("cuEventCreate");
    if (code != SUCCESS) return code;
    Event *e = new Event();
    e->has_time = !(flags & WITHOUT_TIMING);
    events.insert(e);
    *event = e;
    return SUCCESS;
}
EXPORT int cuEventDestroy_v2(void *event) {
    LOCKED;
    int code = live(events, event, "cuEventDestroy");
    if (code != SUCCESS) return code;
    // Work that is queued holds on to it, as the driver does.
    for (Stream *s : streams)
        if (!s->capture) advance(s, s->queued);
    events.erase(static_cast<Event *>(event));
    delete static_cast<Event *>(event);
    return SUCCESS;
}
EXPORT int cuEventRecord(void *event, void *stream) {
    LOCKED;
    int code = live(streams, stream, "cuEventRecord");
    if (code == SUCCESS) code = live(events, event, "cuEventRecord");
    if (code != SUCCESS) return code;
    Stream *s = static_cast<Stream *>(stream);
    Event *e = static_cast<Event *>(event);
    e->capture = s->capture;
    e->nodes = s->last;
    e->stream = s;
    e->has_run = false;
    if (s->capture) return SUCCESS;
    bool after_kernel = s->after_kernel;
    code = enqueue(s, [=] {
        e->time = std::chrono::steady_clock::now();
        e->has_run = true;
        return SUCCESS;
    });
    // A mark is nothing that what follows would wait for.
    s->after_kernel = after_kernel;
    e->at = s->queued;
    return code;
}
EXPORT int cuEventSynchronize(void *event) {
    LOCKED;
    int code = live(events, event, "cuEventSynchronize");
    if (code == SUCCESS) code = allowed("cuEventSynchronize");
    if (code != SUCCESS) return code;
    Event *e = static_cast<Event *>(event);
    if (e->capture) return fail(CAPTURE_UNSUPPORTED, "an event of a capture cannot be waited for by the host");
    return e->stream ? advance(e->stream, e->at) : SUCCESS;
}
EXPORT int cuEventElapsedTime_v2(float *ms, void *from, void *to) {
    LOCKED;
    int code = live(events, from, "cuEventElapsedTime");
    if (code == SUCCESS) code = live(events, to, "cuEventElapsedTime");
    if (code != SUCCESS) return code;
    const Event *begin = static_cast<Event *>(from), *end = static_cast<Event *>(to);
    if (!begin->has_time || !end->has_time) return fail(INVALID_HANDLE, "events without timing have no time");
    if (!begin->has_run || !end->has_run) return NOT_READY;
    *ms = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
    return SUCCESS;
}
EXPORT int cuStreamBeginCapture_v2(void *stream, int) {
    LOCKED;
    int code = live(streams, stream, "cuStreamBeginCapture");
    if (code == SUCCESS) code = allowed("cuStreamBeginCapture");
    if (code != SUCCESS) return code;
    Stream *s = static_cast<Stream *>(stream);
    if (s->capture) return fail(CAPTURE_UNSUPPORTED, "a stream that is being captured already");
    capturing = s->capture = new Graph();
    s->after_kernel = false;
    s->is_origin = true;
    s->last.clear();
    return SUCCESS;
}
EXPORT int cuStreamEndCapture(void *stream, void **graph) {
    LOCKED;
    int code = live(streams, stream, "cuStreamEndCapture");
    if (code != SUCCESS) return code;
    Stream *origin = static_cast<Stream *>(stream);
    Graph *g = origin->capture;
    if (!g) return INVALID_VALUE;
    if (!origin->is_origin || capturing != g) return fail(CAPTURE_UNSUPPORTED, "a capture ends where it began: same stream, same thread");
    // All that forked must have joined again.
    std::set<size_t> seen = origin->last;
    std::vector<size_t> todo(seen.begin(), seen.end());
    while (!todo.empty()) {
        size_t i = todo.back();
        todo.pop_back();
        for (size_t before : g->nodes[i].after)
            if (seen.insert(before).second) todo.push_back(before);
    }
    for (Stream *s : streams)
        if (s->capture == g) {
            s->capture = nullptr;
            s->is_origin = false;
            s->last.clear();
        }
    capturing = nullptr;
    *graph = g;
    if (g->is_invalid) {
        *graph = nullptr;
        return fail(CAPTURE_INVALIDATED, "a call that a capture forbids has ended it");
    }
    return seen.size() == g->nodes.size() ? SUCCESS : fail(CAPTURE_UNJOINED, "work that forked from a capture was not joined");
}
EXPORT int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long) {
    LOCKED;
    int code = creates("cuGraphInstantiate");
    if (code != SUCCESS) return code;
    Graph *g = new Graph(*static_cast<Graph *>(graph));
    executables.insert(g);
    *executable = g;
    return SUCCESS;
}
EXPORT int cuGraphLaunch(void *executable, void *stream) {
    LOCKED;
    int code = live(executables, executable, "cuGraphLaunch");
    if (code == SUCCESS) code = live(streams, stream, "cuGraphLaunch");
    if (code != SUCCESS) return code;
    Graph *g = static_cast<Graph *>(executable);
    if (static_cast<Stream *>(stream)->capture) return fail(NOT_SUPPORTED, "a graph launched into a capture");
    return enqueue(static_cast<Stream *>(stream), [=] { return run_graph(*g); });
}
EXPORT int cuGraphExecDestroy(void *executable) {
    LOCKED;
    int code = live(executables, executable, "cuGraphExecDestroy");
    if (code != SUCCESS) return code;
    for (Stream *s : streams) advance(s, s->queued);
    executables.erase(static_cast<Graph *>(executable));
    delete static_cast<Graph *>(executable);
    return SUCCESS;
}
EXPORT int cuGraphDestroy(void *graph) {
    delete static_cast<Graph *>(graph);
    return SUCCESS;
}
static int launch_kernel(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
    void **arguments, bool overlaps) {
    LOCKED;
    Function *f = static_cast<Function *>(function);
    const emu::Kernel *kernel = f->kernel;
    int code = live(streams, stream, "cuLaunchKernel");
    if (code != SUCCESS) return code;
    if (!gx || !gy || !gz || gx > 0x7fffffffu || gy > 65535 || gz > 65535)
        return fail(INVALID_VALUE, f->name + ": no such grid: " + std::to_string(gx) + " by " + std::to_string(gy) + " by " + std::to_string(gz));
    uint64_t threads = (uint64_t)bx * by * bz;
    if (!threads || threads > MOST_THREADS || threads > kernel->most_threads)
        return fail(INVALID_VALUE, f->name + ": " + std::to_string(threads) + " threads a block; it is compiled for " +
                                       std::to_string(kernel->most_threads));
    if (shared > 0x7fffffffu || (int)shared > f->most_shared)
        return fail(INVALID_VALUE, f->name + ": " + std::to_string(shared) + " bytes of dynamic shared memory; " +
                                       std::to_string(f->most_shared) + " were opted in to");
    Stream *s = static_cast<Stream *>(stream);
    if (s->capture && !f->is_loaded) {
        s->capture->is_invalid = true;
        return fail(CAPTURE_UNSUPPORTED, f->name + " is first loaded while a stream is being captured");
    }
    f->is_loaded = true;
    // The driver copies arguments when a kernel is launched.
    auto values = std::make_shared<std::vector<std::vector<char>>>();
    for (size_t i = 0; i < kernel->parameters.size(); i++) {
        const char *from = static_cast<const char *>(arguments[i]);
        values->push_back(std::vector<char>(from, from + kernel->parameters[i].size));
    }
    if (overlaps && major < 9) return fail(NOT_SUPPORTED, f->name + ": kernels overlap from compute capability 9.0 on");
    if (overlaps && !s->after_kernel)
        return fail(INVALID_VALUE, f->name + " may begin before what is before it ends, and that is no kernel, or there is more to wait for");
    code = enqueue(s, [=] {
        std::vector<void *> list;
        for (size_t i = 0; i < values->size(); i++) {
            list.push_back((*values)[i].data());
            uintptr_t p = 0;
            if (kernel->parameters[i].is_pointer) memcpy(&p, list[i], sizeof p);
            if (p && !inside(allocations, p, 1))
                return fail(ILLEGAL_ADDRESS, f->name + ": argument " + std::to_string(i) + " is no place in device memory, or was freed");
        }
        kernels_run++;
        std::string why = emu::launch(f->name, dim3(gx, gy, gz), dim3(bx, by, bz), shared, list.data(), order, overlaps);
        return why.empty() ? SUCCESS : fail(LAUNCH_FAILED, why);
    });
    s->after_kernel = code == SUCCESS;
    return code;
}
EXPORT int cuLaunchKernel(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
    void **arguments, void **) {
    return launch_kernel(function, gx, gy, gz, bx, by, bz, shared, stream, arguments, false);
}
EXPORT int cuLaunchKernelEx(const LaunchConfig *config, void *function, void **arguments, void **) {
    bool overlaps = false;
    for (unsigned i = 0; i < config->count; i++) {
        if (config->attributes[i].id != PROGRAMMATIC_STREAM_SERIALIZATION)
            return fail(NOT_SUPPORTED, "launch attribute " + std::to_string(config->attributes[i].id));
        overlaps = config->attributes[i].value != 0;
    }
    const unsigned *g = config->grid, *b = config->block;
    return launch_kernel(function, g[0], g[1], g[2], b[0], b[1], b[2], config->shared, config->stream, arguments, overlaps);
}
EXPORT int cuGetErrorName(int code, const char **name) {
    static const std::map<int, const char *> names = {
        {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {100, "CUDA_ERROR_NO_DEVICE"},
        {101, "CUDA_ERROR_INVALID_DEVICE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"}, {400, "CUDA_ERROR_INVALID_HANDLE"},
        {500, "CUDA_ERROR_NOT_FOUND"}, {600, "CUDA_ERROR_NOT_READY"}, {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
        {719, "CUDA_ERROR_LAUNCH_FAILED"}, {801, "CUDA_ERROR_NOT_SUPPORTED"}, {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
        {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"}, {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"}};
    auto it = names.find(code);
    *name = it == names.end() ? "CUDA_ERROR_UNKNOWN" : it->second;
    return SUCCESS;
}
EXPORT int cuGetErrorString(int, const char **text) {
    *text = "as the emulated GPU says on standard error";
    return SUCCESS;
}
