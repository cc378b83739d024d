package io.plumbline.node.network;

import java.util.regex.Pattern;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What commands print. Much of it was said by others: a node's reason, a model's names, a file's text. Each thing
 * that is printed stays on its line, and nothing in it moves the cursor, takes lines away or turns the direction of
 * letters: a node cannot have its refusal look like a good verdict.
 */
public final class Terminal {
    private static final char REPLACED = '?';

    /** Time between two states of a bar, on a terminal and in a file. */
    private static final int TERMINAL_MS = 100;

    private static final int FILE_MS = 10_000;

    /** Control and format characters, halves of characters, and separators of lines. */
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{C}\\p{Zl}\\p{Zp}]");

    private Terminal() {}

    /** The same in characters that are printed. */
    public static String printable(String text) {
        return UNPRINTABLE.matcher(text).replaceAll(String.valueOf(REPLACED));
    }

    /** Prints one line. */
    public static void print(Object line) {
        System.out.println(printable(String.valueOf(line)));
    }

    /** Prints one line over the one that shows how far something has come. */
    public static void printOver(Object line) {
        System.out.print('\r');
        print(line);
    }

    /** Shows how far something is, in percent. */
    public static ProgressBar progress(String task) {
        return bar(new ProgressBarBuilder().setTaskName(task).setInitialMax(100));
    }

    /** Shows how far something is: by a bar on a terminal, in a file by a line now and then. */
    public static ProgressBar bar(ProgressBarBuilder builder) {
        builder.setStyle(ProgressBarStyle.ASCII);
        boolean isTerminal = System.console() != null && System.console().isTerminal();
        return isTerminal
                ? builder.setUpdateIntervalMillis(TERMINAL_MS).build()
                : builder.setUpdateIntervalMillis(FILE_MS)
                        .setConsumer(new DelegatingProgressBarConsumer(System.err::println))
                        .build();
    }
}
