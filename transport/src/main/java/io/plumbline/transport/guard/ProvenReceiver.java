package io.plumbline.transport.guard;

import io.aeron.driver.Configuration;
import io.aeron.driver.DataPacketDispatcher;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.media.ImageConnection;
import io.aeron.driver.media.ReceiveChannelEndpoint;
import io.aeron.driver.media.UdpChannel;
import io.aeron.logbuffer.FrameDescriptor;
import io.aeron.logbuffer.LogBufferDescriptor;
import io.aeron.protocol.DataHeaderFlyweight;
import io.aeron.protocol.RttMeasurementFlyweight;
import io.aeron.protocol.SetupFlyweight;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.util.function.Consumer;
import org.agrona.BitUtil;
import org.agrona.collections.Hashing;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;

/**
 * Lets a set-up frame through to Aeron, which maps memory for it, only where its sender has shown a cookie, its
 * values are sound, and its host has not begun too many; and anything else only from the address that has begun.
 * Answers a set-up frame without a cookie with one. All on the media driver's receiver thread.
 */
final class ProvenReceiver extends ReceiveChannelEndpoint {
    private final AddressProof proof;
    private final int maxTermBytes;
    private final NanoClock clock;
    private final Rates rates = new Rates();
    private final Senders senders;
    private final Consumer<DatagramChannel> opened;

    ProvenReceiver(
            UdpChannel channel,
            DataPacketDispatcher dispatcher,
            AtomicCounter status,
            MediaDriver.Context driver,
            AddressProof proof,
            int maxTermBytes,
            Consumer<DatagramChannel> opened) {
        super(channel, dispatcher, status, driver);
        this.opened = opened;
        this.proof = proof;
        this.maxTermBytes = maxTermBytes;
        this.clock = driver.receiverCachedNanoClock();
        this.senders = new Senders(clock.nanoTime());
    }

    @Override
    public void openDatagramChannel(AtomicCounter indicator) {
        super.openDatagramChannel(indicator);
        opened.accept(receiveDatagramChannel);
    }

    @Override
    public void onSetupMessage(
            SetupFlyweight setup, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        if (length < SetupFlyweight.HEADER_LENGTH || !isSound(setup)) {
            return;
        }
        long nowNs = clock.nanoTime();
        int session = setup.sessionId();
        int stream = setup.streamId();
        long key = Hashing.compoundKey(session, stream);
        if (!senders.hasJustBegun(key, from, nowNs)) {
            if (!proof.holds(setup.ttl(), from, session, stream, nowNs)) {
                askForCookie(from, session, stream, nowNs);
                return;
            }
            if (!senders.hasPlace(key, from, nowNs) || !rates.admits(from.getAddress(), nowNs)) {
                return;
            }
            senders.add(key, from, nowNs);
        }
        setup.ttl(0);
        super.onSetupMessage(setup, buffer, length, from, transport);
    }

    /** Aeron computes with these. */
    private boolean isSound(SetupFlyweight setup) {
        int term = setup.termLength();
        int mtu = setup.mtuLength();
        int offset = setup.termOffset();
        return term >= LogBufferDescriptor.TERM_MIN_LENGTH
                && term <= maxTermBytes
                && BitUtil.isPowerOfTwo(term)
                && mtu > DataHeaderFlyweight.HEADER_LENGTH
                && mtu <= Configuration.MAX_UDP_PAYLOAD_LENGTH
                && mtu <= socketRcvbufLength()
                && BitUtil.isAligned(mtu, FrameDescriptor.FRAME_ALIGNMENT)
                && offset >= 0
                && offset <= term
                && BitUtil.isAligned(offset, FrameDescriptor.FRAME_ALIGNMENT)
                && setup.activeTermId() - setup.initialTermId() >= 0;
    }

    private void askForCookie(InetSocketAddress from, int session, int stream, long nowNs) {
        int cookie = proof.cookie(from, session, stream, nowNs);
        ImageConnection[] there = {new ImageConnection(nowNs, from)};
        sendErrorFrame(there, session, stream, cookie, AddressProof.MESSAGE);
    }

    @Override
    public int onDataPacket(
            DataHeaderFlyweight data, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        if (length < DataHeaderFlyweight.HEADER_LENGTH) {
            return 0;
        }
        long key = Hashing.compoundKey(data.sessionId(), data.streamId());
        int taken = senders.has(key, from) ? super.onDataPacket(data, buffer, length, from, transport) : 0;
        if (taken > 0) {
            // What was sent away, or waits for nobody, is forgotten however much it says.
            senders.heard(key, clock.nanoTime());
        }
        return taken;
    }

    @Override
    public void onRttMeasurement(
            RttMeasurementFlyweight rtt, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        if (length >= RttMeasurementFlyweight.HEADER_LENGTH
                && senders.has(Hashing.compoundKey(rtt.sessionId(), rtt.streamId()), from)) {
            super.onRttMeasurement(rtt, buffer, length, from, transport);
        }
    }
}
