package io.plumbline.node.cli.receipt;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline receipt}: what the ledger made of an answer, believed by nobody's word alone. */
@Parameters(commandNames = "receipt", commandDescription = "Check offline what became of an answer on the ledger.")
public final class ReceiptCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander receipt) {
        receipt.addCommand(new ReceiptVerifyCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with the receipt: verify.");
    }
}
