package io.plumbline.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.FragmentAssembler;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.exceptions.RegistrationException;
import io.plumbline.transport.guard.Stranger;
import io.plumbline.transport.nodewire.DiscloseDecoder;
import io.plumbline.transport.nodewire.DiscloseEncoder;
import io.plumbline.transport.sessionwire.CarryDecoder;
import io.plumbline.transport.sessionwire.CarryEncoder;
import io.plumbline.transport.sessionwire.GreetDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderDecoder;
import io.plumbline.transport.sessionwire.MessageHeaderEncoder;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.AgentRunner;
import org.agrona.concurrent.UnsafeBuffer;
import org.bouncycastle.math.ec.rfc8032.Ed25519;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class EndpointTest {
    private static final int STREAM_ID = 1001;
    private static final long WAIT_S = 30;

    @TempDir
    private Path folder;

    private MediaDriver driver;
    private Aeron aeron;
    private final List<Side> sides = new ArrayList<>();

    /** A key and what is heard by its owner. */
    private final class Side implements Endpoint.Receiver {
        private final byte[] secret = new byte[Ed25519.SECRET_KEY_SIZE];
        private final byte[] key = new byte[Ed25519.PUBLIC_KEY_SIZE];
        private final BlockingQueue<byte[]> heard = new LinkedBlockingQueue<>();
        private final BlockingQueue<Peer> lost = new LinkedBlockingQueue<>();
        private volatile Peer last;
        private Endpoint endpoint;
        private AgentRunner runner;
        private boolean echoes;

        Side() {
            new SecureRandom().nextBytes(secret);
            Ed25519.generatePublicKey(secret, 0, key, 0);
            sides.add(this);
        }

        Side start(int port) {
            endpoint = new Endpoint(
                    aeron,
                    "localhost",
                    port,
                    new Identity(Secrets.signer(secret), key),
                    new Endpoint.Protocol(DiscloseDecoder.SCHEMA_ID, DiscloseDecoder.SCHEMA_VERSION, this));
            runner = new AgentRunner(
                    Drivers.idle(driver.aeronDirectoryName()), Throwable::printStackTrace, null, endpoint);
            AgentRunner.startOnThread(runner);
            return this;
        }

        @Override
        public void onMessage(Peer from, MessageHeaderDecoder header, DirectBuffer buffer, int offset) {
            last = from;
            DiscloseDecoder in = new DiscloseDecoder().wrap(buffer, offset, header.blockLength(), header.version());
            byte[] bytes = VarData.copy(in::wrapReceiptHash);
            heard.add(bytes);
            if (echoes) {
                UnsafeBuffer message = message(bytes);
                Thread.startVirtualThread(() -> from.send(message, 0, message.capacity()));
            }
        }

        @Override
        public void onLost(Peer peer) {
            lost.add(peer);
        }

        Peer to(Side other) {
            return endpoint.connect("localhost", other.endpoint.port(), other.key);
        }

        byte[] next() throws InterruptedException {
            byte[] bytes = heard.poll(WAIT_S, TimeUnit.SECONDS);
            assertNotNull(bytes, "nothing was heard");
            return bytes;
        }

        String loss() throws InterruptedException {
            Peer peer = lost.poll(WAIT_S, TimeUnit.SECONDS);
            assertNotNull(peer, "no session has ended");
            return peer.lost();
        }
    }

    private static UnsafeBuffer message(byte[] bytes) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(bytes.length + 64);
        DiscloseEncoder out = new DiscloseEncoder()
                .wrapAndApplyHeader(buffer, 0, new io.plumbline.transport.nodewire.MessageHeaderEncoder());
        out.correlationId(1).putReceiptHash(bytes, 0, bytes.length);
        return new UnsafeBuffer(buffer.byteArray(), 0, MessageHeaderEncoder.ENCODED_LENGTH + out.encodedLength());
    }

    private static void send(Peer peer, byte[] bytes) {
        UnsafeBuffer message = message(bytes);
        peer.send(message, 0, message.capacity());
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @BeforeEach
    void start() {
        driver = MediaDriver.launch(Drivers.context(folder.resolve("driver")));
        aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(driver.aeronDirectoryName()));
    }

    @AfterEach
    void stop() {
        sides.forEach(side -> {
            if (side.runner != null) {
                side.runner.close();
            }
        });
        aeron.close();
        driver.close();
    }

    @Test
    void messagesOfAllSizesGoEitherWayAndBothKnowWhoTheOtherIs() throws Exception {
        Side node = new Side().start(0);
        node.echoes = true;
        Side gateway = new Side().start(0);
        Peer peer = gateway.to(node);
        for (int length :
                new int[] {0, 1, 16_000, 17_000, Endpoint.CHUNK_BYTES, Endpoint.CHUNK_BYTES + 2_000, 5 << 20}) {
            byte[] bytes = bytes(length);
            send(peer, bytes);
            assertArrayEquals(bytes, node.next());
            assertArrayEquals(bytes, gateway.next());
        }
        assertArrayEquals(gateway.key, node.last.key());
        assertArrayEquals(node.key, peer.key());
        assertEquals(peer, gateway.to(node), "one session is enough");
    }

    /** What Aeron puts together of each sender: it forgets none by itself. */
    private static Map<?, ?> halfReceived(Endpoint endpoint) throws ReflectiveOperationException {
        Field assembler = Endpoint.class.getDeclaredField("assembler");
        assembler.setAccessible(true);
        Field builders = FragmentAssembler.class.getDeclaredField("builderBySessionIdMap");
        builders.setAccessible(true);
        return (Map<?, ?>) builders.get(assembler.get(endpoint));
    }

    @Test
    void strangersThatAreGoneHoldNoMemory() throws Exception {
        Side node = new Side().start(0);
        UnsafeBuffer garbage = new UnsafeBuffer(bytes(200_000));
        String channel = "aeron:udp?endpoint=127.0.0.1:" + node.endpoint.port();
        for (int i = 0; i < 8; i++) {
            try (ExclusivePublication stranger = aeron.addExclusivePublication(channel, STREAM_ID)) {
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
                while (stranger.offer(garbage) < 0 && System.nanoTime() - end < 0) {
                    Thread.sleep(1);
                }
                Thread.sleep(50);
            }
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
        while (!halfReceived(node.endpoint).isEmpty() && System.nanoTime() - end < 0) {
            Thread.sleep(50);
        }
        assertEquals(0, halfReceived(node.endpoint).size());
        Side gateway = new Side().start(0);
        send(gateway.to(node), bytes(5 << 20));
        assertArrayEquals(bytes(5 << 20), node.next());
    }

    @Test
    void whoHasAnotherKeyThanExpectedHearsNothing() throws Exception {
        Side node = new Side().start(0);
        Side gateway = new Side().start(0);
        Peer peer = gateway.endpoint.connect("localhost", node.endpoint.port(), new Side().key);
        send(peer, bytes(10));
        String why = gateway.loss();
        assertTrue(why.contains("another key"), why);
        assertEquals(why, peer.lost());
        assertNotNull(node.loss());
        assertNull(node.heard.poll());
        // What is sent to who is lost goes nowhere, and holds nobody up.
        for (int i = 0; i < 100; i++) {
            send(peer, bytes(Endpoint.CHUNK_BYTES));
        }
        send(gateway.to(node), bytes(11));
        assertArrayEquals(bytes(11), node.next());
    }

    @Test
    void whoCanListenLearnsNothingAndWhoForgesIsNotHeard() throws Exception {
        Side node = new Side().start(0);
        Side gateway = new Side().start(0);
        String channel = "aeron:udp?endpoint=127.0.0.1:" + node.endpoint.port() + "|interface=127.0.0.1:0|mtu=8192";
        List<byte[]> wire = new ArrayList<>();
        long[] session = new long[1];
        try (Subscription spy = aeron.addSubscription("aeron-spy:" + channel, STREAM_ID)) {
            FragmentAssembler assembler = new FragmentAssembler((buffer, offset, length, header) -> {
                byte[] frame = new byte[length];
                buffer.getBytes(offset, frame);
                wire.add(frame);
                MessageHeaderDecoder in = new MessageHeaderDecoder().wrap(buffer, offset);
                if (in.templateId() == GreetDecoder.TEMPLATE_ID) {
                    session[0] = new GreetDecoder()
                            .wrap(buffer, offset + MessageHeaderDecoder.ENCODED_LENGTH, in.blockLength(), in.version())
                            .session();
                }
            });
            Peer peer = gateway.to(node);
            byte[] secret = "what somebody asks in confidence".repeat(100).getBytes(StandardCharsets.US_ASCII);
            send(peer, secret);
            assertArrayEquals(secret, node.next());
            while (spy.poll(assembler, 100) > 0) {
                Thread.onSpinWait();
            }
            assertTrue(wire.size() >= 3, wire.size() + " frames");
            for (byte[] frame : wire) {
                assertFalse(new String(frame, StandardCharsets.ISO_8859_1).contains("confidence"));
            }
            try (ExclusivePublication forger = aeron.addExclusivePublication(channel, STREAM_ID)) {
                byte[] forged = wire.getLast().clone();
                forged[forged.length - 20] ^= 1;
                UnsafeBuffer frame = new UnsafeBuffer(forged);
                while (forger.offer(frame) < 0) {
                    Thread.onSpinWait();
                }
                // Nor does it harm those whose session it names.
                send(peer, bytes(12));
                assertArrayEquals(bytes(12), node.next());
                Thread.sleep(200);
            }
            assertNull(peer.lost());
            assertNull(node.lost.poll());
            assertNull(node.heard.poll());
        }
    }

    @Test
    void whoComesBackIsFoundAgain() throws Exception {
        Side node = new Side().start(0);
        Side gateway = new Side().start(0);
        int port = node.endpoint.port();
        send(gateway.to(node), bytes(10));
        node.next();
        node.runner.close();
        assertEquals("it has ended the session", gateway.loss());
        await(node, port);
        send(gateway.to(node), bytes(13));
        assertArrayEquals(bytes(13), node.next());
    }

    /** The driver lets go of a port a while after it was told. */
    private static void await(Side side, int port) throws InterruptedException {
        while (true) {
            try {
                side.start(port);
                return;
            } catch (RegistrationException e) {
                Thread.sleep(50);
            }
        }
    }

    @Test
    void whoIsNotHeardIsLost() throws Exception {
        Side node = new Side().start(0);
        // Nobody runs this one: it hears nothing and says nothing.
        Side mute = new Side();
        mute.endpoint = new Endpoint(aeron, "localhost", 0, new Identity(Secrets.signer(mute.secret), mute.key));
        Peer peer = node.to(mute);
        send(peer, bytes(10));
        assertEquals("nobody there answers", node.loss());
        assertEquals("nobody there answers", peer.lost());
        mute.endpoint.close();
    }

    @Test
    void strangersMayTryWhatTheyLike() throws Exception {
        Side node = new Side().start(0);
        Random random = new Random(5);
        String channel = "aeron:udp?endpoint=localhost:" + node.endpoint.port();
        try (ExclusivePublication stranger = aeron.addExclusivePublication(channel, STREAM_ID)) {
            ExpandableArrayBuffer buffer = new ExpandableArrayBuffer();
            for (int i = 0; i < 5_000; i++) {
                byte[] records = bytes(random.nextInt(300));
                int length;
                if (i % 50 == 0) {
                    var greet = new io.plumbline.transport.sessionwire.GreetEncoder()
                            .wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
                    greet.session(random.nextInt(50)).port(9 + random.nextInt(3));
                    greet.putRecords(records, 0, records.length);
                    length = MessageHeaderEncoder.ENCODED_LENGTH + greet.encodedLength();
                } else {
                    CarryEncoder carry = new CarryEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
                    carry.session(random.nextInt(50)).putRecords(records, 0, records.length);
                    length = MessageHeaderEncoder.ENCODED_LENGTH + carry.encodedLength();
                }
                for (int changes = random.nextInt(3); changes > 0; changes--) {
                    buffer.putByte(random.nextInt(length), (byte) random.nextInt());
                }
                while (stranger.offer(buffer, 0, length - random.nextInt(3)) < 0) {
                    Thread.onSpinWait();
                }
            }
        }
        assertTrue(CarryDecoder.SCHEMA_ID > 0 && node.heard.isEmpty());
        Side gateway = new Side().start(0);
        send(gateway.to(node), bytes(14));
        assertArrayEquals(bytes(14), node.next());
    }

    private static int greeting(ExpandableArrayBuffer buffer, long session, byte[] records) {
        var greet = new io.plumbline.transport.sessionwire.GreetEncoder()
                .wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        greet.session(session).port(9).putRecords(records, 0, records.length);
        return MessageHeaderEncoder.ENCODED_LENGTH + greet.encodedLength();
    }

    /** The beginning of a handshake that its sender never goes on with. */
    private static byte[] hello(Side side) throws Exception {
        TlsLink link = new Identity(Secrets.signer(side.secret), side.key).to(side.key);
        link.begin();
        var records = link.records();
        byte[] hello = new byte[records.remaining()];
        records.get(hello);
        return hello;
    }

    @Test
    void strangersWhoGreetAndSayNoMoreShutNobodyOut() throws Exception {
        Side node = new Side().start(0);
        byte[] hello = hello(new Side());
        String channel = "aeron:udp?endpoint=localhost:" + node.endpoint.port() + "|term-length=64k";
        List<ExclusivePublication> strangers = new ArrayList<>();
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer();
        long session = 1;
        for (int i = 0; i < 3 * Places.MAX_STRANGERS; i++) {
            ExclusivePublication stranger = aeron.addExclusivePublication(channel, STREAM_ID);
            strangers.add(stranger);
            for (int attempts = 0; attempts < 2_000 && !stranger.isConnected(); attempts++) {
                Thread.sleep(1);
            }
            // Some say nothing at all, some greet once, some as often as they can.
            for (int greetings = i % 3; greetings > 0; greetings--) {
                for (int again = 0; again < (i % 3 == 2 ? 50 : 1); again++) {
                    stranger.offer(buffer, 0, greeting(buffer, session++, hello));
                }
            }
        }
        Side gateway = new Side().start(0);
        Peer peer = gateway.to(node);
        assertTrue(peer.awaitOpen(2_000), "an honest caller is shut out: " + peer.lost());
        send(peer, bytes(10));
        assertArrayEquals(bytes(10), node.next());
        strangers.forEach(ExclusivePublication::close);
    }

    @Test
    void aHostThatHoldsManyPlacesMakesRoomForAnother() throws Exception {
        Side node = new Side().start(0);
        int held = 2 * Places.MAX_STRANGERS;
        try (Stranger stranger = new Stranger("127.0.0.2", node.endpoint.port())) {
            for (int i = 0; i < held; i++) {
                Stranger.Setup setup = new Stranger.Setup();
                setup.session = i;
                while (setup.cookie == 0) {
                    // What still comes of an earlier one is no cookie.
                    setup.cookie = stranger.asks(setup.bytes());
                }
                stranger.send(setup.bytes());
            }
            Side gateway = new Side().start(0);
            assertTrue(gateway.to(node).awaitOpen(2_000));
            send(gateway.to(node), bytes(10));
            assertArrayEquals(bytes(10), node.next());
            assertNull(gateway.to(node).lost());
        }
    }

    @Test
    void whoSendsWhatCannotBeReadIsToldAndEndsNobodyElse() throws Exception {
        Side node = new Side().start(0);
        Side careless = new Side().start(0);
        Side gateway = new Side().start(0);
        Peer other = gateway.to(node);
        send(other, bytes(10));
        node.next();
        Peer peer = careless.to(node);
        UnsafeBuffer message = message(bytes(4));
        message.putInt(MessageHeaderEncoder.ENCODED_LENGTH + 8, Integer.MAX_VALUE);
        peer.send(message, 0, message.capacity());
        String why = careless.loss();
        assertTrue(why.startsWith("it has ended the session: it has sent what cannot be read"), why);
        send(other, bytes(11));
        assertArrayEquals(bytes(11), node.next());
        assertNull(other.lost());
    }

    /** A part of a message that never becomes whole. */
    private static UnsafeBuffer part(long id, int position, int total, int length) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(length + 64);
        var part = new io.plumbline.transport.sessionwire.PartEncoder()
                .wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        part.messageId(id).position(position).total(total).putBytes(new byte[length], 0, length);
        return new UnsafeBuffer(buffer.byteArray(), 0, MessageHeaderEncoder.ENCODED_LENGTH + part.encodedLength());
    }

    @Test
    void whoHoldsTheMostOfUnfinishedMessagesGoesFirst() throws Exception {
        Side node = new Side().start(0);
        node.echoes = false;
        List<Side> greedy = new ArrayList<>();
        // These sessions fill what all may hold; one byte of an honest message more, and the greediest is told to go.
        for (int i = 0; i < Parts.MAX_BYTES / Endpoint.MAX_MESSAGE_BYTES; i++) {
            Side side = new Side().start(0);
            greedy.add(side);
            Peer peer = side.to(node);
            int piece = Endpoint.CHUNK_BYTES;
            for (int at = 0; at + piece < Endpoint.MAX_MESSAGE_BYTES; at += piece) {
                UnsafeBuffer part = part(1, at, Endpoint.MAX_MESSAGE_BYTES, piece);
                peer.send(part, 0, part.capacity());
            }
            assertNull(peer.lost());
        }
        Side gateway = new Side().start(0);
        byte[] honest = bytes(12 << 20);
        send(gateway.to(node), honest);
        assertArrayEquals(honest, node.next());
        assertNull(gateway.to(node).lost());
        List<String> told = new ArrayList<>();
        for (Side side : greedy) {
            Peer gone = side.lost.poll(1, TimeUnit.SECONDS);
            if (gone != null) {
                told.add(gone.lost());
            }
        }
        assertEquals(1, told.size(), told.toString());
        assertTrue(told.getFirst().contains("holds the most"), told.getFirst());
    }

    /** A session by hand: each frame may have what no endpoint sends. */
    private final class ByHand implements AutoCloseable {
        private final TlsLink link;
        private final Subscription in;
        private final ExclusivePublication out;
        private final ExpandableArrayBuffer frame = new ExpandableArrayBuffer();
        private final long session = new SecureRandom().nextLong();

        ByHand(Side to) throws Exception {
            byte[] secret = new byte[Ed25519.SECRET_KEY_SIZE];
            new SecureRandom().nextBytes(secret);
            byte[] key = new byte[Ed25519.PUBLIC_KEY_SIZE];
            Ed25519.generatePublicKey(secret, 0, key, 0);
            int port = Ports.free(1);
            in = aeron.addSubscription("aeron:udp?endpoint=localhost:" + port, STREAM_ID);
            out = aeron.addExclusivePublication("aeron:udp?endpoint=localhost:" + to.endpoint.port(), STREAM_ID);
            link = new Identity(Secrets.signer(secret), key).to(to.key);
            link.begin();
            var greet = new io.plumbline.transport.sessionwire.GreetEncoder()
                    .wrapAndApplyHeader(frame, 0, new MessageHeaderEncoder());
            greet.session(session).port(port);
            byte[] hello = records();
            greet.putRecords(hello, 0, hello.length);
            offer(MessageHeaderEncoder.ENCODED_LENGTH + greet.encodedLength());
            ByteBuffer plain = ByteBuffer.allocate(Peer.frameBytes());
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
            while (!link.isOpen()) {
                assertTrue(System.nanoTime() < end, "the session is opened");
                in.poll(
                        new FragmentAssembler((buffer, offset, length, header) -> {
                            MessageHeaderDecoder head = new MessageHeaderDecoder().wrap(buffer, offset);
                            int body = offset + MessageHeaderEncoder.ENCODED_LENGTH;
                            byte[] records = head.templateId() == CarryDecoder.TEMPLATE_ID
                                    ? VarData.copy(new CarryDecoder()
                                            .wrap(buffer, body, head.blockLength(), head.version())::wrapRecords)
                                    : VarData.copy(new GreetDecoder()
                                            .wrap(buffer, body, head.blockLength(), head.version())::wrapRecords);
                            try {
                                link.open(ByteBuffer.wrap(records), plain);
                            } catch (SSLException e) {
                                throw new IllegalStateException(e);
                            }
                        }),
                        10);
            }
            carry(records());
        }

        private byte[] records() throws Exception {
            ByteBuffer made = link.records();
            byte[] bytes = new byte[made.remaining()];
            made.get(bytes);
            return bytes;
        }

        void carry(byte[] records) {
            CarryEncoder carry = new CarryEncoder().wrapAndApplyHeader(frame, 0, new MessageHeaderEncoder());
            carry.session(session).putRecords(records, 0, records.length);
            offer(MessageHeaderEncoder.ENCODED_LENGTH + carry.encodedLength());
        }

        /** A message, and behind it in one frame what is no record. */
        void carryAndBreak(UnsafeBuffer message) throws Exception {
            byte[] plain = new byte[message.capacity()];
            message.getBytes(0, plain);
            ByteBuffer sealed = ByteBuffer.allocate(Peer.frameBytes());
            link.seal(ByteBuffer.wrap(plain), sealed);
            sealed.put(new byte[] {23, 3, 3, 0, 32}).put(new byte[32]).flip();
            byte[] records = new byte[sealed.remaining()];
            sealed.get(records);
            carry(records);
        }

        private void offer(int length) {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
            while (out.offer(frame, 0, length) < 0) {
                assertTrue(System.nanoTime() < end, "it is taken");
                Thread.onSpinWait();
            }
        }

        @Override
        public void close() {
            out.close();
            in.close();
        }
    }

    /** What came before in the same frame must not be held for a session that is gone: nobody would forget it. */
    @Test
    void whatComesInTheFrameThatEndsASessionIsNotTaken() throws Exception {
        Side node = new Side().start(0);
        for (int i = 0; i < 3; i++) {
            try (ByHand stranger = new ByHand(node)) {
                stranger.carryAndBreak(part(1, 0, 300_000, 250_000));
                node.loss();
            }
        }
        try (ByHand stranger = new ByHand(node)) {
            stranger.carryAndBreak(message(bytes(4)));
            node.loss();
        }
        assertTrue(node.heard.isEmpty(), "nothing is heard of whom is lost");
        assertEquals(0, node.endpoint.heldBytes());
    }

    @Test
    void oneSessionHoldsNoMoreThanOneMessage() {
        Parts parts = new Parts();
        UnsafeBuffer first = part(1, 0, Endpoint.MAX_MESSAGE_BYTES, Endpoint.CHUNK_BYTES);
        int body = MessageHeaderEncoder.ENCODED_LENGTH;
        var header = new MessageHeaderDecoder();
        int added = 0;
        try {
            for (int id = 0; id < 9; id++) {
                header.wrap(first, 0);
                first.putLong(body, id);
                parts.add(3, first, body, header.blockLength(), header.version(), 0);
                added++;
            }
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains("on their way"), e.getMessage());
        }
        assertEquals(8, added);
        assertNull(parts.overdue(TimeUnit.SECONDS.toNanos(158)));
        assertEquals(3, parts.overdue(TimeUnit.SECONDS.toNanos(159)));
        parts.forget(3);
        assertNull(parts.overdue(Long.MAX_VALUE));
    }
}
