package io.plumbline.node;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Node;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;

/** Where a gateway buys answers: finds a node that runs a model, puts up what it may cost, and reaches it. */
record Market(Keys keys, LedgerClient ledger, Endpoint endpoint, NodeClient client) {
    /**
     * The cheapest node that runs a model.
     *
     * @param named the key of the one to take, in hexadecimal; empty for any.
     */
    Node choose(byte[] modelId, String named) throws IOException {
        return ledger.nodes().stream()
                .filter(node -> Arrays.equals(node.modelId(), modelId))
                .filter(node ->
                        named.isEmpty() || HexFormat.of().formatHex(node.key()).equals(named))
                .min(Comparator.comparingLong(Node::pricePerToken))
                .orElseThrow(() -> new ApiException(
                        503,
                        "No inference node " + (named.isEmpty() ? "" : named + " ")
                                + "with this model is registered."));
    }

    /** Puts up what a request may cost at most, and reaches its node. */
    Peer escrow(byte[] requestHash, Node node, long price, Level level) throws IOException {
        LedgerClient.Outcome escrow =
                ledger.submit(new Command.OpenEscrow(requestHash, node.key(), Math.max(1, price), level));
        if (!escrow.isApplied()) {
            throw new ApiException(402, "The ledger refused the escrow: " + escrow.reason() + ".");
        }
        return endpoint.connect(node.host(), node.port(), node.key());
    }
}
