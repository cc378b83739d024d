package io.plumbline.data.transfer;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * TLS to data nodes that a ledger names by an address, which no certificate is made out to. It hides from listeners
 * which blobs are asked for. It does not prove who answers, and need not: every byte is proven by its blob's id, and no
 * API key is sent.
 */
final class HidingTls {
    private static final SSLSocketFactory SOCKETS = sockets();
    private static final HostnameVerifier ANY_NAME = (name, session) -> true;

    private HidingTls() {}

    private static SSLSocketFactory sockets() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new AnyCertificate()}, null);
            return context.getSocketFactory();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("This JDK has no TLS.", e);
        }
    }

    /** Has a connection over https take any certificate, for any name. */
    static void apply(HttpURLConnection connection) {
        if (connection instanceof HttpsURLConnection https) {
            https.setSSLSocketFactory(SOCKETS);
            https.setHostnameVerifier(ANY_NAME);
        }
    }

    /**
     * Whether a server begins a TLS session.
     *
     * @param timeoutMs to connect, and for the first bytes of its answer; the handshake may take as long again.
     * @param ends closes the connection where the handshake does not end: the socket's own time is for each read, and a
     *     record that comes byte by byte is many.
     * @throws IOException where it is not reached at all, or does not end the handshake.
     */
    static boolean isSpokenBy(URI server, int timeoutMs, ScheduledExecutorService ends) throws IOException {
        try (Socket plain = new Socket()) {
            plain.connect(
                    new InetSocketAddress(server.getHost().replaceAll("[\\[\\]]", ""), server.getPort()), timeoutMs);
            plain.setSoTimeout(timeoutMs);
            AtomicBoolean isEnded = new AtomicBoolean();
            ScheduledFuture<?> end = ends.schedule(() -> end(plain, isEnded), 2L * timeoutMs, TimeUnit.MILLISECONDS);
            try (SSLSocket tls = (SSLSocket) SOCKETS.createSocket(plain, server.getHost(), server.getPort(), false)) {
                tls.startHandshake();
                return true;
            } catch (IOException e) {
                if (isEnded.get() || Thread.currentThread().isInterrupted()) {
                    throw new IOException("its TLS handshake does not end", e);
                }
                return false;
            } finally {
                end.cancel(false);
            }
        }
    }

    private static void end(Socket plain, AtomicBoolean isEnded) {
        isEnded.set(true);
        try {
            plain.close();
        } catch (IOException e) {
            // It is closed by whom it was opened, too.
        }
    }

    private static final class AnyCertificate extends X509ExtendedTrustManager {
        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
