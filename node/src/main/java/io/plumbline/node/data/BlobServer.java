package io.plumbline.node.data;

import io.plumbline.data.store.BlobStore;
import io.plumbline.node.http.HttpLimits;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.HttpServer;
import io.plumbline.node.http.Origins;
import io.plumbline.node.tenant.Tenants;
import java.io.IOException;
import java.net.InetAddress;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;

/**
 * Serves a store over HTTP. Everybody may read what they know the id of; its blobs are changed by those with an API
 * key, or, where there are none, only if the server is reached from its own host alone.
 */
public final class BlobServer implements AutoCloseable {
    private final HttpServer server;

    /**
     * Starts it.
     *
     * @param store stays open when this is closed.
     * @param port 0 takes any free one.
     * @param origins the web pages that may use it, and names by which it may be asked.
     * @param tenants that may change the store; null for everybody on this host.
     * @param tls null for HTTP in the clear.
     * @param faults hears of what goes wrong with the server itself.
     */
    public BlobServer(
            BlobStore store,
            String host,
            int port,
            Origins origins,
            Tenants tenants,
            SSLContext tls,
            Consumer<Throwable> faults)
            throws IOException {
        HttpRoutes routes = new HttpRoutes();
        new BlobApi(store).addTo(routes, writers(host, tenants));
        server = HttpServer.start(
                host,
                port,
                routes,
                BlobJson::refusal,
                HttpLimits.ofBodies(BlobApi.MOST_ENCODED_BYTES),
                origins,
                tls,
                faults);
    }

    /** The same for pages of the browser's own host alone. */
    public BlobServer(
            BlobStore store, String host, int port, Tenants tenants, SSLContext tls, Consumer<Throwable> faults)
            throws IOException {
        this(store, host, port, Origins.LOCAL, tenants, tls, faults);
    }

    private static BlobApi.Guard writers(String host, Tenants tenants) throws IOException {
        if (tenants != null) {
            return handler -> tenants.guard(handler, false);
        }
        return InetAddress.getByName(host).isLoopbackAddress() ? handler -> handler : BlobApi.nobody();
    }

    public int port() {
        return server.port();
    }

    @Override
    public void close() {
        server.close();
    }
}
