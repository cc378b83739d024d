package io.plumbline.transport.guard;

import io.aeron.driver.DataPacketDispatcher;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.media.ReceiveChannelEndpoint;
import io.aeron.driver.media.UdpChannel;
import io.aeron.protocol.DataHeaderFlyweight;
import io.aeron.protocol.RttMeasurementFlyweight;
import io.aeron.protocol.SetupFlyweight;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;

/** Drops whatever comes from other hosts than some. */
final class KnownHostsReceiver extends ReceiveChannelEndpoint {
    private final Supplier<Set<InetAddress>> hosts;
    private final Consumer<DatagramChannel> opened;

    KnownHostsReceiver(
            UdpChannel channel,
            DataPacketDispatcher dispatcher,
            AtomicCounter status,
            MediaDriver.Context driver,
            Supplier<Set<InetAddress>> hosts,
            Consumer<DatagramChannel> opened) {
        super(channel, dispatcher, status, driver);
        this.opened = opened;
        this.hosts = hosts;
    }

    @Override
    public void openDatagramChannel(AtomicCounter indicator) {
        super.openDatagramChannel(indicator);
        opened.accept(receiveDatagramChannel);
    }

    private boolean isKnown(InetSocketAddress from) {
        return hosts.get().contains(from.getAddress());
    }

    @Override
    public void onSetupMessage(
            SetupFlyweight setup, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        if (isKnown(from)) {
            super.onSetupMessage(setup, buffer, length, from, transport);
        }
    }

    @Override
    public int onDataPacket(
            DataHeaderFlyweight data, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        return isKnown(from) ? super.onDataPacket(data, buffer, length, from, transport) : 0;
    }

    @Override
    public void onRttMeasurement(
            RttMeasurementFlyweight rtt, UnsafeBuffer buffer, int length, InetSocketAddress from, int transport) {
        if (isKnown(from)) {
            super.onRttMeasurement(rtt, buffer, length, from, transport);
        }
    }
}
