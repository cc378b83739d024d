package io.plumbline.node.full;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.index.LedgerIndex;
import io.plumbline.ledger.order.LedgerStatus;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.RangeProof;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.concurrent.ExecutionException;

/** What the operator of a full node may have it do while it runs. */
public record AdminCommands(
        int place,
        int fullNodes,
        Member member,
        LedgerService service,
        Voter voter,
        LedgerClient ledger,
        LedgerIndex index) {
    private static final long SNAPSHOT_MS = 120_000;

    /** Does what a line from {@link AdminSocket} says. */
    String execute(String line) throws IOException, InterruptedException, ExecutionException {
        String[] words = line.split(" ");
        return switch (words[0]) {
            case "status" -> status();
            case "snapshot" -> snapshot();
            case "purge" -> "The log begins at byte " + member.purge() + " now.";
            case "step-on" -> voter.stepOn();
            case "propose" -> propose(words);
            case "block" -> block(Long.parseLong(words[1]));
            case "request" -> request(HexFormat.of().parseHex(words[1]));
            case "copy-index" ->
                copyIndex(Path.of(line.substring(words[0].length()).strip()));
            default -> throw new IOException("A full node does not understand \"" + line + "\".");
        };
    }

    private String status() throws InterruptedException, ExecutionException {
        LedgerStatus status = service.look(LedgerStatus::of).get();
        Parameters parameters = service.look(state -> state.parameters()).get();
        ObjectNode json = new ObjectMapper()
                .createObjectNode()
                .put("full_node", place)
                .put("full_nodes", fullNodes)
                .put("liars_tolerated", Certificate.mostLiars(fullNodes))
                .put("signatures_that_certify", Certificate.quorum(fullNodes))
                .put("leads", member.leads())
                .put("sure", service.isSure())
                .put("height", status.height())
                .put("time_ms", status.timeMs())
                .put("epoch", status.epoch())
                .put("certified", status.certified())
                .put("waiting_since_ms", status.waitsSinceMs())
                .put("asked_for_next_epoch", status.asked())
                .put("snapshots", member.snapshots())
                .put("log_begins", member.logStart())
                .put("log_ends", member.logEnd())
                .put("rules", parameters.rules())
                .put("deposited", status.deposited())
                .put("total", status.total());
        ArrayNode dissent = json.putArray("dissent");
        status.dissent().forEach(dissent::add);
        ArrayNode guilty = json.putArray("guilty");
        status.guilty().forEach(guilty::add);
        return json.toString();
    }

    /** A certified block, and the way from it to the last one. */
    private String block(long number) throws IOException {
        LedgerIndex.Block block = index.findBlock(number);
        if (block == null) {
            throw new IOException(
                    "The index has no block " + number + "; without a gap it has 0 to " + (index.length() - 1) + ".");
        }
        ObjectNode json = new ObjectMapper()
                .createObjectNode()
                .put("number", number)
                .put("hash", Blake3.hex(block.header().hash()))
                .put("state_root", Blake3.hex(block.header().stateRoot()))
                .put("height", block.header().height())
                .put("time_ms", block.header().timeMs())
                .put("epoch", block.certificate().epoch())
                .put("signed_by", block.certificate().signatures().keySet().toString());
        long last = index.length() - 1;
        if (number < last) {
            RangeProof proof = index.prove(number, last);
            byte[] range = index.findBlock(last).header().range();
            json.put("before_block", last)
                    .put("proof", HexFormat.of().formatHex(proof.encode()))
                    .put("proof_holds", proof.shows(range, block.header().hash()));
        }
        return json.toString();
    }

    private String request(byte[] hash) throws IOException {
        Settlement found = index.findRequest(hash);
        if (found == null) {
            throw new IOException(
                    "The index has no request " + HexFormat.of().formatHex(hash) + " that came to its end.");
        }
        ObjectNode json = new ObjectMapper()
                .createObjectNode()
                .put("request", Blake3.hex(hash))
                .put("status", found.status().name())
                .put("node", found.node().toString())
                .put("requester", found.requester().toString())
                .put("escrow", found.escrow())
                .put("height", found.height());
        if (found.receipt() != null) {
            json.put("receipt", found.receipt().hash().toString())
                    .put("price", found.receipt().price());
        }
        return json.toString();
    }

    private String copyIndex(Path to) throws IOException {
        index.copyTo(to);
        return "Copied the index, blocks 0 to " + (index.length() - 1) + ", to " + to + ".";
    }

    private String snapshot() throws IOException, InterruptedException {
        if (!member.leads()) {
            throw new IOException("This full node does not lead: a snapshot is taken by all when the leader is asked."
                    + " Its `status` says \"leads\": true.");
        }
        long before = member.snapshots();
        if (!member.snapshot()) {
            throw new IOException("Another snapshot is being taken.");
        }
        long end = System.currentTimeMillis() + SNAPSHOT_MS;
        while (member.snapshots() == before) {
            if (System.currentTimeMillis() > end) {
                throw new IOException("The snapshot was not taken within " + SNAPSHOT_MS / 1000 + " s.");
            }
            Thread.sleep(20);
        }
        return "Snapshot " + member.snapshots() + " is taken.";
    }

    /** Words: NAME=VALUE for each parameter that is to change. */
    private String propose(String[] words) throws IOException, InterruptedException, ExecutionException {
        Parameters wished = service.look(state -> state.parameters()).get();
        try {
            for (int i = 1; i < words.length; i++) {
                wished = wished.with(words[i]);
            }
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage() + ".", e);
        }
        LedgerClient.Outcome outcome = ledger.submit(new Command.ProposeParameters(wished));
        if (!outcome.isApplied()) {
            throw new IOException("The ledger did not take it: " + outcome.reason() + ".");
        }
        return "Proposed " + wished + "; it holds when " + Certificate.quorum(fullNodes) + " of " + fullNodes
                + " full nodes have proposed the same.";
    }
}
