package io.plumbline.transport.guard;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/** Which addresses count as one host's, for limits that each host has. */
public final class Hosts {
    private Hosts() {}

    /** Bits of an IPv6 address that do not tell one site from another. */
    private static final int WITHIN_SITE_BITS = 16;

    /**
     * An IPv4 address, or the site of an IPv6 one, its first 48 bits: whoever has one of its addresses may have them
     * all. Lines come with a /56 or a /48, and tunnels with a /48: counted by /64, one such line is as many hosts as
     * there are places.
     */
    public static long of(InetAddress address) {
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        return address instanceof Inet6Address ? bytes.getLong() >>> WITHIN_SITE_BITS : bytes.getInt();
    }
}
