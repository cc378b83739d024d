package io.plumbline.node.http;

import io.plumbline.node.tls.TestCertificates;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One connection on which a test writes what bytes it likes. */
final class RawClient implements AutoCloseable {
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d{3}) ");

    private static final String NEVER = "\0 never \0";

    /** For what comes at once, or is ended by the server: a slow host may take its time. */
    private static final int WAIT_MS = 60_000;

    private final Socket socket;

    RawClient(HttpServer server) throws IOException {
        socket = server.isTls()
                ? TestCertificates.client().getSocketFactory().createSocket("localhost", server.port())
                : new Socket("localhost", server.port());
        socket.setTcpNoDelay(true);
    }

    /** Reads so many bytes at most, and drops them. */
    void readSome(int most) throws IOException {
        try {
            socket.getInputStream().readNBytes(most);
        } catch (SocketException e) {
            // The server has closed.
        }
    }

    /**
     * What came back.
     *
     * @param closed whether the server closed the connection.
     */
    record Received(String text, boolean closed) {
        /** Of the first response; 0 where there is none. */
        int status() {
            Matcher matcher = STATUS.matcher(text);
            return matcher.lookingAt() ? Integer.parseInt(matcher.group(1)) : 0;
        }

        /** How many final responses there are. */
        long responses() {
            return STATUS.matcher(text)
                    .results()
                    .filter(result -> !result.group(1).startsWith("1"))
                    .count();
        }

        String body() {
            int at = text.indexOf("\r\n\r\n");
            return at < 0 ? "" : text.substring(at + 4);
        }
    }

    /** Writes text, each character one byte. A server that has closed already is not an error. */
    RawClient write(String text) throws IOException {
        try {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().flush();
        } catch (SocketException e) {
            // Read on: what the server said before it closed is what the test is after.
        }
        return this;
    }

    /** As {@link #write}, where a server that has closed is an error. */
    RawClient send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
        return this;
    }

    /** Reads until the server closes, or says nothing for {@code quietMs}. */
    Received read(int quietMs) throws IOException {
        return readUntil(NEVER, quietMs, quietMs);
    }

    /** What the server answers: until it closes or, having said something, is quiet. */
    Received answer() throws IOException {
        return readUntil(NEVER, WAIT_MS, 700);
    }

    /** Reads until the server closes. */
    Received readToEnd() throws IOException {
        return readUntil(NEVER, WAIT_MS, WAIT_MS);
    }

    /** Reads until {@code end} has come, or the server closes. */
    Received readUntil(String end) throws IOException {
        return readUntil(end, WAIT_MS, WAIT_MS);
    }

    private Received readUntil(String end, int firstMs, int quietMs) throws IOException {
        socket.setSoTimeout(firstMs);
        InputStream in = socket.getInputStream();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] buffer = new byte[8192];
        boolean closed = false;
        try {
            while (!bytes.toString(StandardCharsets.ISO_8859_1).contains(end)) {
                int read = in.read(buffer);
                if (read < 0) {
                    closed = true;
                    break;
                }
                bytes.write(buffer, 0, read);
                socket.setSoTimeout(quietMs);
            }
        } catch (SocketTimeoutException e) {
            // Quiet, and open.
        } catch (SocketException e) {
            closed = true;
        }
        return new Received(bytes.toString(StandardCharsets.ISO_8859_1), closed);
    }

    /** Ends the sending side alone. */
    RawClient shutdownOutput() throws IOException {
        socket.shutdownOutput();
        return this;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    /** Sends all of {@code text} on a new connection and reads what the server answers. */
    static Received ask(HttpServer server, String text) throws IOException {
        try (RawClient client = new RawClient(server)) {
            return client.write(text).answer();
        }
    }
}
