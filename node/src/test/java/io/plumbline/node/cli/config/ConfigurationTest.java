package io.plumbline.node.cli.config;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ConfigurationTest {
    @TempDir
    Path folder;

    static Stream<String> roles() {
        return RoleOptions.names().stream();
    }

    private Path file(String... lines) throws IOException {
        return Files.write(folder.resolve("role.toml"), List.of(lines));
    }

    private static Configuration of(Path file, Map<String, String> environment, String... more) {
        List<String> words = new ArrayList<>(List.of(more));
        words.addAll(List.of("--config", file.toString()));
        return Configuration.of(words.toArray(String[]::new), environment);
    }

    /** The problems of a gateway's file, with the file's name in place of its path. */
    private List<String> problems(Path file) throws IOException {
        return Configuration.of("gateway", file, Map.of()).check().stream()
                .map(problem -> problem.toString().replace(folder + "/", ""))
                .toList();
    }

    /** Names of options that a command declares, by its fields and those of its delegates. */
    private static Set<String> declared(Object command) throws IllegalAccessException {
        Set<String> names = new HashSet<>();
        for (Class<?> type = command.getClass(); type != Object.class; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                Parameter parameter = field.getAnnotation(Parameter.class);
                if (parameter != null) {
                    names.addAll(parameter.names().length == 0 ? List.of("--model") : List.of(parameter.names()));
                }
                if (field.isAnnotationPresent(ParametersDelegate.class)) {
                    field.setAccessible(true);
                    names.addAll(declared(field.get(command)));
                }
            }
        }
        return names;
    }

    @ParameterizedTest
    @MethodSource("roles")
    void everyOptionOfEveryRoleCanStandInAFile(String role) throws Exception {
        RoleOptions options = RoleOptions.of(role);
        List<String> lines = new ArrayList<>();
        for (String line : TemplateCommand.template(role, options, List.of())) {
            // Each option with its default, a flag set, or the form of a value: what the template has in comments.
            lines.add(line.replaceFirst("^# ([a-z][a-z-]* = )", "$1").replaceFirst("= false$", "= true"));
        }
        Configuration read = Configuration.of(role, Files.write(folder.resolve("all.toml"), lines), Map.of());
        assertEquals(List.of(), read.problems());

        options.parse(Arrays.asList(read.arguments()).subList(1, read.arguments().length));
        Set<String> set = options.all().stream()
                .filter(RoleOption::isGiven)
                .map(option -> "--" + option.key())
                .collect(Collectors.toSet());
        set.addAll(Set.of("--help", "-h", "--config"));
        assertEquals(declared(options.command()), set);
    }

    @Test
    void theExamplesOfTheManualCanBeRead() throws IOException {
        String manual = Files.readString(Path.of("../docs/operating.md"));
        List<String> shown = new ArrayList<>();
        for (String block : manual.split("```\\n")) {
            for (String role : RoleOptions.names()) {
                if (block.matches("(?s)# " + role + "[:\\n].*")) {
                    shown.add(role);
                    assertEquals(
                            List.of(),
                            Configuration.of(role, file(block.split("\n")), Map.of())
                                    .problems());
                }
            }
        }
        assertEquals(RoleOptions.names(), Set.copyOf(shown));
    }

    @Test
    void theCommandLineGoesBeforeTheEnvironmentAndThatBeforeTheFile() throws IOException {
        Path file =
                file("port = 1", "max-price = 1", "hedge-ms = 1", "model = [\"/a\", \"b=/b\"]", "pay-per-call = true");
        Map<String, String> environment = Map.of("PLUMBLINE_PORT", "2", "PLUMBLINE_MAX_PRICE", "2");
        Configuration read =
                of(file, environment, "gateway", "--network", "n", "--key", "k", "--dir", "d", "--port", "3");
        assertEquals(List.of(), read.problems());
        assertArrayEquals(
                ("gateway --max-price 2 --hedge-ms 1 --model /a --model b=/b --pay-per-call --network n --key k --dir d"
                                + " --port 3 --config " + file)
                        .split(" "),
                read.arguments());
    }

    @Test
    void theEnvironmentAloneIsEnough() {
        Map<String, String> environment = Map.of(
                "PLUMBLINE_MODEL",
                "a,b",
                "PLUMBLINE_PAY_PER_CALL",
                "true",
                "PLUMBLINE_HOST",
                "",
                "PLUMBLINE_OTHER",
                "x");
        String[] read = Configuration.of(new String[] {"gateway"}, environment).arguments();
        assertEquals("gateway --model a --model b --pay-per-call", String.join(" ", read));
        assertArrayEquals(
                new String[] {"serve", "a", "b"},
                Configuration.of(new String[] {"serve"}, Map.of("PLUMBLINE_MODEL", "a,b"))
                        .arguments());
    }

    @Test
    void theEnvironmentTakesAFlagBack() throws IOException {
        Configuration read = of(file("pay-per-call = true"), Map.of("PLUMBLINE_PAY_PER_CALL", "false"), "gateway");
        assertTrue(Stream.of(read.arguments()).noneMatch("--pay-per-call"::equals));
    }

    @Test
    void aWrongVariableIsNamed() {
        Map<String, String> environment = Map.of("PLUMBLINE_PORT", "10.0.0.1:80", "PLUMBLINE_PAY_PER_CALL", "yes");
        assertEquals(
                Set.of(
                        "PLUMBLINE_PORT: port: couldn't convert \"10.0.0.1:80\" to an integer",
                        "PLUMBLINE_PAY_PER_CALL: pay-per-call: must be true or false, not \"yes\""),
                Set.copyOf(
                        Configuration.of(new String[] {"gateway"}, environment).problems()));
    }

    /** Kubernetes sets it in every pod beside a service that is called plumbline. */
    @Test
    void aServicesAddressIsNoPort() {
        Configuration read = Configuration.of(
                new String[] {"gateway"}, Map.of("PLUMBLINE_PORT", "tcp://10.0.0.1:80", "PLUMBLINE_MAX_PRICE", "2"));
        assertEquals(List.of(), read.problems());
        assertEquals(Set.of("max-price"), read.settings().keySet());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '|',
            value = {
                "prot = 1, prot: is no option of this role; did you mean port?",
                "log_level = 1, log_level: is no option of this role; did you mean log-level?",
                "zzzzzz = 1, |zzzzzz: is no option of this role; remove it, or look for it in config template|",
                "config = \"x\", |config: is no option of this role; remove it, or look for it in config template|",
                "port = \"80\", |port: must be an integer, without quotes, not \"80\"|",
                "port = true, |port: must be an integer, without quotes, not true|",
                "port = 70000, |port: must be 0 to 65535, not 70000|",
                "port = 99999999999, |port: couldn't convert \"99999999999\" to an integer|",
                "max-price = -1, |max-price: must be 0 or more, not -1|",
                "level = \"HIGH\", |level: must be one of SIGNED, AUDITED, FULL, REPLAYED, not \"HIGH\"|",
                "log-level = \"loud\", |log-level: must be one of debug, info, warn, error, not \"loud\"|",
                "key = 7, |key: must be a text in quotes, not 7|",
                "pay-per-call = 1, |pay-per-call: must be true or false, not 1|",
                "pay-per-call = \"true\", |pay-per-call: must be true or false, not \"true\"|",
                "|model = [\"a\", 3]|, |model: must be a list of texts in quotes, or one, not 3|",
            })
    void eachKindOfErrorNamesFileLineAndKey(String line, String problem) throws IOException {
        assertEquals(
                "role.toml:3: " + problem,
                problems(file("# a comment", "", line)).getFirst());
        // And so does the role that is started with the file.
        assertEquals(
                folder + "/role.toml:3: " + problem,
                of(file("# a comment", "", line), Map.of(), "gateway")
                        .problems()
                        .getFirst());
    }

    @Test
    void whatIsNotTomlNamesLineAndKey() throws IOException {
        assertEquals(
                List.of("role.toml:2: port: port previously defined at line 1, column 1; leave one of them"),
                problems(file("port = 1", "port = 2")));
        String quotes =
                "; write key = value: text in quotes, a list as [\"a\", \"b\"], numbers and true or false as they are";
        assertEquals(
                List.of(
                        "role.toml:1: host: Unexpected 'l', expected ', \", ''', \"\"\", a number, a boolean, a date/time, an"
                                + " array, or a table" + quotes),
                problems(file("host = localhost")));
        assertEquals(
                List.of("role.toml:2: port: Unexpected ':', expected . or =" + quotes), problems(file("", "port: 80")));
        assertEquals("role.toml:1: key:", problems(file("key = \"a")).getFirst().substring(0, 17));
    }

    @Test
    void aFileThatCannotBeReadIsNamed() throws IOException {
        assertEquals(
                List.of("nothing.toml: does not exist; make it, or name another"),
                problems(folder.resolve("nothing.toml")));
        Path binary = Files.write(folder.resolve("binary.toml"), new byte[] {(byte) 0xFF, (byte) 0xFE});
        assertEquals(List.of("binary.toml: is not UTF-8; save it as such"), problems(binary));
    }

    @Test
    void whatIsRequiredAndInNoPlaceIsNamed() throws IOException {
        assertEquals(
                List.of(
                        "role.toml: dir: is required; add dir = \"DIR\"",
                        "role.toml: model: is required; add model = [\"DIR\"]"),
                problems(file("network = \"n\"", "key = \"k\"")));
    }

    @Test
    void filesThatValuesNameAreLookedAt() throws IOException {
        Network.writeKey(folder.resolve("node.key"), KeyPair.random());
        Path file = file(
                "network = \"network.json\"",
                "key = \"node.key\"",
                "dir = \"node.key\"",
                "host = \"no.such.host.invalid\"",
                "model = [\"m\", \"named=m\"]",
                "level = \"SIGNED\"",
                "least-level = \"FULL\"",
                "concurrent = 3",
                "health = \"x\"",
                "allow-host = [\"gateway\", \"gateway.example:80\"]");
        List<String> problems = problems(file);
        assertEquals(
                List.of(
                        "role.toml:1: network: network.json does not exist; make it, or name another",
                        "role.toml:3: dir: node.key is a file; name a folder",
                        "role.toml:4: host: no.such.host.invalid has no address; name the address that others reach this"
                                + " host at",
                        "role.toml:5: model: m does not exist; make it, or name another",
                        "role.toml:6: level: SIGNED is below --least-level FULL",
                        "role.toml:8: concurrent: goes with --api-keys: without them turns are not taken",
                        "role.toml:9: health: is PORT or HOST:PORT, with a port from 0 to 65535, not x",
                        "role.toml:10: allow-host: gateway.example:80 is no host's name. Write it without a port:"
                                + " gateway.example"),
                problems);
    }

    @Test
    void relativePathsAreTakenFromTheFilesFolder() throws IOException {
        Path file = file(
                "key = \"a.key\"", "network = \"/etc/n.json\"", "dir = \"../d\"", "model = [\"m\", \"x=m\", \"y=/m\"]");
        assertEquals(
                "gateway --key F/a.key --network /etc/n.json --dir F/../d --model F/m --model x=F/m --model y=/m",
                String.join(" ", Configuration.of("gateway", file, Map.of()).arguments())
                        .replace(folder.toString(), "F"));
        // Those of the environment, as those of the command line, are the process's.
        assertEquals(
                "gateway --key a.key",
                String.join(
                        " ",
                        Configuration.of(new String[] {"gateway"}, Map.of("PLUMBLINE_KEY", "a.key"))
                                .arguments()));
        String id = "ab".repeat(32);
        assertTrue(Arrays.asList(Configuration.of("inference-node", file("model = \"" + id + "\""), Map.of())
                        .arguments())
                .contains(id));
    }

    @Test
    void aFailureLaterNamesTheLineThatItsValueComesFrom() throws IOException {
        Configuration read =
                of(file("", "port = 8123", "key = \"a.key\""), Map.of("PLUMBLINE_HOST", "far.example"), "gateway");
        assertEquals(folder + "/role.toml:2: port: 8123 is taken", read.locate("--port 8123 is taken."));
        assertEquals(
                folder + "/role.toml:3: key: " + folder + "/a.key is damaged",
                read.locate(folder + "/a.key is damaged."));
        assertEquals("PLUMBLINE_HOST: host: far.example is away", read.locate("far.example is away."));
        assertEquals("--dir is full.", read.locate("--dir is full."));
    }

    @Test
    void theCommandLineAndOtherCommandsAreLeftAsTheyAre() throws IOException {
        for (String line : List.of("", "ledger status --dir d", "gateway --help", "gateway --no-such-option")) {
            String[] words = line.split(" ");
            assertArrayEquals(
                    words,
                    Configuration.of(words, Map.of("PLUMBLINE_PORT", "1")).arguments());
        }
        assertThrows(IOException.class, () -> Configuration.of("ledger", null, Map.of()));
    }

    @Test
    void aTemplateKeepsTheValuesOfAFile() throws IOException {
        Path file = file("port = 8123", "model = [\"/a\", \"b=/b\"]", "log-format = \"json\"");
        RoleOptions options = RoleOptions.of("gateway");
        List<String> lines = TemplateCommand.template(
                "gateway", options, ConfigurationFile.read(file, options).settings());
        assertTrue(lines.containsAll(List.of(
                "port = 8123",
                "model = [\"/a\", \"b=/b\"]",
                "log-format = \"json\"",
                "# max-price = 10",
                "key = \"FILE\"")));
        assertTrue(lines.stream()
                .allMatch(line -> line.length() <= 120 && (line.isEmpty() || line.matches("(# |[a-z]).*"))));
    }
}
