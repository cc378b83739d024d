package io.plumbline.verifier.audit;

import java.io.IOException;

/** Where openings come from: the inference node itself, near or far. */
@FunctionalInterface
public interface OpeningSource {
    /**
     * The opening of one cell.
     *
     * @throws IOException when it cannot be had: nothing is proven then.
     */
    Opening open(Cell cell) throws IOException;
}
