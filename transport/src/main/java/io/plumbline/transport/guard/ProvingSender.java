package io.plumbline.transport.guard;

import io.aeron.driver.DriverConductorProxy;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.NetworkPublication;
import io.aeron.driver.media.SendChannelEndpoint;
import io.aeron.driver.media.UdpChannel;
import io.aeron.protocol.ErrorFlyweight;
import io.aeron.protocol.HeaderFlyweight;
import io.aeron.protocol.SetupFlyweight;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.DatagramChannel;
import java.util.function.Consumer;
import org.agrona.collections.Hashing;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;

/**
 * Shows the cookies that {@link ProvenReceiver}s ask for: in the field of a set-up frame that holds the reach of
 * multicast (time to live) and is 0 where there is one destination. All on the media driver's sender thread.
 */
final class ProvingSender extends SendChannelEndpoint {
    /** A set-up frame's field; all of a frame are little-endian. */
    static final int TTL_OFFSET = 36;

    private final Long2ObjectHashMap<Shown> shown = new Long2ObjectHashMap<>();
    private final SetupFlyweight setup = new SetupFlyweight();

    /** What one publication sends to begin. */
    private static final class Shown {
        private final ByteBuffer setup =
                ByteBuffer.allocateDirect(SetupFlyweight.HEADER_LENGTH).order(ByteOrder.LITTLE_ENDIAN);
        private int cookie;
    }

    private final Consumer<DatagramChannel> opened;

    ProvingSender(
            UdpChannel channel, AtomicCounter status, MediaDriver.Context driver, Consumer<DatagramChannel> opened) {
        super(channel, status, driver);
        this.opened = opened;
    }

    @Override
    public void openDatagramChannel(AtomicCounter indicator) {
        super.openDatagramChannel(indicator);
        opened.accept(receiveDatagramChannel);
    }

    @Override
    public int send(ByteBuffer buffer) {
        boolean isSetup = buffer.remaining() == SetupFlyweight.HEADER_LENGTH
                && buffer.order(ByteOrder.LITTLE_ENDIAN).getShort(buffer.position() + HeaderFlyweight.TYPE_FIELD_OFFSET)
                        == HeaderFlyweight.HDR_TYPE_SETUP;
        if (!isSetup) {
            return super.send(buffer);
        }
        setup.wrap(buffer, buffer.position(), buffer.remaining());
        long key = Hashing.compoundKey(setup.sessionId(), setup.streamId());
        Shown one = shown.computeIfAbsent(key, absent -> new Shown());
        one.setup.clear().put(0, buffer, buffer.position(), buffer.remaining());
        return sendSetup(one);
    }

    private int sendSetup(Shown one) {
        one.setup.clear().putInt(TTL_OFFSET, one.cookie);
        return super.send(one.setup);
    }

    @Override
    public void onError(
            ErrorFlyweight error,
            UnsafeBuffer buffer,
            int length,
            InetSocketAddress from,
            DriverConductorProxy conductor) {
        int cookie = AddressProof.read(error, length);
        if (cookie == 0) {
            super.onError(error, buffer, length, from, conductor);
            return;
        }
        Shown one = shown.get(Hashing.compoundKey(error.sessionId(), error.streamId()));
        if (one != null && one.cookie != cookie) {
            // At once, not when the next is due, in a tenth of a second.
            one.cookie = cookie;
            sendSetup(one);
        }
    }

    @Override
    public void unregisterForSend(NetworkPublication publication) {
        shown.remove(Hashing.compoundKey(publication.sessionId(), publication.streamId()));
        super.unregisterForSend(publication);
    }
}
