package io.plumbline.inference.language.tokenizer;

/**
 * Looks for one stop text in a text that comes in pieces, a step for each character whatever both say (Knuth, Morris
 * and Pratt 1977).
 */
final class StopSearch {
    private final String stop;

    /** For each length of the stop text's beginning: the longest shorter one that it ends with. */
    private final int[] shorter;

    private int matched;

    /** @param stop not empty. */
    StopSearch(String stop) {
        this.stop = stop;
        this.shorter = new int[stop.length() + 1];
        int length = 0;
        for (int i = 1; i < stop.length(); i++) {
            length = longer(length, stop.charAt(i));
            shorter[i + 1] = length;
        }
    }

    private int longer(int length, char next) {
        int longest = length;
        while (longest > 0 && stop.charAt(longest) != next) {
            longest = shorter[longest];
        }
        return stop.charAt(longest) == next ? longest + 1 : longest;
    }

    /** Takes the next character; whether it completes the stop text. */
    boolean take(char next) {
        matched = longer(matched == stop.length() ? shorter[matched] : matched, next);
        return matched == stop.length();
    }

    /** Characters of the stop text's beginning that the text so far ends with. */
    int matched() {
        return matched;
    }

    int length() {
        return stop.length();
    }
}
