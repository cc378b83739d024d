package io.plumbline.data.store;

/** Hears how far something is. */
@FunctionalInterface
public interface Progress {
    /** @param bytes done since the last call. */
    void more(long bytes);

    /** Hears nothing. */
    static Progress none() {
        return bytes -> {};
    }
}
