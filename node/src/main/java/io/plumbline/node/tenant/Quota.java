package io.plumbline.node.tenant;

/**
 * The limits of a tenant. 0 stands for none.
 *
 * @param requestsPerMinute that are begun.
 * @param tokensPerMinute of prompts and answers together, as they are asked for.
 * @param tokensPerDay of prompts and answers together, from midnight to midnight UTC.
 * @param concurrent requests under way, those that wait for their turn included.
 */
public record Quota(long requestsPerMinute, long tokensPerMinute, long tokensPerDay, int concurrent) {
    /** Everything. */
    public static final Quota UNLIMITED = new Quota(0, 0, 0, 0);

    /** More would overflow where it is counted in nanoseconds. */
    public static final long MOST = 1_000_000_000_000L;

    /**
     * Checks each.
     *
     * @throws IllegalArgumentException naming the one that is wrong.
     */
    public Quota {
        require("requests-per-minute", requestsPerMinute);
        require("tokens-per-minute", tokensPerMinute);
        require("tokens-per-day", tokensPerDay);
        require("concurrent", concurrent);
    }

    private static void require(String name, long value) {
        if (value < 0 || value > MOST) {
            throw new IllegalArgumentException(name + " is " + value + "; it is 1 to " + MOST + ", or 0 for no limit.");
        }
    }
}
