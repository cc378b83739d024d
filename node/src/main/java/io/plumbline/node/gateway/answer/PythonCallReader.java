package io.plumbline.node.gateway.answer;

import java.util.List;

/** Reads calls that are written as Python has them: all of an element when it is whole. */
final class PythonCallReader extends CallReader {
    private final ToolUse use;
    private final TagSearch opening = new TagSearch(PythonCallFormat.OPENING);
    private TagSearch closing;

    /** The text between the tags. */
    private final StringBuilder body = new StringBuilder();

    /** The mark that closes the string that is open; 0 for none: a tag within one is a part of it. */
    private char quote;

    private boolean isEscaped;

    PythonCallReader(ToolUse use) {
        super(use);
        this.use = use;
    }

    @Override
    String opening(char next, StringBuilder out) {
        return opening.take(next, out) ? PythonCallFormat.OPENING : null;
    }

    @Override
    void finishOpening(StringBuilder out) {
        opening.finish(out);
    }

    @Override
    void begin() {
        body.setLength(0);
        closing = new TagSearch(PythonCallFormat.CLOSING);
        quote = 0;
        isEscaped = false;
    }

    @Override
    Step take(char next, List<AnswerPart> out) {
        if (quote != 0) {
            body.append(next);
            quote = !isEscaped && next == quote ? 0 : quote;
            isEscaped = !isEscaped && next == '\\';
            return Step.GOES_ON;
        }
        if (!closing.take(next, body)) {
            quote = next == '"' || next == '\'' ? next : 0;
            return Step.GOES_ON;
        }
        return areCalls(out) ? Step.ENDED : Step.FAILED;
    }

    private boolean areCalls(List<AnswerPart> out) {
        List<PythonCalls.Call> calls = PythonCalls.read(body.toString());
        boolean isWell =
                !calls.isEmpty() && calls.stream().allMatch(call -> use.tools().containsKey(call.name()));
        for (int i = 0; i < calls.size() && isWell; i++) {
            isWell = teller.begin(calls.get(i).name(), out);
            String arguments = calls.get(i).arguments();
            for (int at = 0; at < arguments.length() && isWell; at++) {
                isWell = teller.take(arguments.charAt(at));
            }
            isWell = isWell && teller.end(out);
        }
        return isWell;
    }

    /** Calls that are not closed may lack others. */
    @Override
    boolean finish(List<AnswerPart> out) {
        return false;
    }
}
