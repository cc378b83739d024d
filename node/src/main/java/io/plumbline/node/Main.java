package io.plumbline.node;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.node.cli.ChatCommand;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.cli.DevicesCommand;
import io.plumbline.node.cli.SpeechCommand;
import io.plumbline.node.cli.VerifyCommand;
import io.plumbline.node.cli.WrongOptionsException;
import io.plumbline.node.cli.apikey.ApiKeyCommand;
import io.plumbline.node.cli.blob.BlobCommand;
import io.plumbline.node.cli.config.ConfigCommand;
import io.plumbline.node.cli.config.Configuration;
import io.plumbline.node.cli.doctor.DoctorCommand;
import io.plumbline.node.cli.doctor.TuneCommand;
import io.plumbline.node.cli.ledger.LedgerCommand;
import io.plumbline.node.cli.local.NetworkCommand;
import io.plumbline.node.cli.model.ModelCommand;
import io.plumbline.node.cli.receipt.ReceiptCommand;
import io.plumbline.node.cli.role.DataNodeCommand;
import io.plumbline.node.cli.role.FullNodeCommand;
import io.plumbline.node.cli.role.GatewayCommand;
import io.plumbline.node.cli.role.InferenceNodeCommand;
import io.plumbline.node.cli.role.SignerCommand;
import io.plumbline.node.cli.serve.ServeCommand;
import io.plumbline.node.demo.CheatingNode;
import io.plumbline.node.demo.Demo;
import io.plumbline.node.demo.SelfTest;
import io.plumbline.node.demo.Soak;
import io.plumbline.node.demo.TensorDemo;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;

/** The command line. Every error is one line on standard error and an exit code that is not 0. */
public final class Main {
    private static final String VERSION = "plumbline 0.1.0";

    @Parameter(names = "--version", description = "print the version")
    private boolean version;

    @Parameter(
            names = {"--help", "-h"},
            description = "print this help",
            help = true)
    private boolean help;

    private Main() {}

    public static void main(String[] arguments) {
        int code = ExitCode.FAILED.code();
        try {
            code = new Main().run(arguments);
        } catch (Error e) {
            // Threads that were begun would keep a process whose start failed.
            e.printStackTrace();
        }
        System.exit(code);
    }

    private int run(String[] arguments) {
        JCommander line = JCommander.newBuilder()
                .programName("plumbline")
                .addObject(this)
                .addCommand(new ServeCommand())
                .addCommand(new ChatCommand())
                .addCommand(new NetworkCommand())
                .addCommand(new Demo())
                .addCommand(new TensorDemo())
                .addCommand(new SelfTest())
                .addCommand(new Soak())
                .addCommand(new FullNodeCommand())
                .addCommand(new SignerCommand())
                .addCommand(new InferenceNodeCommand())
                .addCommand(new GatewayCommand())
                .addCommand(new DataNodeCommand())
                .addCommand(new CheatingNode())
                .addCommand(new AuditCommand())
                .addCommand(new VerifyCommand())
                .addCommand(new ReceiptCommand())
                .addCommand(new LedgerCommand())
                .addCommand(new SpeechCommand())
                .addCommand(new DevicesCommand())
                .addCommand(new DoctorCommand())
                .addCommand(new TuneCommand())
                .addCommand(new ConfigCommand())
                .addCommand(new ModelCommand())
                .addCommand(new BlobCommand())
                .addCommand(new ApiKeyCommand())
                .build();
        BlobCommand.addTo(line.getCommands().get("blob"));
        ModelCommand.addTo(line.getCommands().get("model"));
        ConfigCommand.addTo(line.getCommands().get("config"));
        ReceiptCommand.addTo(line.getCommands().get("receipt"));
        ApiKeyCommand.addTo(line.getCommands().get("api-key"));
        LedgerCommand.addTo(line.getCommands().get("ledger"));
        NetworkCommand.addTo(line.getCommands().get("network"));
        Configuration configuration = Configuration.of(arguments, System.getenv());
        if (!configuration.problems().isEmpty()) {
            return fail(configuration.problems(), ExitCode.USAGE);
        }
        try {
            line.parse(configuration.arguments());
        } catch (ParameterException e) {
            return fail(reason(e, innermost(line)), ExitCode.USAGE);
        }
        if (version) {
            System.out.println(VERSION);
            return 0;
        }
        JCommander chosen = innermost(line);
        Object command = chosen.getObjects().getFirst();
        if (chosen == line) {
            printCommands(line);
            return help ? 0 : ExitCode.USAGE.code();
        }
        if (command instanceof CommandOptions options && options.isHelpWanted()) {
            chosen.usage();
            return 0;
        }
        try {
            return ((Callable<?>) command).call() instanceof Integer code ? code : 0;
        } catch (WrongOptionsException e) {
            return fail(e.faults().stream().map(configuration::locate).toList(), ExitCode.USAGE);
        } catch (Exception e) {
            return fail(configuration.locate(message(e)), ExitCode.FAILED);
        }
    }

    private static void printCommands(JCommander line) {
        System.out.println(
                "Usage: plumbline COMMAND [options]\n\nA verifiable AI inference network: GPUs compute, CPUs check, a"
                        + " ledger settles.\n");
        line.getCommands().forEach((name, command) -> {
            Class<?> type = command.getObjects().getFirst().getClass();
            if (!type.getAnnotation(Parameters.class).hidden()) {
                System.out.printf("  %-16s%s%n", name, line.getUsageFormatter().getCommandDescription(name));
            }
        });
        System.out.println(
                "\nplumbline COMMAND --help says more; --version prints the version. In a checkout ./plumbline also"
                        + " has test, fuzz,\nbench, jmh, load, gpu-check, package and updates: README.md and CONTRIBUTING.md say"
                        + " how.");
    }

    /** The command that was named, or its subcommand. */
    private static JCommander innermost(JCommander line) {
        String name = line.getParsedCommand();
        return name == null ? line : innermost(line.getCommands().get(name));
    }

    private static int fail(List<String> messages, ExitCode code) {
        messages.forEach(message -> fail(message, code));
        return code.code();
    }

    private static int fail(String message, ExitCode code) {
        System.err.println(Terminal.printable("plumbline: " + message));
        return code.code();
    }

    /** The parser's own words, but for what it says of an option or command that it does not know. */
    private static String reason(ParameterException e, JCommander at) {
        String unknown = e.getMessage().startsWith("Was passed main parameter '")
                ? e.getMessage().split("'")[1]
                : e instanceof com.beust.jcommander.MissingCommandException missing
                        ? missing.getUnknownCommand()
                        : null;
        Deque<String> path = new ArrayDeque<>(List.of("plumbline"));
        if (at.getProgramDisplayName() != null && !at.getProgramDisplayName().equals("plumbline")) {
            path.add(at.getProgramDisplayName());
        }
        String see = " Try " + String.join(" ", path) + " --help.";
        if (unknown == null) {
            return e.getMessage().replaceFirst("\\.$", "") + "." + see;
        }
        return (unknown.startsWith("-") ? "Unknown option " : "Unknown command or argument ") + unknown + "." + see;
    }

    private static String message(Throwable e) {
        if (e instanceof IOException && e.getMessage() != null && e.getMessage().contains("No space left")) {
            return "The disk is full: " + e.getMessage()
                    + ". Free some space and try again; nothing half-done was kept.";
        }
        if (e instanceof NoSuchFileException missing) {
            return missing.getFile() + " does not exist.";
        }
        if (e instanceof AccessDeniedException denied) {
            return "User " + System.getProperty("user.name") + " may not read or write " + denied.getFile()
                    + ". Change its owner or its permissions.";
        }
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }
}
