package io.plumbline.node.inference;

import io.plumbline.inference.language.engine.Replay;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.agrona.CloseHelper;

/**
 * Re-executions, kept while their openings are asked for, by several auditors and not all at the same time: those
 * asked for last, as many as memory and the disk have room for. Used by one thread at a time.
 */
final class Replays implements AutoCloseable {
    /** Memory that all may take together, beside one that is needed whatever it takes. */
    private static final long MOST_BYTES = Runtime.getRuntime().maxMemory() / 8;

    private final Path folder;
    private final int most;
    private final Map<String, Replay> kept = new LinkedHashMap<>(16, 0.75f, true);

    /** Runs an answer again, with its trace in a folder. */
    @FunctionalInterface
    interface Run {
        Replay run(Path folder) throws IOException;
    }

    /**
     * @param folder where traces go that are long; no other's.
     * @param most that are kept.
     */
    Replays(Path folder, int most) {
        this.folder = folder;
        this.most = most;
    }

    /**
     * The re-execution of an answer, run where there is none.
     *
     * @throws IOException where the disk has no room for its trace, even alone.
     */
    Replay get(String receipt, Run run) throws IOException {
        Replay replay = kept.get(receipt);
        while (replay == null) {
            try {
                replay = run.run(folder);
                kept.put(receipt, replay);
            } catch (IOException | UncheckedIOException e) {
                // There is no room, whether it showed before or in the middle.
                if (kept.isEmpty()) {
                    throw e instanceof UncheckedIOException full
                            ? new IOException(full.getMessage(), full)
                            : (IOException) e;
                }
                dropEldest();
            }
        }
        while (kept.size() > most || kept.size() > 1 && bytes() > MOST_BYTES) {
            dropEldest();
        }
        return replay;
    }

    private long bytes() {
        return kept.values().stream().mapToLong(Replay::memoryBytes).sum();
    }

    private void dropEldest() {
        Iterator<Replay> eldest = kept.values().iterator();
        eldest.next().close();
        eldest.remove();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(kept.values());
        kept.clear();
    }
}
