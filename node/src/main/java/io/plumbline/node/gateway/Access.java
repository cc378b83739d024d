package io.plumbline.node.gateway;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpHandler;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.network.EverySecond;
import io.plumbline.node.page.PageRoutes;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.node.tls.CertificateFiles;
import java.io.IOException;
import java.util.Set;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.agrona.CloseHelper;

/**
 * The tenants that may use an API, or how each call is paid for, and the certificate by which they know it. Their files
 * are looked at again every second once the server runs.
 */
public final class Access implements AutoCloseable {
    /** Asked by programs that watch over a server and have no key; the answer is yes or no, and nothing more. */
    private static final Set<String> OPEN_PATHS =
            Set.of("/health", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready");

    private final Tenants tenants;
    private final CertificateFiles certificate;
    private final PayPerCall calls;
    private EverySecond looking;

    /**
     * @param tenants null where everybody may use it.
     * @param certificate null where it is served in the clear.
     */
    public Access(Tenants tenants, CertificateFiles certificate) {
        this(tenants, certificate, null);
    }

    private Access(Tenants tenants, CertificateFiles certificate, PayPerCall calls) {
        this.tenants = tenants;
        this.certificate = certificate;
        this.calls = calls;
    }

    /** The same for those too that pay for each call: requests without a key that compute. Closed in place of this. */
    Access paidBy(PayPerCall each) {
        return new Access(tenants, certificate, each);
    }

    /** Everybody, in the clear. */
    public static Access open() {
        return new Access(null, null);
    }

    /**
     * These routes, for tenants alone, or for calls that are paid. A route counts as a request where it computes: where
     * it is posted to.
     */
    HttpRoutes guard(HttpRoutes routes) {
        return tenants == null && calls == null
                ? routes
                : routes.wrapped((method, path, handler) -> OPEN_PATHS.contains(path) || PageRoutes.PATHS.contains(path)
                        ? handler
                        : refusing(Http.form(path), guard(path, handler, method.equals("POST"))));
    }

    private HttpHandler guard(String path, HttpHandler handler, boolean isCounted) {
        HttpHandler keyed = tenants == null ? null : tenants.guard(handler, isCounted);
        if (calls == null) {
            return keyed;
        }
        HttpHandler paid = isCounted ? calls.guard(path, handler) : handler;
        return keyed == null ? paid : http -> (Tenants.showsKey(http) ? keyed : paid).handle(http);
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

    /** Whether a key is needed, so that what is asked and answered is nobody's business but tenants'. */
    public boolean isPrivate() {
        return tenants != null;
    }

    /**
     * Whether what is measured may be shown beside the API: not where strangers are meant to come to it, with keys or
     * to pay for each call.
     */
    boolean showsMetrics() {
        return tenants == null && calls == null;
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
        if (tenants == null && certificate == null && calls == null) {
            return;
        }
        looking = new EverySecond("api-files", this::lookAgain, faults);
    }

    private void lookAgain() throws IOException {
        if (certificate != null) {
            certificate.lookAgain();
        }
        if (tenants != null) {
            tenants.lookAgain();
        }
        if (calls != null) {
            calls.save();
        }
    }

    @Override
    public void close() {
        CloseHelper.closeAll(looking, tenants, calls);
    }
}
