package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.client.ChatAnswer;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.ChatStream;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.PlumblineClientBuilder;
import io.plumbline.client.VerificationException;
import io.plumbline.inference.language.model.LoadedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Java client, which compares what was signed with what it sent, against the server that signs it: whatever it
 * sends, an honest server's request is the one that it expects.
 */
@Tag("slow")
class ClientOptionsTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String FUNCTION = "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
            + "{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[\"x\",\"y\"]}},\"required\":[\"a\"]}%s}}";
    private static final String TOOLS = "\"tools\":[" + FUNCTION.formatted("") + "]";

    /** Each changes what an answer is chosen by; those of a line exclude each other. */
    private static final List<List<String>> OPTIONS = List.of(
            List.of("\"temperature\":0", "\"temperature\":0.7", "\"temperature\":1.3e0", "\"temperature\":null"),
            List.of("\"top_p\":0.9", "\"top_p\":1", "\"top_p\":0.3333333333"),
            List.of("\"top_k\":0", "\"top_k\":40.0"),
            List.of("\"min_p\":0.05", "\"min_p\":0.0000006"),
            List.of("\"seed\":7", "\"seed\":-9223372036854775808", "\"seed\":3.0"),
            List.of("\"presence_penalty\":0.6", "\"presence_penalty\":-2"),
            List.of("\"frequency_penalty\":0.123456789", "\"frequency_penalty\":0"),
            List.of("\"repetition_penalty\":1.1", "\"repetition_penalty\":1"),
            List.of("\"logit_bias\":{\"300\":-100,\"007\":1.5,\"9\":0}", "\"logit_bias\":{}"),
            List.of(
                    "\"max_tokens\":4",
                    "\"max_completion_tokens\":5",
                    "\"max_tokens\":3,\"max_completion_tokens\":6",
                    "\"max_tokens\":100000",
                    "\"max_tokens\":2.0"),
            List.of("\"stop\":\"a\"", "\"stop\":[\"he\",\" t\"]", "\"stop\":[]", "\"stop\":\".\""),
            List.of(
                    "\"grammar\":\"root ::= \\\"y\\\" [a-z ]{1,9} # all\\n\"",
                    "\"response_format\":{\"type\":\"json_object\"}",
                    "\"response_format\":{\"type\":\"text\"}",
                    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,"
                            + "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}}}",
                    "\"json_schema\":{\"enum\":[\"one\",\"two\"]}",
                    "\"guided_json\":{\"type\":\"boolean\"}",
                    "\"guided_regex\":\"[a-f]{2,4}\"",
                    "\"guided_choice\":[\"it\\\"s\",\"a\\\\b\\nc\\u0007\"]",
                    "\"guided_grammar\":\"root ::= \\\"z\\\"\"",
                    "\"structured_outputs\":{\"choice\":[\"red\",\"blue\"]}",
                    "\"structured_outputs\":{\"choice\":\"red\"}",
                    "\"structured_outputs\":{\"regex\":\"[a-f]+\"}",
                    "\"structured_outputs\":{\"json\":{\"const\":1.50}}",
                    "\"structured_outputs\":{\"json_object\":true}",
                    "\"structured_outputs\":{\"grammar\":\"root ::= \\\"z\\\" | x\\nx ::= [0-9]\"}"),
            List.of(
                    TOOLS,
                    TOOLS + ",\"tool_choice\":\"auto\",\"parallel_tool_calls\":false",
                    TOOLS + ",\"tool_choice\":\"none\"",
                    TOOLS + ",\"tool_choice\":\"required\"",
                    TOOLS + ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}",
                    "\"tools\":[" + FUNCTION.formatted(",\"strict\":true") + "]",
                    "\"tools\":[],\"tool_choice\":\"auto\"",
                    "\"tool_choice\":\"none\""),
            List.of("\"logprobs\":true,\"top_logprobs\":2", "\"user\":\"somebody\",\"echo\":false"));

    @TempDir
    static Path folder;

    private static ServedModel served;
    private static LoadedModel model;

    @BeforeAll
    static void start() throws IOException {
        served = ServedModel.start(folder);
        model = LoadedModel.open(served.model());
    }

    @AfterAll
    static void stop() {
        model.close();
        served.close();
    }

    private static PlumblineClientBuilder builder() {
        return PlumblineClient.builder().baseUrl(served.base());
    }

    /** A client that knows of the model what can be known. */
    private static PlumblineClientBuilder knowing() {
        return builder()
                .modelId(model.id())
                .contextTokens(model.config().maxPositions())
                .stopTokens(model.stopTokens());
    }

    private static ChatRequest request(String fields) throws IOException {
        ChatRequest.Builder request = ChatRequest.builder().user("Tell me a story about the sea.");
        for (Map.Entry<String, JsonNode> field :
                MAPPER.readTree("{" + fields + "}").properties()) {
            request.field(field.getKey(), field.getValue());
        }
        return request.build();
    }

    private static void ask(PlumblineClient client, String fields) throws IOException {
        try {
            ChatAnswer whole = client.chat(request(fields));
            try (ChatStream stream = client.stream(request(fields))) {
                ChatAnswer streamed = stream.answer();
                if (fields.contains("\"seed\"") || fields.contains("\"temperature\":0,")) {
                    assertEquals(whole.text(), streamed.text(), fields);
                }
            }
        } catch (VerificationException e) {
            throw new AssertionError("an honest server's answer to " + fields, e);
        }
    }

    @Test
    void everyOptionAloneIsSignedAsItWasSent() throws IOException {
        try (PlumblineClient client = knowing().build()) {
            for (List<String> options : OPTIONS) {
                for (String option : options) {
                    boolean isLimited = option.contains("max_");
                    ask(client, option + (isLimited ? "" : ",\"max_tokens\":12"));
                }
            }
            // As long as answers are by default, and until the context is full.
            ask(client, "");
            ChatAnswer full = client.chat(request(
                    "\"temperature\":0,\"max_tokens\":100000,\"logit_bias\":{\"" + model.stopTokens()[0] + "\":-100}"));
            assertEquals("length", full.finishReason());
        }
    }

    @Test
    void optionsTogetherAreSignedAsTheyWereSent() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (PlumblineClient known = knowing().build();
                PlumblineClient client = builder().build()) {
            for (int i = 0; i < 24; i++) {
                List<String> chosen = new ArrayList<>();
                for (List<String> options : OPTIONS) {
                    if (random.nextInt(3) > 0) {
                        chosen.add(options.get(random.nextInt(options.size())));
                    }
                }
                String fields = String.join(",", chosen);
                if (!fields.contains("max_") || fields.contains("100000")) {
                    fields = fields.replace("\"max_tokens\":100000", "\"max_completion_tokens\":12");
                    fields += fields.contains("max_") ? "" : (fields.isEmpty() ? "" : ",") + "\"max_tokens\":12";
                }
                try {
                    ask(random.nextBoolean() ? known : client, fields);
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ": " + fields, e);
                }
            }
        }
    }

    /** Where the prompt begins the reasoning, a form stands behind its end. */
    @Test
    void aFormBehindReasoningIsTheOneThatWasSent(@TempDir Path other) throws IOException {
        String template = "{% for m in messages %}<|user|>{{ m.content.split('</think>')[-1] }}{% endfor %}"
                + "<|assistant|><think>\n";
        try (ServedModel reasoning = ServedModel.start(other, template);
                PlumblineClient client =
                        PlumblineClient.builder().baseUrl(reasoning.base()).build()) {
            for (String form : OPTIONS.get(11)) {
                ask(client, form + ",\"max_tokens\":12");
            }
        }
    }

    @Test
    void anotherModelThanTheOneThatIsMeantIsFoundOut() throws IOException {
        try (PlumblineClient client = builder().modelId("00".repeat(32)).build()) {
            ChatRequest request = request("\"max_tokens\":2");
            VerificationException refused = assertThrows(VerificationException.class, () -> client.chat(request));
            assertEquals("MODEL", refused.failure());
            assertTrue(refused.getMessage().contains(model.id().toString()), refused.getMessage());
        }
    }
}
