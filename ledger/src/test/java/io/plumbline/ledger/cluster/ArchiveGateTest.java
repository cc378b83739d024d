package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.archive.client.AeronArchive;
import io.aeron.archive.client.ArchiveException;
import io.aeron.driver.MediaDriver;
import io.aeron.security.CredentialsSupplier;
import io.aeron.security.NullCredentialsSupplier;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Ports;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The log and the snapshots of a full node are for the others only: whoever reaches its archive could read them, and
 * end them.
 */
class ArchiveGateTest {
    @TempDir
    private Path folder;

    private static AeronArchive archive(MediaDriver driver, String member, CredentialsSupplier credentials) {
        return AeronArchive.connect(new AeronArchive.Context()
                .aeronDirectoryName(driver.aeronDirectoryName())
                .controlRequestChannel("aeron:udp?endpoint=" + Member.archiveEndpoint(member))
                .controlResponseChannel("aeron:udp?endpoint=localhost:0")
                .messageTimeoutNs(TimeUnit.SECONDS.toNanos(10))
                .credentialsSupplier(credentials));
    }

    private static int recordings(AeronArchive archive) {
        return archive.listRecordings(0, 100, (control, correlation, id, a, b, c, d, e, f, g, h, i, j, k, l, m) -> {});
    }

    @Test
    void onlyFullNodesReachTheArchive() throws Exception {
        KeyPair full = KeyPair.random();
        Genesis genesis = new Genesis(List.of(full.publicKey()), List.of());
        String address = "localhost:" + Ports.free(Member.PORTS);
        Member.Place place = new Member.Place(0, List.of(address), folder.resolve("member"), full, genesis);
        Set<InetAddress> here = Set.of(InetAddress.getByName("localhost"));
        try (Member member = new Member(place, new LedgerService(genesis, (changed, node) -> {}), e -> {}, () -> {});
                MediaDriver driver = MediaDriver.launch(Drivers.context(folder.resolve("driver"), () -> here))) {
            List<CredentialsSupplier> strangers = List.of(
                    new NullCredentialsSupplier(),
                    new SessionKeys(KeyPair.random(), genesis.hash()),
                    new SessionKeys(full, Bytes32.ZERO),
                    new CredentialsSupplier() {
                        @Override
                        public byte[] encodedCredentials() {
                            return full.publicKey().bytes();
                        }

                        @Override
                        public byte[] onChallenge(byte[] challenge) {
                            return new byte[KeyPair.SIGNATURE_BYTES];
                        }
                    });
            for (CredentialsSupplier stranger : strangers) {
                String why = assertThrows(ArchiveException.class, () -> archive(driver, address, stranger))
                        .getMessage();
                assertTrue(why.contains("authentication rejected"), why);
            }
            try (AeronArchive archive = archive(driver, address, new SessionKeys(full, genesis.hash()))) {
                assertEquals(1, recordings(archive));
            }
            assertEquals(0, member.logStart());
        }
    }

    @Test
    void portsThatOthersThanFullNodesMayReachAreSeen() {
        for (String member :
                List.of("127.0.0.1:9", "10.1.2.3:9", "192.168.0.1:9", "172.16.0.1:9", "no such.invalid:9")) {
            assertEquals(List.of(), Member.openToAll(member));
        }
        assertEquals(List.of("198.51.100.7"), Member.openToAll("198.51.100.7:9"));
    }
}
