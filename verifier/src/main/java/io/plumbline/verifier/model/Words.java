package io.plumbline.verifier.model;

import java.util.Arrays;
import java.util.function.Function;

/** Reads the words that stand for an enumeration's constants. */
final class Words {
    private Words() {}

    static <T> T of(T[] all, Function<T, String> word, String text) {
        return Arrays.stream(all)
                .filter(one -> word.apply(one).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("\"" + text + "\" is none of "
                        + String.join(", ", Arrays.stream(all).map(word).toList())));
    }
}
