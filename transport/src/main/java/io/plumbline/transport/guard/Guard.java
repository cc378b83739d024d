package io.plumbline.transport.guard;

import io.aeron.driver.MediaDriver;
import java.net.InetAddress;
import java.util.Set;
import java.util.function.Supplier;

/** From whom a media driver takes datagrams. */
public final class Guard {
    private Guard() {}

    /**
     * From whoever has shown that it receives at the address it sends from. Both sides must have this; a channel has
     * one destination.
     *
     * @param maxTermBytes the longest term buffer that a sender may ask for, a power of two.
     */
    public static MediaDriver.Context addressesProven(MediaDriver.Context context, int maxTermBytes) {
        AddressProof proof = new AddressProof();
        return context.receiveChannelEndpointSupplier((channel, dispatcher, status, driver) ->
                        new ProvenReceiver(channel, dispatcher, status, driver, proof, maxTermBytes))
                .sendChannelEndpointSupplier(ProvingSender::new);
    }

    /**
     * From some hosts only.
     *
     * @param hosts asked for each datagram: must be fast.
     */
    public static MediaDriver.Context hostsKnown(MediaDriver.Context context, Supplier<Set<InetAddress>> hosts) {
        return context.receiveChannelEndpointSupplier((channel, dispatcher, status, driver) ->
                        new KnownHostsReceiver(channel, dispatcher, status, driver, hosts))
                .sendChannelEndpointSupplier(
                        (channel, status, driver) -> new KnownHostsSender(channel, status, driver, hosts));
    }
}
