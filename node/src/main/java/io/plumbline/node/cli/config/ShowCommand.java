package io.plumbline.node.cli.config;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline config show}: a role's effective values, as a configuration file that says where each is from. */
@Parameters(commandNames = "show", commandDescription = "Show a role's effective values and where each comes from.")
public final class ShowCommand extends CommandOptions implements Callable<Integer> {
    private static final int COLUMN = 48;

    @Parameter(
            description = "ROLE [FILE]: the role, and its configuration file; the environment and the defaults alone"
                    + " without one",
            required = true)
    private List<String> words = new ArrayList<>();

    @Parameter(names = "--json", description = "print one JSON object a line and option")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        RoleFile named = RoleFile.of(words, false);
        Configuration configuration = Configuration.of(named.role(), named.file(), System.getenv());
        for (RoleOption option : RoleOptions.of(named.role()).all()) {
            Setting setting = configuration.settings().get(option.key());
            List<String> values = setting == null ? option.defaults() : setting.values();
            Origin origin = setting == null ? null : setting.origin();
            Terminal.print(json ? json(option, values, origin) : line(option, values, origin));
        }
        configuration.problems().forEach(problem -> System.err.println(Terminal.printable("plumbline: " + problem)));
        return (configuration.problems().isEmpty() ? ExitCode.DONE : ExitCode.USAGE).code();
    }

    private static String line(RoleOption option, List<String> values, Origin origin) {
        if (values.isEmpty() && origin == null) {
            return "# " + option.key() + " is not set";
        }
        String value = option.key() + " = " + option.toml(values);
        return String.format("%-" + COLUMN + "s  # %s", value, origin == null ? "default" : origin);
    }

    private static String json(RoleOption option, List<String> values, Origin origin) {
        ObjectNode object = new ObjectMapper().createObjectNode().put("key", option.key());
        ArrayNode all = object.putArray("values");
        values.forEach(all::add);
        if (origin != null) {
            CheckCommand.put(object, origin);
        }
        return object.toString();
    }
}
