package io.plumbline.transport.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.Aeron;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.protocol.HeaderFlyweight;
import io.plumbline.transport.Drivers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class GuardTest {
    private static final int STREAM = 1001;

    @TempDir
    private Path folder;

    private final Random random = new Random(17);

    private static void await(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "in vain");
            Thread.sleep(1);
        }
    }

    private static int port(Subscription subscription) throws InterruptedException {
        await(() -> subscription.resolvedEndpoint() != null);
        String resolved = subscription.resolvedEndpoint();
        return Integer.parseInt(resolved.substring(resolved.lastIndexOf(':') + 1));
    }

    /** Log buffers that the driver has mapped for senders. */
    private long mapped() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("driver").resolve("images"))) {
            return files.count();
        }
    }

    private MediaDriver driver(MediaDriver.Context context) {
        return MediaDriver.launch(context.errorHandler(e -> {}));
    }

    @Test
    void nothingIsMappedForAnAddressThatNobodyHasShownToReceiveAt() throws Exception {
        try (MediaDriver driver = driver(Drivers.context(folder.resolve("driver")));
                Aeron aeron = Drivers.connect(driver.aeronDirectoryName(), e -> {});
                Subscription ingress = aeron.addSubscription("aeron:udp?endpoint=127.0.0.1:0", STREAM);
                Stranger flood = new Stranger("127.0.0.2", port(ingress));
                Stranger stranger = new Stranger("127.0.0.1", port(ingress));
                Stranger other = new Stranger("127.0.0.1", port(ingress))) {
            for (int i = 0; i < 2_000; i++) {
                Stranger.Setup setup = new Stranger.Setup();
                setup.session = random.nextInt();
                setup.termLength = 1 << 30;
                setup.cookie = random.nextInt();
                flood.send(setup.bytes());
            }
            // Meanwhile who speaks as it should is heard.
            try (Publication sender = aeron.addPublication("aeron:udp?endpoint=127.0.0.1:" + port(ingress), STREAM)) {
                await(sender::isConnected);
                assertEquals(1, mapped());
                assertTrue(sender.offer(new UnsafeBuffer(new byte[8])) > 0);
                await(() -> ingress.poll((buffer, offset, length, header) -> {}, 1) == 1);
                Stranger.Setup setup = new Stranger.Setup();
                int cookie = stranger.asks(setup.bytes());
                assertNotEquals(0, cookie);
                assertEquals(1, mapped());
                setup.cookie = cookie;
                // It is good for this address and this session only.
                assertNotEquals(0, other.asks(setup.bytes()));
                setup.session++;
                assertNotEquals(0, stranger.asks(setup.bytes()));
                setup.session--;
                assertEquals(1, mapped());
                assertTrue(stranger.isTaken(setup.bytes()));
                assertEquals(2, mapped());
            }
        }
    }

    @Test
    void aSetUpFrameThatAeronWouldTripOverIsDropped() throws Exception {
        try (MediaDriver driver = driver(Drivers.context(folder.resolve("driver")));
                Aeron aeron = Drivers.connect(driver.aeronDirectoryName(), e -> {});
                Subscription ingress = aeron.addSubscription("aeron:udp?endpoint=127.0.0.1:0", STREAM);
                Stranger stranger = new Stranger("127.0.0.1", port(ingress))) {
            for (int length : new int[] {0, -1, 1 << 12, (1 << 16) + 32, 2 * Drivers.TERM_BYTES, 1 << 30}) {
                Stranger.Setup setup = new Stranger.Setup();
                setup.termLength = length;
                assertEquals(0, stranger.asks(setup.bytes()), length + " bytes of term");
            }
            for (int mtu : new int[] {-32, 0, 32, 1409, 65_536, Integer.MAX_VALUE}) {
                Stranger.Setup setup = new Stranger.Setup();
                setup.mtu = mtu;
                assertEquals(0, stranger.asks(setup.bytes()), mtu + " bytes of datagram");
            }
            for (int offset : new int[] {-32, 31, (1 << 16) + 32}) {
                Stranger.Setup setup = new Stranger.Setup();
                setup.termOffset = offset;
                assertEquals(0, stranger.asks(setup.bytes()), offset + " as an offset");
            }
            Stranger.Setup setup = new Stranger.Setup();
            setup.active = -1;
            assertEquals(0, stranger.asks(setup.bytes()));
            assertNotEquals(0, stranger.asks(new Stranger.Setup().bytes()));
            assertEquals(0, mapped());
        }
    }

    @Test
    void dataOfWhoHasNotBegunIsNotAnswered() throws Exception {
        try (MediaDriver driver = driver(Drivers.context(folder.resolve("driver")));
                Aeron aeron = Drivers.connect(driver.aeronDirectoryName(), e -> {});
                Subscription ingress = aeron.addSubscription("aeron:udp?endpoint=127.0.0.1:0", STREAM);
                Stranger stranger = new Stranger("127.0.0.1", port(ingress))) {
            ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
            data.putInt(64).putShort((short) 0xC000).putShort((short) HeaderFlyweight.HDR_TYPE_DATA);
            data.putInt(0).putInt(5).putInt(STREAM).putInt(7);
            stranger.send(data.array());
            assertNull(stranger.next());
            stranger.send(new byte[3]);
            assertNull(stranger.next());
        }
    }

    @Test
    void oneHostCannotBeginWithoutEnd() throws Exception {
        Rates rates = new Rates();
        InetAddress host = InetAddress.getByName("192.0.2.1");
        long now = 0;
        int admitted = 0;
        for (int i = 0; i < 10 * Rates.BURST; i++) {
            admitted += rates.admits(host, now) ? 1 : 0;
        }
        assertEquals(Rates.BURST, admitted);
        assertTrue(rates.admits(InetAddress.getByName("192.0.2.2"), now));
        now += TimeUnit.SECONDS.toNanos(1);
        assertTrue(rates.admits(host, now));
        // An IPv6 host has a whole network of addresses.
        for (int i = 0; i < Rates.BURST; i++) {
            assertTrue(rates.admits(InetAddress.getByName("2001:db8::" + Integer.toHexString(i + 1)), now));
        }
        assertFalse(rates.admits(InetAddress.getByName("2001:db8::ffff:1"), now));
        assertTrue(rates.admits(InetAddress.getByName("2001:db8:1::1"), now));
    }

    @Test
    void noFewHostsShutOutTheOthers() throws Exception {
        Senders senders = new Senders(0);
        int key = 0;
        long now = 0;
        for (int host = 1; host <= 7; host++) {
            InetSocketAddress from = new InetSocketAddress(InetAddress.getByName("192.0.2." + host), 9000);
            while (senders.hasPlace(key, from, now) && key < 10 * Senders.MAX) {
                senders.add(key++, from, ++now);
            }
        }
        int taken = key;
        // Every place is taken and all are heard. Newcomers get a place each, and then no more than the greediest has.
        InetSocketAddress honest = new InetSocketAddress(InetAddress.getByName("198.51.100.1"), 9000);
        int got = 0;
        while (senders.hasPlace(key, honest, now) && got < Senders.MAX) {
            senders.add(key++, honest, ++now);
            got++;
        }
        assertTrue(got > Senders.MAX / 16 && got < Senders.MAX_OF_HOST, "of " + taken + " one host got " + got);
        InetSocketAddress another = new InetSocketAddress(InetAddress.getByName("198.51.100.2"), 9000);
        assertTrue(senders.hasPlace(key, another, now));
        senders.add(key, another, ++now);
        assertTrue(senders.has(key, another));
        // Of the greediest host the one that said nothing for the longest is gone.
        InetSocketAddress first = new InetSocketAddress(InetAddress.getByName("192.0.2.1"), 9000);
        assertFalse(senders.has(0, first));
        now += 2 * Senders.FORGET_NS;
        assertTrue(senders.hasPlace(++key, first, now), "who is silent is forgotten");
    }

    @Test
    void aCookieIsGoodForAMinuteAndNoLongerThanTwo() throws Exception {
        AddressProof proof = new AddressProof();
        InetSocketAddress address = new InetSocketAddress("192.0.2.1", 9000);
        long minute = TimeUnit.MINUTES.toNanos(1);
        for (long now : new long[] {-3 * minute + 5, -1, 0, 17 * minute - 1}) {
            int cookie = proof.cookie(address, 1, 2, now);
            assertTrue(proof.holds(cookie, address, 1, 2, now));
            assertTrue(proof.holds(cookie, address, 1, 2, now + minute));
            assertFalse(proof.holds(cookie, address, 1, 2, now + 2 * minute));
            assertFalse(proof.holds(cookie, address, 1, 3, now));
            assertFalse(proof.holds(cookie, new InetSocketAddress("192.0.2.1", 9001), 1, 2, now));
            assertFalse(proof.holds(cookie, new InetSocketAddress("192.0.2.2", 9000), 1, 2, now));
            assertFalse(new AddressProof().holds(cookie, address, 1, 2, now));
        }
    }

    @Test
    void whereHostsAreKnownNobodyElseIsHeard() throws Exception {
        Set<InetAddress> known = Set.of(InetAddress.getByName("127.0.0.1"));
        try (MediaDriver driver = driver(Drivers.context(folder.resolve("driver"), () -> known));
                Aeron aeron = Drivers.connect(driver.aeronDirectoryName(), e -> {});
                Subscription ingress = aeron.addSubscription("aeron:udp?endpoint=127.0.0.1:0", STREAM);
                Stranger member = new Stranger("127.0.0.1", port(ingress));
                Stranger stranger = new Stranger("127.0.0.2", port(ingress))) {
            assertFalse(stranger.isTaken(new Stranger.Setup().bytes()));
            assertEquals(0, mapped());
            assertTrue(member.isTaken(new Stranger.Setup().bytes()));
            assertEquals(1, mapped());
        }
    }
}
