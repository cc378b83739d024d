/* Products by tiles against plain sums. Built with amx.c at several levels of optimization, as others than build.sh may build it. */
#include "../../main/c/kernels.h"
#include <stdio.h>

MULTIPLY(amx);
int pl_may_use_amx(void);

/* Several tiles each way, the last ones not full. */
#define INPUTS 37
#define WEIGHTS 45
#define INNER 200

static int8_t x[INPUTS * INNER], w[WEIGHTS * INNER];
static int32_t y[INPUTS * WEIGHTS];

int main(void) {
    if (!pl_may_use_amx()) return 2;
    unsigned state = 1;
    for (int i = 0; i < INPUTS * INNER; i++) x[i] = (int8_t)((state = state * 1664525 + 1013904223) >> 24) | 1;
    for (int i = 0; i < WEIGHTS * INNER; i++) w[i] = (int8_t)((state = state * 1664525 + 1013904223) >> 24);
    pl_multiply_amx(x, INPUTS, INNER, w, 0, WEIGHTS, y, 0, WEIGHTS);
    for (int r = 0; r < INPUTS; r++)
        for (int n = 0; n < WEIGHTS; n++) {
            int32_t sum = dot_rest(x + r * INNER, w + n * INNER, 0, INNER);
            if (y[r * WEIGHTS + n] != sum) {
                printf("input %d, weight row %d: %d, not %d\n", r, n, y[r * WEIGHTS + n], sum);
                return 1;
            }
        }
    return 0;
}
