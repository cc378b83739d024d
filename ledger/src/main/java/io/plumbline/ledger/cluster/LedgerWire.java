package io.plumbline.ledger.cluster;

import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer.Answer;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.OutcomeDecoder;
import io.plumbline.transport.ledgerwire.OutcomeEncoder;
import io.plumbline.transport.ledgerwire.QueryEncoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitEncoder;
import io.plumbline.transport.ledgerwire.UnavailableDecoder;
import io.plumbline.transport.ledgerwire.UnavailableEncoder;
import io.plumbline.transport.ledgerwire.ViewDecoder;
import io.plumbline.transport.ledgerwire.ViewEncoder;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * How calls of the ledger and their replies are written and read, whoever speaks with whom. Methods return the whole
 * message's length.
 */
final class LedgerWire {
    private LedgerWire() {}

    static UnsafeBuffer submit(long id, byte[] signed) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(signed.length + 64);
        SubmitEncoder out = new SubmitEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        out.correlationId(id).putCommand(signed, 0, signed.length);
        return message(buffer, out.encodedLength());
    }

    static UnsafeBuffer query(long id, Query query, byte[] key) {
        return query(id, Subject.get((short) query.ordinal()), key);
    }

    static UnsafeBuffer query(long id, Subject subject, byte[] key) {
        ExpandableArrayBuffer buffer = new ExpandableArrayBuffer(key.length + 64);
        QueryEncoder out = new QueryEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        out.correlationId(id).subject(subject).putKey(key, 0, key.length);
        return message(buffer, out.encodedLength());
    }

    private static UnsafeBuffer message(ExpandableArrayBuffer buffer, int bodyLength) {
        return new UnsafeBuffer(buffer.byteArray(), 0, MessageHeaderEncoder.ENCODED_LENGTH + bodyLength);
    }

    static int outcome(MutableDirectBuffer buffer, long id, Answer answer) {
        CanonicalWriter reasons = new CanonicalWriter().putInt(answer.reasons().size());
        answer.reasons().forEach(reason -> reasons.putText(reason == null ? "" : reason));
        byte[] bytes = reasons.toBytes();
        OutcomeEncoder out = new OutcomeEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        out.correlationId(id).height(answer.height()).timeMs(answer.timeMs()).putReasons(bytes, 0, bytes.length);
        return MessageHeaderEncoder.ENCODED_LENGTH + out.encodedLength();
    }

    static int view(MutableDirectBuffer buffer, long id, long height, long timeMs, byte[] body) {
        ViewEncoder out = new ViewEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        out.correlationId(id).height(height).timeMs(timeMs).putBody(body, 0, body.length);
        return MessageHeaderEncoder.ENCODED_LENGTH + out.encodedLength();
    }

    static int unavailable(MutableDirectBuffer buffer, long id, String reason) {
        UnavailableEncoder out = new UnavailableEncoder().wrapAndApplyHeader(buffer, 0, new MessageHeaderEncoder());
        out.correlationId(id).reason(reason);
        return MessageHeaderEncoder.ENCODED_LENGTH + out.encodedLength();
    }

    static Answer answer(OutcomeDecoder in) {
        CanonicalReader reader = new CanonicalReader(VarData.copy(in::wrapReasons), "outcome");
        List<String> reasons = new ArrayList<>();
        for (int n = reader.getInt("reasons"); n > 0; n--) {
            String reason = reader.getText("reason");
            reasons.add(reason.isEmpty() ? null : reason);
        }
        return new Answer(in.height(), in.timeMs(), reasons);
    }

    /** A reply's decoded form, of either kind. */
    interface Heard {
        void answer(long id, Answer answer);

        void body(long id, long timeMs, byte[] body);

        /** There is no answer. */
        default void unavailable(long id, String reason) {
            // Sessions between clients and ingresses read this reply themselves.
        }
    }

    /** Reads a reply, if it is one. */
    static void read(int template, DirectBuffer in, int offset, int block, int version, Heard heard) {
        if (template == OutcomeDecoder.TEMPLATE_ID) {
            OutcomeDecoder outcome = new OutcomeDecoder().wrap(in, offset, block, version);
            long id = outcome.correlationId();
            heard.answer(id, answer(outcome));
        } else if (template == ViewDecoder.TEMPLATE_ID) {
            ViewDecoder view = new ViewDecoder().wrap(in, offset, block, version);
            heard.body(view.correlationId(), view.timeMs(), VarData.copy(view::wrapBody));
        } else if (template == UnavailableDecoder.TEMPLATE_ID) {
            UnavailableDecoder unavailable = new UnavailableDecoder().wrap(in, offset, block, version);
            long id = unavailable.correlationId();
            heard.unavailable(id, new String(VarData.copy(unavailable::wrapReason), StandardCharsets.UTF_8));
        }
    }
}
