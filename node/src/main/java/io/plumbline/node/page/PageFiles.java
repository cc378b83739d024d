package io.plumbline.node.page;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.verifier.blake3.Blake3;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/**
 * The page's files, out of the jar: its own, and the JavaScript verifier's, which is the same that others use. They are
 * named here one by one, read once and kept compressed too, so that no path leads anywhere else.
 */
final class PageFiles {
    private static final String OWN = "/io/plumbline/node/page/";
    private static final String VERIFIER = "/io/plumbline/verifier/js/";

    private static final List<String> OWN_NAMES = List.of(
            "index.html",
            "style.css",
            "icon.svg",
            "app.js",
            "audits.js",
            "cells.js",
            "chat.js",
            "dom.js",
            "feeds.js",
            "format.js",
            "live.js",
            "network.js",
            "node.js",
            "receipts.js",
            "shown.js",
            "slashes.js",
            "store.js",
            "theme.js",
            "verify.js");

    private static final List<String> VERIFIER_NAMES = List.of(
            "answer.js",
            "blake3.js",
            "bytes.js",
            "certificate.js",
            "ed25519.js",
            "errors.js",
            "network.js",
            "proof.js",
            "reader.js",
            "receipt.js",
            "request.js",
            "settlement.js",
            "stateproof.js",
            "verifier.js");

    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml");

    /**
     * Rights of the page in a browser: run these files and ask this server. No text that a stranger gave could load
     * or run anything, were it ever taken for markup.
     */
    static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src"
            + " 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final Map<String, PageFile> OWN_FILES = read(OWN, OWN_NAMES);
    private static final Map<String, PageFile> VERIFIER_FILES = read(VERIFIER, VERIFIER_NAMES);

    private PageFiles() {}

    /** @param tag the ETag of these bytes, with its quotation marks. */
    private record PageFile(String type, byte[] bytes, byte[] compressed, String tag) {}

    private static Map<String, PageFile> read(String folder, List<String> names) {
        Map<String, PageFile> files = new HashMap<>();
        for (String name : names) {
            try (InputStream in = PageFiles.class.getResourceAsStream(folder + name)) {
                if (in == null) {
                    throw new IllegalStateException("The jar lacks " + folder + name + ".");
                }
                byte[] bytes = in.readAllBytes();
                String tag = '"' + Blake3.hex(Blake3.hash(bytes)).substring(0, 32) + '"';
                String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
                files.put(name, new PageFile(type, bytes, compressed(bytes), tag));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return Map.copyOf(files);
    }

    private static byte[] compressed(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
            zip.write(bytes);
        }
        return out.toByteArray();
    }

    /** Sends the page itself. */
    static void page(HttpExchange http) throws IOException {
        send(http, OWN_FILES.get("index.html"));
    }

    /** Sends one of the page's files. */
    static void own(HttpExchange http) throws IOException {
        send(http, OWN_FILES.get(http.parameter("file")));
    }

    /** Sends one of the verifier's files. */
    static void verifier(HttpExchange http) throws IOException {
        send(http, VERIFIER_FILES.get(http.parameter("file")));
    }

    private static void send(HttpExchange http, PageFile file) throws IOException {
        if (file == null) {
            throw new HttpException(404, "The page has no such file.");
        }
        guard(http);
        http.responseHeader("Content-Type", file.type);
        // Weak: the same file is sent as two sequences of bytes.
        http.responseHeader("ETag", "W/" + file.tag);
        // Asked for each time, and sent only where it has changed: an upgrade is seen at once.
        http.responseHeader("Cache-Control", "no-cache");
        http.responseHeader("Vary", "Accept-Encoding, Origin");
        if (names(http.requestHeader("If-None-Match"), file.tag)) {
            http.send(304, new byte[0]);
            return;
        }
        if (names(http.requestHeader("Accept-Encoding"), "gzip")) {
            http.responseHeader("Content-Encoding", "gzip");
            http.send(200, file.compressed);
        } else {
            http.send(200, file.bytes);
        }
    }

    /** Whether a list of tags or codings has this one. One that is given a weight is passed over. */
    private static boolean names(String list, String wanted) {
        return list != null
                && List.of(list.split(",")).stream()
                        .map(one -> one.strip().replaceFirst("^W/", ""))
                        .anyMatch(wanted::equals);
    }

    /** Headers for everything that the page is made of. */
    static void guard(HttpExchange http) {
        http.responseHeader("Content-Security-Policy", POLICY);
        http.responseHeader("X-Content-Type-Options", "nosniff");
        http.responseHeader("Referrer-Policy", "no-referrer");
        http.responseHeader("Cross-Origin-Opener-Policy", "same-origin");
        http.responseHeader("Cross-Origin-Resource-Policy", "same-origin");
    }
}
