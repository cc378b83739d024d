package io.plumbline.transport;

import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;

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
     * The first of a run of free ports. Where it begins to look differs from process to process, so that two that
     * look at once seldom find the same.
     *
     * @throws SocketException where there is none.
     */
    public static int free(int count) throws SocketException {
        int begin = FIRST + (int) (ProcessHandle.current().pid() % 1000) * 20;
        for (int base = begin; base + count <= LAST; base += count) {
            if (areFree(base, count)) {
                return base;
            }
        }
        throw new SocketException("No " + count + " free UDP ports in a row were found above " + begin + ".");
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
