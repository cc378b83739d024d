package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Domain;

/** An Ed25519 secret that this process does not have: a token's, or another process's. Safe for many threads. */
public interface RemoteSecret {
    /**
     * Signs a message.
     *
     * @return 64 bytes.
     * @throws java.io.UncheckedIOException where the secret is not reached, or its keeper refuses; the message is one
     *     line for the operator.
     */
    byte[] sign(byte[] message);

    /**
     * Signs the hash of a content. A keeper that reads what it signs needs the content.
     *
     * @throws java.io.UncheckedIOException as {@link #sign(byte[])} does.
     */
    default byte[] sign(Domain domain, byte[] content) {
        return sign(domain.hash(content));
    }
}
