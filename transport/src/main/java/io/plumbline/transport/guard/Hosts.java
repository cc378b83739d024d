package io.plumbline.transport.guard;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/** Which addresses count as one host's, for limits that each host has. */
public final class Hosts {
    private Hosts() {}

    /** An IPv4 address, or the network of an IPv6 one: whoever has one of its addresses has them all. */
    public static long of(InetAddress address) {
        ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
        return address instanceof Inet6Address ? bytes.getLong() : bytes.getInt();
    }
}
