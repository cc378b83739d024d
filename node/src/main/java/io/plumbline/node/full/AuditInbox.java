package io.plumbline.node.full;

import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What the ledger says of settlements before there is an agent that audits them: a full node's replica is fed before
 * the ledger can be asked anything. Of each settlement the last word is kept.
 */
final class AuditInbox {
    private final Map<Bytes32, Change> kept = new LinkedHashMap<>();
    private AuditAgent agent;

    private record Change(Settlement settlement, Node node) {}

    /** On the ledger's service thread: hands over and returns. */
    synchronized void onAudit(Settlement changed, Node node) {
        if (agent == null) {
            kept.put(changed.requestHash(), new Change(changed, node));
        } else {
            agent.onAudit(changed, node);
        }
    }

    /** From now on the agent is told, and first of what was kept. */
    synchronized void deliverTo(AuditAgent started) {
        kept.values().forEach(change -> started.onAudit(change.settlement, change.node));
        kept.clear();
        agent = started;
    }
}
