package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.page.NodeQuality;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/**
 * The answers that a gateway has bought lately, until a quorum of full nodes has signed how each came out. Any thread
 * may call.
 */
final class BoughtAnswers {
    /** Answers that are followed at a time; of more the oldest are let go. */
    private static final int MAX_FOLLOWED = 16_384;

    /** Answers that the ledger is asked for at a time. */
    private static final int AT_ONCE = 128;

    private final CertifiedSettlements settlements;
    private final NodeQuality quality = new NodeQuality(System::currentTimeMillis);

    /** The one that was looked at longest ago first. */
    private final Deque<Answer> open = new ArrayDeque<>();

    /** @param other hears which one its node has handed in, where it is another. */
    private record Answer(Receipt receipt, Consumer<Receipt> other) {}

    private long bought;
    private long settled;
    private long refunded;
    private long slashed;
    private long letGo;

    BoughtAnswers(CertifiedSettlements settlements) {
        this.settlements = settlements;
    }

    /** @param other hears which one the node hands in, where it is another than this one. */
    synchronized void add(Receipt receipt, Consumer<Receipt> other) {
        bought++;
        open.addLast(new Answer(receipt, other));
        if (open.size() > MAX_FOLLOWED) {
            open.removeFirst();
            letGo++;
        }
    }

    private synchronized List<Answer> next() {
        List<Answer> next = new ArrayList<>();
        while (!open.isEmpty() && next.size() < AT_ONCE) {
            next.add(open.removeFirst());
        }
        return next;
    }

    /** Asks the ledger for some of them. */
    void look() throws IOException {
        List<Answer> asked = next();
        for (int i = 0; i < asked.size(); i++) {
            boolean isOver;
            try {
                isOver = isOver(asked.get(i));
            } catch (IOException e) {
                for (Answer left : asked.subList(i, asked.size())) {
                    keep(left);
                }
                throw e;
            }
            if (!isOver) {
                keep(asked.get(i));
            }
        }
    }

    private synchronized void keep(Answer answer) {
        open.addLast(answer);
    }

    private boolean isOver(Answer answer) throws IOException {
        CertifiedEntry entry = settlements.find(answer.receipt.requestHash());
        if (entry == null || entry.value() == null) {
            // Not ordered yet, most likely.
            return false;
        }
        Settlement found = Settlement.decode(entry.value());
        if (found.isOpen()) {
            return false;
        }
        if (found.receipt() != null && !found.receipt().hash().equals(answer.receipt.hash())) {
            answer.other.accept(found.receipt());
        }
        quality.closed(found);
        count(found.status());
        return true;
    }

    private synchronized void count(Settlement.Status status) {
        switch (status) {
            case SETTLED -> settled++;
            case REFUNDED -> refunded++;
            default -> slashed++;
        }
    }

    /** How many there were, and how they came out. */
    synchronized ObjectNode section() {
        return Http.MAPPER
                .createObjectNode()
                .put("bought", bought)
                .put("open", open.size())
                .put("settled", settled)
                .put("refunded", refunded)
                .put("slashed", slashed)
                .put("let_go", letGo);
    }

    /** How they came out by node. */
    NodeQuality quality() {
        return quality;
    }
}
