package io.plumbline.node.gateway;

import io.plumbline.node.client.AnswerStream;
import io.plumbline.node.client.ChosenToken;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.NotAskedException;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Who answers what the API is asked: the inference nodes of a network, or this process alone. */
public interface Answerers {
    /** The key that requests are made in the name of, 32 bytes. */
    Bytes32 requester();

    /**
     * The best that runs a model and is there.
     *
     * @param tried those that are not to be tried again.
     * @throws ApiException where there is none.
     */
    Answerer find(Bytes32 modelId, NodeWish wish, Set<Bytes32> tried) throws IOException;

    /**
     * Tells the operator of an answer that a client has.
     *
     * @param units tokens of an answer, or rows.
     */
    void answered(Receipt receipt, int units);

    /** The most that any asks for a token, or for a row, in the ledger's smallest unit. */
    long mostPrice();

    /**
     * What a request costs beside its price, in the ledger's smallest unit: the command that puts the money up, and the
     * audit.
     *
     * @param units most tokens, or rows, that may be charged for.
     */
    default long fee(Level level, long units) {
        return 0;
    }

    /**
     * How long a first token may take before another is asked as well, and the first token counts, in milliseconds.
     *
     * @return 0 where that is not done.
     */
    long hedgeMs();

    /** Whether requests can be answered now. */
    boolean isWell();

    /** Whether anybody runs a model. */
    boolean hasModel(Bytes32 modelId) throws IOException;

    /** The cost of so many tokens or rows at a price of 0 or more; at most {@link Long#MAX_VALUE}. */
    static long cost(long units, long price) {
        return price != 0 && units > Long.MAX_VALUE / price ? Long.MAX_VALUE : units * price;
    }

    /** One of them. */
    interface Answerer {
        /** Public key that its receipts are signed by. */
        Bytes32 key();

        /** Its price of a token, or of a row. */
        long price();

        /**
         * Has it answer.
         *
         * @param tokens most that may be charged for, prompt and answer together.
         * @param vocab number of token ids of the model.
         * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
         * @param onToken hears each token, on a thread that it must not hold up.
         * @throws NotAskedException where it was not asked at all, and costs nothing.
         */
        AnswerStream infer(
                Request request, long tokens, Level level, int vocab, int topLogprobs, Consumer<ChosenToken> onToken)
                throws IOException;

        /**
         * Has it run an ONNX model.
         *
         * @param request encoded.
         * @param rows that it is charged for.
         * @throws NotAskedException where it was not asked at all, and costs nothing.
         */
        NodeClient.TensorAnswered inferTensors(byte[] request, long rows, Level level) throws IOException;

        /**
         * The cost of a request that it was asked, by what the ledger has taken: another receipt than it gave, or one
         * where it gave none.
         *
         * @param fee see {@link Answerers#fee}.
         * @param told the receipt that it gave; null for none.
         * @return completed once that is certain, in the ledger's smallest unit.
         */
        default CompletableFuture<Long> settledCost(Bytes32 requestHash, long fee, Receipt told) {
            return CompletableFuture.completedFuture(told == null ? 0 : told.price());
        }

        /**
         * It did not answer: it is asked last for a while, but where it has refused the request, which may be the
         * request's fault.
         *
         * @param why an {@link IllegalArgumentException} where it has refused the request.
         */
        void refused(Exception why);

        /** It refused a request that another one has answered. */
        default void outdone() {}

        /** It was paid for an answer that it did not give: it is not asked any more for a while. */
        default void tookMoney() {}

        /** What it signed was not what it showed: it is not asked any more for long. */
        void lied(String why);
    }
}
