package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class StepCostTest {
    private static final long FIRST = 1_000_000;

    /** Steps that take {@code FIRST} ns and {@code more} for each row behind the first, give or take a tenth. */
    private static void run(StepCost cost, long more, int steps, int... rows) {
        Random dice = new Random(3);
        for (int i = 0; i < steps; i++) {
            int count = rows[i % rows.length];
            cost.ran(count, (long) ((FIRST + more * (count - 1)) * (0.9 + 0.2 * dice.nextDouble())));
        }
    }

    @Test
    void whatARowCostsIsMeasured() {
        for (long more : new long[] {40_000, 300_000, 900_000}) {
            StepCost cost = new StepCost();
            run(cost, more, 300, 1, 5, 1, 9, 3);
            assertEquals(more, cost.rowNanos(), 0.25 * more + 20_000);
            assertEquals(FIRST + 3 * more, cost.nanos(4), 0.1 * (FIRST + 3 * more));
        }
    }

    @Test
    void aGuessPaysWhereItBringsMoreThanItCosts() {
        StepCost cheap = new StepCost();
        assertFalse(cheap.pays(1, 1, 1), "nothing was measured");
        run(cheap, 50_000, 200, 1, 5);
        assertTrue(cheap.pays(0.3, 1, 1));
        assertFalse(cheap.pays(0.03, 1, 1));
        StepCost dear = new StepCost();
        run(dear, 950_000, 200, 1, 5);
        assertFalse(dear.pays(0.8, 1, 1));
    }

    @Test
    void whatWasLearntIsForgottenWhereItIsNotTriedAgain() {
        StepCost cost = new StepCost();
        run(cost, 950_000, 200, 1, 5);
        assertFalse(cost.pays(0.8, 1, 1));
        run(cost, 0, 3000, 1);
        assertTrue(cost.pays(0.8, 1, 1), "one more try");
    }

    @Test
    void onePauseIsNotTakenForWhatRowsCost() {
        StepCost cost = new StepCost();
        run(cost, 50_000, 200, 1, 5);
        cost.ran(5, 100 * FIRST);
        assertTrue(cost.pays(0.5, 1, 1));
    }
}
