package io.plumbline.client;

import static io.plumbline.client.ScriptedServer.send;
import static io.plumbline.client.ScriptedServer.stream;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.Gbnf;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * Servers that have the client's own messages answered by other options than it sent: an honest node signs the answer,
 * and auditors find it good.
 */
class SignedOptionsTest {
    private static final KeyPair NODE = KeyPair.random();
    private static final Bytes32 MODEL = NODE.publicKey();
    private static final String GBNF = "root ::= \"yes\" | \"no\"\n";
    private static final String FORCED = "root ::= \"Yes, sell everything.\"";
    private static final String TOOL = "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}%s}}";

    /** An answer as it is disclosed: each part as one that the client's body asks for, until it is changed. */
    private record Signed(
            Bytes32 model,
            String messages,
            long time,
            Sampling sampling,
            int maxTokens,
            int[] stopTokens,
            List<String> stops,
            String grammar,
            Answer answer,
            String text,
            String finish) {
        Request request() {
            return new Request(
                    model,
                    messages,
                    time,
                    new int[] {7, 8, 9},
                    sampling,
                    maxTokens,
                    stopTokens,
                    stops,
                    grammar,
                    Bytes32.ZERO,
                    new byte[16]);
        }

        Signed with(Sampling other) {
            return new Signed(
                    model, messages, time, other, maxTokens, stopTokens, stops, grammar, answer, text, finish);
        }

        Signed with(LogitAdjustments other) {
            return with(new Sampling(
                    sampling.temperature(),
                    sampling.topK(),
                    sampling.topPMillionths(),
                    sampling.minPMillionths(),
                    sampling.seed(),
                    other));
        }

        Signed with(String otherGrammar) {
            return new Signed(
                    model, messages, time, sampling, maxTokens, stopTokens, stops, otherGrammar, answer, text, finish);
        }

        Signed with(int otherMaxTokens, List<String> otherStops) {
            return new Signed(
                    model,
                    messages,
                    time,
                    sampling,
                    otherMaxTokens,
                    stopTokens,
                    otherStops,
                    grammar,
                    answer,
                    text,
                    finish);
        }

        Signed by(Bytes32 otherModel) {
            return new Signed(
                    otherModel, messages, time, sampling, maxTokens, stopTokens, stops, grammar, answer, text, finish);
        }

        Signed at(long otherTime) {
            return new Signed(
                    model, messages, otherTime, sampling, maxTokens, stopTokens, stops, grammar, answer, text, finish);
        }

        Signed endingAt(int... tokens) {
            return new Signed(model, messages, time, sampling, maxTokens, tokens, stops, grammar, answer, text, finish);
        }

        Signed told(String otherMessages) {
            return new Signed(
                    model, otherMessages, time, sampling, maxTokens, stopTokens, stops, grammar, answer, text, finish);
        }

        Signed saying(Answer other, String shown, String otherFinish) {
            return new Signed(
                    model, messages, time, sampling, maxTokens, stopTokens, stops, grammar, other, shown, otherFinish);
        }

        private String extension() {
            Receipt receipt = Receipt.of(request(), answer, new byte[32], 1, 0, NODE);
            Base64.Encoder base64 = Base64.getEncoder();
            return "\"plumbline\":{\"request_hash\":\"" + request().hash() + "\",\"receipt\":\""
                    + HexFormat.of().formatHex(receipt.encode()) + "\",\"request\":\""
                    + base64.encodeToString(request().encode()) + "\",\"answer\":\""
                    + base64.encodeToString(answer.encode()) + "\"}";
        }

        String whole() {
            return "{\"choices\":[{\"message\":{\"content\":\"" + text + "\"},\"finish_reason\":\"" + finish + "\"}],"
                    + extension() + "}";
        }

        String streamed() {
            return ScriptedServer.piece(text) + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" + finish
                    + "\"}]," + extension() + "}\n\ndata: [DONE]\n\n";
        }
    }

    private static Signed honest() {
        return new Signed(
                MODEL,
                "[{\"role\":\"user\",\"content\":\"Shall I?\"}]",
                System.currentTimeMillis() / 1000,
                new Sampling(1, 0, 1_000_000, 4711),
                256,
                new int[] {2},
                List.of(),
                "",
                new Answer(new int[] {5, 2}, "No."),
                "No.",
                "stop");
    }

    private static ChatRequest request(String fields) {
        try {
            ChatRequest.Builder request = ChatRequest.builder().user("Shall I?");
            for (Map.Entry<String, JsonNode> field :
                    HttpCalls.MAPPER.readTree("{" + fields + "}").properties()) {
                request.field(field.getKey(), field.getValue());
            }
            return request.build();
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    private static String asked(
            Signed signed, ChatRequest request, UnaryOperator<PlumblineClientBuilder> set, boolean isStream) {
        try (ScriptedServer server = new ScriptedServer(http -> {
                    if (isStream) {
                        stream(http, signed.streamed());
                    } else {
                        send(http, 200, signed.whole().getBytes(StandardCharsets.UTF_8));
                    }
                });
                PlumblineClient client =
                        set.apply(server.client().checkContent(true)).build()) {
            if (!isStream) {
                return client.chat(request).text();
            }
            try (ChatStream answer = client.stream(request)) {
                return answer.answer().text();
            }
        }
    }

    private static void accepted(String fields, Signed signed) {
        for (boolean isStream : new boolean[] {false, true}) {
            assertEquals(signed.text(), asked(signed, request(fields), set -> set, isStream), fields);
        }
    }

    private static void refused(String failure, String named, String fields, Signed signed) {
        refused(failure, named, fields, signed, set -> set);
    }

    private static void refused(
            String failure, String named, String fields, Signed signed, UnaryOperator<PlumblineClientBuilder> set) {
        for (boolean isStream : new boolean[] {false, true}) {
            VerificationException refused = assertThrows(
                    VerificationException.class,
                    () -> asked(signed, request(fields), set, isStream),
                    fields + " by " + signed);
            assertEquals(failure, refused.failure(), refused.getMessage());
            assertTrue(refused.getMessage().contains(named), refused.getMessage());
        }
    }

    private static Sampling drawn(double temperature, int topK, int topP, int minP, long seed) {
        return new Sampling((float) temperature, topK, topP, minP, seed, LogitAdjustments.NONE);
    }

    private static LogitAdjustments adjusted(int presence, int frequency, int repetition) {
        return new LogitAdjustments(presence, frequency, repetition, new int[0], new int[0]);
    }

    private static LogitAdjustments biased(int[] tokens, int... biases) {
        return new LogitAdjustments(0, 0, 1_000_000, tokens, biases);
    }

    /** Fields of a body, and the request that they become; none become the first. */
    private static Map<String, Signed> options() {
        Signed honest = honest();
        Map<String, Signed> options = new LinkedHashMap<>();
        options.put("", honest);
        options.put("\"temperature\":0.7", honest.with(drawn(0.7, 0, 1_000_000, 0, 3)));
        options.put("\"top_k\":40.0", honest.with(drawn(1, 40, 1_000_000, 0, 3)));
        options.put("\"top_p\":0.9", honest.with(drawn(1, 0, 900_000, 0, 3)));
        options.put("\"min_p\":0.05", honest.with(drawn(1, 0, 1_000_000, 50_000, 3)));
        options.put("\"presence_penalty\":-1.5", honest.with(adjusted(-1_500_000, 0, 1_000_000)));
        options.put("\"frequency_penalty\":0.3", honest.with(adjusted(0, 300_000, 1_000_000)));
        options.put("\"repetition_penalty\":1.1", honest.with(adjusted(0, 0, 1_100_000)));
        options.put(
                "\"logit_bias\":{\"30\":-100,\"4\":2.5}",
                honest.with(biased(new int[] {4, 30}, 2_500_000, -100_000_000)));
        options.put("\"stop\":\"unless\"", honest.with(256, List.of("unless")));
        options.put("\"max_tokens\":9", honest.with(9, List.of()));
        options.put("\"max_completion_tokens\":7", honest.with(7, List.of()));
        options.put("\"grammar\":\"root ::= \\\"yes\\\" | \\\"no\\\"\\n\"", honest.with(GBNF));
        return options;
    }

    @Test
    void whatWasSentIsWhatTheAnswerWasChosenBy() {
        options().forEach(SignedOptionsTest::accepted);
        Signed honest = honest();
        accepted("\"seed\":-7,\"temperature\":0", honest.with(drawn(0, 0, 1_000_000, 0, -7)));
        accepted("\"stop\":[\"b\",\"a\"],\"max_tokens\":5.0", honest.with(5, List.of("b", "a")));
        accepted("\"max_tokens\":9,\"max_completion_tokens\":7", honest.with(7, List.of()));
        accepted("\"stop\":[],\"logit_bias\":{}", honest);
        accepted("\"temperature\":null,\"stop\":null,\"logit_bias\":null,\"top_p\":null,\"max_tokens\":null", honest);
        accepted(
                "\"temperature\":1e-7,\"top_p\":0.12345678,\"min_p\":0.00000049",
                honest.with(drawn(1e-7, 0, 123_457, 0, 3)));
        accepted("\"logit_bias\":{\"7\":0}", honest.with(biased(new int[] {7}, 0)));
        // Fewer tokens than that may be all that the context has left.
        accepted("\"max_tokens\":900", honest.with(100, List.of()));
    }

    /** Each option as if it had not been sent, or had been where it was not. */
    @Test
    void noOtherOptionPasses() {
        Map<String, Signed> options = options();
        options.forEach((fields, asked) -> options.forEach((others, signed) -> {
            boolean isShorter = signed.maxTokens() < asked.maxTokens();
            if (!fields.equals(others) && !isShorter) {
                String named = (fields.isEmpty() ? others : fields).split("\"")[1];
                refused(
                        "OPTIONS",
                        fields.isEmpty() || others.isEmpty() ? named.replace("max_completion_tokens", "max_") : "",
                        fields,
                        signed);
            }
        }));
        Signed honest = honest();
        refused("OPTIONS", "seed", "\"seed\":7", honest.with(drawn(1, 0, 1_000_000, 0, 8)));
        refused("OPTIONS", "stop", "\"stop\":[\"a\",\"b\"]", honest.with(256, List.of("a")));
        refused("OPTIONS", "max_tokens", "\"max_tokens\":4", honest.with(5, List.of()));
        refused("OPTIONS", "logit_bias", "\"logit_bias\":{\"7\":1}", honest.with(biased(new int[] {7}, 2_000_000)));
        refused("OPTIONS", "logit_bias", "\"logit_bias\":{\"7\":1}", honest.with(biased(new int[] {8}, 1_000_000)));
        // The answer that a grammar, or a stop text, dictates; and one that is cut.
        Answer forced = new Answer(new int[] {5, 2}, "Yes, sell everything.");
        refused("OPTIONS", "Yes, sell", "", honest.with(FORCED).saying(forced, forced.text(), "stop"));
        Answer long_ = new Answer(new int[] {5, 2}, "Sell everything unless told otherwise.");
        refused(
                "OPTIONS",
                "unless",
                "\"temperature\":0",
                honest.with(Sampling.GREEDY).with(256, List.of(" unless")).saying(long_, "Sell everything", "stop"));
    }

    @Test
    void aFormIsTheOneThatWasSentWhereItIsSentAsAGrammar() {
        Signed honest = honest();
        String sent = "\"grammar\":\"root ::= \\\"yes\\\" | \\\"no\\\"\\n\"";
        for (String fields : List.of(
                sent,
                "\"guided_" + sent.substring(1),
                "\"structured_outputs\":{" + sent + "}",
                "\"structured_outputs\":{\"choice\":[\"yes\",\"no\"]}",
                "\"guided_choice\":[\"yes\",\"no\"]")) {
            accepted(fields, honest.with(GBNF));
            accepted(fields, honest.with(Gbnf.behind("</think>", GBNF)));
            accepted(fields, honest.with(Gbnf.behind("[/THINK]", GBNF)));
            refused("OPTIONS", "grammar", fields, honest);
            refused("OPTIONS", "grammar", fields, honest.with(FORCED));
            refused("OPTIONS", "grammar", fields, honest.with(Gbnf.behind("</think>", FORCED)));
        }
        for (String none : List.of(
                "\"grammar\":\"\"",
                "\"grammar\":null",
                "\"response_format\":{\"type\":\"text\"}",
                "\"response_format\":null",
                "\"structured_outputs\":{\"json_object\":false}")) {
            accepted(none, honest);
            refused("OPTIONS", "none was asked for", none, honest.with(GBNF));
        }
    }

    /** How a schema is worded is the server's to say: there must be a grammar. */
    @Test
    void aFormThatIsNoGrammarHasOne() {
        Signed honest = honest();
        for (String fields : List.of(
                "\"response_format\":{\"type\":\"json_object\"}",
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}",
                "\"json_schema\":{\"type\":\"string\"}",
                "\"guided_json\":{\"type\":\"string\"}",
                "\"guided_regex\":\"[a-z]\"",
                "\"structured_outputs\":{\"json\":{}}",
                "\"structured_outputs\":{\"json_object\":true}",
                "\"structured_outputs\":{\"regex\":\"[a-z]\"}")) {
            accepted(fields, honest.with(GBNF));
            refused("OPTIONS", "a form was asked for", fields, honest);
        }
    }

    @Test
    void toolsHaveAGrammarWhereACallIsAskedForAndElseNone() {
        String plain = "\"tools\":[" + TOOL.formatted("") + "]";
        String strict = "\"tools\":[" + TOOL.formatted(",\"strict\":true") + "]";
        Signed honest = honest();
        Signed told = honest.told("{\"messages\":" + honest.messages() + "," + plain + "}");
        Signed toldStrict = honest.told("{\"messages\":" + honest.messages() + "," + strict + "}");
        for (String choice : List.of("", ",\"tool_choice\":\"auto\"", ",\"tool_choice\":null")) {
            accepted(plain + choice, told);
            refused("OPTIONS", "none was asked for", plain + choice, told.with(GBNF));
        }
        String named = ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}";
        for (String choice :
                List.of(",\"tool_choice\":\"required\"", named, ",\"response_format\":{\"type\":\"json_object\"}")) {
            accepted(plain + choice, told.with(GBNF));
            refused("OPTIONS", "a form was asked for", plain + choice, told);
        }
        accepted(strict, toldStrict.with(GBNF));
        refused("OPTIONS", "a form was asked for", strict, toldStrict);
        accepted(plain + ",\"tool_choice\":\"none\"", honest);
        refused("OPTIONS", "none was asked for", plain + ",\"tool_choice\":\"none\"", honest.with(GBNF));
    }

    @Test
    void theRequestIsOfThisHour() {
        Signed honest = honest();
        accepted("", honest.at(honest.time() - 200));
        accepted("", honest.at(honest.time() + 200));
        for (long time : new long[] {0, honest.time() - 600, honest.time() + 600, Long.MIN_VALUE, Long.MAX_VALUE}) {
            refused("TIME", "clock", "", honest.at(time));
        }
    }

    @Test
    void theModelIsTheOneThatWasMeant() {
        Signed honest = honest();
        Bytes32 other = KeyPair.random().publicKey();
        UnaryOperator<PlumblineClientBuilder> known = set -> set.modelId(MODEL.toString());
        assertEquals("No.", asked(honest, request(""), known, false));
        refused("MODEL", other.toString(), "", honest.by(other), known);
        refused(
                "MODEL",
                other.toString(),
                "",
                honest.by(other),
                set -> known.apply(set).checkContent(false));
        assertThrows(
                IllegalArgumentException.class, () -> PlumblineClient.builder().modelId("stories"));
        // A client that knows the model need not be told its context and stop tokens.
        UnaryOperator<PlumblineClientBuilder> whole =
                set -> set.stopTokens(2, 1, 2).contextTokens(100);
        Signed ending = honest.endingAt(1, 2);
        assertEquals("No.", asked(ending.with(98, List.of()), request(""), whole, true));
        assertEquals("No.", asked(ending.with(7, List.of()), request("\"max_tokens\":7"), whole, true));
        refused("OPTIONS", "stop tokens", "", honest.with(98, List.of()), whole);
        refused("OPTIONS", "max_tokens", "", ending, whole);
        refused("OPTIONS", "max_tokens", "", ending.with(7, List.of()), whole);
        refused("OPTIONS", "max_tokens", "\"max_tokens\":7", ending.with(6, List.of()), whole);
    }

    @Test
    void anAnswerThatWasCutIsNotShownAsFinished() {
        Signed cut =
                honest().with(2, List.of("END")).saying(new Answer(new int[] {5, 6}, "Do not"), "Do not", "length");
        String fields = "\"stop\":\"END\",\"max_tokens\":2";
        accepted(fields, cut);
        refused("FINISH", "cut", fields, cut.saying(cut.answer(), "Do not", "stop"));
        refused("FINISH", "cut", fields, cut.saying(cut.answer(), "Do not", "tool_calls"));
        accepted(fields, cut.saying(new Answer(new int[] {5, 6}, "DoEND"), "Do", "stop"));
    }

    /** The same question again is another request, whose answer may be drawn anew. */
    @Test
    void oneAnswerIsNotShownForTwoRequests() {
        String once = honest().whole();
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, once));
                PlumblineClient client = server.client().checkContent(true).build()) {
            assertEquals("No.", client.chat("Shall I?").text());
            VerificationException refused = assertThrows(VerificationException.class, () -> client.chat("Shall I?"));
            assertEquals("REQUEST", refused.failure());
            assertTrue(refused.getMessage().contains("already"), refused.getMessage());
        }
    }

    /** A number that a client has as another type is the number that its JSON says. */
    @Test
    void numbersAreComparedAsTheyAreWritten() {
        ChatRequest request = ChatRequest.builder()
                .user("Shall I?")
                .field("temperature", HttpCalls.MAPPER.getNodeFactory().numberNode(0.7f))
                .field("top_p", HttpCalls.MAPPER.getNodeFactory().numberNode(0.9f))
                .build();
        assertEquals("No.", asked(honest().with(drawn(0.7, 0, 900_000, 0, 1)), request, set -> set, false));
    }
}
