package io.plumbline.node.gateway;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.node.tls.CertificateFiles;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.agrona.CloseHelper;

/**
 * The tenants that may use an API, and the certificate by which they know it; both from files that are looked at again
 * every second once the server runs.
 */
public final class Access implements AutoCloseable {
    /** Asked by programs that watch over a server and have no key; the answer is yes or no, and nothing more. */
    private static final Set<String> OPEN_PATHS =
            Set.of("/health", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready");

    private final Tenants tenants;
    private final CertificateFiles certificate;
    private ScheduledExecutorService looking;

    /**
     * @param tenants null where everybody may use it.
     * @param certificate null where it is served in the clear.
     */
    public Access(Tenants tenants, CertificateFiles certificate) {
        this.tenants = tenants;
        this.certificate = certificate;
    }

    /** Everybody, in the clear. */
    public static Access open() {
        return new Access(null, null);
    }

    /** These routes, for tenants alone. A route counts as a request where it computes: where it is posted to. */
    HttpRoutes guard(HttpRoutes routes) {
        return tenants == null
                ? routes
                : routes.wrapped((method, path, handler) -> OPEN_PATHS.contains(path)
                        ? handler
                        : refusing(Http.form(path), tenants.guard(handler, method.equals("POST"))));
    }

    private static HttpHandler refusing(Http.Refusal form, HttpHandler handler) {
        return http -> {
            try {
                handler.handle(http);
            } catch (HttpException e) {
                Http.refuse(http, form, e);
            }
        };
    }

    /** Null where everybody may use it. */
    Tenants tenants() {
        return tenants;
    }

    /** Null where it is served in the clear. */
    SSLContext tls() {
        return certificate == null ? null : certificate.context();
    }

    /** Begins to look at the files. {@code faults} hears of what goes wrong but with the files themselves. */
    void start(Consumer<Throwable> faults) {
        if (tenants == null && certificate == null) {
            return;
        }
        looking = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("api-files").factory());
        looking.scheduleWithFixedDelay(() -> lookAgain(faults), 1, 1, TimeUnit.SECONDS);
    }

    private void lookAgain(Consumer<Throwable> faults) {
        try {
            if (certificate != null) {
                certificate.lookAgain();
            }
            if (tenants != null) {
                tenants.lookAgain();
            }
        } catch (RuntimeException e) {
            // It would not be looked at again.
            faults.accept(e);
        }
    }

    @Override
    public void close() {
        if (looking != null) {
            looking.shutdownNow();
        }
        CloseHelper.close(tenants);
    }
}
