package io.plumbline.node.gateway;

import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import java.io.IOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Whose fault it is where a full node says that an escrow is there, and the node that it is for says that it is not: a
 * quorum's word tells. By one of the two alone a node could have a gateway turn away from an honest full node, or a
 * full node from an honest node. Any thread may call.
 */
final class MissingEscrows {
    /** Looks under way at most: each took a fee to begin, and one more changes little. */
    private static final int AT_ONCE = 16;

    private static final int LOOKS = 5;

    private final CertifiedSettlements certified;
    private final long lookMs;
    private final Semaphore room = new Semaphore(AT_ONCE);

    /** @param lookMs between two looks: a block is signed sooner. */
    MissingEscrows(CertifiedSettlements certified, long lookMs) {
        this.certified = certified;
        this.lookMs = lookMs;
    }

    /**
     * Looks, on a thread of its own.
     *
     * @param by the full node that said that it is there; distrusted where none was certified.
     * @param isThere run where it was.
     */
    void look(Bytes32 request, int by, Runnable isThere) {
        if (room.tryAcquire()) {
            Thread.ofVirtual().name("missing-escrow").start(() -> {
                try {
                    if (wasCertified(request)) {
                        isThere.run();
                    } else {
                        certified.ledger().distrust(by);
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                } finally {
                    room.release();
                }
            });
        }
    }

    private boolean wasCertified(Bytes32 request) throws InterruptedException {
        for (int i = 0; i < LOOKS; i++) {
            TimeUnit.MILLISECONDS.sleep(lookMs);
            try {
                CertifiedEntry entry = certified.find(request);
                if (entry != null && entry.value() != null) {
                    return true;
                }
            } catch (IOException e) {
                // The next look is at another full node.
            }
        }
        return false;
    }
}
