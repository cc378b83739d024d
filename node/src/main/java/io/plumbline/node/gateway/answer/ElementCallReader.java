package io.plumbline.node.gateway.answer;

import java.util.List;

/** Reads calls whose arguments are elements, one a parameter: each call when it is whole. */
final class ElementCallReader extends CallReader {
    static final String OPENING = "<tool_call>";
    static final String CLOSING = "</tool_call>";

    private final ElementCallFormat format;
    private final ToolUse use;
    private final TagSearch opening = new TagSearch(OPENING);
    private TagSearch closing;

    /** The text between the call's tags. */
    private final StringBuilder body = new StringBuilder();

    ElementCallReader(ElementCallFormat format, ToolUse use) {
        super(use);
        this.format = format;
        this.use = use;
    }

    @Override
    String opening(char next, StringBuilder out) {
        return opening.take(next, out) ? OPENING : null;
    }

    @Override
    void finishOpening(StringBuilder out) {
        opening.finish(out);
    }

    @Override
    void begin() {
        body.setLength(0);
        closing = new TagSearch(CLOSING);
    }

    @Override
    Step take(char next, List<AnswerPart> out) {
        if (!closing.take(next, body)) {
            return Step.GOES_ON;
        }
        return isCall(out) ? Step.ENDED : Step.FAILED;
    }

    private boolean isCall(List<AnswerPart> out) {
        ElementCallFormat.Read call = format.read(body.toString(), use);
        if (call == null || !teller.begin(call.name(), out)) {
            return false;
        }
        for (int i = 0; i < call.arguments().length(); i++) {
            if (!teller.take(call.arguments().charAt(i))) {
                return false;
            }
        }
        return teller.isWhole() && teller.end(out);
    }

    /** One that is not closed may lack arguments, or the end of its name. */
    @Override
    boolean finish(List<AnswerPart> out) {
        return false;
    }
}
