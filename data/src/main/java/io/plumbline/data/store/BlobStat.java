package io.plumbline.data.store;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A blob's entry in the catalog.
 *
 * @param bytes of the blob; its outboard has a 256th more.
 * @param storedMs when it became whole, in milliseconds of UTC.
 * @param verifiedMs when all of it was last compared with its id.
 * @param isDamaged whether some of it was found to be other bytes; it is not served until those are replaced.
 * @param pins names of what it is kept for; without one it may be collected.
 */
public record BlobStat(
        Bytes32 id, long bytes, long storedMs, long verifiedMs, boolean isDamaged, SortedSet<String> pins) {
    /** Most pins of a blob, and characters of one: a catalog's entry stays small. */
    public static final int MOST_PINS = 64;

    public static final int MOST_PIN_CHARACTERS = 128;

    public BlobStat {
        pins = new TreeSet<>(pins);
    }

    byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putLong(bytes)
                .putLong(storedMs)
                .putLong(verifiedMs)
                .putInt(isDamaged ? 1 : 0)
                .putInt(pins.size());
        pins.forEach(out::putText);
        return out.toBytes();
    }

    static BlobStat decode(Bytes32 id, byte[] encoded) {
        CanonicalReader in = new CanonicalReader(encoded, "catalog entry");
        long bytes = in.getLong("bytes");
        long storedMs = in.getLong("stored");
        long verifiedMs = in.getLong("verified");
        boolean isDamaged = in.getInt("damaged") == 1;
        SortedSet<String> pins = new TreeSet<>();
        for (int n = in.getInt("pins"); n > 0; n--) {
            pins.add(in.getText("pin"));
        }
        in.end();
        return new BlobStat(id, bytes, storedMs, verifiedMs, isDamaged, pins);
    }

    BlobStat damaged(boolean damaged, long nowMs) {
        return new BlobStat(id, bytes, storedMs, nowMs, damaged, pins);
    }

    BlobStat pinned(SortedSet<String> newPins) {
        return new BlobStat(id, bytes, storedMs, verifiedMs, isDamaged, newPins);
    }
}
