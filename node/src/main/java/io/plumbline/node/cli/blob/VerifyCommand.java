package io.plumbline.node.cli.blob;

import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.Download;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.blake3.RangeDecoder;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline blob verify}. */
@Parameters(
        commandNames = "verify",
        commandDescription = "Compare every byte of a blob with its id; one of --store is repaired from --data-node.")
final class VerifyCommand extends BlobIdCommand {
    private static final int DAMAGED = 1;

    @Override
    List<String> form() {
        return List.of("an ID");
    }

    @Override
    int run(Bytes32 id, List<String> more, BlobStore store) throws IOException {
        return store == null ? atNodes(id) : here(id, store);
    }

    private int here(Bytes32 id, BlobStore store) throws IOException {
        long bytes = store.stat(id) == null ? 0 : store.stat(id).bytes();
        List<ByteRange> damaged;
        try (ProgressBar bar = Bars.of("verify", bytes)) {
            damaged = store.scrub(id, bar::stepBy);
        }
        List<BlobNode> nodes = places.nodes();
        long wrong = damaged.stream().mapToLong(ByteRange::length).sum();
        if (!damaged.isEmpty() && !nodes.isEmpty()) {
            PartialBlob part = store.receive(id, bytes);
            try (ProgressBar bar = Bars.of("repair", wrong)) {
                new Download(nodes, places.rate(), warning -> System.err.println(Terminal.printable(warning)))
                        .run(part, bar::stepBy);
            }
            say(id, store.folder().toString(), bytes, wrong, true);
            return 0;
        }
        say(id, store.folder().toString(), bytes, wrong, false);
        return damaged.isEmpty() ? 0 : DAMAGED;
    }

    private void say(Bytes32 id, String place, long bytes, long wrong, boolean isRepaired) {
        if (json) {
            Terminal.print(new ObjectMapper()
                    .createObjectNode()
                    .put("id", id.toString())
                    .put("place", place)
                    .put("bytes", bytes)
                    .put("damaged_bytes", wrong)
                    .put("repaired", isRepaired));
        } else if (wrong == 0) {
            Terminal.print("good     " + place + "  " + bytes + " bytes");
        } else {
            Terminal.print((isRepaired ? "repaired " : "DAMAGED  ") + place + "  " + wrong + " of " + bytes
                    + " bytes were not those of this id"
                    + (isRepaired ? "" : "; --data-node URL repairs it from there"));
        }
    }

    private int atNodes(Bytes32 id) throws IOException {
        int code = 0;
        for (BlobNode node : places.requireNodes()) {
            long bytes = node.bytes(id);
            try (InputStream in = node.range(id, bytes, new ByteRange(0, bytes));
                    ProgressBar bar = Bars.of("verify", bytes)) {
                new RangeDecoder(id.bytes(), bytes, 0, bytes).decode(in, (at, some, length) -> bar.stepBy(length));
            } catch (WrongBytesException e) {
                Terminal.print("DAMAGED  " + node.name() + "  " + e.getMessage());
                code = DAMAGED;
                continue;
            }
            say(id, node.name(), bytes, 0, false);
        }
        return code;
    }
}
