package io.plumbline.node.tls;

import io.plumbline.node.network.Event;
import io.plumbline.node.network.FileWatch;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.function.Consumer;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;

/** A server's certificate and key, from two PEM files that are read again when they change. */
public final class CertificateFiles {
    private final Path certificate;
    private final Path key;
    private final FileWatch watch;
    private final RenewedKeyManager keys;
    private final SSLContext context;
    private final Consumer<Event> events;

    /**
     * Reads them.
     *
     * @param certificate a chain, the server's own first.
     * @param key in PKCS#8, without a password, readable by its owner alone.
     * @param events hears when they were read again, or could not be.
     * @throws IOException where one is damaged, or is not the other's.
     */
    public CertificateFiles(Path certificate, Path key, Consumer<Event> events) throws IOException {
        this.certificate = certificate;
        this.key = key;
        this.events = events;
        this.watch = new FileWatch(certificate, key);
        this.keys = new RenewedKeyManager(Certificate.read(certificate, key));
        try {
            this.context = SSLContext.getInstance("TLS");
            context.init(new KeyManager[] {keys}, new TrustManager[0], null);
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS cannot be used here: " + e.getMessage() + ".", e);
        }
    }

    /**
     * Looks at files that are to be served by.
     *
     * @throws IOException where one is damaged, or is not the other's.
     */
    public static void requireSound(Path certificate, Path key) throws IOException {
        Certificate.read(certificate, key);
    }

    /** Shows each new client the certificate of then. */
    public SSLContext context() {
        return context;
    }

    /** Reads the files again where they have changed; to be called every second, by one thread. */
    public void lookAgain() {
        if (!watch.hasChanged()) {
            return;
        }
        try {
            Certificate renewed = Certificate.read(certificate, key);
            keys.renew(renewed);
            events.accept(new Event.Renewed(
                    certificate.toString(),
                    "certificate until "
                            + renewed.chain().getFirst().getNotAfter().toInstant()));
        } catch (IOException e) {
            events.accept(new Event.Warning("The certificate of before stays in use. " + e.getMessage()));
        }
    }
}
