package io.plumbline.ledger.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.cluster.service.ClientSession;
import io.aeron.cluster.service.Cluster;
import io.plumbline.ledger.Money;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer.Answer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Signed;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.NoOpIdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** A frame that is in the log reaches every member: what one of them throws, all of them throw, and are gone. */
class HostileFramesTest {
    private static final int MUTATIONS = 20_000;

    private int replies;

    /** Bytes of the longest reply that the client's channel takes. */
    private int channelBytes = Integer.MAX_VALUE;

    private byte[] last = new byte[0];

    /** A leader that grants everything, and a client that takes every reply. */
    private final Cluster cluster = proxy(Cluster.class);

    private final ClientSession session = proxy(ClientSession.class);
    private final LedgerService service = new LedgerService(Money.genesis(), (changed, node) -> {});

    private <T> T proxy(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> switch (method.getName()) {
                    case "role" -> Cluster.Role.LEADER;
                    case "idleStrategy" -> NoOpIdleStrategy.INSTANCE;
                    case "offer" -> {
                        int length = (int) arguments[2];
                        if (length > channelBytes) {
                            throw new IllegalArgumentException("message exceeds max length");
                        }
                        replies++;
                        last = new byte[length];
                        ((DirectBuffer) arguments[0]).getBytes(0, last);
                        yield 1L;
                    }
                    default -> method.getReturnType() == boolean.class ? true : null;
                }));
    }

    private void hand(byte[] frame, int length) {
        service.onSessionMessage(session, 1_000_000, new UnsafeBuffer(frame), 0, length, null);
    }

    private static byte[] bytes(UnsafeBuffer message) {
        byte[] frame = new byte[message.capacity()];
        message.getBytes(0, frame);
        return frame;
    }

    private static List<byte[]> frames() {
        List<byte[]> frames = new ArrayList<>();
        Signed signed = Signed.of(Money.genesis().hash(), Money.REQUESTER, 1_060_000, new Command.Bond(5));
        frames.add(bytes(LedgerWire.submit(5, signed.encode())));
        for (Query query : Query.values()) {
            frames.add(bytes(LedgerWire.query(6, query, new byte[33])));
        }
        return frames;
    }

    @Test
    void whatIsNoMessageIsDroppedWhereverItEnds() {
        service.onStart(cluster, null);
        List<byte[]> frames = frames();
        frames.forEach(frame -> hand(frame, frame.length));
        assertEquals(frames.size(), replies, "each as it should be is answered");
        for (byte[] frame : frames) {
            for (int length = 0; length < frame.length; length++) {
                hand(frame, length);
            }
            // Its first two bytes say how long the fixed part is: with less of it, what is read last may lie beyond.
            for (int block = 0; block < 16; block++) {
                byte[] shorter = Arrays.copyOf(frame, frame.length);
                Arrays.fill(shorter, MessageHeaderEncoder.ENCODED_LENGTH, shorter.length, (byte) 0);
                shorter[0] = (byte) block;
                for (int length = 0; length < 40; length++) {
                    hand(shorter, Math.min(length, shorter.length));
                }
            }
        }
        Random random = new Random(11);
        for (int i = 0; i < MUTATIONS; i++) {
            byte[] frame = frames.get(random.nextInt(frames.size())).clone();
            for (int changes = random.nextInt(3) + 1; changes > 0; changes--) {
                // Most of what can go wrong is near the beginning.
                frame[random.nextInt(Math.min(frame.length, random.nextBoolean() ? 24 : frame.length))] =
                        (byte) random.nextInt();
            }
            hand(frame, frame.length - random.nextInt(3));
        }
    }

    /** A batch of refusals and a query with a long answer, of a client whose channel takes short messages. */
    @Test
    void aReplyThatIsTooLongForItsChannelIsAnsweredWithAnError() {
        service.onStart(cluster, null);
        channelBytes = 200;
        Command[] refused = new Command[Signed.MAX_COMMANDS];
        Arrays.fill(refused, new Command.RegisterDataNode(1, "a name", 0));
        Signed signed = Signed.of(Money.genesis().hash(), Money.REQUESTER, 1_060_000, refused);
        for (int again = 1; again <= 2; again++) {
            byte[] frame = bytes(LedgerWire.submit(5, signed.encode()));
            hand(frame, frame.length);
            assertEquals(again, replies);
            assertTrue(failure(5).contains("longer than this session's channel takes"), failure(5));
        }
        channelBytes = 10;
        byte[] frame = bytes(LedgerWire.query(6, Query.STANDING, new byte[0]));
        hand(frame, frame.length);
        assertEquals(2, replies, "a channel that takes nothing is answered nothing");
    }

    private String failure(long call) {
        List<String> failures = new ArrayList<>();
        UnsafeBuffer in = new UnsafeBuffer(last);
        MessageHeaderDecoder header = new MessageHeaderDecoder().wrap(in, 0);
        LedgerWire.read(
                header.templateId(),
                in,
                MessageHeaderDecoder.ENCODED_LENGTH,
                header.blockLength(),
                header.version(),
                new LedgerWire.Heard() {
                    @Override
                    public void answer(long id, Answer answer) {}

                    @Override
                    public void body(long id, long timeMs, byte[] body) {}

                    @Override
                    public void unavailable(long id, String reason) {
                        assertEquals(call, id);
                        failures.add(reason);
                    }
                });
        return failures.getFirst();
    }
}
