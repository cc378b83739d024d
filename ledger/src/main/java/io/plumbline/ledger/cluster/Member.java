package io.plumbline.ledger.cluster;

import io.aeron.archive.Archive;
import io.aeron.archive.ArchiveThreadingMode;
import io.aeron.archive.client.AeronArchive;
import io.aeron.cluster.ClusteredMediaDriver;
import io.aeron.cluster.ConsensusModule;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.cluster.service.ClusteredServiceContainer;
import io.aeron.driver.MediaDriver;
import io.plumbline.transport.Drivers;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;

/** One member of the ledger's cluster: media driver, archive, consensus and the service, in this process. */
public final class Member implements AutoCloseable {
    /** Ports that a member uses, from its first one: client, member, log, catch-up, archive. */
    public static final int PORTS = 5;

    private static final int SEGMENT_BYTES = 16 << 20;

    /** Longest wait for the mark files of a process that was killed. */
    private static final long STALE_NS = TimeUnit.SECONDS.toNanos(20);

    /** Without a sign of life from the leader for so long another one is elected: a pause of two cores at work is shorter. */
    private static final long HEARTBEAT_TIMEOUT_MS = 1_000;

    private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(500);

    private final ClusteredMediaDriver driver;
    private final ClusteredServiceContainer container;
    private final String aeronDirectory;

    /**
     * @param id index in {@code members}.
     * @param members host of each and its first port, as "host:port".
     * @param folder for log, snapshots and driver files; made if absent.
     * @param fsyncLevel 0: page cache of a majority; 1: on disk.
     * @param genesisHash of the ledger, which whoever opens a session must know.
     * @param errors hears what goes wrong inside.
     * @param onEnd called when it cannot go on, by a thread of its own: the process should end then rather than linger.
     */
    public Member(
            int id,
            List<String> members,
            Path folder,
            int fsyncLevel,
            byte[] genesisHash,
            ClusteredService service,
            ErrorHandler errors,
            Runnable onEnd) {
        aeronDirectory = folder.resolve("driver").toString();
        Runnable end = () -> Thread.ofPlatform().name("ledger-end").start(onEnd);
        Path archiveFolder = folder.resolve("archive");
        Path clusterFolder = folder.resolve("cluster");
        String host = host(members.get(id));
        AeronArchive.Context archiveClient = new AeronArchive.Context()
                .lock(org.agrona.concurrent.NoOpLock.INSTANCE)
                .controlRequestChannel("aeron:ipc?term-length=64k")
                .controlResponseChannel("aeron:ipc?term-length=64k")
                .aeronDirectoryName(aeronDirectory);
        Archive.Context archive = new Archive.Context()
                .aeronDirectoryName(aeronDirectory)
                .archiveDir(archiveFolder.toFile())
                .controlChannel("aeron:udp?endpoint=" + host + ":" + port(members.get(id), 4))
                .replicationChannel("aeron:udp?endpoint=" + host + ":0")
                .localControlChannel("aeron:ipc?term-length=64k")
                .recordingEventsEnabled(false)
                .threadingMode(ArchiveThreadingMode.SHARED)
                .idleStrategySupplier(Drivers::idle)
                .segmentFileLength(SEGMENT_BYTES)
                .fileSyncLevel(fsyncLevel)
                .catalogFileSyncLevel(fsyncLevel)
                .errorHandler(errors);
        ConsensusModule.Context consensus = new ConsensusModule.Context()
                .aeronDirectoryName(aeronDirectory)
                .clusterDir(clusterFolder.toFile())
                .clusterMemberId(id)
                .clusterMembers(membersString(members))
                .ingressChannel("aeron:udp?term-length=1m")
                .logChannel("aeron:udp?term-length=" + Drivers.TERM_BYTES)
                .replicationChannel("aeron:udp?endpoint=" + host + ":0")
                .archiveContext(archiveClient.clone())
                .fileSyncLevel(fsyncLevel)
                .idleStrategySupplier(Drivers::idle)
                .startupCanvassTimeoutNs(TimeUnit.SECONDS.toNanos(5))
                .leaderHeartbeatTimeoutNs(TimeUnit.MILLISECONDS.toNanos(HEARTBEAT_TIMEOUT_MS))
                .leaderHeartbeatIntervalNs(TimeUnit.MILLISECONDS.toNanos(HEARTBEAT_TIMEOUT_MS / 10))
                .electionTimeoutNs(TimeUnit.MILLISECONDS.toNanos(HEARTBEAT_TIMEOUT_MS / 2))
                .sessionTimeoutNs(TimeUnit.SECONDS.toNanos(10))
                .maxConcurrentSessions(256)
                .authenticatorSupplier(() -> new SessionKeys.Door(genesisHash))
                .errorHandler(errors)
                .terminationHook(end);
        ClusteredServiceContainer.Context serviceContext = new ClusteredServiceContainer.Context()
                .aeronDirectoryName(aeronDirectory)
                .archiveContext(archiveClient.clone())
                .clusterDir(clusterFolder.toFile())
                .clusteredService(service)
                .idleStrategySupplier(Drivers::idle)
                .errorHandler(errors)
                .terminationHook(end);
        driver = launch(
                () -> Drivers.context(folder.resolve("driver"))
                        .errorHandler(errors)
                        .terminationHook(end),
                archive,
                consensus);
        try {
            container = ClusteredServiceContainer.launch(serviceContext);
        } catch (RuntimeException e) {
            CloseHelper.quietClose(driver);
            throw e;
        }
    }

    /**
     * A process that was killed leaves mark files that say it lives, for up to ten seconds: who comes right after it waits for them to go stale. Contexts are used
     * once, hence the copies.
     */
    private static ClusteredMediaDriver launch(
            Supplier<MediaDriver.Context> media, Archive.Context archive, ConsensusModule.Context consensus) {
        long end = System.nanoTime() + STALE_NS;
        while (true) {
            try {
                return ClusteredMediaDriver.launch(media.get(), archive.clone(), consensus.clone());
            } catch (RuntimeException e) {
                if (!isTakenForAlive(e) || System.nanoTime() > end) {
                    throw e;
                }
                LockSupport.parkNanos(RETRY_NS);
            }
        }
    }

    private static boolean isTakenForAlive(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT).contains("active mark file")) {
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

    /** What a client needs to reach the members: "0=host:port,1=host:port". */
    public static String ingressEndpoints(List<String> members) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < members.size(); i++) {
            text.append(i == 0 ? "" : ",").append(i).append('=').append(members.get(i));
        }
        return text.toString();
    }

    /** Folder of this member's media driver, which other clients in the process may share. */
    public String aeronDirectory() {
        return aeronDirectory;
    }

    /** Asks for a snapshot; only the leader takes one, and has every member take it. */
    public boolean snapshot() {
        return io.aeron.cluster.ClusterControl.ToggleState.SNAPSHOT.toggle(
                driver.consensusModule().context().controlToggleCounter());
    }

    public boolean leads() {
        return container.context().clusterId() >= 0
                && driver.consensusModule().context().clusterNodeRoleCounter().get()
                        == io.aeron.cluster.service.Cluster.Role.LEADER.code();
    }

    /** Snapshots taken since the log began. */
    public long snapshots() {
        return driver.consensusModule().context().snapshotCounter().get();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(driver.consensusModule(), container, driver);
    }
}
