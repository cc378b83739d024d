// The part of the CUDA driver that Plumbline calls, over the emulator: built as libcuda.so.1, so that the code that drives a GPU runs on hosts
// without one, the real bindings included. Written from the driver's public documentation.
//
// Work is done as late as the driver's rules allow: a stream runs when someone waits for it, a graph's nodes in an order drawn anew each time.
// A wait that is missing, or a buffer used again too early, shows as a wrong result. Memory is filled with noise when allocated and has guards
// that are checked when it is freed. What is not modelled fails with CUDA_ERROR_NOT_SUPPORTED rather than pass.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
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
    INVALID_CONTEXT = 201,
    NOT_FOUND = 500,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_UNJOINED = 904,
};

constexpr size_t GUARD = 256;
constexpr size_t DEFAULT_MEMORY = 1ull << 30;
constexpr int OPT_IN_SHARED = 101376;
constexpr int DEFAULT_SHARED = 49152;

struct Node {
    std::function<int()> run;
    std::set<size_t> after;
};

struct Graph {
    std::vector<Node> nodes;
};

struct Stream {
    std::deque<std::function<int()>> pending;
    uint64_t queued = 0, done = 0;
    Graph *capture = nullptr;
    std::set<size_t> last;
};

struct Event {
    Stream *stream = nullptr;
    uint64_t at = 0;
    Graph *capture = nullptr;
    std::set<size_t> nodes;
    std::chrono::steady_clock::time_point time;
};

struct Function {
    std::string name;
    int most_shared = DEFAULT_SHARED;
};

std::recursive_mutex lock;
std::map<uintptr_t, size_t> allocations;
std::set<Stream *> streams;
size_t in_use = 0;
uint64_t launches = 0, order = 0, kernels_run = 0, graphs_run = 0;
int broken = SUCCESS;
thread_local bool has_context = false;

size_t memory() {
    const char *given = getenv("EMULATED_GPU_BYTES");
    return given ? strtoull(given, nullptr, 10) : DEFAULT_MEMORY;
}

int fail(int code, const std::string &why) {
    fprintf(stderr, "emulated GPU: %s\n", why.c_str());
    return code;
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
bool inside(uintptr_t p, size_t n) {
    auto it = allocations.upper_bound(p);
    if (it == allocations.begin()) return false;
    --it;
    return p + n <= it->first + it->second;
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
EXPORT void emu_forget_failure() { broken = SUCCESS; }
EXPORT uint64_t emu_kernels_run() { return kernels_run; }
EXPORT uint64_t emu_graphs_run() { return graphs_run; }
EXPORT uint64_t emu_bytes_in_use() { return in_use; }

EXPORT int cuInit(unsigned) { return SUCCESS; }
EXPORT int cuDriverGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}
EXPORT int cuDeviceGetCount(int *count) {
    *count = memory() ? 1 : 0;
    return SUCCESS;
}
EXPORT int cuDeviceGet(int *device, int index) {
    *device = index;
    return index == 0 ? SUCCESS : 101;
}
EXPORT int cuDeviceGetName(char *name, int length, int) {
    snprintf(name, length, "emulated GPU");
    return SUCCESS;
}
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = memory();
    return SUCCESS;
}
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
        case 16: *value = 4; return SUCCESS;               // multiprocessors
        case 75: *value = 9; return SUCCESS;               // compute capability
        case 76: *value = 0; return SUCCESS;
        case 97: *value = OPT_IN_SHARED; return SUCCESS;   // shared memory a block may opt in to
        default: return fail(NOT_SUPPORTED, "device attribute " + std::to_string(attribute));
    }
}
EXPORT int cuDevicePrimaryCtxRetain(void **context, int) {
    *context = &lock;
    return SUCCESS;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
EXPORT int cuCtxSetCurrent(void *context) {
    has_context = context != nullptr;
    return SUCCESS;
}
EXPORT int cuModuleLoadData(void **module, const void *image) {
    *module = const_cast<void *>(image);
    return image ? SUCCESS : INVALID_VALUE;
}
EXPORT int cuModuleUnload(void *) { return SUCCESS; }
EXPORT int cuModuleGetFunction(void **function, void *, const char *name) {
    if (!emu::find(name)) return NOT_FOUND;
    *function = new Function{name};
    return SUCCESS;
}
EXPORT int cuFuncSetAttribute(void *function, int attribute, int value) {
    if (attribute != 8) return fail(NOT_SUPPORTED, "function attribute " + std::to_string(attribute));
    if (value > OPT_IN_SHARED) return fail(INVALID_VALUE, "more shared memory than a block may have");
    static_cast<Function *>(function)->most_shared = value;
    return SUCCESS;
}
EXPORT int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    *total = memory();
    *free_bytes = memory() - in_use;
    return SUCCESS;
}
EXPORT int cuMemAlloc_v2(uint64_t *p, size_t n) {
    LOCKED;
    if (!has_context) return INVALID_CONTEXT;
    if (n == 0) return INVALID_VALUE;
    if (in_use + n > memory()) return OUT_OF_MEMORY;
    char *at = static_cast<char *>(aligned_alloc(256, (n + 255) / 256 * 256 + 2 * GUARD));
    memset(at, 0xA5, (n + 255) / 256 * 256 + 2 * GUARD);
    at += GUARD;
    allocations[(uintptr_t)at] = n;
    in_use += n;
    *p = (uint64_t)at;
    return SUCCESS;
}
EXPORT int cuMemFree_v2(uint64_t p) {
    LOCKED;
    for (Stream *s : streams) advance(s, s->queued);
    auto it = allocations.find(p);
    if (it == allocations.end()) return fail(INVALID_VALUE, "freed what was not allocated");
    char *at = reinterpret_cast<char *>(p);
    auto noise = [](char c) { return c == (char)0xA5; };
    if (!std::all_of(at - GUARD, at, noise)) broken = fail(LAUNCH_FAILED, "something wrote before an allocation");
    if (!std::all_of(at + it->second, at + (it->second + 255) / 256 * 256 + GUARD, noise))
        broken = fail(LAUNCH_FAILED, "something wrote behind an allocation of " + std::to_string(it->second) + " bytes");
    in_use -= it->second;
    allocations.erase(it);
    free(at - GUARD);
    return broken;
}
EXPORT int cuMemHostAlloc(void **p, size_t n, unsigned) {
    *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
    return *p ? SUCCESS : OUT_OF_MEMORY;
}
EXPORT int cuMemFreeHost(void *p) {
    LOCKED;
    for (Stream *s : streams) advance(s, s->queued);
    free(p);
    return SUCCESS;
}
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n, void *stream) {
    LOCKED;
    if (!inside(to, n)) return fail(INVALID_VALUE, "a copy to the device leaves its allocation");
    return enqueue(static_cast<Stream *>(stream), [=] {
        memcpy(reinterpret_cast<void *>(to), from, n);
        return SUCCESS;
    });
}
EXPORT int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n, void *stream) {
    LOCKED;
    if (!inside(from, n)) return fail(INVALID_VALUE, "a copy from the device leaves its allocation");
    return enqueue(static_cast<Stream *>(stream), [=] {
        memcpy(to, reinterpret_cast<void *>(from), n);
        return SUCCESS;
    });
}
EXPORT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t n, void *stream) {
    LOCKED;
    if (!inside(to, n)) return fail(INVALID_VALUE, "a fill leaves its allocation");
    return enqueue(static_cast<Stream *>(stream), [=] {
        memset(reinterpret_cast<void *>(to), value, n);
        return SUCCESS;
    });
}
EXPORT int cuStreamCreate(void **stream, unsigned) {
    LOCKED;
    Stream *s = new Stream();
    streams.insert(s);
    *stream = s;
    return SUCCESS;
}
EXPORT int cuStreamDestroy_v2(void *stream) {
    LOCKED;
    Stream *s = static_cast<Stream *>(stream);
    advance(s, s->queued);
    streams.erase(s);
    delete s;
    return SUCCESS;
}
EXPORT int cuStreamSynchronize(void *stream) {
    LOCKED;
    Stream *s = static_cast<Stream *>(stream);
    if (s->capture) return fail(CAPTURE_UNSUPPORTED, "a stream that is being captured cannot be waited for");
    return advance(s, s->queued);
}
EXPORT int cuStreamWaitEvent(void *stream, void *event, unsigned) {
    LOCKED;
    Stream *s = static_cast<Stream *>(stream);
    Event *e = static_cast<Event *>(event);
    if (e->capture) {
        if (s->capture && s->capture != e->capture) return fail(CAPTURE_UNSUPPORTED, "two captures cannot be joined");
        s->capture = e->capture;
        s->last.insert(e->nodes.begin(), e->nodes.end());
        return SUCCESS;
    }
    if (!e->stream) return SUCCESS;
    if (s->capture) return fail(CAPTURE_UNSUPPORTED, "a capture cannot wait for what is outside it");
    Stream *other = e->stream;
    uint64_t at = e->at;
    return enqueue(s, [=] { return advance(other, at); });
}
EXPORT int cuEventCreate(void **event, unsigned) {
    *event = new Event();
    return SUCCESS;
}
EXPORT int cuEventDestroy_v2(void *event) {
    delete static_cast<Event *>(event);
    return SUCCESS;
}
EXPORT int cuEventRecord(void *event, void *stream) {
    LOCKED;
    Stream *s = static_cast<Stream *>(stream);
    Event *e = static_cast<Event *>(event);
    e->capture = s->capture;
    e->nodes = s->last;
    e->stream = s;
    if (s->capture) return SUCCESS;
    int code = enqueue(s, [=] {
        e->time = std::chrono::steady_clock::now();
        return SUCCESS;
    });
    e->at = s->queued;
    return code;
}
EXPORT int cuEventSynchronize(void *event) {
    LOCKED;
    Event *e = static_cast<Event *>(event);
    return e->stream ? advance(e->stream, e->at) : SUCCESS;
}
EXPORT int cuEventElapsedTime_v2(float *ms, void *from, void *to) {
    *ms = std::chrono::duration<float, std::milli>(static_cast<Event *>(to)->time - static_cast<Event *>(from)->time).count();
    return SUCCESS;
}
EXPORT int cuStreamBeginCapture_v2(void *stream, int) {
    LOCKED;
    Stream *s = static_cast<Stream *>(stream);
    s->capture = new Graph();
    s->last.clear();
    return SUCCESS;
}
EXPORT int cuStreamEndCapture(void *stream, void **graph) {
    LOCKED;
    Stream *origin = static_cast<Stream *>(stream);
    Graph *g = origin->capture;
    if (!g) return INVALID_VALUE;
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
            s->last.clear();
        }
    *graph = g;
    return seen.size() == g->nodes.size() ? SUCCESS : fail(CAPTURE_UNJOINED, "work that forked from a capture was not joined");
}
EXPORT int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long) {
    *executable = new Graph(*static_cast<Graph *>(graph));
    return SUCCESS;
}
EXPORT int cuGraphLaunch(void *executable, void *stream) {
    LOCKED;
    Graph *g = static_cast<Graph *>(executable);
    return enqueue(static_cast<Stream *>(stream), [=] { return run_graph(*g); });
}
EXPORT int cuGraphExecDestroy(void *executable) {
    LOCKED;
    for (Stream *s : streams) advance(s, s->queued);
    delete static_cast<Graph *>(executable);
    return SUCCESS;
}
EXPORT int cuGraphDestroy(void *graph) {
    delete static_cast<Graph *>(graph);
    return SUCCESS;
}
EXPORT int cuLaunchKernel(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
    void **arguments, void **) {
    LOCKED;
    Function *f = static_cast<Function *>(function);
    if (!gx || !gy || !gz || gy > 65535 || gz > 65535) return fail(INVALID_VALUE, f->name + ": no such grid");
    if ((int)shared > f->most_shared) return fail(INVALID_VALUE, f->name + ": more shared memory than it opted in to");
    // The driver copies arguments when a kernel is launched.
    auto values = std::make_shared<std::vector<std::vector<char>>>();
    const emu::Kernel *kernel = emu::find(f->name);
    for (size_t i = 0; i < kernel->sizes.size(); i++) {
        const char *from = static_cast<const char *>(arguments[i]);
        values->push_back(std::vector<char>(from, from + kernel->sizes[i]));
    }
    return enqueue(static_cast<Stream *>(stream), [=] {
        std::vector<void *> list;
        for (auto &value : *values) list.push_back(value.data());
        kernels_run++;
        std::string why = emu::launch(f->name, dim3(gx, gy, gz), dim3(bx, by, bz), shared, list.data(), order);
        return why.empty() ? SUCCESS : fail(LAUNCH_FAILED, why);
    });
}
EXPORT int cuGetErrorName(int code, const char **name) {
    static const std::map<int, const char *> names = {
        {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {100, "CUDA_ERROR_NO_DEVICE"},
        {101, "CUDA_ERROR_INVALID_DEVICE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"}, {500, "CUDA_ERROR_NOT_FOUND"},
        {719, "CUDA_ERROR_LAUNCH_FAILED"}, {801, "CUDA_ERROR_NOT_SUPPORTED"}};
    auto it = names.find(code);
    *name = it == names.end() ? "CUDA_ERROR_UNKNOWN" : it->second;
    return SUCCESS;
}
EXPORT int cuGetErrorString(int, const char **text) {
    *text = "as the emulated GPU says on standard error";
    return SUCCESS;
}
