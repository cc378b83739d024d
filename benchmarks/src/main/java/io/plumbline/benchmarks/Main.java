package io.plumbline.benchmarks;

import io.plumbline.benchmarks.Commands.Command;
import io.plumbline.benchmarks.compare.CompareCommand;
import io.plumbline.benchmarks.ledger.JoinBench;
import io.plumbline.benchmarks.ledger.LedgerBench;
import io.plumbline.benchmarks.report.ReportCommand;
import io.plumbline.benchmarks.suite.RunCommand;
import java.util.List;

/** {@code plumbline bench}: every headline measured again, beside its peer. */
public final class Main {
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
            new Command(JoinBench.class, () -> new JoinBench()),
            new Command(LedgerBench.class, () -> new LedgerBench()),
            new Command(QualityBench.class, () -> new QualityBench()),
            new Command(RunCommand.class, () -> new RunCommand()),
            new Command(SpeculationBench.class, () -> new SpeculationBench()),
            new Command(FeedBench.class, () -> new FeedBench()),
            new Command(StorageBench.class, () -> new StorageBench()),
            new Command(ReportCommand.class, () -> new ReportCommand()),
            new Command(TensorBench.class, () -> new TensorBench()),
            new Command(TolerantBench.class, () -> new TolerantBench()));

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        int code = new Commands("plumbline bench", COMMANDS).run(arguments);
        if (code != 0) {
            System.exit(code);
        }
    }
}
