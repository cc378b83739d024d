#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <vector>
#include "emulator.h"
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

#if defined(__x86_64__)
extern "C" void emu_switch(void **save, void *load);
asm(R"(.text
.globl emu_switch
.hidden emu_switch
.type emu_switch,@function
emu_switch:
 push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15
 mov %rsp,(%rdi); mov %rsi,%rsp
 pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret
.size emu_switch,.-emu_switch)");
#else
#error "The emulator switches fibers on x86-64 only."
#endif

namespace emu {

thread_local Thread *current = nullptr;

namespace {

constexpr size_t STACK = 64 * 1024;
constexpr size_t GUARD = 4096;

struct Copy {
    void *to;
    const void *from;
};

/// d += A * B by one thread of a product of four warps, see wgmma.cuh.
struct Product {
    int columns;
    bool is_first, is_unsigned;
    int *d;
    const int8_t *a, *b;
    /// Where a is null: this thread's registers of A, which must still hold what the first of all four lanes' words say.
    const unsigned *registers;
    uint32_t own[4], quad[16];
};

enum class State { READY, AT_BARRIER, IN_WARP, DONE };

struct Fiber {
    Thread thread;
    void *stack_pointer;
    State state;
    unsigned index;
    int line;
    uint32_t in[10], out[16];
    /// Groups that were committed, and at the end the one that is not yet.
    std::vector<std::vector<Copy>> copies;
    std::vector<std::vector<Product>> products;
};

/// Lanes of a warp that wait in one collective.
struct Meeting {
    Collective what;
    unsigned mask;
    int line;
    unsigned here;
};

struct Warp {
    std::vector<Meeting> meetings;
    unsigned done = 0;
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    void *scheduler;
    Call call;
    void **arguments;
    std::vector<char> shared;
    std::string error;
    Fiber *running;
    bool has_awaited = false;
};

thread_local Block *block = nullptr;

std::map<std::string, Kernel> &kernels() {
    static std::map<std::string, Kernel> all;
    return all;
}

/// Stacks with a guard page below, kept for the next block.
struct Stacks {
    std::vector<char *> all;
    char *get(size_t i) {
        while (all.size() <= i) {
            char *p = static_cast<char *>(mmap(nullptr, STACK + GUARD, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
            mprotect(p, GUARD, PROT_NONE);
            all.push_back(p);
        }
        return all[i];
    }
    ~Stacks() {
        for (char *p : all) munmap(p, STACK + GUARD);
    }
};
thread_local Stacks stacks;

/// Shared memory that nobody has written yet, and what stands behind it.
constexpr char NOISE = (char)0xA5;
constexpr size_t BEHIND = 64;

void yield() { emu_switch(&block->running->stack_pointer, block->scheduler); }

void enter() {
    block->call(block->arguments);
    block->running->state = State::DONE;
    block->warps[block->running->index / 32].done |= 1u << block->running->thread.lane;
    void *ignored;
    emu_switch(&ignored, block->scheduler);
    __builtin_trap();
}

void fail(const std::string &why) {
    if (block->error.empty()) block->error = why;
}

/// Fails, and never runs this thread again: going on would fault here as it would on a GPU.
[[noreturn]] void stop(const std::string &why) {
    fail(why);
    void *ignored;
    emu_switch(&ignored, block->scheduler);
    __builtin_trap();
}

bool misaligned(const void *p) { return reinterpret_cast<uintptr_t>(p) % 16; }

/// All lanes of `mask` have arrived: computes what each gets. `w` is lane 0 of the warp, `n` its lanes.
void complete(Fiber *w, unsigned n, unsigned mask, Collective what) {
    if (what == Collective::SYNC) return;
    if (what == Collective::QUADS) {
        for (unsigned i = 0; i < n; i++)
            for (unsigned t = 0; t < 4; t++) memcpy(w[i].out + 4 * t, w[(i & ~3u) + t].in, 16);
        return;
    }
    if (what == Collective::SHUFFLE) {
        for (unsigned i = 0; i < n; i++) {
            if (!(mask >> i & 1)) continue;
            unsigned from = w[i].in[1];
            if (from >= n || !(mask >> from & 1)) {
                fail("a shuffle reads from a lane that takes no part, line " + std::to_string(w[i].line));
                w[i].out[0] = 0xDEADBEEF;
            } else {
                w[i].out[0] = w[from].in[0];
            }
        }
    } else if (n != 32) {
        fail("mma and ldmatrix need a full warp");
    } else if (what == Collective::MATRICES) {
        const uint8_t *rows[32];
        for (int lane = 0; lane < 32; lane++) {
            memcpy(&rows[lane], w[lane].in, 8);
            if (misaligned(rows[lane])) {
                fail("ldmatrix from a row that does not begin where 16 divides the address, line " + std::to_string(w[lane].line));
                return;
            }
        }
        for (int lane = 0; lane < 32; lane++)
            for (int i = 0; i < 4; i++) memcpy(&w[lane].out[i], rows[8 * i + lane / 4] + lane % 4 * 4, 4);
    } else {
        int16_t a[16][32], b[8][32];
        for (int lane = 0; lane < 32; lane++)
            for (int i = 0; i < 4; i++)
                for (int k = 0; k < 4; k++) {
                    uint8_t byte = (uint8_t)(w[lane].in[i] >> 8 * k);
                    a[lane / 4 + i % 2 * 8][i / 2 * 16 + lane % 4 * 4 + k] = what == Collective::MMA_US ? byte : (int8_t)byte;
                    if (i < 2) b[lane / 4][i * 16 + lane % 4 * 4 + k] = (int8_t)(w[lane].in[4 + i] >> 8 * k);
                }
        for (int lane = 0; lane < 32; lane++)
            for (int q = 0; q < 4; q++) {
                int row = lane / 4 + q / 2 * 8, column = lane % 4 * 2 + q % 2, sum = 0;
                for (int k = 0; k < 32; k++) sum += a[row][k] * b[column][k];
                w[lane].out[q] = w[lane].in[6 + q] + (uint32_t)sum;
            }
    }
}

}  // namespace

Kernel::Kernel(const char *name, Call call, std::vector<Parameter> parameters, unsigned most_threads, unsigned static_shared)
    : call(call), parameters(std::move(parameters)), most_threads(most_threads), static_shared(static_shared) {
    kernels()[name] = *this;
}

void copy_async(void *to, const void *from) {
    if (misaligned(to) || misaligned(from)) stop("an asynchronous copy of 16 bytes from or to where 16 does not divide the address");
    memset(to, NOISE, 16);
    auto &copies = block->running->copies;
    if (copies.empty()) copies.emplace_back();
    copies.back().push_back({to, from});
}

void commit_async() {
    auto &copies = block->running->copies;
    if (copies.empty()) copies.emplace_back();
    copies.emplace_back();
}

void wait_async(unsigned but_last) {
    auto &copies = block->running->copies;
    while (copies.size() > but_last + 1) {
        for (const Copy &copy : copies.front()) {
            if (copy.from) memcpy(copy.to, copy.from, 16);
            else memset(copy.to, 0, 16);
        }
        copies.erase(copies.begin());
    }
}

namespace {

/// Row r of a tile whose bytes of k begin at `tile`: 32 of them.
void tile_row(const int8_t *tile, int r, int8_t *out) {
    const int8_t *begin = reinterpret_cast<const int8_t *>(reinterpret_cast<uintptr_t>(tile) & ~uintptr_t{127});
    int first = (int)(tile - begin) / 16;
    for (int c = 0; c < 2; c++) memcpy(out + 16 * c, begin + r * 128 + ((first + c) ^ (r & 7)) * 16, 16);
}

void compute(const Product &p, unsigned index) {
    unsigned warp = index / 32 % 4, g = index % 32 / 4, t = index % 4;
    int8_t a[2][32], b[32];
    if (!p.a && memcmp(p.registers, p.own, sizeof p.own)) stop("a product's factor in registers is replaced before the product is waited for");
    for (int half = 0; half < 2; half++) {
        if (p.a) tile_row(p.a, warp * 16 + half * 8 + g, a[half]);
        else
            for (int word = 0; word < 8; word++) memcpy(a[half] + 4 * word, &p.quad[word % 4 * 4 + word / 4 * 2 + half], 4);
    }
    for (int j = 0; j < p.columns / 8; j++)
        for (int e = 0; e < 2; e++) {
            tile_row(p.b, j * 8 + t * 2 + e, b);
            for (int half = 0; half < 2; half++) {
                int sum = 0;
                for (int k = 0; k < 32; k++) sum += (p.is_unsigned ? (uint8_t)a[half][k] : a[half][k]) * b[k];
                int &d = p.d[4 * j + 2 * half + e];
                d = (int)((p.is_first ? 0u : (unsigned)d) + (unsigned)sum);
            }
        }
}

}  // namespace

namespace {

void add(const Product &product) {
    for (const int8_t *tile : {product.a, product.b})
        if (tile && (reinterpret_cast<uintptr_t>(tile) % 1024 % 32 || reinterpret_cast<uintptr_t>(tile) % 1024 >= 128))
            stop("a tile of wgmma that begins where neither 1,024 nor a step of 32 bytes of k from there divides the address");
    auto &products = block->running->products;
    if (products.empty()) products.emplace_back();
    products.back().push_back(product);
}

}  // namespace

void wgmma(int n, bool is_first, int *d, const int8_t *a, const int8_t *b) { add({n, is_first, false, d, a, b, nullptr, {}, {}}); }

void wgmma_registers(int n, bool is_first, bool is_unsigned, int *d, const unsigned *a, const int8_t *b, int line) {
    Product product{n, is_first, is_unsigned, d, nullptr, b, a, {}, {}};
    memcpy(product.own, a, sizeof product.own);
    warp(Collective::QUADS, 0xffffffffu, product.own, 4, product.quad, 16, line);
    add(product);
}

void commit_wgmma() {
    auto &products = block->running->products;
    if (products.empty()) products.emplace_back();
    products.emplace_back();
}

void wait_wgmma(unsigned but_last) {
    auto &products = block->running->products;
    while (products.size() > but_last + 1) {
        for (const Product &product : products.front()) compute(product, block->running->index);
        products.erase(products.begin());
    }
}

void await_previous() { block->has_awaited = true; }

void bring_to_l2(const void *from) { (void)*static_cast<const volatile char *>(from); }

const Kernel *find(const std::string &name) {
    auto found = kernels().find(name);
    return found == kernels().end() ? nullptr : &found->second;
}

void *dynamic_shared() { return block->shared.data(); }

void barrier(int line) {
    block->running->state = State::AT_BARRIER;
    block->running->line = line;
    yield();
}

void warp(Collective what, unsigned mask, const uint32_t *in, int n, uint32_t *out, int m, int line) {
    Fiber *f = block->running;
    unsigned base = f->index & ~31u, lanes = std::min<size_t>(32, block->fibers.size() - base);
    Fiber *w = &block->fibers[base];
    if (!(mask >> f->thread.lane & 1)) fail("a lane is not in its own mask, line " + std::to_string(line));
    if (n) memcpy(f->in, in, 4 * n);
    f->line = line;
    Warp &all = block->warps[f->index / 32];
    auto meeting = std::find_if(all.meetings.begin(), all.meetings.end(),
                                [&](const Meeting &i) { return i.what == what && i.mask == mask && i.line == line; });
    if (meeting == all.meetings.end()) meeting = all.meetings.insert(meeting, {what, mask, line, 0});
    meeting->here |= 1u << f->thread.lane;
    unsigned lanes_here = lanes == 32 ? 0xffffffffu : (1u << lanes) - 1;
    if ((mask & lanes_here & ~all.done) == meeting->here) {
        unsigned here = meeting->here;
        all.meetings.erase(meeting);
        complete(w, lanes, here, what);
        for (unsigned i = 0; i < lanes; i++)
            if (here >> i & 1) w[i].state = State::READY;
    } else {
        f->state = State::IN_WARP;
        yield();
    }
    if (m) memcpy(out, f->out, 4 * m);
}

namespace {

std::string deadlock() {
    std::string why = "deadlock:";
    for (Fiber &f : block->fibers) {
        if (f.state == State::DONE || why.size() > 200) continue;
        why += " thread " + std::to_string(f.index) + (f.state == State::AT_BARRIER ? " at a barrier" : " in a warp") + ", line " +
               std::to_string(f.line) + ";";
    }
    return why;
}

/// Runs one block; order 0 forward, 1 backward, else shuffled anew at each turn.
std::string run(Call call, void **arguments, dim3 grid, dim3 size, uint3 index, int shared, uint64_t order, bool overlaps) {
    Block here;
    block = &here;
    here.call = call;
    here.arguments = arguments;
    here.shared.assign(shared + BEHIND, NOISE);
    unsigned n = size.x * size.y * size.z;
    here.fibers.resize(n);
    here.warps.resize((n + 31) / 32);
    for (unsigned i = 0; i < n; i++) {
        Fiber &f = here.fibers[i];
        f.index = i;
        f.state = State::READY;
        f.thread = {{i % size.x, i / size.x % size.y, i / (size.x * size.y)}, index, size, grid, i & 31};
        void **sp = reinterpret_cast<void **>(stacks.get(i) + GUARD + STACK);
        *--sp = nullptr;
        *--sp = reinterpret_cast<void *>(&enter);
        for (int k = 0; k < 6; k++) *--sp = nullptr;
        f.stack_pointer = sp;
    }
    std::vector<unsigned> turn(n);
    for (unsigned i = 0; i < n; i++) turn[i] = order == 1 ? n - 1 - i : i;
    std::mt19937_64 random(order);
    while (here.error.empty()) {
        if (order > 1) std::shuffle(turn.begin(), turn.end(), random);
        bool ran = false;
        for (unsigned i : turn) {
            Fiber &f = here.fibers[i];
            if (f.state != State::READY) continue;
            ran = true;
            here.running = &f;
            current = &f.thread;
            emu_switch(&here.scheduler, f.stack_pointer);
            if (!here.error.empty()) break;
        }
        if (ran) continue;
        unsigned done = 0, waiting = 0;
        int line = -1;
        bool mixed = false;
        for (Fiber &f : here.fibers) {
            if (f.state == State::DONE) done++;
            if (f.state == State::AT_BARRIER) {
                mixed |= line >= 0 && line != f.line;
                line = f.line;
                waiting++;
            }
        }
        if (done == n) break;
        if (waiting + done == n && !mixed) {
            for (Fiber &f : here.fibers)
                if (f.state == State::AT_BARRIER) f.state = State::READY;
        } else {
            here.error = deadlock();
        }
    }
    if (here.error.empty() && !std::all_of(here.shared.begin() + shared, here.shared.end(), [](char c) { return c == NOISE; }))
        here.error = "something wrote behind " + std::to_string(shared) + " bytes of dynamic shared memory";
    if (here.error.empty() && overlaps && !here.has_awaited)
        here.error = "a kernel that may begin before the one before it has ended never waits for it";
    block = nullptr;
    return here.error;
}

}  // namespace

namespace {

/// Blocks of a grid on all processors: a block stays on one thread, blocks know nothing of each other.
class Pool {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::thread> threads;
    const std::function<void(uint64_t)> *task = nullptr;
    uint64_t count = 0, next = 0, running = 0;

    void work(std::unique_lock<std::mutex> &held) {
        while (task && next < count) {
            uint64_t i = next++;
            const auto *now = task;
            running++;
            held.unlock();
            (*now)(i);
            held.lock();
            running--;
        }
        changed.notify_all();
    }

    void serve() {
        std::unique_lock<std::mutex> held(mutex);
        while (true) {
            changed.wait(held, [&] { return task && next < count; });
            work(held);
        }
    }

public:
    void run(uint64_t n, const std::function<void(uint64_t)> &each) {
        std::unique_lock<std::mutex> held(mutex);
        if (threads.empty())
            for (unsigned i = 1; i < std::thread::hardware_concurrency(); i++) {
                threads.emplace_back([this] { serve(); });
                threads.back().detach();
            }
        task = &each;
        count = n;
        next = 0;
        changed.notify_all();
        work(held);
        changed.wait(held, [&] { return running == 0; });
        task = nullptr;
    }
};

/// Never destroyed: its threads run until the process ends.
Pool &pool() {
    static Pool *all = new Pool();
    return *all;
}

}  // namespace

std::string launch(const std::string &name, dim3 grid, dim3 size, unsigned shared, void **arguments, uint64_t order, bool overlaps) {
    const Kernel *kernel = find(name);
    if (!kernel) return "there is no kernel " + name;
    uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    std::mutex mutex;
    std::string error;
    pool().run(blocks, [&](uint64_t i) {
        uint64_t j = order == 1 ? blocks - 1 - i : i;
        uint3 index{(unsigned)(j % grid.x), (unsigned)(j / grid.x % grid.y), (unsigned)(j / ((uint64_t)grid.x * grid.y))};
        std::string why = run(kernel->call, arguments, grid, size, index, shared, order > 1 ? order + j : order, overlaps);
        if (why.empty()) return;
        std::lock_guard<std::mutex> guard(mutex);
        if (error.empty()) error = name + ": " + why;
    });
    return error;
}

}  // namespace emu

/// What -fsanitize=alignment calls before an address that its type does not allow is used.
extern "C" void __ubsan_handle_type_mismatch_v1(const void *where, uintptr_t address) {
    struct Location {
        const char *file;
        uint32_t line, column;
    };
    const Location *at = static_cast<const Location *>(where);
    std::string why = "a misaligned address, " + std::to_string(address % 256) + " mod 256, " + at->file + " line " + std::to_string(at->line);
    emu::stop(why);
}
