package io.plumbline.verifier.audit;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Where openings come from: the inference node itself, near or far. */
public interface OpeningSource {
    /** The opening of one cell. */
    MemorySegment cell(Cell cell) throws IOException;

    /** The opening of one position's final record, with the logits' products where a token was chosen. */
    MemorySegment position(int token) throws IOException;
}
