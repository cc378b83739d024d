package io.plumbline.node.cli.blob;

import com.beust.jcommander.JCommander;
import com.beust.jcommander.Parameters;
import io.plumbline.node.cli.CommandOptions;
import java.io.IOException;
import java.util.concurrent.Callable;

/** {@code plumbline blob}: what it can do with blobs. */
@Parameters(commandNames = "blob", commandDescription = "Keep and fetch files by their hash, at data nodes or here.")
public final class BlobCommand extends CommandOptions implements Callable<Integer> {
    public static void addTo(JCommander blob) {
        blob.addCommand(new PutCommand());
        blob.addCommand(new GetCommand());
        blob.addCommand(new StatCommand());
        blob.addCommand(new ListCommand());
        blob.addCommand(new VerifyCommand());
        blob.addCommand(new PinCommand());
        blob.addCommand(new UnpinCommand());
        blob.addCommand(new RemoveCommand());
        blob.addCommand(new CollectCommand());
    }

    @Override
    public Integer call() throws IOException {
        throw new IOException("Say what to do with blobs: put, get, stat, ls, verify, pin, unpin, rm or gc.");
    }
}
