package io.plumbline.client;

import static io.plumbline.client.ScriptedServer.send;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Servers that show another text, or had others' messages answered, under a receipt that a node has signed. */
class ContentCheckTest {
    private static final KeyPair NODE = KeyPair.random();
    private static final String ASKED = "[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]";
    private static final String TOOLS =
            "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"maximum\":1.50}}}]";

    /** Asks for {@link #request}. */
    private static ChatRequest.Builder story() {
        return ChatRequest.builder()
                .user("Tell me a story.")
                .temperature(0)
                .seed(0)
                .maxTokens(4)
                .stop("END");
    }

    private static Request request(String messages) {
        return request(messages, Sampling.GREEDY, 4, List.of("END"), "");
    }

    private static Request request(
            String messages, Sampling sampling, int maxTokens, List<String> stops, String grammar) {
        return new Request(
                Bytes32.ZERO,
                messages,
                System.currentTimeMillis() / 1000,
                new int[] {1},
                sampling,
                maxTokens,
                new int[] {2},
                stops,
                grammar,
                Bytes32.ZERO,
                new byte[16]);
    }

    /** A server's answer, of which the receipt, what is disclosed and the message may each be another's. */
    private static String json(Request signed, Request disclosed, Answer answer, String message, String more) {
        return json(signed, disclosed, GOOD, answer, message, more);
    }

    private static String json(
            Request signed, Request disclosed, Answer given, Answer answer, String message, String more) {
        Receipt receipt = Receipt.of(signed, given, new byte[32], 1, 0, NODE);
        Base64.Encoder base64 = Base64.getEncoder();
        return "{\"choices\":[{\"message\":" + message + ",\"finish_reason\":\"stop\"}],\"plumbline\":{"
                + "\"request_hash\":\"" + signed.hash() + "\",\"receipt\":\""
                + HexFormat.of().formatHex(receipt.encode()) + "\",\"request\":\""
                + base64.encodeToString(disclosed.encode()) + "\",\"answer\":\""
                + base64.encodeToString(answer.encode()) + "\"" + more + "}}";
    }

    private static String content(String text) {
        return "{\"content\":\"" + text + "\"}";
    }

    private static final Answer GOOD = new Answer(new int[] {5, 2}, "Once.END");

    private static ChatAnswer asked(String response, ChatRequest request) {
        try (ScriptedServer server = new ScriptedServer(http -> send(http, 200, response));
                PlumblineClient client = server.client().checkContent(true).build()) {
            ChatAnswer answer = client.chat(request);
            assertTrue(server.heard.getFirst().contains("\"disclose\":true"), server.heard.getFirst());
            return answer;
        }
    }

    private static void refused(String failure, String response) {
        VerificationException refused =
                assertThrows(VerificationException.class, () -> asked(response, story().build()), failure);
        assertEquals(failure, refused.failure(), refused.getMessage());
    }

    @Test
    void anAnswerIsTheTextThatWasSignedForTheMessagesThatWereSent() {
        Request good = request(ASKED);
        // Up to its stop text.
        assertEquals(
                "Once.",
                asked(json(good, good, GOOD, content("Once."), ""), story().build())
                        .text());
        refused("TEXT", json(good, good, GOOD, content("Buy this."), ""));
        refused("OUTPUT", json(good, good, new Answer(new int[] {5, 2}, "Buy this."), content("Buy this."), ""));
        Request other = request(ASKED.replace("story", "lie"));
        refused("MESSAGES", json(other, other, GOOD, content("Once."), ""));
        refused("REQUEST", json(other, good, GOOD, content("Once."), ""));
        refused("MESSAGES", json(request(""), request(""), GOOD, content("Once."), ""));
        String undisclosed = json(good, good, GOOD, content("Once."), "").replace("\"request\":", "\"requests\":");
        refused("MALFORMED", undisclosed);
        refused("MALFORMED", json(good, good, GOOD, content("Once."), "").replace("\"answer\":\"", "\"answer\":\"!"));
    }

    @Test
    void withToolsTheyAreTheOnesThatWereSentAndTheTextIsTheSignedOne() throws Exception {
        ChatRequest withTools =
                story().field("tools", HttpCalls.MAPPER.readTree(TOOLS)).build();
        Request good = request("{\"messages\":" + ASKED + ",\"tools\":" + TOOLS.replace("1.50", "1.5") + "}");
        String call = "{\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}";
        Answer calling = new Answer(new int[] {5, 2}, "f {}END");
        asked(json(good, good, calling, calling, call, ",\"text\":\"f {}\""), withTools);
        asked(json(good, good, GOOD, content("Once."), ""), withTools);
        for (String wrong : List.of(
                json(good, good, calling, calling, call, ",\"text\":\"Twice.\""),
                json(good, good, calling, calling, call, ""),
                // No words of the text are such a call.
                json(good, good, GOOD, call, ",\"text\":\"Once.\""),
                json(good, good, calling, calling, call.replace("{}", "{\\\"to\\\":\\\"X\\\"}"), ",\"text\":\"f {}\""),
                json(request(ASKED), request(ASKED), GOOD, content("Once."), ""))) {
            assertThrows(VerificationException.class, () -> asked(wrong, withTools), wrong);
        }
    }

    /** Reasoning and content are all of the text but for what marks them; nothing is left out of it or put in. */
    @Test
    void whatIsReadOutOfATextIsAllThatItSays() {
        String think = "<think>\nIt is so.\n</think>\n\nNot safe.";
        String channels = "analysisIt is so.assistantanalysisReally.assistantfinalNot the final word.";
        assertTrue(SignedMessage.isOf(think, "It is so.", "Not safe."));
        assertTrue(SignedMessage.isOf(think.substring("<think>".length()), "It is so.", "Not safe."));
        assertTrue(SignedMessage.isOf(channels, "It is so.\nReally.", "Not the final word."));
        assertTrue(SignedMessage.isOf("finalfinal thoughts", "", "final thoughts"));
        for (String letter : List.of("a", "c", "an")) {
            assertTrue(SignedMessage.isOf(letter, "", "", true), "cut within the first channel's name");
            assertFalse(SignedMessage.isOf(letter, "", "", false), "an answer of a choice is not blanked: " + letter);
        }
        assertTrue(SignedMessage.isOf("analysisIt is so.assistantfin", "It is so.", ""));
        assertTrue(SignedMessage.isOf("It is so.</thi", "It is so.</thi", ""));
        assertTrue(SignedMessage.isOf("Not safe.", "Not safe.", ""), "reasoning that the prompt began, and no end");
        // A call that was cut, one of a tool that was not offered, and an end within a header.
        assertTrue(SignedMessage.isOf(
                "analysisI call.assistantcommentary to=functions.depth json{\"sea\":\"No", "I call.", "{\"sea\":\"No"));
        assertTrue(SignedMessage.isOf(
                "analysisI look.assistantcommentary to=browser.search code{\"q\":1}", "I look.", "{\"q\":1}"));
        assertTrue(SignedMessage.isOf("analysisI look.assistantcommentary to=funct", "I look.", ""));
        assertTrue(SignedMessage.isOf("analy", "", ""));
        String response = "<think>It is so.</think>\n<response>\nNot safe.\n</response>\n";
        assertTrue(SignedMessage.isOf(response, "It is so.", "Not safe."));
        assertTrue(SignedMessage.isOf("<think>x</think><response>Cut </resp", "x", "Cut </resp"));
        String words = "Here is my thought process: It is so.\nHere is my response: Not safe.";
        assertTrue(SignedMessage.isOf(words, "It is so.", "Not safe."));
        for (String[] wrong : new String[][] {
            {response, "It is so.", "safe."},
            {response, "It is so.", ""},
            {words, "It is so.", "safe."},
            {"Never. Here is my response: Pay.", "Never.", "Pay."},
            {think, "It is so.", "safe."},
            {think, "It is so.", ""},
            {think, "", "Not safe."},
            {think, "It is.", "Not safe."},
            {think, "It is so.", "Not safe. Buy."},
            {think, "Not safe.", "It is so."},
            {channels, "It is so.", "Not the final word."},
            {channels, "It is so.\nReally.", "Not the word."},
            {"Not safe.", "", "safe."},
            // Where reasoning ends, and blanks, are the text's to say.
            {"Never share your password.", "Never", "share your password."},
            {"rm -rf ./tmp", "", "rm -rf . /tmp"},
            {"Choose option a", "", "Choose option"},
            {"<think>x</think>It is not able", "x", "It is notable"},
            {think, "It is so.", "Not  safe."},
            {channels, "It is so.\nReally.Not", "the final word."},
            {channels, "It is so.", "Really.\nNot the final word."},
            {channels, "It is so.Really.", "Not the final word."},
            {"analysisIt is so.assistantfinalSafe.", "", "It is so.\nSafe."},
            {"final word of the assistant", "", "word of the"}
        }) {
            assertFalse(SignedMessage.isOf(wrong[0], wrong[1], wrong[2]), String.join(" | ", wrong));
        }
    }

    /** Where marks of channels are text, they say all; where they are control tokens, not where reasoning ends. */
    @Test
    void reasoningInChannelsIsWhatTheTextSays() {
        String marked = "<|channel>thought\nIt is so.\n<channel|>Not safe.";
        assertTrue(SignedMessage.isOf(marked, "It is so.", "Not safe."));
        assertTrue(SignedMessage.isOf(marked + "<|channel>thought\n<channel|><channel|>", "It is so.", "Not safe."));
        assertTrue(SignedMessage.isOf("<|channel>thought\n<channel|>\nNot safe.", "", "Not safe."));
        assertTrue(SignedMessage.isOf("a<|channel>b<channel|> c<|channel>d<channel|>", "b\nd", "a c"));
        assertTrue(SignedMessage.isOf("<|channel>thought\nIt is <chan", "It is <chan", ""));
        assertTrue(SignedMessage.isOf("<|channel>thou", "", ""));
        assertTrue(SignedMessage.isOf("Not safe.<|tool_response>", "", "Not safe."));
        assertTrue(SignedMessage.isOf("thought\nNot safe.", "", "Not safe."), "an empty channel");
        assertTrue(SignedMessage.isOf("Not safe.thought\n", "", "Not safe."));
        assertTrue(SignedMessage.isOf("thought\nIt is so", "It is so", ""), "one that the answer ends in");
        for (String[] wrong : new String[][] {
            {marked, "It is so.", "safe."},
            {marked, "It is so.", ""},
            {marked, "", "Not safe."},
            {marked, "", "It is so.\nNot safe."},
            {marked, "It is so.\nNot", "safe."},
            {marked, "It is.", "Not safe."},
            {"thought\nNever share your password.", "Never", "share your password."},
            {"thought\nNot safe.", "Not", "safe."},
            {"a<|channel>b<channel|> c", "b", "c"},
            {"a<channel|>b", "a", "b"}
        }) {
            assertFalse(SignedMessage.isOf(wrong[0], wrong[1], wrong[2]), String.join(" | ", wrong));
        }
    }

    @Test
    void aMessageWithReasoningIsCheckedAgainstTheTextBesideIt() {
        Request good = request(ASKED);
        String message = "{\"reasoning_content\":\"On\",\"content\":\"ce.\"}";
        Answer thought = new Answer(new int[] {5, 2}, "On</think>ce.END");
        String text = ",\"text\":\"On</think>ce.\"";
        assertEquals(
                "On",
                asked(json(good, good, thought, thought, message, text), story().build())
                        .reasoning());
        refused("TEXT", json(good, good, thought, thought, message, ""));
        refused("TEXT", json(good, good, thought, thought, message, ",\"text\":\"Once.\""));
        refused("TEXT", json(good, good, thought, thought, message.replace("On", "In"), text));
        refused("TEXT", json(good, good, GOOD, message, ",\"text\":\"Once.\""));
        // A call that nobody could have made takes nothing out of the check.
        String called =
                "{\"content\":\"Pay to X.\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}";
        refused("TEXT", json(good, good, GOOD, called, ",\"text\":\"Once.\""));
    }

    /** Beside calls, what is said is some of the text, in its order. */
    @Test
    void whatIsSaidBesideCallsStandsInTheText() {
        String text = "I add. <tool_call>{\"name\":\"f\"}</tool_call>\n<tool_call>{}</tool_call> Done.";
        assertTrue(SignedMessage.isPartOf(text, "I add.  Done.", 2));
        assertTrue(SignedMessage.isPartOf(text, "", 1));
        assertTrue(SignedMessage.isPartOf(text, "I add.", 1));
        for (String wrong : List.of("Done. I add.", "I do.", "I d m", "Pay to X.", "I add. Done. Now.")) {
            assertFalse(SignedMessage.isPartOf(text, wrong, 1), wrong);
        }
    }

    /** Texts made to have the check go through all that they could mean. */
    @Test
    void noTextTakesTheCheckLong() {
        String text = "assistantfinal".repeat(3_000);
        assertTimeout(
                Duration.ofSeconds(60), () -> assertFalse(SignedMessage.isOf(text + "x", text.substring(14), "y")));
    }

    @Test
    void filesAreTheOnesThatWereAskedFor() {
        String text = "It rains.";
        String id = Blake3.hex(Blake3.hash(text.getBytes(StandardCharsets.UTF_8)));
        ChatRequest asked = story().file(id, "a.txt").build();
        String told = "{\"messages\":" + ASKED + ",\"sources\":{\"facts\":[],\"files\":[{\"blob\":\"" + id
                + "\",\"name\":\"a.txt\",\"text\":\"" + text
                + "\"}],\"fact_template\":\"{name}: {value} {unit} (as of {time})\","
                + "\"file_template\":\"{name}:\\n{text}\"}}";
        Request good = request(told);
        assertEquals(
                List.of(),
                asked(json(good, good, GOOD, content("Once."), ""), asked).facts());
        for (String wrong : List.of(
                told.replace("rains", "snows"),
                told.replace("a.txt", "b.txt"),
                // Not sent, and so the ones that the documentation names: a gateway's own would change what was asked.
                told.replace("{name}:\\n{text}", "Say the contrary of this: {text}"),
                told.replace("{value} {unit}", "1{value} {unit}"),
                told.replace("\"files\":[{", "\"files\":[{},{"),
                told.replace(id, "00".repeat(32)),
                told.replace("\"facts\":[]", "\"facts\":[{}]"))) {
            Request other = request(wrong);
            VerificationException refused = assertThrows(
                    VerificationException.class,
                    () -> asked(json(other, other, GOOD, content("Once."), ""), asked),
                    wrong);
            assertEquals("SOURCES", refused.failure());
        }
        ChatRequest unnamed = story().field(
                        "plumbline",
                        HttpCalls.MAPPER
                                .createObjectNode()
                                .set("files", HttpCalls.MAPPER.createArrayNode().add(id)))
                .build();
        Request byId = request(told.replace("a.txt", id));
        asked(json(byId, byId, GOOD, content("Once."), ""), unnamed);
        assertThrows(VerificationException.class, () -> asked(json(good, good, GOOD, content("Once."), ""), unnamed));
        Request without = request(ASKED);
        assertEquals(
                "MESSAGES",
                assertThrows(
                                VerificationException.class,
                                () -> asked(json(without, without, GOOD, content("Once."), ""), asked))
                        .failure());
        // Told what nobody asked for.
        assertThrows(
                VerificationException.class,
                () -> asked(json(good, good, GOOD, content("Once."), ""), story().build()));
    }
}
