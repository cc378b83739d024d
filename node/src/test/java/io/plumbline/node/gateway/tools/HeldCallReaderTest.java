package io.plumbline.node.gateway.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HeldCallReaderTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> NAMES = Set.of("add", "now", "say \"x\"");
    private static final String HARD = "{\"a\": 1, \"b\": {\"c\": [\"} \\\"]\\\\\", {}]}, \"d\": \"{\"}";

    private static ToolUse use(ToolFormat format) {
        return new ToolUse(format, NAMES, true, true);
    }

    private static List<AnswerPart> read(AnswerReader reader, String text, Random random) {
        List<AnswerPart> parts = new ArrayList<>();
        for (int at = 0; at < text.length(); ) {
            int end = Math.min(text.length(), at + random.nextInt(6));
            parts.addAll(reader.add(text.substring(at, end)));
            at = end;
        }
        parts.addAll(reader.finish());
        return parts;
    }

    /** The parts that are told in the end: texts that stand together, and calls with what their arguments mean. */
    private static List<Object> told(List<AnswerPart> parts) throws IOException {
        List<Object> all = new ArrayList<>();
        StringBuilder pieces = new StringBuilder();
        for (AnswerPart part : parts) {
            switch (part) {
                case AnswerPart.Text said -> {
                    boolean isAfterText = !all.isEmpty() && all.getLast() instanceof String;
                    all.add(isAfterText ? all.removeLast() + said.text() : said.text());
                }
                case AnswerPart.Begun begun -> pieces.setLength(0);
                case AnswerPart.Arguments next -> pieces.append(next.piece());
                case AnswerPart.Call call -> {
                    assertEquals(call.arguments(), pieces.toString(), "its pieces are all of it");
                    JsonNode arguments = JSON.readTree(call.arguments());
                    all.add(List.of(call.index(), call.name(), arguments));
                }
                case AnswerPart.Cut cut -> all.add(List.of(cut.index(), cut.name(), pieces.toString()));
            }
        }
        return all;
    }

    /** As the reader of whole calls does, which knows nothing of what the answer is held to. */
    @Test
    void callsAreToldInPiecesThatAreTogetherWhatTheyAreAsAWhole() throws IOException {
        String add = "{\"name\": \"add\", \"%s\": " + HARD + "}";
        String say = "{\"name\":\"say \\\"x\\\"\",\"%s\":{}}";
        for (ToolFormat format : ToolFormat.values()) {
            String first = add.formatted(format.argumentsName());
            String second = say.formatted(format.argumentsName());
            List<String> texts = switch (format) {
                case TAGGED ->
                    List.of(
                            "<tool_call>\n" + first + "\n</tool_call>",
                            "I <tool must. <tool_call>\n" + first + "\n</tool_call>\n<tool_call>\n" + second
                                    + "\n</tool_call>",
                            "No call <tool_cal",
                            "");
                case BARE -> List.of(first, second, " \n No { call }", " ");
                case LISTED -> List.of("[" + first + "]", "[" + first + ", " + second + "]", "No [ call ]");
            };
            for (String text : texts) {
                for (long seed = 0; seed < 40; seed++) {
                    Random random = new Random(seed);
                    assertEquals(
                            told(read(new ToolCallReader(use(format)), text, random)),
                            told(read(use(format).streamReader(), text, random)),
                            text + ", seed " + seed);
                }
            }
        }
    }

    /** Where the end of a call stands in a text within it, whole calls are not seen; these are. */
    @Test
    void theTextOfAnArgumentEndsNoCall() throws IOException {
        String text = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": \"</tool_call> b\"}}\n</tool_call>";
        assertEquals(
                List.of(List.of(0, "add", JSON.readTree("{\"a\":\"</tool_call> b\"}"))),
                told(read(use(ToolFormat.TAGGED).streamReader(), text, new Random(2))));
    }

    @Test
    void argumentsAreToldAsTheyAreWritten() {
        AnswerReader reader = use(ToolFormat.TAGGED).streamReader();
        assertEquals(List.of(), reader.add("<tool_call>\n{\"name\": \"add\", \"arguments\": "));
        assertEquals(
                List.of(new AnswerPart.Begun(0, "add"), new AnswerPart.Arguments(0, "{\"a\"")), reader.add("{\"a\""));
        assertEquals(List.of(new AnswerPart.Arguments(0, ":1")), reader.add(": 1"));
        assertEquals(
                List.of(new AnswerPart.Arguments(0, "}"), new AnswerPart.Call(0, "add", "{\"a\":1}")),
                reader.add("}}\n</tool_"));
        assertEquals(List.of(), reader.add("call>"));
        assertEquals(List.of(), reader.finish());
        assertEquals(1, reader.calls());
    }

    @Test
    void anAnswerThatEndsWithinACallSaysSo() throws IOException {
        String call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": [1";
        List<AnswerPart> parts = read(use(ToolFormat.TAGGED).streamReader(), call, new Random(1));
        assertEquals(new AnswerPart.Cut(0, "add", "{\"a\":[1"), parts.getLast());
        assertEquals(List.of(List.of(0, "add", "{\"a\":[1")), told(parts));
        String begun = "<tool_call>\n{\"na";
        assertEquals(List.of(begun), told(read(use(ToolFormat.TAGGED).streamReader(), begun, new Random(1))));
    }

    /** A node that does not hold its answer to the grammar is found out by the receipt; until then little is kept. */
    @Test
    void whatIsNotHeldToItsFormIsBounded() {
        AnswerReader reader = use(ToolFormat.BARE).streamReader();
        IllegalStateException refused =
                assertThrows(IllegalStateException.class, () -> reader.add("{\"other\": \"" + "x".repeat(5_000)));
        assertTrue(refused.getMessage().contains("another form"), refused.getMessage());
    }
}
