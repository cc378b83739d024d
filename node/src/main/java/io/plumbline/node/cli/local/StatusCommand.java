package io.plumbline.node.cli.local;

import com.beust.jcommander.Parameters;
import io.plumbline.node.network.Terminal;
import java.util.Optional;

/** {@code plumbline network status}: fails where not all of it runs. */
@Parameters(commandNames = "status", commandDescription = "Say which processes of this host's network run.")
final class StatusCommand extends LocalOptions {
    @Override
    public Integer call() throws Exception {
        try (LocalNetwork network = found()) {
            boolean allRun = true;
            for (DetachedRole role : network.roles()) {
                Optional<ProcessHandle> process = role.process();
                allRun &= process.isPresent();
                Terminal.print(String.format(
                        "%-16s%s",
                        role.name(),
                        process.map(p -> "runs, process " + p.pid()).orElse("does not run")));
            }
            String gateway = network.gateway();
            if (gateway != null) {
                Terminal.print("serves          " + gateway);
                Terminal.print("shows           " + network.page());
            }
            String dataNode = network.dataNode();
            if (dataNode != null) {
                Terminal.print("keeps blobs     " + dataNode);
            }
            return allRun ? 0 : 1;
        }
    }
}
