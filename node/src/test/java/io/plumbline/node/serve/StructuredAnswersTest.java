package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tools, forms of answers and penalties, as clients of three APIs ask for them; what is answered keeps to them and
 * passes the audit of the model alone.
 */
@Tag("slow")
class StructuredAnswersTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final String USER =
            "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about the sea.\"}]";

    @TempDir
    static Path folder;

    private static ServedModel served;

    @BeforeAll
    static void start() throws IOException {
        served = ServedModel.start(folder);
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static JsonNode post(String path, String body) throws IOException, InterruptedException {
        return post(served, path, body);
    }

    private static JsonNode post(ServedModel model, String path, String body) throws IOException, InterruptedException {
        HttpResponse<String> response = HTTP.send(
                HttpRequest.newBuilder(URI.create(model.base() + path))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        JsonNode json = MAPPER.readTree(response.body());
        assertEquals(200, response.statusCode(), response.body());
        return json;
    }

    /** The text of a chat completion with these fields, audited. */
    private static String answer(String fields) throws Exception {
        JsonNode json = post("/chat/completions", "{" + USER + ",\"max_tokens\":160," + fields + "}");
        audit(json.path("plumbline"));
        return json.path("choices").path(0).path("message").path("content").asText();
    }

    private static void audit(JsonNode plumbline, String... more) throws Exception {
        audit(served, folder, plumbline, more);
    }

    /** @param log the folder that has the model's receipts. */
    private static void audit(ServedModel model, Path log, JsonNode plumbline, String... more) throws Exception {
        AuditCommand command = new AuditCommand();
        String[] arguments = new String[5 + more.length];
        arguments[0] = plumbline.path("receipt").asText();
        arguments[1] = "--log";
        arguments[2] = log.resolve("serve").toString();
        arguments[3] = "--model";
        arguments[4] = model.model().toString();
        System.arraycopy(more, 0, arguments, 5, more.length);
        JCommander.newBuilder().addObject(command).build().parse(arguments);
        assertEquals(0, command.call());
    }

    @Test
    void anAnswerKeepsToItsFormHoweverItIsDrawn() throws Exception {
        String schema =
                "{\"type\":\"object\",\"properties\":{\"height\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":99},"
                        + "\"calm\":{\"type\":\"boolean\"},\"word\":{\"enum\":[\"blue\",\"grey\"]},"
                        + "\"fish\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":4},"
                        + "\"maxItems\":2}},"
                        + "\"required\":[\"height\",\"calm\",\"word\",\"fish\"],\"additionalProperties\":false}";
        String format =
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"sea\",\"strict\":true,"
                        + "\"schema\":" + schema + "}}";
        for (String drawn :
                List.of("\"temperature\":0", "\"temperature\":1,\"seed\":3", "\"temperature\":3,\"seed\":4")) {
            JsonNode sea = MAPPER.readTree(answer(format + "," + drawn));
            assertEquals(4, sea.size(), sea.toString());
            assertTrue(sea.path("height").isInt() && sea.path("height").asInt() <= 99, sea.toString());
            assertTrue(sea.path("calm").isBoolean() && sea.path("fish").size() <= 2, sea.toString());
            assertTrue(List.of("blue", "grey").contains(sea.path("word").asText()), sea.toString());
            String code = answer("\"structured_outputs\":{\"regex\":\"[A-Z]{2}-\\\\d{3}\"}," + drawn);
            assertTrue(code.matches("[A-Z]{2}-\\d{3}"), code);
            String choice = answer("\"structured_outputs\":{\"choice\":[\"calm\",\"très agitée 🌊\"]}," + drawn);
            assertTrue(List.of("calm", "très agitée 🌊").contains(choice), choice);
        }
    }

    @Test
    void penaltiesAndBiasesChangeTheAnswerAndAreAudited() throws Exception {
        String plain = answer("\"temperature\":0,\"max_completion_tokens\":40");
        for (String field : List.of(
                "\"frequency_penalty\":2",
                "\"presence_penalty\":2",
                "\"repetition_penalty\":1.8",
                "\"logit_bias\":{\"300\":100}")) {
            assertNotEquals(plain, answer("\"temperature\":0,\"max_completion_tokens\":40," + field), field);
        }
        assertEquals(plain, answer("\"temperature\":0,\"max_completion_tokens\":40,\"min_p\":0.5"));
    }

    private static final String TOOL =
            "{\"type\":\"function\",\"function\":{\"name\":\"depth\",\"description\":\"Metres.\","
                    + "\"parameters\":{\"type\":\"object\",\"properties\":{\"metres\":{\"type\":\"integer\","
                    + "\"maximum\":11000,"
                    + "\"minimum\":0}},\"required\":[\"metres\"],\"additionalProperties\":false}}}";

    @Test
    void aCallThatIsAskedForComesAndItsResultGoesBack() throws Exception {
        JsonNode json = post(
                "/chat/completions",
                "{" + USER + ",\"temperature\":0,\"max_tokens\":120,\"tools\":[" + TOOL
                        + "],\"tool_choice\":\"required\"," + "\"parallel_tool_calls\":false}");
        JsonNode choice = json.path("choices").path(0);
        assertEquals("tool_calls", choice.path("finish_reason").asText(), json.toString());
        assertTrue(choice.path("message").path("content").isNull());
        JsonNode call = choice.path("message").path("tool_calls").path(0);
        assertEquals("depth", call.path("function").path("name").asText());
        JsonNode arguments =
                MAPPER.readTree(call.path("function").path("arguments").asText());
        assertTrue(arguments.path("metres").isInt() && arguments.path("metres").asInt() <= 11_000);
        // The receipt is for the text that the call was read out of.
        Path text = folder.resolve("call");
        Files.writeString(text, json.path("plumbline").path("text").asText());
        audit(json.path("plumbline"), "--answer", text.toString());
        String second = "{\"messages\":[{\"role\":\"user\",\"content\":\"How deep?\"},"
                + MAPPER.createObjectNode()
                        .put("role", "assistant")
                        .putNull("content")
                        .set("tool_calls", choice.path("message").path("tool_calls"))
                + ",{\"role\":\"tool\",\"tool_call_id\":" + call.path("id") + ",\"content\":\"Deep.\"}],\"tools\":["
                + TOOL + "],\"max_tokens\":8,\"temperature\":0}";
        JsonNode told = post("/chat/completions", second);
        audit(told.path("plumbline"));
        assertEquals(
                "length", told.path("choices").path(0).path("finish_reason").asText());
    }

    /** The model calls a tool or answers in the form: nothing else. */
    @Test
    void besideToolsAnAnswerIsACallOrInItsForm() throws Exception {
        String form = "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"sea\",\"schema\":"
                + "{\"type\":\"object\",\"properties\":{\"calm\":{\"type\":\"boolean\"}},\"required\":[\"calm\"],"
                + "\"additionalProperties\":false}}}";
        int called = 0;
        for (int seed = 1; seed <= 6; seed++) {
            JsonNode json = post(
                    "/chat/completions",
                    "{" + USER + ",\"temperature\":3,\"seed\":" + seed + ",\"max_tokens\":160,\"tools\":[" + TOOL + "],"
                            + form + "}");
            audit(json.path("plumbline"));
            JsonNode message = json.path("choices").path(0).path("message");
            if (message.path("tool_calls").isEmpty()) {
                JsonNode sea = MAPPER.readTree(message.path("content").asText());
                assertTrue(sea.size() == 1 && sea.path("calm").isBoolean(), message.toString());
            } else {
                called++;
                JsonNode function = message.path("tool_calls").path(0).path("function");
                assertTrue(
                        MAPPER.readTree(function.path("arguments").asText())
                                .path("metres")
                                .isInt(),
                        message.toString());
            }
        }
        assertTrue(called > 0 && called < 6, called + " of 6 were calls");
        // Where a call is asked for, it is one.
        JsonNode json = post(
                "/chat/completions",
                "{" + USER + ",\"temperature\":0,\"max_tokens\":120,\"tool_choice\":\"required\",\"tools\":[" + TOOL
                        + "]," + form + "}");
        assertEquals(
                "tool_calls", json.path("choices").path(0).path("finish_reason").asText());
    }

    /** In each API's words, as the arguments are written, and together those of the whole answer. */
    @Test
    void aCallThatIsAskedForIsStreamedInPieces() throws Exception {
        String more = ",\"temperature\":0,\"max_tokens\":120,\"tools\":[" + TOOL + "],\"tool_choice\":\"required\","
                + "\"parallel_tool_calls\":false";
        JsonNode whole = post("/chat/completions", "{" + USER + more + "}")
                .path("choices")
                .path(0)
                .path("message")
                .path("tool_calls")
                .path(0);
        StringBuilder arguments = new StringBuilder();
        List<String> ids = new ArrayList<>();
        String finish = "";
        for (JsonNode event : events("/chat/completions", "{" + USER + more + ",\"stream\":true}")) {
            JsonNode choice = event.path("choices").path(0);
            JsonNode call = choice.path("delta").path("tool_calls").path(0);
            if (call.has("id")) {
                ids.add(call.path("id").asText());
                assertEquals("depth", call.path("function").path("name").asText());
            }
            arguments.append(call.path("function").path("arguments").asText(""));
            finish = choice.path("finish_reason").asText(finish);
        }
        assertEquals(1, ids.size(), "named once");
        assertTrue(ids.getFirst().startsWith("call_"), ids.toString());
        assertEquals(whole.path("function").path("arguments").asText(), arguments.toString());
        assertEquals("tool_calls", finish);
    }

    /** The part told before is ended as each API ends what is not whole. */
    @Test
    void aCallThatIsCutShortEndsInEachApisWords() throws Exception {
        String tool = "{\"name\":\"tell\",\"%s\":{\"type\":\"object\",\"properties\":{\"story\":{\"type\":\"string\","
                + "\"minLength\":500}},\"required\":[\"story\"],\"additionalProperties\":false}}";
        String openAi = USER + ",\"temperature\":0,\"max_tokens\":60,\"stream\":true,\"tool_choice\":\"required\","
                + "\"tools\":[{\"type\":\"function\",\"function\":" + tool.formatted("parameters") + "}]";
        StringBuilder arguments = new StringBuilder();
        String finish = "";
        for (JsonNode event : events("/chat/completions", "{" + openAi + "}")) {
            JsonNode choice = event.path("choices").path(0);
            arguments.append(choice.path("delta")
                    .path("tool_calls")
                    .path(0)
                    .path("function")
                    .path("arguments")
                    .asText(""));
            finish = choice.path("finish_reason").asText(finish);
        }
        assertTrue(arguments.toString().startsWith("{\"story\":\""), arguments.toString());
        assertEquals("length", finish);
        List<JsonNode> anthropic = events(
                "/messages",
                "{" + USER + ",\"temperature\":0,\"max_tokens\":60,\"stream\":true,\"tool_choice\":{\"type\":\"any\"},"
                        + "\"tools\":[" + tool.formatted("input_schema") + "]}");
        assertEquals(
                1,
                anthropic.stream()
                        .filter(event -> event.path("type").asText().equals("content_block_start"))
                        .count());
        assertEquals(
                1,
                anthropic.stream()
                        .filter(event -> event.path("type").asText().equals("content_block_stop"))
                        .count());
        assertEquals("message_stop", anthropic.getLast().path("type").asText());
        JsonNode ended = events(
                        "/responses",
                        "{\"input\":\"Tell me a story.\",\"temperature\":0,\"max_output_tokens\":60,\"stream\":true,"
                                + "\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\","
                                + tool.formatted("parameters").substring(1) + "]}")
                .getLast();
        assertEquals("response.incomplete", ended.path("type").asText(), ended.toString());
        JsonNode item = ended.path("response").path("output").path(0);
        assertEquals("incomplete", item.path("status").asText(), ended.toString());
        assertEquals("tell", item.path("name").asText());
    }

    private static List<JsonNode> events(String path, String body) throws Exception {
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(served.base() + path))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertEquals(200, response.statusCode(), response.body());
        List<JsonNode> events = new ArrayList<>();
        for (String line :
                response.body().lines().filter(one -> one.startsWith("data: {")).toList()) {
            events.add(MAPPER.readTree(line.substring("data: ".length())));
        }
        return events;
    }

    /** The signed text is all of it: what is reasoned is audited as what is said is, in a form as without. */
    @Test
    void anAnswerThatReasonsIsAuditedWithItsReasoning() throws Exception {
        Path own = Files.createDirectory(folder.resolve("reasoning"));
        String template = "{% for m in messages %}<|user|>{{ m.content.split('</think>')[-1] }}<|end|>{% endfor %}"
                + "<|assistant|><think>\n";
        try (ServedModel reasoning = ServedModel.start(own, template)) {
            for (String form : List.of("", ",\"structured_outputs\":{\"choice\":[\"yes\",\"no\"]}")) {
                JsonNode json = post(
                        reasoning,
                        "/chat/completions",
                        "{" + USER + ",\"temperature\":0,\"max_tokens\":30" + form + "}");
                JsonNode message = json.path("choices").path(0).path("message");
                assertEquals("", message.path("content").asText("null"), json.toString());
                String text = json.path("plumbline").path("text").asText();
                assertEquals(text.strip(), message.path("reasoning_content").asText());
                Path file = own.resolve("answer");
                Files.writeString(file, text);
                audit(reasoning, own, json.path("plumbline"), "--answer", file.toString());
            }
        }
    }

    /** With the bytes a client without a tokenizer checks that its messages and the text are those of the receipt. */
    @Test
    void aClientThatAsksIsToldTheBytesBehindTheHashes() throws Exception {
        String fields = "\"max_tokens\":12,\"temperature\":0,\"plumbline\":{\"disclose\":true}";
        JsonNode json = post("/chat/completions", "{" + USER + "," + fields + "}");
        JsonNode plumbline = json.path("plumbline");
        Receipt receipt =
                Receipt.decode(HexFormat.of().parseHex(plumbline.path("receipt").asText()));
        Request request = Request.decode(
                Base64.getDecoder().decode(plumbline.path("request").asText()));
        Answer answer = Answer.decode(
                Base64.getDecoder().decode(plumbline.path("answer").asText()));
        assertNull(ReceiptCheck.binding(receipt, request, answer));
        assertEquals(MAPPER.readTree("{" + USER + "}").get("messages"), MAPPER.readTree(request.messages()));
        assertEquals(
                json.path("choices").path(0).path("message").path("content").asText(), answer.text());
        assertTrue(post("/chat/completions", "{" + USER + ",\"max_tokens\":1}")
                .path("plumbline")
                .path("request")
                .isMissingNode());
    }

    @ParameterizedTest
    @ValueSource(strings = {"tools", "anthropic", "responses", "ai-tools"})
    void clientsThatPeopleHaveWorkUnmodified(String client) throws Exception {
        NpmClients.check(client, served.base());
    }
}
