package io.plumbline.transport.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

/** One line with an IPv6 prefix is one host, however many networks its owner makes of it. */
class HostsTest {
    private static final int PORT = 4000;

    private static InetAddress network(int number) throws UnknownHostException {
        return InetAddress.getByName(String.format("2001:db8:77:%x::1", number));
    }

    private static InetAddress other() throws UnknownHostException {
        return InetAddress.getByName("203.0.113.9");
    }

    @Test
    void aSiteIsOneHost() throws UnknownHostException {
        assertEquals(Hosts.of(network(0)), Hosts.of(network(0xffff)));
        assertNotEquals(Hosts.of(network(0)), Hosts.of(InetAddress.getByName("2001:db8:78::1")));
        assertNotEquals(Hosts.of(other()), Hosts.of(InetAddress.getByName("203.0.113.10")));
    }

    @Test
    void theNetworksOfASiteShutNewcomersOutOfNoPlace() throws UnknownHostException {
        Senders senders = new Senders(0);
        int held = 0;
        for (int i = 0; i < 2 * Senders.MAX; i++) {
            InetSocketAddress from = new InetSocketAddress(network(i), PORT);
            if (senders.hasPlace(i, from, 0)) {
                senders.add(i, from, 0);
                held++;
            }
        }
        assertEquals(Senders.MAX_OF_HOST, held);
        assertTrue(senders.hasPlace(-1, new InetSocketAddress(other(), PORT), 0));
    }

    @Test
    void theNetworksOfASiteBeginAsOftenAsOneHostMay() throws UnknownHostException {
        Rates rates = new Rates();
        for (int i = 0; i < Rates.BURST; i++) {
            assertTrue(rates.admits(network(i), 0));
        }
        assertFalse(rates.admits(network(Rates.BURST), 0));
        assertTrue(rates.admits(other(), 0));
    }
}
