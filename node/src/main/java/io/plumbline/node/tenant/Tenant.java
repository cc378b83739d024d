package io.plumbline.node.tenant;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.Set;

/**
 * One who may use an API.
 *
 * @param name that its operator knows it by.
 * @param keyHash of its secret, see {@link ApiKey}.
 * @param created the day, such as 2026-11-26.
 * @param budget all that its answers may cost ever, in the ledger's smallest unit, beside what is paid in on the
 *     ledger; {@link #NO_BUDGET} where they may cost anything.
 * @param models that it may ask, by the names that clients know; empty for all.
 */
public record Tenant(String name, Bytes32 keyHash, String created, Quota quota, long budget, Set<String> models) {
    /** Of a tenant whose answers may cost anything. */
    public static final long NO_BUDGET = -1;

    /** More is not on any ledger. */
    public static final long MOST_BUDGET = 1L << 61;

    private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";

    /**
     * Checks its name and its budget.
     *
     * @throws IllegalArgumentException where it is none.
     */
    public Tenant {
        if (!name.matches(NAME)) {
            throw new IllegalArgumentException("A tenant's name is 1 to 64 letters, digits, dots, hyphens and"
                    + " underscores, and begins with a letter or a digit.");
        }
        if (budget < NO_BUDGET || budget > MOST_BUDGET) {
            throw new IllegalArgumentException("A budget is 0 to " + MOST_BUDGET + ", not " + budget + ".");
        }
        models = Set.copyOf(models);
    }

    /** Whether what its answers cost is held to a budget. */
    public boolean hasBudget() {
        return budget != NO_BUDGET;
    }

    /** The same with more to spend. */
    Tenant credited(long amount) {
        return new Tenant(name, keyHash, created, quota, budget + amount, models);
    }

    /** Whether it may ask a model. */
    boolean mayAsk(String model) {
        return models.isEmpty() || models.contains(model);
    }
}
