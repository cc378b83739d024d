package io.plumbline.benchmarks;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.ParameterException;
import io.plumbline.benchmarks.ledger.LedgerBench;
import io.plumbline.inference.engine.DeviceFailedException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;

/** {@code plumbline bench}: every headline measured again, beside its peer. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        JCommander commander =
                JCommander.newBuilder().programName("plumbline bench").build();
        commander.addCommand(new AuditBench());
        commander.addCommand(new CpuBench());
        commander.addCommand(new CommitmentBench());
        commander.addCommand(new FreivaldsBench());
        commander.addCommand(new GpuBench());
        commander.addCommand(new HashBench());
        commander.addCommand(new LedgerBench());
        commander.addCommand(new QualityBench());
        commander.addCommand(new TensorBench());
        commander.addCommand(new TolerantBench());
        List<String> words = List.of(arguments);
        if (words.contains("--help") || words.contains("-h")) {
            if (commander.getCommands().containsKey(words.getFirst())) {
                commander.usage(words.getFirst());
            } else {
                commander.usage();
            }
            return;
        }
        try {
            commander.parse(arguments);
            if (commander.getParsedCommand() == null) {
                throw new ParameterException("Say what to measure.");
            }
            Object command = commander
                    .getCommands()
                    .get(commander.getParsedCommand())
                    .getObjects()
                    .getFirst();
            ((Callable<?>) command).call();
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
