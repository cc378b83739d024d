package io.plumbline.node.serve;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.gateway.Answerers;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** A node that signs the answer that a test writes, control tokens in ⟦⟧, as another model would have given it. */
final class ScriptedAnswers implements Answerers, Answerers.Answerer {
    private static final Pattern PIECES = Pattern.compile("⟦([^⟧]*)⟧|[^⟦]+");

    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final KeyPair keys = KeyPair.random();

    /** The next answer. */
    volatile String script = "";

    /** The last request. */
    volatile Request asked;

    ScriptedAnswers(LoadedModel model, ChatTokenizer tokenizer) {
        this.model = model;
        this.tokenizer = tokenizer;
    }

    private int[] tokens() {
        return PIECES.matcher(script)
                .results()
                .flatMapToInt(
                        found -> found.group(1) == null ? Arrays.stream(tokenizer.text(found.group())) : control(found))
                .toArray();
    }

    private IntStream control(MatchResult found) {
        return IntStream.range(0, model.config().vocab())
                .filter(token -> tokenizer.name(token).equals(found.group(1)));
    }

    @Override
    public AnswerStream infer(
            Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken) {
        asked = request;
        int[] all = tokens();
        int[] chosen = Arrays.copyOf(all, Math.min(all.length, request.maxTokens()));
        DeliveredTokens delivered = new DeliveredTokens(request.maxTokens(), vocab);
        Thread telling = Thread.startVirtualThread(() -> {
            for (int i = 0; i < chosen.length; i++) {
                int token = chosen[i];
                delivered.add(token, () -> onToken.accept(new ChosenToken(token, null)));
                if (i % 3 == 2) {
                    // Longer than a stream waits for more to tell at once.
                    LockSupport.parkNanos(21_000_000);
                }
            }
        });
        return new AnswerStream() {
            @Override
            public DeliveredTokens delivered() {
                return delivered;
            }

            @Override
            public NodeClient.Answered await() throws IOException {
                try {
                    telling.join();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                Answer answer = new Answer(chosen, tokenizer.decode(chosen));
                int length = TraceLayout.tokens(request.promptTokens().length, chosen.length);
                long bytes = new TraceLayout(model.config()).traceBytes(length);
                return new NodeClient.Answered(
                        answer,
                        Receipt.of(model.config().contractVersion(), request, answer, new byte[32], bytes, 0, keys),
                        0);
            }

            @Override
            public void cancel() {}

            @Override
            public void close() {}
        };
    }

    @Override
    public Bytes32 requester() {
        return keys.publicKey();
    }

    @Override
    public Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) {
        return this;
    }

    @Override
    public void answered(Receipt receipt, int units) {}

    @Override
    public long mostPrice() {
        return 0;
    }

    @Override
    public long hedgeMs() {
        return 0;
    }

    @Override
    public boolean isWell() {
        return true;
    }

    @Override
    public boolean hasModel(Bytes32 modelId) {
        return true;
    }

    @Override
    public Bytes32 key() {
        return keys.publicKey();
    }

    @Override
    public long price() {
        return 0;
    }

    @Override
    public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) throws IOException {
        throw new IOException("It has no ONNX model.");
    }

    @Override
    public void refused(Exception why) {}

    @Override
    public void lied(String why) {
        throw new AssertionError(why);
    }
}
