package io.plumbline.node.full;

import io.plumbline.verifier.platform.PrivateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;

/**
 * The secret that a full node draws cells by. It is on disk: an audit that goes on after a restart asks for the same
 * cells, or a node that had to answer for a false one would be asked for others.
 */
final class DrawSecret {
    private static final int BYTES = 32;
    private static final String FILE = "draw.secret";

    private DrawSecret() {}

    /** The secret in a full node's folder, 32 bytes; a new one where there is none. */
    static byte[] in(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        if (Files.exists(file)) {
            byte[] secret = Files.readAllBytes(file);
            if (secret.length == BYTES) {
                return secret;
            }
            throw new IOException(
                    file + " has " + secret.length + " bytes, not " + BYTES + ": remove it, and another one is made.");
        }
        byte[] secret = new byte[BYTES];
        new SecureRandom().nextBytes(secret);
        PrivateFiles.write(file, secret);
        return secret;
    }
}
