package io.plumbline.transport;

import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Arrays;

/** Addresses of hosts, as numbers: the media driver is never made to resolve a name, which would hold up everybody. */
public final class Addresses {
    private static final String V4 =
            "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)(\\.(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}";
    private static final String V6_GROUP = "[0-9A-Fa-f]{1,4}";
    private static final int V6_GROUPS = 8;

    /** First number of addresses of many hosts; what is beyond is reserved (RFC 5771, RFC 6890). */
    private static final int V4_MULTICAST = 224;

    private Addresses() {}

    /**
     * The address of a host. A name is resolved, which may take seconds.
     *
     * @throws IllegalArgumentException where it has none.
     */
    public static InetAddress resolve(String host) {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(host + " is no address, and no name that is known here.", e);
        }
    }

    /**
     * The address that this host reaches another from, in numbers; nothing is sent.
     *
     * @throws IllegalArgumentException where the other has no address, or there is no way to it.
     */
    public static String towards(String host, int port) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(new InetSocketAddress(resolve(host), port));
            return text(socket.getLocalAddress());
        } catch (SocketException | UncheckedIOException e) {
            throw new IllegalArgumentException("There is no way from this host to " + host + ".", e);
        }
    }

    /** Whether this is an address in numbers, "192.0.2.1" or "2001:db8::1", about which nobody needs to be asked. */
    public static boolean isNumeric(String host) {
        return host.matches(V4) || isV6(host);
    }

    /** Whether this is an address in numbers that one host may have: not of many hosts, and not of none. */
    public static boolean isOneHosts(String host) {
        if (host.matches(V4)) {
            int first = Integer.parseInt(host.substring(0, host.indexOf('.')));
            return first > 0 && first < V4_MULTICAST;
        }
        return isV6(host) && !host.matches("[0:]*") && !host.matches("[fF][fF]..:.*");
    }

    /** Eight groups (RFC 4291 section 2.2, forms 1 and 2), of which "::" stands for one or more that are zero. */
    private static boolean isV6(String host) {
        int gap = host.indexOf("::");
        if (gap < 0) {
            return groups(host) == V6_GROUPS;
        }
        int before = gap == 0 ? 0 : groups(host.substring(0, gap));
        int after = gap + 2 == host.length() ? 0 : groups(host.substring(gap + 2));
        return before >= 0 && after >= 0 && before + after < V6_GROUPS;
    }

    /** How many groups of digits there are between colons; negative where there is something else. */
    private static int groups(String text) {
        String[] groups = text.split(":", -1);
        return Arrays.stream(groups).allMatch(group -> group.matches(V6_GROUP)) ? groups.length : -V6_GROUPS;
    }

    /** An address in numbers, without the zone of a link. */
    public static String text(InetAddress address) {
        String host = address.getHostAddress();
        int zone = host.indexOf('%');
        return zone < 0 ? host : host.substring(0, zone);
    }

    /** "192.0.2.1:9000" or "[2001:db8::1]:9000". */
    static String text(InetAddress address, int port) {
        return (address instanceof Inet6Address ? "[" + text(address) + "]" : text(address)) + ":" + port;
    }

    /** Whether one of this host's network interfaces has it. */
    static boolean isOfInterface(InetAddress address) {
        try {
            return NetworkInterface.getByInetAddress(address) != null;
        } catch (SocketException e) {
            return false;
        }
    }
}
