package io.plumbline.node.gateway.tools;

/** A part of what an answer says: text, or the call of a tool. */
public sealed interface AnswerPart {
    /** @param text not empty. */
    record Text(String text) implements AnswerPart {}

    /**
     * A tool called.
     *
     * @param index among the calls of its answer, from 0.
     * @param name of a tool that was offered.
     * @param arguments a JSON object, compact.
     */
    record Call(int index, String name, String arguments) implements AnswerPart {}
}
