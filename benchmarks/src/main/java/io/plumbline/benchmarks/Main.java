package io.plumbline.benchmarks;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import io.plumbline.benchmarks.ledger.LedgerBench;
import io.plumbline.benchmarks.report.CompareCommand;
import io.plumbline.benchmarks.report.ReportCommand;
import io.plumbline.inference.language.engine.DeviceFailedException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** {@code plumbline bench}: every headline measured again, beside its peer. */
public final class Main {
    /**
     * A measurement. Made only when it was asked for: what it alone needs may be missing from the class path, as the
     * ledger's libraries are on a GPU host.
     */
    private record Command(Class<?> type, Supplier<Callable<Integer>> make) {
        private Parameters parameters() {
            return type.getAnnotation(Parameters.class);
        }

        String name() {
            return parameters().commandNames()[0];
        }

        String description() {
            return parameters().commandDescription();
        }
    }

    private static final List<Command> COMMANDS = List.of(
            new Command(AuditBench.class, () -> new AuditBench()),
            new Command(BlobBench.class, () -> new BlobBench()),
            new Command(CpuBench.class, () -> new CpuBench()),
            new Command(CompareCommand.class, () -> new CompareCommand()),
            new Command(CommitmentBench.class, () -> new CommitmentBench()),
            new Command(FamilyBench.class, () -> new FamilyBench()),
            new Command(FreivaldsBench.class, () -> new FreivaldsBench()),
            new Command(GatewayBench.class, () -> new GatewayBench()),
            new Command(GpuBench.class, () -> new GpuBench()),
            new Command(HashBench.class, () -> new HashBench()),
            new Command(LedgerBench.class, () -> new LedgerBench()),
            new Command(QualityBench.class, () -> new QualityBench()),
            new Command(SpeculationBench.class, () -> new SpeculationBench()),
            new Command(StorageBench.class, () -> new StorageBench()),
            new Command(ReportCommand.class, () -> new ReportCommand()),
            new Command(TensorBench.class, () -> new TensorBench()),
            new Command(TolerantBench.class, () -> new TolerantBench()));

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        List<String> words = List.of(arguments);
        Command command = COMMANDS.stream()
                .filter(c -> !words.isEmpty() && c.name().equals(words.getFirst()))
                .findFirst()
                .orElse(null);
        if (command == null) {
            boolean helps = words.contains("--help") || words.contains("-h");
            if (!helps) {
                System.err.println(
                        words.isEmpty()
                                ? "plumbline bench: Say what to measure."
                                : "plumbline bench: There is nothing called \"" + words.getFirst() + "\" to measure.");
            }
            System.out.println("Usage: plumbline bench WHAT [options]; --help after WHAT says which options.");
            COMMANDS.forEach(c -> System.out.printf("  %-12s %s%n", c.name(), c.description()));
            System.exit(helps ? 0 : 2);
        }
        Callable<Integer> measurement = command.make().get();
        JCommander commander = JCommander.newBuilder()
                .programName("plumbline bench " + command.name())
                .addObject(measurement)
                .build();
        String[] options = Arrays.copyOfRange(arguments, 1, arguments.length);
        if (words.contains("--help") || words.contains("-h")) {
            commander.usage();
            return;
        }
        try {
            commander.parse(options);
            int code = measurement.call();
            if (code != 0) {
                System.exit(code);
            }
        } catch (ParameterException e) {
            System.err.println("plumbline bench: " + e.getMessage());
            commander.usage();
            System.exit(2);
        } catch (IOException | DeviceFailedException e) {
            System.err.println("plumbline bench: " + e.getMessage());
            System.exit(1);
        }
    }
}
