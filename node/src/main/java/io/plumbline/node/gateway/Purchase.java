package io.plumbline.node.gateway;

import io.plumbline.node.tenant.Usage;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Receipt;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * A request that was put to a node, with money put up for it. A receipt says what it costs where the ledger cannot take
 * another one for more; what any other costs is certain once a quorum has signed what became of the money, whatever
 * its node has told the gateway: it hands its receipt in by itself.
 *
 * @param requestHash names the request.
 * @param fee of the escrow and of the audit, see {@link Answerers#fee}.
 * @param receipt null where no answer came.
 * @param mayCostMore whether the ledger may take another receipt for the request that has a higher price.
 */
record Purchase(Answerers.Answerer by, Bytes32 requestHash, long fee, Receipt receipt, boolean mayCostMore) {
    /** One that has no answer yet. */
    static Purchase begun(Answerers.Answerer by, Bytes32 requestHash, long fee) {
        return new Purchase(by, requestHash, fee, null, true);
    }

    /**
     * It was answered.
     *
     * @param units tokens of prompt and answer, or rows.
     * @param isCut whether the answer was ended before its end: the whole one stands by the same request.
     * @param level at which it is audited.
     */
    Purchase answered(Receipt signed, long units, boolean isCut, Level level) {
        // A node that has just lowered its price asks for less than was put up.
        boolean isMost = signed.price() == Answerers.cost(units, by.price());
        return new Purchase(by, requestHash, fee, signed, isCut || !isMost || level == Level.SIGNED);
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

    /** What it costs by its receipt; 0 where there is none. */
    long cost() {
        return receipt == null ? 0 : Usage.sum(receipt.price(), fee);
    }

    /** What it costs beyond {@link #cost()}, once that is certain. */
    private CompletableFuture<Long> rest() {
        return by.settledCost(requestHash, fee, receipt).thenApply(cost -> Math.max(0, cost - cost()));
    }

    /** It was not answered, and another node is asked: one that takes the money all the same is not asked for long. */
    void follow() {
        rest().thenAccept(cost -> {
            if (cost > fee && cost < Long.MAX_VALUE) {
                by.tookMoney();
            }
        });
    }

    /**
     * What several cost beyond what their receipts say, to be asked for once.
     *
     * @return null where the receipts say it.
     */
    static Supplier<CompletableFuture<Long>> restOf(Collection<Purchase> all) {
        List<Purchase> open = all.stream().filter(Purchase::mayCostMore).toList();
        return open.isEmpty() ? null : () -> sum(open);
    }

    private static CompletableFuture<Long> sum(List<Purchase> all) {
        CompletableFuture<Long> sum = CompletableFuture.completedFuture(0L);
        for (Purchase one : all) {
            sum = sum.thenCombine(one.rest(), Usage::sum);
        }
        return sum;
    }
}
