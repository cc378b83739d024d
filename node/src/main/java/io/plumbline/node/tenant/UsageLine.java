package io.plumbline.node.tenant;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * A line of a {@link UsageBook}: it is added to what the lines before it say, whichever order they stand in.
 *
 * @param key the beginning of the hash of the tenant's API key: budgets are a key's, and another key begins anew.
 * @param day such as 2026-11-26; null for what is older than days are kept.
 * @param payment greatest number of the payments on the ledger that are in {@code paid}; 0 for none.
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
        long payment) {
    /** @throws IllegalArgumentException where it cannot have been written here. */
    UsageLine {
        if (tenant == null || key == null || charged < 0 || paid < 0 || payment < 0) {
            throw new IllegalArgumentException("no line of usage");
        }
    }

    static UsageLine of(String tenant, String key, String day, Usage usage, long charged, long paid, long payment) {
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
                payment);
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
                Math.max(payment, other.payment));
    }

    UsageLine on(String another) {
        return of(tenant, key, another, usage(), charged, paid, payment);
    }
}
