package io.plumbline.node.network;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.Main;
import io.plumbline.node.health.ChildRole;
import io.plumbline.node.health.SoftToken;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A key in a PKCS#11 token is named by a key file in TOML, and signs as a key in a file does. */
class TokenKeyFileTest {
    @TempDir
    Path folder;

    private Path write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        return file;
    }

    private static String why(Path file) {
        return assertThrows(IOException.class, () -> Network.readKey(file)).getMessage();
    }

    @Test
    void aWrongFileIsOneLineWithFileLineAndKey() throws IOException {
        Path library = write("lib.so", "no library");
        write("pin", "1234");
        String rest = "\ntoken = \"t\"\nlabel = \"l\"\npin-file = \"pin\"\n";
        Path file = write("key", "pkcs11 = \"nowhere.so\"" + rest);
        assertEquals(
                file + ":1: pkcs11: " + folder.resolve("nowhere.so")
                        + " does not exist; name the token's PKCS#11 library.",
                why(file));
        file = write("key", "pkcs11 = \"lib.so\"" + rest);
        assertEquals(file + ": the library " + library + " cannot be loaded.", why(file));
        file = write("key", "pkcs11 = \"lib.so\"\ntokn = \"t\"\n");
        assertEquals(file + ":2: tokn: is none of pkcs11, token, label, pin-file.", why(file));
        file = write("key", "pkcs11 = \"lib.so\"\ntoken = 7" + "\npin-file = \"pin\"\nlabel = \"l\"\n");
        assertEquals(file + ":2: token: must be a text in quotes.", why(file));
        file = write("key", "pkcs11 = \"lib.so\"\ntoken = \"t\"\nlabel = \"l\"\n");
        assertEquals(file + ":1: pin-file: is required.", why(file));
        file = write("key", "pkcs11 = \"lib.so\"\ntoken = \"t\"\nlabel = \"l\"\npin-file = \"none\"\n");
        assertTrue(why(file).startsWith(file + ":4: pin-file: " + folder.resolve("none") + " does not exist"));
        Files.setPosixFilePermissions(folder.resolve("pin"), PosixFilePermissions.fromString("rw-r--r--"));
        file = write("key", "pkcs11 = \"lib.so\"" + rest);
        assertTrue(why(file).contains(":4: pin-file: others than its owner may use it"), why(file));
        file = write("key", "pkcs11 = \n");
        assertTrue(why(file).startsWith(file + ":1: "), why(file));
    }

    @Test
    void aKeyOfSoftHsmSignsAndIsNeverHere() throws Exception {
        SoftToken token = SoftToken.make(folder, "full");
        // The library reads its configuration from the environment of the process.
        try (ChildRole child = new ChildRole(
                Signing.class,
                Map.of("SOFTHSM2_CONF", token.configuration().toString()),
                List.of(token.keyFile() + ""))) {
            child.await("all is well");
        }
        for (String[] wrong : new String[][] {
            {"label = \"full\"", "label = \"other\"", "has no Ed25519 private key labelled \"other\""},
            {"token = \"plumbline\"", "token = \"other\"", "no token of .* is labelled \"other\""},
            {"pin-file = \"pin\"", "pin-file = \"wrong\"", "logging in failed: CKR_PIN_INCORRECT"}
        }) {
            write("wrong", "4321");
            Path file = write("bad.key", Files.readString(token.keyFile()).replace(wrong[0], wrong[1]));
            try (ChildRole child = new ChildRole(
                    Main.class,
                    Map.of("SOFTHSM2_CONF", token.configuration().toString()),
                    List.of("ledger", "account", "--network", token.network() + "", "--key", file + ""))) {
                assertNotEquals(0, child.exitCode());
                List<String> said = child.said()
                        .lines()
                        .filter(line -> !line.startsWith("WARNING: Using incubator"))
                        .toList();
                assertEquals(1, said.size(), child.said());
                assertTrue(said.getFirst().matches("plumbline: .*" + wrong[2] + ".*"), child.said());
            }
        }
    }

    /** Of a process that has a token's configuration. */
    public static final class Signing {
        private Signing() {}

        /** @param arguments the key file. */
        public static void main(String[] arguments) throws IOException {
            KeyPair keys = Network.readKey(Path.of(arguments[0]));
            byte[] message = new byte[100_000];
            for (int length : new int[] {0, 1, 32, 100_000}) {
                byte[] part = Arrays.copyOf(message, length);
                byte[] signature = keys.sign(part);
                assertTrue(KeyPair.verify(keys.publicKey(), part, signature));
                assertArrayEquals(signature, keys.sign(part), "as Ed25519 has it");
            }
            Domain domain = new Domain("a test's");
            assertTrue(KeyPair.verify(keys.publicKey(), domain.hash(message), keys.sign(domain, message)));
            assertArrayEquals(keys.derived(domain), keys.derived(domain));
            assertThrows(IllegalStateException.class, keys::secret);
            assertEquals(
                    keys.publicKey(), Network.readKey(Path.of(arguments[0])).publicKey());
            System.out.println("all is well");
        }
    }
}
