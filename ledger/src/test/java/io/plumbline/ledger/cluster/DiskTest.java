package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Ports;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One member and its disk: what is damaged is not served from, and the member does not linger; what is copied is as
 * good as the original.
 */
@Tag("slow")
class DiskTest {
    private static final int BONDS = 50;

    @TempDir
    Path folder;

    private final KeyPair full = KeyPair.random();
    private final KeyPair saver = KeyPair.random();
    private final Genesis genesis =
            new Genesis(List.of(full.publicKey()), List.of(new Genesis.Deposit(saver.publicKey(), 1_000)));
    private final ConcurrentLinkedQueue<String> errors = new ConcurrentLinkedQueue<>();
    private final CountDownLatch ended = new CountDownLatch(1);

    private String address;

    @BeforeEach
    void choose() throws IOException {
        address = "localhost:" + Ports.free(Member.PORTS);
    }

    private Member launch() {
        return launch(folder);
    }

    private Member launch(Path place) {
        return new Member(
                new Member.Place(0, List.of(address), place, full, genesis),
                new LedgerService(genesis, (changed, node) -> {}),
                e -> errors.add(String.valueOf(e.getMessage())),
                ended::countDown);
    }

    private LedgerClient client(Member member) {
        return new LedgerClient(
                new ClusterSequencer(
                        member.aeronDirectory(),
                        Member.ingressEndpoints(List.of(address)),
                        "localhost",
                        full,
                        genesis.hash()),
                saver,
                genesis.hash());
    }

    /** A member that lived, stored a snapshot on the way if asked, and ended. */
    private void live(boolean snapshot) throws Exception {
        Member member = launch();
        try (LedgerClient ledger = client(member)) {
            for (int i = 0; i < BONDS; i++) {
                assertTrue(ledger.submit(new Bond(1)).isApplied());
            }
            if (snapshot) {
                assertTrue(member.snapshot());
                while (member.snapshots() == 0) {
                    Thread.sleep(10);
                }
            }
        } finally {
            member.close();
        }
    }

    private void flip(boolean snapshots) throws IOException {
        int flipped = 0;
        try (Stream<Path> files = Files.list(folder.resolve("archive"))) {
            for (Path file : files.sorted(Comparator.naturalOrder()).toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".rec") && name.startsWith("0-") != snapshots) {
                    byte[] bytes = Files.readAllBytes(file);
                    for (int at = 0x40; at < bytes.length; at += 0x55) {
                        if (bytes[at] != 0) {
                            bytes[at] ^= 4;
                            flipped++;
                        }
                    }
                    Files.write(file, bytes);
                }
            }
        }
        assertTrue(flipped > 0);
    }

    @Test
    void whatIsWholeIsServedFromAgain() throws Exception {
        live(true);
        Member member = launch();
        try (LedgerClient ledger = client(member)) {
            assertEquals(BONDS, ledger.account(saver.publicKey()).stake());
        } finally {
            member.close();
        }
        assertEquals(1, ended.getCount());
        assertNull(errors.stream().filter(e -> !e.contains("WARN")).findAny().orElse(null));
    }

    @Test
    void aBackupOfAMemberThatRunsStartsAsThatMember() throws Exception {
        live(true);
        Path copy = folder.resolve("copy");
        Member member = launch();
        try (LedgerClient ledger = client(member)) {
            // Beyond the snapshot, so that there is some log to copy too.
            assertTrue(ledger.submit(new Bond(7)).isApplied());
            long position =
                    Backup.run(List.of(address), "localhost", copy, Drivers.TERM_BYTES, full, genesis.hash(), at -> {});
            assertTrue(position > 0);
            String why = assertThrows(
                            IOException.class,
                            () -> Backup.run(
                                    List.of(address),
                                    "localhost",
                                    copy,
                                    Drivers.TERM_BYTES,
                                    full,
                                    genesis.hash(),
                                    at -> {}))
                    .getMessage();
            assertTrue(why.contains("has no ledger"), why);
        } finally {
            member.close();
        }
        Member other = launch(copy);
        try (LedgerClient ledger = client(other)) {
            assertEquals(BONDS + 7, ledger.account(saver.publicKey()).stake());
            assertTrue(ledger.submit(new Bond(1)).isApplied());
        } finally {
            other.close();
        }
    }

    @Test
    void aDamagedSnapshotEndsTheMemberWithItsReason() throws Exception {
        live(true);
        flip(true);
        refuses();
    }

    @Test
    void aDamagedLogEndsTheMemberWithItsReason() throws Exception {
        live(false);
        flip(false);
        refuses();
    }

    private void refuses() throws InterruptedException {
        Member member = null;
        try {
            member = launch();
            assertTrue(ended.await(120, TimeUnit.SECONDS), "it lingers; it said " + errors);
        } catch (RuntimeException e) {
            errors.add(e.getMessage());
        } finally {
            if (member != null) {
                member.close();
            }
        }
        assertTrue(errors.stream().anyMatch(e -> e.contains("damaged") || e.contains("hecksum")), errors.toString());
    }
}
