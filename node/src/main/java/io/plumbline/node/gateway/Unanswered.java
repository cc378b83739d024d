package io.plumbline.node.gateway;

import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * A request that a node was asked, with money put up for it, and whose answer did not come. The node may hand its
 * receipt in on the ledger all the same.
 *
 * @param by the node.
 * @param requestHash 32 bytes.
 */
record Unanswered(Answerers.Answerer by, Bytes32 requestHash) {
    /**
     * The cost of all of them, to be asked for once.
     *
     * @return null where there are none.
     */
    static Supplier<CompletableFuture<Long>> costOf(Collection<Unanswered> all) {
        return all.isEmpty() ? null : () -> sum(List.copyOf(all));
    }

    private static CompletableFuture<Long> sum(List<Unanswered> all) {
        CompletableFuture<Long> sum = CompletableFuture.completedFuture(0L);
        for (Unanswered one : all) {
            sum = sum.thenCombine(one.by.costUnanswered(one.requestHash), Usage::sum);
        }
        return sum;
    }
}
