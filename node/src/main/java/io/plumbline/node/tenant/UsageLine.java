package io.plumbline.node.tenant;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.List;

/**
 * A line of a {@link UsageBook}: it is added to what the lines before it say, whichever order they stand in.
 *
 * @param key the beginning of the hash of the tenant's API key: budgets are a key's, and another key begins anew.
 * @param day such as 2026-11-26; null for what is older than days are kept.
 * @param payment number up to which all payments on the ledger are counted, or too old to be; 0 for none.
 * @param counted numbers of the payments beyond it that are in {@code paid}.
 */
@JsonInclude(JsonInclude.Include.NON_DEFAULT)
record UsageLine(
        String tenant,
        String key,
        String day,
        long answers,
        @JsonProperty("prompt_tokens") long promptTokens,
        @JsonProperty("completion_tokens") long completionTokens,
        long cost,
        long charged,
        long paid,
        long payment,
        @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Long> counted) {
    /** @throws IllegalArgumentException where it cannot have been written here. */
    UsageLine {
        if (tenant == null || key == null || charged < 0 || paid < 0 || payment < 0) {
            throw new IllegalArgumentException("no line of usage");
        }
        counted = counted == null ? List.of() : List.copyOf(counted);
    }

    static UsageLine of(
            String tenant,
            String key,
            String day,
            Usage usage,
            long charged,
            long paid,
            long payment,
            List<Long> counted) {
        return new UsageLine(
                tenant,
                key,
                day,
                usage.answers(),
                usage.promptTokens(),
                usage.completionTokens(),
                usage.cost(),
                charged,
                paid,
                payment,
                counted);
    }

    Usage usage() {
        return new Usage(answers, promptTokens, completionTokens, cost);
    }

    /** Both as one, under the day of this one. */
    UsageLine plus(UsageLine other) {
        return of(
                tenant,
                key,
                day,
                usage().plus(other.usage()),
                Usage.sum(charged, other.charged),
                Usage.sum(paid, other.paid),
                Math.max(payment, other.payment),
                joined(counted, other.counted));
    }

    private static List<Long> joined(List<Long> some, List<Long> others) {
        if (some.isEmpty() || others.isEmpty()) {
            return some.isEmpty() ? others : some;
        }
        List<Long> all = new ArrayList<>(some);
        all.addAll(others);
        return all;
    }

    /** As a part of the total: the ledger has forgotten its payments, and those that came before them. */
    UsageLine withoutDay() {
        long last = counted.stream().mapToLong(number -> number).max().orElse(0);
        return of(tenant, key, null, usage(), charged, paid, Math.max(payment, last), List.of());
    }
}
