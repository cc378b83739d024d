package io.plumbline.verifier.receipt;

import java.security.SecureRandom;
import org.bouncycastle.math.ec.rfc8032.Ed25519;

/** An Ed25519 key pair. The secret never leaves the object but by {@link #secret()}, for its owner's key file. */
public final class Keys {
    public static final int PUBLIC_BYTES = Ed25519.PUBLIC_KEY_SIZE;
    public static final int SECRET_BYTES = Ed25519.SECRET_KEY_SIZE;
    public static final int SIGNATURE_BYTES = Ed25519.SIGNATURE_SIZE;

    private final byte[] secret;
    private final byte[] publicKey = new byte[PUBLIC_BYTES];

    /** @param secret 32 bytes. */
    public Keys(byte[] secret) {
        if (secret.length != SECRET_BYTES) {
            throw new IllegalArgumentException(
                    "An Ed25519 secret has " + SECRET_BYTES + " bytes, not " + secret.length + ".");
        }
        this.secret = secret.clone();
        Ed25519.generatePublicKey(secret, 0, publicKey, 0);
    }

    public static Keys random() {
        byte[] secret = new byte[SECRET_BYTES];
        new SecureRandom().nextBytes(secret);
        return new Keys(secret);
    }

    public byte[] publicKey() {
        return publicKey.clone();
    }

    public byte[] secret() {
        return secret.clone();
    }

    /** 64 bytes over {@code message}. */
    public byte[] sign(byte[] message) {
        byte[] signature = new byte[SIGNATURE_BYTES];
        Ed25519.sign(secret, 0, message, 0, message.length, signature, 0);
        return signature;
    }

    /** Whether {@code signature} over {@code message} was made with the secret of {@code publicKey}. */
    public static boolean verify(byte[] publicKey, byte[] message, byte[] signature) {
        return publicKey.length == PUBLIC_BYTES
                && signature.length == SIGNATURE_BYTES
                && Ed25519.verify(signature, 0, publicKey, 0, message, 0, message.length);
    }
}
