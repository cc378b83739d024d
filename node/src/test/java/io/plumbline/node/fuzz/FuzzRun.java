package io.plumbline.node.fuzz;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code ./plumbline fuzz [SECONDS] [PARSER ...]}: every parser a stranger can reach, for so many seconds each, in a
 * process of its own. What is found stays in the folder of the run, and the corpora grow from run to run.
 */
public final class FuzzRun {
    private static final Pattern UNITS = Pattern.compile("stat::number_of_executed_units: *(\\d+)");
    private static final Pattern EDGES = Pattern.compile(" cov: (\\d+)");
    private static final String DEFAULT_SECONDS = "60";
    private static final int WRONG_ARGUMENTS = 2;

    private final Path work;
    private final String seconds;

    private FuzzRun(Path work, String seconds) {
        this.work = work;
        this.seconds = seconds;
    }

    /** @param arguments the folder of the run, seconds, parsers. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        System.exit(run(arguments));
    }

    private static int run(String[] arguments) throws IOException, InterruptedException {
        String seconds = arguments.length > 1 ? arguments[1] : DEFAULT_SECONDS;
        if (!seconds.matches("[1-9]\\d{0,6}")) {
            System.err.println(
                    "plumbline: fuzz [SECONDS] [PARSER ...]: seconds are a whole number, not " + seconds + ".");
            return WRONG_ARGUMENTS;
        }
        FuzzRun run = new FuzzRun(Path.of(arguments[0]), seconds);
        List<String> known = run.seed();
        List<String> wanted = arguments.length > 2 ? List.of(arguments).subList(2, arguments.length) : known;
        for (String parser : wanted) {
            if (!known.contains(parser)) {
                System.err.println(
                        "plumbline: no parser is called " + parser + ". There are: " + String.join(" ", known));
                return WRONG_ARGUMENTS;
            }
        }
        boolean isGood = true;
        for (String parser : wanted) {
            isGood &= run.fuzz(parser);
        }
        return isGood ? 0 : 1;
    }

    /** @return all parsers' names. */
    private List<String> seed() throws IOException {
        try (Parsers all = new Parsers()) {
            List<String> names = all.names().toList();
            for (String name : names) {
                Path folder = Files.createDirectories(work.resolve("seeds").resolve(name));
                List<byte[]> seeds = all.seeds(name);
                for (int i = 0; i < seeds.size(); i++) {
                    Files.write(folder.resolve("seed-" + i), seeds.get(i));
                }
            }
            return names;
        }
    }

    private boolean fuzz(String parser) throws IOException, InterruptedException {
        Path corpus = Files.createDirectories(work.resolve("corpus").resolve(parser));
        Path found = Files.createDirectories(work.resolve("found").resolve(parser));
        Path log = work.resolve(parser + ".log");
        System.out.printf("%-18s ", parser);
        System.out.flush();
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of(
                "-XX:+EnableDynamicAgentLoading",
                "-Xmx2g",
                "-cp",
                System.getProperty("java.class.path"),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + ParserFuzzer.class.getName(),
                "--target_args=" + parser,
                "--instrumentation_includes=io.plumbline.**",
                "--custom_hook_includes=io.plumbline.**",
                "--reproducer_path=" + work,
                "-artifact_prefix=" + found + File.separator,
                "-max_total_time=" + seconds,
                "-timeout=20",
                "-rss_limit_mb=0",
                "-print_final_stats=1",
                corpus.toString(),
                work.resolve("seeds").resolve(parser).toString()));
        int code = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start()
                .waitFor();
        if (code != 0) {
            System.out.println("FAULT    see " + log + " and " + found
                    + "; keep the input in node/src/test/resources/fuzz/" + parser);
            return false;
        }
        String said = Files.readString(log, StandardCharsets.ISO_8859_1);
        System.out.printf(Locale.ROOT, "good     %s inputs, %s edges reached%n", last(UNITS, said), last(EDGES, said));
        return true;
    }

    private static String last(Pattern pattern, String text) {
        String last = "0";
        for (Matcher matcher = pattern.matcher(text); matcher.find(); ) {
            last = matcher.group(1);
        }
        return last;
    }
}
