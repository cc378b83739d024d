package io.plumbline.inference.language.engine;

/**
 * Consecutive tokens of one sequence in a batch.
 *
 * @param cache has room for these tokens and holds all earlier ones.
 * @param trace begun for these tokens, or null where nothing is committed to.
 */
public record Segment(KvCache.PageTable cache, int first, int count, TraceWriter trace) {}
