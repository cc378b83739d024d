package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.plumbline.transport.guard.Hosts;
import org.junit.jupiter.api.Test;

class PlacesTest {
    private static long hostOf(String source) {
        return Hosts.of(Places.addressOf(source));
    }

    /** Whoever has one address of an IPv6 network has 2^64 of them: places are its, not the address's. */
    @Test
    void allAddressesOfAnIpv6NetworkAreOneHost() {
        assertEquals(hostOf("[2001:db8:0:7::1]:4000"), hostOf("[2001:db8:0:ffff::9]:5000"));
        assertNotEquals(hostOf("[2001:db8:0:7::1]:4000"), hostOf("[2001:db8:1:7::1]:4000"));
        assertEquals(hostOf("192.0.2.1:4000"), hostOf("192.0.2.1:5000"));
        assertNotEquals(hostOf("192.0.2.1:4000"), hostOf("192.0.2.2:4000"));
    }
}
