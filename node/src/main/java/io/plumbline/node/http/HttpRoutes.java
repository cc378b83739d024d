package io.plumbline.node.http;

import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which handler answers which requests, by method and path. A path is compared part by part as it was sent and decoded
 * afterwards, so an encoded slash separates nothing; empty parts are passed over. What GET is served to, HEAD is too.
 */
public final class HttpRoutes {
    private final List<Route> routes = new ArrayList<>();

    /**
     * A route.
     *
     * @param parts of the path; {@code {name}} stands for any part that is not empty.
     * @param isProbe see {@link HttpRoutes#probe}.
     */
    private record Route(String method, List<String> parts, boolean isProbe, HttpHandler handler) {
        Route(String method, List<String> parts, HttpHandler handler) {
            this(method, parts, false, handler);
        }

        /** The parameters in {@code path}; null where this route is not the path's. */
        Map<String, String> match(List<String> path) {
            if (path.size() != parts.size()) {
                return null;
            }
            Map<String, String> parameters = new HashMap<>();
            for (int i = 0; i < parts.size(); i++) {
                String part = parts.get(i);
                if (part.startsWith("{")) {
                    parameters.put(part.substring(1, part.length() - 1), path.get(i));
                } else if (!part.equals(path.get(i))) {
                    return null;
                }
            }
            return parameters;
        }

        boolean serves(String asked) {
            return method.equals(asked) || (method.equals("GET") && asked.equals("HEAD"));
        }
    }

    /**
     * A route found for a request.
     *
     * @param isProbe see {@link HttpRoutes#probe}.
     * @param parameters what its path has in place of the route's {@code {names}}.
     */
    public record Match(HttpHandler handler, boolean isProbe, Map<String, String> parameters) {}

    /**
     * Adds a route.
     *
     * @param path such as {@code /v1/receipts/{request}}.
     */
    public HttpRoutes get(String path, HttpHandler handler) {
        routes.add(new Route("GET", parts(path), handler));
        return this;
    }

    /**
     * Adds a route that is asked by whatever name the server is reached at: by what watches over a process, which may
     * be told no other, and learns whether it is well.
     *
     * @param path such as {@code /healthz}.
     */
    public HttpRoutes probe(String path, HttpHandler handler) {
        routes.add(new Route("GET", parts(path), true, handler));
        return this;
    }

    /**
     * Adds a route.
     *
     * @param path such as {@code /v2/models/{model}/infer}.
     */
    public HttpRoutes post(String path, HttpHandler handler) {
        routes.add(new Route("POST", parts(path), handler));
        return this;
    }

    /**
     * Adds a route.
     *
     * @param path such as {@code /v1/blobs/{id}/pins/{name}}.
     */
    public HttpRoutes put(String path, HttpHandler handler) {
        routes.add(new Route("PUT", parts(path), handler));
        return this;
    }

    /**
     * Adds a route.
     *
     * @param path such as {@code /v1/blobs/{id}}.
     */
    public HttpRoutes delete(String path, HttpHandler handler) {
        routes.add(new Route("DELETE", parts(path), handler));
        return this;
    }

    /** Puts something before the handler of a route. */
    @FunctionalInterface
    public interface Wrapper {
        /**
         * @param method "GET", "POST", "PUT" or "DELETE".
         * @param path such as {@code /v1/receipts/{request}}.
         * @return what answers in place of {@code handler}.
         */
        HttpHandler wrap(String method, String path, HttpHandler handler);
    }

    /** These routes, each behind what {@code wrapper} puts before it. */
    public HttpRoutes wrapped(Wrapper wrapper) {
        HttpRoutes wrapped = new HttpRoutes();
        for (Route route : routes) {
            String path = "/" + String.join("/", route.parts());
            wrapped.routes.add(new Route(
                    route.method(),
                    route.parts(),
                    route.isProbe(),
                    wrapper.wrap(route.method(), path, route.handler())));
        }
        return wrapped;
    }

    /**
     * The route of a request.
     *
     * @param path as sent, without its query.
     * @throws HttpException 404 where no route has the path, 405 with the methods allowed where others than {@code
     *     method} do, 400 where it cannot be decoded.
     */
    public Match find(String method, String path) {
        List<String> wanted = parts(path).stream().map(HttpRoutes::decoded).toList();
        SortedSet<String> allowed = new TreeSet<>();
        for (Route route : routes) {
            Map<String, String> parameters = route.match(wanted);
            if (parameters != null && route.serves(method)) {
                return new Match(route.handler(), route.isProbe(), parameters);
            }
            if (parameters != null) {
                allowed.add(route.method());
                if (route.serves("HEAD")) {
                    allowed.add("HEAD");
                }
            }
        }
        if (allowed.isEmpty()) {
            throw new HttpException(404, "There is nothing at " + path + ".");
        }
        String methods = String.join(", ", allowed);
        throw new HttpException(
                405, path + " is not served to " + method + "; use " + methods + ".", Map.of("Allow", methods));
    }

    private static List<String> parts(String path) {
        return Arrays.stream(path.split("/")).filter(part -> !part.isEmpty()).toList();
    }

    private static String decoded(String part) {
        try {
            return URI.create("/" + part).getPath().substring(1);
        } catch (IllegalArgumentException e) {
            throw new HttpException(400, "The path is not encoded as a URI's: " + e.getMessage() + ".");
        }
    }
}
