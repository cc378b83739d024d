package io.plumbline.inference.engine;

import io.plumbline.inference.kernels.IntKernels;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/** Answers requests token by token, and commits to the trace as it goes. One instance for each thread. */
public final class Generator {
    /** Prompt tokens in one block. */
    public static final int PREFILL_BLOCK = 64;

    private final ForwardPass forward;
    private final LoadedModel model;
    private final ModelConfig config;
    private final byte[] traceKey;
    private final int block;
    private final int[] products;
    private final float[] logits;

    /** @param node public key under which traces are committed. */
    public Generator(LoadedModel model, byte[] node) {
        this(new ForwardPass(model), node, PREFILL_BLOCK);
    }

    /** As a node that computes with other layers than it claims, or other arithmetic. */
    public Generator(
            LoadedModel model, List<LoadedModel.Layer> layers, IntKernels kernels, ExactMath math, byte[] node) {
        this(new ForwardPass(model, layers, kernels, math), node, PREFILL_BLOCK);
    }

    /** With prompts cut into blocks of {@code block} tokens. */
    public Generator(ForwardPass forward, byte[] node, int block) {
        this.forward = forward;
        this.model = forward.model();
        this.config = model.config();
        this.traceKey = TraceLayout.keyOf(node);
        this.block = block;
        this.products = new int[config.vocab()];
        this.logits = new float[config.vocab()];
    }

    /**
     * What came of a request.
     *
     * @param tokens chosen.
     * @param traceRoot 32 bytes.
     * @param traceBytes length of the trace.
     */
    public record Result(int[] tokens, byte[] traceRoot, long traceBytes) {}

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
        int prompt = request.promptTokens().length;
        int most = Math.min(request.maxTokens(), config.maxPositions() - prompt + 1);
        int[] tokens = Arrays.copyOf(request.promptTokens(), prompt + most);
        KeyValueCache cache = new KeyValueCache(config, prompt + most - 1);
        TraceWriter trace = new TraceWriter(config, traceKey, null);
        float[] h = new float[Math.max(1, Math.min(block, prompt)) * config.hidden()];
        int position = 0;
        int chosenCount = 0;
        while (true) {
            int rows = position < prompt ? Math.min(block, prompt - position) : 1;
            trace.begin(position, rows);
            forward.run(tokens, position, rows, cache, h, trace);
            boolean choose = position + rows >= prompt;
            for (int i = 0; i < rows - (choose ? 1 : 0); i++) {
                trace.finish(position + i, h, i * config.hidden(), tokens[position + i], -1, 0f);
            }
            position += rows;
            if (choose) {
                int at = (rows - 1) * config.hidden();
                forward.logits(h, at, products, logits);
                int token = request.sampling().choose(logits, config.vocab(), position - 1);
                trace.finish(position - 1, h, at, tokens[position - 1], token, logits[token]);
                tokens[position] = token;
                chosenCount++;
                onToken.accept(token);
                trace.end();
                if (chosenCount == most || request.stopsAt(token)) {
                    break;
                }
            } else {
                trace.end();
            }
        }
        TraceLayout layout = new TraceLayout(config);
        byte[] root = trace.root(layout.header(model.id(), request.hash(), position));
        return new Result(Arrays.copyOfRange(tokens, prompt, prompt + chosenCount), root, layout.traceBytes(position));
    }

    /** The whole trace again, by one prefill over prompt and output; {@code copy} receives it. Returns its root. */
    byte[] replay(Request request, int[] output, MemorySegment copy) {
        int prompt = request.promptTokens().length;
        int[] tokens = Arrays.copyOf(request.promptTokens(), prompt + output.length);
        System.arraycopy(output, 0, tokens, prompt, output.length);
        int length = tokens.length - 1;
        KeyValueCache cache = new KeyValueCache(config, length);
        TraceWriter trace = new TraceWriter(config, traceKey, copy);
        float[] h = new float[Math.min(block, length) * config.hidden()];
        for (int position = 0; position < length; position += block) {
            int rows = Math.min(block, length - position);
            trace.begin(position, rows);
            forward.run(tokens, position, rows, cache, h, trace);
            for (int i = 0; i < rows; i++) {
                int t = position + i;
                boolean chose = t >= prompt - 1;
                if (chose) {
                    forward.logits(h, i * config.hidden(), products, logits);
                }
                int next = chose ? tokens[t + 1] : -1;
                trace.finish(t, h, i * config.hidden(), tokens[t], next, chose ? logits[next] : 0f);
            }
            trace.end();
        }
        return trace.root(new TraceLayout(config).header(model.id(), request.hash(), length));
    }

    ForwardPass forward() {
        return forward;
    }
}
