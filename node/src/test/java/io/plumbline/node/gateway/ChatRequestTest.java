package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.TokenizerFile;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.model.TokenFiles;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a chat completion's fields do: each is honoured, says nothing about the answer, or is refused by name. */
class ChatRequestTest {
    private static final Path SHIPPED = Path.of("..", "models", "plumbline-stories-2m");

    @TempDir
    static Path folder;

    private static LoadedModel model;
    private static ChatTokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        ModelImport.run(SHIPPED, folder.resolve("stories"), share -> {});
        model = LoadedModel.open(folder.resolve("stories"));
        tokenizer = ChatTokenizer.of(model.tokenFiles());
    }

    @AfterAll
    static void close() {
        CloseHelper.closeAll(tokenizer, model);
    }

    private static ChatRequest parse(String more) throws IOException {
        byte[] body = ("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]" + more + "}")
                .getBytes(StandardCharsets.UTF_8);
        return ChatRequest.parse(
                Http.json(body, 0, body.length),
                "stories",
                model,
                tokenizer,
                new FileSources(List.of()),
                Bytes32.ZERO,
                Level.AUDITED);
    }

    private static Request only(String more) throws IOException {
        return parse(more).requests().getFirst();
    }

    private static void assertRefused(String code, String parameter, String more) {
        ApiException e = assertThrows(ApiException.class, () -> parse(more), more);
        assertEquals(parameter, e.parameter(), more + ": " + e.getMessage());
        assertEquals(code, e.code(), more);
        assertTrue(e.getMessage().contains(parameter), e.getMessage());
    }

    /** The model's tokenizer, with an expression that goes through blanks from each of them. */
    private static ChatTokenizer slow() throws IOException {
        SortedMap<String, byte[]> files = new TreeMap<>(model.tokenFiles().bytes());
        ObjectNode file = (ObjectNode) Http.MAPPER.readTree(files.get(TokenizerFile.NAME));
        ArrayNode parts = Http.MAPPER.createArrayNode();
        ObjectNode split = parts.addObject()
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false);
        split.putObject("pattern").put("Regex", "\\s+$");
        parts.add(file.path("pre_tokenizer"));
        file.putNull("normalizer");
        file.putObject("pre_tokenizer").put("type", "Sequence").set("pretokenizers", parts);
        files.put(TokenizerFile.NAME, Http.MAPPER.writeValueAsBytes(file));
        return ChatTokenizer.of(new TokenFiles(files));
    }

    @Test
    @Timeout(60)
    void textsThatTheTokenizerWouldTakeTooLongForAreRefused() throws IOException {
        String text = " ".repeat(20_000) + "1";
        try (ChatTokenizer slow = slow()) {
            ObjectNode chat = Http.MAPPER.createObjectNode();
            chat.putArray("messages").addObject().put("role", "user").put("content", text);
            ApiException e = assertThrows(
                    ApiException.class,
                    () -> ChatRequest.parse(
                            chat, "stories", model, slow, new FileSources(List.of()), Bytes32.ZERO, Level.AUDITED));
            assertEquals(400, e.status());
            assertEquals("messages", e.parameter());
            assertTrue(e.getMessage().contains("runs of white space, the longest of 20000 characters"), e.getMessage());
            ObjectNode completion = Http.MAPPER.createObjectNode().put("prompt", text);
            e = assertThrows(
                    ApiException.class,
                    () -> TextRequest.parse(completion, "stories", model, slow, Bytes32.ZERO, Level.AUDITED));
            assertEquals("prompt", e.parameter());
            assertTrue(e.getMessage().contains("Break them up"), e.getMessage());
            // As many as there may be characters in a body: counted before any is read.
            ArrayNode many = Http.MAPPER.createObjectNode().putArray("prompt");
            for (int i = 0; i < 1_000; i++) {
                many.add(text);
            }
            ObjectNode all = Http.MAPPER.createObjectNode().set("prompt", many);
            e = assertThrows(
                    ApiException.class,
                    () -> TextRequest.parse(all, "stories", model, slow, Bytes32.ZERO, Level.AUDITED));
            assertEquals("n", e.parameter());
        }
    }

    @Test
    void aFieldThatWouldChangeTheAnswerIsRefusedByName() throws IOException {
        for (String field : List.of(
                "\"tools\":[{}]",
                "\"echo\":true",
                "\"best_of\":2",
                "\"ignore_eos\":true",
                "\"min_tokens\":1",
                "\"stop_token_ids\":[1]",
                "\"reasoning_effort\":\"low\"",
                "\"chat_template\":\"{{ x }}\"",
                "\"chat_template_kwargs\":{\"enable_thinking\":false}",
                "\"enable_thinking\":false",
                "\"web_search_options\":{}")) {
            assertRefused("unsupported_parameter", field.split("\"")[1], "," + field);
        }
        assertRefused("unknown_parameter", "temprature", ",\"temprature\":1");
        assertRefused("unknown_parameter", "lvel", ",\"plumbline\":{\"lvel\":\"full\"}");
        assertRefused("unknown_parameter", "usage", ",\"stream_options\":{\"usage\":true}");
    }

    @Test
    void oneThatAsksForNothingIsNot() throws IOException {
        Request bare = only(",\"seed\":1");
        Request full = only(",\"seed\":1,\"presence_penalty\":0,\"frequency_penalty\":0.0,\"tools\":[],\"tool_choice\":"
                + "\"none\",\"logit_bias\":{},\"response_format\":{\"type\":\"text\"},\"repetition_penalty\":1.0,"
                + "\"user\":\"u\",\"metadata\":{\"a\":\"b\"},\"store\":false,\"parallel_tool_calls\":true,"
                + "\"stop\":null,\"n\":null,\"top_p\":null,\"max_tokens\":null,\"functions\":null,\"guided_json\":null,"
                + "\"unheard_of\":null,\"stream\":null,\"plumbline\":null,\"stream_options\":null,\"model\":null");
        assertEquals(bare.sampling(), full.sampling());
        assertEquals(bare.maxTokens(), full.maxTokens());
        assertArrayEquals(bare.promptTokens(), full.promptTokens());
        assertEquals(bare.stopTexts(), full.stopTexts());
    }

    @Test
    void aValueOfAnotherKindOrOutOfRangeIsRefusedByName() throws IOException {
        for (String field : List.of(
                "\"max_tokens\":-1",
                "\"max_tokens\":2.5",
                "\"max_completion_tokens\":0",
                "\"temperature\":-1",
                "\"temperature\":1e300",
                "\"temperature\":\"hot\"",
                "\"top_p\":0",
                "\"top_p\":1.01",
                "\"top_k\":-1",
                "\"n\":0",
                "\"n\":17",
                "\"seed\":1.5",
                "\"seed\":\"7\"",
                "\"seed\":9223372036854775808",
                "\"stream\":\"yes\"",
                "\"logprobs\":1",
                "\"top_logprobs\":2",
                "\"stop\":[1]",
                "\"stop\":\"\"",
                "\"stop\":\"\\ud800\"",
                "\"stop\":\"" + "a".repeat(257) + "\"",
                "\"stream_options\":[]",
                "\"plumbline\":\"full\"",
                "\"min_p\":1.5",
                "\"presence_penalty\":2.1",
                "\"frequency_penalty\":\"a lot\"",
                "\"repetition_penalty\":0",
                "\"logit_bias\":{\"x\":1}",
                "\"logit_bias\":{\"99999\":1}",
                "\"logit_bias\":{\"1\":101}",
                "\"logit_bias\":[1]",
                "\"tool_choice\":\"required\"",
                "\"response_format\":\"json_object\"",
                "\"response_format\":{\"type\":\"xml\"}",
                "\"grammar\":\"root ::= nowhere\"",
                "\"structured_outputs\":{\"regex\":\"(?=a)\"}",
                "\"model\":7")) {
            assertRefused("invalid_value", field.split("\"")[1], "," + field);
        }
        assertRefused("invalid_value", "stop", ",\"stop\":[" + "\"a\",".repeat(16) + "\"b\"]");
        assertRefused("invalid_value", "plumbline.level", ",\"plumbline\":{\"level\":\"half\"}");
    }

    @Test
    void whatChangesTheChoiceIsInTheRequest() throws IOException {
        Sampling sampling = only(",\"min_p\":0.05,\"presence_penalty\":0.5,\"frequency_penalty\":-0.25,"
                        + "\"repetition_penalty\":1.1,\"logit_bias\":{\"7\":-100,\"3\":0.5}")
                .sampling();
        assertEquals(50_000, sampling.minPMillionths());
        assertEquals(
                new LogitAdjustments(500_000, -250_000, 1_100_000, new int[] {3, 7}, new int[] {500_000, -100_000_000}),
                sampling.adjustments());
        for (String field : List.of(
                "\"response_format\":{\"type\":\"json_object\"}",
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
                        + "\"schema\":{\"type\":\"object\"}}}",
                "\"structured_outputs\":{\"json\":{\"type\":\"object\"}}",
                "\"structured_outputs\":{\"regex\":\"\\\\{\\\\}\"}",
                "\"guided_json\":{\"type\":\"object\"}",
                "\"guided_choice\":[\"{}\"]",
                "\"json_schema\":{\"type\":\"object\"}",
                "\"structured_outputs\":{\"choice\":[\"a\",\"{}\"]}",
                "\"grammar\":\"root ::= \\\"{}\\\"\"")) {
            Grammar grammar = Grammar.parse(only("," + field).grammar());
            assertTrue(grammar.matches("{}".getBytes(StandardCharsets.UTF_8)), field);
            assertFalse(grammar.matches("{".getBytes(StandardCharsets.UTF_8)), field);
        }
        assertRefused(
                "invalid_value",
                "response_format",
                ",\"grammar\":\"root ::= \\\"a\\\"\",\"response_format\":" + "{\"type\":\"json_object\"}");
    }

    @Test
    void aClientSaysWhichNodeAndAtWhatPrice() throws IOException {
        NodeWish wish = parse(
                        ",\"plumbline\":{\"level\":\"full\",\"node\":\"ab\",\"max_price\":3,\"prefer\":\"latency\"}")
                .wish();
        assertEquals(new NodeWish(Level.FULL, "ab", 3, NodeWish.Preference.LATENCY), wish);
        assertEquals(
                new NodeWish(Level.AUDITED, "", Long.MAX_VALUE, null), parse("").wish());
        assertTrue(parse(",\"plumbline\":{\"disclose\":true}").discloses());
        assertRefused("invalid_value", "max_price", ",\"plumbline\":{\"max_price\":-1}");
        assertRefused("invalid_value", "plumbline.prefer", ",\"plumbline\":{\"prefer\":\"beauty\"}");
    }

    @Test
    void whatIsMissingOrTooLongHasOpenAisCodes() throws IOException {
        assertRefused("model_not_found", "model", ",\"model\":\"none\"");
        for (int words : new int[] {700, 500_000}) {
            byte[] body = ("{\"messages\":[{\"role\":\"user\",\"content\":\"" + "fox ".repeat(words) + "\"}]}")
                    .getBytes(StandardCharsets.UTF_8);
            ApiException e = assertThrows(
                    ApiException.class,
                    () -> ChatRequest.parse(
                            Http.json(body, 0, body.length),
                            "stories",
                            model,
                            tokenizer,
                            new FileSources(List.of()),
                            Bytes32.ZERO,
                            Level.FULL));
            assertEquals("context_length_exceeded", e.code());
            assertEquals("messages", e.parameter());
        }
    }

    @Test
    void anyMessagesThatTheContextHoldsFitIntoABody() throws IOException {
        long messages = TextCheck.maxMessageBytes(model.config());
        assertTrue(ChatRequest.maxBodyBytes(model.config()) > 6 * messages);
        assertTrue(ChatRequest.maxBodyBytes(model.config()) < 6 * messages + (2 << 20));
    }

    @Test
    void aNullIsAFieldLeftOut() throws IOException {
        assertEquals(3, only(",\"max_tokens\":3,\"max_completion_tokens\":null").maxTokens());
        assertEquals(4, only(",\"max_tokens\":3,\"max_completion_tokens\":4").maxTokens());
        assertEquals(3, only(",\"max_tokens\":3.0").maxTokens());
    }

    @Test
    void defaultsAreOpenAis() throws IOException {
        Sampling sampling = only("").sampling();
        assertEquals(1f, sampling.temperature());
        assertEquals(1_000_000, sampling.topPMillionths());
        assertNotEquals(sampling.seed(), only("").sampling().seed(), "another answer each time");
        Set<Long> seeds = parse(",\"n\":4,\"seed\":5").requests().stream()
                .map(request -> request.sampling().seed())
                .collect(Collectors.toCollection(HashSet::new));
        assertEquals(Set.of(5L, 6L, 7L, 8L), seeds);
        assertEquals(-5, only(",\"seed\":-5").sampling().seed());
    }

    @Test
    void aBodyThatIsNoObjectIsRefusedInOneLine() throws IOException {
        for (String body :
                List.of("{bad", "", "[]", "7", "{\"a\":1,\"a\":2}", "{} {}", "\"x\"", "{\"a\":" + "[".repeat(2000))) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            ApiException e = assertThrows(
                    ApiException.class,
                    () -> ChatRequest.parse(
                            Http.json(bytes, 0, bytes.length),
                            "stories",
                            model,
                            tokenizer,
                            new FileSources(List.of()),
                            Bytes32.ZERO,
                            Level.FULL),
                    body);
            assertEquals(400, e.status());
            assertTrue(e.getMessage().lines().count() == 1 && !e.getMessage().contains("Source"), e.getMessage());
        }
        ObjectNode error = (ObjectNode) Http.openAi(400, "c", "p", "m").path("error");
        assertEquals("c", error.path("code").asText());
        assertEquals("p", error.path("param").asText());
    }
}
