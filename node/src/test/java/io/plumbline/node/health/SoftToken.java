package io.plumbline.node.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * A token of SoftHSM's with one Ed25519 key, in a folder of a test.
 *
 * @param configuration what SOFTHSM2_CONF is to name.
 * @param keyFile that names the key.
 * @param network a network's file.
 */
public record SoftToken(Path configuration, Path keyFile, Path network) {
    private static final Path LIBRARY = Path.of("/usr/lib/softhsm/libsofthsm2.so");

    /** Skips the test where SoftHSM, or OpenSC's tool that makes keys, is not on this host. */
    public static SoftToken make(Path folder, String label) throws Exception {
        assumeTrue(
                Files.exists(LIBRARY) && Files.exists(Path.of("/usr/bin/pkcs11-tool")),
                "SoftHSM is not on this host: apt-get install softhsm2 opensc");
        Path configuration = folder.resolve("softhsm2.conf");
        Files.writeString(
                configuration,
                "directories.tokendir = " + Files.createDirectories(folder.resolve("tokens"))
                        + "\nobjectstore.backend = file\n");
        run(
                configuration,
                "softhsm2-util",
                "--init-token",
                "--free",
                "--label",
                "plumbline",
                "--pin",
                "1234",
                "--so-pin",
                "5678");
        run(
                configuration,
                "pkcs11-tool",
                "--module",
                LIBRARY.toString(),
                "--token-label",
                "plumbline",
                "--login",
                "--pin",
                "1234",
                "--keypairgen",
                "--key-type",
                "EC:edwards25519",
                "--label",
                label);
        ownersAlone(folder.resolve("pin"), "1234\n");
        Path keyFile = ownersAlone(
                folder.resolve("token.key"),
                "pkcs11 = \"" + LIBRARY + "\"\ntoken = \"plumbline\"\nlabel = \"" + label + "\"\npin-file = \"pin\"\n");
        Path network = folder.resolve("other-network.json");
        Network.onThisHost(new Genesis(List.of(KeyPair.random().publicKey()), List.of()))
                .write(network);
        return new SoftToken(configuration, keyFile, network);
    }

    private static Path ownersAlone(Path file, String text) throws IOException {
        Files.writeString(file, text);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }

    private static void run(Path configuration, String... command) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("SOFTHSM2_CONF", configuration.toString());
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
    }
}
