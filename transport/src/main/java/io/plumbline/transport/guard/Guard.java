package io.plumbline.transport.guard;

import io.aeron.driver.MediaDriver;
import java.net.InetAddress;
import java.nio.channels.DatagramChannel;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** From whom a media driver takes datagrams. */
public final class Guard {
    private Guard() {}

    /**
     * From whoever has shown that it receives at the address it sends from. Both sides must have this; a channel has
     * one destination.
     *
     * @param maxTermBytes the longest term buffer that a sender may ask for, a power of two.
     * @param opened told of each channel that datagrams may come to, on a thread of the driver's.
     */
    public static MediaDriver.Context addressesProven(
            MediaDriver.Context context, int maxTermBytes, Consumer<DatagramChannel> opened) {
        AddressProof proof = new AddressProof();
        return context.receiveChannelEndpointSupplier((channel, dispatcher, status, driver) ->
                        new ProvenReceiver(channel, dispatcher, status, driver, proof, maxTermBytes, opened))
                .sendChannelEndpointSupplier(
                        (channel, status, driver) -> new ProvingSender(channel, status, driver, opened));
    }

    /**
     * From some hosts only.
     *
     * @param hosts asked for each datagram: must be fast.
     * @param opened as above.
     */
    public static MediaDriver.Context hostsKnown(
            MediaDriver.Context context, Supplier<Set<InetAddress>> hosts, Consumer<DatagramChannel> opened) {
        return context.receiveChannelEndpointSupplier((channel, dispatcher, status, driver) ->
                        new KnownHostsReceiver(channel, dispatcher, status, driver, hosts, opened))
                .sendChannelEndpointSupplier(
                        (channel, status, driver) -> new KnownHostsSender(channel, status, driver, hosts, opened));
    }
}
