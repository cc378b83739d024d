package io.plumbline.node.gateway.answer;

/** OLMo 3's calls: {@code <function_calls>NAME(KEY=VALUE, ...)</function_calls>}, each on a line of its own. */
enum PythonCallFormat implements CallFormat {
    LINES;

    static final String OPENING = "<function_calls>";
    static final String CLOSING = "</function_calls>";

    @Override
    public AnswerReader reader(ToolUse use) {
        return new PythonCallReader(use);
    }
}
