package io.plumbline.node.http;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * Serves HTTP/1.1 and HTTP/1.0 on one port, in the clear or over TLS 1.3 and 1.2. Requests are framed as RFC 9112 says
 * or refused, and a connection on which one was refused ends. One thread moves bytes; each request is answered on a
 * virtual thread of its own.
 */
public final class HttpServer implements AutoCloseable {
    /** The selector's thread, the sweep's, and some for what neither may wait for. */
    private static final int MAX_THREADS = 8;

    private static final int MIN_THREADS = 2;

    private final Server server;
    private final ServerConnector connector;
    private final ConnectionSweep sweep;

    private HttpServer(
            String host,
            int port,
            HttpRoutes routes,
            HttpErrors errors,
            HttpLimits limits,
            Origins origins,
            SSLContext tls,
            Consumer<Throwable> faults) {
        QueuedThreadPool threads = new QueuedThreadPool(MAX_THREADS, MIN_THREADS);
        threads.setName("http");
        threads.setDaemon(true);
        threads.setReservedThreads(0);
        threads.setVirtualThreadsExecutor(VirtualThreads.getNamedVirtualThreadsExecutor("http-request-"));
        server = new Server(threads);
        // No accepting thread: the one selector accepts too.
        connector = new ServerConnector(server, 0, 1, connections(limits, tls)) {
            @Override
            protected SocketChannelEndPoint newEndPoint(
                    SocketChannel channel, ManagedSelector selector, SelectionKey key) {
                ClientConnection connection =
                        new ClientConnection(channel, selector, key, getScheduler(), limits, tls != null);
                connection.setIdleTimeout(getIdleTimeout());
                return connection;
            }
        };
        connector.setHost(host);
        connector.setPort(port);
        // Clients that come together wait here; the system's own 50 would drop some, which try again a second later.
        connector.setAcceptQueueSize(limits.connections());
        // The sweep ends what is idle between requests; within one its own limit holds.
        connector.setIdleTimeout(0);
        server.addConnector(connector);
        server.addBean(new NetworkConnectionLimit(limits.connections(), connector));
        server.setHandler(new RequestDispatcher(host, routes, errors, limits, origins, faults));
        server.setDefaultHandler(null);
        server.setErrorHandler(new ErrorResponses(errors));
        server.setStopTimeout(0);
        sweep = new ConnectionSweep(connector, limits, errors, faults);
    }

    private static ConnectionFactory[] connections(HttpLimits limits, SSLContext tls) {
        HttpConfiguration configuration = new HttpConfiguration();
        configuration.setHttpCompliance(HttpCompliance.STRICT);
        // Routes compare the parts of a path as they were sent: what is ambiguous in a file's path is not in theirs.
        configuration.setUriCompliance(UriCompliance.DEFAULT.with(
                "routes",
                UriCompliance.Violation.AMBIGUOUS_EMPTY_SEGMENT,
                UriCompliance.Violation.AMBIGUOUS_PATH_SEPARATOR));
        configuration.setRequestHeaderSize(limits.headBytes());
        configuration.setSendServerVersion(false);
        configuration.setSendXPoweredBy(false);
        HttpConnectionFactory http = new HttpConnectionFactory(configuration);
        return tls == null
                ? new ConnectionFactory[] {http}
                : new ConnectionFactory[] {new SslConnectionFactory(secured(tls), http.getProtocol()), http};
    }

    private static SslContextFactory.Server secured(SSLContext tls) {
        SslContextFactory.Server secured = new SslContextFactory.Server();
        secured.setSslContext(tls);
        secured.setIncludeProtocols("TLSv1.3", "TLSv1.2");
        // A client could have this host shake hands again and again for one connection.
        secured.setRenegotiationAllowed(false);
        return secured;
    }

    /**
     * Starts a server.
     *
     * @param host to listen on, and a name by which it is asked: see {@link Origins#hosts}.
     * @param port 0 takes any free one.
     * @param errors words what the server itself refuses.
     * @param origins the web pages that may use it.
     * @param tls with the server's certificate; null for HTTP in the clear.
     * @param faults hears of what handlers throw that is no refusal; on the handler's thread.
     * @throws IOException where the address cannot be listened on.
     */
    public static HttpServer start(
            String host,
            int port,
            HttpRoutes routes,
            HttpErrors errors,
            HttpLimits limits,
            Origins origins,
            SSLContext tls,
            Consumer<Throwable> faults)
            throws IOException {
        HttpServer server = new HttpServer(host, port, routes, errors, limits, origins, tls, faults);
        try {
            server.server.start();
        } catch (Exception e) {
            server.close();
            throw new IOException(
                    "This process cannot listen on " + host + ":" + port
                            + ": the port is in use or not permitted. Choose another, or stop what uses this one.",
                    e);
        }
        server.sweep.start();
        return server;
    }

    /** The port listened on. */
    public int port() {
        return connector.getLocalPort();
    }

    /** Whether clients must speak TLS. */
    boolean isTls() {
        return connector.getConnectionFactory(SslConnectionFactory.class) != null;
    }

    /** Ends all connections; requests under way see theirs fail. */
    @Override
    public void close() {
        sweep.close();
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException("The HTTP server did not stop.", e);
        }
    }
}
