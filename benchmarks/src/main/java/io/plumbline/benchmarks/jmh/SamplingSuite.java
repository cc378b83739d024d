package io.plumbline.benchmarks.jmh;

import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.choice.TokenChooser;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** One token chosen of a vocabulary, by the rule that engines and auditors share. */
public class SamplingSuite extends Suite {
    private static final int MILLION = LogitAdjustments.MILLION;

    @Param({"32000", "128256"})
    private int vocab;

    private float[] logits;
    private TokenChooser greedy;
    private TokenChooser nucleus;
    private TokenChooser few;
    private TokenChooser penalized;
    private int position;

    /** Random logits. */
    @Setup
    public void prepare() {
        logits = floats(vocab, 1);
        greedy = chooser(Sampling.GREEDY);
        nucleus = chooser(new Sampling(0.8f, 0, 900_000, 0, 1, LogitAdjustments.NONE));
        few = chooser(new Sampling(0.8f, 40, MILLION, 0, 1, LogitAdjustments.NONE));
        penalized = chooser(new Sampling(
                0,
                0,
                MILLION,
                0,
                1,
                new LogitAdjustments(MILLION / 2, MILLION / 2, 1_100_000, new int[0], new int[0])));
        for (int token = 0; token < 500; token++) {
            penalized.accept(token);
        }
    }

    private static TokenChooser chooser(Sampling sampling) {
        Request request = new Request(
                Bytes32.ZERO, "", 0, new int[] {1}, sampling, 1, new int[] {2}, List.of(), Bytes32.ZERO, new byte[16]);
        return ChoiceRule.of(request, () -> null).begin();
    }

    @Benchmark
    public int greedy() {
        return greedy.choose(logits, 0, vocab, ++position);
    }

    @Benchmark
    public int topP() {
        return nucleus.choose(logits, 0, vocab, ++position);
    }

    @Benchmark
    public int topK() {
        return few.choose(logits, 0, vocab, ++position);
    }

    /** After 500 tokens. */
    @Benchmark
    public int penalties() {
        return penalized.choose(logits, 0, vocab, ++position);
    }
}
