package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.ModelConfig;
import java.lang.foreign.MemorySegment;

/** The states of a sequence's layers with linear attention, one behind the other, as they are before one token. */
final class LayerStates {
    /** Of a position that no token has: what is in memory is of no use. */
    static final int NOWHERE = -1;

    private final MemorySegment memory;
    private final int each;
    private int position = NOWHERE;

    /** @param memory {@link #bytes} of them. */
    LayerStates(ModelConfig config, MemorySegment memory) {
        this.memory = memory;
        this.each = config.architecture().delta().stateBytes();
    }

    /** Bytes of all of a model's layers; 0 where none has linear attention. */
    static long bytes(ModelConfig config) {
        DeltaRule delta = config.architecture().delta();
        return delta == null ? 0 : (long) config.linearLayers() * delta.stateBytes();
    }

    /** The state of the {@code index}th layer that has one. */
    MemorySegment layer(int index) {
        return memory.asSlice((long) index * each, each);
    }

    /** The token before which they are so; {@link #NOWHERE} while they are written. */
    int position() {
        return position;
    }

    void position(int token) {
        position = token;
    }

    /** Makes them those before a sequence's first token. */
    void clear() {
        memory.fill((byte) 0);
        position = 0;
    }

    void copyFrom(LayerStates other) {
        memory.copyFrom(other.memory);
        position = other.position;
    }
}
