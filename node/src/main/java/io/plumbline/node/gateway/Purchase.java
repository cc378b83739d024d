package io.plumbline.node.gateway;

import io.plumbline.node.network.BusyException;
import io.plumbline.node.tenant.Rest;
import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Receipt;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A request that was put to a node, with money put up for it. What it costs is certain once a quorum has signed what
 * became of the money, whatever the node has told the gateway: it hands its receipt in by itself, and that may be
 * another one, of a longer answer to the same request. Only where all that was put up is charged is there no more.
 *
 * @param requestHash names the request.
 * @param most price of all tokens, or rows, that were put up for.
 * @param fee of the escrow and of the audit, see {@link Answerers#fee}.
 * @param receipt null where no answer came.
 */
record Purchase(Answerers.Answerer by, Bytes32 requestHash, long most, long fee, Receipt receipt) {
    /**
     * One that has no answer yet.
     *
     * @param units most tokens, or rows, that may be charged for.
     */
    static Purchase begun(Answerers.Answerer by, Bytes32 requestHash, long units, long fee) {
        return new Purchase(by, requestHash, Answerers.cost(units, by.price()), fee, null);
    }

    /** It was answered. */
    Purchase answered(Receipt signed) {
        return new Purchase(by, requestHash, most, fee, signed);
    }

    /** Whether the ledger may take a receipt for more than {@link #cost()} says. */
    private boolean mayCostMore() {
        return receipt == null || receipt.price() < most;
    }

    /**
     * Why a receipt's price is none that the ledger takes, or null.
     *
     * @param units tokens of prompt and answer, or rows.
     */
    static String fault(Receipt receipt, long units, Answerers.Answerer by) {
        long most = Answerers.cost(units, by.price());
        return receipt.price() < 0 || receipt.price() > most
                ? "signed a receipt over " + receipt.price() + ", and its answer costs " + most + " at most"
                : null;
    }

    /** Its cost by its receipt; 0 where there is none. */
    long cost() {
        return receipt == null ? 0 : Usage.sum(receipt.price(), fee);
    }

    /** Its cost beyond {@link #cost()}, once that is certain. */
    private CompletableFuture<Long> rest() {
        return by.settledCost(requestHash, fee, receipt).thenApply(cost -> Math.max(0, cost - cost()));
    }

    /**
     * Its node has failed, and another is asked. One that has refused is due nothing. One that is slow, or not reached,
     * computes on and is paid for it where it is honest.
     */
    void failed(Exception why) {
        if (isRefusal(why)) {
            follow(fee);
        }
    }

    /** Whether a node has said by this that it gives no answer: one that is slow, or not reached, has not. */
    private static boolean isRefusal(Exception why) {
        return why instanceof BusyException || why instanceof IllegalArgumentException;
    }

    /**
     * It has no answer: a node that takes more for it than is due is not asked for long.
     *
     * @param due what an honest node may be paid, the fees among it.
     */
    void follow(long due) {
        rest().thenAccept(cost -> {
            if (cost > due && cost < Long.MAX_VALUE) {
                by.tookMoney();
            }
        });
    }

    /** The price due to a node that was told to end, having given so many tokens or rows at most. */
    long due(long units) {
        return Usage.sum(fee, Answerers.cost(units, by.price()));
    }

    /**
     * What several cost beyond what their receipts say, to be asked for once.
     *
     * @return null where the receipts say it.
     */
    static Rest restOf(Collection<Purchase> all) {
        List<Purchase> open = all.stream().filter(Purchase::mayCostMore).toList();
        if (open.isEmpty()) {
            return null;
        }
        long most = 0;
        for (Purchase one : open) {
            most = Usage.sum(most, Math.max(0, Usage.sum(one.most, one.fee) - one.cost()));
        }
        return new Rest(most, open.size(), () -> sum(open));
    }

    private static CompletableFuture<Long> sum(List<Purchase> all) {
        CompletableFuture<Long> sum = CompletableFuture.completedFuture(0L);
        for (Purchase one : all) {
            sum = sum.thenCombine(one.rest(), Usage::sum);
        }
        return sum;
    }
}
