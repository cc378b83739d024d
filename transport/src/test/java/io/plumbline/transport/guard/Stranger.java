package io.plumbline.transport.guard;

import io.aeron.protocol.HeaderFlyweight;
import io.aeron.protocol.SetupFlyweight;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A host without a key that sends datagrams of its own making to a port of this host. */
public final class Stranger implements AutoCloseable {
    private static final int STREAM = 1001;

    /** A set-up frame as it goes over the network, for a session of a 64 KiB term unless changed. */
    public static final class Setup {
        public int session = 5;
        public int termLength = 1 << 16;
        public int termOffset;
        public int mtu = 1408;
        public int active;
        public int cookie;

        public byte[] bytes() {
            ByteBuffer frame = ByteBuffer.allocate(SetupFlyweight.HEADER_LENGTH).order(ByteOrder.LITTLE_ENDIAN);
            frame.putInt(frame.capacity()).putShort((short) 0).putShort((short) HeaderFlyweight.HDR_TYPE_SETUP);
            frame.putInt(termOffset).putInt(session).putInt(STREAM).putInt(7).putInt(7 + active);
            return frame.putInt(termLength).putInt(mtu).putInt(cookie).array();
        }
    }

    private final DatagramSocket socket;
    private final int port;

    public Stranger(String host, int port) throws IOException {
        this.socket = new DatagramSocket(new InetSocketAddress(host, 0));
        this.port = port;
        socket.setSoTimeout(500);
    }

    public void send(byte[] frame) throws IOException {
        socket.send(new DatagramPacket(frame, frame.length, InetAddress.getLoopbackAddress(), port));
    }

    /** What comes back next; null where nothing does. */
    public ByteBuffer next() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
        try {
            socket.receive(packet);
        } catch (SocketTimeoutException e) {
            return null;
        }
        return ByteBuffer.wrap(packet.getData(), 0, packet.getLength()).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The cookie that is asked for; 0 where something else, or nothing, comes back. */
    public int asks(byte[] frame) throws IOException {
        send(frame);
        ByteBuffer reply = next();
        return reply != null && reply.getShort(6) == HeaderFlyweight.HDR_TYPE_ERR ? reply.getInt(32) : 0;
    }

    /** Whether it is taken for a sender: its receiver says how far it has come. */
    public boolean isTaken(byte[] frame) throws IOException {
        send(frame);
        ByteBuffer reply = next();
        return reply != null && reply.getShort(6) == HeaderFlyweight.HDR_TYPE_SM;
    }

    @Override
    public void close() {
        socket.close();
    }
}
