package io.plumbline.transport.guard;

import io.aeron.protocol.ErrorFlyweight;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Cookies: whoever knows the one for an address has received something there within the last two minutes. None is
 * kept, and the datagram that brings one is hardly larger than the one that asked for it. Single-threaded.
 */
final class AddressProof {
    /** A cookie is good in the minute it was made in and in the next. */
    private static final long EPOCH_NS = TimeUnit.MINUTES.toNanos(1);

    /** What an error frame says that has a cookie as its code. */
    static final String MESSAGE = "cookie";

    private static final String ALGORITHM = "HmacSHA256";

    private final Mac mac;

    AddressProof() {
        byte[] secret = new byte[32];
        new SecureRandom().nextBytes(secret);
        try {
            mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret, ALGORITHM));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(ALGORITHM + " is part of every Java.", e);
        }
    }

    /** @param nowNs of a clock that runs on. @return never 0, which stands for none. */
    int cookie(InetSocketAddress address, int session, int stream, long nowNs) {
        return cookie(address, session, stream, Math.floorDiv(nowNs, EPOCH_NS), 0);
    }

    boolean holds(int cookie, InetSocketAddress address, int session, int stream, long nowNs) {
        long epoch = Math.floorDiv(nowNs, EPOCH_NS);
        return cookie == cookie(address, session, stream, epoch, 0)
                || cookie == cookie(address, session, stream, epoch, -1);
    }

    private int cookie(InetSocketAddress address, int session, int stream, long epoch, int back) {
        byte[] host = address.getAddress().getAddress();
        mac.update(ByteBuffer.allocate(20 + host.length)
                .putLong(epoch + back)
                .putInt(session)
                .putInt(stream)
                .putInt(address.getPort())
                .put(host)
                .flip());
        int cookie = ByteBuffer.wrap(mac.doFinal()).getInt();
        return cookie == 0 ? 1 : cookie;
    }

    /** The cookie that an error frame tells, as its code; 0 where it says something else. */
    static int read(ErrorFlyweight error, int length) {
        boolean isCookie = length >= ErrorFlyweight.HEADER_LENGTH + MESSAGE.length()
                && error.getInt(ErrorFlyweight.HEADER_LENGTH - Integer.BYTES) == MESSAGE.length()
                && error.errorMessage().equals(MESSAGE);
        return isCookie ? error.errorCode() : 0;
    }
}
