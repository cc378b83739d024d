package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;

/**
 * A feed's latest value as a quorum of a ledger's full nodes has certified it, fresh enough to be used.
 *
 * @param entry certified, with its block.
 * @param feed that the entry holds; its value is there.
 */
public record FeedProof(CertifiedEntry entry, CertifiedFeed feed) {
    /** Most bytes of an encoded proof: several times what the longest has. */
    public static final int MAX_BYTES = 1 << 18;

    /**
     * Decodes and checks a proof.
     *
     * @param bytes an encoded {@link CertifiedEntry}.
     * @param ledger that is trusted, with its full nodes.
     * @param feed id of the feed that is meant, 32 bytes.
     * @param nowMs the verifier's clock, in ms since 1970: a full node may show an old block, whose own time cannot say
     *     so. Where there is no clock, the time of the newest block that is known.
     * @throws ProofRefusedException naming the first check that does not hold.
     */
    public static FeedProof check(byte[] bytes, TrustedLedger ledger, Bytes32 feed, long nowMs)
            throws ProofRefusedException {
        try {
            CertifiedEntry entry = CertifiedEntry.checked(bytes, MAX_BYTES, ledger);
            String what = entry.kind() + " " + entry.id();
            if (entry.kind() != Kind.DECLARED_FEED) {
                throw new ProofRefusedException(ProofCheck.KIND, "it is about no feed: " + what);
            }
            if (entry.value() == null) {
                throw new ProofRefusedException(ProofCheck.ABSENT, "it is about no feed: there is no " + what);
            }
            CertifiedFeed declared = CertifiedFeed.decode(entry.value());
            if (!entry.id().equals(declared.id()) || !feed.equals(declared.id())) {
                throw new ProofRefusedException(
                        ProofCheck.FEED, "under " + what + " stands feed " + declared.id() + ", asked for was " + feed);
            }
            return new FeedProof(
                    entry, fresh(declared, Math.max(nowMs, entry.header().timeMs())));
        } catch (MalformedException e) {
            throw new ProofRefusedException(ProofCheck.MALFORMED, e.getMessage());
        }
    }

    private static CertifiedFeed fresh(CertifiedFeed feed, long nowMs) throws ProofRefusedException {
        if (feed.latest() == null) {
            throw new ProofRefusedException(
                    ProofCheck.NO_VALUE, "no round of feed " + feed.name() + " had a value yet");
        }
        long ageMs = nowMs - feed.latest().timeMs();
        if (ageMs > feed.maxAgeMs()) {
            throw new ProofRefusedException(
                    ProofCheck.STALE,
                    "the value of feed " + feed.name() + " is " + ageMs + " ms old, and may be used for "
                            + feed.maxAgeMs() + " ms");
        }
        return feed;
    }
}
