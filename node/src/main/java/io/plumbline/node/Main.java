package io.plumbline.node;

import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.model.ModelImport;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The command line. Every error is one line on standard error and an exit code that is not 0. */
@Command(
        name = "plumbline",
        mixinStandardHelpOptions = true,
        version = "plumbline 0.1.0",
        description = "A verifiable AI inference network: GPUs compute, CPUs check, a ledger settles.",
        subcommands = {
            Demo.class,
            SelfTest.class,
            Main.Model.class,
            Main.RunFullNode.class,
            Main.RunInferenceNode.class,
            Main.RunGateway.class
        })
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        CommandLine line = new CommandLine(new Main());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            System.err.println("plumbline: " + message(e));
            return 1;
        });
        System.exit(line.execute(arguments));
    }

    private static String message(Throwable e) {
        if (e instanceof IOException && e.getMessage() != null && e.getMessage().contains("No space left")) {
            return "The disk is full: " + e.getMessage()
                    + ". Free some space and try again; nothing half-done was kept.";
        }
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    static ProgressBar progress(String task) {
        return new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(100)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(100)
                .build();
    }

    /** Options that every role has. */
    static final class Role {
        @Option(
                names = "--network",
                required = true,
                paramLabel = "FILE",
                description = "network file: members and genesis")
        private Path network;

        @Option(names = "--key", required = true, paramLabel = "FILE", description = "this role's Ed25519 key file")
        private Path key;

        @Option(names = "--model", required = true, paramLabel = "DIR", description = "imported model")
        private Path model;

        @Option(names = "--dir", required = true, paramLabel = "DIR", description = "folder for this role's data")
        private Path dir;

        @Option(
                names = "--host",
                defaultValue = "localhost",
                description = "address others reach this process at (${DEFAULT-VALUE})")
        private String host;

        @Option(
                names = "--exit-with-stdin",
                description = "end when standard input ends, for a parent that must leave nothing behind")
        private boolean exitWithStdin;

        private final Events events = new Events(System.out);

        /** Runs until the process is told to end. */
        private int await(AutoCloseable role) throws InterruptedException {
            CountDownLatch end = new CountDownLatch(1);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    role.close();
                } catch (Exception e) {
                    System.err.println("plumbline: while closing: " + e);
                }
            }));
            if (exitWithStdin) {
                Thread.ofPlatform().daemon().start(() -> {
                    try {
                        while (System.in.read() >= 0) {
                            Thread.onSpinWait();
                        }
                    } catch (IOException e) {
                        // The parent is gone, which is what we wait for.
                    }
                    end.countDown();
                });
            }
            end.await();
            return 0;
        }
    }

    /** {@code plumbline full-node}. */
    @Command(
            name = "full-node",
            mixinStandardHelpOptions = true,
            description = "Order, audit and settle, on a host without a GPU.")
    static final class RunFullNode implements Callable<Integer> {
        @CommandLine.Mixin
        private Role role;

        @Option(
                names = "--level",
                defaultValue = "FULL",
                description = "audit level of every receipt: ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE})")
        private Level level;

        @Override
        public Integer call() throws Exception {
            if (level == Level.REPLAYED) {
                throw new IOException(
                        "A full node keeps no weights, so it cannot replay. Choose SIGNED, AUDITED or FULL.");
            }
            return role.await(new FullNode(
                    Network.read(role.network), Network.readKey(role.key), role.model, role.dir, level, role.events));
        }
    }

    /** {@code plumbline inference-node}. */
    @Command(
            name = "inference-node",
            mixinStandardHelpOptions = true,
            description = "Run a model, sign receipts, answer challenges.")
    static final class RunInferenceNode implements Callable<Integer> {
        @CommandLine.Mixin
        private Role role;

        @Option(names = "--port", defaultValue = "0", description = "UDP port, 0 for any (${DEFAULT-VALUE})")
        private int port;

        @Option(names = "--stake", defaultValue = "50000", description = "stake to put up (${DEFAULT-VALUE})")
        private long stake;

        @Option(names = "--price", defaultValue = "2", description = "price of a token (${DEFAULT-VALUE})")
        private long price;

        @Option(
                names = "--cheat-layer",
                defaultValue = "-1",
                description = "compute this layer with other weights, to see it caught")
        private int cheatLayer;

        @Override
        public Integer call() throws Exception {
            return role.await(new InferenceNode(
                    Network.read(role.network),
                    Network.readKey(role.key),
                    role.model,
                    role.dir,
                    role.host,
                    port,
                    stake,
                    price,
                    cheatLayer,
                    role.events));
        }
    }

    /** {@code plumbline gateway}. */
    @Command(name = "gateway", mixinStandardHelpOptions = true, description = "Serve the OpenAI API over HTTP.")
    static final class RunGateway implements Callable<Integer> {
        @CommandLine.Mixin
        private Role role;

        @Option(names = "--port", defaultValue = "8080", description = "HTTP port, 0 for any (${DEFAULT-VALUE})")
        private int port;

        @Override
        public Integer call() throws Exception {
            return role.await(new Gateway(
                    Network.read(role.network),
                    Network.readKey(role.key),
                    role.model,
                    role.dir,
                    role.host,
                    port,
                    role.events));
        }
    }

    /** {@code plumbline model}. */
    @Command(
            name = "model",
            mixinStandardHelpOptions = true,
            description = "Import and inspect models.",
            subcommands = {Main.Import.class, Main.Info.class, Main.Verify.class})
    static final class Model implements Callable<Integer> {
        @CommandLine.Spec
        private CommandLine.Model.CommandSpec spec;

        @Override
        public Integer call() {
            throw new CommandLine.ParameterException(spec.commandLine(), "Say what to do: import, info or verify.");
        }
    }

    /** {@code plumbline model import}. */
    @Command(
            name = "import",
            mixinStandardHelpOptions = true,
            description = "Quantize a Hugging Face folder to its exact form.")
    static final class Import implements Callable<Integer> {
        @Parameters(paramLabel = "FROM", description = "folder with config.json, tokenizer.json, model.safetensors")
        private Path from;

        @Parameters(paramLabel = "TO", description = "folder to make")
        private Path to;

        @Override
        public Integer call() throws Exception {
            if (Files.exists(to)) {
                throw new IOException(to + " exists already. Name a folder that does not, or remove it.");
            }
            Manifest manifest;
            try (ProgressBar bar = progress("import")) {
                manifest = ModelImport.run(from, to, share -> bar.stepTo((long) (share * 100)));
            }
            System.out.println(Blake3.hex(manifest.id()));
            return 0;
        }
    }

    /** {@code plumbline model info}. */
    @Command(name = "info", mixinStandardHelpOptions = true, description = "Show an imported model's id and shape.")
    static final class Info implements Callable<Integer> {
        @Parameters(paramLabel = "DIR", description = "imported model")
        private Path dir;

        @Override
        public Integer call() throws Exception {
            try (LoadedModel model = LoadedModel.open(dir)) {
                ModelConfig c = model.config();
                System.out.println("id       " + Blake3.hex(model.id()));
                System.out.println("shape    hidden " + c.hidden() + ", layers " + c.layers() + ", heads " + c.heads()
                        + ", kv heads " + c.kvHeads() + " of " + c.headDim() + ", mlp " + c.mlp() + ", vocabulary "
                        + c.vocab());
                System.out.println("context  " + c.maxPositions() + " tokens");
            }
            return 0;
        }
    }

    /** {@code plumbline model verify}. */
    @Command(
            name = "verify",
            mixinStandardHelpOptions = true,
            description = "Check every byte of an imported model against its id.")
    static final class Verify implements Callable<Integer> {
        @Parameters(paramLabel = "DIR", description = "imported model")
        private Path dir;

        @Override
        public Integer call() throws Exception {
            try (LoadedModel model = LoadedModel.open(dir)) {
                try (ProgressBar bar = progress("verify")) {
                    model.verify(share -> bar.stepTo((long) (share * 100)));
                }
                System.out.println("good     " + Blake3.hex(model.id()));
            }
            return 0;
        }
    }
}
