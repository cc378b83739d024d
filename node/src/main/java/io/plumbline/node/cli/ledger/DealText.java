package io.plumbline.node.cli.ledger;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageTerms;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Locale;

/** A storage deal for people and for programs. */
final class DealText {
    private static final HexFormat HEX = HexFormat.of();

    private DealText() {}

    static String phase(StorageDeal deal) {
        return deal.phase().name().toLowerCase(Locale.ROOT);
    }

    static String node(StorageDeal deal) {
        return deal.dataNode().equals(StorageTerms.ANY_NODE)
                ? "any"
                : deal.dataNode().toString();
    }

    /** The next step that comes by itself, and its time. */
    static String next(StorageDeal deal) {
        return switch (deal.phase()) {
            case OFFERED -> "the offer ends at " + at(deal);
            case HELD -> "the next challenge is at " + at(deal);
            case CALLED -> "the challenge waits for the certificate of block " + deal.block();
            case CHALLENGED -> "the answer is due at " + at(deal);
            case OVERDUE -> "the answer is late, and lost with the certificate of block " + deal.block();
            case FULFILLED, LAPSED -> "it leaves the ledger at " + at(deal);
        };
    }

    /** By the ledger's clock, in UTC. */
    private static Instant at(StorageDeal deal) {
        return Instant.ofEpochMilli(deal.atMs()).truncatedTo(ChronoUnit.SECONDS);
    }

    static ObjectNode json(StorageDeal deal) {
        StorageTerms terms = deal.terms();
        return new ObjectMapper()
                .createObjectNode()
                .put("deal", deal.number())
                .put("phase", phase(deal))
                .put("client", deal.client().toString())
                .put("data_node", node(deal))
                .put("blob", terms.blob().toString())
                .put("bytes", terms.bytes())
                .put("rounds", terms.rounds())
                .put("proven", deal.proven())
                .put("losses", deal.losses())
                .put("price", terms.price())
                .put("collateral", terms.collateral())
                .put("escrow", deal.escrow())
                .put("offer_ms", terms.offerMs())
                .put("round_ms", terms.roundMs())
                .put("proof_ms", terms.proofMs())
                .put("chunks", terms.chunks())
                .put("at_ms", deal.atMs());
    }
}
