package io.plumbline.node.health;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.node.http.HttpLimits;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.HttpServer;
import io.plumbline.node.http.Origins;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The small HTTP server that a role's operator and their programs ask. It is the server beneath the gateway's APIs with
 * narrower limits: what bounds a stranger's connections there bounds them here, and there is one to keep sound.
 */
public final class OperatorListener implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** A few programs ask, by requests without bodies. */
    private static final HttpLimits LIMITS = new HttpLimits(
            32,
            8 << 10,
            Duration.ofSeconds(5),
            Duration.ofSeconds(30),
            1 << 10,
            64 << 10,
            Duration.ofSeconds(5),
            1 << 10,
            Duration.ofSeconds(5));

    private final HttpServer server;

    /**
     * Starts it.
     *
     * @param hosts names by which it may be asked beside the address's, without ports.
     * @param faults hears what went wrong with the server itself.
     * @throws IOException where the address cannot be listened on.
     */
    public OperatorListener(Address address, Set<String> hosts, HttpRoutes routes, Consumer<Throwable> faults)
            throws IOException {
        this.server = HttpServer.start(
                address.host(),
                address.port(),
                routes,
                (path, status, message) -> error(message),
                LIMITS,
                Origins.LOCAL.withHosts(hosts),
                null,
                faults);
    }

    /**
     * Where it listens.
     *
     * @param port 0 takes any free one.
     */
    public record Address(String host, int port) {
        /** This host alone reaches it where the operator names no other address. */
        private static final String LOOPBACK = "localhost";

        /**
         * Reads the option.
         *
         * @param text "PORT" or "HOST:PORT"; an IPv6 address in brackets.
         * @throws IOException where it is neither.
         */
        public static Address parse(String option, String text) throws IOException {
            int colon = text.lastIndexOf(':');
            String host = colon < 0 ? LOOPBACK : text.substring(0, colon).replaceAll("^\\[(.*)]$", "$1");
            String port = text.substring(colon + 1);
            if (host.isEmpty() || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65_535) {
                throw new IOException(option + " is PORT or HOST:PORT, with a port from 0 to 65535, not " + text + ".");
            }
            return new Address(host, Integer.parseInt(port));
        }
    }

    private static byte[] error(String message) {
        try {
            return MAPPER.writeValueAsBytes(MAPPER.createObjectNode().put("error", message));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The port listened on. */
    public int port() {
        return server.port();
    }

    @Override
    public void close() {
        server.close();
    }
}
