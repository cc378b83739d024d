package io.plumbline.node.cli.apikey;

import com.beust.jcommander.Parameter;
import io.plumbline.node.cli.CommandOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Options of all commands about API keys. */
abstract class ApiKeyOptions extends CommandOptions implements Callable<Integer> {
    @Parameter(names = "--file", description = "FILE: of API keys, which serve and gateway take by --api-keys")
    Path file = Path.of(System.getProperty("user.home"), ".plumbline", "api-keys.json");
}
