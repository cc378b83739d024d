package io.plumbline.verifier.freivalds;

import io.plumbline.verifier.blake3.Blake3;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;

/** Uniform 32-bit integers that only this process knows: the output of BLAKE3 keyed by fresh entropy. */
public final class SecretInts {
    private final byte[] key = new byte[32];
    private long drawn;

    public SecretInts() {
        new SecureRandom().nextBytes(key);
    }

    /** The next {@code n} integers of the stream. */
    public int[] next(int n) {
        byte[] position = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(drawn++)
                .array();
        byte[] bytes = Blake3.keyed(key).update(position).digest(Math.multiplyExact(n, 4));
        int[] result = new int[n];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(result);
        return result;
    }
}
