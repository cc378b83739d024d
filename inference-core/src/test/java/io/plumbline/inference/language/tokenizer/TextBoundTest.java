package io.plumbline.inference.language.tokenizer;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TokenFiles;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which texts a tokenizer is not given, and who says so. */
class TextBoundTest {
    /** As of the families that have it: blanks at the end of a text are apart. */
    private static final String BLANKS_AT_THE_END = "\\s+$";

    private static final String TAKES_ALL = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static ObjectNode shipped() throws IOException {
        return (ObjectNode)
                new ObjectMapper().readTree(Files.readAllBytes(TestModels.SHIPPED.resolve(TokenizerFile.NAME)));
    }

    /** The shipped tokenizer with what stands before it in a sequence of pre-tokenizers. */
    private static byte[] file(ObjectNode normalizer, String... expressions) throws IOException {
        ObjectNode file = shipped();
        ArrayNode parts = new ObjectMapper().createArrayNode();
        for (String expression : expressions) {
            ObjectNode split = parts.addObject()
                    .put("type", "Split")
                    .put("behavior", "Isolated")
                    .put("invert", false);
            split.putObject("pattern").put("Regex", expression);
        }
        if (file.path("pre_tokenizer").isObject()) {
            parts.add(file.get("pre_tokenizer"));
        }
        file.putObject("pre_tokenizer").put("type", "Sequence").set("pretokenizers", parts);
        file.set("normalizer", normalizer);
        return file.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static ChatTokenizer tokenizer(String... expressions) throws IOException {
        TreeMap<String, byte[]> files = new TreeMap<>();
        files.put(TokenizerFile.NAME, file(null, expressions));
        files.put("tokenizer_config.json", "{}".getBytes(StandardCharsets.UTF_8));
        return ChatTokenizer.of(new TokenFiles(files));
    }

    /** Without the bound it would take minutes: a million blanks, gone through from each of them. */
    @Test
    @Timeout(60)
    void aTextThatWouldTakeMinutesIsRefused() throws IOException {
        try (ChatTokenizer tokenizer = tokenizer("[\r\n]", BLANKS_AT_THE_END)) {
            String text = " ".repeat(1_000_000) + "1";
            String expected = "The text has runs of white space, the longest of 1000000 characters, that this model's"
                    + " tokenizer would take too long for. Break them up, or leave them out.";
            assertEquals(
                    expected,
                    assertThrows(IllegalArgumentException.class, () -> tokenizer.text(text))
                            .getMessage());
            assertEquals(
                    expected,
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> tokenizer.prompt(List.of(new Message("user", text))))
                            .getMessage());
            // Many shorter ones come to the same.
            assertThrows(IllegalArgumentException.class, () -> tokenizer.text((" ".repeat(2_000) + "1").repeat(500)));
            assertTrue(tokenizer.text(" ".repeat(8_000) + "1").length > 0);
        }
    }

    /** A node and an auditor look by this: the request is judged, and nobody says that he is too slow. */
    @Test
    @Timeout(60)
    void aRequestOfSuchATextIsJudgedTheSameEverywhere() throws IOException {
        try (ChatTokenizer tokenizer = tokenizer(BLANKS_AT_THE_END)) {
            String content = " ".repeat(100_000) + "1";
            Request request = new Request(
                    Bytes32.ZERO,
                    "[{\"role\":\"user\",\"content\":\"" + content + "\"}]",
                    0,
                    new int[] {1},
                    Sampling.GREEDY,
                    1,
                    new int[0],
                    List.of(),
                    Bytes32.ZERO,
                    new byte[16]);
            ModelConfig config =
                    new ModelConfig(64, 1, 1, 1, 64, 64, 512, 1 << 16, 1e-5f, Rope.plain(10_000), false, false);
            Failure failure = TextCheck.prompt(request, config, tokenizer);
            assertEquals(Step.PROMPT, failure.step());
            assertTrue(failure.detail().startsWith("the messages become no prompt: The text has runs of white space"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {BLANKS_AT_THE_END, "\\p{L}+\\p{N}", "(?=(\\d{3})+(?!\\d))"})
    void longHonestTextsAreTaken(String expression) throws IOException {
        TextBound bound = TextBound.of(file(null, expression));
        String prose = "The quick brown fox jumps over the lazy dog, 1234567890 times. Noch ein Satz mit Wörtern. "
                + "这是一个没有空格的句子，但有标点符号。";
        byte[] blob = new byte[10_000];
        new Random(1).nextBytes(blob);
        String line = " ".repeat(40) + "if (isDeep) {\n";
        for (String text : List.of(
                prose.repeat(1_000_000 / prose.length()),
                line.repeat(1_000_000 / line.length()),
                Base64.getEncoder().encodeToString(blob),
                "=".repeat(1_000_000),
                "9".repeat(8_000),
                "\n".repeat(8_000))) {
            assertDoesNotThrow(() -> bound.require(text), text.substring(0, 40));
        }
    }

    @Test
    void tokenizersThatGoThroughNothingAgainTakeLongRuns() throws IOException {
        TextBound bound = TextBound.of(file(null, TAKES_ALL));
        bound.require(" ".repeat(1_000_000) + "1");
        bound.require("1".repeat(6_000_000));
        // The engine would give up at a place, and the process end.
        assertThrows(IllegalArgumentException.class, () -> bound.require(" ".repeat(6_000_000) + "1"));
        TextBound none = TextBound.of(file(null, "\\p{N}{1,3}"));
        none.require(" ".repeat(20_000_000));
    }

    @Test
    void textsOfOneRequestCountTogether() throws IOException {
        TextBound bound = TextBound.of(file(null, BLANKS_AT_THE_END));
        String one = " ".repeat(7_000) + "1";
        bound.require(one);
        assertThrows(IllegalArgumentException.class, () -> bound.require(List.of(one, one)));
    }

    private static String refused(ObjectNode file) {
        byte[] bytes = file.toString().getBytes(StandardCharsets.UTF_8);
        return assertThrows(IOException.class, () -> TokenizerFile.open(bytes, false))
                .getMessage();
    }

    /** The bound looks at a text as it comes. */
    @Test
    void whatMakesOtherCharactersOfATextBeforeIsRefused() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode longer = mapper.createObjectNode().put("type", "Replace").put("content", "     ");
        longer.putObject("pattern").put("String", " ");
        for (String expression : List.of(BLANKS_AT_THE_END, TAKES_ALL)) {
            ObjectNode file = (ObjectNode) mapper.readTree(file(longer, expression));
            assertTrue(refused(file).contains("normalizer \"Replace\" has made of the text"), refused(file));
        }
        ObjectNode nfc = mapper.createObjectNode().put("type", "NFC");
        TokenizerFile.open(file(nfc, BLANKS_AT_THE_END), false).close();
        ObjectNode lower = mapper.createObjectNode().put("type", "Lowercase");
        TokenizerFile.open(file(lower, TAKES_ALL), false).close();
        ObjectNode behind = (ObjectNode) mapper.readTree(file(null, BLANKS_AT_THE_END));
        ((ArrayNode) behind.path("pre_tokenizer").path("pretokenizers"))
                .insertObject(0)
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", false);
        assertTrue(refused(behind).contains("\"ByteLevel\" has made of the text"), refused(behind));
        ObjectNode normalizing =
                mapper.createObjectNode().put("type", "Replace").put("content", "");
        normalizing.putObject("pattern").put("Regex", BLANKS_AT_THE_END);
        ObjectNode again = (ObjectNode) mapper.readTree(file(normalizing));
        assertTrue(refused(again).contains("\"normalizer\" is not taken"), refused(again));
        ObjectNode decoding = shipped();
        ObjectNode decoder =
                decoding.putObject("decoder").put("type", "Replace").put("content", "");
        decoder.putObject("pattern").put("Regex", BLANKS_AT_THE_END);
        assertTrue(refused(decoding).contains("\"decoder\" is not taken"), refused(decoding));
    }

    @Test
    void callersOnVirtualThreadsHavePromptsMadeOnOthers() throws Exception {
        AtomicBoolean wasVirtual = new AtomicBoolean(true);
        Throwable[] thrown = new Throwable[1];
        Thread.startVirtualThread(() -> {
                    wasVirtual.set(
                            TokenizerThreads.call(() -> Thread.currentThread().isVirtual()));
                    try {
                        TokenizerThreads.call(() -> {
                            throw new IllegalArgumentException("no prompt");
                        });
                    } catch (IllegalArgumentException e) {
                        thrown[0] = e;
                    }
                })
                .join();
        assertFalse(wasVirtual.get());
        assertEquals("no prompt", thrown[0].getMessage());
        assertEquals(Thread.currentThread(), TokenizerThreads.call(Thread::currentThread));
    }
}
