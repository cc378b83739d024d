package io.plumbline.node.cli.config;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterDescription;
import io.plumbline.node.cli.ConfigurableCommand;
import io.plumbline.node.cli.role.DataNodeCommand;
import io.plumbline.node.cli.role.FullNodeCommand;
import io.plumbline.node.cli.role.GatewayCommand;
import io.plumbline.node.cli.role.InferenceNodeCommand;
import io.plumbline.node.cli.role.SignerCommand;
import io.plumbline.node.cli.serve.ServeCommand;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** The options of one role: those that its command declares, and nothing beside them. */
final class RoleOptions {
    private static final Map<String, Supplier<ConfigurableCommand>> ROLES = roles();

    /** Options that stand on the command line alone. */
    private static final Set<String> NOT_IN_FILES = Set.of("help", "config");

    private final ConfigurableCommand command;
    private final JCommander line;
    private final Map<String, RoleOption> byKey = new LinkedHashMap<>();

    private RoleOptions(ConfigurableCommand command) {
        this.command = command;
        line = new JCommander(command);
        line.setExpandAtSign(false);
        List<ParameterDescription> parameters = new ArrayList<>(line.getParameters());
        if (line.getMainParameterValue() != null) {
            parameters.add(line.getMainParameterValue());
        }
        parameters.stream()
                .map(RoleOption::new)
                .filter(option -> !NOT_IN_FILES.contains(option.key()))
                .sorted(Comparator.comparing(RoleOption::isRequired).reversed().thenComparing(RoleOption::key))
                .forEach(option -> byKey.put(option.key(), option));
    }

    private static Map<String, Supplier<ConfigurableCommand>> roles() {
        Map<String, Supplier<ConfigurableCommand>> roles = new LinkedHashMap<>();
        roles.put("inference-node", InferenceNodeCommand::new);
        roles.put("full-node", FullNodeCommand::new);
        roles.put("signer", SignerCommand::new);
        roles.put("gateway", GatewayCommand::new);
        roles.put("data-node", DataNodeCommand::new);
        roles.put("serve", ServeCommand::new);
        return roles;
    }

    /** The roles that may have a configuration file. */
    static Set<String> names() {
        return ROLES.keySet();
    }

    /** @throws IOException where there is no such role. */
    static RoleOptions of(String role) throws IOException {
        Supplier<ConfigurableCommand> command = ROLES.get(role);
        if (command == null) {
            throw new IOException("There is no role " + role + " with a configuration file. There are "
                    + String.join(", ", ROLES.keySet()) + ".");
        }
        return new RoleOptions(command.get());
    }

    /** Its command, with the options that were read. */
    ConfigurableCommand command() {
        return command;
    }

    /**
     * Reads a command line; what is required may be missing.
     *
     * @throws com.beust.jcommander.ParameterException where it is not one.
     */
    void parse(List<String> words) {
        line.parseWithoutValidation(words.toArray(String[]::new));
    }

    /** Those that are required first, then by their keys. */
    List<RoleOption> all() {
        return List.copyOf(byKey.values());
    }

    /** Null where the role has no such option. */
    RoleOption find(String key) {
        return byKey.get(key);
    }

    /** The key that another is most likely a slip for; null where there is none. */
    String nearest(String key) {
        if (key.isEmpty()) {
            return null;
        }
        return byKey.keySet().stream()
                .filter(known -> known.charAt(0) == key.charAt(0))
                .min(Comparator.comparingInt(known -> distance(known, key)))
                .filter(known -> distance(known, key) <= Math.max(2, key.length() / 3))
                .orElse(null);
    }

    /** Levenshtein's: insertions, deletions and replacements from one to the other. */
    private static int distance(String from, String to) {
        int[] row = new int[to.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= from.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }
}
