package io.plumbline.node.cli.local;

import com.beust.jcommander.Parameters;
import io.plumbline.node.network.Terminal;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline network down}. */
@Parameters(commandNames = "down", commandDescription = "Stop this host's network; up starts it where it was.")
final class DownCommand extends LocalOptions {
    @Override
    public Integer call() throws Exception {
        try (LocalNetwork network = found()) {
            int stopped;
            try (ProgressBar bar = Terminal.progress("stop")) {
                int roles = network.roles().size();
                stopped = network.down(ended -> bar.stepTo(100L * ended / roles));
            }
            Terminal.print(
                    stopped == 0
                            ? "Nothing of the network in " + dir + " ran."
                            : stopped + " processes have ended; the network is kept in " + dir + ".");
        }
        return 0;
    }
}
