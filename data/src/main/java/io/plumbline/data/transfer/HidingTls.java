package io.plumbline.data.transfer;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
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

    /**
     * Whether a server begins a TLS session.
     *
     * @throws IOException where it is not reached at all.
     */
    static boolean isSpokenBy(URI server, int timeoutMs) throws IOException {
        try (Socket plain = new Socket()) {
            plain.connect(
                    new InetSocketAddress(server.getHost().replaceAll("[\\[\\]]", ""), server.getPort()), timeoutMs);
            plain.setSoTimeout(timeoutMs);
            try (SSLSocket tls = (SSLSocket) SOCKETS.createSocket(plain, server.getHost(), server.getPort(), false)) {
                tls.startHandshake();
                return true;
            } catch (IOException e) {
                return false;
            }
        }
    }

    /** Has a connection over https take any certificate. */
    static void apply(HttpURLConnection connection) {
        if (connection instanceof HttpsURLConnection https) {
            https.setSSLSocketFactory(SOCKETS);
            https.setHostnameVerifier(ANY_NAME);
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
