package io.plumbline.node.gateway.tools;

import java.util.Set;

/**
 * The tools that an answer may call.
 *
 * @param names theirs.
 * @param mayCallSeveral whether more calls than the first are told.
 * @param isHeld whether a grammar holds the answer to the format.
 */
public record ToolUse(ToolFormat format, Set<String> names, boolean mayCallSeveral, boolean isHeld) {
    /** One that reads an answer from its beginning, and tells of whole calls. */
    public AnswerReader reader() {
        return new ToolCallReader(this);
    }

    /** One that reads an answer from its beginning, and tells of calls while they are written where it can. */
    public AnswerReader streamReader() {
        return isHeld ? new HeldCallReader(this) : reader();
    }
}
