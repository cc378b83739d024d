package io.plumbline.node.gateway.tools;

/**
 * A part of what an answer says: text, or the call of a tool. A call is told in steps, {@link Begun} and {@link
 * Arguments}, for those that tell it on while it is written; then as a {@link Call}, for those that want it whole, or
 * as a {@link Cut} where the answer ends within it.
 */
public sealed interface AnswerPart {
    /** @param text not empty. */
    record Text(String text) implements AnswerPart {}

    /**
     * A tool called: all of it.
     *
     * @param index among the calls of its answer, from 0.
     * @param name of a tool that was offered.
     * @param arguments a compact JSON object: its {@link Arguments} together.
     */
    record Call(int index, String name, String arguments) implements AnswerPart {}

    /**
     * A call begins.
     *
     * @param index as of the {@link Call}, and its name.
     */
    record Begun(int index, String name) implements AnswerPart {}

    /**
     * The next piece of a call's arguments.
     *
     * @param piece not empty.
     */
    record Arguments(int index, String piece) implements AnswerPart {}

    /**
     * The answer has ended within a call.
     *
     * @param arguments the beginning of a JSON object.
     */
    record Cut(int index, String name, String arguments) implements AnswerPart {}
}
