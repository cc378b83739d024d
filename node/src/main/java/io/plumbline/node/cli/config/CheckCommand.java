package io.plumbline.node.cli.config;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline config check}: 0 where the role can be started with the file, 2 where it cannot. */
@Parameters(
        commandNames = "check",
        commandDescription = "Say OK, or each error of a configuration file by file, line and key.")
public final class CheckCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(
            description = "ROLE FILE: the role, and its configuration file; variables of the environment are read too",
            required = true)
    private List<String> words = new ArrayList<>();

    @Parameter(names = "--json", description = "print one JSON object")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        RoleFile named = RoleFile.of(words, true);
        List<Problem> problems =
                Configuration.of(named.role(), named.file(), System.getenv()).check();
        if (json) {
            Terminal.print(json(problems));
        } else {
            problems.forEach(problem -> Terminal.print(problem.toString()));
            if (problems.isEmpty()) {
                Terminal.print("OK");
            }
        }
        return (problems.isEmpty() ? ExitCode.DONE : ExitCode.USAGE).code();
    }

    private static ObjectNode json(List<Problem> problems) {
        ObjectNode object = new ObjectMapper().createObjectNode().put("ok", problems.isEmpty());
        for (Problem problem : problems) {
            ObjectNode error = object.withArray("errors").addObject();
            put(error, problem.origin()).put("key", problem.key()).put("message", problem.message());
        }
        return object;
    }

    /** A value's place: {@code file} and {@code line}, or {@code variable}. */
    static ObjectNode put(ObjectNode object, Origin origin) {
        if (origin.variable() != null) {
            return object.put("variable", origin.variable());
        }
        object.put("file", origin.file().toString());
        return origin.line() == 0 ? object : object.put("line", origin.line());
    }
}
