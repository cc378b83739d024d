/* AMX: tiles of 16 weight rows by 16 inputs, 64 bytes of the inner dimension an instruction. Weights are the left operand, which is read as
 * it lies; inputs, the right one, are laid out anew once a call, and a block of sums is turned when it is done. What is too few rows to
 * fill tiles, and attention's sums, are AVX-512's. */
#include "kernels.h"
#include "transpose512.h"
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

MULTIPLY(avx512vnni);
MULTIPLY4(avx512vnni);
SCORES(avx512vnni);
VALUES(avx512vnni);

/* From this many rows on, tiles are faster. */
#define TILED_ROWS 12
/* Bytes and rows of a tile, and what it holds. */
#define STEP 64
#define SIDE 16
#define TILE (SIDE * STEP)
#define SUMS (SIDE * SIDE)
/* Weight rows in a panel, inputs that are taken together, and bytes of both that stay in the second cache. */
#define PANEL (2 * SIDE)
#define ROWS 512
#define CACHED (1 << 20)

#if defined(__linux__)
/* Linux saves the tiles of a thread only where its process has asked for it. */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

int pl_may_use_amx(void) { return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0; }
#else
int pl_may_use_amx(void) { return 0; }
#endif

/* All eight tiles are of the same shape: what is not there is zero. */
static void configure(void) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.bytes[i] = STEP;
        config.rows[i] = SIDE;
    }
    /* GCC's intrinsic says that it reads the first 8 of the 64 bytes: without this the others need never be written. */
    __asm__ volatile("" : "+m"(config));
    _tile_loadconfig(&config);
}

/* What was written in C is in memory before tiles are loaded from it, and the other way round. */
#define SETTLED __asm__ volatile("" ::: "memory")

static inline __mmask64 bytes_left(int left) { return left >= 64 ? ~0ULL : left <= 0 ? 0 : (1ULL << left) - 1; }

/* Lays rows of inputs out as [ceil(rows / 16)][inner / 64][16 groups of 4 bytes][16 rows][4]; what is missing is zero. */
static void lay_out_inputs(const int8_t *x, int64_t k, int rows, int have, int8_t *out) {
    for (int r = 0; r < rows; r += SIDE) {
        for (int i = 0; i < have; i += STEP, out += TILE) {
            __mmask64 mask = bytes_left(have - i);
            __m512i a[SIDE];
            for (int j = 0; j < SIDE; j++)
                a[j] = r + j < rows ? _mm512_maskz_loadu_epi8(mask, x + (r + j) * k + i) : _mm512_setzero_si512();
            transpose(a);
            for (int g = 0; g < SIDE; g++) _mm512_store_si512(out + g * 64, a[g]);
        }
    }
}

/* Copies up to 32 weight rows as [inner / 64][32][64]; what is missing is zero. */
static void lay_out_weights(const int8_t *w, int64_t k, int rows, int have, int8_t *out) {
    for (int j = 0; j < PANEL; j++) {
        const int8_t *row = w + j * k;
        for (int i = 0; i < have; i += STEP) {
            _mm_prefetch((const char *)row + i + AHEAD, _MM_HINT_T0);
            __mmask64 mask = j < rows ? bytes_left(have - i) : 0;
            _mm512_store_si512(out + (int64_t)i * PANEL + j * STEP, _mm512_maskz_loadu_epi8(mask, row + i));
        }
    }
}

/* The same of weights of four bits, each times its group's factor, which takes 13 bits: [inner / 64][2 halves][high, low][16][64], the
 * high bytes signed, the low ones not. */
static void lay_out_weights4(const uint8_t *w, int k, int rows, int start, int have, __m512i codes, int8_t *out) {
    const __m512i second = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi8(2 * SIDE), 1);
    for (int j = 0; j < PANEL; j++) {
        const uint8_t *row = w + j * ROW_BYTES(k);
        const int8_t *factors = (const int8_t *)row + k / 2;
        int8_t *to = out + j / SIDE * 2 * TILE + j % SIDE * STEP;
        for (int i = start; i < start + have; i += STEP, to += 4 * TILE) {
            __m512i high = _mm512_setzero_si512(), low = high;
            if (j < rows) {
                int both = start + have - i >= STEP;
                _mm_prefetch((const char *)row + i / 2 + AHEAD, _MM_HINT_T0);
                __m256i pairs = both ? _mm256_loadu_si256((const __m256i *)(row + i / 2))
                                     : _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)(row + i / 2)));
                __m256i mask = _mm256_set1_epi8(15);
                __m512i index = _mm512_inserti64x4(
                    _mm512_castsi256_si512(_mm256_and_si256(pairs, mask)),
                    _mm256_and_si256(_mm256_srli_epi16(pairs, 4), mask), 1);
                /* From low, low, high, high to the order of weights; then where an element's bytes stand among those of both groups. */
                index = _mm512_shuffle_i64x2(index, index, 0xD8);
                index = _mm512_add_epi8(_mm512_add_epi8(index, index), second);
                __m512i factor = _mm512_inserti64x4(
                    _mm512_castsi256_si512(_mm256_set1_epi16(factors[i / GROUP])),
                    _mm256_set1_epi16(both ? factors[i / GROUP + 1] : 0), 1);
                __m512i elements = _mm512_mullo_epi16(codes, factor);
                low = _mm512_permutexvar_epi8(index, elements);
                high = _mm512_permutexvar_epi8(_mm512_add_epi8(index, _mm512_set1_epi8(1)), elements);
            }
            _mm512_store_si512(to, high);
            _mm512_store_si512(to + TILE, low);
        }
    }
}

/* Tiles 0 to 3 hold sums. */
static inline void begin_sums(void) {
    SETTLED;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

static inline void put_sums(int32_t *sums) {
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + SUMS, 64);
    _tile_stored(2, sums + 2 * SUMS, 64);
    _tile_stored(3, sums + 3 * SUMS, 64);
    SETTLED;
}

/* Sums of a panel with one or two blocks of inputs: [2 blocks][2 halves of the panel][16 weight rows][16 inputs]. */
static inline void panel_times(
    const int8_t *panel, const int8_t *inputs, int64_t block, int blocks, int steps, int32_t *sums) {
    begin_sums();
    if (blocks == 2) {
        for (int s = 0; s < steps; s++, panel += 2 * TILE, inputs += TILE) {
            _tile_loadd(6, inputs, 64);
            _tile_loadd(4, panel, STEP);
            _tile_dpbssd(0, 4, 6);
            _tile_loadd(5, panel + TILE, STEP);
            _tile_dpbssd(1, 5, 6);
            _tile_loadd(7, inputs + block, 64);
            _tile_dpbssd(2, 4, 7);
            _tile_dpbssd(3, 5, 7);
        }
    } else {
        for (int s = 0; s < steps; s++, panel += 2 * TILE, inputs += TILE) {
            _tile_loadd(6, inputs, 64);
            _tile_loadd(4, panel, STEP);
            _tile_dpbssd(0, 4, 6);
            _tile_loadd(5, panel + TILE, STEP);
            _tile_dpbssd(1, 5, 6);
        }
    }
    put_sums(sums);
}

/* Sums of a panel of high and low bytes with a block of inputs: [2 halves][high, low][16 weight rows][16 inputs]. */
static inline void panel_times4(const int8_t *panel, const int8_t *inputs, int steps, int32_t *sums) {
    begin_sums();
    for (int s = 0; s < steps; s++, panel += 4 * TILE, inputs += TILE) {
        _tile_loadd(6, inputs, 64);
        _tile_loadd(4, panel, STEP);
        _tile_dpbssd(0, 4, 6);
        _tile_loadd(5, panel + TILE, STEP);
        _tile_dpbusd(1, 5, 6);
        _tile_loadd(4, panel + 2 * TILE, STEP);
        _tile_dpbssd(2, 4, 6);
        _tile_loadd(5, panel + 3 * TILE, STEP);
        _tile_dpbusd(3, 5, 6);
    }
    put_sums(sums);
}

/* Sums of 16 weight rows and up to 16 inputs, turned, to rows of y, which are set or added to. Where highs are given they count 256
 * times. */
static inline void put_turned(
    const int32_t *highs, const int32_t *sums, int inputs, int32_t *y, int64_t stride, __mmask16 mask, int add) {
    __m512i a[SIDE];
    for (int j = 0; j < SIDE; j++) {
        a[j] = _mm512_load_si512(sums + j * SIDE);
        if (highs) a[j] = _mm512_add_epi32(a[j], _mm512_slli_epi32(_mm512_load_si512(highs + j * SIDE), 8));
    }
    transpose(a);
    for (int r = 0; r < inputs; r++) {
        int32_t *to = y + r * stride;
        __m512i v = a[r];
        if (add) v = _mm512_add_epi32(v, _mm512_maskz_loadu_epi32(mask, to));
        _mm512_mask_storeu_epi32(to, mask, v);
    }
}

/* A product that tiles compute: what it needs, and where they are in it. */
typedef struct {
    int8_t *panel, *inputs;
    int inner; /* bytes of the inner dimension that are taken together. */
    int32_t sums[4 * SUMS] __attribute__((aligned(64)));
} Tiles;

/* Memory for a panel of `width` bytes a weight, and inputs; 0 where there is none. */
static int begin(Tiles *tiles, int rows, int k, int width) {
    int most = rows < ROWS ? (rows + SIDE - 1) / SIDE * SIDE : ROWS;
    int inner = CACHED / (most + width * PANEL) / STEP * STEP;
    int whole = (k + STEP - 1) / STEP * STEP;
    tiles->inner = whole < inner ? whole : inner;
    tiles->panel = aligned_alloc(64, (size_t)(most + width * PANEL) * tiles->inner);
    if (!tiles->panel) return 0;
    tiles->inputs = tiles->panel + (size_t)width * PANEL * tiles->inner;
    configure();
    return 1;
}

static void end(Tiles *tiles) {
    _tile_release();
    free(tiles->panel);
}

static inline __mmask16 rows_left(int left) { return left >= SIDE ? 0xFFFF : left <= 0 ? 0 : (1u << left) - 1; }

MULTIPLY(amx) {
    Tiles t;
    if (rows < TILED_ROWS || !begin(&t, rows, k, 1)) {
        pl_multiply_avx512vnni(x, rows, k, w, from, to, y, offset, stride);
        return;
    }
    for (int first = 0; first < rows; first += ROWS) {
        int count = rows - first < ROWS ? rows - first : ROWS;
        for (int start = 0; start < k; start += t.inner) {
            int have = k - start < t.inner ? k - start : t.inner;
            int steps = (have + STEP - 1) / STEP;
            int64_t block = (int64_t)steps * TILE;
            lay_out_inputs(x + (int64_t)first * k + start, k, count, have, t.inputs);
            for (int n = from; n < to; n += PANEL) {
                lay_out_weights(w + (int64_t)n * k + start, k, to - n, have, t.panel);
                for (int r = 0; r < count; r += 2 * SIDE) {
                    int blocks = count - r > SIDE ? 2 : 1;
                    panel_times(t.panel, t.inputs + r / SIDE * block, block, blocks, steps, t.sums);
                    for (int b = 0; b < blocks; b++)
                        for (int half = 0; half < 2; half++) {
                            int left = count - r - b * SIDE;
                            put_turned(
                                NULL, t.sums + (2 * b + half) * SUMS, left < SIDE ? left : SIDE,
                                y + offset + (int64_t)(first + r + b * SIDE) * stride + n + half * SIDE, stride,
                                rows_left(to - n - half * SIDE), start > 0);
                        }
                }
            }
        }
    }
    end(&t);
}

MULTIPLY4(amx) {
    Tiles t;
    if (rows < TILED_ROWS || !begin(&t, rows, k, 2)) {
        pl_multiply4_avx512vnni(x, rows, k, w, codes, from, to, y, offset, stride);
        return;
    }
    __m512i wide = _mm512_broadcast_i64x4(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)codes)));
    for (int first = 0; first < rows; first += ROWS) {
        int count = rows - first < ROWS ? rows - first : ROWS;
        for (int start = 0; start < k; start += t.inner) {
            int have = k - start < t.inner ? k - start : t.inner;
            int steps = (have + STEP - 1) / STEP;
            lay_out_inputs(x + (int64_t)first * k + start, k, count, have, t.inputs);
            for (int n = from; n < to; n += PANEL) {
                lay_out_weights4(w + n * ROW_BYTES(k), k, to - n, start, have, wide, t.panel);
                for (int r = 0; r < count; r += SIDE) {
                    int left = count - r < SIDE ? count - r : SIDE;
                    panel_times4(t.panel, t.inputs + (int64_t)r / SIDE * steps * TILE, steps, t.sums);
                    for (int half = 0; half < 2; half++)
                        put_turned(
                            t.sums + 2 * half * SUMS, t.sums + (2 * half + 1) * SUMS, left,
                            y + offset + (int64_t)(first + r) * stride + n + half * SIDE, stride,
                            rows_left(to - n - half * SIDE), start > 0);
                }
            }
        }
    }
    end(&t);
}

SCORES(amx) { pl_scores_avx512vnni(q, qOffset, qStride, queries, keys, size, blocks, s, sOffset, sStride); }

VALUES(amx) { pl_values_avx512vnni(u, uOffset, uStride, queries, values, size, quads, high, low, offset, stride); }
