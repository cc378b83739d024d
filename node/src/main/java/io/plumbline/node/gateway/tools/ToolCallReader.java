package io.plumbline.node.gateway.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.List;

/**
 * Parts an answer's text, as it comes, into what is said and the calls of tools in it. What looks like a call and is
 * none of a tool that was offered is part of what is said: no character is lost.
 */
final class ToolCallReader implements AnswerReader {
    /** Numbers stay those that the model wrote: as binary fractions some would be others, or none. */
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private final ToolUse use;
    private final ToolFormat format;

    /** The text that has come and not been told. */
    private final StringBuilder held = new StringBuilder();

    /** Characters of it that need not be looked at again. */
    private int searched;

    /** Whether {@code held} begins with a call's opening. */
    private boolean isInCall;

    /** Whether what is said has begun, so that no call can be the whole answer any more. */
    private boolean hasText;

    private int calls;

    /** Whether nothing but blanks has come after a call. */
    private boolean isAfterCall;

    ToolCallReader(ToolUse use) {
        this.use = use;
        this.format = use.format();
    }

    @Override
    public int calls() {
        return calls;
    }

    @Override
    public List<AnswerPart> add(String piece) {
        List<AnswerPart> out = new ArrayList<>();
        held.append(piece);
        if (format.isWhole()) {
            addToWhole(out);
        } else {
            addTagged(out);
        }
        return out;
    }

    private void addToWhole(List<AnswerPart> out) {
        while (!hasText && !isInCall && searched < held.length()) {
            char first = held.charAt(searched);
            isInCall = first == format.opening().charAt(0);
            hasText = !isInCall && !Character.isWhitespace(first);
            searched++;
        }
        if (hasText) {
            say(held.length(), false, out);
        }
    }

    private void addTagged(List<AnswerPart> out) {
        while (true) {
            if (!isInCall) {
                int at = held.indexOf(format.opening());
                searched = 0;
                say(at < 0 ? held.length() - begunOpening() : at, at >= 0, out);
                isInCall = at >= 0;
            }
            int end = isInCall ? held.indexOf(format.closing(), searched) : -1;
            if (end < 0) {
                // Not from the beginning again with each piece: a call may be long.
                searched = Math.max(0, held.length() - format.closing().length());
                return;
            }
            end += format.closing().length();
            if (!call(
                    held.substring(
                            format.opening().length(), end - format.closing().length()),
                    out)) {
                say(end, false, out);
            } else {
                held.delete(0, end);
            }
            isInCall = false;
        }
    }

    /** How many characters at the end may begin a call's opening. */
    private int begunOpening() {
        String opening = format.opening();
        for (int n = Math.min(opening.length() - 1, held.length()); n > 0; n--) {
            if (held.substring(held.length() - n).equals(opening.substring(0, n))) {
                return n;
            }
        }
        return 0;
    }

    @Override
    public List<AnswerPart> finish() {
        List<AnswerPart> out = new ArrayList<>();
        if (isInCall) {
            // A call that the answer's end closed.
            String text = held.substring(format.isWhole() ? 0 : format.opening().length());
            if (call(text, out)) {
                held.setLength(0);
            }
        }
        say(held.length(), true, out);
        return out;
    }

    /**
     * Tells of what is said, without the blanks between calls and after the last.
     *
     * @param isFollowed whether a call follows, or the answer's end.
     */
    private void say(int to, boolean isFollowed, List<AnswerPart> out) {
        String text = held.substring(0, to);
        boolean isBlank = isAfterCall && text.isBlank();
        if (isBlank && !isFollowed) {
            return;
        }
        held.delete(0, to);
        if (!text.isEmpty() && !isBlank) {
            out.add(new AnswerPart.Text(text));
            isAfterCall = false;
        }
    }

    /** Tells of the calls that {@code text} is; false where it is none. */
    private boolean call(String text, List<AnswerPart> out) {
        List<AnswerPart.Call> found = new ArrayList<>();
        try {
            JsonNode json = MAPPER.readTree(text);
            for (JsonNode one : json.isArray() ? json : List.of(json)) {
                JsonNode arguments = one.path(format.argumentsName());
                if (arguments.isMissingNode()) {
                    arguments = one.path(format.argumentsName().equals("arguments") ? "parameters" : "arguments");
                }
                if (!use.names().contains(one.path("name").asText()) || !arguments.isObject()) {
                    return false;
                }
                int index = calls + found.size();
                found.add(new AnswerPart.Call(index, one.get("name").asText(), arguments.toString()));
            }
        } catch (JsonProcessingException e) {
            return false;
        }
        for (AnswerPart.Call one : found) {
            if (calls == 0 || use.mayCallSeveral()) {
                out.add(new AnswerPart.Begun(one.index(), one.name()));
                out.add(new AnswerPart.Arguments(one.index(), one.arguments()));
                out.add(one);
                calls++;
            }
        }
        isAfterCall |= !found.isEmpty();
        return !found.isEmpty();
    }
}
