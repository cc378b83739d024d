package io.plumbline.node.full;

import io.plumbline.data.store.BlobIds;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * Puts what a full node would have others see later, evidence and snapshots of the ledger, on a data node as well,
 * encrypted, by a thread of its own. What waits is a file in a folder, so it goes out also after the process has ended;
 * where the data node is not reached it is tried again. The oldest goes first where more waits than may.
 */
final class Archive implements AutoCloseable {
    /** Files that wait for a data node that is not reached. */
    private static final int MOST_WAITING = 64;

    /** Snapshots that stay pinned. */
    private static final int KEPT_SNAPSHOTS = 24;

    /** Of evidence that stays pinned, the newest: lies that take no stake cost nothing to tell. */
    static final long MOST_EVIDENCE_BYTES = 1L << 30;

    /** From one try to the next where the data node is not reached: twice as long each time. */
    private static final long FIRST_PAUSE_MS = 1_000;

    private static final long LONGEST_PAUSE_MS = 60_000;
    private static final String EVIDENCE = "evidence ";
    private static final String SNAPSHOT = "ledger snapshot ";

    /** Ids and pins of snapshots that were put, a line each, the oldest first. */
    private static final String PUT_FILE = "snapshots";

    /** Ids, bytes and pins of evidence that was put, as above. */
    private static final String EVIDENCE_FILE = "evidence";

    private final BlobNode node;
    private final ArchiveCipher cipher;
    private final long mostEvidenceBytes;
    private final Path folder;
    private final Path waiting;
    private final Events events;
    private final AtomicReference<Snapshot> latest = new AtomicReference<>();
    private final Thread thread;
    private boolean isReached = true;
    private long pauseMs = FIRST_PAUSE_MS;
    private boolean isWoken;
    private volatile boolean isClosed;

    private record Snapshot(byte[] bytes, long height) {}

    /**
     * @param folder for what waits; made where it is absent.
     * @param mostEvidenceBytes that stay pinned; one that is larger stays alone.
     */
    Archive(ArchivePlace place, Path folder, long mostEvidenceBytes, Events events) throws IOException {
        this.node = place.node();
        this.cipher = place.cipher();
        this.mostEvidenceBytes = mostEvidenceBytes;
        this.folder = folder;
        this.waiting = Files.createDirectories(folder.resolve("waiting"));
        this.events = events;
        removePartial();
        this.thread = Thread.ofPlatform().daemon().name("archive").start(this::run);
    }

    /** What a process that was killed had begun. */
    private void removePartial() throws IOException {
        try (DirectoryStream<Path> found = Files.newDirectoryStream(waiting, "*.partial")) {
            for (Path file : found) {
                Files.delete(file);
            }
        }
    }

    /** By its hash, which an accusation names: a request's hash is for those alone who take part in it. */
    void evidence(byte[] evidence) {
        String pin = EVIDENCE + Blake3.hex(Blake3.hash(evidence));
        try {
            keep(pin, evidence);
        } catch (IOException e) {
            events.emit(new Event.Warning("Not archived: " + pin + ": " + e));
        }
        wake();
    }

    /** One that is still to be written when the next comes is left out. */
    void snapshot(byte[] bytes, long height) {
        latest.set(new Snapshot(bytes, height));
        wake();
    }

    private synchronized void wake() {
        isWoken = true;
        notifyAll();
    }

    private synchronized void keep(String pin, byte[] content) throws IOException {
        List<Path> there = waitingFiles();
        for (int i = 0; i <= there.size() - MOST_WAITING; i++) {
            Files.deleteIfExists(there.get(i));
            events.emit(new Event.Warning("Not archived, since " + MOST_WAITING + " others wait for " + node.name()
                    + ": " + there.get(i).getFileName()));
        }
        PrivateFiles.write(waiting.resolve(pin), cipher.encrypt(content));
    }

    /** The oldest first. */
    private synchronized List<Path> waitingFiles() throws IOException {
        record Waiting(Path file, long atMs) {}
        List<Waiting> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(waiting)) {
            for (Path file : files.toList()) {
                found.add(new Waiting(file, Files.getLastModifiedTime(file).toMillis()));
            }
        }
        found.sort(Comparator.comparingLong(Waiting::atMs));
        return found.stream().map(Waiting::file).toList();
    }

    private void run() {
        while (!isClosed) {
            try {
                Snapshot snapshot = latest.getAndSet(null);
                if (snapshot != null) {
                    keep(SNAPSHOT + snapshot.height, snapshot.bytes);
                }
                putAll();
                isReached = true;
                pauseMs = FIRST_PAUSE_MS;
                await(LONGEST_PAUSE_MS);
            } catch (IOException | RuntimeException e) {
                if (!isClosed && isReached) {
                    // Once, however long it lasts.
                    isReached = false;
                    String what = e instanceof BlobNode.NotReachedException ? "Nothing" : "Not all";
                    events.emit(new Event.Warning(what + " is archived for now: " + e.getMessage()));
                }
                await(pauseMs);
                pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
            }
        }
    }

    /**
     * Puts what waits. What the data node does not take keeps nothing else from it.
     *
     * @throws IOException where some was not taken, of the first.
     */
    private void putAll() throws IOException {
        IOException first = null;
        for (Path file : waitingFiles()) {
            try {
                put(file);
            } catch (BlobNode.NotReachedException e) {
                throw e;
            } catch (IOException e) {
                first = first == null ? e : first;
            }
        }
        if (first != null) {
            throw first;
        }
    }

    private synchronized void await(long ms) {
        try {
            if (!isClosed && !isWoken) {
                wait(ms);
            }
            isWoken = false;
        } catch (InterruptedException e) {
            isClosed = true;
        }
    }

    private void put(Path file) throws IOException {
        String pin = file.getFileName().toString();
        Bytes32 id;
        long bytes;
        try (FileBlob blob = FileBlob.of(file, Progress.none())) {
            new Upload(node, RateLimit.none()).run(blob, Progress.none());
            id = blob.id();
            bytes = blob.bytes();
        }
        node.pin(id, pin);
        if (pin.startsWith(SNAPSHOT)) {
            unpinOld(id + " " + pin);
        } else {
            unpinOldEvidence(id + " " + bytes + " " + pin);
        }
        synchronized (this) {
            Files.delete(file);
        }
        events.emit(new Event.Archived(id.toString(), pin, bytes));
    }

    private void unpinOld(String line) throws IOException {
        Path file = folder.resolve(PUT_FILE);
        List<String> lines = new ArrayList<>(Files.exists(file) ? Files.readAllLines(file) : List.of());
        if (!lines.contains(line)) {
            lines.add(line);
        }
        while (lines.size() > KEPT_SNAPSHOTS) {
            String[] oldest = lines.removeFirst().split(" ", 2);
            unpin(BlobIds.parse(oldest[0]), oldest[1]);
        }
        PrivateFiles.write(file, String.join("\n", lines).getBytes(StandardCharsets.US_ASCII));
    }

    private void unpinOldEvidence(String line) throws IOException {
        Path file = folder.resolve(EVIDENCE_FILE);
        List<String> lines = new ArrayList<>(Files.exists(file) ? Files.readAllLines(file) : List.of());
        lines.remove(line);
        lines.add(line);
        long bytes = lines.stream().mapToLong(Archive::bytes).sum();
        while (bytes > mostEvidenceBytes && lines.size() > 1) {
            String oldest = lines.removeFirst();
            bytes -= bytes(oldest);
            String[] parts = oldest.split(" ", 3);
            unpin(BlobIds.parse(parts[0]), parts[2]);
        }
        PrivateFiles.write(file, String.join("\n", lines).getBytes(StandardCharsets.US_ASCII));
    }

    private static long bytes(String line) {
        return Long.parseLong(line.split(" ", 3)[1]);
    }

    private void unpin(Bytes32 id, String pin) throws IOException {
        try {
            node.unpin(id, pin);
        } catch (NoSuchBlobException e) {
            // Its operator has removed it.
        }
    }

    @Override
    public void close() {
        isClosed = true;
        wake();
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
