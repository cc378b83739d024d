package io.plumbline.benchmarks.ledger;

import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.cluster.codecs.CloseReason;
import io.aeron.cluster.service.ClientSession;
import io.aeron.cluster.service.Cluster;
import io.aeron.cluster.service.ClusteredService;
import io.aeron.logbuffer.Header;
import org.agrona.DirectBuffer;

/** The peer: what Aeron Cluster does when the service does nothing but send back the first eight bytes of what came. */
final class EchoService implements ClusteredService {
    private Cluster cluster;

    @Override
    public void onStart(Cluster started, Image snapshot) {
        cluster = started;
    }

    @Override
    public void onSessionMessage(
            ClientSession session, long timestamp, DirectBuffer buffer, int offset, int length, Header header) {
        for (int attempt = 0; session != null && attempt < 3; attempt++) {
            if (session.offer(buffer, offset, Long.BYTES) > 0) {
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
    public void onTimerEvent(long correlationId, long timestamp) {}

    @Override
    public void onTakeSnapshot(ExclusivePublication snapshot) {}

    @Override
    public void onRoleChange(Cluster.Role newRole) {}

    @Override
    public void onTerminate(Cluster terminated) {}
}
