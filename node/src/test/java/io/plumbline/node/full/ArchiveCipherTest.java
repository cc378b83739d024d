package io.plumbline.node.full;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ArchiveCipherTest {
    private static final KeyPair SECRET = KeyPair.random();

    @Test
    void whoHasTheSecretReadsWhatAnotherHasPut() throws IOException {
        for (int length : new int[] {0, 1, 64, 100_000}) {
            byte[] content = new byte[length];
            new Random(length).nextBytes(content);
            byte[] file = new ArchiveCipher(SECRET).encrypt(content);
            assertArrayEquals(
                    file, new ArchiveCipher(new KeyPair(SECRET.secret())).encrypt(content), "one file of one");
            assertArrayEquals(content, new ArchiveCipher(SECRET).decrypt(file));
            byte[] other = content.clone();
            if (length > 0) {
                other[0] ^= 1;
                assertFalse(Arrays.equals(file, 8, 20, new ArchiveCipher(SECRET).encrypt(other), 8, 20), "one nonce");
            }
        }
    }

    @Test
    void anotherSecretOrAnotherByteOpensNothing() {
        byte[] file = new ArchiveCipher(SECRET).encrypt(new byte[40]);
        String why = assertThrows(IOException.class, () -> new ArchiveCipher(KeyPair.random()).decrypt(file))
                .getMessage();
        assertTrue(why.contains("another secret"), why);
        for (int at = 0; at < file.length; at++) {
            byte[] changed = file.clone();
            changed[at] ^= 1;
            assertThrows(IOException.class, () -> new ArchiveCipher(SECRET).decrypt(changed), "byte " + at);
        }
        for (int length : new int[] {0, 8, 20, 35}) {
            assertThrows(IOException.class, () -> new ArchiveCipher(SECRET).decrypt(Arrays.copyOf(file, length)));
        }
    }
}
