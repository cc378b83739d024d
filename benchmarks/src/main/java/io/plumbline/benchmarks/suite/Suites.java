package io.plumbline.benchmarks.suite;

import io.plumbline.benchmarks.report.Headline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Suites by name: a headline, which its result file's command measures; the word for what a command measures, such as
 * {@code hash} or {@code sessions}, with all commands of headlines that do; and {@code smoke}, which shows that all
 * kinds run, and not how fast.
 */
public final class Suites {
    static final String SMOKE = "smoke";

    /** As small as each goes: a minute and a half in all. */
    private static final List<String> SMOKE_COMMANDS = List.of(
            "./plumbline jmh -f 0 -wi 0 -i 1 -r 1ms -foe true -p form=scalar -p shape=small -p width=512 -p bytes=1024"
                    + " -p messageBytes=100000 -p vocab=1000 -p entries=1000",
            "./plumbline bench storage --gib 1",
            "./plumbline bench blobs --mib 8 --gib 0 --rounds 1",
            "./plumbline bench tensors --requests 200 --rounds 1",
            "./plumbline bench gateway --seconds 1 --rounds 1 --streams 4 --headline-streams 4 --tokens 16",
            "./plumbline load ledger --rate 50 --seconds 1",
            "./plumbline load sessions --seconds 0.2 --rounds 1 --rate 200");

    private final List<Headline> headlines;

    /** @param folder of the result files that name the commands. */
    public Suites(Path folder) throws IOException {
        this.headlines = Headline.all(folder);
    }

    /**
     * The commands of suites, each once, as words.
     *
     * @throws IOException for a name that is no suite's, or a command that cannot be run as it stands.
     */
    public List<List<String>> commands(List<String> names) throws IOException {
        Set<String> commands = new LinkedHashSet<>();
        for (String name : names) {
            List<String> found = name.equals(SMOKE)
                    ? SMOKE_COMMANDS
                    : headlines.stream()
                            .filter(one ->
                                    one.name().equals(name) || measures(one).equals(name))
                            .map(Headline::command)
                            .toList();
            if (found.isEmpty()) {
                throw new IOException("There is no suite " + name + ". There are " + String.join(", ", names()) + ".");
            }
            commands.addAll(found);
        }
        List<List<String>> all = new ArrayList<>();
        for (String command : commands) {
            if (!command.matches("\\./plumbline (bench|load|jmh) [A-Za-z0-9 .,:=/_-]+")) {
                throw new IOException("No command of a suite looks like \"" + command + "\": run it by hand.");
            }
            List<String> words = List.of(command.split(" +"));
            if (words.contains("DIR") || words.contains("FILE")) {
                throw new IOException("\"" + command + "\" needs a path of yours: run it by hand.");
            }
            all.add(words);
        }
        return all;
    }

    /** Of all suites. */
    Set<String> names() {
        Set<String> names = new TreeSet<>(List.of(SMOKE));
        headlines.forEach(one -> {
            names.add(one.name());
            names.add(measures(one));
        });
        return names;
    }

    /** The word of a headline's command that says what is measured. */
    private static String measures(Headline one) {
        String[] words = one.command().split(" ");
        return words.length > 2 ? words[2] : one.name();
    }
}
