package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;

/** Tells calls while they are written, one after the other, whatever format they are read out of. */
final class CallTeller {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final ToolUse use;

    /** Calls that were begun to be told. */
    private int begun;

    private int calls;

    /** Of the call that is being read; null between calls. */
    private String name;

    private final StringBuilder arguments = new StringBuilder();
    private JsonScanner scanner;

    /** Characters of the arguments that were told. */
    private int told;

    CallTeller(ToolUse use) {
        this.use = use;
    }

    /** Calls that were told as a whole. */
    int calls() {
        return calls;
    }

    /** Whether no more calls are told than those there were. */
    private boolean isSilent() {
        return calls > 0 && !use.mayCallSeveral();
    }

    /**
     * A call begins.
     *
     * @return false where it is of no tool that was offered.
     */
    boolean begin(String tool, List<AnswerPart> out) {
        if (!use.tools().containsKey(tool)) {
            return false;
        }
        name = tool;
        arguments.setLength(0);
        scanner = new JsonScanner();
        told = 0;
        if (!isSilent()) {
            out.add(new AnswerPart.Begun(begun, name));
        }
        return true;
    }

    /**
     * Takes the next character of the arguments.
     *
     * @return false where they are no JSON object.
     */
    boolean take(char next) {
        boolean isInString = scanner.isInString();
        if (!scanner.take(next)) {
            return false;
        }
        // Compact, however the model has written it.
        if (isInString || !JsonScanner.isBlank(next)) {
            arguments.append(next);
        }
        return true;
    }

    /** Whether the arguments are whole. */
    boolean isWhole() {
        return scanner.isDone();
    }

    /** Tells the arguments that have come. */
    void flush(List<AnswerPart> out) {
        if (name != null && !isSilent()) {
            tell(scanner.isDone() ? arguments.length() - 1 : arguments.length(), out);
        }
    }

    private void tell(int to, List<AnswerPart> out) {
        if (to > told) {
            out.add(new AnswerPart.Arguments(begun, arguments.substring(told, to)));
            told = to;
        }
    }

    /**
     * The call has ended.
     *
     * @return false where its arguments are nothing that clients can read; {@link #cut} it then.
     */
    boolean end(List<AnswerPart> out) {
        String whole = arguments.toString();
        try {
            MAPPER.readTree(whole);
        } catch (JsonProcessingException e) {
            // Beyond what parsers take, or with a member twice.
            return false;
        }
        if (!isSilent()) {
            tell(arguments.length(), out);
            out.add(new AnswerPart.Call(begun++, name, whole));
            calls++;
        }
        name = null;
        return true;
    }

    /**
     * No call after all, or the answer has ended within it.
     *
     * @param source the text that it was read out of.
     */
    void cut(String source, List<AnswerPart> out) {
        if (name != null && !isSilent()) {
            flush(out);
            out.add(new AnswerPart.Cut(begun++, name, arguments.substring(0, told), source));
        } else if (!source.isEmpty()) {
            out.add(new AnswerPart.Text(source));
        }
        name = null;
    }
}
