package io.plumbline.node;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.transport.Peer;
import io.plumbline.transport.nodewire.AnsweredEncoder;
import io.plumbline.transport.nodewire.DisclosedEncoder;
import io.plumbline.transport.nodewire.MessageHeaderEncoder;
import io.plumbline.transport.nodewire.RefusedEncoder;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.agrona.ExpandableArrayBuffer;

/** How an inference node tells what it has done: to who asked, to the ledger, and to auditors who ask later. */
final class Replies {
    /** Answers that can still be challenged, by number and by bytes; older ones are forgotten. */
    private static final int MAX_REMEMBERED = 1024;

    private static final long MAX_REMEMBERED_BYTES = 256L << 20;

    private final Keys keys;
    private final LedgerClient ledger;
    private final Events events;
    private final Map<String, Served> served = new LinkedHashMap<>();
    private long servedBytes;

    /** What was asked and answered, encoded. */
    record Served(byte[] request, byte[] answer) {
        private long bytes() {
            return (long) request.length + answer.length;
        }
    }

    Replies(Keys keys, LedgerClient ledger, Events events) {
        this.keys = keys;
        this.ledger = ledger;
        this.events = events;
    }

    Keys keys() {
        return keys;
    }

    Events events() {
        return events;
    }

    /** Work that may fail. */
    interface Work {
        void run() throws IOException;
    }

    /** Does work for a peer, and tells it why where that fails. */
    void guarded(Peer peer, long id, Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            refuse(peer, id, e);
        }
    }

    /** Tells a peer why what it asked for is not done. */
    void refuse(Peer peer, long id, Throwable why) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(512);
        RefusedEncoder refused = new RefusedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        refused.correlationId(id).busy((short) (why instanceof RejectedExecutionException ? 1 : 0));
        refused.reason(String.valueOf(why.getMessage()));
        send(peer, buffer, refused.encodedLength());
    }

    static void send(Peer peer, ExpandableArrayBuffer buffer, int bodyLength) {
        peer.send(buffer, 0, MessageHeaderEncoder.ENCODED_LENGTH + bodyLength);
    }

    /** One name for a peer's call; without a number, what the names of all of them begin with. */
    static String name(Peer peer, Object id) {
        return peer.name() + " " + id;
    }

    /** Remembers an answer, gives it to who asked, and its receipt to the ledger. */
    void answered(
            Peer peer,
            long id,
            byte[] request,
            byte[] answer,
            Receipt receipt,
            long cpuNanos,
            Consumer<ObjectNode> more)
            throws IOException {
        remember(HexFormat.of().formatHex(receipt.hash()), new Served(request, answer));
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        AnsweredEncoder answered = new AnsweredEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        byte[] receiptBytes = receipt.encode();
        answered.correlationId(id).cpuNanos(cpuNanos);
        answered.putAnswer(answer, 0, answer.length).putReceipt(receiptBytes, 0, receiptBytes.length);
        send(peer, buffer, answered.encodedLength());
        LedgerClient.Outcome outcome = ledger.submit(new Command.SubmitReceipt(receipt));
        events.emit("answered", json -> {
            json.put("request", HexFormat.of().formatHex(receipt.requestHash()));
            more.accept(json);
            json.put("cpuMs", cpuNanos / 1e6)
                    .put("ordered", outcome.isApplied() ? "" + outcome.height() : outcome.reason());
        });
    }

    private void remember(String receiptHash, Served one) {
        synchronized (served) {
            Served before = served.put(receiptHash, one);
            servedBytes += one.bytes() - (before == null ? 0 : before.bytes());
            Iterator<Served> eldest = served.values().iterator();
            while (served.size() > 1 && (served.size() > MAX_REMEMBERED || servedBytes > MAX_REMEMBERED_BYTES)) {
                servedBytes -= eldest.next().bytes();
                eldest.remove();
            }
        }
    }

    /** What stands behind a receipt of this node's. */
    Served find(byte[] receiptHash) {
        Served found;
        synchronized (served) {
            found = served.get(HexFormat.of().formatHex(receiptHash));
        }
        if (found == null) {
            throw new IllegalArgumentException("This node gave no such receipt, or has forgotten it.");
        }
        return found;
    }

    /** Tells a peer what stands behind a receipt. */
    void disclose(Peer peer, long id, byte[] receiptHash) {
        Served found = find(receiptHash);
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(4096);
        DisclosedEncoder encoder = new DisclosedEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        encoder.correlationId(id)
                .putRequest(found.request(), 0, found.request().length)
                .putAnswer(found.answer(), 0, found.answer().length);
        send(peer, buffer, encoder.encodedLength());
    }
}
