package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.tokenizer.LinearPattern.Kind;
import io.plumbline.inference.language.tokenizer.LinearPattern.Run;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Which texts a tokenizer is not given: those on which its regular expressions would take minutes, or would retry so
 * often that the library ends the process. It follows from the tokenizer's file and the text alone, so that a gateway,
 * a node and an auditor refuse the same texts, on whatever host.
 *
 * <p>What costs is a run of characters of one kind that an expression goes through from each of its characters (see
 * {@link LinearPattern}): the square of its length. Tokenizers whose expressions do not do so take every text but one
 * with a run of a million characters and more.
 */
public final class TextBound {
    /**
     * Characters that are gone through in all. The slowest expression takes 8 ns for one (of a core of 2023), so that
     * a text takes half a second at most beside what its length takes. A run of 8,192 characters reaches it.
     */
    private static final long MOST = 1L << 26;

    /** A run that takes no more at a place costs no more than other texts do: it is not counted. */
    private static final int SHORT = 64;

    /** Retries at one place; at ten million the engine gives up. */
    private static final long MOST_AT_A_PLACE = 1 << 22;

    private final List<Run> runs;

    private TextBound(List<Run> runs) {
        this.runs = runs;
    }

    /** The bound of a tokenizer, by its tokenizer.json. */
    public static TextBound of(byte[] file) throws IOException {
        List<Run> runs = new ArrayList<>();
        ObjectMapper mapper = new ObjectMapper();
        try (JsonParser json = mapper.createParser(file)) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                json.nextToken();
                // Whose vocabulary is large, and has no expressions.
                if (name.equals("model") || name.equals("added_tokens")) {
                    json.skipChildren();
                } else {
                    runs.addAll(runs(json.readValueAsTree()));
                }
            }
        }
        return new TextBound(List.copyOf(runs));
    }

    /** What the expressions in a part of the file go through in vain. */
    static List<Run> runs(JsonNode node) {
        List<Run> runs = new ArrayList<>();
        for (JsonNode expression : node.findValues("Regex")) {
            if (expression.isTextual()) {
                runs.addAll(LinearPattern.reruns(expression.asText()));
            }
        }
        return runs;
    }

    /**
     * Refuses a text that would take too long.
     *
     * @throws IllegalArgumentException saying what is too long in it, and what to do.
     */
    public void require(String text) {
        require(List.of(text));
    }

    /** The same for texts that are read for one request, all together. */
    public void require(List<String> texts) {
        long total = 0;
        for (Run run : runs) {
            for (String text : texts) {
                total += text.length() > SHORT ? cost(text, run) : 0;
                if (total > MOST) {
                    throw new IllegalArgumentException("The text has " + words(run.kind()) + ", the longest of "
                            + longest(text, run.kind()) + " characters, that this model's tokenizer would take too long"
                            + " for. Break them up, or leave them out.");
                }
            }
        }
    }

    private static String words(Kind kind) {
        return switch (kind) {
            case BLANKS -> "runs of white space";
            case LETTERS -> "runs of letters";
            case DIGITS -> "runs of digits";
            case ALL -> "so many characters";
        };
    }

    private static long cost(String text, Run run) {
        long cost = 0;
        for (int from = 0; from < text.length(); ) {
            int to = end(text, from, run.kind());
            long length = to - from;
            if (run.ways() * length > SHORT && run.again()) {
                cost += run.ways() * length * length;
            }
            if (cost > MOST || run.ways() * length > MOST_AT_A_PLACE) {
                return MOST + 1;
            }
            from = to > from ? to : from + Character.charCount(text.codePointAt(from));
        }
        return cost;
    }

    private static int longest(String text, Kind kind) {
        int longest = 0;
        for (int from = 0; from < text.length(); ) {
            int to = end(text, from, kind);
            longest = Math.max(longest, to - from);
            from = to > from ? to : from + Character.charCount(text.codePointAt(from));
        }
        return longest;
    }

    private static int end(String text, int from, Kind kind) {
        int at = from;
        while (at < text.length()) {
            int c = text.codePointAt(at);
            if (!is(c, kind)) {
                break;
            }
            at += Character.charCount(c);
        }
        return at;
    }

    /**
     * Whether a character may be of a kind to the engine, whose Unicode may be of another year than Java's: what has no
     * category yet is of each.
     */
    private static boolean is(int c, Kind kind) {
        int type = Character.getType(c);
        return switch (kind) {
            case BLANKS -> Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
            case LETTERS ->
                Character.isLetter(c)
                        || type == Character.NON_SPACING_MARK
                        || type == Character.COMBINING_SPACING_MARK
                        || type == Character.ENCLOSING_MARK
                        || type == Character.LETTER_NUMBER
                        || type == Character.UNASSIGNED;
            case DIGITS ->
                type == Character.DECIMAL_DIGIT_NUMBER
                        || type == Character.LETTER_NUMBER
                        || type == Character.OTHER_NUMBER
                        || type == Character.UNASSIGNED;
            case ALL -> true;
        };
    }
}
