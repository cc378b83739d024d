package io.plumbline.node.gateway.answer;

/** Calls of gpt-oss: messages of the commentary channel to {@code functions.NAME}. See {@link HarmonyReader}. */
enum HarmonyCallFormat implements CallFormat {
    HARMONY;

    /** Whether a chat template is of the harmony format. */
    static boolean isOf(String template) {
        return template.contains("<|channel|>") && template.contains("<|message|>");
    }

    @Override
    public AnswerReader reader(ToolUse use) {
        return new HarmonyReader(use);
    }
}
