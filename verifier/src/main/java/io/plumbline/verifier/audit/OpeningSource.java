package io.plumbline.verifier.audit;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Where openings come from: the inference node itself, near or far. */
public interface OpeningSource {
    /** The opening of one cell. */
    MemorySegment cell(Cell cell) throws IOException;

    /** The opening of the final records of positions {@code from} to {@code to}, with the logits' products where tokens were chosen. */
    MemorySegment positions(int from, int to) throws IOException;
}
