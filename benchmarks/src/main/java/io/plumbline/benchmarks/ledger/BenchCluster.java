package io.plumbline.benchmarks.ledger;

import io.aeron.cluster.service.ClusteredService;
import io.aeron.driver.MediaDriver;
import io.plumbline.inference.model.Folders;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Ports;
import java.io.IOException;
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
        int port = Ports.free(size * Member.PORTS);
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
