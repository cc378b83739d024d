package io.plumbline.transport;

import java.nio.ByteBuffer;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLEngineResult.Status;
import javax.net.ssl.SSLException;

/** One side of TLS 1.3 over something that carries whole frames in order: each holds whole records. Single-threaded. */
public final class TlsLink {
    /** What a record adds to its bytes, and more. */
    private static final int RECORD_OVERHEAD = 64;

    private static final int RECORD_HEADER_BYTES = 5;

    /**
     * Records without content that the other side may send: those of its handshake, and a few more. Each may cost a
     * change of keys and an answer, so a stranger could keep this thread busy by them.
     */
    static final int MAX_SILENT_RECORDS = 32;

    /** One more for each so many bytes of content. JDK's TLS changes keys after 128 GiB. */
    private static final int SILENT_RECORD_PER_BYTES = 16 << 20;

    private static final byte HANDSHAKE = 22;

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    final SSLEngine engine;
    private final int recordBytes;
    private long silentRecords;
    private long contentBytes;

    /** Records of the handshake that wait to be sent, for reading. */
    private ByteBuffer waiting = NOTHING;

    private boolean isOpen;

    TlsLink(SSLEngine engine) {
        this.engine = engine;
        this.recordBytes = engine.getSession().getPacketBufferSize();
    }

    /** Bytes of a buffer into which {@code plainBytes} can be sealed, or out of which they can be opened. */
    public static int sealedBytes(int plainBytes) {
        int records = plainBytes / (16 << 10) + 2;
        return plainBytes + records * RECORD_OVERHEAD + (32 << 10);
    }

    /** Whether these may begin a handshake: one or more records of it (RFC 8446 section 5.1). */
    static boolean isHandshake(byte[] records) {
        return records.length > RECORD_HEADER_BYTES && records[0] == HANDSHAKE && records[1] == 3;
    }

    /** Whether both sides have shown who they are. */
    public boolean isOpen() {
        return isOpen;
    }

    /** Begins the handshake: the first records are there to be sent. */
    public void begin() throws SSLException {
        engine.beginHandshake();
    }

    /** The other side's Ed25519 key, once this is open. */
    byte[] peerKey() throws SSLException {
        try {
            return Identity.key((X509Certificate) engine.getSession().getPeerCertificates()[0]);
        } catch (CertificateException e) {
            throw new SSLException(e.getMessage(), e);
        }
    }

    /** Records of its own that must be sent now; none most of the time. */
    public ByteBuffer records() throws SSLException {
        work();
        ByteBuffer records = waiting;
        waiting = NOTHING;
        return records;
    }

    /**
     * Opens the records of a frame.
     *
     * @param plain takes what was inside.
     * @return false where the other side has ended the session.
     * @throws SSLException where they are not what the other side sealed next, it is not who was expected, or it sends
     *     records without content for no end.
     */
    public boolean open(ByteBuffer frame, ByteBuffer plain) throws SSLException {
        work();
        while (frame.hasRemaining()) {
            int before = frame.remaining();
            HandshakeStatus was = engine.getHandshakeStatus();
            SSLEngineResult result = engine.unwrap(frame, plain);
            note(result);
            count(result);
            work();
            if (result.getStatus() == Status.CLOSED) {
                return false;
            }
            if (result.getStatus() != Status.OK || frame.remaining() == before && was == engine.getHandshakeStatus()) {
                throw new SSLException("a frame does not hold whole records");
            }
        }
        return true;
    }

    /** Before anything is answered: so what waits to be sent is bounded too. */
    private void count(SSLEngineResult result) throws SSLException {
        contentBytes += result.bytesProduced();
        if (result.bytesConsumed() > 0 && result.bytesProduced() == 0) {
            silentRecords++;
        }
        if (silentRecords > MAX_SILENT_RECORDS + contentBytes / SILENT_RECORD_PER_BYTES) {
            throw new SSLException("it has sent " + silentRecords + " records without content");
        }
    }

    /** Seals a message into {@code frame}; only when this is open. */
    public void seal(ByteBuffer message, ByteBuffer frame) throws SSLException {
        while (message.hasRemaining()) {
            int before = frame.position();
            SSLEngineResult result = engine.wrap(message, frame);
            if (result.getStatus() != Status.OK || frame.position() == before) {
                throw new SSLException("a message cannot be sealed: " + result.getStatus());
            }
        }
    }

    /** Ends this side; what is to be sent is among {@link #records} then. */
    void close() {
        engine.closeOutbound();
    }

    private void note(SSLEngineResult result) {
        isOpen |= result.getHandshakeStatus() == HandshakeStatus.FINISHED;
    }

    private void work() throws SSLException {
        while (true) {
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> engine.getDelegatedTask().run();
                case NEED_WRAP -> {
                    ByteBuffer more = ByteBuffer.allocate(waiting.remaining() + recordBytes);
                    more.put(waiting);
                    SSLEngineResult result = engine.wrap(NOTHING, more);
                    waiting = more.flip();
                    note(result);
                    if (result.bytesProduced() == 0) {
                        return;
                    }
                }
                default -> {
                    return;
                }
            }
        }
    }
}
