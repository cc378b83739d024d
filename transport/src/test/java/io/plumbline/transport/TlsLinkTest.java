package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import javax.net.ssl.SSLException;
import org.bouncycastle.math.ec.rfc8032.Ed25519;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TlsLinkTest {
    private static final byte[] CONTENT = {1, 2, 3};

    private final byte[] secret = new byte[Ed25519.SECRET_KEY_SIZE];
    private final byte[] key = new byte[Ed25519.PUBLIC_KEY_SIZE];
    private final ByteBuffer frame = ByteBuffer.allocate(1 << 20);
    private final ByteBuffer plain = ByteBuffer.allocate(1 << 20);
    private TlsLink caller;
    private TlsLink called;

    @BeforeEach
    void open() throws SSLException {
        new SecureRandom().nextBytes(secret);
        Ed25519.generatePublicKey(secret, 0, key, 0);
        Identity identity = new Identity(Secrets.signer(secret), key);
        caller = identity.to(key);
        called = identity.from();
        caller.begin();
        exchange();
        assertTrue(caller.isOpen() && called.isOpen());
    }

    /** Each side gets what the other has to send by itself, until neither has anything. */
    private void exchange() throws SSLException {
        while (true) {
            ByteBuffer there = caller.records();
            called.open(there, plain.clear());
            ByteBuffer back = called.records();
            boolean isLast = back.remaining() == 0;
            caller.open(back, plain.clear());
            if (isLast) {
                return;
            }
        }
    }

    private void changeKeys(int times) throws SSLException {
        for (int i = 0; i < times; i++) {
            caller.engine.beginHandshake();
            caller.engine.wrap(ByteBuffer.allocate(0), frame);
        }
    }

    private byte[] opened() throws SSLException {
        called.open(frame.flip(), plain.clear());
        frame.clear();
        byte[] content = new byte[plain.flip().remaining()];
        plain.get(content);
        return content;
    }

    @Test
    void aSessionGoesOnWhenItsKeysChange() throws SSLException {
        for (int i = 0; i < 4; i++) {
            changeKeys(1);
            caller.seal(ByteBuffer.wrap(CONTENT), frame);
            assertArrayEquals(CONTENT, opened());
            exchange();
        }
    }

    @Test
    void whoChangesKeysForNoEndLosesTheSession() throws SSLException {
        changeKeys(TlsLink.MAX_SILENT_RECORDS + 1);
        String inOneFrame = assertThrows(SSLException.class, this::opened).getMessage();
        assertTrue(inOneFrame.contains("records without content"), inOneFrame);
    }

    @Test
    void soDoesWhoPutsALittleContentBetween() {
        String overTime = assertThrows(SSLException.class, () -> {
                    for (int i = 0; i <= TlsLink.MAX_SILENT_RECORDS; i++) {
                        changeKeys(1);
                        caller.seal(ByteBuffer.wrap(CONTENT), frame);
                        assertArrayEquals(CONTENT, opened());
                        exchange();
                    }
                })
                .getMessage();
        assertTrue(overTime.contains("records without content"), overTime);
    }
}
