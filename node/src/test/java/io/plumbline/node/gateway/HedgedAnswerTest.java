package io.plumbline.node.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.BusyException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two nodes answer, refuse or stay silent in every order, and the outcome is one answer. */
@Timeout(60)
class HedgedAnswerTest {
    private static final long AT_ONCE = 0;
    private static final long NEVER = TimeUnit.HOURS.toMillis(1);

    private final BlockingQueue<Scripted> asked = new LinkedBlockingQueue<>();
    private final List<ChosenToken> told = new ArrayList<>();
    private HedgedAnswer.Attempt decided;

    /** A node whose every step the test takes, and the stream of its answer. */
    private static final class Scripted implements Answerers.Answerer, AnswerStream {
        private final CompletableFuture<NodeClient.Answered> end = new CompletableFuture<>();
        private final CountDownLatch cancelled = new CountDownLatch(1);
        private final CountDownLatch refused = new CountDownLatch(1);
        private final DeliveredTokens delivered = new DeliveredTokens(10, 1000);
        private Consumer<ChosenToken> onToken;

        void token(int token) {
            delivered.add(token, () -> onToken.accept(new ChosenToken(token, null)));
        }

        @Override
        public Bytes32 key() {
            return Bytes32.ZERO;
        }

        @Override
        public long price() {
            return 1;
        }

        @Override
        public AnswerStream infer(
                Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> heard) {
            onToken = heard;
            return this;
        }

        @Override
        public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) {
            throw new IllegalStateException("It runs no tensors.");
        }

        @Override
        public void refused(Exception why) {
            refused.countDown();
        }

        @Override
        public void lied(String why) {}

        @Override
        public DeliveredTokens delivered() {
            return delivered;
        }

        @Override
        public NodeClient.Answered await() throws IOException {
            try {
                return end.get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof IOException failed) {
                    throw failed;
                }
                throw new IllegalStateException(e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void cancel() {
            cancelled.countDown();
        }

        @Override
        public void close() {}
    }

    private HedgedAnswer begin(long waitMs, boolean hasAnother) throws IOException {
        return HedgedAnswer.begin(
                new HedgedAnswer.Attempt(null, new Scripted()),
                waitMs,
                new HedgedAnswer.Asking() {
                    @Override
                    public HedgedAnswer.Attempt another() {
                        return hasAnother ? new HedgedAnswer.Attempt(null, new Scripted()) : null;
                    }

                    @Override
                    public AnswerStream ask(HedgedAnswer.Attempt attempt, Consumer<ChosenToken> onToken)
                            throws IOException {
                        Scripted node = (Scripted) attempt.by();
                        AnswerStream stream = node.infer(null, 0, Level.SIGNED, 0, -1, onToken);
                        asked.add(node);
                        return stream;
                    }
                },
                new HedgedAnswer.Listener() {
                    @Override
                    public void onDecided(HedgedAnswer.Attempt attempt) {
                        decided = attempt;
                    }

                    @Override
                    public void onToken(ChosenToken chosen) {
                        told.add(chosen);
                    }
                });
    }

    private List<Integer> told() {
        return told.stream().map(ChosenToken::token).toList();
    }

    private static void await(CountDownLatch what) throws InterruptedException {
        assertTrue(what.await(120, TimeUnit.SECONDS));
    }

    @Test
    void theFirstTokenDecidesAndTheOthersTokensAreToldToNobody() throws Exception {
        HedgedAnswer answer = begin(AT_ONCE, true);
        Scripted first = asked.take();
        Scripted second = asked.take();
        second.token(5);
        first.token(6);
        second.token(7);
        first.token(8);
        assertEquals(List.of(5, 7), told());
        assertSame(second, decided.by());
        await(first.cancelled);
        assertEquals(1, second.cancelled.getCount());
        NodeClient.Answered whole = new NodeClient.Answered(null, null, 3);
        first.end.complete(new NodeClient.Answered(null, null, 4));
        second.end.complete(whole);
        assertSame(whole, answer.await());
        assertSame(second.delivered, answer.delivered());
        assertEquals(1, first.refused.getCount(), "it was only slow");
    }

    @Test
    void whereOneFailsTheOtherIsWaitedForAndWhereBothDoTheLastSaysWhy() throws Exception {
        HedgedAnswer answer = begin(AT_ONCE, true);
        Scripted first = asked.take();
        Scripted second = asked.take();
        first.end.completeExceptionally(new BusyException("first"));
        await(first.refused);
        assertTrue(told.isEmpty());
        second.end.completeExceptionally(new BusyException("second"));
        assertEquals("second", assertThrows(BusyException.class, answer::await).getMessage());
        assertSame(second, decided.by());
        assertEquals(1, second.refused.getCount(), "the caller tells it, and asks a third");
    }

    @Test
    void whereThereIsNoOtherTheFirstIsWaitedFor() throws Exception {
        HedgedAnswer answer = begin(AT_ONCE, false);
        Scripted first = asked.take();
        first.token(1);
        NodeClient.Answered whole = new NodeClient.Answered(null, null, 3);
        first.end.complete(whole);
        assertSame(whole, answer.await());
        assertEquals(List.of(1), told());
    }

    @Test
    void aFailureBeforeItsTimeIsTheCallersAtOnce() throws Exception {
        HedgedAnswer answer = begin(NEVER, true);
        asked.take().end.completeExceptionally(new BusyException("busy"));
        assertThrows(BusyException.class, answer::await);
        assertTrue(asked.isEmpty());
    }

    @Test
    void aClientThatGoesEndsBoth() throws Exception {
        HedgedAnswer answer = begin(AT_ONCE, true);
        Scripted first = asked.take();
        Scripted second = asked.take();
        answer.cancel();
        await(first.cancelled);
        await(second.cancelled);
        assertFalse(first.end.isDone());
    }
}
