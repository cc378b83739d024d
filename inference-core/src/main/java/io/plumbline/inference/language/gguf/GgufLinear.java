package io.plumbline.inference.language.gguf;

import io.plumbline.inference.language.checkpoint.TransformedRows;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.verifier.model.DeltaRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * How llama.cpp orders what belongs to the value heads of linear attention: in Qwen3-Next as its checkpoints do, heads
 * that share a key head one after the other; in later ones the first of each key head, then the second of each.
 */
record GgufLinear(DeltaRule delta, boolean isTiled) {
    /** The place there of each place here, of {@code size} a value head. */
    IntUnaryOperator there(int size) {
        int each = delta.valueHeads() / delta.keyHeads();
        return isTiled
                ? r -> (r / size % each * delta.keyHeads() + r / size / each) * size + r % size
                : IntUnaryOperator.identity();
    }

    /** The place here of each place there. */
    IntUnaryOperator here(int size) {
        int each = delta.valueHeads() / delta.keyHeads();
        return isTiled
                ? r -> (r / size % delta.keyHeads() * each + r / size / delta.keyHeads()) * size + r % size
                : IntUnaryOperator.identity();
    }

    /** The same of the convolution's channels, of which the values' alone are in another order. */
    IntUnaryOperator channels(IntUnaryOperator values) {
        int first = 2 * delta.keys();
        return c -> c < first ? c : first + values.applyAsInt(c - first);
    }

    /** The row of rates and decays by key head, rates first in each, of each row of all rates, then all decays. */
    IntUnaryOperator byKeyHead() {
        int heads = delta.valueHeads();
        int each = heads / delta.keyHeads();
        return r -> r % heads / each * 2 * each + r / heads * each + r % each;
    }

    /** The reverse. */
    IntUnaryOperator fromKeyHead() {
        int heads = delta.valueHeads();
        int each = heads / delta.keyHeads();
        return r -> r % (2 * each) / each * heads + r / (2 * each) * each + r % each;
    }

    /** Pairs that each of the positions of a picture turns; a text's are the same, so that any numbers will do. */
    static List<Integer> sections(int pairs) {
        int first = (pairs + 2) / 3;
        int second = (pairs + 1) / 3;
        return new ArrayList<>(List.of(first, second, pairs - first - second, 0));
    }

    /** A matrix with its columns in another order. */
    static Weights columns(Weights of, IntUnaryOperator order) {
        int columns = of.columns();
        return new TransformedRows(of, row -> {
            float[] before = Arrays.copyOf(row, columns);
            for (int i = 0; i < columns; i++) {
                row[i] = before[order.applyAsInt(i)];
            }
        });
    }

    /** Factors of linear attention's decays, as logarithms; files hold them less than 0. */
    static Weights logarithms(Weights of) {
        int columns = of.columns();
        return new TransformedRows(of, row -> {
            for (int i = 0; i < columns; i++) {
                row[i] = (float) StrictMath.log(-row[i]);
            }
        });
    }
}
