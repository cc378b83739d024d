package io.plumbline.verifier.model;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Where a model's tensors are read. */
@FunctionalInterface
public interface TensorSource {
    /**
     * All bytes of a tensor of the manifest, row-major, little-endian.
     *
     * @throws IOException when it is not there or has another size.
     */
    MemorySegment tensor(String name) throws IOException;
}
