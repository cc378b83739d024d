package io.plumbline.node.tenant;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.Set;

/**
 * One who may use an API.
 *
 * @param name that its operator knows it by.
 * @param keyHash of its secret, see {@link ApiKey}.
 * @param created the day, such as 2026-11-26.
 * @param models that it may ask, by the names that clients know; empty for all.
 */
public record Tenant(String name, Bytes32 keyHash, String created, Quota quota, Set<String> models) {
    private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";

    /**
     * Checks its name.
     *
     * @throws IllegalArgumentException where it is none.
     */
    public Tenant {
        if (!name.matches(NAME)) {
            throw new IllegalArgumentException("A tenant's name is 1 to 64 letters, digits, dots, hyphens and"
                    + " underscores, and begins with a letter or a digit.");
        }
        models = Set.copyOf(models);
    }

    /** Whether it may ask a model. */
    boolean mayAsk(String model) {
        return models.isEmpty() || models.contains(model);
    }
}
