package io.plumbline.node.tenant;

/**
 * The use that answers made of a server. Sums that no number holds stay at the greatest.
 *
 * @param answers that were given, or begun for a client that went away.
 * @param promptTokens of their prompts; choices of one prompt share it.
 * @param completionTokens of the answers.
 * @param cost by their receipts, in the ledger's smallest unit.
 */
public record Usage(long answers, long promptTokens, long completionTokens, long cost) {
    public static final Usage NONE = new Usage(0, 0, 0, 0);

    /** @throws IllegalArgumentException where one is below 0. */
    public Usage {
        if (answers < 0 || promptTokens < 0 || completionTokens < 0 || cost < 0) {
            throw new IllegalArgumentException("What was used is 0 or more.");
        }
    }

    /** A cost alone: that of answers which did not come, and were paid. */
    static Usage ofCost(long cost) {
        return new Usage(0, 0, 0, cost);
    }

    /** Tokens of prompts and answers. */
    public long tokens() {
        return sum(promptTokens, completionTokens);
    }

    /** This and another. */
    public Usage plus(Usage other) {
        return new Usage(
                sum(answers, other.answers),
                sum(promptTokens, other.promptTokens),
                sum(completionTokens, other.completionTokens),
                sum(cost, other.cost));
    }

    /** Of amounts that are 0 or more. */
    public static long sum(long a, long b) {
        return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b;
    }
}
