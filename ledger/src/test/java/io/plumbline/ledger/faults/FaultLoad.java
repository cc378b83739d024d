package io.plumbline.ledger.faults;

import io.aeron.driver.MediaDriver;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.RemoteSequencer;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.transport.Drivers;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A client in a process of its own: stakes one unit after the other, and counts what was acknowledged and what nobody
 * answered for.
 */
final class FaultLoad {
    static final KeyPair SAVER = new KeyPair(Blake3.hash(new byte[] {9}));
    private static final long PAUSE_MS = 3;

    private static volatile boolean paused;
    private static volatile boolean isIdle;
    private static long acknowledged;
    private static long unknown;

    private FaultLoad() {}

    /** Arguments: genesis file, members, own host, folder. */
    public static void main(String[] arguments) throws Exception {
        Genesis genesis = Genesis.decode(Files.readAllBytes(Path.of(arguments[0])));
        List<String> members = List.of(arguments[1].split(","));
        MediaDriver driver = MediaDriver.launch(Drivers.context(Path.of(arguments[3])));
        List<IngressAddress> ingresses = FaultMember.ingresses(members, genesis);
        LedgerClient ledger = new LedgerClient(
                new RemoteSequencer(driver.aeronDirectoryName(), arguments[2], SAVER, ingresses),
                SAVER,
                genesis.hash());
        Thread.ofPlatform().daemon().start(() -> load(ledger));
        System.out.println("started");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order; (order = in.readLine()) != null; ) {
            switch (order) {
                case "pause" -> {
                    paused = true;
                    while (!isIdle) {
                        Thread.sleep(5);
                    }
                    say();
                }
                case "go" -> {
                    paused = false;
                    System.out.println("going");
                }
                default -> say();
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void say() {
        synchronized (FaultLoad.class) {
            System.out.println("counted " + acknowledged + " " + unknown);
        }
    }

    private static void load(LedgerClient ledger) {
        while (true) {
            isIdle = paused;
            try {
                if (paused) {
                    Thread.sleep(PAUSE_MS);
                    continue;
                }
                LedgerClient.Outcome outcome = ledger.submit(new Bond(1));
                synchronized (FaultLoad.class) {
                    acknowledged += outcome.isApplied() ? 1 : 0;
                }
                Thread.sleep(PAUSE_MS);
            } catch (IOException e) {
                synchronized (FaultLoad.class) {
                    unknown++;
                }
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}
