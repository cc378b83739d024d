package io.plumbline.benchmarks.jmh;

import io.plumbline.transport.Identity;
import io.plumbline.transport.TlsLink;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Messages of an encrypted session sealed and opened, beside the cipher alone, and its handshake. Records are counted,
 * so one that is opened must have been sealed just before: both are one operation, of which either side pays about
 * half.
 */
public class SessionSuite extends Suite {
    private static final int TAG_BITS = 128;
    private static final int NONCE_BYTES = 12;

    @Param({"64", "1024", "65536"})
    private int bytes;

    private final KeyPair keys = new KeyPair(bytes(32, 1));
    private final Identity identity = new Identity(keys::sign, keys.publicKey().bytes());
    private final SecretKeySpec cipherKey = new SecretKeySpec(bytes(16, 2), "AES");
    private TlsLink caller;
    private TlsLink called;
    private ByteBuffer message;
    private ByteBuffer frame;
    private ByteBuffer plain;
    private Cipher sealing;
    private Cipher opening;
    private long nonce;

    /** Opens a session. */
    @Setup
    public void prepare() throws GeneralSecurityException, SSLException {
        message = ByteBuffer.wrap(bytes(bytes, 3));
        frame = ByteBuffer.allocate(TlsLink.sealedBytes(bytes));
        plain = ByteBuffer.allocate(TlsLink.sealedBytes(bytes));
        sealing = Cipher.getInstance("AES/GCM/NoPadding");
        opening = Cipher.getInstance("AES/GCM/NoPadding");
        handshake();
        if (!sealAndOpen().flip().equals(message.clear())
                || !cipherAlone().flip().equals(message.clear())) {
            throw new IllegalStateException("What was opened is not what was sealed.");
        }
    }

    @Benchmark
    public ByteBuffer sealAndOpen() throws SSLException {
        caller.seal(message.clear(), frame.clear());
        called.open(frame.flip(), plain.clear());
        return plain;
    }

    /** AES-128-GCM of the JDK over the same bytes, in one piece: no records, no counters. */
    @Benchmark
    public ByteBuffer cipherAlone() throws GeneralSecurityException {
        byte[] unique = ByteBuffer.allocate(NONCE_BYTES).putLong(++nonce).array();
        sealing.init(Cipher.ENCRYPT_MODE, cipherKey, new GCMParameterSpec(TAG_BITS, unique));
        sealing.doFinal(message.clear(), frame.clear());
        opening.init(Cipher.DECRYPT_MODE, cipherKey, new GCMParameterSpec(TAG_BITS, unique));
        opening.doFinal(frame.flip(), plain.clear());
        return plain;
    }

    /** TLS 1.3 with a signature of either side, until both have shown who they are; both sides' work. */
    @Benchmark
    public TlsLink handshake() throws SSLException {
        caller = identity.to(keys.publicKey().bytes());
        called = identity.from();
        caller.begin();
        ByteBuffer any = ByteBuffer.allocate(TlsLink.sealedBytes(0));
        for (ByteBuffer there = caller.records(); there.hasRemaining(); there = caller.records()) {
            called.open(there, any.clear());
            caller.open(called.records(), any.clear());
        }
        if (!caller.isOpen() || !called.isOpen()) {
            throw new IllegalStateException("The session is not open.");
        }
        return caller;
    }
}
