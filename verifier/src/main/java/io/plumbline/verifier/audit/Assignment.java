package io.plumbline.verifier.audit;

import java.util.List;

/**
 * What an auditor is to check of one answer.
 *
 * @param level SIGNED, AUDITED or FULL; REPLAYED needs weights and is done by the inference engine.
 * @param beacon 32 bytes that nobody knew when the trace was committed, the same for all auditors of the answer: it
 *     draws the cell that all of them check, so that their work can be compared. Null where the auditor is alone.
 * @param posted cells that another auditor got no answer for, checked first.
 */
public record Assignment(Level level, byte[] beacon, List<Cell> posted) {
    public Assignment {
        posted = List.copyOf(posted);
    }

    /** For one auditor alone. */
    public static Assignment of(Level level) {
        return new Assignment(level, null, List.of());
    }
}
