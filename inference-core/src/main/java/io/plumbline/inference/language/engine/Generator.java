package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/** Answers one request after the other, and runs answers again. One caller at a time; {@link Engine} serves many. */
public final class Generator {
    /** Prompt tokens in one block. */
    public static final int PREFILL_BLOCK = 256;

    private final Executor executor;
    private final LoadedModel model;
    private final ModelConfig config;
    private final byte[] traceKey;
    private final int block;

    /** @param node public key under which traces are committed. */
    public Generator(Executor executor, Bytes32 node) {
        this(executor, node, PREFILL_BLOCK);
    }

    /** With prompts cut into blocks of {@code block} tokens. */
    public Generator(Executor executor, Bytes32 node, int block) {
        this.executor = executor;
        this.model = executor.model();
        this.config = model.config();
        this.traceKey = TraceLayout.keyOf(node.bytes());
        this.block = block;
    }

    /**
     * What came of a request.
     *
     * @param tokens chosen.
     * @param traceRoot 32 bytes.
     * @param traceBytes length of the trace.
     * @param cancelled whether the requester ended it.
     * @param cpuNanos CPU time it took, all threads together but the one that folds traces.
     */
    public record Result(int[] tokens, byte[] traceRoot, long traceBytes, boolean cancelled, long cpuNanos) {}

    /** Refuses, with a reason for the client, what this model cannot answer. */
    public static void check(Request request, ModelConfig config) {
        if (request.promptTokens().length > config.maxPositions()) {
            throw new IllegalArgumentException("The prompt has " + request.promptTokens().length
                    + " tokens; this model's context is " + config.maxPositions() + ". Shorten the prompt.");
        }
        for (int token : request.promptTokens()) {
            if (token < 0 || token >= config.vocab()) {
                throw new IllegalArgumentException(
                        "Prompt token " + token + " is not in the vocabulary of " + config.vocab() + ".");
            }
        }
    }

    /** The same, and where the rule's choices cannot be said. */
    static void check(ChoiceRule rule, ModelConfig config) {
        check(rule.request(), config);
        if (!rule.isKnown()) {
            throw new IllegalArgumentException("The request has a grammar, and the model's vocabulary was not given.");
        }
    }

    /** Answers {@code request}; {@code onToken} hears every token when it is chosen. */
    public Result generate(Request request, IntConsumer onToken) {
        return generate(ChoiceRule.of(request, null), Integer.MAX_VALUE, onToken);
    }

    /** The same by a rule that may need the model's vocabulary. */
    public Result generate(ChoiceRule rule, IntConsumer onToken) {
        return generate(rule, Integer.MAX_VALUE, onToken);
    }

    /** The same, ended after {@code most} tokens where the stop rule has not ended it before. */
    Result generate(ChoiceRule rule, int most, IntConsumer onToken) {
        Request request = rule.request();
        check(rule, config);
        int length = Sequence.tokens(request, config);
        BatchStep stepper = new BatchStep(executor, null);
        TokenListener listener = (token, logits, offset) -> {
            onToken.accept(token);
            return false;
        };
        try (KvCache pages = executor.pages(KvCache.pagesFor(config, length));
                Sequence job = new Sequence(rule, config, pages.sequence(), traceKey, listener)) {
            job.cache().reserve(length);
            List<Sequence> alone = List.of(job);
            while (!job.isFinished()) {
                stepper.step(alone, block);
                if (job.chosen() == most) {
                    job.cancel();
                }
            }
            return job.result(config, model.id());
        }
    }

    /** The whole trace again, by one prefill over prompt and output; {@code copy} receives it. Returns its root. */
    byte[] replay(Request request, int[] output, TraceStore copy) {
        int prompt = request.promptTokens().length;
        int[] tokens = Arrays.copyOf(request.promptTokens(), prompt + output.length);
        System.arraycopy(output, 0, tokens, prompt, output.length);
        int length = tokens.length - 1;
        TraceWriter trace = new TraceWriter(config, traceKey, copy);
        TraceLayout layout = new TraceLayout(config);
        LogitsRequests choices = new LogitsRequests(config.vocab(), layout.tailFloats());
        try (KvCache pages = executor.pages(KvCache.pagesFor(config, length));
                KvCache.PageTable cache = pages.sequence()) {
            cache.reserve(length);
            int rows = 0;
            for (int position = 0; position < length; position += rows) {
                rows = Segment.most(config, position, Math.min(block, length - position));
                trace.begin(position, rows);
                choices.clear();
                int firstChoice = Math.max(position, prompt - 1);
                for (int t = firstChoice; t < position + rows; t++) {
                    choices.add(t - position, tokens[t + 1]);
                }
                int[] part = Arrays.copyOfRange(tokens, position, position + rows);
                executor.run(List.of(new Segment(cache, position, rows, trace)), part, choices);
                for (int i = 0; i < choices.count(); i++) {
                    int t = firstChoice + i;
                    trace.choose(t, choices.tails(), choices.tailAt(i), tokens[t], choices.token(i), choices.logit(i));
                }
                trace.end(TraceFolder.after(executor, rows));
            }
        }
        return trace.root(layout.header(model.id(), request.hash(), length));
    }

    Executor executor() {
        return executor;
    }
}
