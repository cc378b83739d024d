package io.plumbline.node.cli.config;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.WrongOptionsException;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline config template}: a configuration file with every option of a role, described. */
@Parameters(
        commandNames = "template",
        commandDescription = "Print a configuration file with all of a role's options, and those of a file set.")
public final class TemplateCommand extends CommandOptions implements Callable<Integer> {
    private static final int WIDTH = 100;

    @Parameter(
            description =
                    "ROLE [FILE]: the role, and a configuration file whose values stand in the one that is printed;"
                            + " all other options are comments with their defaults",
            required = true)
    private List<String> words = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        RoleFile named = RoleFile.of(words, false);
        RoleOptions options = RoleOptions.of(named.role());
        ConfigurationFile file = named.file() == null
                ? new ConfigurationFile(List.of(), List.of())
                : ConfigurationFile.read(named.file(), options);
        if (!file.problems().isEmpty()) {
            throw new WrongOptionsException(
                    file.problems().stream().map(Problem::toString).toList());
        }
        template(named.role(), options, file.settings()).forEach(Terminal::print);
        return 0;
    }

    /** The lines of the file. */
    static List<String> template(String role, RoleOptions options, List<Setting> settings) {
        List<String> lines = new ArrayList<>();
        addComment(
                lines,
                "Options of plumbline " + role + " in TOML: their names without dashes. The command line goes before"
                        + " variables of the environment ("
                        + options.all().getFirst().variable() + ", ...), and those"
                        + " before this file. Relative paths are taken from this file's folder. Options in comments are"
                        + " not set, and show their default or the form of a value. To look it over: config check "
                        + role + " FILE");
        for (RoleOption option : options.all()) {
            lines.add("");
            addComment(lines, option.description());
            List<String> values = settings.stream()
                    .filter(setting -> setting.option() == option)
                    .findFirst()
                    .map(Setting::values)
                    .orElse(List.of());
            String shown = option.defaults().isEmpty() ? option.placeholder() : option.toml(option.defaults());
            boolean isSet = !values.isEmpty();
            lines.add((isSet || option.isRequired() ? "" : "# ") + option.key() + " = "
                    + (isSet ? option.toml(values) : shown));
        }
        return lines;
    }

    private static void addComment(List<String> lines, String text) {
        StringBuilder line = new StringBuilder("#");
        for (String word : text.split(" ")) {
            if (line.length() + 1 + word.length() > WIDTH) {
                lines.add(line.toString());
                line.setLength(1);
            }
            line.append(' ').append(word);
        }
        lines.add(line.toString());
    }
}
