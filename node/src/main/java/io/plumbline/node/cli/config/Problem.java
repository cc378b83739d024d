package io.plumbline.node.cli.config;

/**
 * Something that a role cannot be started with.
 *
 * @param key of the file; null where it is about the file as a whole, or unknown.
 * @param message what is wrong, and what to do.
 */
record Problem(Origin origin, String key, String message) {
    /** One line: {@code FILE:LINE: key: what is wrong; what to do}. */
    @Override
    public String toString() {
        return origin + ": " + (key == null ? "" : key + ": ") + message;
    }
}
