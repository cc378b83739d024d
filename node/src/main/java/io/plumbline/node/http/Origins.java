package io.plumbline.node.http;

import java.net.URI;
import java.util.HashSet;
import java.util.Set;

/**
 * The web pages that may use this server, by their origins (the Fetch standard's CORS protocol). A browser sends on any
 * page's behalf what needs no leave, and only keeps the answer from it: pages that may not are refused before anything
 * is done for them. Programs that are no browsers send no origin, and are not asked.
 *
 * @param allowed origins as browsers send them, "https://app.example"; "*" stands for all. Pages of the browser's own
 *     host are always allowed: whoever made them runs there.
 * @param hosts names by which the server may be asked in the clear, beside those of {@link HostNames}, without ports: a
 *     page that is not ours may have its own lead here.
 */
public record Origins(Set<String> allowed, Set<String> hosts) {
    /** Pages of the browser's own host alone. */
    public static final Origins LOCAL = new Origins(Set.of());

    private static final Set<String> LOCAL_HOSTS = Set.of("localhost", "127.0.0.1", "[::1]");

    /**
     * Checks each.
     *
     * @throws IllegalArgumentException naming one that is no origin, or no host's name.
     */
    public Origins {
        for (String origin : allowed) {
            if (!origin.equals("*") && !origin.matches("https?://[^/?#@\\s]+")) {
                throw new IllegalArgumentException(
                        origin + " is no origin. Write it as browsers do, without a path: https://app.example.");
            }
        }
        for (String host : hosts) {
            if (!HostNames.isName(host)) {
                throw new IllegalArgumentException(
                        host + " is no host's name. Write it without a port: gateway.example.");
            }
        }
        allowed = Set.copyOf(allowed);
        hosts = Set.copyOf(hosts);
    }

    /** Of a server that has no names but its own. */
    public Origins(Set<String> allowed) {
        this(allowed, Set.of());
    }

    /** These pages, and a server that has these names too. */
    public Origins withHosts(Set<String> names) {
        Set<String> all = new HashSet<>(hosts);
        all.addAll(names);
        return new Origins(allowed, all);
    }

    boolean allow(String origin) {
        return allowed.contains("*") || allowed.contains(origin) || isLocal(origin);
    }

    /**
     * Whether a page is this server's own. Without TLS a name proves nothing: another's page may have had its own name
     * lead here (DNS rebinding), and would pass for ours. An address leads to one place, and with TLS the certificate
     * has shown the name.
     *
     * @param host the request's header; null where it has none.
     */
    static boolean isOwn(String origin, String host, boolean isTls) {
        return host != null
                && origin.equals((isTls ? "https://" : "http://") + host)
                && (isTls || host.matches("(\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-fA-F:.]+])(:\\d{1,5})?"));
    }

    private static boolean isLocal(String origin) {
        try {
            String host = URI.create(origin).getHost();
            return host != null && LOCAL_HOSTS.contains(host);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
