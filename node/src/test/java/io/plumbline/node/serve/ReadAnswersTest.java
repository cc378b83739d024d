package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.client.ChatAnswer;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.ChatStream;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.VerificationException;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.receipt.Answer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Answers of models that reason and call tools, as clients of each API are told them, whole and in pieces. A node signs
 * what a test has written in place of the model's answer.
 */
@Tag("slow")
class ReadAnswersTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** As gpt-oss's has it, as far as reading an answer goes. */
    private static final String HARMONY =
            "{% if tools %}<|start|>developer<|message|>{% for tool in tools %}{{ tool.function.name }}{% endfor %}<|end|>"
                    + "{% endif %}{% for message in messages %}<|start|>{{ message.role }}"
                    + "{% if message.thinking %}<|channel|>analysis<|message|>{{ message.thinking }}"
                    + "{% else %}<|message|>{{ message.content }}{% endif %}"
                    + "{% if message.tool_calls %}<|call|>{% else %}<|end|>{% endif %}{% endfor %}<|start|>assistant"
                    + "{# <|return|> #}";

    private static final List<String> HARMONY_TOKENS =
            List.of("<|start|>", "<|channel|>", "<|return|>", "<|message|>", "<|end|>", "<|call|>", "<|constrain|>");

    /** As that of DeepSeek's distilled models, which begins the reasoning itself. */
    private static final String THINK =
            "{% for m in messages %}<|user|>{{ m.content.split('</think>')[-1] }}{% endfor %}"
                    + "<|assistant|><think>\n";

    /** As Qwen3's, which is told whether to. */
    private static final String MAY_THINK = "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}<|assistant|>"
            + "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}";

    private static final List<String> THINK_TOKENS = List.of("<|user|>", "<|assistant|>", "<|end|>");

    private static final String ANSWERED = "⟦<|channel|>⟧analysis⟦<|message|>⟧The user asks. I know it.⟦<|end|>⟧"
            + "⟦<|start|>⟧assistant⟦<|channel|>⟧final⟦<|message|>⟧It is 95 m deep: \"<|end|>\".⟦<|return|>⟧";

    private static final String CALLED = "⟦<|channel|>⟧analysis⟦<|message|>⟧I look it up.⟦<|end|>⟧⟦<|start|>⟧assistant"
            + "⟦<|channel|>⟧commentary to=functions.depth ⟦<|constrain|>⟧json⟦<|message|>⟧"
            + "{\"sea\": \"North\", \"unit\": \"m\"}⟦<|call|>⟧";

    /** As Gemma 4's, as far as reading an answer goes; tools answer beside their calls. */
    private static final String GEMMA = "{% for tool in tools or [] %}<|tool_call>{{ tool.function.name }}{% endfor %}"
            + "{% for message in messages %}<|turn>{{ message.role }} {{ message.content }}"
            + "{% for call in message.tool_calls %}{{ call.function.name }}{% endfor %}"
            + "{% for answer in message.tool_responses %}<|tool_response>{{ answer.name }} {{ answer.response }}"
            + "{% endfor %}<turn|>{% endfor %}<|turn>model{# <|\"|> <|channel> <channel|> #}";

    private static final List<String> GEMMA_TOKENS = List.of(
            "<|turn>",
            "<|channel>",
            "<eos>",
            "<turn|>",
            "<channel|>",
            "<|tool_call>",
            "<tool_call|>",
            "<|tool_response>",
            "<|\"|>");

    private static final String GEMMA_CALLED = "⟦<|channel>⟧thought\nI look it up.\n⟦<channel|>⟧⟦<|tool_call>⟧"
            + "call:depth{in:⟦<|\"|>⟧m, \"deep\"⟦<|\"|>⟧,sea:⟦<|\"|>⟧North⟦<|\"|>⟧}⟦<tool_call|>⟧⟦<|tool_response>⟧";

    private static final String USER = "\"messages\":[{\"role\":\"user\",\"content\":\"How deep is it?\"}]";
    private static final String FUNCTION = "\"name\":\"depth\",\"description\":\"Metres.\"";
    private static final String TOOLS =
            ",\"tools\":[{\"type\":\"function\",\"function\":{" + FUNCTION + "}}],\"max_tokens\":200";

    @TempDir
    Path folder;

    private final HttpClient http = HttpClient.newHttpClient();
    private LoadedModel model;
    private ChatTokenizer tokenizer;
    private ScriptedAnswers node;
    private ApiServer server;

    private void serve(String template, List<String> controls) throws IOException {
        model = TestModels.shippedWith(template, controls, folder);
        tokenizer = ChatTokenizer.of(model.tokenFiles());
        node = new ScriptedAnswers(model, tokenizer);
        server = new ApiServer(
                node,
                new FileSources(List.of()),
                Map.of("stories", model.folder()),
                Level.SIGNED,
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                routes -> {},
                Throwable::printStackTrace);
    }

    @AfterEach
    void close() {
        CloseHelper.closeAll(server, tokenizer, model);
    }

    private String base() {
        return "http://localhost:" + server.port() + "/v1";
    }

    private String send(String path, String body) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(
                HttpRequest.newBuilder(URI.create(base() + path))
                        .POST(HttpRequest.BodyPublishers.ofString("{" + body + "}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(200, response.statusCode(), response.body());
        return response.body();
    }

    private JsonNode whole(String path, String body) throws IOException, InterruptedException {
        return MAPPER.readTree(send(path, body));
    }

    private List<JsonNode> events(String path, String body) throws IOException, InterruptedException {
        List<JsonNode> events = new ArrayList<>();
        for (String line : send(path, body + ",\"stream\":true")
                .lines()
                .filter(one -> one.startsWith("data: {"))
                .toList()) {
            events.add(MAPPER.readTree(line.substring("data: ".length())));
        }
        return events;
    }

    private static List<String> texts(JsonNode list, String field) {
        return StreamSupport.stream(list.spliterator(), false)
                .map(one -> one.path(field).asText())
                .toList();
    }

    /** The message that a stream's deltas come to. */
    private static ObjectNode together(List<JsonNode> events) {
        ObjectNode message = MAPPER.createObjectNode().put("role", "assistant");
        for (JsonNode event : events) {
            JsonNode delta = event.path("choices").path(0).path("delta");
            for (String field : List.of("reasoning_content", "content")) {
                if (delta.has(field)) {
                    message.put(
                            field,
                            message.path(field).asText("") + delta.get(field).asText());
                }
            }
            for (JsonNode call : delta.path("tool_calls")) {
                ObjectNode all = message.withArray("tool_calls").isEmpty()
                        ? message.withArray("tool_calls").addObject()
                        : (ObjectNode) message.withArray("tool_calls")
                                .get(call.path("index").asInt());
                if (call.has("id")) {
                    assertEquals(
                            "", call.path("function").path("arguments").asText("none"), "it comes behind the name");
                    all.put("id", call.get("id").asText()).put("type", "function");
                    all.set("function", call.get("function").deepCopy());
                } else {
                    ObjectNode function = (ObjectNode) all.get("function");
                    function.put(
                            "arguments",
                            function.get("arguments").asText()
                                    + call.path("function").path("arguments").asText());
                }
            }
        }
        return message;
    }

    private static String finish(List<JsonNode> events) {
        return events.stream()
                .map(event ->
                        event.path("choices").path(0).path("finish_reason").asText("null"))
                .filter(reason -> !reason.equals("null"))
                .collect(Collectors.joining());
    }

    @Test
    void theChannelsOfGptOssAreReasoningAndContent() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        node.script = ANSWERED;
        JsonNode json = whole("/chat/completions", USER + ",\"plumbline\":{\"disclose\":true}");
        JsonNode message = json.path("choices").path(0).path("message");
        assertEquals(
                "The user asks. I know it.", message.path("reasoning_content").asText());
        assertEquals("It is 95 m deep: \"<|end|>\".", message.path("content").asText());
        assertEquals("stop", json.path("choices").path(0).path("finish_reason").asText());
        int thought = json.path("usage")
                .path("completion_tokens_details")
                .path("reasoning_tokens")
                .asInt();
        assertEquals(tokenizer.text("The user asks. I know it.").length + 1, thought, "and the one that ends them");
        // The receipt is for all of the text.
        Answer signed = Answer.decode(
                Base64.getDecoder().decode(json.path("plumbline").path("answer").asText()));
        assertEquals(signed.text(), json.path("plumbline").path("text").asText());
        assertTrue(signed.text().contains("I know it.assistantfinalIt is"), signed.text());
        List<JsonNode> events = events("/chat/completions", USER);
        ObjectNode together = together(events);
        assertEquals(message, together);
        assertEquals("stop", finish(events));
        assertTrue(events.size() > 8, "it comes in pieces: " + events.size());
        assertEquals(
                signed.text(), events.getLast().path("plumbline").path("text").asText());
    }

    @Test
    void aCallOfGptOssIsStreamedAsItIsWritten() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        node.script = CALLED;
        JsonNode choice =
                whole("/chat/completions", USER + TOOLS).path("choices").path(0);
        JsonNode message = choice.path("message");
        assertEquals("tool_calls", choice.path("finish_reason").asText());
        assertEquals("I look it up.", message.path("reasoning_content").asText());
        assertTrue(message.path("content").isNull());
        JsonNode function = message.path("tool_calls").path(0).path("function");
        assertEquals("depth", function.path("name").asText());
        assertEquals(
                "{\"sea\":\"North\",\"unit\":\"m\"}", function.path("arguments").asText());
        List<JsonNode> events = events("/chat/completions", USER + TOOLS);
        ObjectNode together = together(events);
        assertEquals("tool_calls", finish(events));
        assertEquals(message.path("reasoning_content"), together.path("reasoning_content"));
        assertEquals(function, together.path("tool_calls").path(0).path("function"));
        long pieces = events.stream()
                .map(event -> event.path("choices")
                        .path(0)
                        .path("delta")
                        .path("tool_calls")
                        .path(0))
                .filter(call -> call.has("index") && !call.has("id"))
                .count();
        assertTrue(pieces > 2, pieces + " pieces of arguments");
        // Its reasoning and its call go back, with the result.
        node.script = ANSWERED;
        whole(
                "/chat/completions",
                "\"messages\":[{\"role\":\"user\",\"content\":\"How deep?\"}," + message + ",{\"role\":\"tool\","
                        + "\"tool_call_id\":"
                        + message.path("tool_calls").path(0).path("id")
                        + ",\"content\":\"95 m\"}]" + TOOLS);
        String prompt = Arrays.stream(node.asked.promptTokens())
                .mapToObj(tokenizer::name)
                .collect(Collectors.joining());
        assertTrue(prompt.contains("<|message|>I look it up."), prompt);
    }

    @Test
    void anAnswerThatIsCutShortSaysWhatThereIs() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        node.script = ANSWERED;
        String few = USER + ",\"max_tokens\":8";
        JsonNode choice = whole("/chat/completions", few).path("choices").path(0);
        assertEquals("length", choice.path("finish_reason").asText());
        String thought = choice.path("message").path("reasoning_content").asText();
        assertTrue(!thought.isEmpty() && "The user asks. I know it.".startsWith(thought), thought);
        assertEquals("", choice.path("message").path("content").asText("null"));
        List<JsonNode> events = events("/chat/completions", few);
        assertEquals("length", finish(events));
        assertEquals(choice.path("message"), together(events));
    }

    @Test
    void theResponsesApiHasReasoningAsItems() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        String input = "\"input\":\"How deep is it?\",\"max_output_tokens\":200";
        node.script = ANSWERED;
        JsonNode json = whole("/responses", input);
        assertEquals(List.of("reasoning", "message"), texts(json.path("output"), "type"));
        assertEquals(
                "The user asks. I know it.",
                json.path("output").path(0).path("content").path(0).path("text").asText());
        assertEquals(
                "It is 95 m deep: \"<|end|>\".",
                json.path("output").path(1).path("content").path(0).path("text").asText());
        List<JsonNode> events = events("/responses", input);
        assertEquals(
                List.of(
                        "response.created",
                        "response.in_progress",
                        "response.output_item.added",
                        "response.content_part.added",
                        "response.reasoning_text.delta",
                        "response.reasoning_text.done",
                        "response.content_part.done",
                        "response.output_item.done",
                        "response.output_item.added",
                        "response.content_part.added",
                        "response.output_text.delta",
                        "response.output_text.done",
                        "response.content_part.done",
                        "response.output_item.done",
                        "response.completed"),
                events.stream()
                        .map(event -> event.path("type").asText())
                        .reduce(
                                new ArrayList<String>(),
                                (all, type) -> {
                                    if (all.isEmpty() || !all.getLast().equals(type)) {
                                        all.add(type);
                                    }
                                    return all;
                                },
                                (one, other) -> one));
        JsonNode streamed = events.getLast().path("response").path("output");
        assertEquals(
                json.path("usage").path("output_tokens_details"),
                events.getLast().path("response").path("usage").path("output_tokens_details"));
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    json.path("output").path(i).path("content"),
                    streamed.path(i).path("content"));
        }
        // Both go back as they came.
        node.script = CALLED;
        String tools = ",\"tools\":[{\"type\":\"function\"," + FUNCTION + "}]";
        JsonNode called = whole("/responses", input + tools);
        assertEquals(List.of("reasoning", "function_call"), texts(called.path("output"), "type"));
        node.script = ANSWERED;
        whole(
                "/responses",
                "\"input\":[{\"role\":\"user\",\"content\":\"How deep?\"},"
                        + called.path("output").path(0) + ","
                        + called.path("output").path(1) + ",{\"type\":\"function_call_output\",\"call_id\":"
                        + called.path("output").path(1).path("call_id") + ",\"output\":\"95 m\"}]" + tools);
        JsonNode told = MAPPER.readTree(node.asked.messages()).path("messages").path(1);
        assertEquals("I look it up.", told.path("reasoning_content").asText(), told.toString());
        assertEquals(1, told.path("tool_calls").size());
    }

    /** Its blocks of reasoning have signatures that Anthropic's servers alone can make: none is told. */
    @Test
    void anthropicsApiHasWhatIsSaidAndCalled() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        node.script = ANSWERED;
        String body = USER + ",\"max_tokens\":200";
        JsonNode json = whole("/messages", body);
        assertEquals(List.of("text"), texts(json.path("content"), "type"));
        assertEquals(
                "It is 95 m deep: \"<|end|>\".",
                json.path("content").path(0).path("text").asText());
        assertTrue(json.path("plumbline").path("text").asText().contains("I know it."));
        node.script = CALLED;
        String tools = ",\"tools\":[{\"name\":\"depth\",\"input_schema\":{\"type\":\"object\"}}]";
        JsonNode called = whole("/messages", body + tools);
        assertEquals(List.of("tool_use"), texts(called.path("content"), "type"));
        assertEquals(
                "North",
                called.path("content").path(0).path("input").path("sea").asText());
        String heard = events("/messages", body + tools).stream()
                .map(event -> event.path("delta").path("partial_json").asText(""))
                .collect(Collectors.joining());
        assertEquals(called.path("content").path(0).path("input"), MAPPER.readTree(heard));
    }

    @Test
    void reasoningThatThePromptHasBegunEndsWithItsTag() throws Exception {
        serve(THINK, THINK_TOKENS);
        node.script = "I know it.\n</think>\n\nIt is deep.⟦<|end|>⟧";
        JsonNode json = whole("/chat/completions", USER);
        JsonNode message = json.path("choices").path(0).path("message");
        assertEquals("I know it.", message.path("reasoning_content").asText());
        assertEquals("It is deep.", message.path("content").asText());
        assertEquals(
                "I know it.\n</think>\n\nIt is deep.",
                json.path("plumbline").path("text").asText());
        assertEquals(message, together(events("/chat/completions", USER)));
        // Text completions are what the model writes.
        JsonNode text = whole("/completions", "\"prompt\":\"How deep\",\"max_tokens\":100");
        assertEquals(
                "I know it.\n</think>\n\nIt is deep.",
                text.path("choices").path(0).path("text").asText());
        assertFalse(text.path("plumbline").has("text"));
    }

    /** The grammar begins behind the reasoning. */
    @Test
    void anAnswerInAFormIsReasonedAboutFirstWhereThePromptBeginsIt() throws Exception {
        serve(THINK, THINK_TOKENS);
        node.script = "I know it.</think>{}⟦<|end|>⟧";
        JsonNode message = whole("/chat/completions", USER + ",\"response_format\":{\"type\":\"json_object\"}")
                .path("choices")
                .path(0)
                .path("message");
        assertEquals("I know it.", message.path("reasoning_content").asText());
        assertEquals("{}", message.path("content").asText());
        Grammar grammar = Grammar.parse(node.asked.grammar());
        assertTrue(grammar.matches("I know <it>.</think>\n\n{\"a\": 1}".getBytes(StandardCharsets.UTF_8)));
        assertFalse(grammar.matches("{\"a\": 1}".getBytes(StandardCharsets.UTF_8)));
        assertFalse(grammar.matches("I know it.</think>Well".getBytes(StandardCharsets.UTF_8)));
    }

    /** It checks that what it shows is what was signed. */
    @Test
    void theJavaClientChecksWhatIsReadOutOfTheSignedText() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        node.script = ANSWERED;
        try (PlumblineClient client =
                PlumblineClient.builder().baseUrl(base()).checkContent(true).build()) {
            ChatRequest request =
                    ChatRequest.builder().user("How deep is it?").maxTokens(200).build();
            ChatAnswer answer = client.chat(request);
            assertEquals("It is 95 m deep: \"<|end|>\".", answer.text());
            assertEquals("The user asks. I know it.", answer.reasoning());
            try (ChatStream stream = client.stream(request)) {
                assertEquals(answer.text(), stream.answer().text());
                assertEquals(answer.reasoning(), stream.answer().reasoning());
            }
        }
    }

    @Test
    void clientsThatPeopleHaveReadReasoningAndCalls() throws Exception {
        serve(HARMONY, HARMONY_TOKENS);
        node.script = CALLED;
        NpmClients.check("reasoning", base());
    }

    @Test
    void aTemplateIsToldNotToThinkAndClientsFindThatInTheReceipt() throws Exception {
        serve(MAY_THINK, THINK_TOKENS);
        node.script = "It is 95 m deep.⟦<|end|>⟧";
        try (PlumblineClient client =
                PlumblineClient.builder().baseUrl(base()).checkContent(true).build()) {
            for (ChatRequest request : List.of(
                    ChatRequest.builder()
                            .user("How deep is it?")
                            .reasoningEffort("none")
                            .build(),
                    ChatRequest.builder()
                            .user("How deep is it?")
                            .field("chat_template_kwargs", MAPPER.readTree("{\"enable_thinking\":false}"))
                            .build())) {
                assertEquals("It is 95 m deep.", client.chat(request).text());
            }
        }
        JsonNode responses = whole("/responses", "\"input\":\"How deep is it?\",\"reasoning\":{\"effort\":\"none\"}");
        assertEquals("completed", responses.path("status").asText());
        HttpResponse<String> refused = http.send(
                HttpRequest.newBuilder(URI.create(base() + "/chat/completions"))
                        .POST(HttpRequest.BodyPublishers.ofString("{" + USER + ",\"reasoning_effort\":\"high\"}"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(400, refused.statusCode());
        assertEquals(
                "reasoning_effort",
                MAPPER.readTree(refused.body()).path("error").path("param").asText());
    }

    @Test
    void theChannelsAndCallsOfGemma4AreReasoningAndCalls() throws Exception {
        serve(GEMMA, GEMMA_TOKENS);
        node.script = GEMMA_CALLED;
        JsonNode json = whole("/chat/completions", USER + TOOLS);
        JsonNode choice = json.path("choices").path(0);
        JsonNode message = choice.path("message");
        assertEquals("tool_calls", choice.path("finish_reason").asText());
        assertEquals("I look it up.", message.path("reasoning_content").asText());
        assertTrue(message.path("content").isNull());
        JsonNode function = message.path("tool_calls").path(0).path("function");
        assertEquals("depth", function.path("name").asText());
        assertEquals(
                "{\"in\":\"m, \\\"deep\\\"\",\"sea\":\"North\"}",
                function.path("arguments").asText());
        // Of control tokens nothing stands in the text that is signed.
        assertEquals(
                "thought\nI look it up.\ncall:depth{in:m, \"deep\",sea:North}",
                json.path("plumbline").path("text").asText());
        List<JsonNode> events = events("/chat/completions", USER + TOOLS);
        ObjectNode together = together(events);
        assertEquals("tool_calls", finish(events));
        assertEquals(message.path("reasoning_content"), together.path("reasoning_content"));
        assertEquals(function, together.path("tool_calls").path(0).path("function"));
        String tools = ",\"tools\":[{\"type\":\"function\"," + FUNCTION + "}],\"max_output_tokens\":200";
        JsonNode responses = whole("/responses", "\"input\":\"How deep is it?\"" + tools);
        assertEquals(List.of("reasoning", "function_call"), texts(responses.path("output"), "type"));
        JsonNode anthropic = whole(
                "/messages",
                USER + ",\"max_tokens\":200,\"tools\":[{\"name\":\"depth\",\"input_schema\":{\"type\":\"object\"}}]");
        assertEquals(List.of("tool_use"), texts(anthropic.path("content"), "type"));
        assertEquals(
                "North",
                anthropic.path("content").path(0).path("input").path("sea").asText());
        // The call and its answer go back, beside each other.
        node.script = "⟦<|channel>⟧thought\n⟦<channel|>⟧95 m.⟦<turn|>⟧";
        JsonNode said = whole(
                "/chat/completions",
                "\"messages\":[{\"role\":\"user\",\"content\":\"How deep?\"}," + message + ",{\"role\":\"tool\","
                        + "\"tool_call_id\":"
                        + message.path("tool_calls").path(0).path("id") + ",\"content\":\"95 m\"}]" + TOOLS);
        assertEquals(
                "95 m.",
                said.path("choices").path(0).path("message").path("content").asText());
        String prompt = Arrays.stream(node.asked.promptTokens())
                .mapToObj(tokenizer::name)
                .collect(Collectors.joining());
        assertTrue(prompt.contains("depth<|tool_response>depth 95 m<turn|>"), prompt);
        try (PlumblineClient client =
                PlumblineClient.builder().baseUrl(base()).checkContent(true).build()) {
            ChatRequest request =
                    ChatRequest.builder().user("How deep is it?").maxTokens(200).build();
            assertEquals("95 m.", client.chat(request).text());
            ChatRequest withTools = ChatRequest.builder()
                    .user("How deep is it?")
                    .maxTokens(200)
                    .field("tools", MAPPER.readTree("[{\"type\":\"function\",\"function\":{" + FUNCTION + "}}]"))
                    .build();
            node.script = GEMMA_CALLED;
            assertEquals("I look it up.", client.chat(withTools).reasoning());
            // Where reasoning ends that only a control token parts from what is said is not for it to know.
            node.script = "⟦<|channel>⟧thought\nI know it.⟦<channel|>⟧95 m.⟦<turn|>⟧";
            assertEquals(
                    "TEXT",
                    assertThrows(VerificationException.class, () -> client.chat(request))
                            .failure());
        }
    }
}
