package io.plumbline.node.http;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A page whose own name leads to a server: what its browser sends, and is sent. */
public final class ReboundPage {
    private ReboundPage() {}

    /** The status of a GET by the page. */
    public static int status(int port, String path) throws IOException {
        return status(port, path, "rebound.evil.example");
    }

    /** The same by another name. */
    public static int status(int port, String path, String host) throws IOException {
        try (Socket socket = new Socket("localhost", port)) {
            String request = "GET " + path + " HTTP/1.1\r\nHost: " + host + ":" + port
                    + "\r\nUser-Agent: Mozilla/5.0\r\nReferer: http://" + host + "/\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return Integer.parseInt(answer.substring("HTTP/1.1 ".length(), "HTTP/1.1 200".length()));
        }
    }
}
