package io.plumbline.ledger.cluster;

import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.cluster.codecs.CloseReason;
import io.aeron.cluster.service.ClientSession;
import io.aeron.cluster.service.Cluster;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.logbuffer.Header;
import org.agrona.DirectBuffer;
import org.agrona.ErrorHandler;

/**
 * Ends the member when its service fails. Aeron reports what a service throws and goes on with the next message; a
 * state machine that has skipped one, or could not load its snapshot, must not go on.
 */
final class FailHard implements ClusteredService {
    private final ClusteredService service;
    private final ErrorHandler errors;
    private final Runnable end;
    private volatile boolean failed;
    private Cluster cluster;
    private volatile boolean leads;
    private volatile long position;

    FailHard(ClusteredService service, ErrorHandler errors, Runnable end) {
        this.service = service;
        this.errors = errors;
        this.end = end;
    }

    private void guard(Runnable work) {
        if (failed) {
            return;
        }
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            failed = true;
            leads = false;
            errors.onError(e);
            end.run();
        }
    }

    @Override
    public void onStart(Cluster started, Image snapshot) {
        cluster = started;
        leads = started.role() == Cluster.Role.LEADER;
        guard(() -> service.onStart(started, snapshot));
    }

    /** Whether this member leads, as it was told last. */
    boolean leads() {
        return leads;
    }

    /** Up to which byte the log was applied. */
    long position() {
        return position;
    }

    @Override
    public void onSessionOpen(ClientSession session, long timestamp) {
        guard(() -> service.onSessionOpen(session, timestamp));
    }

    @Override
    public void onSessionClose(ClientSession session, long timestamp, CloseReason reason) {
        guard(() -> service.onSessionClose(session, timestamp, reason));
    }

    @Override
    public void onSessionMessage(
            ClientSession session, long timestamp, DirectBuffer buffer, int offset, int length, Header header) {
        guard(() -> service.onSessionMessage(session, timestamp, buffer, offset, length, header));
        position = cluster.logPosition();
    }

    @Override
    public void onTimerEvent(long correlationId, long timestamp) {
        guard(() -> service.onTimerEvent(correlationId, timestamp));
    }

    @Override
    public void onTakeSnapshot(ExclusivePublication snapshot) {
        guard(() -> service.onTakeSnapshot(snapshot));
        if (failed) {
            // Half a snapshot must not be taken for one.
            throw new IllegalStateException("The snapshot was not written: the service has failed.");
        }
    }

    @Override
    public void onRoleChange(Cluster.Role role) {
        leads = !failed && role == Cluster.Role.LEADER;
        guard(() -> service.onRoleChange(role));
    }

    @Override
    public void onTerminate(Cluster ending) {
        leads = false;
        guard(() -> service.onTerminate(ending));
    }

    @Override
    public int doBackgroundWork(long nowNs) {
        return failed ? 0 : service.doBackgroundWork(nowNs);
    }
}
