package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "1::8"
            })
    void numbersAreAddresses(String host) throws Exception {
        assertTrue(Addresses.isNumeric(host));
        assertTrue(Addresses.isNumeric(Addresses.text(InetAddress.getByName(host))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "localhost", "a1.attacker.example", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ",
                        "0x7f.1", "2130706433",
                ":", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "fe80::1%eth0", "::ffff:1.2.3.4",
                        "[::1]", "12345::", "g::"
            })
    void anythingElseIsNot(String host) {
        assertFalse(Addresses.isNumeric(host));
    }

    @Test
    void addressesOfManyHostsOrNoneAreNoHosts() {
        for (String host : new String[] {"127.0.0.1", "1.0.0.0", "223.255.255.255", "::1", "2001:db8::", "f00::1"}) {
            assertTrue(Addresses.isOneHosts(host), host);
        }
        for (String host : new String[] {
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "0:0:0:0:0:0:0:0",
            "ff02::1",
            "FF00::",
            "localhost"
        }) {
            assertFalse(Addresses.isOneHosts(host), host);
        }
    }

    @Test
    void anAddressWithItsPortHasBracketsWhereItHasColons() throws Exception {
        assertEquals("192.0.2.1:9", Addresses.text(InetAddress.getByName("192.0.2.1"), 9));
        assertEquals("[2001:db8:0:0:0:0:0:1]:9", Addresses.text(InetAddress.getByName("2001:db8::1"), 9));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Addresses.resolve("no such.invalid"))
                .getMessage()
                .contains("no such.invalid"));
    }

    @Test
    void theAddressTowardsAHostIsThatOfTheInterfaceThere() {
        assertEquals("127.0.0.1", Addresses.towards("127.0.0.1", 9));
        assertTrue(Addresses.isNumeric(Addresses.towards("localhost", 9)));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Addresses.towards("no such.invalid", 9))
                .getMessage()
                .contains("no such.invalid"));
    }
}
