package io.plumbline.transport;

import java.util.function.UnaryOperator;
import org.bouncycastle.math.ec.rfc8032.Ed25519;

/** Ed25519 secrets of tests. */
final class Secrets {
    private Secrets() {}

    /** What signs with 32 secret bytes. */
    static UnaryOperator<byte[]> signer(byte[] secret) {
        return message -> {
            byte[] signature = new byte[Ed25519.SIGNATURE_SIZE];
            Ed25519.sign(secret, 0, message, 0, message.length, signature, 0);
            return signature;
        };
    }
}
