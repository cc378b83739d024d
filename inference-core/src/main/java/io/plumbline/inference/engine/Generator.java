package io.plumbline.inference.engine;

import io.plumbline.inference.engine.ForwardPass.Segment;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/** Answers one request after the other, and runs answers again. One caller at a time; {@link Engine} serves many. */
public final class Generator {
    /** Prompt tokens in one block. */
    public static final int PREFILL_BLOCK = 256;

    private static final int LOGITS_AT_ONCE = 16;

    private final ForwardPass forward;
    private final LoadedModel model;
    private final ModelConfig config;
    private final byte[] traceKey;
    private final int block;

    /** @param node public key under which traces are committed. */
    public Generator(ForwardPass forward, byte[] node) {
        this(forward, node, PREFILL_BLOCK);
    }

    /** With prompts cut into blocks of {@code block} tokens. */
    public Generator(ForwardPass forward, byte[] node, int block) {
        this.forward = forward;
        this.model = forward.model();
        this.config = model.config();
        this.traceKey = TraceLayout.keyOf(node);
        this.block = block;
    }

    /**
     * What came of a request.
     *
     * @param tokens chosen.
     * @param traceRoot 32 bytes.
     * @param traceBytes length of the trace.
     * @param cancelled whether the requester ended it.
     * @param cpuNanos CPU time it took, all threads together.
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

    /** Answers {@code request}; {@code onToken} hears every token when it is chosen. */
    public Result generate(Request request, IntConsumer onToken) {
        check(request, config);
        int length = Job.tokens(request, config);
        KeyValuePages pages = new KeyValuePages(config, KeyValuePages.pagesFor(length));
        Stepper stepper = new Stepper(forward, null);
        Job.Listener listener = (token, logits, offset) -> {
            onToken.accept(token);
            return false;
        };
        try (Job job = new Job(
                request, config, pages.sequence(), traceKey, forward.workers().count(), listener)) {
            job.cache().reserve(length);
            List<Job> alone = List.of(job);
            while (!job.isFinished()) {
                stepper.step(alone, block);
            }
            return job.result(config, model.id());
        }
    }

    /** The whole trace again, by one prefill over prompt and output; {@code copy} receives it. Returns its root. */
    byte[] replay(Request request, int[] output, MemorySegment copy) {
        int prompt = request.promptTokens().length;
        int[] tokens = Arrays.copyOf(request.promptTokens(), prompt + output.length);
        System.arraycopy(output, 0, tokens, prompt, output.length);
        int length = tokens.length - 1;
        KeyValuePages pages = new KeyValuePages(config, KeyValuePages.pagesFor(length));
        TraceWriter trace = new TraceWriter(config, traceKey, forward.workers().count(), copy);
        int most = Math.min(block, length);
        float[] h = new float[most * config.hidden()];
        int[] choices = new int[LOGITS_AT_ONCE];
        int[] products = new int[Math.min(most, LOGITS_AT_ONCE) * config.vocab()];
        float[] logits = new float[products.length];
        try (KeyValuePages.Sequence cache = pages.sequence()) {
            cache.reserve(length);
            for (int position = 0; position < length; position += block) {
                int rows = Math.min(block, length - position);
                trace.begin(position, rows);
                int[] part = Arrays.copyOfRange(tokens, position, position + rows);
                forward.run(List.of(new Segment(cache, position, rows, trace)), part, h);
                int firstChoice = Math.max(position, prompt - 1);
                for (int t = position; t < firstChoice && t < position + rows; t++) {
                    trace.last(t, h, (t - position) * config.hidden(), tokens[t], -1, 0f);
                }
                for (int t = firstChoice; t < position + rows; t += LOGITS_AT_ONCE) {
                    int n = Math.min(LOGITS_AT_ONCE, position + rows - t);
                    for (int i = 0; i < n; i++) {
                        choices[i] = t + i - position;
                    }
                    forward.logits(h, choices, n, products, logits);
                    for (int i = 0; i < n; i++) {
                        int next = tokens[t + i + 1];
                        float logit = logits[i * config.vocab() + next];
                        trace.last(t + i, h, choices[i] * config.hidden(), tokens[t + i], next, logit);
                    }
                }
                trace.end();
            }
        }
        return trace.root(new TraceLayout(config).header(model.id(), request.hash(), length));
    }

    ForwardPass forward() {
        return forward;
    }
}
