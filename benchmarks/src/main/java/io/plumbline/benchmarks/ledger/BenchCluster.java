package io.plumbline.benchmarks.ledger;

import io.aeron.cluster.service.ClusteredService;
import io.aeron.driver.MediaDriver;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Ports;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import org.agrona.CloseHelper;

/** A cluster on this machine, with any service: the ledger's and the peer's differ in nothing else. */
final class BenchCluster implements AutoCloseable {
    /** On disk before it is acknowledged. */
    static final int FSYNC_LEVEL = 1;

    private final Path folder;
    private final Bytes32 genesisHash;
    private final List<KeyPair> fullNodes;
    private final int termBytes;
    private final List<String> addresses = new ArrayList<>();
    private final List<Member> members = new ArrayList<>();
    private final MediaDriver driver;

    /**
     * @param parent on the disk that is measured.
     * @param fullNodes keys of the members, which alone may open sessions.
     */
    BenchCluster(Path parent, Bytes32 genesisHash, List<KeyPair> fullNodes, IntFunction<ClusteredService> services)
            throws IOException {
        this(parent, genesisHash, fullNodes, services, Drivers.TERM_BYTES);
    }

    /** @param termBytes of the log, see {@link Member.Place}. */
    BenchCluster(
            Path parent,
            Bytes32 genesisHash,
            List<KeyPair> fullNodes,
            IntFunction<ClusteredService> services,
            int termBytes)
            throws IOException {
        this.termBytes = termBytes;
        this.genesisHash = genesisHash;
        this.fullNodes = fullNodes;
        int size = fullNodes.size();
        folder = Files.createTempDirectory(Files.createDirectories(parent), "cluster-");
        int port = Ports.free(size * Member.PORTS);
        for (int i = 0; i < size; i++) {
            addresses.add("localhost:" + (port + i * Member.PORTS));
        }
        Set<InetAddress> here = Set.of(InetAddress.getByName("localhost"));
        driver = MediaDriver.launch(Drivers.context(folder.resolve("client"), () -> here));
        for (int i = 0; i < size; i++) {
            members.add(new Member(place(i), services.apply(i), e -> {}, () -> {}));
        }
    }

    /** Where a member stands. */
    Member.Place place(int i) {
        return new Member.Place(
                i,
                addresses,
                folder.resolve("member" + i),
                FSYNC_LEVEL,
                termBytes,
                fullNodes.get(i),
                genesisHash,
                fullNodes.stream().map(KeyPair::publicKey).toList(),
                System::currentTimeMillis);
    }

    /** Starts a member that was ended. */
    void start(int i, ClusteredService service) {
        members.set(i, new Member(place(i), service, e -> {}, () -> {}));
    }

    int size() {
        return members.size();
    }

    /** Of a media driver that reaches the members. */
    String aeronDirectory() {
        return driver.aeronDirectoryName();
    }

    String ingressEndpoints() {
        return Member.ingressEndpoints(addresses);
    }

    /** The member that leads, as soon as one does. */
    int leader() throws InterruptedException {
        while (true) {
            for (int i = 0; i < members.size(); i++) {
                if (members.get(i).leads()) {
                    return i;
                }
            }
            Thread.sleep(5);
        }
    }

    Member member(int place) {
        return members.get(place);
    }

    /** Ends a member as it stands. */
    void end(int place) {
        members.get(place).close();
    }

    @Override
    public void close() throws IOException {
        members.forEach(CloseHelper::quietClose);
        CloseHelper.quietClose(driver);
        Directories.delete(folder);
    }
}
