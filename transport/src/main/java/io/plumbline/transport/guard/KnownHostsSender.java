package io.plumbline.transport.guard;

import io.aeron.driver.DriverConductorProxy;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.media.SendChannelEndpoint;
import io.aeron.driver.media.UdpChannel;
import io.aeron.protocol.ErrorFlyweight;
import io.aeron.protocol.NakFlyweight;
import io.aeron.protocol.StatusMessageFlyweight;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.AtomicCounter;

/** Hears nothing of other hosts than some. */
final class KnownHostsSender extends SendChannelEndpoint {
    private final Supplier<Set<InetAddress>> hosts;
    private final Consumer<DatagramChannel> opened;

    KnownHostsSender(
            UdpChannel channel,
            AtomicCounter status,
            MediaDriver.Context driver,
            Supplier<Set<InetAddress>> hosts,
            Consumer<DatagramChannel> opened) {
        super(channel, status, driver);
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
    public void onStatusMessage(
            StatusMessageFlyweight message,
            UnsafeBuffer buffer,
            int length,
            InetSocketAddress from,
            DriverConductorProxy conductor) {
        if (isKnown(from)) {
            super.onStatusMessage(message, buffer, length, from, conductor);
        }
    }

    @Override
    public void onError(
            ErrorFlyweight error,
            UnsafeBuffer buffer,
            int length,
            InetSocketAddress from,
            DriverConductorProxy conductor) {
        if (isKnown(from)) {
            super.onError(error, buffer, length, from, conductor);
        }
    }

    @Override
    public void onNakMessage(NakFlyweight nak, UnsafeBuffer buffer, int length, InetSocketAddress from) {
        if (isKnown(from)) {
            super.onNakMessage(nak, buffer, length, from);
        }
    }
}
