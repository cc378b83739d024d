package io.plumbline.inference.language.engine;

import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.choice.TokenChooser;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.grammar.GrammarTooCostlyException;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/** One request being answered: its tokens so far, its keys and values, its trace. Driven by a {@link BatchStep}. */
final class Sequence implements AutoCloseable {
    private final Request request;
    private final ChoiceRule rule;
    private final TokenChooser chooser;
    private final TokenListener listener;
    private final BooleanSupplier isCancelled;
    private final Drafter drafter;
    private final int[] tokens;
    private final int prompt;
    private final int most;
    private final KvCache.PageTable cache;
    private final TraceWriter trace;
    private int position;
    private int chosen;
    private Finish finish;
    private long cpuNanos;
    private PrefixCache.OpenPage openPage;

    /** Why an answer ended. */
    enum Finish {
        /** By the stop rule, also where its grammar takes too much work to follow further. */
        STOP,
        LENGTH,
        CANCELLED
    }

    /** One that nobody cancels, computed a token at a time. */
    Sequence(ChoiceRule rule, ModelConfig config, KvCache.PageTable cache, byte[] traceKey, TokenListener listener) {
        this(rule, config, cache, traceKey, listener, () -> false, null);
    }

    /**
     * A request's answer to be.
     *
     * @param rule of a request that was checked against the model.
     * @param isCancelled asked after every token: a step may bring several.
     * @param drafters guess its tokens; null for no guesses.
     */
    Sequence(
            ChoiceRule rule,
            ModelConfig config,
            KvCache.PageTable cache,
            byte[] traceKey,
            TokenListener listener,
            BooleanSupplier isCancelled,
            Drafter.Factory drafters) {
        this.request = rule.request();
        this.rule = rule;
        this.chooser = rule.begin();
        this.listener = listener;
        this.isCancelled = isCancelled;
        this.prompt = request.promptTokens().length;
        this.most = ReceiptCheck.most(request, config);
        this.tokens = Arrays.copyOf(request.promptTokens(), prompt + most);
        this.cache = cache;
        this.trace = new TraceWriter(config, traceKey, null);
        this.drafter = drafters == null ? null : drafters.begin(tokens, prompt);
    }

    /** Most tokens that will run through the model. */
    static int tokens(Request request, ModelConfig config) {
        return request.promptTokens().length + ReceiptCheck.most(request, config) - 1;
    }

    /** Rows it could run next: what is left of the prompt, or the last token. */
    int rowsWanted() {
        return position < prompt ? prompt - position : 1;
    }

    /** Whether a token follows after {@code rows} more rows. */
    boolean choosesAfter(int rows) {
        return position + rows >= prompt;
    }

    boolean isPrefill() {
        return position < prompt - 1;
    }

    int position() {
        return position;
    }

    void advance(int rows) {
        position += rows;
    }

    /** Of the prompt or the answer; or a guess, behind these. */
    int token(int index) {
        return tokens[index];
    }

    /** Whether choosing, or who listens, needs all logits. */
    boolean wantsLogits() {
        return !rule.isGreedy() || listener.wantsLogits();
    }

    /** The token that follows the row at {@code position}, by all logits. */
    int choose(float[] logits, int offset, int n, int position) {
        return chooser.choose(logits, offset, n, position);
    }

    /** Takes the token chosen after the last row. */
    void accept(int token, float[] logits, int offset) {
        tokens[position] = token;
        chosen++;
        try {
            chooser.accept(token);
        } catch (GrammarTooCostlyException e) {
            finish = Finish.STOP;
        }
        if (drafter != null) {
            drafter.accepted(tokens, position + 1);
        }
        boolean stop = listener.onToken(token, logits, offset);
        if (stop || request.stopsAt(token) || finish == Finish.STOP) {
            finish = Finish.STOP;
        } else if (chosen == most) {
            finish = Finish.LENGTH;
        } else if (isCancelled.getAsBoolean()) {
            finish = Finish.CANCELLED;
        }
    }

    /**
     * Guesses what follows the last token, in {@link #token} from the next index on. No guess is a stop token, and
     * none stands where only the answer's last token can: neither would run through the model.
     *
     * @param wanted most guesses.
     * @return how many there are.
     */
    int draft(int wanted) {
        int room = Math.min(wanted, prompt + most - 2 - position);
        int count = drafter == null || room <= 0 ? 0 : drafter.draft(tokens, position + 1, room);
        for (int i = 0; i < count; i++) {
            if (request.stopsAt(tokens[position + 1 + i])) {
                return i;
            }
        }
        return count;
    }

    /** How likely the guesses up to {@code index} are all right, 0 to 1. */
    double draftConfidence(int index) {
        return drafter.confidence(index);
    }

    /**
     * Ends the answer, for what may come next takes too much work to find out.
     *
     * @throws GrammarTooCostlyException where it has no token yet.
     */
    void endBefore(GrammarTooCostlyException why) {
        if (chosen == 0) {
            throw why;
        }
        finish = Finish.STOP;
    }

    /** Ends the answer with what has been chosen. */
    void cancel() {
        if (finish == null) {
            finish = Finish.CANCELLED;
        }
    }

    boolean isFinished() {
        return finish != null;
    }

    int chosen() {
        return chosen;
    }

    Request request() {
        return request;
    }

    KvCache.PageTable cache() {
        return cache;
    }

    TraceWriter trace() {
        return trace;
    }

    /** The page whose tokens' digests are gathered for the prefix cache; null where there is none. */
    PrefixCache.OpenPage openPage() {
        return openPage;
    }

    void openPage(PrefixCache.OpenPage next) {
        openPage = next;
    }

    void addCpu(long nanos) {
        cpuNanos += nanos;
    }

    /** The tokens chosen so far. */
    int[] answer() {
        return Arrays.copyOfRange(tokens, prompt, prompt + chosen);
    }

    /** What came of it, once finished with at least one token. */
    Generator.Result result(ModelConfig config, Bytes32 modelId) {
        TraceLayout layout = new TraceLayout(config);
        byte[] root = trace.root(layout.header(modelId, request.hash(), position));
        return new Generator.Result(answer(), root, layout.traceBytes(position), finish == Finish.CANCELLED, cpuNanos);
    }

    @Override
    public void close() {
        cache.close();
    }
}
