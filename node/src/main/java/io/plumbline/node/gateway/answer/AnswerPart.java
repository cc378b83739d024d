package io.plumbline.node.gateway.answer;

/**
 * A part of what an answer says: reasoning, text, or the call of a tool. A call is told in steps, {@link Begun} and
 * {@link Arguments}, for those that tell it on while it is written; then as a {@link Call}, for those that want it
 * whole, or as a {@link Cut} where it turns out to be none.
 */
public sealed interface AnswerPart {
    /**
     * The model's reasoning before it answers.
     *
     * @param text not empty.
     */
    record Reasoning(String text) implements AnswerPart {}

    /** @param text not empty. */
    record Text(String text) implements AnswerPart {}

    /**
     * A tool called: all of it.
     *
     * @param index among the calls of its answer that were begun, from 0.
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
     * The next piece of a call's arguments. The last brace comes with the {@link Call} alone, so that what was cut is
     * no JSON.
     *
     * @param piece not empty.
     */
    record Arguments(int index, String piece) implements AnswerPart {}

    /**
     * The answer has ended within a call that was begun, or goes on as no call does.
     *
     * @param arguments the beginning of a JSON object: its {@link Arguments} together.
     * @param source the text that it was read out of, which is text of an answer that is told when it is whole.
     */
    record Cut(int index, String name, String arguments, String source) implements AnswerPart {}
}
