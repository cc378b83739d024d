package io.plumbline.benchmarks;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.language.engine.DeviceFailedException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** Commands under one name. Every error is one line on standard error and an exit code that is not 0. */
public final class Commands {
    /** Exit code for words that are no command or option. */
    static final int USAGE = 2;

    private static final int FAILED = 1;

    private final String program;
    private final List<Command> all;

    /**
     * A measurement. Made only when it was asked for: what it alone needs may be missing from the class path, as the
     * ledger's libraries are on a GPU host.
     *
     * @param type annotated with its name and description.
     */
    public record Command(Class<?> type, Supplier<Callable<Integer>> make) {
        private Parameters parameters() {
            return type.getAnnotation(Parameters.class);
        }

        String name() {
            return parameters().commandNames()[0];
        }

        String description() {
            return parameters().commandDescription();
        }
    }

    /** @param program as it is typed: "plumbline bench". */
    public Commands(String program, List<Command> all) {
        this.program = program;
        this.all = all;
    }

    /**
     * Runs the command that the first word names.
     *
     * @return its exit code; 2 where the words are not understood, 1 where it fails.
     */
    public int run(String... arguments) throws Exception {
        List<String> words = List.of(arguments);
        boolean helps = words.contains("--help") || words.contains("-h");
        Command command = all.stream()
                .filter(one -> !words.isEmpty() && one.name().equals(words.getFirst()))
                .findFirst()
                .orElse(null);
        if (command == null && helps) {
            System.out.println("Usage: " + program + " WHAT [options]; --help after WHAT says which options.");
            all.forEach(one -> System.out.printf("  %-12s %s%n", one.name(), one.description()));
            return 0;
        }
        if (command == null) {
            return fail(
                    (words.isEmpty() ? "Say what to measure: " : "There is no \"" + words.getFirst() + "\". There are ")
                            + String.join(", ", all.stream().map(Command::name).toList())
                            + ". Try "
                            + program
                            + " --help.",
                    USAGE);
        }
        Callable<Integer> measurement = command.make().get();
        JCommander commander = JCommander.newBuilder()
                .programName(program + " " + command.name())
                .addObject(measurement)
                .build();
        if (helps) {
            commander.usage();
            return 0;
        }
        try {
            commander.parse(Arrays.copyOfRange(arguments, 1, arguments.length));
            return measurement.call();
        } catch (ParameterException e) {
            return fail(reason(e) + " Try " + program + " " + command.name() + " --help.", USAGE);
        } catch (IOException | DeviceFailedException e) {
            return fail(e.getMessage() == null ? e.toString() : e.getMessage(), FAILED);
        }
    }

    /** The parser's own words, but for what it says of an option that it does not know. */
    private static String reason(ParameterException e) {
        String said = e.getMessage();
        if (said.startsWith("Was passed main parameter '")) {
            return "Unknown option or argument " + said.split("'")[1] + ".";
        }
        return said.endsWith(".") ? said : said + ".";
    }

    private int fail(String why, int code) {
        System.err.println(printable(program + ": " + why));
        return code;
    }

    /** One line that does nothing to a terminal but stand there, whatever another side has put into it. */
    public static String printable(String text) {
        return text.replaceAll("\\s*\\R\\s*", " ").replaceAll("\\p{C}", "?");
    }
}
