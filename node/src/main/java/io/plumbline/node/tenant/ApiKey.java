package io.plumbline.node.tenant;

import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;

/**
 * The secret that a tenant's programs show. It is 256 random bits, so one plain hash of it may be kept: a slow,
 * salted one guards passwords, which can be guessed, and would let strangers spend this host's time.
 */
public final class ApiKey {
    /** By it people, and scanners for leaked secrets, know a key. */
    public static final String PREFIX = "sk-plumbline-";

    private static final int RANDOM_BYTES = 32;
    private static final Domain HASH = new Domain("plumbline 2026-11 api key");

    private ApiKey() {}

    /** A new secret, printable ASCII. */
    static String random() {
        byte[] bytes = new byte[RANDOM_BYTES];
        new SecureRandom().nextBytes(bytes);
        return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** The hash of a secret, which is all that is kept of it. */
    static Bytes32 hash(String secret) {
        return Bytes32.of(HASH.hash(secret.getBytes(StandardCharsets.UTF_8)));
    }
}
