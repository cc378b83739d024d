package io.plumbline.node.gateway.tools;

import java.util.Set;

/**
 * The tools that an answer may call.
 *
 * @param names theirs.
 * @param mayCallSeveral whether more calls than the first are told.
 */
public record ToolUse(ToolFormat format, Set<String> names, boolean mayCallSeveral) {
    /** One that reads an answer from its beginning. */
    public ToolCallReader reader() {
        return new ToolCallReader(this);
    }
}
