package io.plumbline.ledger.cluster;

import io.plumbline.transport.Media;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;

/**
 * Makes a full node whose disk is new able to join: a member gets the whole log from the others by itself, but where
 * they have dropped its beginning it needs a snapshot first.
 */
public final class Rejoin {
    /** Full nodes that run answer in milliseconds; in a network that is new nobody does. */
    private static final long ASK_NS = TimeUnit.SECONDS.toNanos(2);

    private Rejoin() {}

    /**
     * Copies snapshot and log from the others, where a folder holds no ledger and their logs do not begin at the
     * beginning any more.
     *
     * @param place of the member that is to start; only its folder is written to.
     * @param host address at which the others reach this process.
     * @param ingresses of all full nodes.
     * @param progress told of the log position reached, now and then, if anything is copied.
     * @return log position up to which was copied; 0 where there was no need.
     */
    public static long prepare(Member.Place place, String host, List<IngressAddress> ingresses, LongConsumer progress)
            throws IOException {
        Backup.finish(place.folder());
        if (Backup.ledgerIn(place.folder()) != null) {
            return 0;
        }
        return haveOthersPurged(place.folder(), host, place.keys(), ingresses)
                ? Backup.run(
                        place.members(),
                        host,
                        place.folder(),
                        place.termBytes(),
                        place.keys(),
                        place.genesisHash(),
                        progress)
                : 0;
    }

    private static boolean haveOthersPurged(Path folder, String host, KeyPair keys, List<IngressAddress> ingresses)
            throws IOException {
        List<IngressAddress> others = ingresses.stream()
                .filter(ingress -> !ingress.key().equals(keys.publicKey()))
                .toList();
        Path driver = Files.createDirectories(folder).resolve("asking");
        try (Media asking = new Media(driver, e -> {}, () -> {});
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            String aeron = asking.directory();
            List<CompletableFuture<Boolean>> answers = others.stream()
                    .map(ingress -> CompletableFuture.supplyAsync(() -> hasPurged(aeron, host, keys, ingress), threads))
                    .toList();
            long purged = answers.stream()
                    .map(CompletableFuture::join)
                    .filter(Boolean::booleanValue)
                    .count();
            // One more than may lie: a ledger that begins has nothing that could be copied.
            return purged > Certificate.mostLiars(ingresses.size());
        }
    }

    private static boolean hasPurged(String driver, String host, KeyPair keys, IngressAddress ingress) {
        try (RemoteSequencer asked = new RemoteSequencer(driver, host, keys, List.of(ingress), ASK_NS)) {
            return asked.logStart() > 0;
        } catch (IOException e) {
            // Who does not answer says nothing of its log.
            return false;
        }
    }
}
