package io.plumbline.node.tls;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/** Certificates of localhost, made by the JDK's own keytool, as an operator's tools leave them: two PEM files. */
public final class TestCertificates {
    private static final String PASSWORD = "changeit";

    private TestCertificates() {}

    /** The two files. */
    public record Made(Path certificate, Path key) {
        /** For a server that shows it. */
        public SSLContext context() throws IOException {
            return new CertificateFiles(certificate, key, event -> {}).context();
        }
    }

    /** Makes, or replaces, a certificate in a folder. */
    public static Made make(Path folder, String algorithm, String name) throws IOException {
        return make(folder, algorithm, name, 2);
    }

    /** @param days that it is valid; one that is no more for -1. */
    public static Made make(Path folder, String algorithm, String name, int days) throws IOException {
        Files.createDirectories(folder);
        Path store = folder.resolve("made.p12");
        Files.deleteIfExists(store);
        run(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "made",
                "-keyalg",
                algorithm,
                "-dname",
                "CN=" + name,
                "-ext",
                "san=dns:localhost,ip:127.0.0.1",
                "-startdate",
                days < 0 ? "-10d" : "-1d",
                "-validity",
                days < 0 ? "5" : Integer.toString(days + 1),
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD));
        try (InputStream in = Files.newInputStream(store)) {
            KeyStore made = KeyStore.getInstance("PKCS12");
            made.load(in, PASSWORD.toCharArray());
            Path certificate = folder.resolve("certificate.pem");
            Path key = folder.resolve("key.pem");
            write(certificate, "CERTIFICATE", made.getCertificate("made").getEncoded());
            write(
                    key,
                    "PRIVATE KEY",
                    made.getKey("made", PASSWORD.toCharArray()).getEncoded());
            return new Made(certificate, key);
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    private static void run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(said);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    /** Moves it there whole, as tools that renew certificates do. */
    static void write(Path file, String what, byte[] encoded) throws IOException {
        String text = "-----BEGIN " + what + "-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded) + "\n-----END " + what
                + "-----\n";
        Path partial = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(partial, text);
        Files.setPosixFilePermissions(partial, PosixFilePermissions.fromString("rw-------"));
        Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Of a client that believes any certificate. */
    public static SSLContext client() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Believing()}, new SecureRandom());
            return context;
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static final class Believing extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, java.net.Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, java.net.Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
