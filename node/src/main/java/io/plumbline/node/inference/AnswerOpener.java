package io.plumbline.node.inference;

import io.plumbline.inference.language.engine.DeviceFailedException;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.PrivateFiles;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Opens answers to challenges: runs them again, keeps what was run while it is asked for, and signs what is shown.
 * Used by one thread at a time.
 */
final class AnswerOpener implements AutoCloseable {
    /** Bytes of openings that are kept, at most. */
    private static final long MOST_KEPT_BYTES =
            Math.min(256L << 20, Runtime.getRuntime().maxMemory() / 32);

    private final Executor replaying;
    private final Generator generator;
    private final ForwardPass cells;
    private final KeyPair keys;
    private final Events events;
    private final Replays replays;
    private final int parts;
    private final KeptOpenings openings;

    /** An opening and the node's signature under it. */
    record Opened(byte[] seal, byte[] bytes) {}

    /**
     * @param replaying runs whole answers again; no other thread uses it.
     * @param cells runs single layers again, over a cell's few tokens; no other thread uses it.
     * @param keys that seal openings.
     * @param parts of the room that the disk has left, of which one trace may take one, and of the memory for openings
     *     that are kept.
     */
    AnswerOpener(Executor replaying, ForwardPass cells, KeyPair keys, Replays replays, int parts, Events events) {
        this.parts = parts;
        this.openings = new KeptOpenings(MOST_KEPT_BYTES / parts);
        this.replaying = replaying;
        this.generator = new Generator(replaying, keys.publicKey());
        this.cells = cells;
        this.keys = keys;
        this.replays = replays;
        this.events = events;
    }

    /**
     * Opens a cell of an answer.
     *
     * @throws IOException where there is no room to run it again in now.
     * @throws IllegalArgumentException where the answer has no such cell.
     */
    Opened open(AnswerStore.Stored of, Cell cell) throws IOException {
        // Every full node of a ledger asks for much the same.
        Bytes32 receiptHash = of.receipt().hash();
        String what = receiptHash.toString() + cell;
        Opened opened = openings.find(what);
        if (opened == null) {
            Replay replay = replays.get(receiptHash.toString(), folder -> replay(of, folder));
            MemorySegment bytes = replay.bytes(cell);
            opened = new Opened(
                    replay.seal(cell, bytes, receiptHash.bytes(), keys).encode(), bytes.toArray(ValueLayout.JAVA_BYTE));
            openings.keep(what, opened);
        }
        return opened;
    }

    private Replay replay(AnswerStore.Stored found, Path folder) throws IOException {
        Request request = Request.decode(found.request());
        int[] output = Answer.decode(found.answer()).tokens();
        requireRoom(request, output, folder);
        long begin = replaying.cpuNanos();
        Replay replay = Replay.of(generator, cells, keys.publicKey(), request, output, folder);
        events.emit(new Event.Replayed(request.hash().toString(), (replaying.cpuNanos() - begin) / 1e6));
        if (!Arrays.equals(replay.root(), found.receipt().traceRoot())) {
            // A signature under it would be proof against the node: memory or a device of this host is at fault.
            replay.close();
            throw new DeviceFailedException("An answer that was run again gives another trace than the receipt has: its"
                    + " opening is not signed.");
        }
        return replay;
    }

    private void requireRoom(Request request, int[] output, Path folder) throws IOException {
        TraceLayout layout = new TraceLayout(cells.model().config());
        long bytes = layout.traceBytes(TraceLayout.tokens(request.promptTokens().length, output.length));
        PrivateFiles.folder(folder);
        if (bytes > Files.getFileStore(folder).getUsableSpace() / parts) {
            throw new IOException("The disk has no room to open it now. Ask again later.");
        }
    }

    @Override
    public void close() {
        replays.close();
    }
}
