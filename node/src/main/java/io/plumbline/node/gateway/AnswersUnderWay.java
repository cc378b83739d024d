package io.plumbline.node.gateway;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.DeliveredTokens;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.metrics.TokenTimes;
import io.plumbline.node.network.NotAskedException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Knows the answers that others give and that are not whole yet, so that a server that ends can cut them: each ends
 * with the tokens that its client has by then, and with a receipt for these.
 */
final class AnswersUnderWay implements Answerers {
    private final Answerers answerers;
    private final Set<Tracked> underWay = ConcurrentHashMap.newKeySet();
    private volatile boolean isCut;
    private volatile ApiMetrics metrics = new ApiMetrics(new SimpleMeterRegistry(), null);

    AnswersUnderWay(Answerers answerers) {
        this.answerers = answerers;
    }

    /** Answers that begin from now on count here. */
    void measure(ApiMetrics by) {
        metrics = by;
    }

    /** Ends all early, and lets no more begin. */
    void cut() {
        isCut = true;
        underWay.forEach(Tracked::cancel);
    }

    @Override
    public Bytes32 requester() {
        return answerers.requester();
    }

    @Override
    public Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) throws IOException {
        return new Tracking(answerers.find(modelId, wish, tried));
    }

    @Override
    public void answered(Receipt receipt, int units) {
        answerers.answered(receipt, units);
    }

    @Override
    public long mostPrice() {
        return answerers.mostPrice();
    }

    @Override
    public long fee(Level level, long units) {
        return answerers.fee(level, units);
    }

    @Override
    public long hedgeMs() {
        return answerers.hedgeMs();
    }

    @Override
    public boolean isWell() {
        return answerers.isWell();
    }

    @Override
    public boolean hasModel(Bytes32 modelId) throws IOException {
        return answerers.hasModel(modelId);
    }

    /** One that answers, whose answers are tracked. */
    private final class Tracking implements Answerer {
        private final Answerer by;

        Tracking(Answerer by) {
            this.by = by;
        }

        @Override
        public Bytes32 key() {
            return by.key();
        }

        @Override
        public long price() {
            return by.price();
        }

        @Override
        public AnswerStream infer(
                Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken)
                throws IOException {
            requireOpen();
            ApiMetrics measured = metrics;
            TokenTimes.Answer times = measured.begin();
            Tracked begun;
            try {
                begun = new Tracked(measured, by.infer(request, tokens, level, vocab, topLogprobs, token -> {
                    times.token();
                    measured.token();
                    onToken.accept(token);
                }));
            } catch (IOException | RuntimeException e) {
                measured.refused();
                throw e;
            }
            underWay.add(begun);
            if (isCut) {
                begun.cancel();
            }
            return begun;
        }

        @Override
        public NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) throws IOException {
            requireOpen();
            return by.inferTensors(request, rows, level);
        }

        @Override
        public CompletableFuture<Long> settledCost(Bytes32 requestHash, long fee, Receipt told) {
            return by.settledCost(requestHash, fee, told);
        }

        private void requireOpen() throws NotAskedException {
            if (isCut) {
                throw new NotAskedException("This server is about to end, and begins no answer any more.");
            }
        }

        @Override
        public void refused(Exception why) {
            by.refused(why);
        }

        @Override
        public void outdone() {
            by.outdone();
        }

        @Override
        public void tookMoney() {
            by.tookMoney();
        }

        @Override
        public void lied(String why) {
            by.lied(why);
        }
    }

    /** An answer that is under way until it is whole, fails or is given up. */
    private final class Tracked implements AnswerStream {
        private final ApiMetrics measured;
        private final AnswerStream answer;

        Tracked(ApiMetrics measured, AnswerStream answer) {
            this.measured = measured;
            this.answer = answer;
        }

        @Override
        public DeliveredTokens delivered() {
            return answer.delivered();
        }

        @Override
        public NodeClient.Answered await() throws IOException {
            try {
                NodeClient.Answered whole = answer.await();
                measured.answered();
                return whole;
            } catch (IOException | RuntimeException e) {
                measured.failed();
                throw e;
            } finally {
                underWay.remove(this);
            }
        }

        @Override
        public void cancel() {
            answer.cancel();
        }

        @Override
        public void close() {
            underWay.remove(this);
            answer.close();
        }
    }
}
