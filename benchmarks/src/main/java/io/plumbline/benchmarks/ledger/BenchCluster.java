package io.plumbline.benchmarks.ledger;

import io.aeron.cluster.service.ClusteredService;
import io.aeron.driver.MediaDriver;
import io.plumbline.inference.model.Folders;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.transport.Drivers;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.agrona.CloseHelper;

/** A cluster on this machine, with any service: the ledger's and the peer's differ in nothing else. */
final class BenchCluster implements AutoCloseable {
    /** On disk before it is acknowledged. */
    static final int FSYNC_LEVEL = 1;

    private final Path folder;
    private final List<String> addresses = new ArrayList<>();
    private final List<Member> members = new ArrayList<>();
    private final MediaDriver driver;

    /** @param parent on the disk that is measured. */
    BenchCluster(Path parent, int size, byte[] genesisHash, IntFunction<ClusteredService> services) throws IOException {
        folder = Files.createTempDirectory(Files.createDirectories(parent), "cluster-");
        int port = freePorts(size * Member.PORTS);
        for (int i = 0; i < size; i++) {
            addresses.add("localhost:" + (port + i * Member.PORTS));
        }
        driver = MediaDriver.launch(Drivers.context(folder.resolve("client")));
        for (int i = 0; i < size; i++) {
            members.add(new Member(
                    new Member.Place(i, addresses, folder.resolve("member" + i), genesisHash),
                    services.apply(i),
                    e -> {},
                    () -> {}));
        }
    }

    private static int freePorts(int count) throws IOException {
        for (int base = 30_000; base < 60_000; base += count) {
            boolean free = true;
            for (int i = 0; i < count && free; i++) {
                try (DatagramSocket socket = new DatagramSocket(null)) {
                    socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), base + i));
                } catch (java.net.BindException e) {
                    free = false;
                }
            }
            if (free) {
                return base;
            }
        }
        throw new IOException("No " + count + " free UDP ports in a row were found above 30000.");
    }

    String aeronDirectory() {
        return driver.aeronDirectoryName();
    }

    String ingressEndpoints() {
        return Member.ingressEndpoints(addresses);
    }

    Member leader() throws InterruptedException {
        while (true) {
            for (Member member : members) {
                if (member.leads()) {
                    return member;
                }
            }
            Thread.sleep(5);
        }
    }

    /** Ends a member as it stands. */
    void remove(Member member) {
        members.remove(member);
        member.close();
    }

    @Override
    public void close() throws IOException {
        members.forEach(CloseHelper::quietClose);
        CloseHelper.quietClose(driver);
        Folders.delete(folder);
    }
}
