package io.plumbline.data.feed;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * One GET over one connection to one address, which no HTTP client of the JDK lets its caller choose beside the name
 * that TLS is checked against.
 *
 * @param location of a redirect; null where there is none.
 * @param certificateHash see {@link SourceFetch.Fetched}.
 */
record WebAnswer(int status, String location, byte[] body, byte[] certificateHash) {
    private static final int MOST_HEAD_BYTES = 32 << 10;
    private static final int MOST_LINE_BYTES = 8 << 10;
    private static final int CONNECT_MS = 5_000;
    private static final int NONE = 0;

    /** Ends connections whose time is over. */
    private static final ScheduledExecutorService ENDS = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("source-ends").factory());

    /** @param deadlineNs by {@link System#nanoTime}, for all of it. */
    static WebAnswer get(URI url, InetAddress address, SSLSocketFactory tls, int mostBytes, long deadlineNs)
            throws IOException {
        boolean isTls = url.getScheme().equalsIgnoreCase("https");
        int port = url.getPort() > 0 ? url.getPort() : isTls ? 443 : 80;
        try (Socket plain = new Socket()) {
            // However many reads TLS makes of one: a time for each would begin anew for a source that drips.
            Future<?> end = ENDS.schedule(() -> close(plain), deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
            try {
                plain.connect(new InetSocketAddress(address, port), CONNECT_MS);
                return isTls
                        ? askSecured(url, port, plain, tls, mostBytes)
                        : ask(url, port, plain, new byte[Blake3.HASH_BYTES], mostBytes);
            } finally {
                end.cancel(false);
            }
        } catch (IOException e) {
            boolean isLate = e instanceof SocketTimeoutException || System.nanoTime() - deadlineNs >= 0;
            throw new IOException(
                    url + (isLate ? " did not answer in time." : " cannot be fetched: " + e.getMessage()), e);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // Its reader hears of it.
        }
    }

    private static WebAnswer askSecured(URI url, int port, Socket plain, SSLSocketFactory tls, int mostBytes)
            throws IOException {
        try (SSLSocket secured = (SSLSocket) tls.createSocket(plain, url.getHost(), port, true)) {
            SSLParameters parameters = secured.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            if (!url.getHost().matches("[\\d.]+|\\[.*")) {
                parameters.setServerNames(List.of(new SNIHostName(url.getHost())));
            }
            secured.setSSLParameters(parameters);
            secured.startHandshake();
            return ask(url, port, secured, certificates(secured), mostBytes);
        }
    }

    private static byte[] certificates(SSLSocket secured) throws IOException {
        CanonicalWriter all = new CanonicalWriter();
        try {
            for (Certificate one : secured.getSession().getPeerCertificates()) {
                all.putBytes(one.getEncoded());
            }
        } catch (CertificateEncodingException e) {
            throw new IOException("a certificate of the source cannot be encoded", e);
        }
        return Blake3.hash(all.toBytes());
    }

    private static WebAnswer ask(URI url, int port, Socket socket, byte[] certificateHash, int mostBytes)
            throws IOException {
        String path = (url.getRawPath() == null || url.getRawPath().isEmpty() ? "/" : url.getRawPath())
                + (url.getRawQuery() == null ? "" : "?" + url.getRawQuery());
        String host = url.getHost() + (url.getPort() > 0 ? ":" + port : "");
        String request = "GET " + path + " HTTP/1.1\r\nHost: " + host
                + "\r\nUser-Agent: plumbline\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n";
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        socket.getOutputStream().flush();
        InputStream in = new BufferedInputStream(socket.getInputStream());
        String line = line(in, MOST_LINE_BYTES);
        if (!line.matches("HTTP/1\\.[01] \\d{3}( .*)?")) {
            throw new IOException("what it answers is no HTTP");
        }
        int status = Integer.parseInt(line.substring(9, 12));
        Map<String, String> headers = headers(in);
        byte[] body = status == 200 ? body(in, headers, mostBytes) : new byte[NONE];
        return new WebAnswer(status, headers.get("location"), body, certificateHash);
    }

    private static String line(InputStream in, int most) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("its answer ends early");
            }
            if (line.size() == most) {
                throw new IOException("its answer's head is too long");
            }
            line.write(c);
        }
        return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
    }

    private static Map<String, String> headers(InputStream in) throws IOException {
        Map<String, String> headers = new HashMap<>();
        int left = MOST_HEAD_BYTES;
        for (String line = line(in, left); !line.isEmpty(); line = line(in, left)) {
            left -= line.length() + 1;
            int colon = line.indexOf(':');
            if (left <= 0 || colon < 1) {
                throw new IOException("its answer's head is too long, or no HTTP");
            }
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        return headers;
    }

    private static byte[] body(InputStream in, Map<String, String> headers, int most) throws IOException {
        String coding = headers.get("transfer-encoding");
        if (coding != null && !coding.equalsIgnoreCase("chunked")) {
            throw new IOException("its answer is coded as " + coding);
        }
        if (headers.containsKey("content-encoding")
                && !headers.get("content-encoding").equalsIgnoreCase("identity")) {
            throw new IOException("its answer is compressed, which was not asked for");
        }
        if (coding != null) {
            return chunks(in, most);
        }
        String length = headers.get("content-length");
        if (length == null) {
            byte[] body = in.readNBytes(most + 1);
            return bounded(body, body.length, most);
        }
        if (!length.matches("\\d{1,9}")) {
            throw new IOException("its answer is longer than " + most + " bytes");
        }
        int bytes = Integer.parseInt(length);
        bounded(new byte[NONE], bytes, most);
        byte[] body = in.readNBytes(bytes);
        if (body.length < bytes) {
            throw new EOFException("its answer ends early");
        }
        return body;
    }

    private static byte[] bounded(byte[] body, int bytes, int most) throws IOException {
        if (bytes > most) {
            throw new IOException("its answer is longer than " + most + " bytes");
        }
        return body;
    }

    private static byte[] chunks(InputStream in, int most) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (true) {
            String size = line(in, MOST_LINE_BYTES).split(";", 2)[0].strip();
            if (!size.matches("[0-9a-fA-F]{1,7}")) {
                throw new IOException("its answer's chunks are no HTTP");
            }
            int bytes = Integer.parseInt(size, 16);
            bounded(new byte[NONE], body.size() + bytes, most);
            if (bytes == 0) {
                return body.toByteArray();
            }
            byte[] chunk = in.readNBytes(bytes);
            if (chunk.length < bytes || !line(in, MOST_LINE_BYTES).isEmpty()) {
                throw new EOFException("its answer ends early");
            }
            body.writeBytes(chunk);
        }
    }
}
