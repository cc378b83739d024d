package io.plumbline.ledger.cluster;

import io.aeron.archive.Archive;
import io.aeron.archive.ArchiveThreadingMode;
import io.aeron.archive.client.AeronArchive;
import io.aeron.cluster.ClusteredMediaDriver;
import io.aeron.cluster.ConsensusModule;
import io.aeron.cluster.RecordingLog;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.cluster.service.ClusteredServiceContainer;
import io.aeron.security.AuthenticatorSupplier;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.transport.Drivers;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;

/** One member of the ledger's cluster: media driver, archive, consensus and the service, in this process. */
public final class Member implements AutoCloseable {
    /** Ports that a member uses, from its first one: client, member, log, catch-up, archive. */
    public static final int PORTS = 5;

    /** Longest wait for the mark files of a process that was killed. */
    private static final long STALE_NS = TimeUnit.SECONDS.toNanos(20);

    /**
     * Without a sign of life from the leader for so long another one is elected: a pause of two cores at work is
     * shorter.
     */
    private static final long HEARTBEAT_TIMEOUT_MS = 1_000;

    private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Held while a process is at work in a member's folder. */
    private static final String LOCK_FILE = "member.lock";

    private final ProcessLock lock;
    private final ClusteredMediaDriver driver;
    private final ClusteredServiceContainer container;
    private final String aeronDirectory;
    private final Path clusterFolder;
    private final AeronArchive.Context archiveClient;
    private final MemberHosts hosts;
    private final int termBytes;
    private final FailHard guarded;
    private final AtomicBoolean isEnding = new AtomicBoolean();

    /**
     * Where a member stands.
     *
     * @param id index in {@code members}.
     * @param members host of each and its first port, as "host:port", as this member reaches them.
     * @param folder for log, snapshots and driver files; made if absent.
     * @param fsyncLevel 0: page cache of a majority; 1: on disk.
     * @param termBytes of the log's term buffers; a file of the log has four, an eighth of one is the largest message.
     * @param keys of this full node.
     * @param genesisHash of the ledger, which whoever opens a session must know.
     * @param fullNodes keys of those who may open one.
     * @param clock milliseconds since 1970; commands bear the leader's.
     */
    public record Place(
            int id,
            List<String> members,
            Path folder,
            int fsyncLevel,
            int termBytes,
            KeyPair keys,
            Bytes32 genesisHash,
            Collection<Bytes32> fullNodes,
            LongSupplier clock) {
        /** On disk before it is acknowledged, by this host's clock. */
        public Place(int id, List<String> members, Path folder, KeyPair keys, Genesis genesis) {
            this(
                    id,
                    members,
                    folder,
                    1,
                    Drivers.TERM_BYTES,
                    keys,
                    genesis.hash(),
                    genesis.fullNodes(),
                    System::currentTimeMillis);
        }
    }

    /**
     * @param hears told what goes wrong inside.
     * @param onEnd called when it cannot go on, by a thread of its own: the process should end then rather than linger.
     * @throws IllegalStateException where another process is at work in the folder.
     */
    public Member(Place place, ClusteredService service, ErrorHandler hears, Runnable onEnd) {
        int id = place.id;
        List<String> members = place.members;
        Path folder = place.folder;
        lock = lock(folder);
        int fsyncLevel = place.fsyncLevel;
        aeronDirectory = folder.resolve("driver").toString();
        Runnable end = () -> {
            if (isEnding.compareAndSet(false, true)) {
                Thread.ofPlatform().name("ledger-end").start(onEnd);
            }
        };
        ErrorHandler errors = e -> {
            String fatal = Fatal.reason(place.folder, e);
            if (fatal == null) {
                hears.onError(e);
            } else if (!isEnding.get()) {
                hears.onError(new IllegalStateException(fatal, e));
                end.run();
            }
        };
        guarded = new FailHard(service, errors, end);
        Path archiveFolder = folder.resolve("archive");
        String host = host(members.get(id));
        SessionKeys credentials = new SessionKeys(place.keys, place.genesisHash);
        AuthenticatorSupplier gate = () -> new SessionKeys.Gate(place.genesisHash, place.fullNodes);
        hosts = new MemberHosts(members);
        clusterFolder = folder.resolve("cluster");
        termBytes = place.termBytes;
        archiveClient = new AeronArchive.Context()
                .lock(org.agrona.concurrent.NoOpLock.INSTANCE)
                .controlRequestChannel("aeron:ipc?term-length=64k")
                .controlResponseChannel("aeron:ipc?term-length=64k")
                .credentialsSupplier(credentials)
                .aeronDirectoryName(aeronDirectory);
        Archive.Context archive = new Archive.Context()
                .aeronDirectoryName(aeronDirectory)
                .archiveDir(archiveFolder.toFile())
                .controlChannel("aeron:udp?endpoint=" + host + ":" + port(members.get(id), 4))
                .replicationChannel("aeron:udp?endpoint=" + host + ":0")
                .localControlChannel("aeron:ipc?term-length=64k")
                .recordingEventsEnabled(false)
                .threadingMode(ArchiveThreadingMode.SHARED)
                .idleStrategySupplier(() -> Drivers.idle(aeronDirectory))
                .segmentFileLength(segmentBytes(place.termBytes))
                .fileSyncLevel(fsyncLevel)
                .catalogFileSyncLevel(fsyncLevel)
                .recordChecksum(RecordChecksum.CRC32C)
                .replayChecksum(RecordChecksum.CRC32C)
                .authenticatorSupplier(gate)
                .archiveClientContext(new AeronArchive.Context().credentialsSupplier(credentials))
                .errorHandler(errors);
        ConsensusModule.Context consensus = new ConsensusModule.Context()
                .aeronDirectoryName(aeronDirectory)
                .clusterDir(clusterFolder.toFile())
                .clusterMemberId(id)
                .clusterMembers(membersString(members))
                .clusterClock(place.clock::getAsLong)
                .ingressChannel("aeron:udp?term-length=1m")
                .logChannel("aeron:udp?term-length=" + place.termBytes)
                .replicationChannel("aeron:udp?endpoint=" + host + ":0")
                .archiveContext(archiveClient.clone())
                .fileSyncLevel(fsyncLevel)
                .idleStrategySupplier(() -> Drivers.idle(aeronDirectory))
                .startupCanvassTimeoutNs(TimeUnit.SECONDS.toNanos(5))
                .leaderHeartbeatTimeoutNs(TimeUnit.MILLISECONDS.toNanos(HEARTBEAT_TIMEOUT_MS))
                .leaderHeartbeatIntervalNs(TimeUnit.MILLISECONDS.toNanos(HEARTBEAT_TIMEOUT_MS / 10))
                .electionTimeoutNs(TimeUnit.MILLISECONDS.toNanos(HEARTBEAT_TIMEOUT_MS / 2))
                .sessionTimeoutNs(TimeUnit.SECONDS.toNanos(10))
                .maxConcurrentSessions(256)
                .authenticatorSupplier(gate)
                .errorHandler(errors)
                .terminationHook(end);
        ClusteredServiceContainer.Context serviceContext = new ClusteredServiceContainer.Context()
                .aeronDirectoryName(aeronDirectory)
                .archiveContext(archiveClient.clone())
                .clusterDir(clusterFolder.toFile())
                .clusteredService(guarded)
                .idleStrategySupplier(() -> Drivers.idle(aeronDirectory))
                .errorHandler(errors)
                .terminationHook(end);
        MarkFiles.signalTerminated(archiveFolder, clusterFolder);
        driver = launched(() -> whenStale(() -> whenTorn(
                archiveFolder,
                hears,
                () -> ClusteredMediaDriver.launch(
                        Drivers.context(folder.resolve("driver"), hosts)
                                .errorHandler(errors)
                                .terminationHook(end),
                        archive.clone(),
                        consensus.clone()))));
        dropSavedErrors(archiveFolder);
        dropSavedErrors(clusterFolder);
        container = launched(() -> whenStale(() -> ClusteredServiceContainer.launch(serviceContext.clone())));
    }

    private static ProcessLock lock(Path folder) {
        try {
            ProcessLock taken =
                    ProcessLock.tryTake(Files.createDirectories(folder).resolve(LOCK_FILE));
            if (taken == null) {
                throw new IllegalStateException("A full node is at work in " + folder + ". Stop that one first.");
            }
            return taken;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where it fails, nothing is left open. */
    private <T> T launched(Supplier<T> launch) {
        try {
            return launch.get();
        } catch (RuntimeException e) {
            CloseHelper.quietCloseAll(driver, hosts, lock);
            throw e;
        }
    }

    /** Each start saves the errors of the last life, which were told when they happened. */
    private static void dropSavedErrors(Path folder) {
        try (DirectoryStream<Path> saved = Files.newDirectoryStream(folder, "*-error.log")) {
            for (Path file : saved) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // They only take room.
        }
    }

    /**
     * Those of a member's own addresses that hosts outside a private network may reach, as far as can be seen from
     * here.
     */
    public static List<String> openToAll(String member) {
        List<String> open = new ArrayList<>();
        try {
            for (InetAddress address : InetAddress.getAllByName(host(member))) {
                boolean isUniqueLocal = address instanceof Inet6Address && (address.getAddress()[0] & 0xFE) == 0xFC;
                boolean isPrivate = address.isLoopbackAddress()
                        || address.isSiteLocalAddress()
                        || address.isLinkLocalAddress()
                        || isUniqueLocal;
                if (!isPrivate) {
                    open.add(address.getHostAddress());
                }
            }
        } catch (UnknownHostException e) {
            // It will not start, and say so.
        }
        return open;
    }

    /**
     * A process that was killed while it made its mark files may leave some that say it lives, for up to ten seconds:
     * who comes right after it waits for them to go stale. Contexts are used once, hence the copies.
     */
    private static <T> T whenStale(Supplier<T> launch) {
        long end = System.nanoTime() + STALE_NS;
        while (true) {
            try {
                return launch.get();
            } catch (RuntimeException e) {
                if (!isTakenForAlive(e) || System.nanoTime() > end) {
                    throw e;
                }
                LockSupport.parkNanos(RETRY_NS);
            }
        }
    }

    /**
     * Where the power went while the last frames were written, a recording may end within one. What is not whole was
     * acknowledged to nobody, and goes: the others have what was.
     */
    private static <T> T whenTorn(Path archive, ErrorHandler hears, Supplier<T> launch) {
        try {
            return launch.get();
        } catch (RuntimeException e) {
            if (!says(e, "incomplete last fragment")) {
                throw e;
            }
            List<Path> cut = cut(archive);
            if (cut.isEmpty()) {
                throw e;
            }
            hears.onError(new IllegalStateException(
                    cut
                            + " ended within a frame, as happens when the power goes, and was cut back to the last whole one."
                            + " What is missing comes from the others.",
                    e));
            return launch.get();
        }
    }

    private static List<Path> cut(Path archive) {
        try {
            return TornEnd.cut(archive);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isTakenForAlive(Throwable e) {
        return says(e, "active mark file");
    }

    private static boolean says(Throwable e, String what) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT).contains(what)) {
                return true;
            }
        }
        return false;
    }

    private static String host(String member) {
        return member.substring(0, member.lastIndexOf(':'));
    }

    private static int port(String member, int offset) {
        return Integer.parseInt(member.substring(member.lastIndexOf(':') + 1)) + offset;
    }

    private static String membersString(List<String> members) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < members.size(); i++) {
            text.append(i);
            for (int p = 0; p < PORTS; p++) {
                text.append(',').append(host(members.get(i))).append(':').append(port(members.get(i), p));
            }
            text.append('|');
        }
        return text.toString();
    }

    /** What a session needs to reach the members: "0=host:port,1=host:port". */
    public static String ingressEndpoints(List<String> members) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < members.size(); i++) {
            text.append(i == 0 ? "" : ",").append(i).append('=').append(members.get(i));
        }
        return text.toString();
    }

    /** Bytes of one file of the log. */
    static int segmentBytes(int termBytes) {
        return 4 * termBytes;
    }

    static String consensusEndpoint(String member) {
        return host(member) + ":" + port(member, 1);
    }

    static String archiveEndpoint(String member) {
        return host(member) + ":" + port(member, 4);
    }

    /**
     * Drops the log's files that no start needs any more: those before the last snapshot but one, which stays for the
     * case that the last is damaged, and older snapshots. A member whose disk is lost needs {@link Backup}
     * afterwards.
     *
     * @return where the log begins now, in bytes from its beginning.
     */
    public long purge() {
        try (AeronArchive archive = AeronArchive.connect(archiveClient.clone());
                RecordingLog log = new RecordingLog(clusterFolder.toFile(), false)) {
            long recording = log.findLastTermRecordingId();
            long start = archive.getStartPosition(recording);
            List<Long> snapshots = snapshotPositions(log).toList();
            if (snapshots.size() < 2) {
                return start;
            }
            long kept = snapshots.get(snapshots.size() - 2);
            long base = AeronArchive.segmentFileBasePosition(start, kept, termBytes, segmentBytes(termBytes));
            if (base > start) {
                archive.purgeSegments(recording, base);
            }
            for (RecordingLog.Entry entry : log.entries()) {
                boolean isOld = entry.type == RecordingLog.ENTRY_TYPE_SNAPSHOT && entry.logPosition < kept;
                if (isOld && isThere(archive, entry.recordingId)) {
                    archive.purgeRecording(entry.recordingId);
                }
            }
            return Math.max(start, base);
        }
    }

    /** From which byte on this member has the log: 0 where it was never purged. */
    public long logStart() {
        try (AeronArchive archive = AeronArchive.connect(archiveClient.clone());
                RecordingLog log = new RecordingLog(clusterFolder.toFile(), false)) {
            return archive.getStartPosition(log.findLastTermRecordingId());
        }
    }

    /** Up to which byte the log was applied here. */
    public long logEnd() {
        return guarded.position();
    }

    /** Up to which byte the last snapshot goes; 0 where there is none. */
    public long lastSnapshot() {
        try (RecordingLog log = new RecordingLog(clusterFolder.toFile(), false)) {
            return snapshotPositions(log).reduce((earlier, later) -> later).orElse(0L);
        }
    }

    private static Stream<Long> snapshotPositions(RecordingLog log) {
        return log.entries().stream()
                .filter(entry -> entry.isValid && entry.type == RecordingLog.ENTRY_TYPE_SNAPSHOT)
                .map(entry -> entry.logPosition)
                .distinct()
                .sorted();
    }

    private static boolean isThere(AeronArchive archive, long recording) {
        return archive.listRecording(recording, (control, correlation, id, a, b, c, d, e, f, g, h, i, j, k, l, m) -> {})
                == 1;
    }

    /** Folder of this member's media driver, which other clients in the process may share. */
    public String aeronDirectory() {
        return aeronDirectory;
    }

    /** Asks for a snapshot; only the leader takes one, and has every member take it. */
    public boolean snapshot() {
        if (isEnding.get()
                || driver.consensusModule().context().controlToggleCounter().isClosed()) {
            return false;
        }
        return io.aeron.cluster.ClusterControl.ToggleState.SNAPSHOT.toggle(
                driver.consensusModule().context().controlToggleCounter());
    }

    /**
     * Whether this member leads. Told by the service: a counter's memory goes with Aeron's client, which ends by itself
     * when the process stalls, and whoever reads it then ends the JVM.
     */
    public boolean leads() {
        return guarded.leads();
    }

    /** Snapshots that are whole, of those that the log knows. */
    public long snapshots() {
        try (RecordingLog log = new RecordingLog(clusterFolder.toFile(), false)) {
            return snapshotPositions(log).count();
        }
    }

    @Override
    public void close() {
        CloseHelper.closeAll(driver.consensusModule(), container, driver, hosts, lock);
    }
}
