package io.plumbline.ledger.cluster;

import io.aeron.archive.Archive;
import io.aeron.archive.ArchiveThreadingMode;
import io.aeron.archive.ArchivingMediaDriver;
import io.aeron.archive.client.AeronArchive;
import io.aeron.cluster.ClusterBackup;
import io.aeron.cluster.ClusterBackupEventsListener;
import io.aeron.cluster.ClusterMember;
import io.aeron.cluster.RecordingLog;
import io.plumbline.transport.Drivers;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.agrona.IoUtil;

/**
 * Copies the ledger's last snapshot and the log after it from the members that run into an empty folder. A member can
 * start from that folder: a backup, and how one comes back whose disk is lost when the others have dropped the log's
 * beginning.
 */
public final class Backup {
    private static final long TIMEOUT_NS = TimeUnit.MINUTES.toNanos(10);
    private static final long STEP_MS = 50;
    private static final long TELL_NS = TimeUnit.SECONDS.toNanos(1);

    /** From one that failed to the next. */
    private static final long RETRY_NS = TimeUnit.SECONDS.toNanos(1);

    /** What a member starts from; the log first, for without the other it counts for nothing. */
    private static final List<String> PARTS = List.of("archive", "cluster");

    private static final String PARTIAL = "partial";

    /** A file that says so of a folder's ledger, until a quorum has certified a block that came of it. */
    static final String COPIED = "copied";

    private Backup() {}

    /**
     * @param members as of {@link Member.Place}.
     * @param host address the members reach this process at.
     * @param folder empty or absent; a member's, afterwards.
     * @param progress told of the log position reached, once a second.
     * @return log position up to which it was copied.
     * @throws IOException where the folder is not empty, or the members do not answer.
     */
    public static long run(
            List<String> members,
            String host,
            Path folder,
            int termBytes,
            KeyPair keys,
            Bytes32 genesisHash,
            LongConsumer progress)
            throws IOException {
        Files.createDirectories(folder);
        finish(folder);
        Path ledger = ledgerIn(folder);
        if (ledger != null) {
            throw new IOException(ledger + " exists: a backup goes into a folder that has no ledger."
                    + " Name another, or empty this one but for the file \"votes\".");
        }
        // Nobody may start from what is not whole.
        Path partial = folder.resolve(PARTIAL);
        IoUtil.delete(partial.toFile(), false);
        long position = copy(members, host, partial, termBytes, keys, genesisHash, progress);
        Files.writeString(
                folder.resolve(COPIED),
                "This ledger was copied from other full nodes. Its full node signs, judges and answers nothing until a"
                        + " quorum has certified a block that it has computed itself; then it removes this file.\n");
        for (String part : PARTS) {
            Files.move(partial.resolve(part), folder.resolve(part));
        }
        IoUtil.delete(partial.toFile(), false);
        return position;
    }

    /** The first part of a ledger that a folder has, or null where it has none. */
    static Path ledgerIn(Path folder) {
        return PARTS.stream()
                .map(folder::resolve)
                .filter(Files::exists)
                .findFirst()
                .orElse(null);
    }

    /** Ends a backup that was whole when its process was killed, between the last two steps. */
    static void finish(Path folder) throws IOException {
        Path last = folder.resolve(PARTIAL).resolve(PARTS.getLast());
        if (Files.exists(folder.resolve(PARTS.getFirst())) && Files.exists(last)) {
            Files.move(last, folder.resolve(PARTS.getLast()));
        }
    }

    private static long copy(
            List<String> members,
            String host,
            Path folder,
            int termBytes,
            KeyPair keys,
            Bytes32 genesisHash,
            LongConsumer progress)
            throws IOException {
        Files.createDirectories(folder);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        String driver = folder.resolve("driver").toString();
        SessionKeys credentials = new SessionKeys(keys, genesisHash);
        MemberHosts hosts = new MemberHosts(members);
        AeronArchive.Context local = new AeronArchive.Context()
                .aeronDirectoryName(driver)
                .controlRequestChannel("aeron:ipc?term-length=64k")
                .controlResponseChannel("aeron:ipc?term-length=64k");
        Archive.Context archive = new Archive.Context()
                .aeronDirectoryName(driver)
                .archiveDir(folder.resolve("archive").toFile())
                .controlChannelEnabled(false)
                .archiveClientContext(new AeronArchive.Context()
                        .controlResponseChannel("aeron:udp?endpoint=" + host + ":0")
                        .credentialsSupplier(credentials))
                .localControlChannel("aeron:ipc?term-length=64k")
                .replicationChannel("aeron:udp?endpoint=" + host + ":0")
                .recordingEventsEnabled(false)
                .threadingMode(ArchiveThreadingMode.SHARED)
                .idleStrategySupplier(() -> Drivers.idle(driver))
                .segmentFileLength(Member.segmentBytes(termBytes))
                .recordChecksum(RecordChecksum.CRC32C)
                .replayChecksum(RecordChecksum.CRC32C)
                .fileSyncLevel(1)
                .catalogFileSyncLevel(1)
                .errorHandler(failure::set);
        ClusterBackup.Context context = new ClusterBackup.Context()
                .aeronDirectoryName(driver)
                .clusterDir(folder.resolve("cluster").toFile())
                .archiveContext(local)
                .clusterArchiveContext(new AeronArchive.Context()
                        .controlRequestChannel("aeron:udp?endpoint=" + Member.archiveEndpoint(members.getFirst()))
                        .controlResponseChannel("aeron:udp?endpoint=" + host + ":0")
                        .credentialsSupplier(credentials))
                .consensusChannel("aeron:udp?endpoint=" + host + ":" + freePort(host))
                .clusterConsensusEndpoints(IntStream.range(0, members.size())
                        .mapToObj(i -> Member.consensusEndpoint(members.get(i)))
                        .collect(Collectors.joining(",")))
                .catchupEndpoint(host + ":" + freePort(host))
                .credentialsSupplier(credentials)
                .idleStrategySupplier(() -> Drivers.idle(driver))
                .errorHandler(failure::set)
                .eventsListener(new Failures(failure))
                .clusterBackupCoolDownIntervalNs(RETRY_NS)
                .terminationHook(() -> {});
        ArchivingMediaDriver copying = ArchivingMediaDriver.launch(
                Drivers.context(folder.resolve("driver"), hosts).terminationHook(() -> {}), archive);
        try (ClusterBackup backup = ClusterBackup.launch(context)) {
            return await(backup, failure, progress);
        } finally {
            CloseHelper.quietCloseAll(copying, hosts);
            removeTraces(folder.resolve("cluster"));
        }
    }

    /** Members answer to the port that they are told, so it must be known before. */
    private static int freePort(String host) throws IOException {
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(host, 0))) {
            return socket.getLocalPort();
        }
    }

    /** Keeps the last thing that went wrong. */
    private record Failures(AtomicReference<Throwable> last) implements ClusterBackupEventsListener {
        @Override
        public void onPossibleFailure(Exception e) {
            last.set(e);
        }

        @Override
        public void onBackupQuery() {
            // Nothing is to be done.
        }

        @Override
        public void onBackupResponse(
                ClusterMember[] members, ClusterMember source, List<RecordingLog.Snapshot> snapshots) {
            // Nothing is to be done.
        }

        @Override
        public void onUpdatedRecordingLog(RecordingLog log, List<RecordingLog.Snapshot> snapshots) {
            // Nothing is to be done.
        }

        @Override
        public void onLiveLogProgress(long recording, long counter, long position) {
            // It is read where it is waited for.
        }
    }

    private static long await(ClusterBackup backup, AtomicReference<Throwable> failure, LongConsumer progress)
            throws IOException {
        long end = System.nanoTime() + TIMEOUT_NS;
        boolean wasWhole = false;
        long toldNs = System.nanoTime();
        while (System.nanoTime() < end) {
            ClusterBackup.State state =
                    ClusterBackup.State.get(backup.context().stateCounter().get());
            long position = backup.context().liveLogPositionCounter().get();
            if (System.nanoTime() - toldNs > TELL_NS) {
                toldNs = System.nanoTime();
                progress.accept(position);
            }
            // From here on it would follow the log for ever; what comes later a member gets from the others.
            boolean isWhole = state == ClusterBackup.State.BACKING_UP && position > 0;
            if (isWhole && wasWhole) {
                return position;
            }
            wasWhole = isWhole;
            try {
                Thread.sleep(STEP_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("The backup was interrupted; its folder is not whole.", e);
            }
        }
        Throwable cause = failure.get();
        throw new IOException(
                "The members did not hand over snapshot and log within "
                        + TimeUnit.NANOSECONDS.toMinutes(TIMEOUT_NS) + " minutes; the folder is not whole."
                        + (cause == null ? "" : " Last heard: " + cause.getMessage()),
                cause);
    }

    /** A member takes the mark file of a backup for another process at work. */
    private static void removeTraces(Path cluster) throws IOException {
        if (Files.exists(cluster)) {
            try (Stream<Path> files = Files.list(cluster)) {
                for (Path file : files.filter(
                                one -> one.getFileName().toString().contains("mark"))
                        .toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
