package io.plumbline.node.gateway;

import io.plumbline.node.gateway.answer.AnswerFormat;
import io.plumbline.node.gateway.answer.AnswerReader;
import io.plumbline.node.gateway.answer.ToolUse;

/**
 * How the answers of a chat are read.
 *
 * @param tools that they may call; null for none.
 * @param isHeld whether a grammar holds them.
 * @param promptEnd the end of their prompt, control tokens by their names.
 */
record AnswerReading(AnswerFormat format, ToolUse tools, boolean isHeld, String promptEnd) {
    /** Of answers that are text and nothing else. */
    static AnswerReading text() {
        return new AnswerReading(AnswerFormat.of("", name -> false), null, false, "");
    }

    /** One that reads an answer from its beginning. */
    AnswerReader reader() {
        return format.reader(tools, isHeld, promptEnd);
    }
}
