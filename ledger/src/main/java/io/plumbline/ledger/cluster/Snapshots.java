package io.plumbline.ledger.cluster;

import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.Publication;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The ledger's state as a snapshot: length, hash and state root, then the bytes. A damaged recording may replay as an
 * empty one, or as other bytes: what does not match in all three is refused, and the member does not start with it.
 */
public final class Snapshots {
    private static final int HEADER_BYTES = 8 + 32 + 32;
    private static final int CHUNK_BYTES = 16 << 10;
    /** What an operator does about a damaged disk. */
    static final String ADVICE =
            "It was not served from, and nothing was changed. Empty this member's folder but for the file"
                    + " \"votes\" and start it again: it gets all from the others. Where only a snapshot is damaged,"
                    + " `plumbline ledger invalidate-snapshot` has it start from an older one or from the log.";

    private Snapshots() {}

    static byte[] encode(LedgerState state) {
        byte[] body = state.encode();
        return ByteBuffer.allocate(Math.addExact(HEADER_BYTES, body.length))
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(body.length)
                .put(Blake3.hash(body))
                .put(state.root())
                .put(body)
                .array();
    }

    /**
     * Reads a snapshot.
     *
     * @throws IllegalStateException where it is damaged, or gives another root in this build.
     * @throws io.plumbline.verifier.encoding.CanonicalReader.MalformedException where it is of another ledger than
     *     {@code genesis}, or of a form that this build does not know.
     */
    public static LedgerState decode(Genesis genesis, byte[] all) {
        if (all.length < HEADER_BYTES) {
            throw new IllegalStateException(
                    "The ledger's snapshot has " + all.length + " bytes: it is damaged. " + ADVICE);
        }
        ByteBuffer in = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        long length = in.getLong();
        byte[] hash = new byte[32];
        byte[] root = new byte[32];
        in.get(hash).get(root);
        byte[] body = Arrays.copyOfRange(all, HEADER_BYTES, all.length);
        if (length != body.length || !Arrays.equals(hash, Blake3.hash(body))) {
            throw new IllegalStateException("The ledger's snapshot of " + all.length
                    + " bytes does not match its own length and hash: it is damaged. " + ADVICE);
        }
        LedgerState state = LedgerState.decode(genesis, body);
        if (!Arrays.equals(root, state.root())) {
            throw new IllegalStateException(
                    "The ledger's snapshot gives another state root than it says: this build is not the one that wrote it. "
                            + ADVICE);
        }
        return state;
    }

    /** BLAKE3 of the encoded state in a snapshot that was decoded, or has just been encoded. */
    public static Bytes32 hash(byte[] all) {
        return Bytes32.of(Arrays.copyOfRange(all, Long.BYTES, Long.BYTES + Bytes32.BYTES));
    }

    static byte[] read(Image snapshot, IdleStrategy idle) {
        List<byte[]> parts = new ArrayList<>();
        while (!snapshot.isEndOfStream()) {
            int fragments = snapshot.poll(
                    (buffer, offset, length, header) -> {
                        byte[] part = new byte[length];
                        buffer.getBytes(offset, part);
                        parts.add(part);
                    },
                    64);
            idle.idle(fragments);
        }
        ByteBuffer all =
                ByteBuffer.allocate(parts.stream().mapToInt(part -> part.length).reduce(0, Math::addExact));
        parts.forEach(all::put);
        return all.array();
    }

    static void write(byte[] all, ExclusivePublication publication, IdleStrategy idle) {
        UnsafeBuffer buffer = new UnsafeBuffer(all);
        int chunk = Math.min(CHUNK_BYTES, publication.maxPayloadLength());
        for (int at = 0; at < all.length; ) {
            int length = Math.min(chunk, all.length - at);
            long result = publication.offer(buffer, at, length);
            if (result > 0) {
                at += length;
            } else if (result == Publication.CLOSED || result == Publication.MAX_POSITION_EXCEEDED) {
                throw new IllegalStateException(
                        "The snapshot could not be written: " + Publication.errorString(result) + ".");
            } else {
                idle.idle();
            }
        }
    }
}
