package io.plumbline.node.cli.config;

import com.beust.jcommander.ParameterException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A role's options from all places: its command line goes before the environment, that before its configuration file,
 * and that before the defaults.
 */
public final class Configuration {
    private static final Pattern OPTION = Pattern.compile("--([a-z][a-z-]*)");

    /** A service's address, as Kubernetes sets it in pods: of one called plumbline, under {@code PLUMBLINE_PORT}. */
    private static final Pattern SERVICE_LINK = Pattern.compile("(tcp|udp|sctp)://.*");

    /** Of a value that is looked for in a message: shorter ones stand in it by chance. */
    private static final int LEAST_LENGTH = 4;

    private final String role;
    private final List<String> given;
    private final Origin whole;
    private final Map<String, Setting> settings = new LinkedHashMap<>();
    private final List<Problem> problems = new ArrayList<>();
    private boolean isWhole = true;

    /** @param file null where none is named. */
    private Configuration(String role, List<String> given, Path file) {
        this.role = role;
        this.given = given;
        whole = file == null ? Origin.of("environment") : Origin.of(file, 0);
    }

    /**
     * Reads what stands beside a command line.
     *
     * @param arguments the command and its words. A command without a configuration, a call for help and words that are
     *     no command line are left as they are.
     * @param environment variables by their names.
     */
    public static Configuration of(String[] arguments, Map<String, String> environment) {
        List<String> words = List.of(arguments);
        Configuration asGiven = new Configuration(null, words, null);
        if (words.isEmpty() || !RoleOptions.names().contains(words.getFirst())) {
            return asGiven;
        }
        try {
            RoleOptions line = RoleOptions.of(words.getFirst());
            line.parse(words.subList(1, words.size()));
            if (line.command().isHelpWanted()) {
                return asGiven;
            }
            return read(words.getFirst(), line, line.command().config(), environment, words);
        } catch (ParameterException | IOException e) {
            // The command line's own parser says what is wrong with it.
            return asGiven;
        }
    }

    /**
     * Reads a role's configuration without a command line.
     *
     * @param file null for the environment alone.
     */
    static Configuration of(String role, Path file, Map<String, String> environment) throws IOException {
        return read(role, RoleOptions.of(role), file, environment, List.of(role));
    }

    private static Configuration read(
            String role, RoleOptions line, Path file, Map<String, String> environment, List<String> given)
            throws IOException {
        Configuration read = new Configuration(role, given, file);
        // Values are tried on a command of their own: a number that is out of range must not stay in one that runs.
        RoleOptions options = RoleOptions.of(role);
        if (file != null) {
            ConfigurationFile content = ConfigurationFile.read(file, options);
            content.settings()
                    .forEach(setting -> read.settings.put(setting.option().key(), setting));
            read.problems.addAll(content.problems());
        }
        options.all().forEach(option -> read.addVariable(option, environment.get(option.variable())));
        line.all().stream().filter(RoleOption::isGiven).forEach(option -> read.settings.remove(option.key()));
        boolean isFileRead = file != null && read.problems.isEmpty();
        for (RoleOption option : line.all()) {
            if (option.isRequired() && !option.isGiven() && !read.hasValue(option)) {
                read.isWhole = false;
                if (isFileRead) {
                    read.problems.add(new Problem(
                            read.whole,
                            option.key(),
                            "is required; add " + option.key() + " = " + option.placeholder()));
                }
            }
        }
        return read;
    }

    private boolean hasValue(RoleOption option) {
        Setting setting = settings.get(option.key());
        return setting != null && !setting.values().isEmpty();
    }

    private void addVariable(RoleOption option, String text) {
        if (text == null || text.isEmpty() || SERVICE_LINK.matcher(text).matches()) {
            return;
        }
        Origin origin = Origin.of(option.variable());
        try {
            List<String> values = option.words(text);
            values.forEach(option::require);
            settings.put(option.key(), new Setting(option, values, origin));
        } catch (IllegalArgumentException e) {
            problems.add(new Problem(origin, option.key(), e.getMessage()));
        }
    }

    /** The whole command line: the command, what the configuration sets, and the words that were given. */
    public String[] arguments() {
        List<String> words = new ArrayList<>(given);
        words.addAll(words.isEmpty() ? 0 : 1, configured());
        return words.toArray(String[]::new);
    }

    private List<String> configured() {
        List<String> words = new ArrayList<>();
        settings.values().forEach(setting -> words.addAll(setting.option().commandLine(setting.values())));
        return words;
    }

    /** A line for each value that cannot be read; empty where the command line can be parsed. */
    public List<String> problems() {
        return problems.stream().map(Problem::toString).toList();
    }

    /** The effective values by their keys, but for those of the command line. */
    Map<String, Setting> settings() {
        return settings;
    }

    /** All that the role cannot be started with: values, and the files that they name. */
    List<Problem> check() throws IOException {
        List<Problem> all = new ArrayList<>(problems);
        if (isWhole) {
            RoleOptions options = RoleOptions.of(role);
            options.parse(configured());
            options.command().faults().forEach(fault -> all.add(problem(fault)));
        }
        all.sort(Comparator.comparingInt(problem -> problem.origin().line()));
        return all;
    }

    /**
     * A message about an option, with the place before it that the option's value comes from.
     *
     * @param message names the option, as {@code --port}, or holds its value.
     * @return the message as it is where the value comes from the command line.
     */
    public String locate(String message) {
        Setting setting = culprit(message);
        return setting == null ? message : problem(message, setting).toString();
    }

    private Problem problem(String message) {
        Setting setting = culprit(message);
        return setting == null ? new Problem(whole, null, message.replaceFirst("\\.$", "")) : problem(message, setting);
    }

    private static Problem problem(String message, Setting setting) {
        String key = setting.option().key();
        return new Problem(setting.origin(), key, setting.option().reason(message));
    }

    private Setting culprit(String message) {
        Matcher names = OPTION.matcher(message);
        while (names.find()) {
            Setting named = settings.get(names.group(1));
            if (named != null && !named.values().isEmpty()) {
                return named;
            }
        }
        return settings.values().stream()
                .filter(setting -> setting.values().stream()
                        .anyMatch(value -> value.length() >= LEAST_LENGTH && message.contains(value)))
                .max(Comparator.comparingInt(
                        setting -> setting.values().getFirst().length()))
                .orElse(null);
    }
}
