#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <sys/mman.h>
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

enum class State { READY, AT_BARRIER, IN_WARP, DONE };

struct Fiber {
    Thread thread;
    void *stack_pointer;
    State state;
    unsigned index;
    int line;
    Collective what;
    unsigned mask;
    uint32_t in[10], out[4];
};

struct Block {
    std::vector<Fiber> fibers;
    void *scheduler;
    Call call;
    void **arguments;
    std::vector<char> shared;
    std::string error;
    Fiber *running;
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

void yield() { emu_switch(&block->running->stack_pointer, block->scheduler); }

void enter() {
    block->call(block->arguments);
    block->running->state = State::DONE;
    void *ignored;
    emu_switch(&ignored, block->scheduler);
    __builtin_trap();
}

void fail(const std::string &why) {
    if (block->error.empty()) block->error = why;
}

int byte_of(uint32_t word, int i) { return (int8_t)(word >> (8 * i)); }

/// All lanes of `mask` have arrived: computes what each gets. `w` is lane 0 of the warp, `n` its lanes.
void complete(Fiber *w, unsigned n, unsigned mask, Collective what) {
    if (what == Collective::SYNC) return;
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
    } else {
        if (n != 32) {
            fail("mma needs a full warp");
            return;
        }
        for (int lane = 0; lane < 32; lane++)
            for (int q = 0; q < 4; q++) {
                int row = lane / 4 + (q >= 2 ? 8 : 0), column = lane % 4 * 2 + (q & 1);
                uint32_t sum = w[lane].in[6 + q];
                for (int k = 0; k < 32; k++) {
                    int a_lane = row % 8 * 4 + k % 16 / 4, a_register = (row >= 8 ? 1 : 0) + (k >= 16 ? 2 : 0);
                    int b_lane = column * 4 + k % 16 / 4, b_register = k >= 16 ? 1 : 0;
                    uint32_t word = w[a_lane].in[a_register];
                    int a = what == Collective::MMA_US ? (int)(uint8_t)(word >> 8 * (k % 4)) : byte_of(word, k % 4);
                    sum += (uint32_t)(a * byte_of(w[b_lane].in[4 + b_register], k % 4));
                }
                w[lane].out[q] = sum;
            }
    }
}

}  // namespace

Kernel::Kernel(const char *name, Call call, std::vector<size_t> sizes) : call(call), sizes(std::move(sizes)) { kernels()[name] = *this; }

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
    f->what = what;
    f->mask = mask;
    f->line = line;
    f->state = State::IN_WARP;
    unsigned needed = 0, here = 0;
    for (unsigned i = 0; i < lanes; i++) {
        if (!(mask >> i & 1) || w[i].state == State::DONE) continue;
        needed |= 1u << i;
        if (w[i].state == State::IN_WARP && w[i].what == what && w[i].mask == mask && w[i].line == line) here |= 1u << i;
    }
    if (needed == here) {
        complete(w, lanes, here, what);
        for (unsigned i = 0; i < lanes; i++)
            if (here >> i & 1) w[i].state = State::READY;
    } else {
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
std::string run(Call call, void **arguments, dim3 grid, dim3 size, uint3 index, int shared, uint64_t order) {
    Block here;
    block = &here;
    here.call = call;
    here.arguments = arguments;
    here.shared.assign(shared + 64, (char)0xA5);
    unsigned n = size.x * size.y * size.z;
    here.fibers.resize(n);
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
    block = nullptr;
    return here.error;
}

}  // namespace

std::string launch(const std::string &name, dim3 grid, dim3 size, unsigned shared, void **arguments, uint64_t order) {
    const Kernel *kernel = find(name);
    if (!kernel) return "there is no kernel " + name;
    uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t j = order == 1 ? blocks - 1 - i : i;
        uint3 index{(unsigned)(j % grid.x), (unsigned)(j / grid.x % grid.y), (unsigned)(j / ((uint64_t)grid.x * grid.y))};
        std::string why = run(kernel->call, arguments, grid, size, index, shared, order > 1 ? order + j : order);
        if (!why.empty()) return name + ": " + why;
    }
    return "";
}

}  // namespace emu
