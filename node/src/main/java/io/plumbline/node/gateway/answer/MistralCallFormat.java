package io.plumbline.node.gateway.answer;

/**
 * Mistral's calls since the end of 2024: {@code [TOOL_CALLS]NAME[ARGS]{...}}, with {@code [CALL_ID]ID} behind the name
 * in some models. The words in brackets are control tokens.
 */
enum MistralCallFormat implements CallFormat {
    NAMED;

    /** Ids of nine characters, which Mistral's chat templates ask for. */
    static String shortId(String digits) {
        return digits.substring(0, 9);
    }

    @Override
    public String callId(String digits) {
        return shortId(digits);
    }

    @Override
    public AnswerReader reader(ToolUse use) {
        return new MistralCallReader(use);
    }
}
