package io.plumbline.node.http;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/**
 * The names by which a server in the clear may be asked. Another's page may have its own name lead here (DNS
 * rebinding): to its browser this server is then the page's own, so that it reads every answer and sends no origin with
 * a GET. The name in {@code Host} alone shows it. An address leads to one place, and {@code localhost} to the browser's
 * own host; with TLS the certificate has shown the name.
 *
 * @param names besides, in lower case.
 * @param isAny whether every name does, since pages of every origin may use the server.
 */
record HostNames(Set<String> names, boolean isAny) {
    private static final String NAME = "[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?";
    private static final String NUMBER = "\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-f:.]+]";

    /**
     * Those of a server.
     *
     * @param host that it listens on: a name or an address.
     */
    static HostNames of(String host, Origins origins) {
        Set<String> names = new HashSet<>();
        names.add(plain(host));
        origins.hosts().forEach(name -> names.add(plain(name)));
        for (String origin : origins.allowed()) {
            names.add(name(origin.replaceFirst("^https?://", "")));
        }
        return new HostNames(Set.copyOf(names), origins.allowed().contains("*"));
    }

    /** Whether this is one host's name, without a port. */
    static boolean isName(String text) {
        return plain(text).matches(NAME);
    }

    /**
     * Whether a request may ask by this name.
     *
     * @param header {@code Host}; null where there is none, as no browser sends it.
     */
    boolean allow(String header) {
        if (header == null || isAny) {
            return true;
        }
        String name = name(header);
        return name.matches(NUMBER) || name.equals("localhost") || name.endsWith(".localhost") || names.contains(name);
    }

    /**
     * The line that a request by another name is refused with.
     *
     * @param header {@code Host}.
     */
    static String refusal(String header) {
        String name = name(header);
        return "This server is not asked by the name in Host, which another's page may have had lead here. Where it is"
                + " the server's, its operator names it: --allow-host "
                + (isName(name) ? name : "NAME") + ". Addresses that are numbers are always taken.";
    }

    /** The name in {@code Host}, which may have a port. */
    private static String name(String header) {
        return plain(header.replaceFirst(":\\d*$", ""));
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceFirst("\\.$", "");
    }
}
