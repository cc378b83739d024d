package io.plumbline.transport;

import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.concurrent.ThreadLocalRandom;

/** UDP ports of this machine that nobody uses, for those that others must know before they are bound. */
public final class Ports {
    /**
     * Below those that systems give to sockets that ask for any port: one of these could be taken by the time it is
     * bound.
     */
    private static final int FIRST = 10_000;

    private static final int LAST = 32_000;

    private Ports() {}

    /**
     * The first of a run of free ports. Each search begins at a place drawn at random, so that two that look at once,
     * in one process or in several, seldom find the same.
     *
     * @throws SocketException where there is none.
     */
    public static int free(int count) throws SocketException {
        int places = LAST - FIRST - count + 1;
        int drawn = ThreadLocalRandom.current().nextInt(places);
        for (int i = 0; i < places; i++) {
            int base = FIRST + (drawn + i) % places;
            if (areFree(base, count)) {
                return base;
            }
        }
        throw new SocketException(
                "No " + count + " free UDP ports in a row were found from " + FIRST + " to " + LAST + ".");
    }

    private static boolean areFree(int base, int count) throws SocketException {
        for (int port = base; port < base + count; port++) {
            try (DatagramSocket socket = new DatagramSocket(null)) {
                socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            } catch (BindException e) {
                return false;
            }
        }
        return true;
    }
}
