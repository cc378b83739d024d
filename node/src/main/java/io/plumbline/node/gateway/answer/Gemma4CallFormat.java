package io.plumbline.node.gateway.answer;

/**
 * Gemma 4's calls: {@code <|tool_call>call:NAME{KEY:VALUE,...}<tool_call|>}. A value is JSON but for its strings, which
 * stand between two marks {@code <|"|>} and escape nothing, and for the names of members, which stand bare.
 *
 * @param isSpelled whether the marks are looked for in texts; they are control tokens in most vocabularies.
 */
record Gemma4CallFormat(boolean isSpelled) implements CallFormat {
    static final String OPENING = "<|tool_call>";
    static final String CLOSING = "<tool_call|>";
    static final String QUOTE = "<|\"|>";

    /** Whether a chat template is Gemma 4's. */
    static boolean isOf(String template) {
        return template.contains(OPENING) && template.contains(QUOTE);
    }

    @Override
    public AnswerReader reader(ToolUse use) {
        return new Gemma4CallReader(isSpelled, use);
    }
}
