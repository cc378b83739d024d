package io.plumbline.ledger.cluster;

import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.Publication;
import io.aeron.cluster.codecs.CloseReason;
import io.aeron.cluster.service.ClientSession;
import io.aeron.cluster.service.Cluster;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.logbuffer.Header;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.Command.Signed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.LedgerState.Node;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.MessageHeaderEncoder;
import io.plumbline.transport.ledgerwire.OutcomeEncoder;
import io.plumbline.transport.ledgerwire.QueryDecoder;
import io.plumbline.transport.ledgerwire.Subject;
import io.plumbline.transport.ledgerwire.SubmitDecoder;
import io.plumbline.transport.ledgerwire.ViewEncoder;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.CertifiedEntry;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** The state machine as a member of an Aeron Cluster: applies what is ordered, answers, takes and loads snapshots. */
public final class LedgerService implements ClusteredService {
    private static final int SNAPSHOT_CHUNK = 16 << 10;

    /** Longest time from a command to the block that has it, when the one before is certified. */
    private static final long BLOCK_MS = 20;

    /** The timer that closes a block; others bear the time of a deadline. Aeron keeps the largest number to itself. */
    private static final long BLOCK_TIMER = 1;

    private final Genesis genesis;
    private final Listener listener;
    private final MessageHeaderDecoder header = new MessageHeaderDecoder();
    private final MessageHeaderEncoder headerEncoder = new MessageHeaderEncoder();
    private final SubmitDecoder submit = new SubmitDecoder();
    private final QueryDecoder query = new QueryDecoder();
    private final ExpandableArrayBuffer reply = new ExpandableArrayBuffer(4096);
    private final UnsafeBuffer message = new UnsafeBuffer(0, 0);
    private LedgerState state;
    private Cluster cluster;
    private boolean isBlockDue;
    private long certified = -1;

    /** Hears of audits that begin, go into their next phase or come to their end; called on the service thread, must return at once. */
    @FunctionalInterface
    public interface Listener {
        void onAudit(Case changed, Node node);

        /** A block was closed and waits for signatures. */
        default void onBlock(BlockHeader header) {
            // Who signs nothing does not care.
        }

        /** The block of this number has enough signatures: nobody needs to sign it any more. */
        default void onCertified(long number) {
            // Who signs nothing does not care.
        }
    }

    public LedgerService(Genesis genesis, Listener listener) {
        this.genesis = genesis;
        this.listener = listener;
    }

    @Override
    public void onStart(Cluster started, Image snapshot) {
        cluster = started;
        state = snapshot == null ? new LedgerState(genesis) : load(snapshot);
        // Timers are in the cluster's own snapshot.
        state.takeChanged().forEach(open -> listener.onAudit(open, state.node(open.node())));
        if (state.blocks().open() != null) {
            listener.onBlock(state.blocks().open());
        }
    }

    /** A snapshot is its length, its hash, then the state: a damaged recording must not pass for an empty ledger. */
    private LedgerState load(Image snapshot) {
        List<byte[]> parts = new ArrayList<>();
        while (!snapshot.isEndOfStream()) {
            int fragments = snapshot.poll(
                    (buffer, offset, length, h) -> {
                        byte[] part = new byte[length];
                        buffer.getBytes(offset, part);
                        parts.add(part);
                    },
                    64);
            cluster.idleStrategy().idle(fragments);
        }
        int total = parts.stream().mapToInt(part -> part.length).sum();
        if (total < 40) {
            throw new IllegalStateException("The ledger snapshot has " + total
                    + " bytes: it is damaged. Invalidate it and start from an older one or from the log.");
        }
        UnsafeBuffer all = new UnsafeBuffer(new byte[total]);
        int at = 0;
        for (byte[] part : parts) {
            all.putBytes(at, part);
            at += part.length;
        }
        long length = all.getLong(0);
        byte[] hash = new byte[32];
        all.getBytes(8, hash);
        byte[] body = new byte[total - 40];
        all.getBytes(40, body);
        if (length != body.length || !Arrays.equals(hash, Blake3.hash(body))) {
            throw new IllegalStateException(
                    "The ledger snapshot does not match its own hash: it is damaged. Invalidate it and start from an older "
                            + "one or from the log.");
        }
        return LedgerState.decode(genesis, body);
    }

    @Override
    public void onTakeSnapshot(ExclusivePublication publication) {
        byte[] body = state.encode();
        UnsafeBuffer all = new UnsafeBuffer(new byte[40 + body.length]);
        all.putLong(0, body.length);
        all.putBytes(8, Blake3.hash(body));
        all.putBytes(40, body);
        for (int at = 0; at < all.capacity(); ) {
            int length = Math.min(Math.min(SNAPSHOT_CHUNK, publication.maxPayloadLength()), all.capacity() - at);
            long result = publication.offer(all, at, length);
            if (result > 0) {
                at += length;
            } else if (result == Publication.CLOSED || result == Publication.MAX_POSITION_EXCEEDED) {
                throw new IllegalStateException(
                        "The snapshot could not be written: " + Publication.errorString(result));
            } else {
                cluster.idleStrategy().idle();
            }
        }
    }

    /** A message that is not what its header says is dropped, by every member alike. */
    @Override
    public void onSessionMessage(
            ClientSession session, long timestamp, DirectBuffer buffer, int offset, int length, Header aeronHeader) {
        try {
            onFrame(session, timestamp, buffer, offset, length);
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            // Nothing of it was applied: it is decoded before anything is done.
        }
    }

    private void onFrame(ClientSession session, long timestamp, DirectBuffer buffer, int offset, int length) {
        if (length < MessageHeaderDecoder.ENCODED_LENGTH) {
            return;
        }
        // Nothing beyond the message can be read through this.
        message.wrap(buffer, offset, length);
        header.wrap(message, 0);
        if (header.schemaId() != SubmitDecoder.SCHEMA_ID || header.version() > SubmitDecoder.SCHEMA_VERSION) {
            return;
        }
        int body = MessageHeaderDecoder.ENCODED_LENGTH;
        if (header.templateId() == SubmitDecoder.TEMPLATE_ID) {
            submit.wrap(message, body, header.blockLength(), header.version());
            byte[] command = VarData.copy(submit::wrapCommand);
            onCommand(session, submit.correlationId(), timestamp, command);
        } else if (header.templateId() == QueryDecoder.TEMPLATE_ID) {
            query.wrap(message, body, header.blockLength(), header.version());
            byte[] key = VarData.copy(query::wrapKey);
            onQuery(session, query.correlationId(), query.subject(), key);
        }
    }

    private void onCommand(ClientSession session, long correlationId, long timestamp, byte[] bytes) {
        String refusal;
        try {
            refusal = state.apply(Signed.decode(bytes), timestamp);
        } catch (MalformedException e) {
            refusal = e.getMessage();
        }
        tell();
        block(timestamp);
        OutcomeEncoder outcome = new OutcomeEncoder().wrapAndApplyHeader(reply, 0, headerEncoder);
        outcome.correlationId(correlationId).height(state.height()).reason(refusal == null ? "" : refusal);
        send(session, reply, MessageHeaderEncoder.ENCODED_LENGTH + outcome.encodedLength());
    }

    /** Closes a block that is full, and sees to it that one is closed soon where there is something to put in. */
    private void block(long timestamp) {
        BlockHeader last = state.blocks().certified();
        if (last != null && last.number() > certified) {
            certified = last.number();
            listener.onCertified(certified);
        }
        if (state.isBlockFull()) {
            close(timestamp);
        } else if (state.wantsBlock() && !isBlockDue) {
            isBlockDue = true;
            while (!cluster.scheduleTimer(BLOCK_TIMER, timestamp + BLOCK_MS)) {
                cluster.idleStrategy().idle();
            }
        }
    }

    private void close(long timestamp) {
        BlockHeader header = state.closeBlock(timestamp);
        if (header != null) {
            listener.onBlock(header);
        }
    }

    /** Hands on what has changed, and has the cluster say when its time is over. */
    private void tell() {
        for (Case one : state.takeChanged()) {
            listener.onAudit(one, state.node(one.node()));
            long deadline = one.audit().deadlineMs();
            while (one.isOpen() && !cluster.scheduleTimer(deadline, deadline)) {
                cluster.idleStrategy().idle();
            }
        }
    }

    private void onQuery(ClientSession session, long correlationId, Subject subject, byte[] key) {
        byte[] body = switch (subject) {
            case ACCOUNT -> {
                LedgerState.Account account = state.account(key);
                yield new CanonicalWriter()
                        .putLong(account.balance())
                        .putLong(account.stake())
                        .toBytes();
            }
            case CASE -> {
                Case found = state.findCase(key);
                yield found == null ? new byte[0] : found.encode();
            }
            case NODES -> nodes();
            case ROOT -> state.root();
            case PROOF -> proof(key);
            default -> new byte[0];
        };
        ViewEncoder view = new ViewEncoder().wrapAndApplyHeader(reply, 0, headerEncoder);
        view.correlationId(correlationId).height(state.height()).putBody(body, 0, body.length);
        send(session, reply, MessageHeaderEncoder.ENCODED_LENGTH + view.encodedLength());
    }

    /** @param key a kind of entry in one byte, and its id. */
    private byte[] proof(byte[] key) {
        if (key.length == 0 || key[0] < 0 || key[0] >= Kind.values().length) {
            return new byte[0];
        }
        CertifiedEntry entry = state.blocks().prove(Kind.values()[key[0]], Arrays.copyOfRange(key, 1, key.length));
        return entry == null ? new byte[0] : entry.encode();
    }

    private byte[] nodes() {
        List<Node> live = state.nodes().stream().filter(node -> !node.slashed()).toList();
        CanonicalWriter out = new CanonicalWriter().putInt(live.size());
        for (Node node : live) {
            out.putFixed(node.key())
                    .putFixed(node.modelId())
                    .putLong(node.pricePerToken())
                    .putText(node.host());
            out.putInt(node.port());
        }
        return out.toBytes();
    }

    /** A reply that cannot be sent is dropped after a while: a slow client must not hold up the ledger. */
    private void send(ClientSession session, MutableDirectBuffer buffer, int length) {
        if (session == null) {
            return;
        }
        for (int attempt = 0; attempt < 3; attempt++) {
            if (session.offer(buffer, 0, length) > 0) {
                return;
            }
            cluster.idleStrategy().idle();
        }
    }

    @Override
    public void onSessionOpen(ClientSession session, long timestamp) {}

    @Override
    public void onSessionClose(ClientSession session, long timestamp, CloseReason closeReason) {}

    @Override
    public void onTimerEvent(long correlationId, long timestamp) {
        state.expire(timestamp);
        tell();
        if (correlationId == BLOCK_TIMER) {
            isBlockDue = false;
            close(timestamp);
        }
        block(timestamp);
    }

    @Override
    public void onRoleChange(Cluster.Role newRole) {}

    @Override
    public void onTerminate(Cluster terminated) {}
}
