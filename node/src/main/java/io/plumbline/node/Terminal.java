package io.plumbline.node;

import java.util.regex.Pattern;

/**
 * What commands print. Much of it was said by others: a node's reason, a model's names, a file's text. Each thing that is
 * printed stays on its line, and nothing in it moves the cursor, takes lines away or turns the direction of letters: a
 * node cannot have its refusal look like a good verdict.
 */
final class Terminal {
    private static final char REPLACED = '?';

    /** Control and format characters, halves of characters, and separators of lines. */
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{C}\\p{Zl}\\p{Zp}]");

    private Terminal() {}

    /** The same in characters that are printed. */
    static String printable(String text) {
        return UNPRINTABLE.matcher(text).replaceAll(String.valueOf(REPLACED));
    }

    /** Prints one line. */
    static void print(Object line) {
        System.out.println(printable(String.valueOf(line)));
    }

    /** Prints one line over the one that shows how far something has come. */
    static void printOver(Object line) {
        System.out.print('\r');
        print(line);
    }
}
