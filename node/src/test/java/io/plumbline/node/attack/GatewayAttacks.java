package io.plumbline.node.attack;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.PlumblineClientBuilder;
import io.plumbline.client.VerificationException;
import io.plumbline.inference.TestModels;
import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Gateways that have an honest node answer a request of their own making, and show its answer for their client's: the
 * audit finds it good, and the client must not.
 */
final class GatewayAttacks {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String FAMILY = "gateway";
    private static final UnaryOperator<PlumblineClientBuilder> PLAIN = set -> set;

    private final Scene scene;
    private final List<Attack> attacks = new ArrayList<>();

    private GatewayAttacks(Scene scene) {
        this.scene = scene;
    }

    static List<Attack> of(Scene scene) {
        GatewayAttacks all = new GatewayAttacks(scene);
        all.choices();
        all.limits();
        all.others();
        return all.attacks;
    }

    /** The request as an honest gateway makes it of {@link #ask}'s body. */
    private Request honest() {
        return request(Scene.MESSAGES, now(), Sampling.GREEDY, Scene.MAX_TOKENS, List.of(), "");
    }

    private static long now() {
        return System.currentTimeMillis() / 1000;
    }

    private Request request(
            String messages, long time, Sampling sampling, int maxTokens, List<String> stops, String grammar) {
        return request(messages, time, sampling, maxTokens, scene.model.stopTokens(), stops, grammar);
    }

    private Request request(
            String messages,
            long time,
            Sampling sampling,
            int maxTokens,
            int[] stopTokens,
            List<String> stops,
            String grammar) {
        return new Request(
                scene.model.id(),
                messages,
                time,
                scene.tokenizer.prompt(messages, time),
                sampling,
                maxTokens,
                stopTokens,
                stops,
                grammar,
                Scene.REQUESTER.publicKey(),
                new byte[16]);
    }

    private Request choosing(Sampling sampling, String grammar) {
        return request(Scene.MESSAGES, now(), sampling, Scene.MAX_TOKENS, List.of(), grammar);
    }

    private static Sampling biased(int token) {
        return new Sampling(
                0, 0, 1_000_000, 0, 0, new LogitAdjustments(0, 0, 1_000_000, new int[] {token}, new int[] {100_000_000
                }));
    }

    private void choices() {
        attack(
                "a grammar of its own, in which one answer is left",
                "OPTIONS",
                () -> choosing(Sampling.GREEDY, "root ::= \"Sell all of it.\""));
        attack("a token of its own choice made likelier", "OPTIONS", () -> choosing(biased(300), ""));
        attack("another temperature than was sent", "OPTIONS", () -> choosing(new Sampling(2, 0, 1_000_000, 0), ""));
        attack("another seed than was sent", "OPTIONS", () -> choosing(new Sampling(0, 0, 1_000_000, 1), ""));
        attack("top_k of its own", "OPTIONS", () -> choosing(new Sampling(0, 1, 1_000_000, 0), ""));
        attack(
                "a penalty of its own",
                "OPTIONS",
                () -> choosing(
                        new Sampling(
                                0, 0, 1_000_000, 0, 0, new LogitAdjustments(0, 0, 3_000_000, new int[0], new int[0])),
                        ""));
    }

    private void limits() {
        attack("a stop text of its own, behind which the answer is cut off", "OPTIONS", PLAIN, () -> {
            int[] tokens = scene.honest.answer().tokens();
            String text = scene.honest.answer().text();
            String word = text.substring(text.indexOf(' ', 20), text.indexOf(' ', 30));
            Request asked = request(Scene.MESSAGES, now(), Sampling.GREEDY, Scene.MAX_TOKENS, List.of(word), "");
            int[] ended = Arrays.copyOf(tokens, scene.tokenizer.stopsAfter(tokens, asked.stopTexts()));
            return scene.show(asked, asked, ended, TestModels.forward(scene.model), trace -> {});
        });
        int context = scene.model.config().maxPositions();
        attack(
                "fewer tokens than were asked for and the context has",
                "OPTIONS",
                set -> set.contextTokens(context),
                () -> served(request(Scene.MESSAGES, now(), Sampling.GREEDY, 5, List.of(), "")));
        attack(
                "a stop token of its own",
                "OPTIONS",
                set -> set.stopTokens(scene.model.stopTokens()),
                () -> served(request(
                        Scene.MESSAGES,
                        now(),
                        Sampling.GREEDY,
                        Scene.MAX_TOKENS,
                        new int[] {scene.honest.answer().tokens()[5]},
                        List.of(),
                        "")));
        attacks.add(new Attack(
                FAMILY,
                "an answer that was cut, shown as finished",
                "the client refuses: FINISH",
                () -> asked(served(honest()), "stop", 1, PLAIN)));
    }

    private void others() {
        attack(
                "other messages than were sent",
                "MESSAGES",
                () -> request(
                        Scene.MESSAGES.replace("bear", "sale"),
                        now(),
                        Sampling.GREEDY,
                        Scene.MAX_TOKENS,
                        List.of(),
                        ""));
        attack(
                "an old request's answer",
                "TIME",
                () -> request(Scene.MESSAGES, Scene.TIME, Sampling.GREEDY, Scene.MAX_TOKENS, List.of(), ""));
        attack(
                "another model under the name that was sent",
                "MODEL",
                set -> set.modelId(Bytes32.of(new byte[32])),
                () -> served(honest()));
        attacks.add(new Attack(
                FAMILY,
                "one answer shown for two questions",
                "the client refuses: REQUEST",
                () -> asked(served(honest()), "length", 2, PLAIN)));
    }

    private interface Made<T> {
        T make() throws Exception;
    }

    private void attack(String cheat, String failure, Made<Request> signed) {
        attack(cheat, failure, PLAIN, () -> served(signed.make()));
    }

    private void attack(
            String cheat, String failure, UnaryOperator<PlumblineClientBuilder> knowing, Made<Shown> shown) {
        attacks.add(new Attack(
                FAMILY, cheat, "the client refuses: " + failure, () -> asked(shown.make(), null, 1, knowing)));
    }

    private Shown served(Request asked) {
        return scene.serve(asked, asked, TestModels.forward(scene.model));
    }

    /**
     * Has the client shown it that often.
     *
     * @param finish null for an honest one.
     * @return how the client refuses it; "good" where it does not.
     */
    private String asked(Shown shown, String finish, int times, UnaryOperator<PlumblineClientBuilder> knowing)
            throws IOException {
        String audited = scene.audit(shown);
        if (!audited.equals("good")) {
            return "the audit finds it bad: " + audited;
        }
        byte[] body = MAPPER.writeValueAsBytes(json(shown, finish));
        HttpServer gateway = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        gateway.createContext("/", http -> {
            http.getRequestBody().readAllBytes();
            http.sendResponseHeaders(200, body.length);
            http.getResponseBody().write(body);
            http.close();
        });
        gateway.start();
        String base = "http://localhost:" + gateway.getAddress().getPort() + "/v1";
        try (PlumblineClient client =
                knowing.apply(PlumblineClient.builder().baseUrl(base)).build()) {
            for (int i = 0; i < times; i++) {
                client.chat(ask());
            }
            return "good";
        } catch (VerificationException e) {
            return "the client refuses: " + e.failure() + ": " + e.getMessage();
        } finally {
            gateway.stop(0);
        }
    }

    private static ChatRequest ask() {
        return ChatRequest.builder()
                .user("Tell me a story about a bear in a storm.")
                .temperature(0)
                .seed(0)
                .maxTokens(Scene.MAX_TOKENS)
                .build();
    }

    private static ObjectNode json(Shown shown, String finish) {
        int[] tokens = shown.answer().tokens();
        String text = shown.request().withoutStop(shown.answer().text());
        boolean isWhole = shown.request().stopsAt(tokens[tokens.length - 1])
                || text.length() < shown.answer().text().length();
        ObjectNode json = MAPPER.createObjectNode();
        ObjectNode choice = json.putArray("choices").addObject();
        choice.putObject("message").put("content", text);
        choice.put("finish_reason", finish != null ? finish : isWhole ? "stop" : "length");
        json.putObject("plumbline")
                .put("request_hash", shown.request().hash().toString())
                .put("receipt", HexFormat.of().formatHex(shown.receipt().encode()))
                .put(
                        "request",
                        Base64.getEncoder().encodeToString(shown.request().encode()))
                .put("answer", Base64.getEncoder().encodeToString(shown.answer().encode()));
        return json;
    }

    /** The outcome of an honest gateway's answer. */
    static String ofHonest(Scene scene) throws IOException {
        GatewayAttacks all = new GatewayAttacks(scene);
        UnaryOperator<PlumblineClientBuilder> knowing = set -> set.modelId(scene.model.id())
                .contextTokens(scene.model.config().maxPositions())
                .stopTokens(scene.model.stopTokens());
        return all.asked(all.served(all.honest()), null, 1, knowing);
    }
}
