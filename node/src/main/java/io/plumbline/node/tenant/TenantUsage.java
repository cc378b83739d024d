package io.plumbline.node.tenant;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The use of one tenant, and the budget that is left to it.
 *
 * @param days by date, such as 2026-11-26, the last {@link UsageBook#DAYS} that it had any.
 * @param total of all time.
 * @param charged of its cost to its key's budget.
 * @param paid in by payments on the ledger.
 */
public record TenantUsage(String tenant, SortedMap<String, Usage> days, Usage total, long charged, long paid) {
    public TenantUsage {
        days = Collections.unmodifiableSortedMap(new TreeMap<>(days));
    }

    /** The rest of a budget of this much; nothing where more is charged than there is by now. */
    public long left(long budget) {
        return Math.max(0, Usage.sum(budget, paid) - charged);
    }
}
