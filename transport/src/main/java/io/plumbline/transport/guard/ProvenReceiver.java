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
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.collections.Hashing;
import org.agrona.collections.Long2LongCounterMap;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;

/**
 * Lets a set-up frame through to Aeron, which maps memory for it, only where its sender has shown a cookie, its
 * values are sound, and its host has not begun too many; and anything else only from the address that has begun.
 * Answers a set-up frame without a cookie with one. All on the media driver's receiver thread.
 */
final class ProvenReceiver extends ReceiveChannelEndpoint {
    /** Senders known at once, and of one host. */
    private static final int MAX_SENDERS = 8192;

    private static final int MAX_OF_HOST = 2048;

    /** Aeron forgets a sender that says nothing for ten seconds. */
    private static final long FORGET_NS = TimeUnit.SECONDS.toNanos(20);

    /** A set-up frame is repeated until it was answered. Afterwards it is a new beginning. */
    private static final long REPEAT_NS = TimeUnit.SECONDS.toNanos(2);

    private final AddressProof proof;
    private final int maxTermBytes;
    private final NanoClock clock;
    private final Rates rates = new Rates();
    private final Long2ObjectHashMap<Sender> senders = new Long2ObjectHashMap<>();
    private final Long2LongCounterMap ofHost = new Long2LongCounterMap(0);
    private long sweptNs;

    private static final class Sender {
        private final InetSocketAddress address;
        private final long sinceNs;
        private long heardNs;

        Sender(InetSocketAddress address, long nowNs) {
            this.address = address;
            this.sinceNs = nowNs;
            this.heardNs = nowNs;
        }
    }

    ProvenReceiver(
            UdpChannel channel,
            DataPacketDispatcher dispatcher,
            AtomicCounter status,
            MediaDriver.Context driver,
            AddressProof proof,
            int maxTermBytes) {
        super(channel, dispatcher, status, driver);
        this.proof = proof;
        this.maxTermBytes = maxTermBytes;
        this.clock = driver.receiverCachedNanoClock();
        this.sweptNs = clock.nanoTime();
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
        Sender sender = senders.get(key);
        boolean isRepeated = sender != null && sender.address.equals(from) && nowNs - sender.sinceNs < REPEAT_NS;
        if (!isRepeated) {
            if (!proof.holds(setup.ttl(), from, session, stream, nowNs)) {
                askForCookie(from, session, stream, nowNs);
                return;
            }
            if (!hasPlace(sender, from, nowNs) || !rates.admits(from.getAddress(), nowNs)) {
                return;
            }
            if (senders.put(key, new Sender(from, nowNs)) == null) {
                ofHost.incrementAndGet(Hosts.of(from.getAddress()));
            }
        }
        setup.ttl(0);
        super.onSetupMessage(setup, buffer, length, from, transport);
    }

    /** Whether there is a place: nobody takes that of another who still is heard. */
    private boolean hasPlace(Sender known, InetSocketAddress from, long nowNs) {
        if (nowNs - sweptNs > FORGET_NS / 4) {
            sweptNs = nowNs;
            senders.values().removeIf(sender -> isForgotten(sender, nowNs));
        }
        return known == null
                ? senders.size() < MAX_SENDERS && ofHost.get(Hosts.of(from.getAddress())) < MAX_OF_HOST
                : known.address.equals(from);
    }

    private boolean isForgotten(Sender sender, long nowNs) {
        boolean isForgotten = nowNs - sender.heardNs > FORGET_NS;
        if (isForgotten) {
            ofHost.decrementAndGet(Hosts.of(sender.address.getAddress()));
        }
        return isForgotten;
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

    private Sender sender(int session, int stream, InetSocketAddress from) {
        Sender sender = senders.get(Hashing.compoundKey(session, stream));
        return sender != null && sender.address.equals(from) ? sender : null;
    }

    @Override
    public int onDataPacket(
            DataHeaderFlyweight data, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        Sender sender =
                length < DataHeaderFlyweight.HEADER_LENGTH ? null : sender(data.sessionId(), data.streamId(), from);
        int taken = sender == null ? 0 : super.onDataPacket(data, buffer, length, from, transport);
        if (taken > 0) {
            // What was sent away, or waits for nobody, is forgotten however much it says.
            sender.heardNs = clock.nanoTime();
        }
        return taken;
    }

    @Override
    public void onRttMeasurement(
            RttMeasurementFlyweight rtt, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        if (length >= RttMeasurementFlyweight.HEADER_LENGTH && sender(rtt.sessionId(), rtt.streamId(), from) != null) {
            super.onRttMeasurement(rtt, buffer, length, from, transport);
        }
    }
}
