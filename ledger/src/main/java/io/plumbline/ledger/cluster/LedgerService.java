package io.plumbline.ledger.cluster;

import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.cluster.codecs.CloseReason;
import io.aeron.cluster.service.ClientSession;
import io.aeron.cluster.service.Cluster;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.logbuffer.Header;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.order.Sequencer.Answer;
import io.plumbline.ledger.state.Admission;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.LedgerState;
import io.plumbline.ledger.state.SignatureChecks;
import io.plumbline.ledger.state.SigningSeen;
import io.plumbline.transport.VarData;
import io.plumbline.transport.ledgerwire.MessageHeaderDecoder;
import io.plumbline.transport.ledgerwire.QueryDecoder;
import io.plumbline.transport.ledgerwire.SubmitDecoder;
import io.plumbline.verifier.encoding.Bytes32;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** A replica as a member of an Aeron Cluster: applies what is ordered, answers, takes and loads snapshots. */
public final class LedgerService implements ClusteredService {
    private final Genesis genesis;
    private final CopiedState copied;
    private final Path folder;
    private final MessageHeaderDecoder header = new MessageHeaderDecoder();
    private final SubmitDecoder submit = new SubmitDecoder();
    private final QueryDecoder query = new QueryDecoder();
    private final ExpandableArrayBuffer reply = new ExpandableArrayBuffer(4096);
    private final UnsafeBuffer message = new UnsafeBuffer(0, 0);
    private final ConcurrentLinkedQueue<Runnable> questions = new ConcurrentLinkedQueue<>();
    private final SignatureChecks checks;
    private HeldSignatures held;
    private volatile long applied;
    private Replica replica;
    private Cluster cluster;

    /** With a ledger of its own, or one whose folder is nobody's copy. */
    public LedgerService(Genesis genesis, Replica.Listener listener) {
        this(genesis, listener, null);
    }

    /**
     * @param folder of the full node, which says whether what it holds was copied from another, see {@link Backup},
     *     and which signatures held before, see {@link HeldSignatures}; null for a state that begins anew each time.
     * @param listener told nothing of a copy before a quorum has certified what comes of it.
     */
    public LedgerService(Genesis genesis, Replica.Listener listener, Path folder) {
        this.genesis = genesis;
        this.folder = folder;
        this.checks = new SignatureChecks(genesis.hash());
        this.copied = new CopiedState(folder == null ? null : folder.resolve(Backup.COPIED), listener);
    }

    @Override
    public void onStart(Cluster started, Image snapshot) {
        cluster = started;
        byte[] loaded = snapshot == null ? null : Snapshots.read(snapshot, cluster.idleStrategy());
        LedgerState state = loaded == null ? new LedgerState(genesis) : Snapshots.decode(genesis, loaded);
        state.checkWith(checks);
        if (loaded != null) {
            copied.begin(state, genesis.fullNodes().size(), Snapshots.hash(loaded));
        }
        if (folder != null) {
            held = new HeldSignatures(folder);
            state.remember(held);
        }
        replica = new Replica(state, copied, this::schedule);
        applied = state.height();
        replica.begin();
    }

    /** Whether this full node's state is its own, or a copy that a quorum has confirmed. */
    public boolean isSure() {
        return copied.isSure();
    }

    /**
     * What this full node's {@link LedgerIngress} is to look at commands with: what it has checked is not checked
     * again.
     */
    public Admission admission() {
        return new Admission(genesis.hash(), checks);
    }

    /** Commands applied so far; while a log is replayed it grows. Any thread may ask. */
    public long applied() {
        return applied;
    }

    /** Asks this member's own copy of the state, by the service's thread, whether it leads or is behind. */
    public <T> CompletableFuture<T> look(Function<LedgerState, T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        questions.add(() -> {
            try {
                answer.complete(question.apply(replica.state()));
            } catch (RuntimeException e) {
                answer.completeExceptionally(e);
            }
        });
        return answer;
    }

    /**
     * A full node's signatures as this member's own copy of the state has them, or null, as {@link
     * LedgerState#signingSeen}. A ledger that is a copy which no quorum has confirmed is no new one, whatever it says.
     */
    public SigningSeen signingSeen(Bytes32 fullNode, Bytes32 commands) throws InterruptedException, ExecutionException {
        SigningSeen seen = look(state -> state.signingSeen(fullNode, commands)).get();
        return seen == null || isSure() ? seen : new SigningSeen(seen.place(), seen.fresh(), seen.lastSigned(), false);
    }

    @Override
    public int doBackgroundWork(long nowNs) {
        Runnable question = questions.poll();
        if (question != null) {
            question.run();
        }
        return question == null ? 0 : 1;
    }

    private void schedule(long timer, long atMs) {
        while (!cluster.scheduleTimer(timer, atMs)) {
            cluster.idleStrategy().idle();
        }
    }

    @Override
    public void onTakeSnapshot(ExclusivePublication publication) {
        byte[] snapshot = Snapshots.encode(replica.state());
        Snapshots.write(snapshot, publication, cluster.idleStrategy());
        copied.onSnapshot(snapshot, replica.state().height());
    }

    /** A message that is not what its header says is dropped, by every member alike. */
    @Override
    public void onSessionMessage(
            ClientSession session, long timestamp, DirectBuffer buffer, int offset, int length, Header aeronHeader) {
        byte[] command = null;
        byte[] key = null;
        long correlationId = 0;
        int subject = 0;
        try {
            if (length < MessageHeaderDecoder.ENCODED_LENGTH) {
                return;
            }
            // Nothing beyond the message can be read through this.
            message.wrap(buffer, offset, length);
            header.wrap(message, 0);
            int body = MessageHeaderDecoder.ENCODED_LENGTH;
            if (header.schemaId() != SubmitDecoder.SCHEMA_ID || header.version() > SubmitDecoder.SCHEMA_VERSION) {
                return;
            }
            if (header.templateId() == SubmitDecoder.TEMPLATE_ID) {
                submit.wrap(message, body, header.blockLength(), header.version());
                correlationId = submit.correlationId();
                command = VarData.copy(submit::wrapCommand);
            } else if (header.templateId() == QueryDecoder.TEMPLATE_ID) {
                query.wrap(message, body, header.blockLength(), header.version());
                correlationId = query.correlationId();
                subject = query.subjectRaw();
                key = VarData.copy(query::wrapKey);
            }
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            // All of it is decoded before anything is done: what is thrown later ends the member.
            return;
        }
        if (command != null) {
            onCommand(session, correlationId, timestamp, command);
        } else if (key != null) {
            onQuery(session, correlationId, timestamp, subject, key);
        }
    }

    private void onCommand(ClientSession session, long correlationId, long timestamp, byte[] command) {
        List<String> reasons = replica.onCommand(command, timestamp);
        applied = replica.state().height();
        copied.check();
        if (!copied.isSure() || session == null || cluster.role() != Cluster.Role.LEADER) {
            return;
        }
        Answer answer = new Answer(replica.state().height(), replica.state().timeMs(), reasons);
        send(session, correlationId, LedgerWire.outcome(reply, correlationId, answer));
    }

    /** Only the leader answers, and only it works an answer out. */
    private void onQuery(ClientSession session, long correlationId, long timestamp, int subject, byte[] key) {
        if (!copied.isSure()
                || session == null
                || cluster.role() != Cluster.Role.LEADER
                || subject >= Query.values().length) {
            return;
        }
        byte[] body = replica.answer(Query.values()[subject], key, timestamp);
        long timeMs = Math.max(timestamp, replica.state().timeMs());
        send(
                session,
                correlationId,
                LedgerWire.view(reply, correlationId, replica.state().height(), timeMs, body));
    }

    /**
     * Sends the reply, or that it is too long: an exception would end this member, and the caller asks the next leader
     * the same.
     */
    private void send(ClientSession session, long correlationId, int length) {
        if (!fits(session, length)) {
            String why = "a reply of " + length + " bytes is longer than this session's channel takes";
            fits(session, LedgerWire.unavailable(reply, correlationId, why));
        }
    }

    /**
     * Offers the reply; false where the client's channel takes none of this length. One that cannot be sent is dropped
     * after a while: a slow client must not hold up the ledger.
     */
    private boolean fits(ClientSession session, int length) {
        try {
            for (int attempt = 0; attempt < 3 && session.offer(reply, 0, length) <= 0; attempt++) {
                cluster.idleStrategy().idle();
            }
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    @Override
    public void onSessionOpen(ClientSession session, long timestamp) {}

    @Override
    public void onSessionClose(ClientSession session, long timestamp, CloseReason closeReason) {}

    @Override
    public void onTimerEvent(long correlationId, long timestamp) {
        replica.onTimer(correlationId, timestamp);
    }

    @Override
    public void onRoleChange(Cluster.Role newRole) {}

    @Override
    public void onTerminate(Cluster terminated) {
        CloseHelper.quietClose(held);
    }
}
