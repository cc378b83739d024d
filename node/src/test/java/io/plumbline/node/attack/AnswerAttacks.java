package io.plumbline.node.attack;

import io.plumbline.inference.CostlyGrammar;
import io.plumbline.inference.TestModels;
import io.plumbline.node.attack.Scene.Shown;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Cancellation;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Answers that do not follow from the request by its own rules. */
final class AnswerAttacks {
    private final Scene scene;
    private final List<Attack> attacks = new ArrayList<>();
    private String family;

    private AnswerAttacks(Scene scene) {
        this.scene = scene;
    }

    static List<Attack> of(Scene scene) {
        AnswerAttacks all = new AnswerAttacks(scene);
        all.sampling();
        all.ends();
        all.texts();
        all.cancellations();
        all.replays();
        return all.attacks;
    }

    private void draws(String cheat, Sampling asked, Sampling used) {
        chooses(cheat, scene.request(asked, Scene.MAX_TOKENS), scene.request(used, Scene.MAX_TOKENS));
    }

    private void chooses(String cheat, Request asked, Request used) {
        attacks.add(new Attack(
                family,
                cheat,
                "SAMPLING",
                () -> scene.audit(scene.serve(asked, used, TestModels.forward(scene.model)))));
    }

    private static Sampling adjusted(int presence, int frequency, int repetition) {
        return adjusted(new LogitAdjustments(presence, frequency, repetition, new int[0], new int[0]));
    }

    private static Sampling adjusted(LogitAdjustments adjustments) {
        return new Sampling(0, 0, 1_000_000, 0, 0, adjustments);
    }

    /** One that the honest answer does not keep to. */
    static final String GRAMMAR = "root ::= [A-Z] [a-z ]{3,30} [.!]";

    private void adjustments() {
        draws("min_p ignored", new Sampling(1.2f, 0, 1_000_000, 500_000, 1, LogitAdjustments.NONE), Scene.DRAWN);
        draws("presence penalty ignored", adjusted(2_000_000, 0, 1_000_000), Sampling.GREEDY);
        draws("frequency penalty ignored", adjusted(0, 2_000_000, 1_000_000), Sampling.GREEDY);
        draws("repetition penalty ignored", adjusted(0, 0, 3_000_000), Sampling.GREEDY);
        int first = scene.honest.answer().tokens()[0];
        draws(
                "a banned token given all the same",
                adjusted(new LogitAdjustments(0, 0, 1_000_000, new int[] {first}, new int[] {-100_000_000})),
                Sampling.GREEDY);
        draws(
                "a token made likelier than the request says",
                Sampling.GREEDY,
                adjusted(new LogitAdjustments(0, 0, 1_000_000, new int[] {300}, new int[] {100_000_000})));
        Request bound = scene.request(Sampling.GREEDY, Scene.MAX_TOKENS, GRAMMAR);
        chooses("the grammar ignored", bound, scene.request);
        chooses(
                "another grammar followed",
                bound,
                scene.request(Sampling.GREEDY, Scene.MAX_TOKENS, "root ::= [a-z ]{3,30}"));
        chooses("a grammar followed where none was asked for", scene.request, bound);
    }

    private void sampling() {
        family = "sampling";
        draws("another seed", Scene.DRAWN, new Sampling(1.2f, 0, 1_000_000, 2));
        draws("another temperature", Scene.DRAWN, new Sampling(0.3f, 0, 1_000_000, 1));
        draws("the likeliest token where one was to be drawn", Scene.DRAWN, Sampling.GREEDY);
        draws("tokens drawn where the likeliest was asked for", Sampling.GREEDY, Scene.DRAWN);
        draws("top_k ignored", new Sampling(1.2f, 2, 1_000_000, 1), Scene.DRAWN);
        draws("top_p ignored", new Sampling(1.2f, 0, 200_000, 1), Scene.DRAWN);
        adjustments();
        attacks.add(new Attack(
                family, "one token forced, and everything after it computed honestly", "SAMPLING", () -> {
                    int[] tokens = scene.honest.answer().tokens().clone();
                    tokens[5] = tokens[5] == 300 ? 301 : 300;
                    return scene.audit(scene.show(
                            scene.request, scene.request, tokens, TestModels.forward(scene.model), trace -> {}));
                }));
        attacks.add(new Attack(family, "one token changed in the answer alone", "OUTPUT", () -> {
            int[] tokens = scene.honest.answer().tokens().clone();
            tokens[5]++;
            return scene.audit(scene.honest.with(new Answer(tokens, scene.tokenizer.decode(tokens))));
        }));
        attacks.add(new Attack(
                family,
                "another text beside the same tokens",
                "OUTPUT",
                () -> scene.audit(
                        scene.honest.with(new Answer(scene.honest.answer().tokens(), "buy this")))));
    }

    private String signed(int[] tokens, Request request) throws Exception {
        Answer answer = new Answer(tokens, scene.tokenizer.decode(tokens));
        int length = request.promptTokens().length + tokens.length - 1;
        long bytes = scene.view(request, tokens).layout().traceBytes(length);
        Receipt receipt = Receipt.of(request, answer, scene.honest.receipt().traceRoot(), bytes, 1, Scene.NODE);
        return scene.audit(new Shown(request, answer, receipt, scene.honest.source()));
    }

    private void ends() {
        family = "length of the answer";
        int[] tokens = scene.honest.answer().tokens();
        int stop = scene.model.stopTokens()[0];
        attacks.add(new Attack(
                family, "an answer ended early", "STOP", () -> signed(Arrays.copyOf(tokens, 10), scene.request)));
        attacks.add(new Attack(family, "an answer in a grammar that is not too costly, ended early", "STOP", () -> {
            Request bound = scene.request(Sampling.GREEDY, Scene.MAX_TOKENS, GRAMMAR);
            return signed(Arrays.copyOf(tokens, 3), bound);
        }));
        attacks.add(new Attack(family, "an answer ended before its grammar turns too costly", "STOP", () -> {
            Request costly = scene.request(Sampling.GREEDY, Scene.MAX_TOKENS, CostlyGrammar.after(60));
            return signed(Arrays.copyOf(tokens, 3), costly);
        }));
        attacks.add(new Attack(
                family,
                "an answer longer than was asked for",
                "STOP",
                () -> signed(Arrays.copyOf(tokens, Scene.MAX_TOKENS + 1), scene.request)));
        attacks.add(new Attack(family, "an answer that goes on after its stop token", "STOP", () -> {
            int[] more = tokens.clone();
            more[8] = stop;
            return signed(more, scene.request);
        }));
        attacks.add(new Attack(family, "a stop token forced to end early", "SAMPLING", () -> {
            int[] fewer = Arrays.copyOf(tokens, 12);
            fewer[11] = stop;
            return scene.audit(
                    scene.show(scene.request, scene.request, fewer, TestModels.forward(scene.model), trace -> {}));
        }));
        attacks.add(new Attack(family, "an empty answer", "STOP", () -> {
            Answer none = new Answer(new int[0], "");
            Receipt receipt = Receipt.of(scene.request, none, new byte[32], 1024, 1, Scene.NODE);
            return scene.audit(new Shown(scene.request, none, receipt, scene.honest.source()));
        }));
        attacks.add(new Attack(family, "a token id beyond the vocabulary", "OUTPUT", () -> {
            int[] beyond = tokens.clone();
            beyond[3] = scene.model.config().vocab();
            return signed(beyond, scene.request);
        }));
    }

    /** An answer that says {@code text} and {@code cancellation} of its tokens, its trace computed honestly. */
    private String shown(Request asked, int[] tokens, String text, Cancellation cancellation) throws Exception {
        Answer answer = new Answer(tokens, text, cancellation);
        return scene.audit(scene.show(asked, asked, answer, TestModels.forward(scene.model), trace -> {}));
    }

    private String truly(Request asked, int tokens) throws Exception {
        int[] first = Arrays.copyOf(scene.honest.answer().tokens(), tokens);
        return shown(asked, first, scene.tokenizer.decode(first), null);
    }

    private Request asked(String messages, List<String> stopTexts) {
        Request r = scene.request;
        return new Request(
                r.modelId(),
                messages,
                r.time(),
                r.promptTokens(),
                r.sampling(),
                r.maxTokens(),
                r.stopTokens(),
                stopTexts,
                r.requester(),
                r.nonce());
    }

    private void texts() {
        family = "text";
        int[] tokens = scene.honest.answer().tokens();
        String text = scene.honest.answer().text();
        attacks.add(new Attack(
                family,
                "another text, signed over",
                "TEXT",
                () -> shown(scene.request, tokens, "The text is nobody's.", null)));
        attacks.add(new Attack(family, "no text", "TEXT", () -> shown(scene.request, tokens, "", null)));
        attacks.add(new Attack(
                family,
                "a text that goes on after its tokens",
                "TEXT",
                () -> shown(scene.request, tokens, text + " Buy this.", null)));
        Request paragraphs = asked(Scene.MESSAGES, List.of("\n\n\n"));
        attacks.add(new Attack(
                family,
                "one token, and a stop text in a text that is not the token's",
                "TEXT",
                () -> shown(paragraphs, Arrays.copyOf(tokens, 1), "Once\n\n\n", null)));
        attacks.add(new Attack(
                family, "one token, ended by a stop text that never came", "STOP", () -> truly(paragraphs, 1)));
        // A word in the midst of the honest answer.
        String[] words =
                scene.tokenizer.decode(Arrays.copyOf(tokens, tokens.length - 8)).split(" ");
        Request early = asked(Scene.MESSAGES, List.of(words[words.length / 2]));
        attacks.add(new Attack(
                family, "an answer that goes on after its stop text", "STOP", () -> truly(early, tokens.length)));
        family = "prompt";
        attacks.add(new Attack(
                family,
                "messages that are not what the prompt was made of",
                "PROMPT",
                () -> truly(
                        asked("[{\"role\":\"user\",\"content\":\"Is the moon made of cheese?\"}]", List.of()),
                        tokens.length)));
        attacks.add(new Attack(
                family,
                "messages that are no conversation",
                "PROMPT",
                () -> truly(asked("{\"role\":\"user\"}", List.of()), tokens.length)));
        attacks.add(new Attack(
                family,
                "messages longer than any prompt",
                "PROMPT",
                () -> truly(asked("[" + " ".repeat(5_000_000) + "]", List.of()), tokens.length)));
    }

    private void cancellations() {
        family = "cancellation";
        int[] one = Arrays.copyOf(scene.honest.answer().tokens(), 1);
        String text = scene.tokenizer.decode(one);
        Bytes32 hash = scene.request.hash();
        attacks.add(new Attack(
                family,
                "one token, cancelled by nobody",
                "STOP",
                () -> shown(scene.request, one, text, new Cancellation(0, new byte[64]))));
        attacks.add(new Attack(
                family,
                "one token, cancelled by the node itself",
                "STOP",
                () -> shown(scene.request, one, text, Cancellation.of(hash, 1, Scene.NODE))));
        attacks.add(new Attack(
                family,
                "the requester's cancellation of another request",
                "STOP",
                () -> shown(scene.request, one, text, Cancellation.of(Bytes32.ZERO, 1, Scene.REQUESTER))));
        attacks.add(new Attack(
                family,
                "fewer tokens than the requester had received when it cancelled",
                "STOP",
                () -> shown(scene.request, one, text, Cancellation.of(hash, 5, Scene.REQUESTER))));
    }

    /** The scene's request once more, to a model of {@code id} and with another nonce. */
    private Request again(Bytes32 id, int nonce) {
        Request r = scene.request;
        byte[] fresh = r.nonce().clone();
        fresh[0] = (byte) nonce;
        return new Request(
                id,
                r.messages(),
                r.time(),
                r.promptTokens(),
                r.sampling(),
                r.maxTokens(),
                r.stopTokens(),
                r.stopTexts(),
                r.requester(),
                fresh);
    }

    /** The honest answer and its trace, under a receipt for {@code asked}. */
    private Shown oldTrace(Request asked) {
        Receipt old = scene.honest.receipt();
        Answer answer = scene.honest.answer();
        Receipt receipt = Receipt.of(asked, answer, old.traceRoot(), old.traceBytes(), old.price(), Scene.NODE);
        return new Shown(asked, answer, receipt, scene.honest.source());
    }

    private void replays() {
        family = "replay";
        Bytes32 id = scene.model.id();
        attacks.add(new Attack(family, "an old receipt for the same question asked again", "REQUEST", () -> {
            Shown old = scene.honest;
            return scene.audit(new Shown(again(id, 1), old.answer(), old.receipt(), old.source()));
        }));
        attacks.add(new Attack(
                family,
                "an old trace under a receipt for the same question asked again",
                "HEADER",
                () -> scene.audit(oldTrace(again(id, 2)))));
        attacks.add(new Attack(family, "another model's answer", "MODEL", () -> {
            Bytes32 other = new Bytes32(~id.a(), id.b(), id.c(), id.d());
            return scene.audit(oldTrace(again(other, 0)));
        }));
    }
}
