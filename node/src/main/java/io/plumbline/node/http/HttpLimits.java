package io.plumbline.node.http;

import java.time.Duration;

/**
 * What a client may take of the server before it is refused or its connection closed.
 *
 * @param connections open at once; more wait in the operating system's queue.
 * @param headBytes of a request's line and headers together.
 * @param headTime from a request's first byte, or the connection's opening, until its headers are whole.
 * @param idleTime between one answer and the next request on a connection.
 * @param bodyBytes of one request's body.
 * @param allBodyBytes of the bodies of all requests that are being answered, and of what is made of them.
 * @param bodyTime until a body is whole, and a second more for each {@code bodyBytesPerSecond} of it that have come; so
 *     long may an answer in all wait for its client to take it, too.
 * @param bodyBytesPerSecond the slowest client that may send a large body, or take a large answer.
 * @param stallTime longest pause in a body that is sent, and longest wait for a client to take what is sent to it.
 */
public record HttpLimits(
        int connections,
        int headBytes,
        Duration headTime,
        Duration idleTime,
        int bodyBytes,
        long allBodyBytes,
        Duration bodyTime,
        int bodyBytesPerSecond,
        Duration stallTime) {
    /**
     * Limits for clients on the internet; idle connections outlive those of common clients and proxies, which keep them
     * for a minute at most.
     */
    public static HttpLimits ofBodies(int bodyBytes) {
        return new HttpLimits(
                1024,
                16 << 10,
                Duration.ofSeconds(20),
                Duration.ofSeconds(75),
                bodyBytes,
                Math.max(bodyBytes, Runtime.getRuntime().maxMemory() / 4),
                Duration.ofSeconds(60),
                16 << 10,
                Duration.ofSeconds(30));
    }
}
