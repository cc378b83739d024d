package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;

/**
 * Consecutive tokens of one sequence in a batch.
 *
 * @param cache has room for these tokens and holds all earlier ones.
 * @param trace begun for these tokens, or null where nothing is committed to.
 */
public record Segment(KvCache.PageTable cache, int first, int count, TraceWriter trace) {
    /**
     * How many of {@code wanted} tokens from {@code first} a segment may have: where layers have linear attention none
     * goes beyond the end of a block, for a trace has the hashes of the states there.
     */
    static int most(ModelConfig config, int first, int wanted) {
        return config.linearLayers() == 0
                ? wanted
                : Math.min(wanted, DeltaRule.blockStart(first) + DeltaRule.BLOCK_TOKENS - first);
    }
}
