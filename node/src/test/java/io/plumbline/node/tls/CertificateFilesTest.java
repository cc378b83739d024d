package io.plumbline.node.tls;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.network.Event;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A certificate is renewed under a running server, by whole pairs alone. */
class CertificateFilesTest {
    @TempDir
    Path folder;

    private final List<Event> events = new ArrayList<>();

    /** The name in the certificate that a client is shown. */
    private static String shown(SSLServerSocket server) throws Exception {
        try (SSLSocket client = (SSLSocket)
                TestCertificates.client().getSocketFactory().createSocket("localhost", server.getLocalPort())) {
            Thread answering = Thread.startVirtualThread(() -> {
                try (Socket accepted = server.accept()) {
                    accepted.getInputStream().read();
                } catch (IOException e) {
                    // The client's handshake says what was wrong.
                }
            });
            client.startHandshake();
            String name = ((X509Certificate) client.getSession().getPeerCertificates()[0])
                    .getSubjectX500Principal()
                    .getName();
            client.shutdownOutput();
            answering.join();
            return name;
        }
    }

    private static SSLServerSocket serve(CertificateFiles files) throws IOException {
        return (SSLServerSocket) files.context().getServerSocketFactory().createServerSocket(0);
    }

    private static void look(CertificateFiles files) {
        files.lookAgain();
        files.lookAgain();
    }

    @ParameterizedTest
    @CsvSource({"EC,EC", "RSA,EC", "EC,RSA", "Ed25519,EC"})
    void newClientsAreShownTheRenewedCertificate(String before, String after) throws Exception {
        TestCertificates.Made made = TestCertificates.make(folder, before, "before");
        CertificateFiles files = new CertificateFiles(made.certificate(), made.key(), events::add);
        try (SSLServerSocket server = serve(files)) {
            assertEquals("CN=before", shown(server));
            files.lookAgain();
            TestCertificates.make(folder, after, "after");
            files.lookAgain();
            assertEquals(List.of(), events, "a file that changes is let be until it has changed");
            files.lookAgain();
            assertTrue(events.getLast() instanceof Event.Renewed renewed
                    && renewed.what().contains("certificate"));
            assertEquals("CN=after", shown(server));
        }
    }

    @Test
    void aPairThatIsNoneLeavesTheOneBefore() throws Exception {
        TestCertificates.Made made = TestCertificates.make(folder, "EC", "before");
        TestCertificates.Made other = TestCertificates.make(folder.resolve("other"), "EC", "after");
        CertificateFiles files = new CertificateFiles(made.certificate(), made.key(), events::add);
        try (SSLServerSocket server = serve(files)) {
            // The certificate alone, without its key.
            Files.copy(other.certificate(), made.certificate(), StandardCopyOption.REPLACE_EXISTING);
            look(files);
            assertTrue(events.getLast() instanceof Event.Warning warning
                    && warning.message().contains("is not the key of"));
            assertEquals("CN=before", shown(server));
            Files.writeString(made.certificate(), "-----BEGIN CERTIFICATE-----\nMIIB");
            look(files);
            assertEquals(2, events.size());
            assertEquals("CN=before", shown(server));
            Files.delete(made.certificate());
            look(files);
            assertEquals(3, events.size());
            assertEquals("CN=before", shown(server));
            Files.copy(other.certificate(), made.certificate());
            Files.copy(other.key(), made.key(), StandardCopyOption.REPLACE_EXISTING);
            Files.setPosixFilePermissions(made.key(), PosixFilePermissions.fromString("rw-------"));
            look(files);
            assertEquals("CN=after", shown(server));
        }
    }

    private String refusal(TestCertificates.Made made) {
        return assertThrows(IOException.class, () -> new CertificateFiles(made.certificate(), made.key(), events::add))
                .getMessage();
    }

    @Test
    void whatIsWrongIsNamed() throws Exception {
        TestCertificates.Made made = TestCertificates.make(folder, "EC", "localhost");
        byte[] key = Files.readAllBytes(made.key());
        Files.setPosixFilePermissions(made.key(), PosixFilePermissions.fromString("rw-r--r--"));
        assertTrue(refusal(made).contains("chmod 600 " + made.key()), refusal(made));
        Files.setPosixFilePermissions(made.key(), PosixFilePermissions.fromString("rw-------"));
        Files.writeString(made.key(), new String(key).replace("PRIVATE KEY", "EC PRIVATE KEY"));
        assertTrue(refusal(made).contains("openssl pkcs8 -topk8"), refusal(made));
        Files.writeString(made.key(), "nothing");
        assertTrue(refusal(made).contains(made.key() + " has no private key in PEM"), refusal(made));
        TestCertificates.Made rsa = TestCertificates.make(folder.resolve("rsa"), "RSA", "localhost");
        assertTrue(refusal(new TestCertificates.Made(made.certificate(), rsa.key()))
                .contains("has no EC key"));
        Files.delete(made.key());
        assertTrue(refusal(made).contains(made.key() + " does not exist"), refusal(made));
        Files.writeString(made.certificate(), "nothing");
        assertTrue(refusal(made).contains(made.certificate() + " is no chain of certificates"), refusal(made));
        TestCertificates.Made old = TestCertificates.make(folder.resolve("old"), "EC", "localhost", -1);
        assertTrue(refusal(old).contains("valid now"), refusal(old));
    }
}
