package io.plumbline.transport;

import io.plumbline.verifier.receipt.KeyPair;
import java.nio.ByteBuffer;
import java.util.List;
import javax.net.ssl.SSLException;

/**
 * The first records of a session, which a stranger sends before anything is known of it, for tests that feed them to
 * whoever is called on.
 */
public final class TlsWire {
    private static final KeyPair KEYS = KeyPair.random();
    private static final Identity IDENTITY =
            new Identity(KEYS::sign, KEYS.publicKey().bytes());

    private TlsWire() {}

    /** A first frame as it should be. */
    public static List<byte[]> frames() {
        try {
            TlsLink link = IDENTITY.to(KEYS.publicKey().bytes());
            link.begin();
            ByteBuffer records = link.records();
            byte[] frame = new byte[records.remaining()];
            records.get(frame);
            return List.of(frame);
        } catch (SSLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What is done with a stranger's first frame. */
    public static void parse(byte[] bytes) throws SSLException {
        TlsLink link = IDENTITY.from();
        link.open(ByteBuffer.wrap(bytes), ByteBuffer.allocate(Peer.frameBytes()));
        if (link.isOpen()) {
            throw new IllegalStateException("A session is open after one frame.");
        }
        link.records();
    }
}
