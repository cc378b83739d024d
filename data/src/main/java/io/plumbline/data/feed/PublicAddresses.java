package io.plumbline.data.feed;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Arrays;

/**
 * Which addresses are of hosts that anybody on the internet reaches (IANA's registries of special-purpose addresses). A
 * source is declared by strangers: what it names, and what it redirects to, must not be this host, its network, or what
 * its provider answers to it alone.
 */
final class PublicAddresses {
    private record Block(byte[] prefix, int bits) {}

    private static final Block[] NOT_PUBLIC = {
        block(8, 0), // this network
        block(8, 10), // private
        block(10, 100, 64), // shared by providers
        block(8, 127), // this host
        block(16, 169, 254), // link-local, and clouds' metadata
        block(12, 172, 16), // private
        block(24, 192, 0, 0), // protocol assignments
        block(24, 192, 0, 2), // documentation
        block(24, 192, 88, 99), // relays to IPv6
        block(16, 192, 168), // private
        block(15, 198, 18), // benchmarks
        block(24, 198, 51, 100), // documentation
        block(24, 203, 0, 113), // documentation
        block(4, 224), // multicast
        block(4, 240), // reserved, and broadcast
    };

    private PublicAddresses() {}

    private static Block block(int bits, int... first) {
        byte[] prefix = new byte[4];
        for (int i = 0; i < first.length; i++) {
            prefix[i] = (byte) first[i];
        }
        return new Block(prefix, bits);
    }

    static boolean isPublic(InetAddress address) {
        byte[] bytes = address.getAddress();
        if (address instanceof Inet4Address) {
            return isPublicV4(bytes);
        }
        // Of IPv6 one eighth is assigned, 2000::/3. Some of it has an IPv4 address inside, and some is special.
        if (!(address instanceof Inet6Address) || (bytes[0] & 0xE0) != 0x20) {
            return false;
        }
        boolean isTeredo = starts(bytes, 0x20, 0x01, 0, 0);
        boolean isSpecial = starts(bytes, 0x20, 0x01, 0) && (bytes[2] & 0xFE) == 0;
        boolean isDocumentation = starts(bytes, 0x20, 0x01, 0x0D, 0xB8) || starts(bytes, 0x3F, 0xFF);
        boolean is6to4 = starts(bytes, 0x20, 0x02);
        return !isTeredo && !isSpecial && !isDocumentation && !is6to4;
    }

    private static boolean starts(byte[] bytes, int... first) {
        for (int i = 0; i < first.length; i++) {
            if ((bytes[i] & 0xFF) != first[i]) {
                return false;
            }
        }
        return true;
    }

    private static boolean isPublicV4(byte[] bytes) {
        return Arrays.stream(NOT_PUBLIC).noneMatch(block -> isIn(bytes, block));
    }

    private static boolean isIn(byte[] bytes, Block block) {
        for (int bit = 0; bit < block.bits(); bit++) {
            int mask = 0x80 >> bit % 8;
            if ((bytes[bit / 8] & mask) != (block.prefix()[bit / 8] & mask)) {
                return false;
            }
        }
        return true;
    }
}
