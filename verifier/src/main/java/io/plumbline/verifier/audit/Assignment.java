package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Blake3;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * What an auditor is to check of one answer.
 *
 * @param level SIGNED, AUDITED or FULL; REPLAYED needs weights and is done by the inference engine.
 * @param beacon 32 bytes that nobody knew when the trace was committed, the same for all auditors of the answer: it
 *     draws the cell that all of them check, so that their work can be compared. Null where the auditor is alone.
 * @param posted cells that another auditor got no answer for, checked first.
 * @param seed 32 bytes that the auditor alone knows, from which it draws the other cells: the same in each try of one
 *     audit, or a node that is lost whenever it is asked for a false cell would be asked for others. Null where there
 *     is one try.
 */
public record Assignment(Level level, byte[] beacon, List<Cell> posted, byte[] seed) {
    public Assignment {
        posted = List.copyOf(posted);
    }

    /** For one try, with cells drawn from this process's own secure random source. */
    public Assignment(Level level, byte[] beacon, List<Cell> posted) {
        this(level, beacon, posted, null);
    }

    /** The source that cells are drawn from. */
    RandomGenerator random() {
        if (seed == null) {
            return new SecureRandom();
        }
        long[] drawn = {0};
        return () -> {
            byte[] count = ByteBuffer.allocate(Long.BYTES).putLong(drawn[0]++).array();
            return ByteBuffer.wrap(Blake3.keyed(seed).update(count).digest(Long.BYTES))
                    .getLong();
        };
    }

    /** For one auditor alone. */
    public static Assignment of(Level level) {
        return new Assignment(level, null, List.of());
    }
}
