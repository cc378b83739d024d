package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.bouncycastle.math.ec.rfc8032.Ed25519;

/**
 * An Ed25519 key pair. The secret never leaves the object but by {@link #secret()}, for its owner's key file, or is
 * not in this process at all ({@link RemoteSecret}).
 */
public final class KeyPair {
    public static final int PUBLIC_BYTES = Ed25519.PUBLIC_KEY_SIZE;
    public static final int SECRET_BYTES = Ed25519.SECRET_KEY_SIZE;
    public static final int SIGNATURE_BYTES = Ed25519.SIGNATURE_SIZE;

    private static final byte[] DERIVATION = "plumbline derived key 1".getBytes(StandardCharsets.UTF_8);

    private record Point(Bytes32 key, Ed25519.PublicPoint point) {}

    /** By a hash of the key; who comes later takes the place. */
    private static final AtomicReferenceArray<Point> POINTS = new AtomicReferenceArray<>(1024);

    /** Null where it is elsewhere. */
    private final byte[] secret;

    /** Null where the secret is here. */
    private final RemoteSecret remote;

    private final Bytes32 publicKey;
    private final byte[] publicBytes = new byte[PUBLIC_BYTES];

    /** @param secret 32 bytes. */
    public KeyPair(byte[] secret) {
        if (secret.length != SECRET_BYTES) {
            throw new IllegalArgumentException(
                    "An Ed25519 secret has " + SECRET_BYTES + " bytes, not " + secret.length + ".");
        }
        this.secret = secret.clone();
        this.remote = null;
        Ed25519.generatePublicKey(secret, 0, publicBytes, 0);
        this.publicKey = Bytes32.of(publicBytes);
    }

    /** A key whose secret is elsewhere. */
    public KeyPair(Bytes32 publicKey, RemoteSecret remote) {
        this.secret = null;
        this.remote = remote;
        this.publicKey = publicKey;
    }

    public static KeyPair random() {
        byte[] secret = new byte[SECRET_BYTES];
        new SecureRandom().nextBytes(secret);
        return new KeyPair(secret);
    }

    public Bytes32 publicKey() {
        return publicKey;
    }

    /** @throws IllegalStateException where it is elsewhere. */
    public byte[] secret() {
        if (secret == null) {
            throw new IllegalStateException("The secret of this key is not in this process.");
        }
        return secret.clone();
    }

    /**
     * 32 bytes for one purpose that only the owner of this key can know, the same every time.
     *
     * @param domain of that purpose alone.
     */
    public byte[] derived(Domain domain) {
        // Signatures of Ed25519 are the same every time, and nobody else can make this one.
        return domain.hash(secret != null ? secret : sign(DERIVATION));
    }

    /**
     * Signs the hash of a content.
     *
     * @return 64 bytes.
     */
    public byte[] sign(Domain domain, byte[] content) {
        return remote != null ? remote.sign(domain, content) : sign(domain.hash(content));
    }

    /**
     * 64 bytes over {@code message}.
     *
     * @throws java.io.UncheckedIOException where the secret is elsewhere and is not reached, or its keeper refuses.
     */
    public byte[] sign(byte[] message) {
        if (remote != null) {
            return remote.sign(message);
        }
        byte[] signature = new byte[SIGNATURE_BYTES];
        Ed25519.sign(secret, 0, publicBytes, 0, message, 0, message.length, signature, 0);
        return signature;
    }

    /** Whether {@code signature} over {@code message} was made with the secret of {@code publicKey}. */
    public static boolean verify(Bytes32 publicKey, byte[] message, byte[] signature) {
        if (signature.length != SIGNATURE_BYTES) {
            return false;
        }
        Ed25519.PublicPoint point = point(publicKey);
        return point != null && Ed25519.verify(signature, 0, point, message, 0, message.length);
    }

    /**
     * A key as a point, or null where it is none. Those that sign often are kept: finding the point is a sixth of a
     * check.
     */
    private static Ed25519.PublicPoint point(Bytes32 publicKey) {
        int place = (publicKey.hashCode() & Integer.MAX_VALUE) % POINTS.length();
        Point kept = POINTS.get(place);
        if (kept == null || !kept.key.equals(publicKey)) {
            Ed25519.PublicPoint point = Ed25519.validatePublicKeyPartialExport(publicKey.bytes(), 0);
            if (point == null) {
                return null;
            }
            kept = new Point(publicKey, point);
            POINTS.set(place, kept);
        }
        return kept.point;
    }
}
