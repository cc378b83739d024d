package io.plumbline.benchmarks.load;

import io.plumbline.benchmarks.Commands;
import io.plumbline.benchmarks.Commands.Command;
import io.plumbline.benchmarks.ledger.LedgerLoad;
import io.plumbline.benchmarks.sessions.SessionLoad;
import java.util.List;

/** {@code plumbline load}: load drivers. */
public final class LoadMain {
    private static final List<Command> COMMANDS = List.of(
            new Command(GatewayLoad.class, () -> new GatewayLoad()),
            new Command(BlobLoad.class, () -> new BlobLoad()),
            new Command(FailoverLoad.class, () -> new FailoverLoad()),
            new Command(LedgerLoad.class, () -> new LedgerLoad()),
            new Command(SessionLoad.class, () -> new SessionLoad()));

    private LoadMain() {}

    /** The exit code of a command line. */
    static int run(String... arguments) throws Exception {
        return new Commands("plumbline load", COMMANDS).run(arguments);
    }

    public static void main(String[] arguments) throws Exception {
        // Connections and media drivers may have threads that would keep the process.
        System.exit(run(arguments));
    }
}
