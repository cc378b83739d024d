package io.plumbline.inference.language.template;

import java.time.Duration;

/**
 * What one template may cost. Published templates are below 32 KiB and take some thousand steps for a conversation; the
 * bounds leave them two orders of magnitude, and leave a hostile one nothing that a gateway would feel.
 *
 * @param sourceCharacters of a template's source.
 * @param nesting of blocks, brackets and operators while a template is parsed.
 * @param depth of evaluation: expressions in expressions, blocks in blocks, macros in macros, lists in lists. Bounds
 *     the stack.
 * @param steps of evaluation: statements, expressions, loop turns, and one for each 16
 *     characters that an operation reads or writes.
 * @param outputCharacters of the rendered prompt.
 * @param allocatedBytes that values may take, all together, whether still in use or not: an estimate, charged before
 *     allocation.
 * @param rangeLength of one {@code range}, as Jinja2's sandbox bounds it.
 * @param time of one rendering, by the wall clock.
 */
public record Limits(
        int sourceCharacters,
        int nesting,
        int depth,
        long steps,
        long outputCharacters,
        long allocatedBytes,
        int rangeLength,
        Duration time) {
    private static final int SOURCE_CHARACTERS = 256 << 10;
    private static final int NESTING = 80;
    private static final int DEPTH = 300;
    private static final long STEPS = 3_000_000;
    private static final long OUTPUT_CHARACTERS = 16 << 20;
    private static final long ALLOCATED_BYTES = 128 << 20;
    private static final int RANGE_LENGTH = 100_000;
    /** For a host that is slow: steps end what costs too much, and the same everywhere. */
    private static final Duration TIME = Duration.ofSeconds(10);

    /** The bounds in use. Tests take smaller ones. */
    public static final Limits DEFAULT = new Limits(
            SOURCE_CHARACTERS, NESTING, DEPTH, STEPS, OUTPUT_CHARACTERS, ALLOCATED_BYTES, RANGE_LENGTH, TIME);
}
